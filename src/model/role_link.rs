//! Roles and groups that bring each other along: a role may put its holders into groups (S003-45), a group may give its members
//! roles (S003-35). The one is edited at the role, the other at the group (S003-56). Both ways at once, and in circles.
//!
//! Nothing holds itself up: what a person has follows from the reasons that are not such links, by the least fixpoint. So taking
//! the last such reason away takes all that followed from it, circles included.

use std::collections::{BTreeMap, BTreeSet};

use super::id::GroupId;
use super::origin::{Origin, Origins};
use super::slug::Slug;

/// What one person has: roles, and groups with the reasons for being in each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Held {
    /// Roles held in the whole organisation.
    pub roles: BTreeMap<Slug, Origins>,
    /// Groups that the person is in.
    pub groups: BTreeMap<GroupId, Origins>,
}

/// The links that matter to one person.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Links {
    /// The groups that a role puts its holders into.
    pub linked: BTreeMap<Slug, BTreeSet<GroupId>>,
    /// The roles that a group gives its members.
    pub given: BTreeMap<GroupId, BTreeSet<Slug>>,
}

/// Whether a reason for a role follows from a link.
#[must_use]
pub fn is_given(origin: &Origin) -> bool {
    matches!(origin, Origin::Group(_))
}

/// Whether a reason for being in a group follows from a link.
#[must_use]
pub fn is_linked(origin: &Origin) -> bool {
    matches!(origin, Origin::Role(_))
}

impl Held {
    /// What has a reason of its own, with these reasons only.
    #[must_use]
    pub fn roots(&self) -> Self {
        fn keep<K: Ord + Clone>(
            held: &BTreeMap<K, Origins>,
            follows: impl Fn(&Origin) -> bool,
        ) -> BTreeMap<K, Origins> {
            let own = |origins: &Origins| origins.iter().filter(|origin| !follows(origin)).cloned().collect();
            let all = held.iter().map(|(key, origins)| (key.clone(), own(origins)));
            all.filter(|(_, origins): &(K, Origins)| !origins.is_empty()).collect()
        }
        Self {
            roles: keep(&self.roles, is_given),
            groups: keep(&self.groups, is_linked),
        }
    }

    /// What the person has once the links are followed: the least set that holds the roots and is closed over the links, each
    /// edge with every reason for it.
    #[must_use]
    pub fn settled(&self, links: &Links) -> Self {
        let mut held = self.roots();
        let mut roles: Vec<Slug> = held.roles.keys().cloned().collect();
        let mut groups: Vec<GroupId> = held.groups.keys().copied().collect();
        loop {
            if let Some(role) = roles.pop() {
                for group in links.linked.get(&role).into_iter().flatten() {
                    let origins = held.groups.entry(*group).or_default();
                    if origins.is_empty() {
                        groups.push(*group);
                    }
                    origins.insert(Origin::Role(role.clone()));
                }
            } else if let Some(group) = groups.pop() {
                for role in links.given.get(&group).into_iter().flatten() {
                    let origins = held.roles.entry(role.clone()).or_default();
                    if origins.is_empty() {
                        roles.push(role.clone());
                    }
                    origins.insert(Origin::Group(group));
                }
            } else {
                return held;
            }
        }
    }
}
