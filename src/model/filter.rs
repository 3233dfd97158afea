//! Filters (RFC 7644 section 3.4.2.2).
//!
//! ```text
//! text --parse--> Filter --resolve(SchemaSet, Strictness)--> ResolvedFilter --matches(resource)--> bool
//! ```
//!
//! What has not been resolved cannot be evaluated: a filter that names an attribute nobody defined is refused, never ignored.

mod display;
mod error;
mod evaluate;
mod lexer;
mod parser;
mod path;
mod plan;
mod rename;
mod resolve;
mod resolved;
mod term;

use std::str::FromStr;

use serde_json::{Number, Value};

pub use self::error::{Expected, FilterError};
pub use self::path::ValuePath;
pub use self::plan::EqualityTerm;
pub use self::resolved::{ElementFilter, ExternalTerm, ResolvedFilter};
pub(crate) use self::term::compare_numbers;
use super::attribute::AttributePath;

/// The bounds of a filter: what is longer or deeper is refused before it costs anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FilterLimits {
    /// The length of the text in bytes.
    pub length: usize,
    /// How deep parentheses, `not` and value paths may nest. At most [`FilterLimits::DEEPEST`], whatever is set here.
    pub depth: usize,
}

impl FilterLimits {
    /// The depth that no setting passes: every step over a filter is recursive, and this deep it needs little stack.
    pub const DEEPEST: usize = 200;
}

impl Default for FilterLimits {
    fn default() -> Self {
        Self {
            length: 16 * 1024,
            depth: 40,
        }
    }
}

/// Where in the text something stands, in bytes from the start. All positions are equal to each other, so that two
/// filters are equal when they ask the same, however they were written.
#[derive(Debug, Clone, Copy, Eq)]
pub struct Position(pub usize);

impl PartialEq for Position {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// Whether `.sub op value` was written after the brackets of a value path, which the grammar does not know. All are equal
/// to each other, as positions are.
#[derive(Debug, Clone, Copy, Eq)]
pub struct SubAfterBrackets(pub bool);

impl PartialEq for SubAfterBrackets {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// A comparison operator (RFC 7644 section 3.4.2.2, table 3); `pr` is [`Filter::Present`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operator {
    /// Equal.
    Eq,
    /// Not equal.
    Ne,
    /// Contains.
    Co,
    /// Starts with.
    Sw,
    /// Ends with.
    Ew,
    /// Greater than.
    Gt,
    /// Greater than or equal to.
    Ge,
    /// Less than.
    Lt,
    /// Less than or equal to.
    Le,
}

impl Operator {
    const ALL: [Self; 9] = [
        Self::Eq,
        Self::Ne,
        Self::Co,
        Self::Sw,
        Self::Ew,
        Self::Gt,
        Self::Ge,
        Self::Lt,
        Self::Le,
    ];

    /// The word of the RFC.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Eq => "eq",
            Self::Ne => "ne",
            Self::Co => "co",
            Self::Sw => "sw",
            Self::Ew => "ew",
            Self::Gt => "gt",
            Self::Ge => "ge",
            Self::Lt => "lt",
            Self::Le => "le",
        }
    }

    /// The operator that the word stands for, in any case.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|operator| word.eq_ignore_ascii_case(operator.as_str()))
    }

    /// Whether it asks for an order.
    #[must_use]
    pub fn is_order(self) -> bool {
        matches!(self, Self::Gt | Self::Ge | Self::Lt | Self::Le)
    }

    /// Whether it asks for a part of a text.
    #[must_use]
    pub fn is_part(self) -> bool {
        matches!(self, Self::Co | Self::Sw | Self::Ew)
    }
}

/// The value on the right of an operator: `compValue`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Literal {
    /// `"text"`, unescaped.
    String(String),
    /// A JSON number.
    Number(Number),
    /// `true` or `false`.
    Boolean(bool),
    /// `null`: `eq null` asks for an unassigned attribute.
    Null,
}

impl Literal {
    /// The literal as JSON.
    #[must_use]
    pub fn to_json(&self) -> Value {
        match self {
            Self::String(text) => Value::String(text.clone()),
            Self::Number(number) => Value::Number(number.clone()),
            Self::Boolean(boolean) => Value::Bool(*boolean),
            Self::Null => Value::Null,
        }
    }

    /// The text of a string literal.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            Self::Number(_) | Self::Boolean(_) | Self::Null => None,
        }
    }
}

/// A filter as it was written. `and` and `or` hold two or more parts and are never nested in their own kind, so that a
/// long chain is flat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filter {
    /// All parts hold.
    And(Vec<Self>),
    /// At least one part holds.
    Or(Vec<Self>),
    /// The part does not hold.
    Not(Box<Self>),
    /// `path op value`.
    Compare {
        /// The attribute.
        path: AttributePath,
        /// The operator.
        operator: Operator,
        /// The value.
        literal: Literal,
        /// Where the path stands.
        at: Position,
    },
    /// `path pr`.
    Present {
        /// The attribute.
        path: AttributePath,
        /// Where it stands.
        at: Position,
    },
    /// `path[filter]`: one element satisfies the whole filter. `path[filter].sub op value` is read as
    /// `path[filter and sub op value]`.
    Values {
        /// The complex attribute.
        path: AttributePath,
        /// The filter over its sub-attributes.
        filter: Box<Self>,
        /// Where the path stands.
        at: Position,
        /// How it was written.
        sub_after: SubAfterBrackets,
    },
}

impl Filter {
    /// Reads a filter.
    ///
    /// # Errors
    ///
    /// [`FilterError`] with the position of the fault.
    pub fn parse(text: &str, limits: FilterLimits) -> Result<Self, FilterError> {
        parser::filter(text, limits)
    }

    /// The conjunction of the parts, of which there must be at least one.
    #[must_use]
    pub fn and(parts: Vec<Self>) -> Self {
        Self::flat(parts, Self::And, |part| match part {
            Self::And(inner) => Ok(inner),
            other => Err(other),
        })
    }

    /// The disjunction of the parts, of which there must be at least one.
    #[must_use]
    pub fn or(parts: Vec<Self>) -> Self {
        Self::flat(parts, Self::Or, |part| match part {
            Self::Or(inner) => Ok(inner),
            other => Err(other),
        })
    }

    fn flat(mut parts: Vec<Self>, wrap: fn(Vec<Self>) -> Self, open: fn(Self) -> Result<Vec<Self>, Self>) -> Self {
        if parts.len() == 1 {
            return parts.swap_remove(0);
        }
        let mut flat = Vec::with_capacity(parts.len());
        for part in parts {
            match open(part) {
                Ok(inner) => flat.extend(inner),
                Err(part) => flat.push(part),
            }
        }
        wrap(flat)
    }
}

impl FromStr for Filter {
    type Err = FilterError;

    /// Reads a filter within the default limits.
    fn from_str(text: &str) -> Result<Self, FilterError> {
        Self::parse(text, FilterLimits::default())
    }
}
