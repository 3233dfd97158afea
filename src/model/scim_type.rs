//! The detail error keywords of RFC 7644 section 3.12, table 9, and of RFC 9865.

use std::fmt;

/// A `scimType`: what the RFC calls the reason of a refused request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ScimType {
    /// The filter is malformed or asks what the server does not support.
    InvalidFilter,
    /// More results or operations than the server is willing to process.
    TooMany,
    /// A value is already taken.
    Uniqueness,
    /// The change is not compatible with the attribute's mutability or with its current state.
    Mutability,
    /// The body is malformed or does not conform to the schema.
    InvalidSyntax,
    /// The `path` of a PATCH operation is malformed or unknown.
    InvalidPath,
    /// The `path` did not yield anything that could be operated on.
    NoTarget,
    /// A required value is missing, or a value is not compatible with its type.
    InvalidValue,
    /// The protocol version is not supported.
    InvalidVers,
    /// Sensitive information must not be passed in a request URI.
    Sensitive,
    /// The cursor is unknown, malformed, or belongs to another query (RFC 9865).
    InvalidCursor,
    /// The cursor is older than the provider keeps cursors (RFC 9865).
    ExpiredCursor,
    /// The number of results asked for by cursor is out of range (RFC 9865).
    InvalidCount,
}

impl ScimType {
    /// The keyword as the RFC writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidFilter => "invalidFilter",
            Self::TooMany => "tooMany",
            Self::Uniqueness => "uniqueness",
            Self::Mutability => "mutability",
            Self::InvalidSyntax => "invalidSyntax",
            Self::InvalidPath => "invalidPath",
            Self::NoTarget => "noTarget",
            Self::InvalidValue => "invalidValue",
            Self::InvalidVers => "invalidVers",
            Self::Sensitive => "sensitive",
            Self::InvalidCursor => "invalidCursor",
            Self::ExpiredCursor => "expiredCursor",
            Self::InvalidCount => "invalidCount",
        }
    }
}

impl fmt::Display for ScimType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
