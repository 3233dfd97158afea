//! Attribute notation (RFC 7644 section 3.10).

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// The name of an attribute: `[URN ":"] name ["." sub-attribute]`.
///
/// As parsed, the parts are spelled as the client wrote them. A path that came out of
/// [`SchemaSet::resolve`](super::schema::SchemaSet::resolve) is canonical: spelled as the schema spells it, without a
/// URN for common and core attributes, with the URN for extension attributes. Canonical paths compare with `==`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttributePath {
    /// The schema that defines the attribute, when it is written or needed.
    pub schema: Option<String>,
    /// The attribute.
    pub name: String,
    /// The sub-attribute of a complex attribute.
    pub sub: Option<String>,
}

/// Why a text is not an attribute path. What was written is shown with its quotation marks escaped, so that the request
/// journal can tell where it ends and mask it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AttributePathError {
    /// Nothing was written.
    #[error("an attribute name is missing")]
    Empty,
    /// A name does not follow the rule `ATTRNAME`.
    #[error("{name:?} is not an attribute name; a name is a letter followed by letters, digits, \"-\" or \"_\"")]
    Name {
        /// The part at fault.
        name: String,
    },
    /// The part before the last colon is not a URN.
    #[error("{schema:?} is not the URN of a schema; write urn:...:name")]
    Schema {
        /// The part at fault.
        schema: String,
    },
    /// Only one dot is possible: complex attributes do not nest (RFC 7643 section 2.3.8).
    #[error("{path:?} names a sub-attribute of a sub-attribute; complex attributes do not nest")]
    TooLong {
        /// The path at fault.
        path: String,
    },
}

impl AttributePath {
    /// A core or common attribute.
    pub fn core(name: impl Into<String>) -> Self {
        Self {
            schema: None,
            name: name.into(),
            sub: None,
        }
    }

    /// The attribute without its sub-attribute.
    #[must_use]
    pub fn parent(&self) -> Self {
        Self {
            schema: self.schema.clone(),
            name: self.name.clone(),
            sub: None,
        }
    }

    /// The path of a sub-attribute of this attribute.
    #[must_use]
    pub fn child(&self, sub: &str) -> Self {
        Self {
            schema: self.schema.clone(),
            name: self.name.clone(),
            sub: Some(sub.to_owned()),
        }
    }
}

impl FromStr for AttributePath {
    type Err = AttributePathError;

    fn from_str(text: &str) -> Result<Self, AttributePathError> {
        if text.is_empty() {
            return Err(AttributePathError::Empty);
        }
        // The URN itself contains dots ("2.0"): only what follows the last colon is a name.
        let (schema, names) = match text.rsplit_once(':') {
            Some((schema, names)) => (Some(schema), names),
            None => (None, text),
        };
        if let Some(schema) = schema
            && !is_urn(schema)
        {
            return Err(AttributePathError::Schema {
                schema: schema.to_owned(),
            });
        }
        let (name, sub) = match names.split_once('.') {
            Some((name, sub)) => (name, Some(sub)),
            None => (names, None),
        };
        if sub.is_some_and(|sub| sub.contains('.')) {
            return Err(AttributePathError::TooLong { path: text.to_owned() });
        }
        for part in [Some(name), sub].into_iter().flatten() {
            if !is_name(part) {
                return Err(AttributePathError::Name { name: part.to_owned() });
            }
        }
        Ok(Self {
            schema: schema.map(str::to_owned),
            name: name.to_owned(),
            sub: sub.map(str::to_owned),
        })
    }
}

impl fmt::Display for AttributePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(schema) = &self.schema {
            write!(f, "{schema}:")?;
        }
        f.write_str(&self.name)?;
        if let Some(sub) = &self.sub {
            write!(f, ".{sub}")?;
        }
        Ok(())
    }
}

/// Whether the text is an attribute name: `ATTRNAME` of RFC 7643 section 2.1, and `$ref` of section 2.4.
#[must_use]
pub fn is_name(text: &str) -> bool {
    let rest = text.strip_prefix('$').unwrap_or(text);
    rest.starts_with(|c: char| c.is_ascii_alphabetic())
        && rest
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '$'))
}

/// Whether the text looks like the URN of a schema: `urn:` and then no character that ends a path.
#[must_use]
pub fn is_urn(text: &str) -> bool {
    text.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("urn:"))
        && text.len() > 4
        && text
            .chars()
            .all(|c| c.is_ascii_graphic() && !matches!(c, '"' | '[' | ']' | '(' | ')' | '\\'))
}
