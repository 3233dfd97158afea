//! Who may be given and relieved of a role, whatever the door: how many may hold it, who is protected by it, and that somebody
//! who administers the organisation is left (X02-1, X03-5).
//!
//! Every write of a user passes here. "Somebody else is left" is relied on by that person's record: of two administrators who
//! relieve each other at the same time one comes second, looks again, and is refused.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::effective::{DefaultGrants, Sources, Target, Tree};
use crate::model::group::Group;
use crate::model::id::{GroupId, UserId};
use crate::model::licence::SeatClaim;
use crate::model::lifecycle::Step;
use crate::model::membership::Membership;
use crate::model::origin::Origin;
use crate::model::permission::definition::Catalogue;
use crate::model::record;
use crate::model::role::{Permission, Role};
use crate::model::slug::Slug;
use crate::model::user::User;
use crate::store::{SCAN_ENTRIES_MAX, Scan};

use super::authorise::Authority;
use super::error::Denial;
use super::keys::{self, Count, Index, Table};
use super::{DirectoryError, Unit};

/// Holders of a role looked at in one read.
const HOLDERS: usize = 50;

impl Unit {
    /// Judges a change of a user's roles or blocks, and counts the holders of each role.
    ///
    /// # Errors
    /// [`DirectoryError::Denied`]; as [`Unit::find`].
    pub(super) async fn may_hold_roles(&mut self, before: Option<&User>, after: &User) -> Result<(), DirectoryError> {
        let none = BTreeMap::new();
        let old = before.map_or(&none, |user| &user.roles);
        let gained: Vec<Slug> = after
            .roles
            .keys()
            .filter(|role| !old.contains_key(*role))
            .cloned()
            .collect();
        let lost: Vec<Slug> = old
            .keys()
            .filter(|role| !after.roles.contains_key(*role))
            .cloned()
            .collect();
        for role in &gained {
            self.gain_role(role).await?;
        }
        self.refuse_second_of_set(&gained, after).await?;
        for role in &lost {
            self.lose_role(role).await?;
        }
        let Some(before) = before else { return Ok(()) };
        let is_blocked = before.is_active() && !after.is_active();
        if is_blocked {
            self.refuse_protected(before.roles.keys()).await?;
        }
        if is_blocked || (before.is_active() && !lost.is_empty()) {
            let still = if after.is_active() { Some(after) } else { None };
            self.leaves_administrator(before, still).await?;
        }
        Ok(())
    }

    /// Judges the deletion of a user, and counts the user out.
    ///
    /// # Errors
    /// As [`Unit::may_hold_roles`].
    pub(super) async fn may_lose_roles(&mut self, user: &User) -> Result<(), DirectoryError> {
        for role in user.roles.keys() {
            self.lose_role(role).await?;
        }
        if user.is_active() {
            self.leaves_administrator(user, None).await
        } else {
            Ok(())
        }
    }

    async fn gain_role(&mut self, key: &Slug) -> Result<(), DirectoryError> {
        let role = self.find_role(key).await?;
        if let Some(role) = &role {
            self.may_give_role(role).await?;
        }
        let counter = keys::count(self.organisation(), &Count::RoleHolders(key.clone()));
        let max = role.and_then(|role| role.max_holders);
        if let Some(max) = max
            && self.counter(&counter).await? >= i64::from(max)
        {
            return Err(DirectoryError::Denied(Denial::RoleFull { max }));
        }
        self.count(counter, 1, max.map(i64::from));
        Ok(())
    }

    async fn lose_role(&mut self, key: &Slug) -> Result<(), DirectoryError> {
        self.refuse_protected(std::iter::once(key)).await?;
        let counter = keys::count(self.organisation(), &Count::RoleHolders(key.clone()));
        self.count(counter, -1, None);
        Ok(())
    }

    async fn refuse_protected(&mut self, roles: impl Iterator<Item = &Slug> + Send) -> Result<(), DirectoryError> {
        if *self.authority() == Authority::Gateway {
            return Ok(());
        }
        for key in roles {
            if self.find_role(key).await?.is_some_and(|role| role.protected) {
                return Err(DirectoryError::Denied(Denial::Protected));
            }
        }
        Ok(())
    }

    /// Whether the acting person may give this role to somebody in the whole organisation: nobody gives what they lack (S001-25).
    /// Tokens and connections give what they are allowed to.
    pub(super) async fn may_give_role(&mut self, role: &Role) -> Result<(), DirectoryError> {
        if !matches!(self.authority(), Authority::Person(_)) {
            return Ok(());
        }
        self.may_pass_on(role, None).await
    }

