//! Why a value does not fit the schema.

use thiserror::Error;

use crate::model::schema::AttributeType;
use crate::model::scim_type::ScimType;

/// Why a body is refused. Each variant is one `scimType` of RFC 7644 section 3.12.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SchemaError {
    /// `invalidValue`.
    #[error("attribute \"{attribute}\" {problem}")]
    InvalidValue {
        /// The path of the attribute.
        attribute: String,
        /// What is wrong with its value.
        problem: ValueProblem,
    },
    /// `invalidSyntax`.
    #[error("{0}")]
    InvalidSyntax(SyntaxProblem),
    /// `mutability`.
    #[error("attribute \"{attribute}\" {problem}")]
    Mutability {
        /// The path of the attribute.
        attribute: String,
        /// Which rule stands against the change.
        problem: MutabilityProblem,
    },
}

impl SchemaError {
    /// The keyword of RFC 7644 section 3.12.
    #[must_use]
    pub fn scim_type(&self) -> ScimType {
        match self {
            Self::InvalidValue { .. } => ScimType::InvalidValue,
            Self::InvalidSyntax(_) => ScimType::InvalidSyntax,
            Self::Mutability { .. } => ScimType::Mutability,
        }
    }

    pub(crate) fn value(attribute: impl ToString, problem: ValueProblem) -> Self {
        Self::InvalidValue {
            attribute: attribute.to_string(),
            problem,
        }
    }

    pub(crate) fn mutability(attribute: impl ToString, problem: MutabilityProblem) -> Self {
        Self::Mutability {
            attribute: attribute.to_string(),
            problem,
        }
    }
}

/// What is wrong with a value.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ValueProblem {
    /// Another JSON type.
    #[error("must be of type {}, found {found}", expected.as_str())]
    WrongType {
        /// The type of the attribute.
        expected: AttributeType,
        /// What was sent.
        found: &'static str,
    },
    /// A text that is not a boolean.
    #[error("must be true or false, found a text")]
    NotBoolean,
    /// A number with a fraction.
    #[error("must be a whole number of at most 64 bits")]
    NotWhole,
    /// A text that is not an `xsd:dateTime`.
    #[error("must be a date and time such as 2011-05-13T04:42:34Z")]
    NotDateTime,
    /// A text that is not base64.
    #[error("must be base64 text")]
    NotBase64,
    /// A text that cannot be a URI.
    #[error("must be a URI, without spaces")]
    NotUri,
    /// A required attribute without a value.
    #[error("is required and must have a value")]
    Required,
    /// Several values.
    #[error("takes one value, found an array")]
    NotMany,
    /// One value.
    #[error("takes an array of values, found {found}")]
    NotSingle {
        /// What was sent.
        found: &'static str,
    },
    /// More values than one attribute may hold.
    #[error("has {count} values, at most {limit} are allowed")]
    TooMany {
        /// How many.
        count: usize,
        /// [`MOST_VALUES`](super::MOST_VALUES).
        limit: usize,
    },
    /// More JSON than may be kept of what no schema defines.
    #[error("has {bytes} bytes with the other unknown extensions, at most {limit} are kept")]
    TooLarge {
        /// How many.
        bytes: usize,
        /// [`OPAQUE_BYTES_MAX`](super::OPAQUE_BYTES_MAX).
        limit: usize,
    },
    /// An empty text.
    #[error("must not be an empty text; send null to clear it")]
    Empty,
    /// More than one `primary: true` (RFC 7643 section 2.4).
    #[error("has more than one primary value; mark at most one")]
    SeveralPrimaries,
    /// JSON text where a plain text is due.
    #[error("must not be JSON text; send an object")]
    JsonText,
}

/// What is wrong with the structure of a body.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SyntaxProblem {
    /// Not an object.
    #[error("{place} must be an object, found {found}")]
    NotAnObject {
        /// What should be an object.
        place: String,
        /// What was sent.
        found: &'static str,
    },
    /// `schemas` is not an array of texts.
    #[error("\"schemas\" must be an array of URNs")]
    SchemasNotUrns,
    /// An attribute that no schema defines.
    #[error("attribute {attribute:?} is not defined for this resource type; see /Schemas")]
    UnknownAttribute {
        /// As it was written.
        attribute: String,
    },
    /// An attribute twice, in different spellings.
    #[error("attribute \"{attribute}\" is given twice; send it once")]
    Twice {
        /// The path of the attribute.
        attribute: String,
    },
    /// A URN that the resource type does not have.
    #[error("schema {urn:?} is not a schema of this resource type; see /ResourceTypes")]
    UnknownSchema {
        /// The URN.
        urn: String,
    },
    /// A URN that is missing from `schemas`.
    #[error("\"schemas\" must contain {urn}")]
    UndeclaredSchema {
        /// The URN.
        urn: String,
    },
    /// A path where a plain name is due.
    #[error("key {key:?} must be a plain attribute name; nest sub-attributes and extensions as objects")]
    KeyIsPath {
        /// As it was written.
        key: String,
    },
}

/// Which rule stands against a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum MutabilityProblem {
    /// `readOnly`.
    #[error("is read-only")]
    ReadOnly,
    /// `immutable`, and it has another value.
    #[error("is immutable and already has another value")]
    Immutable,
    /// `required`, and it would be left without a value (RFC 7644 section 3.5.2.2).
    #[error("is required and cannot be removed; replace it")]
    Required,
}
