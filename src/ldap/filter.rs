//! Search filters: checked before they are sent, or built from parts with the values escaped.

mod check;

use std::fmt::{self, Write as _};
use std::str::FromStr;

pub use check::{FilterError, FilterErrorReason};

/// A search filter in the text form of RFC 4515 that is known to be well formed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter(String);

impl Filter {
    /// Checks `text`. Blanks around it are dropped; blanks between its parts are an error, because servers and
    /// libraries differ on them.
    ///
    /// # Errors
    /// [`FilterError`] with the character position.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        let text = text.trim();
        check::check(text).map(|()| Self(text.to_owned()))
    }

    /// `(objectClass=*)`: every entry.
    pub fn everything() -> Self {
        Self("(objectClass=*)".to_owned())
    }

    /// `(attribute=value)`, with the value taken literally.
    ///
    /// # Errors
    /// [`FilterErrorReason::AttributeType`] when `attribute` is not a name.
    pub fn equals(attribute: &str, value: &str) -> Result<Self, FilterError> {
        Self::assertion(attribute, "=", &escape(value))
    }

    /// `(attribute=value)`, with every byte of the value written as a backslash and two digits (RFC 4515 section 3).
    ///
    /// # Errors
    /// [`FilterErrorReason::AttributeType`] when `attribute` is not a name.
    pub fn equals_bytes(attribute: &str, value: &[u8]) -> Result<Self, FilterError> {
        let mut escaped = String::with_capacity(value.len() * 3);
        for byte in value {
            // Writing into a String cannot fail, so there is no error to lose.
            let _ = write!(escaped, "\\{byte:02x}");
        }
        Self::assertion(attribute, "=", &escaped)
    }

    /// `(attribute>=value)`, with the value taken literally.
    ///
    /// # Errors
    /// [`FilterErrorReason::AttributeType`] when `attribute` is not a name.
    pub fn at_least(attribute: &str, value: &str) -> Result<Self, FilterError> {
        Self::assertion(attribute, ">=", &escape(value))
    }

    /// `(attribute=*)`: the attribute has a value.
    ///
    /// # Errors
    /// [`FilterErrorReason::AttributeType`] when `attribute` is not a name.
    pub fn present(attribute: &str) -> Result<Self, FilterError> {
        Self::assertion(attribute, "=", "*")
    }

    /// All of `filters`; with none of them, true (RFC 4526).
    pub fn all(filters: impl IntoIterator<Item = Self>) -> Self {
        Self::join('&', filters)
    }

    /// Any of `filters`; with none of them, false (RFC 4526).
    pub fn any(filters: impl IntoIterator<Item = Self>) -> Self {
        Self::join('|', filters)
    }

    /// The entries that `self` does not match.
    #[must_use]
    pub fn negated(&self) -> Self {
        Self(format!("(!{})", self.0))
    }

    /// The text for the wire.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn assertion(attribute: &str, operator: &str, escaped: &str) -> Result<Self, FilterError> {
        match is_attribute_description(attribute) {
            true => Ok(Self(format!("({attribute}{operator}{escaped})"))),
            false => Err(FilterError {
                position: 2,
                reason: FilterErrorReason::AttributeType,
            }),
        }
    }

    fn join(operator: char, filters: impl IntoIterator<Item = Self>) -> Self {
        let parts: String = filters.into_iter().map(|filter| filter.0).collect();
        Self(format!("({operator}{parts})"))
    }
}

impl FromStr for Filter {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Self, FilterError> {
        Self::parse(text)
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether `text` is the name of an attribute, perhaps with options, as in `userCertificate;binary`.
pub fn is_attribute_description(text: &str) -> bool {
    check::is_attribute_description(text)
}

/// RFC 4515 section 3: NUL, parentheses, asterisk and backslash are written as a backslash and two digits.
pub fn escape(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    for character in value.chars() {
        match character {
            '\0' | '(' | ')' | '*' | '\\' => {
                // Writing into a String cannot fail, so there is no error to lose.
                let _ = write!(escaped, "\\{:02x}", u32::from(character));
            }
            _ => escaped.push(character),
        }
    }
    escaped
}
