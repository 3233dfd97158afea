//! Which wording a reader gets: the language's own, that of the language in general, the organisation's, English.

/// The language that the gateway has every wording in.
pub const LAST: &str = "en";

/// The longest language tag, in bytes (RFC 5646 s4.4.1).
const TAG_BYTES_MAX: usize = 35;

/// A language tag in comparison form: the first of a list with weights (RFC 9110 s12.5.4, the form of SCIM's
/// `preferredLanguage`), lower case, with hyphens. `None` for what is no tag (RFC 5646 s2.1).
#[must_use]
pub fn tag(text: &str) -> Option<String> {
    let first = text.split([',', ';']).next().unwrap_or_default().trim();
    let tag = first.replace('_', "-").to_ascii_lowercase();
    let mut parts = tag.split('-');
    let is_language = parts
        .next()
        .is_some_and(|part| (2..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_lowercase()));
    let is_tag =
        parts.all(|part| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    (is_language && is_tag && tag.len() <= TAG_BYTES_MAX).then_some(tag)
}

/// The tags to look for, in order: each wanted one with ever fewer parts (RFC 4647 s3.4), then English.
#[must_use]
pub fn fallbacks<'a>(wanted: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut tags: Vec<String> = Vec::new();
    let mut add = |tag: &str| {
        if !tags.iter().any(|known| known == tag) {
            tags.push(tag.to_owned());
        }
    };
    for wanted in wanted.into_iter().filter_map(tag) {
        let mut rest = wanted.as_str();
        add(rest);
        while let Some((shorter, _)) = rest.rsplit_once('-') {
            rest = shorter;
            // RFC 4647 s3.4: a single letter or digit goes together with what was behind it.
            if rest.rsplit('-').next().is_none_or(|part| part.len() > 1) {
                add(rest);
            }
        }
    }
    add(LAST);
    tags
}
