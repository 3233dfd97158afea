//! Why a mapping does not work: which rule, what in it, and what would be right.

use std::fmt;

use thiserror::Error;

/// A rule that cannot be used, or that failed for one person.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{place}: {reason}")]
pub struct MappingError {
    /// The rule.
    pub place: Place,
    /// What is wrong with it.
    pub reason: MappingReason,
}

/// Where a rule stands in the connection's settings, counted from 0 as in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// `mapping[index]`.
    Attribute {
        /// Its place in the list.
        index: usize,
        /// The attribute that it writes.
        to: String,
        /// The part of the rule.
        part: Part,
    },
    /// `grants[index]`.
    Grant {
        /// Its place in the list.
        index: usize,
    },
    /// `grants[index].teams`.
    Teams {
        /// Its place in the list.
        index: usize,
    },
    /// The list of attribute rules as a whole.
    Mapping,
}

/// A part of an attribute rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The rule as a whole.
    Rule,
    /// Its constant.
    Value,
    /// Its expression.
    Expression,
    /// Its condition.
    When,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Attribute { index, to, part } => {
                write!(f, "mapping[{index}] (to {to:?})")?;
                f.write_str(match part {
                    Part::Rule => "",
                    Part::Value => " value",
                    Part::Expression => " expression",
                    Part::When => " when",
                })
            }
            Self::Grant { index } => write!(f, "grants[{index}] when"),
            Self::Teams { index } => write!(f, "grants[{index}] teams"),
            Self::Mapping => f.write_str("mapping"),
        }
    }
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MappingReason {
    /// Not exactly one source for the value.
    #[error("set exactly one of from, value and expression; {set} are set")]
    Sources {
        /// How many are.
        set: usize,
    },
    /// `from` names nothing.
    #[error("from is blank; name an attribute of the source")]
    BlankFrom,
    /// Not an attribute that a mapping may write.
    #[error(transparent)]
    Target(#[from] super::target::TargetError),
    /// The expression cannot be used.
    #[error(transparent)]
    Expression(#[from] super::expression::ExpressionError),
    /// The value has not the form of the attribute.
    #[error("{found} does not fit the attribute; {wanted} is needed")]
    Value {
        /// What kind of value came.
        found: &'static str,
        /// What would fit.
        wanted: &'static str,
    },
    /// The value is not of the type that the organisation declares for its attribute.
    #[error(transparent)]
    Unfit(#[from] crate::model::normalise::SchemaError),
    /// Not a name for a group.
    #[error("{team:?} is no name for a team; use 1 to 256 bytes without blanks at the ends")]
    TeamName {
        /// The name.
        team: String,
    },
    /// No rule gives the name that every user needs.
    #[error("no rule writes userName; add one, because every user needs it")]
    NoUserNameRule,
    /// The rules for `userName` found nothing in this entry.
    #[error("the entry has no value for userName; give it one in the source, or add a rule that finds another")]
    NoUserName,
}

impl MappingReason {
    /// The reason at its place.
    #[must_use]
    pub fn at(self, place: Place) -> MappingError {
        MappingError { place, reason: self }
    }
}
