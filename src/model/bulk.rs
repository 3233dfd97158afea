//! What can be done to many people at once.

use serde::{Deserialize, Serialize};

use super::id::{GroupId, ResourceId};
use super::slug::Slug;

/// One thing that is done to each of many people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "operation", rename_all = "snake_case", deny_unknown_fields)]
pub enum BulkTask {
    /// Puts them into a group (S001-31).
    AddToGroup {
        /// Which.
        group: GroupId,
    },
    /// Takes them out of a group, for the reasons that administrators gave (S001-36, S001-38).
    RemoveFromGroup {
        /// Which.
        group: GroupId,
    },
    /// Gives them a role: in one group (S001-27), or for the whole organisation.
    GiveRole {
        /// Which.
        role: Slug,
        /// Where; everywhere when missing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        group: Option<GroupId>,
    },
    /// Takes a role from them that was given directly (S001-28).
    WithdrawRole {
        /// Which.
        role: Slug,
        /// Where; everywhere when missing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        group: Option<GroupId>,
    },
    /// Gives them a licence.
    AssignLicence {
        /// Which.
        licence: Slug,
        /// Who pays; the default cost centre when missing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cost_centre: Option<Slug>,
    },
    /// Takes a directly given licence from them.
    FreeLicence {
        /// Which.
        licence: Slug,
    },
    /// Invites them by mail (S003-28).
    Invite,
    /// Invites those again who have an invitation out, the same way.
    Resend,
    /// Withdraws their invitations: they are prepared again.
    RevokeInvitation,
    /// Blocks them.
    Suspend,
    /// Lifts the administrator's block.
    Reactivate,
    /// Makes a group their home group (S004-22).
    Move {
        /// Which.
        to: GroupId,
        /// Whether the product takes what they did before along (S004-27).
        #[serde(default)]
        take_history: bool,
    },
    /// Assigns them a resource directly.
    AssignResource {
        /// Which.
        resource: ResourceId,
    },
    /// Takes a directly assigned resource from them.
    WithdrawResource {
        /// Which.
        resource: ResourceId,
    },
    /// Deletes them for good (S003-25, S003-26).
    Delete,
}

impl BulkTask {
    /// The word in requests and answers.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::AddToGroup { .. } => "add_to_group",
            Self::RemoveFromGroup { .. } => "remove_from_group",
            Self::GiveRole { .. } => "give_role",
            Self::WithdrawRole { .. } => "withdraw_role",
            Self::AssignLicence { .. } => "assign_licence",
            Self::FreeLicence { .. } => "free_licence",
            Self::Invite => "invite",
            Self::Resend => "resend",
            Self::RevokeInvitation => "revoke_invitation",
            Self::Suspend => "suspend",
            Self::Reactivate => "reactivate",
            Self::Move { .. } => "move",
            Self::AssignResource { .. } => "assign_resource",
            Self::WithdrawResource { .. } => "withdraw_resource",
            Self::Delete => "delete",
        }
    }

    /// Whether it cannot be taken back.
    #[must_use]
    pub const fn is_final(&self) -> bool {
        matches!(self, Self::Delete)
    }
}
