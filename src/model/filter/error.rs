//! Why a filter is refused.

use std::fmt;

use thiserror::Error;

use super::Operator;
use crate::model::attribute::AttributePathError;
use crate::model::schema::AttributeType;
use crate::model::scim_type::ScimType;

/// What the grammar allows at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// An attribute, `not (`, or `(`.
    Expression,
    /// An attribute.
    Attribute,
    /// An operator.
    Operator,
    /// A value.
    Value,
    /// `)`.
    ClosingParenthesis,
    /// `]`.
    ClosingBracket,
    /// `(` after `not`.
    NotParenthesis,
    /// `and`, `or` or the end.
    Connective,
    /// The end of a path.
    EndOfPath,
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Expression => "an attribute, \"not (\" or \"(\"",
            Self::Attribute => "an attribute",
            Self::Operator => "an operator (eq, ne, co, sw, ew, pr, gt, ge, lt, le)",
            Self::Value => "a value (text in double quotes, a number, true, false or null)",
            Self::ClosingParenthesis => "\")\"",
            Self::ClosingBracket => "\"]\"",
            Self::NotParenthesis => "\"(\" after \"not\"",
            Self::Connective => "\"and\", \"or\" or the end",
            Self::EndOfPath => "the end of the path",
        })
    }
}

/// Why a filter is refused. `at` is the position in bytes from the start of the text.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FilterError {
    /// The text is longer than the limit.
    #[error("the filter has {length} bytes, at most {limit} are allowed")]
    TooLong {
        /// Its length in bytes.
        length: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// The nesting is deeper than the limit.
    #[error("the filter nests deeper than {limit} levels at position {at}")]
    TooDeep {
        /// Where the limit was passed.
        at: usize,
        /// The limit.
        limit: usize,
    },
    /// The grammar wants something else.
    #[error("expected {expected} at position {at}, found {found}")]
    Syntax {
        /// Where.
        at: usize,
        /// What the grammar allows.
        expected: Expected,
        /// What stands there.
        found: String,
    },
    /// A string has no closing quote or a wrong escape.
    #[error("the text that starts at position {at} is not a JSON string; close it and escape \" and \\ by \\")]
    MalformedString {
        /// Where the string starts.
        at: usize,
    },
    /// The operator does not exist.
    #[error(
        "the operator {operator:?} at position {at} is not supported; use eq, ne, co, sw, ew, pr, gt, ge, lt or le"
    )]
    UnknownOperator {
        /// Where.
        at: usize,
        /// The word.
        operator: String,
    },
    /// A name is malformed.
    #[error("at position {at}: {reason}")]
    MalformedPath {
        /// Where.
        at: usize,
        /// What is wrong with it.
        reason: AttributePathError,
    },
    /// No schema of the resource type defines the attribute.
    #[error("attribute \"{attribute}\" at position {at} is not defined for this resource type; see /Schemas")]
    UnknownAttribute {
        /// Where.
        at: usize,
        /// The path as it was written.
        attribute: String,
    },
    /// The attribute cannot be asked about, because the answer would reveal it.
    #[error("attribute \"{attribute}\" at position {at} cannot be used in a filter")]
    Sensitive {
        /// Where.
        at: usize,
        /// The canonical path.
        attribute: String,
    },
    /// `[...]` after an attribute that has no sub-attributes.
    #[error("attribute \"{attribute}\" at position {at} is not complex and cannot be followed by \"[\"")]
    NotComplex {
        /// Where.
        at: usize,
        /// The canonical path.
        attribute: String,
    },
    /// A complex attribute without a `value` is compared as a whole.
    #[error(
        "attribute \"{attribute}\" at position {at} is complex; compare one of its sub-attributes, such as \"{attribute}.{example}\""
    )]
    SubAttributeNeeded {
        /// Where.
        at: usize,
        /// The canonical path.
        attribute: String,
        /// One of its sub-attributes.
        example: String,
    },
    /// An attribute of an extension without its URN.
    #[error("attribute \"{attribute}\" at position {at} belongs to an extension; write \"{canonical}\"")]
    Unqualified {
        /// Where.
        at: usize,
        /// As it was written.
        attribute: String,
        /// The canonical path.
        canonical: String,
    },
    /// `.sub` after the brackets of a value path.
    #[error(
        "a filter cannot go on after the brackets of attribute \"{attribute}\" at position {at}; write the comparison inside them"
    )]
    SubAfterBrackets {
        /// Where.
        at: usize,
        /// The canonical path.
        attribute: String,
    },
    /// The operator does not apply to the attribute's type.
    #[error("operator \"{}\" at position {at} does not apply to attribute \"{attribute}\" of type {}", operator.as_str(), type_.as_str())]
    OperatorMismatch {
        /// Where.
        at: usize,
        /// The canonical path.
        attribute: String,
        /// The operator.
        operator: Operator,
        /// The attribute's type.
        type_: AttributeType,
    },
    /// The value does not have the attribute's type.
    #[error("attribute \"{attribute}\" at position {at} is of type {} and cannot be compared with {found}", type_.as_str())]
    ValueMismatch {
        /// Where.
        at: usize,
        /// The canonical path.
        attribute: String,
        /// The attribute's type.
        type_: AttributeType,
        /// The value as it was written.
        found: String,
    },
}

impl FilterError {
    /// The keyword of RFC 7644 section 3.12.
    #[must_use]
    pub fn scim_type(&self) -> ScimType {
        match self {
            Self::Sensitive { .. } => ScimType::Sensitive,
            Self::TooLong { .. }
            | Self::TooDeep { .. }
            | Self::Syntax { .. }
            | Self::MalformedString { .. }
            | Self::UnknownOperator { .. }
            | Self::MalformedPath { .. }
            | Self::UnknownAttribute { .. }
            | Self::NotComplex { .. }
            | Self::SubAttributeNeeded { .. }
            | Self::Unqualified { .. }
            | Self::SubAfterBrackets { .. }
            | Self::OperatorMismatch { .. }
            | Self::ValueMismatch { .. } => ScimType::InvalidFilter,
        }
    }
}
