//! How much of a directory a run reads.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ldap::changes::FullReadReason;

/// What a run is asked to read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reading {
    /// Everything.
    #[default]
    Whole,
    /// What changed since the last reading; everything when that cannot be told.
    Changes,
    /// Who is there: identifiers and names of everything, and the entries that are new or were missing.
    Presence,
    /// The entries of the failure list, and nothing else.
    Failures,
}

impl Reading {
    /// Whether a run of this reading makes one of the other needless.
    #[must_use]
    pub fn covers(self, other: Self) -> bool {
        self == other || self == Self::Whole
    }

    /// The word in settings, answers and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Changes => "changes",
            Self::Presence => "presence",
            Self::Failures => "failures",
        }
    }
}

impl fmt::Display for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why everything was read though less was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "why", rename_all = "snake_case", deny_unknown_fields)]
pub enum WhyWhole {
    /// No run of the connection was applied yet.
    First,
    /// No run has asked the server where it stands, or the server does not say.
    NoMark,
    /// What is read, or what is made of it, was set anew.
    Settings,
    /// The server cannot go on from where the last reading ended.
    Server {
        /// The reason, for people.
        detail: String,
    },
    /// More changed than is worth following one by one.
    TooMany {
        /// The limit, `changes_max`.
        limit: u32,
    },
    /// The connection's rules look at groups, and no run over everything has left behind yet what the groups held.
    GroupRules,
    /// A group that is the primary group of people whom it does not name changed, or one around it, and no run over everything has
    /// left behind yet what it held.
    PrimaryGroup,
    /// A plan is held, or was discarded since, and a person is to see all of it.
    Held,
    /// The plan of the changes alone would have been held, and a person is to see all of it.
    Brake,
}

impl fmt::Display for WhyWhole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::First => f.write_str("it is the first run"),
            Self::NoMark => f.write_str("the server has not said where it stood at the last reading"),
            Self::Settings => f.write_str("the settings changed"),
            Self::Server { detail } => f.write_str(detail),
            Self::TooMany { limit } => write!(
                f,
                "more than {limit} entries changed; raise changes_max if that is usual"
            ),
            Self::GroupRules => f.write_str("the rules look at groups, and what those held before is not known yet"),
            Self::PrimaryGroup => f.write_str(
                "a group changed that is the primary group of people, or is around one, and what it held before is not known yet",
            ),
            Self::Held => f.write_str("a plan is held, or was discarded since"),
            Self::Brake => f.write_str("the changes would be held"),
        }
    }
}

impl From<FullReadReason> for WhyWhole {
    fn from(reason: FullReadReason) -> Self {
        match reason {
            FullReadReason::TooManyChanges { limit } => Self::TooMany { limit },
            other => Self::Server {
                detail: other.to_string(),
            },
        }
    }
}
