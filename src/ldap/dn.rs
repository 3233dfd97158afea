//! Distinguished names: RFC 4514 text to a value, and to a key under which all spellings of one name are equal.
//!
//! The same name reaches us in many spellings: `\2C` or `\,`, other case, blanks after commas, the parts of a
//! multi-valued RDN in another order. Comparing texts would lose members, so members are resolved by [`DnKey`].

mod normalise;
mod parse;

use std::fmt::{self, Write as _};

pub use parse::{DnError, DnErrorReason};

/// A distinguished name, the most specific RDN first as in its text. The empty one is the root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dn {
    rdns: Vec<Rdn>,
}

/// One level of a name: one assertion, or several joined by `+`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rdn {
    assertions: Vec<Assertion>,
}

/// An attribute type and its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assertion {
    attribute_type: String,
    value: AssertionValue,
}

/// The value of an assertion.
#[derive(Clone, Debug, PartialEq, Eq)]
enum AssertionValue {
    Text(String),
    /// The BER encoding of a value without a text form (`#` and hexadecimal digits, RFC 4514 section 2.4).
    Binary(Vec<u8>),
}

/// A name in normal form: equal for every spelling of the same name, usable as a map key.
///
/// Normal form is case-folded, NFKC, with insignificant space removed (RFC 4518, approximately): simple lower-casing,
/// as OpenLDAP does, so that `ß` and `ss` stay apart. Folding too much could merge two people, too little loses at
/// worst a member that is written unusually, and that is reported.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DnKey(String);

impl Dn {
    /// Reads the text form of RFC 4514 section 3, with the blanks around separators that RFC 2253 section 4 allows.
    ///
    /// # Errors
    /// [`DnError`] with the character position.
    pub fn parse(text: &str) -> Result<Self, DnError> {
        parse::parse(text).map(|rdns| Self { rdns })
    }

    /// The key under which every spelling of this name is equal.
    pub fn normalised(&self) -> DnKey {
        normalise::key(&self.rdns)
    }

    /// The name in one well-formed spelling, for people and for the wire.
    pub fn display(&self) -> String {
        self.to_string()
    }

    /// The RDNs, most specific first.
    pub fn rdns(&self) -> &[Rdn] {
        &self.rdns
    }

    /// The name one level up; `None` for the root.
    pub fn parent(&self) -> Option<Self> {
        let (_, above) = self.rdns.split_first()?;
        Some(Self { rdns: above.to_vec() })
    }

    /// Whether this name is `base` or lies below it.
    pub fn is_within(&self, base: &Self) -> bool {
        let Some(skipped) = self.rdns.len().checked_sub(base.rdns.len()) else {
            return false;
        };
        normalise::key(&self.rdns[skipped..]) == base.normalised()
    }
}

impl Rdn {
    /// Type (as written) and value of each assertion; a value without a text form is `None`.
    pub fn assertions(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.assertions.iter().map(|assertion| {
            let text = match &assertion.value {
                AssertionValue::Text(text) => Some(text.as_str()),
                AssertionValue::Binary(_) => None,
            };
            (assertion.attribute_type.as_str(), text)
        })
    }
}

impl DnKey {
    /// The key of a text that may come from a server. A text that is no DN gets a key of its own, equal only to itself.
    pub fn of(text: &str) -> Self {
        match Dn::parse(text) {
            Ok(dn) => dn.normalised(),
            // No normal form starts with a NUL: it starts with an attribute type, or is empty.
            Err(_) => Self(format!("\0{text}")),
        }
    }

    /// Whether this is the key of `base` or of a name below it. What is no DN is below nothing but the root.
    pub fn is_within(&self, base: &Self) -> bool {
        // A comma inside a value is escaped in the normal form, so each one parts two levels.
        let above = self.0.strip_suffix(&base.0);
        base.0.is_empty() || above.is_some_and(|above| above.is_empty() || above.ends_with(','))
    }

    /// The normal form, for storing.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Dn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, rdn) in self.rdns.iter().enumerate() {
            if index > 0 {
                f.write_char(',')?;
            }
            write!(f, "{rdn}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Rdn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, assertion) in self.assertions.iter().enumerate() {
            if index > 0 {
                f.write_char('+')?;
            }
            write!(f, "{}=", assertion.attribute_type)?;
            match &assertion.value {
                AssertionValue::Text(text) => write_escaped(f, text)?,
                AssertionValue::Binary(bytes) => write_hex(f, bytes)?,
            }
        }
        Ok(())
    }
}

/// RFC 4514 section 2.4: what must be escaped, and where.
fn write_escaped(out: &mut impl fmt::Write, text: &str) -> fmt::Result {
    let last = text.chars().count().saturating_sub(1);
    for (index, character) in text.chars().enumerate() {
        match character {
            '\0' => out.write_str("\\00")?,
            ' ' if index == 0 || index == last => out.write_str("\\ ")?,
            '#' if index == 0 => out.write_str("\\#")?,
            '"' | '+' | ',' | ';' | '<' | '=' | '>' | '\\' => write!(out, "\\{character}")?,
            _ => out.write_char(character)?,
        }
    }
    Ok(())
}

fn write_hex(out: &mut impl fmt::Write, bytes: &[u8]) -> fmt::Result {
    out.write_char('#')?;
    bytes.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
}
