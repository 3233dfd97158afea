//! What a group gives to its members: roles and licences (S003-35, S003-45).
//!
//! Who joins or leaves is given or loses it in the same commit. A change of what the group gives reaches everyone else in
//! parts, like a changed link: see [`super::role_link_work`].

use std::collections::BTreeSet;

use serde_json::json;

use crate::model::effective::Target;
use crate::model::event::EventKind;
use crate::model::group::Group;
use crate::model::id::{GroupId, OrganisationId, UserId};
use crate::model::licence::{Seat, SeatClaim};
use crate::model::origin::Origin;
use crate::model::role::Scope;
use crate::model::slug::Slug;
use crate::store::{SCAN_ENTRIES_MAX, Scan};

use super::authorise::Authority;
use super::error::Denial;
use super::group_members::check_role;
use super::keys::{self, Table};
use super::{Directory, DirectoryError, Operation, Permit, Principal, Unit};

/// Changes what a group gives. Its members get it by [`Directory::change_group_gives`].
#[derive(Debug, Clone, Default)]
pub struct ChangeGives {
    /// Roles that it gives from now on.
    pub add_roles: BTreeSet<Slug>,
    /// Roles that it gives no more.
    pub remove_roles: BTreeSet<Slug>,
    /// Licences that it gives from now on.
    pub add_licences: BTreeSet<Slug>,
    /// Licences that it gives no more.
    pub remove_licences: BTreeSet<Slug>,
}

struct Change<'a>(GroupId, &'a ChangeGives);

#[async_trait::async_trait]
impl Operation for Change<'_> {
    type Outcome = Group;

    async fn attempt(&self, unit: &mut Unit) -> Result<Group, DirectoryError> {
        let Self(id, change) = self;
        let organisation = unit.organisation();
        let before = unit.load_group(*id).await?;
        // Whoever has the group give something gives it to its members, and nobody gives what they do not have (S001-25).
        for role in change.add_roles.iter().chain(&change.remove_roles) {
            if let Some(role) = unit.find_role(role).await? {
                unit.may_pass_on(&role, None).await?;
            }
        }
        if !(change.add_roles.is_empty() && change.remove_roles.is_empty()) {
            let members = unit.target_group(*id).await?;
            unit.demand("role.assign", &members)?;
        }
        if !(change.add_licences.is_empty() && change.remove_licences.is_empty()) {
            unit.demand("licence.assign", &Target::organisation())?;
        }
        for role in &change.add_roles {
            check_role(unit, role, Scope::Global).await?;
            if unit
                .find_role(role)
                .await?
                .is_some_and(|role| role.max_holders.is_some())
            {
                let reason = format!(
                    "role {:?} has a number of holders that a group cannot keep to: give it to users",
                    role.as_str()
                );
                return Err(DirectoryError::invalid("role", reason));
            }
        }
        for licence in &change.add_licences {
            let key = keys::named(organisation, Table::Licence, licence);
            if unit.bytes(&key).await?.is_none() {
                let reason = format!("licence {:?} does not exist", licence.as_str());
                return Err(DirectoryError::invalid("licence", reason));
            }
        }
        let mut after = before.clone();
        after.grants_roles.extend(change.add_roles.iter().cloned());
        after.grants_roles.retain(|role| !change.remove_roles.contains(role));
        after.grants_licences.extend(change.add_licences.iter().cloned());
        after
            .grants_licences
            .retain(|licence| !change.remove_licences.contains(licence));
        // Also when nothing changed: whoever is not in line is looked at again.
        unit.mark_group(*id);
        if after == before {
            return Ok(after);
        }
        let data = json!({ "roles": after.grants_roles, "licences": after.grants_licences });
        unit.event(EventKind::GroupGivesChanged, *id, data);
        let administered = change
            .remove_roles
            .iter()
            .any(|role| before.grants_roles.contains(role))
            && unit.any_administers(change.remove_roles.iter()).await?
            && unit.has_administrator(None).await?;
        let after = unit.update_group(&before, after).await?;
        if administered {
            keeps_administrator(unit).await?;
        }
        Ok(after)
    }
}

