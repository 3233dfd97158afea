//! Roles: named sets of permissions (S000-7, S001-15..25, S003-43..49).

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::id::GroupId;
pub use super::permission::{Permission, Reach};
use super::record::Record;
use super::slug::Slug;

/// A role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Role {
    /// Its short name.
    pub key: Slug,
    /// Its name for people.
    pub name: String,
    /// Where it counts.
    #[serde(default)]
    pub scope: Scope,
    /// What its holders may do.
    #[serde(default)]
    pub permissions: BTreeSet<Permission>,
    /// Roles whose permissions it contains (S001-22).
    #[serde(default)]
    pub includes: BTreeSet<Slug>,
    /// Whether it administers the organisation: its holders may do everything that the admin API offers there, and no
    /// connection grants such a role unless it is allowed to by name.
    #[serde(default)]
    pub administers: bool,
    /// Whether it belongs to the product: only an organisation file changes it, and nobody deletes it.
    #[serde(default)]
    pub built_in: bool,
    /// Through which doors it is given.
    #[serde(default)]
    pub assignable: Assignable,
    /// Groups that its holders are members of by themselves (S003-45).
    #[serde(default)]
    pub linked_groups: BTreeSet<GroupId>,
    /// What its holders may do within its linked groups (S003-46).
    #[serde(default)]
    pub group_permissions: BTreeSet<Permission>,
    /// At most so many people hold it; `None` for as many as wanted (X02-1: exactly one administrator).
    #[serde(default)]
    pub max_holders: Option<u32>,
    /// Whether its holders can be suspended, deleted or relieved of it by nobody but the gateway's administrator (X02-1, X03-5).
    #[serde(default)]
    pub protected: bool,
    /// The licence whose seat a person must hold for the role to count.
    #[serde(default)]
    pub requires_licence: Option<Slug>,
    /// Whether that seat comes and goes with the role: whoever is given the role has the licence by it (X02-4).
    #[serde(default)]
    pub takes_seat: bool,
    /// The set that it belongs to: of the roles of one set a person holds one at most (S002-3).
    #[serde(default)]
    pub one_of: Option<Slug>,
}

impl Record for Role {
    const KIND: &'static str = "role";
}

impl Role {
    /// A role that permits nothing yet.
    #[must_use]
    pub fn new(key: Slug, name: String) -> Self {
        Self {
            key,
            name,
            scope: Scope::default(),
            permissions: BTreeSet::new(),
            includes: BTreeSet::new(),
            administers: false,
            built_in: false,
            assignable: Assignable::default(),
            linked_groups: BTreeSet::new(),
            group_permissions: BTreeSet::new(),
            max_holders: None,
            protected: false,
            requires_licence: None,
            takes_seat: false,
            one_of: None,
        }
    }

    /// The licence that comes with the role.
    #[must_use]
    pub fn seat_taken(&self) -> Option<&Slug> {
        self.requires_licence.as_ref().filter(|_| self.takes_seat)
    }
}

/// Where a role counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// In the whole organisation.
    #[default]
    Global,
    /// In one group, held on the membership.
    Group,
}

/// Through which doors a role is given (S004-8).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Assignable {
    /// Through all.
    #[default]
    Everywhere,
    /// By tokens and connections only: no person sees it on offer.
    Api,
}
