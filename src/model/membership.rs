//! Who is in which group. An edge of its own with reasons and group roles (S001-15, S001-45, S003-18).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::clock::Timestamp;
use super::id::{GroupId, UserId};
use super::origin::{Origin, Origins};
use super::record::Record;
use super::slug::Slug;

/// A member: a user, or a nested group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Member {
    /// A user.
    User(UserId),
    /// A nested group.
    Group(GroupId),
}

/// The edge from a group to a member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Membership {
    /// Why the member is in the group; never empty in the store.
    pub origins: Origins,
    /// Roles held in this group only, with the reasons (S001-15).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub roles: BTreeMap<Slug, Origins>,
    /// When the member came in.
    pub since: Timestamp,
}

impl Record for Membership {
    const KIND: &'static str = "membership";
}

impl Membership {
    /// An edge for one reason.
    #[must_use]
    pub fn new(origin: Origin, since: Timestamp) -> Self {
        Self {
            origins: Origins::from([origin]),
            roles: BTreeMap::new(),
            since,
        }
    }

    /// Takes one reason away, here and from every group role that it gave. True when the edge is at its end.
    pub fn withdraw(&mut self, origin: &Origin) -> bool {
        self.origins.remove(origin);
        self.roles.retain(|_, origins| {
            origins.remove(origin);
            !origins.is_empty()
        });
        self.origins.is_empty()
    }
}