    /// Whether the acting person may give these permissions to somebody.
    pub(super) fn may_grant(&self, permissions: &BTreeSet<Permission>) -> Result<(), DirectoryError> {
        match self.authority() {
            Authority::Person(effective) if !permissions.iter().all(|wanted| effective.covers(wanted, None)) => {
                Err(DirectoryError::Denied(Denial::MoreThanOwn))
            }
            _ => Ok(()),
        }
    }

    /// Whether the acting person has all that a role brings, held in a group or in the whole organisation.
    ///
    /// # Errors
    /// [`DirectoryError::Denied`]; as [`Unit::find`].
    pub async fn may_pass_on(&mut self, role: &Role, group: Option<GroupId>) -> Result<(), DirectoryError> {
        let Authority::Person(effective) = self.authority().clone() else {
            return Ok(());
        };
        let held_in = match group {
            Some(group) => Some(self.tree(group).await?),
            None => None,
        };
        let mut pending = vec![role.clone()];
        let mut seen = BTreeSet::new();
        while let Some(role) = pending.pop() {
            let more = (role.administers || role.protected) && !effective.administers;
            let mut is_own = role
                .permissions
                .iter()
                .all(|wanted| effective.covers(wanted, held_in.as_ref()));
            for linked in &role.linked_groups {
                let tree = self.tree(*linked).await?;
                is_own &= role
                    .group_permissions
                    .iter()
                    .all(|wanted| effective.covers(wanted, Some(&tree)));
            }
            if more || !is_own {
                return Err(DirectoryError::Denied(Denial::MoreThanOwn));
            }
            for included in role.includes {
                if seen.insert(included.clone()) {
                    pending.extend(self.find_role(&included).await?);
                }
            }
        }
        Ok(())
    }

    /// Whether the acting person has all that the roles bring which a group gives to its members.
    ///
    /// # Errors
    /// As [`Unit::may_pass_on`].
    pub(super) async fn may_pass_on_gifts(&mut self, group: &Group) -> Result<(), DirectoryError> {
        for role in &group.grants_roles {
            if let Some(role) = self.find_role(role).await? {
                self.may_pass_on(&role, None).await?;
            }
        }
        Ok(())
    }

    /// Refuses what the acting person has no right to do there. Tokens and connections do what they are let in for.
    ///
    /// # Errors
    /// [`DirectoryError::Denied`].
    pub(super) fn demand(&self, action: &str, target: &Target) -> Result<(), DirectoryError> {
        match self.authority() {
            Authority::Person(effective) if !effective.allows(action, target).is_allowed() => {
                Err(DirectoryError::Denied(Denial::NoRight))
            }
            _ => Ok(()),
        }
    }

    /// A group as the target of an action, with those above it as a hint.
    ///
    /// # Errors
    /// As [`Unit::find`].
    pub(super) async fn target_group(&mut self, group: GroupId) -> Result<Target, DirectoryError> {
        let tree = self.tree(group).await?;
        Ok(Target {
            user: None,
            groups: BTreeSet::from([tree.group]),
            above: tree.above,
        })
    }

    /// A group with those above it, as a hint: moving a group is a change of its own.
    async fn tree(&mut self, group: GroupId) -> Result<Tree, DirectoryError> {
        let mut tree = Tree {
            group,
            above: BTreeSet::new(),
        };
        let mut next = Some(group);
        while let Some(id) = next {
            let found = self.glance(&keys::group(self.organisation(), id)).await?;
            let found = found.map(|bytes| record::decode::<Group>(&bytes)).transpose()?;
            next = found
                .and_then(|group| group.parent)
                .filter(|above| tree.above.insert(*above));
        }
        Ok(tree)
    }

    /// Refuses to leave the organisation without an administrator. `still` is the user as they will be, if they stay active.
    async fn leaves_administrator(&mut self, before: &User, still: Option<&User>) -> Result<(), DirectoryError> {
        if *self.authority() == Authority::Gateway || !self.any_administers(before.roles.keys()).await? {
            return Ok(());
        }
        let could_act = self.acts_as_administrator(before).await?;
        if let Some(still) = still {
            let stays = if could_act {
                self.acts_as_administrator(still).await?
            } else {
                self.any_administers(still.roles.keys()).await?
            };
            if stays {
                return Ok(());
            }
        }
        if could_act {
            return self.require_administrator(Some(before.id)).await;
        }
        // Of those who cannot act yet, somebody is left as well.
        match self.find_holder(&BTreeSet::from([before.id]), false).await? {
            Some(_) => Ok(()),
            None => Err(DirectoryError::Denied(Denial::LastAdministrator)),
        }
    }

