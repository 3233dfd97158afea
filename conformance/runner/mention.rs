//! Numbered requirements that a text names: `S001-15`, a range `S001-15..25`, and others of the same document behind a comma,
//! `S003-18, -35`.

use std::collections::BTreeSet;

/// Every number that the text names.
pub(crate) fn numbers(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (start, _) in text.match_indices('S') {
        let Some((document, mut rest)) = document(&text[start..]) else {
            continue;
        };
        while let Some((first, after)) = number(rest) {
            let (last, after) = after.strip_prefix("..").and_then(number).unwrap_or((first, after));
            found.extend((first..=last).map(|number| format!("{document}-{number}")));
            match after.strip_prefix(", -") {
                Some(next) => rest = next,
                None => break,
            }
        }
    }
    found
}

/// `S` and three digits, and what stands behind the hyphen.
fn document(text: &str) -> Option<(&str, &str)> {
    let (document, rest) = text.split_at_checked(4)?;
    let is_document = document[1..].bytes().all(|byte| byte.is_ascii_digit());
    Some((document, rest.strip_prefix('-')?)).filter(|_| is_document)
}

fn number(text: &str) -> Option<(u32, &str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = text.split_at(digits);
    Some((number.parse().ok()?, rest))
}
