//! Why a PATCH is refused: one variant for each `scimType` of RFC 7644 section 3.12.

use std::fmt;

use thiserror::Error;

use crate::model::filter::FilterError;
use crate::model::normalise::{MutabilityProblem, SchemaError, SyntaxProblem, ValueProblem};
use crate::model::scim_type::ScimType;

/// Why a PATCH is refused. `operation` counts from 1; `None` when the fault is not in one operation.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PatchError {
    /// The body is not a PATCH request, or a value does not conform to the schema.
    #[error("{}{problem}", Place(*operation))]
    InvalidSyntax {
        /// Which operation.
        operation: Option<usize>,
        /// What is wrong.
        problem: RequestProblem,
    },
    /// The path is malformed or names nothing.
    #[error("{}{problem}", Place(*operation))]
    InvalidPath {
        /// Which operation.
        operation: Option<usize>,
        /// What is wrong.
        problem: PathProblem,
    },
    /// A value does not have the attribute's type, or is missing.
    #[error("{}attribute \"{attribute}\" {problem}", Place(*operation))]
    InvalidValue {
        /// Which operation.
        operation: Option<usize>,
        /// The path of the attribute.
        attribute: String,
        /// What is wrong.
        problem: ValueProblem,
    },
    /// The attribute cannot be changed like this.
    #[error("{}attribute \"{attribute}\" {problem}", Place(*operation))]
    Mutability {
        /// Which operation.
        operation: Option<usize>,
        /// The path of the attribute.
        attribute: String,
        /// Which rule stands against it.
        problem: MutabilityProblem,
    },
    /// The path selects nothing.
    #[error("{}{problem}", Place(*operation))]
    NoTarget {
        /// Which operation.
        operation: Option<usize>,
        /// What is wrong.
        problem: NoTargetProblem,
    },
    /// The filter in the path is refused.
    #[error("{}{reason}", Place(*operation))]
    InvalidFilter {
        /// Which operation.
        operation: Option<usize>,
        /// Why.
        reason: FilterError,
    },
    /// The request is larger than the server is willing to process.
    #[error("the request has {count} {what}, at most {limit} are allowed; send several requests")]
    TooMany {
        /// `operations` or `values`.
        what: &'static str,
        /// How many.
        count: usize,
        /// The limit.
        limit: usize,
    },
}

/// What is wrong with the structure of a PATCH request.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RequestProblem {
    /// The body does not conform to the schema.
    #[error("{0}")]
    Body(SyntaxProblem),
    /// `schemas` does not name the PatchOp message.
    #[error("\"schemas\" must contain urn:ietf:params:scim:api:messages:2.0:PatchOp")]
    SchemaMissing,
    /// There is no operation.
    #[error("\"Operations\" must be an array of one or more operations")]
    NoOperations,
    /// `op` is missing or unknown.
    #[error("\"op\" must be one of add, remove and replace")]
    UnknownOp,
    /// `path` is not a text.
    #[error("\"path\" must be a text")]
    PathNotText,
    /// A `remove` lists values, for which the RFC has no meaning.
    #[error("\"remove\" takes no value; select what goes with a filter such as members[value eq \"...\"]")]
    RemoveWithValue,
}

/// What is wrong with a path. It is shown with its quotation marks escaped, so that the request journal can tell what
/// stands in it and mask that.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PathProblem {
    /// It does not follow the grammar.
    #[error("path: {0}")]
    Malformed(FilterError),
    /// No schema defines the attribute.
    #[error("path {path:?} names an attribute that is not defined for this resource type; see /Schemas")]
    Unknown {
        /// As it was written.
        path: String,
    },
    /// An attribute of an extension without its URN.
    #[error("path {path:?} names an attribute of an extension; write \"{canonical}\"")]
    Unqualified {
        /// As it was written.
        path: String,
        /// The canonical path.
        canonical: String,
    },
    /// A filter after an attribute that has no elements.
    #[error("path {path:?} puts a filter on an attribute that has no elements")]
    NoElements {
        /// As it was written.
        path: String,
    },
}

/// Why there is nothing to operate on.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NoTargetProblem {
    /// A `remove` without a path (RFC 7644 section 3.5.2.2).
    #[error("\"remove\" needs a path")]
    RemoveWithoutPath,
    /// A value path that matches no value (RFC 7644 section 3.5.2.3).
    #[error("path {path:?} matches no value; add the value first")]
    NoMatch {
        /// As it was written.
        path: String,
    },
}

impl PatchError {
    /// The keyword of RFC 7644 section 3.12.
    #[must_use]
    pub fn scim_type(&self) -> ScimType {
        match self {
            Self::InvalidSyntax { .. } => ScimType::InvalidSyntax,
            Self::InvalidPath { .. } => ScimType::InvalidPath,
            Self::InvalidValue { .. } => ScimType::InvalidValue,
            Self::Mutability { .. } => ScimType::Mutability,
            Self::NoTarget { .. } => ScimType::NoTarget,
            Self::InvalidFilter { .. } => ScimType::InvalidFilter,
            Self::TooMany { .. } => ScimType::TooMany,
        }
    }

    /// The same error with the number of the operation.
    pub(super) fn at(mut self, number: usize) -> Self {
        match &mut self {
            Self::InvalidSyntax { operation, .. }
            | Self::InvalidPath { operation, .. }
            | Self::InvalidValue { operation, .. }
            | Self::Mutability { operation, .. }
            | Self::NoTarget { operation, .. }
            | Self::InvalidFilter { operation, .. } => *operation = Some(number),
            Self::TooMany { .. } => {}
        }
        self
    }

    pub(super) fn request(problem: RequestProblem) -> Self {
        Self::InvalidSyntax {
            operation: None,
            problem,
        }
    }

    pub(super) fn path(problem: PathProblem) -> Self {
        Self::InvalidPath {
            operation: None,
            problem,
        }
    }

    pub(super) fn no_match(path: impl ToString) -> Self {
        Self::NoTarget {
            operation: None,
            problem: NoTargetProblem::NoMatch { path: path.to_string() },
        }
    }
}

impl From<SchemaError> for PatchError {
    fn from(error: SchemaError) -> Self {
        let operation = None;
        match error {
            SchemaError::InvalidValue { attribute, problem } => Self::InvalidValue {
                operation,
                attribute,
                problem,
            },
            SchemaError::InvalidSyntax(problem) => Self::InvalidSyntax {
                operation,
                problem: RequestProblem::Body(problem),
            },
            SchemaError::Mutability { attribute, problem } => Self::Mutability {
                operation,
                attribute,
                problem,
            },
        }
    }
}

/// "operation 3: ", or nothing.
struct Place(Option<usize>);

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(number) => write!(f, "operation {number}: "),
            None => Ok(()),
        }
    }
}
