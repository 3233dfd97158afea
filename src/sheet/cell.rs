//! One cell.

use std::borrow::Cow;

use serde_json::Value;

/// What a cell holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// A text; empty for nothing.
    Text(String),
    /// A whole number.
    Number(i64),
}

impl Cell {
    /// Nothing.
    #[must_use]
    pub const fn empty() -> Self {
        Self::Text(String::new())
    }

    /// The cell as text.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Text(text) => Cow::Borrowed(text),
            Self::Number(number) => Cow::Owned(number.to_string()),
        }
    }
}

/// A JSON value as a cell: nothing as nothing, a list as its items with `; ` between them, and of an object its `value`.
impl From<&Value> for Cell {
    fn from(value: &Value) -> Self {
        match value {
            Value::Null => Self::empty(),
            Value::Bool(flag) => Self::Text(flag.to_string()),
            Value::Number(number) => number
                .as_i64()
                .map_or_else(|| Self::Text(number.to_string()), Self::Number),
            Value::String(text) => Self::Text(text.clone()),
            Value::Array(items) => {
                let items = items.iter().map(|item| Self::from(item).text().into_owned());
                Self::Text(super::list::join(items))
            }
            Value::Object(members) => match members.get("value") {
                Some(value) => Self::from(value),
                None => Self::Text(value.to_string()),
            },
        }
    }
}

/// Whether a spreadsheet would calculate a text instead of showing it (OWASP, "CSV Injection").
#[must_use]
pub fn is_formula(text: &str) -> bool {
    text.starts_with(['=', '+', '-', '@', '\t', '\r'])
}

/// The text as it goes into CSV: what would be calculated has an apostrophe in front, and so has what begins with one and would
/// be taken for that when it is read back.
#[must_use]
pub fn guarded(text: &str) -> Cow<'_, str> {
    if is_formula(text) || is_guarded(text) {
        Cow::Owned(format!("'{text}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// The text that [`guarded`] was given.
#[must_use]
pub fn unguarded(text: &str) -> &str {
    if is_guarded(text) { &text[1..] } else { text }
}

fn is_guarded(text: &str) -> bool {
    let rest = text.trim_start_matches('\'');
    rest.len() < text.len() && is_formula(rest)
}

#[cfg(test)]
mod tests {
    use super::{guarded, is_formula, unguarded};

    #[test]
    fn what_is_guarded_is_no_formula_and_reads_back_as_it_was() {
        for text in [
            "=1+1",
            "+31 20",
            "-1",
            "@x",
            "\tx",
            "\rx",
            "'=1",
            "''=1",
            "'",
            "''",
            "'s-Hertogenbosch",
            "",
            "plain",
            "a=b",
        ] {
            let written = guarded(text);
            assert!(!is_formula(&written), "{text:?}");
            assert_eq!(unguarded(&written), text, "{text:?}");
        }
        assert_eq!(guarded("'s-Hertogenbosch"), "'s-Hertogenbosch");
    }
}