/// Refuses to take the administrators' role from a group while everyone who administers the organisation has it from there.
async fn keeps_administrator(unit: &mut Unit) -> Result<(), DirectoryError> {
    if *unit.authority() == Authority::Gateway {
        return Ok(());
    }
    let mut but = BTreeSet::new();
    while let Some(user) = unit.find_administrator(&but).await? {
        let roles = unit.roles_to_come(&user).await?;
        if unit.any_administers(roles.iter()).await? {
            return Ok(());
        }
        but.insert(user.id);
    }
    Err(DirectoryError::Denied(Denial::LastAdministrator))
}

/// Has a group's members brought in line from the start, where an earlier release left a mark of its own kind.
struct TakeOver(GroupId);

#[async_trait::async_trait]
impl Operation for TakeOver {
    type Outcome = ();

    async fn attempt(&self, unit: &mut Unit) -> Result<(), DirectoryError> {
        let walk = keys::group_gives(unit.organisation(), self.0);
        if unit.bytes(&walk).await?.is_some() {
            unit.delete(walk);
            if unit.find_group(self.0).await?.is_some() {
                unit.mark_group(self.0);
            }
        }
        Ok(())
    }
}

/// What a change of gifts did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Given {
    /// Members whose roles or licences changed.
    pub changed: usize,
    /// Members for whom a licence had no free seat, in the order of its queue: they have the roles, and are given the licence as
    /// soon as there is a seat.
    pub refused: Vec<UserId>,
}

/// Places in a queue that are read at once.
const PLACES_AT_ONCE: usize = 500;

impl Directory {
    /// Changes what a group gives, and brings its members to it: see [`super::role_link_work`].
    ///
    /// # Errors
    /// [`DirectoryError::InvalidValue`] for a role or licence that does not exist, or a role that counts inside one group;
    /// [`DirectoryError::Denied`] where nobody who administers the organisation would be left; as the store's commit.
    pub async fn change_group_gives(
        &self,
        permit: &Permit,
        group: GroupId,
        change: &ChangeGives,
    ) -> Result<(Group, Given), DirectoryError> {
        let changed = self.run_only(permit, &Change(group, change)).await?;
        let mut given = Given {
            changed: self.follow_up(permit, Some(group)).await?,
            refused: Vec::new(),
        };
        for licence in &changed.grants_licences {
            let missing = self.who_misses(permit.organisation(), licence, group).await?;
            for user in missing {
                if !given.refused.contains(&user) {
                    given.refused.push(user);
                }
            }
        }
        Ok((changed, given))
    }

    /// Who was refused a licence that a group gives, in the order in which they will be given it.
    async fn who_misses(
        &self,
        organisation: OrganisationId,
        licence: &Slug,
        group: GroupId,
    ) -> Result<Vec<UserId>, DirectoryError> {
        let origin = Origin::Group(group);
        let mut missing = Vec::new();
        let mut scan = Scan::prefix(&keys::queue(organisation, licence), PLACES_AT_ONCE);
        loop {
            let places = self.store.scan(scan.clone()).await?;
            let Some((last, _)) = places.last() else {
                return Ok(missing);
            };
            scan = scan.after(last.clone());
            let ids: Vec<UserId> = places
                .iter()
                .filter_map(|(key, _)| keys::last_uuid(key))
                .map(UserId::new)
                .collect();
            for user in self.browse_users_by_id(organisation, &ids).await? {
                let claim = user.licences.get(licence);
                let is_missing =
                    |claim: &SeatClaim| matches!(claim.seat, Seat::Refused(_)) && claim.origins.contains(&origin);
                if claim.is_some_and(is_missing) {
                    missing.push(user.id);
                }
            }
        }
    }

    /// Goes on with what an earlier release left half done. Safe to run at any time and again.
    ///
    /// # Errors
    /// As the store's read and commit.
    pub async fn resume_group_gives(&self, organisation: OrganisationId) -> Result<(), DirectoryError> {
        let permit = Principal::system().administer(organisation)?;
        let walks = Scan::prefix(&keys::groups_giving(organisation), SCAN_ENTRIES_MAX);
        for (walk, _) in self.store.scan(walks).await? {
            if let Some(id) = keys::last_uuid(&walk) {
                self.run(&permit, &TakeOver(GroupId::new(id))).await?;
            }
        }
        Ok(())
    }
}
