//! What a run could not do, entry by entry: a list that a person works off, and that the next run tries again by itself.

pub mod list;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::directory::DirectoryError;
use crate::model::id::UserId;
use crate::model::review::Question;
use crate::model::slug::Slug;

/// One entry that was left as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failure {
    /// What the entry is.
    pub kind: Kind,
    /// The source's identifier, where the entry has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// The user name, the group's name, or the entry's DN: for the person who puts it right. Never in a log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Why.
    pub reason: FailureReason,
}

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A person.
    User,
    /// A group.
    Group,
}

impl Kind {
    /// The word in answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "person",
            Self::Group => "group",
        }
    }

    /// What the keys of links have for it.
    pub(super) const fn link_tag(self) -> u8 {
        match self {
            Self::User => b'u',
            Self::Group => b'g',
        }
    }
}

/// Why an entry was left as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case", deny_unknown_fields)]
pub enum FailureReason {
    /// Nothing tells the entry from others for ever.
    NoStableId,
    /// A rule failed, or none gives a name.
    Unmapped {
        /// The rule and the cure.
        detail: String,
    },
    /// Another entry of the same reading has the name.
    Duplicate {
        /// The attribute.
        attribute: String,
        /// The other entry's identifier.
        with: String,
    },
    /// A user or group of another source has the name, and the connection may not adopt it.
    Taken {
        /// The attribute.
        attribute: String,
        /// The user, if one is meant.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<UserId>,
    },
    /// A user or group of another source has the name, and an administrator has to say whether they are the same.
    Review {
        /// The attribute.
        attribute: String,
        /// The user or group.
        found: uuid::Uuid,
    },
    /// No seat is free.
    NoSeat {
        /// The licence.
        licence: Slug,
        /// Seats in use.
        used: i64,
        /// Seats in all.
        limit: i64,
    },
    /// The user or group changed between plan and apply: the next run plans it again.
    Outdated,
    /// Members of a group are not there, most often because they failed themselves.
    MembersMissing {
        /// How many.
        count: u64,
    },
    /// No seat is free of a licence that the group gives, so members do not come into it.
    MembersWithoutSeat {
        /// The licence.
        licence: Slug,
        /// How many.
        count: u64,
    },
    /// The directory refused for another reason.
    Refused {
        /// What it says.
        detail: String,
    },
}

impl fmt::Display for FailureReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoStableId => f.write_str("the entry has no usable stable id; let the reading account see it"),
            Self::Unmapped { detail } | Self::Refused { detail } => f.write_str(detail),
            Self::Duplicate { attribute, with } => {
                write!(
                    f,
                    "entry {with} of the same directory has the same {attribute}; change one of them"
                )
            }
            Self::Taken { attribute, by } => {
                write!(f, "the {attribute} belongs to ")?;
                match by {
                    Some(user) => write!(f, "user {user}")?,
                    None => f.write_str("something else")?,
                }
                f.write_str(", whom this connection may not adopt; change one, or set matching.adoption")
            }
            Self::Review { attribute, found } => {
                write!(
                    f,
                    "the {attribute} belongs to {found}: approve or reject it with usher review, or change one of them"
                )
            }
            Self::NoSeat { licence, used, limit } => {
                write!(f, "no free seat of licence {licence}: {used} of {limit} are in use")
            }
            Self::Outdated => f.write_str("changed since the plan was made; the next run tries again"),
            Self::MembersMissing { count } => {
                write!(f, "{count} members could not be added; put them right first")
            }
            Self::MembersWithoutSeat { licence, count } => {
                write!(
                    f,
                    "{count} members could not be added: no seat of licence {licence} is free for them"
                )
            }
        }
    }
}

impl FailureReason {
    /// An administrator has to answer this question first.
    #[must_use]
    pub fn review(question: &Question) -> Self {
        Self::Review {
            attribute: question.matched.clone(),
            found: question.found,
        }
    }
}

impl From<&DirectoryError> for FailureReason {
    fn from(error: &DirectoryError) -> Self {
        match error {
            DirectoryError::Uniqueness { attribute, .. } => Self::Taken {
                attribute: attribute.to_string(),
                by: None,
            },
            DirectoryError::AwaitsReview(question) => Self::review(question),
            DirectoryError::SeatsExhausted { licence, used, limit } => Self::NoSeat {
                licence: licence.clone(),
                used: *used,
                limit: *limit,
            },
            DirectoryError::Contended { .. } | DirectoryError::NotFound { .. } => Self::Outdated,
            other => Self::Refused {
                detail: other.to_string(),
            },
        }
    }
}
