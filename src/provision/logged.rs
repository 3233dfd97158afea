//! What of an error may stand in a log: everything but names of entries, which are often names of people.
//!
//! The whole text is answered to whoever asked for the run, and kept with the run for its administrators.

use std::fmt::Display;

/// Stands for the names.
const WITHHELD: &str = "(name withheld)";

/// The text of an error without names: from the first that looks like a part of a DN (RFC 4514 section 2: `type=value`) to
/// the end of the last, wherever they come from. Rather a word too many is withheld than one too few.
#[must_use]
pub fn unnamed(error: &impl Display) -> String {
    let text = error.to_string();
    let is_equal_sign_of_a_name = |(at, _): &(usize, &str)| {
        let (before, after) = (&text[..*at], &text[at + 1..]);
        before.ends_with(|c: char| c.is_ascii_alphanumeric()) && after.starts_with(|c: char| !c.is_whitespace())
    };
    let mut signs = text.match_indices('=').filter(is_equal_sign_of_a_name);
    let Some((first, _)) = signs.next() else { return text };
    let last = signs.next_back().map_or(first, |(last, _)| last);
    let is_between = |c: char| c.is_whitespace() || matches!(c, '"' | '(' | '/');
    let start = text[..first].rfind(is_between).map_or(0, |before| before + 1);
    // A name may have blanks in it; the quotation mark that ends it is ours.
    let end = text[last..].find('"').map_or(text.len(), |after| last + after);
    format!("{}{WITHHELD}{}", &text[..start], &text[end..])
}
