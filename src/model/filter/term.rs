//! A resolved filter as a tree of tests, each ready to be put to a value.

use std::cmp::Ordering;

use chrono::{DateTime, Utc};
use serde_json::{Number, Value};

use super::{ExternalTerm, Literal, Operator};
use crate::model::attribute::AttributePath;
use crate::model::fold::fold;
use crate::model::instant::instant;

/// A node of a resolved filter.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    And(Vec<Self>),
    Or(Vec<Self>),
    Not(Box<Self>),
    Term(Term),
    /// One element of the attribute satisfies the whole filter.
    Values {
        path: AttributePath,
        filter: Box<Self>,
    },
    /// A question about an attribute that is not stored with the resource.
    External(ExternalTerm),
}

/// A test of one attribute.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Term {
    /// The canonical path; inside a value path, the name is that of the sub-attribute.
    pub(super) path: AttributePath,
    pub(super) test: Test,
    /// The value in the attribute's type, as the client wrote it.
    pub(super) literal: Literal,
    pub(super) case_exact: bool,
    /// Whether an absent value counts as `false`: `primary` (RFC 7643 section 2.4).
    pub(super) absent_is_false: bool,
}

/// What is asked of a value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Test {
    Present,
    Absent,
    /// The text is folded unless `exact`.
    Text {
        operator: Operator,
        text: String,
        exact: bool,
    },
    Number {
        operator: Operator,
        number: Number,
    },
    /// `eq` or `ne`.
    Boolean {
        operator: Operator,
        boolean: bool,
    },
    Instant {
        operator: Operator,
        instant: DateTime<Utc>,
    },
}

impl Test {
    pub(super) fn operator(&self) -> Option<Operator> {
        match self {
            Self::Present | Self::Absent => None,
            Self::Text { operator, .. }
            | Self::Number { operator, .. }
            | Self::Boolean { operator, .. }
            | Self::Instant { operator, .. } => Some(*operator),
        }
    }

    /// Whether a resource without the attribute satisfies the test: `ne` asks for "not identical" (RFC 7644 section
    /// 3.4.2.2), and nothing is not identical to anything.
    pub(super) fn holds_when_absent(&self) -> bool {
        matches!(self, Self::Absent) || self.operator() == Some(Operator::Ne)
    }

    /// Whether an assigned value satisfies the test.
    pub(super) fn holds(&self, value: &Value) -> bool {
        match self {
            Self::Present => is_assigned(value),
            Self::Absent => !is_assigned(value),
            Self::Text { operator, text, exact } => match value {
                Value::String(found) if *exact => compare_text(*operator, found, text),
                Value::String(found) => compare_text(*operator, &fold(found), text),
                _ => *operator == Operator::Ne,
            },
            Self::Number { operator, number } => match value {
                Value::Number(found) => compare_numbers(found, number).is_some_and(|order| accepts(*operator, order)),
                _ => *operator == Operator::Ne,
            },
            Self::Boolean { operator, boolean } => (value.as_bool() == Some(*boolean)) == (*operator == Operator::Eq),
            Self::Instant {
                operator,
                instant: wanted,
            } => match value.as_str().and_then(instant) {
                Some(found) => accepts(*operator, found.cmp(wanted)),
                None => *operator == Operator::Ne,
            },
        }
    }
}

/// `pr`: not empty (RFC 7644 section 3.4.2.2, table 3).
fn is_assigned(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(object) => !object.is_empty(),
        Value::Bool(_) | Value::Number(_) => true,
    }
}

fn compare_text(operator: Operator, found: &str, text: &str) -> bool {
    match operator {
        Operator::Co => found.contains(text),
        Operator::Sw => found.starts_with(text),
        Operator::Ew => found.ends_with(text),
        Operator::Eq | Operator::Ne | Operator::Gt | Operator::Ge | Operator::Lt | Operator::Le => {
            accepts(operator, found.cmp(text))
        }
    }
}

fn accepts(operator: Operator, order: Ordering) -> bool {
    match operator {
        Operator::Eq => order.is_eq(),
        Operator::Ne => order.is_ne(),
        Operator::Gt => order.is_gt(),
        Operator::Ge => order.is_ge(),
        Operator::Lt => order.is_lt(),
        Operator::Le => order.is_le(),
        // The resolver lets these through for texts only.
        Operator::Co | Operator::Sw | Operator::Ew => false,
    }
}

/// The order of two JSON numbers: exact for integers of 64 bits, else as floating point.
pub(crate) fn compare_numbers(left: &Number, right: &Number) -> Option<Ordering> {
    if let (Some(left), Some(right)) = (whole(left), whole(right)) {
        return Some(left.cmp(&right));
    }
    left.as_f64()?.partial_cmp(&right.as_f64()?)
}

fn whole(number: &Number) -> Option<i128> {
    number
        .as_i64()
        .map(i128::from)
        .or_else(|| number.as_u64().map(i128::from))
}
