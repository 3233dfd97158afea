//! What a template may contain. The template language can do more; that is refused by looking at the tags, before anything is
//! compiled.

use super::{Part, TemplateError, TemplateName, render};

/// What may stand at the start of a `{% %}`.
const TAGS: [&str; 4] = ["if", "elif", "else", "endif"];

/// What makes much out of little in an expression: repetition, power, and joining, which doubling needs.
const OPERATORS: [char; 2] = ['*', '~'];

/// Checks one part.
///
/// # Errors
/// [`TemplateError`] for the first fault.
pub(super) fn check(name: TemplateName, part: Part, source: &str) -> Result<(), TemplateError> {
    for tag in tags(source) {
        let unsupported = |found: &str| TemplateError::Unsupported {
            part,
            line: line_of(source, tag.start),
            found: found.to_owned(),
        };
        let first = tag
            .inside
            .trim_matches(['-', '+'])
            .split_whitespace()
            .next()
            .unwrap_or_default();
        if tag.is_block && !TAGS.contains(&first) {
            return Err(unsupported(first));
        }
        if let Some(operator) = outside_quotes(tag.inside).find(|c| OPERATORS.contains(c)) {
            return Err(unsupported(&operator.to_string()));
        }
    }
    let environment = render::environment(part);
    let template = environment
        .template_from_str(source)
        .map_err(|error| render::fault(part, &error))?;
    let known = name.variables();
    let mut unknown: Vec<String> = template
        .undeclared_variables(false)
        .into_iter()
        .filter(|used| known.iter().all(|variable| variable.name != used))
        .collect();
    unknown.sort_by_key(|name| first_use(source, name));
    match unknown.into_iter().next() {
        None => Ok(()),
        Some(unknown) => Err(TemplateError::UnknownVariable {
            part,
            line: line_of(source, first_use(source, &unknown)),
            known: known
                .iter()
                .map(|variable| variable.name)
                .collect::<Vec<_>>()
                .join(", "),
            name: unknown,
        }),
    }
}

/// A `{{ }}` or `{% %}`.
struct Tag<'a> {
    start: usize,
    inside: &'a str,
    is_block: bool,
}

/// The tags of a template. A tag that does not end is left to the compiler.
fn tags(source: &str) -> impl Iterator<Item = Tag<'_>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let open = at + source.get(at..)?.find('{')?;
            let close = match source.as_bytes().get(open + 1) {
                Some(b'{') => "}}",
                Some(b'%') => "%}",
                Some(b'#') => "#}",
                _ => {
                    at = open + 1;
                    continue;
                }
            };
            let inside = source.get(open + 2..)?;
            let end = end_of(inside, close)?;
            at = open + 2 + end + 2;
            if close != "#}" {
                return Some(Tag {
                    start: open,
                    inside: inside.get(..end)?,
                    is_block: close == "%}",
                });
            }
        }
    })
}

/// Where a tag ends: at the first mark that does not stand in a quoted text.
fn end_of(inside: &str, close: &str) -> Option<usize> {
    if close == "#}" {
        return inside.find(close);
    }
    let mut quote = None;
    let mut is_escaped = false;
    for (at, c) in inside.char_indices() {
        match quote {
            _ if is_escaped => is_escaped = false,
            Some(_) if c == '\\' => is_escaped = true,
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if c == '"' || c == '\'' => quote = Some(c),
            None if inside[at..].starts_with(close) => return Some(at),
            None => {}
        }
    }
    None
}

/// The characters of an expression that are not in a quoted text.
fn outside_quotes(expression: &str) -> impl Iterator<Item = char> {
    let mut quote = None;
    let mut is_escaped = false;
    expression.chars().filter(move |c| match quote {
        _ if is_escaped => {
            is_escaped = false;
            false
        }
        Some(_) if *c == '\\' => {
            is_escaped = true;
            false
        }
        Some(open) => {
            if *c == open {
                quote = None;
            }
            false
        }
        None if *c == '"' || *c == '\'' => {
            quote = Some(*c);
            false
        }
        None => true,
    })
}

/// Where a variable is used first, in bytes.
fn first_use(source: &str, name: &str) -> usize {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut found = tags(source).filter_map(|tag| {
        let mut places = tag.inside.match_indices(name).filter(|(at, _)| {
            let before = tag.inside[..*at].chars().next_back();
            let after = tag.inside[at + name.len()..].chars().next();
            !before.is_some_and(is_word) && !after.is_some_and(is_word)
        });
        places.next().map(|(at, _)| tag.start + 2 + at)
    });
    found.next().unwrap_or_default()
}

/// The line of a place, from 1.
fn line_of(source: &str, at: usize) -> usize {
    source.get(..at).unwrap_or_default().matches('\n').count() + 1
}
