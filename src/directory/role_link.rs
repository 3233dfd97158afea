//! Following the links between roles and groups, in the unit that changes a user's roles or memberships.
//!
//! Only a change that touches a link costs anything, and then the user's own groups and roles: never the size of a group. A link
//! that is itself changed reaches those who are there already afterwards, in parts: see [`super::role_link_work`].

use std::collections::BTreeSet;

use serde_json::json;

use crate::model::event::EventKind;
use crate::model::group::Group;
use crate::model::id::{GroupId, UserId};
use crate::model::membership::{Member, Membership};
use crate::model::origin::{Origin, Origins};
use crate::model::role::Role;
use crate::model::role_link::{Held, Links};
use crate::model::slug::Slug;
use crate::model::user::User;
use crate::store::{Key, SCAN_ENTRIES_MAX, Scan};

use super::keys::{self, Count, Table, access};
use super::membership::{MemberChanges, claim_licence};
use super::{DirectoryError, Unit};

impl Unit {
    /// A role that the decision relies on; its absence is relied on as well.
    ///
    /// # Errors
    /// As [`Unit::find`].
    pub(super) async fn find_role(&mut self, key: &Slug) -> Result<Option<Role>, DirectoryError> {
        let key = keys::named(self.organisation(), Table::Role, key);
        self.find(&key).await
    }

    /// Brings a user who is about to be written in line with the links, when the change touches one.
    pub(super) async fn follow_links(&mut self, before: Option<&User>, after: &mut User) -> Result<(), DirectoryError> {
        let none = std::collections::BTreeMap::new();
        let old = before.map_or(&none, |user| &user.roles);
        let all: BTreeSet<&Slug> = old.keys().chain(after.roles.keys()).collect();
        let changed: Vec<Slug> = all
            .into_iter()
            .filter(|role| old.get(*role) != after.roles.get(*role))
            .cloned()
            .collect();
        for role in &changed {
            if self.links(role).await? {
                return self.settle_links(after).await;
            }
        }
        Ok(())
    }

    /// Whether a role puts its holders into groups or takes a seat for them, or did and some are still there.
    async fn links(&mut self, role: &Slug) -> Result<bool, DirectoryError> {
        let organisation = self.organisation();
        let record = keys::named(organisation, Table::Role, role);
        let pending = access::pending_role(organisation, role);
        self.fetch([record, pending.clone()]).await?;
        let found = self.find_role(role).await?;
        // A role that is gone is still being taken from those who held it.
        let leads_on = |role: Role| !role.linked_groups.is_empty() || role.takes_seat;
        Ok(found.is_none_or(leads_on) || self.glance(&pending).await?.is_some())
    }

    /// Whether a group gives its members something, or did and some still have it.
    pub(super) async fn gives(&mut self, group: &Group) -> Result<bool, DirectoryError> {
        let pending = access::pending_group(self.organisation(), group.id);
        Ok(!group.grants_roles.is_empty()
            || !group.grants_licences.is_empty()
            || self.glance(&pending).await?.is_some())
    }

    /// Refuses to delete a group while roles put people into it, or while its members are still being brought in line.
    pub(super) async fn is_free_of_links(&mut self, group: &Group) -> Result<(), DirectoryError> {
        let organisation = self.organisation();
        let pending = access::pending_group(organisation, group.id);
        if self.bytes(&pending).await?.is_some() {
            return Err(DirectoryError::Contended {
                key: pending.to_string(),
            });
        }
        let linked = keys::count(organisation, &Count::RolesLinked(group.id));
        self.bytes(&linked).await?;
        if self.counter(&linked).await? > 0 {
            let reason = "roles put their holders into this group: take it from their linked groups first";
            return Err(DirectoryError::invalid("group", reason));
        }
        Ok(())
    }

    /// Forgets how many roles put people into a group that goes.
    pub(super) fn forget_link_count(&mut self, group: &Group) {
        self.delete(keys::count(self.organisation(), &Count::RolesLinked(group.id)));
    }

    /// Brings a stored user in line with the links, whatever was changed. Answers whether the user's record is another one now.
    pub(super) async fn resettle_user(&mut self, id: UserId) -> Result<bool, DirectoryError> {
        let Some(before) = self.find_user(id).await? else {
            return Ok(false);
        };
        let mut after = before.clone();
        self.settle_links(&mut after).await?;
        let written = self.write_user(&before, after).await?;
        Ok(written != before)
    }

    /// The roles that somebody will have once everyone is in line with the links as this unit leaves them.
    pub(super) async fn roles_to_come(&mut self, user: &User) -> Result<BTreeSet<Slug>, DirectoryError> {
        let edges = self.edges_of(Member::User(user.id)).await?;
        let held = Held {
            roles: user.roles.clone(),
            groups: edges.into_iter().map(|(id, edge)| (id, edge.origins)).collect(),
        };
        let mut reached = Reached::default();
        reached.explore(self, &held).await?;
        Ok(held.settled(&reached.links).roles.into_keys().collect())
    }

