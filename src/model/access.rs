//! Data visibility: whose data a person sees, apart from what the person may do (S004-29, X04-4).

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::id::GroupId;

/// A kind of data (S004-29).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Area {
    /// Groups in lists and filters.
    Group,
    /// Reports.
    Report,
    /// Recordings to listen to.
    Audio,
    /// Conversations to score (S004-33).
    Scoring,
}

impl Area {
    /// Every area.
    pub const ALL: [Self; 4] = [Self::Group, Self::Report, Self::Audio, Self::Scoring];

    /// The word in addresses and answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Group => "group",
            Self::Report => "report",
            Self::Audio => "audio",
            Self::Scoring => "scoring",
        }
    }
}

/// How much of an area a person sees.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Nothing.
    #[default]
    None,
    /// Only what is assigned to the person, whatever group it belongs to (X04-7).
    Assigned,
    /// The groups that the person is in.
    Own,
    /// The groups of a list, and what lies below them (X04-13).
    List,
    /// Everything.
    All,
}

/// What a person sees of an area.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccessList {
    /// How much.
    pub mode: Mode,
    /// The groups of mode `list`; empty in every other mode.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub groups: BTreeSet<GroupId>,
}