    /// Refuses when nobody but this user administers the organisation.
    pub(super) async fn require_administrator(&mut self, but: Option<UserId>) -> Result<(), DirectoryError> {
        if *self.authority() == Authority::Gateway || self.has_administrator(but).await? {
            Ok(())
        } else {
            Err(DirectoryError::Denied(Denial::LastAdministrator))
        }
    }

    /// Whether somebody who can act, but for this user, administers the organisation. The one who is found is relied on.
    pub(super) async fn has_administrator(&mut self, but: Option<UserId>) -> Result<bool, DirectoryError> {
        Ok(self.find_administrator(&but.into_iter().collect()).await?.is_some())
    }

    /// Somebody who can act, none of these, who administers the organisation. The one who is found is relied on.
    pub(super) async fn find_administrator(&mut self, but: &BTreeSet<UserId>) -> Result<Option<User>, DirectoryError> {
        self.find_holder(but, true).await
    }

    /// An active user, none of these, who holds a role that administers the organisation; with `acts`, one who can act by it.
    async fn find_holder(&mut self, but: &BTreeSet<UserId>, acts: bool) -> Result<Option<User>, DirectoryError> {
        for role in self.administering().await? {
            let organisation = self.organisation();
            let mut scan = Scan::prefix(
                &keys::index_entries(organisation, Index::RoleHolder, role.as_str()),
                HOLDERS,
            );
            loop {
                let found = self.scan(scan.clone()).await?;
                for id in found
                    .iter()
                    .filter_map(|(key, _)| keys::last_uuid(key))
                    .map(UserId::new)
                {
                    let user = if but.contains(&id) {
                        None
                    } else {
                        self.find_user(id).await?
                    };
                    if let Some(user) = user.filter(|user| user.is_active() && user.roles.contains_key(&role))
                        && (!acts || self.acts_as_administrator(&user).await?)
                    {
                        return Ok(Some(user));
                    }
                }
                match found.last() {
                    Some((last, _)) if found.len() == HOLDERS => scan = scan.after(last.clone()),
                    _ => break,
                }
            }
        }
        Ok(None)
    }

    /// Whether a user administers the organisation at this moment: can sign in, waits for no seat, and by a role that does not
    /// sleep. Whoever was never invited, or does not come in, can help nobody.
    async fn acts_as_administrator(&mut self, user: &User) -> Result<bool, DirectoryError> {
        let waits = user.licences.values().any(SeatClaim::is_waiting);
        if !user.is_active() || waits || user.facts.step() < Step::Enrolled {
            return Ok(false);
        }
        let mut roles = BTreeMap::new();
        let mut pending: Vec<Slug> = user.roles.keys().cloned().collect();
        while let Some(key) = pending.pop() {
            if let Some(role) = self.find_role(&key).await? {
                pending.extend(role.includes.iter().filter(|next| !roles.contains_key(*next)).cloned());
                roles.insert(key, role);
            }
        }
        let mut memberships = Vec::new();
        for origin in user.roles.values().flatten() {
            if let Origin::Group(group) = origin
                && let Some(group) = self.find_group(*group).await?
            {
                memberships.push((group, Membership::new(origin.clone(), self.now())));
            }
        }
        let sources = Sources {
            user,
            memberships: &memberships,
            roles: &roles,
            catalogue: &Catalogue::new(),
            defaults: &DefaultGrants::default(),
            features: &BTreeSet::new(),
        };
        Ok(sources.effective().administers)
    }

    /// Whether one of these roles administers the organisation, itself or by what it includes.
    pub(super) async fn any_administers(
        &mut self,
        roles: impl Iterator<Item = &Slug> + Send,
    ) -> Result<bool, DirectoryError> {
        let mut pending: Vec<Slug> = roles.cloned().collect();
        let mut seen = BTreeSet::new();
        while let Some(key) = pending.pop() {
            if !seen.insert(key.clone()) {
                continue;
            }
            if let Some(role) = self.find_role(&key).await? {
                if role.administers {
                    return Ok(true);
                }
                pending.extend(role.includes);
            }
        }
        Ok(false)
    }

    /// The roles that administer the organisation, as this unit leaves them so far.
    async fn administering(&mut self) -> Result<Vec<Slug>, DirectoryError> {
        let table = keys::table(self.organisation(), Table::Role);
        let stored = self.scan(Scan::prefix(&table, SCAN_ENTRIES_MAX)).await?;
        let mut all = BTreeSet::new();
        for (_, stored) in &stored {
            all.insert(record::decode::<Role>(&stored.value)?.key);
        }
        let mut administering = Vec::new();
        for key in all {
            if self.any_administers(std::iter::once(&key)).await? {
                administering.push(key);
            }
        }
        Ok(administering)
    }
}