    /// Computes what follows from the roots, and changes the user's roles, memberships and licences to that.
    pub(super) async fn settle_links(&mut self, user: &mut User) -> Result<(), DirectoryError> {
        let member = Member::User(user.id);
        let edges = self.edges_of(member).await?;
        let held = Held {
            roles: user.roles.clone(),
            groups: edges.iter().map(|(id, edge)| (*id, edge.origins.clone())).collect(),
        };
        let mut reached = Reached::default();
        reached.explore(self, &held).await?;
        let settled = held.settled(&reached.links);
        user.roles = settled.roles;
        for group in reached.groups.values() {
            let (was, is) = (held.groups.get(&group.id), settled.groups.get(&group.id));
            if was != is {
                let edge = edges.iter().find(|(id, _)| *id == group.id).map(|(_, edge)| edge);
                self.move_edge(group, member, edge, is).await?;
            }
        }
        let is_living = |origin: &Origin, licence: &Slug| match origin {
            Origin::Group(group) => {
                settled.groups.contains_key(group)
                    && reached
                        .groups
                        .get(group)
                        .is_some_and(|group| group.grants_licences.contains(licence))
            }
            _ => true,
        };
        for (licence, claim) in &mut user.licences {
            claim.origins.retain(|origin| is_living(origin, licence));
        }
        for group in settled.groups.keys().filter_map(|id| reached.groups.get(id)) {
            for licence in &group.grants_licences {
                claim_licence(user, licence, Origin::Group(group.id));
            }
        }
        self.follow_seats(user).await
    }

    /// A member's edges as this unit leaves them so far. Whoever adds or removes one at the same time conflicts.
    async fn edges_of(&mut self, member: Member) -> Result<Vec<(GroupId, Membership)>, DirectoryError> {
        let organisation = self.organisation();
        let prefix = keys::member_groups(organisation, member);
        self.bytes(&keys::member_changes(organisation, member)).await?;
        let stored = self.scan(Scan::prefix(&prefix, SCAN_ENTRIES_MAX)).await?;
        let mut all: BTreeSet<Key> = stored.into_iter().map(|(key, _)| key).collect();
        all.extend(self.changed_under(&prefix).map(|(key, _)| key.clone()));
        self.fetch(all.iter().cloned()).await?;
        let mut edges = Vec::with_capacity(all.len());
        for key in all {
            let edge: Option<Membership> = self.find(&key).await?;
            if let (Some(edge), Some(group)) = (edge, keys::last_uuid(&key)) {
                edges.push((GroupId::new(group), edge));
            }
        }
        Ok(edges)
    }

    /// Writes an edge with the reasons that it has now; without any it goes.
    async fn move_edge(
        &mut self,
        group: &Group,
        member: Member,
        before: Option<&Membership>,
        origins: Option<&Origins>,
    ) -> Result<(), DirectoryError> {
        let organisation = self.organisation();
        let mut changes = MemberChanges::default();
        match (before, origins) {
            (Some(_), None) => {
                self.remove_edge(group.id, member);
                self.count(keys::member_changes(organisation, member), 1, None);
                self.event(
                    EventKind::MembershipRemoved,
                    group.id,
                    json!({ "members": [super::membership::member_text(member)] }),
                );
            }
            (before, Some(origins)) => {
                let edge = Membership {
                    origins: origins.clone(),
                    roles: before.map(|edge| edge.roles.clone()).unwrap_or_default(),
                    since: before.map_or_else(|| self.now(), |edge| edge.since),
                };
                self.put(keys::group_member(organisation, group.id, member), &edge);
                self.put(keys::member_group(organisation, member, group.id), &edge);
                if before.is_none() {
                    self.count(keys::count(organisation, &Count::Members(group.id)), 1, None);
                    self.count(keys::member_changes(organisation, member), 1, None);
                    changes.added.push(member);
                    self.note_member_changes(group.id, &changes);
                }
            }
            (None, None) => {}
        }
        Ok(())
    }
}

/// The roles and groups that can be reached from what a person has.
#[derive(Default)]
struct Reached {
    links: Links,
    groups: std::collections::BTreeMap<GroupId, Group>,
    roles: BTreeSet<Slug>,
}

impl Reached {
    /// Reads every role and group on the way. All of them are relied on.
    async fn explore(&mut self, unit: &mut Unit, held: &Held) -> Result<(), DirectoryError> {
        let mut roles: Vec<Slug> = held.roles.keys().cloned().collect();
        let mut groups: Vec<GroupId> = held.groups.keys().copied().collect();
        let organisation = unit.organisation();
        while !roles.is_empty() || !groups.is_empty() {
            let wanted: Vec<Key> = roles
                .iter()
                .map(|role| keys::named(organisation, Table::Role, role))
                .chain(groups.iter().map(|group| keys::group(organisation, *group)))
                .collect();
            unit.fetch(wanted).await?;
            let mut next_groups = Vec::new();
            let mut next_roles = Vec::new();
            for key in roles {
                if !self.roles.insert(key.clone()) {
                    continue;
                }
                if let Some(role) = unit.find_role(&key).await? {
                    next_groups.extend(role.linked_groups.iter().copied());
                    self.links.linked.insert(key, role.linked_groups);
                }
            }
            for id in groups {
                if self.groups.contains_key(&id) {
                    continue;
                }
                if let Some(group) = unit.find_group(id).await? {
                    next_roles.extend(group.grants_roles.iter().cloned());
                    self.links.given.insert(id, group.grants_roles.clone());
                    self.groups.insert(id, group);
                }
            }
            (roles, groups) = (next_roles, next_groups);
        }
        self.prune();
        Ok(())
    }

    /// A link to a group that is not there, and to a role that is not there, leads nowhere.
    fn prune(&mut self) {
        let Self { links, groups, .. } = self;
        for linked in links.linked.values_mut() {
            linked.retain(|group| groups.contains_key(group));
        }
        let known: BTreeSet<Slug> = links.linked.keys().cloned().collect();
        for given in links.given.values_mut() {
            given.retain(|role| known.contains(role));
        }
    }
}
