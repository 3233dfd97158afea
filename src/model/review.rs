//! Reviews: identities of a connection that look like somebody who is there already, and wait for an administrator to say
//! whether they are (design.md section 5).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::clock::Timestamp;
use super::record::Record;
use super::slug::Slug;

/// One identity that waits, or about which an administrator has decided. No secrets, and of the person only the name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Review {
    /// Its name on the list: a hash of the identity, 32 hexadecimal digits.
    pub id: String,
    /// A user or a group.
    pub kind: ReviewKind,
    /// The connection's own identifier, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// The user name or the group's name, as the source has it.
    pub name: String,
    /// The user or group that was found.
    pub found: Uuid,
    /// What was the same: `userName`, `emails` or `displayName`.
    pub matched: String,
    /// When it was first asked.
    pub since: Timestamp,
    /// What an administrator said, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<Decided>,
}

/// What is reviewed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReviewKind {
    /// A person.
    User,
    /// A group.
    Group,
}

impl ReviewKind {
    /// The word in answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Group => "group",
        }
    }
}

/// An administrator's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decided {
    /// What it is.
    pub verdict: Verdict,
    /// When it was given.
    pub at: Timestamp,
}

/// What an administrator decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// They are the same: the next request or run links them.
    Approved,
    /// They are not: the identity is refused until the decision is withdrawn.
    Rejected,
}

impl Record for Review {
    const KIND: &'static str = "review";
}

impl Review {
    /// What an administrator said about this identity and this user or group; nothing about another one.
    #[must_use]
    pub fn verdict_on(&self, found: Uuid) -> Option<Verdict> {
        let decided = self.decision.filter(|_| self.found == found);
        decided.map(|decided| decided.verdict)
    }
}

/// An identity and whom it was taken for: what a review is asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Whose identity.
    pub connection: Slug,
    /// A user or a group.
    pub kind: ReviewKind,
    /// The connection's own identifier, where it has one.
    pub external_id: Option<String>,
    /// The name, as the source has it.
    pub name: String,
    /// Who was found.
    pub found: Uuid,
    /// What was the same.
    pub matched: String,
}
