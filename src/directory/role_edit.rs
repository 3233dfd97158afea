//! Making and changing roles (S003-43..49): what a role may say, and what follows from a change of one that people hold.

use std::collections::BTreeSet;

use crate::model::effective::Target;
use crate::model::group::Group;
use crate::model::id::GroupId;
use crate::model::permission::definition::{Catalogue, Definition, Unfit, fits};
use crate::model::record;
use crate::model::role::{Permission, Role, Scope};
use crate::model::slug::Slug;
use crate::store::{SCAN_ENTRIES_MAX, Scan};

use super::authorise::Authority;
use super::error::Denial;
use super::keys::{self, Count, Table, access};
use super::role::PutRole;
use super::{DirectoryError, Operation, Unit};

impl Unit {
    /// Judges what a role says.
    ///
    /// # Errors
    /// [`DirectoryError::InvalidValue`] with the place; as [`Unit::find`].
    pub(super) async fn check_role(&mut self, before: Option<&Role>, role: &Role) -> Result<(), DirectoryError> {
        let organisation = self.organisation();
        let place = |part: &str| format!("roles.{}.{part}", role.key);
        let catalogue = self.catalogue().await?;
        for (part, permissions) in [
            ("permissions", &role.permissions),
            ("group_permissions", &role.group_permissions),
        ] {
            unfit(&catalogue, permissions)
                .map_err(|reason| DirectoryError::invalid(place(part), reason.to_string()))?;
        }
        if role.scope == Scope::Group && !(role.linked_groups.is_empty() && role.group_permissions.is_empty()) {
            let reason = "a role that is held in a group has no linked groups: give it scope = \"global\"";
            return Err(DirectoryError::invalid(place("linked_groups"), reason));
        }
        if role.max_holders == Some(0) {
            return Err(DirectoryError::invalid(
                place("max_holders"),
                "is 0: use 1 or more, or leave it out",
            ));
        }
        if role.max_holders.is_some() && before.is_none_or(|before| before.max_holders.is_none()) {
            self.refuse_givers(role).await?;
        }
        for group in &role.linked_groups {
            if self
                .find_present::<Group>(&keys::group(organisation, *group))
                .await?
                .is_none()
            {
                let reason = format!("group {group} does not exist");
                return Err(DirectoryError::invalid(place("linked_groups"), reason));
            }
        }
        if let Some(licence) = &role.requires_licence
            && self
                .bytes(&keys::named(organisation, Table::Licence, licence))
                .await?
                .is_none()
        {
            let reason = format!("licence \"{licence}\" does not exist: declare it first");
            return Err(DirectoryError::invalid(place("requires_licence"), reason));
        }
        let held = keys::count(organisation, &Count::RoleHolders(role.key.clone()));
        if before.is_some_and(|before| before.scope != role.scope) && self.counter(&held).await? > 0 {
            self.bytes(&held).await?;
            let reason = "cannot change while people hold this role: take it from them first";
            return Err(DirectoryError::invalid(place("scope"), reason));
        }
        if self
            .bytes(&access::pending_deletion(organisation, &role.key))
            .await?
            .is_some()
        {
            let reason = "a role of this name is still being deleted: wait a moment, or use another name";
            return Err(DirectoryError::invalid(format!("roles.{}", role.key), reason));
        }
        Ok(())
    }

    /// Refuses a number of holders for a role that a group gives: the group cannot keep to it.
    async fn refuse_givers(&mut self, role: &Role) -> Result<(), DirectoryError> {
        // "No group gives it" is relied on: a group that comes to give it meanwhile leaves an event, and that is a conflict.
        self.bytes(&keys::events(self.organisation())).await?;
        let mut scan = Scan::prefix(&keys::table(self.organisation(), Table::Group), SCAN_ENTRIES_MAX);
        loop {
            let found = self.scan(scan.clone()).await?;
            let Some((last, _)) = found.last() else { return Ok(()) };
            scan = scan.after(last.clone());
            for (_, stored) in &found {
                let group: Group = record::decode(&stored.value)?;
                if group.grants_roles.contains(&role.key) {
                    let reason = format!(
                        "group {} gives this role to its members: take it out there first, or leave max_holders out",
                        group.id
                    );
                    return Err(DirectoryError::invalid(
                        format!("roles.{}.max_holders", role.key),
                        reason,
                    ));
                }
            }
        }
    }

    /// What follows from a change of a role: its holders are brought in line afterwards.
    pub(super) fn change_links(&mut self, before: Option<&Role>, role: &Role) {
        let none = BTreeSet::new();
        let old = before.map_or(&none, |before| &before.linked_groups);
        self.count_links(old, &role.linked_groups);
        if *old != role.linked_groups {
            self.mark_role(&role.key);
        }
    }

    /// Counts how many roles put people into each group.
    pub(super) fn count_links(&mut self, old: &BTreeSet<GroupId>, new: &BTreeSet<GroupId>) {
        let organisation = self.organisation();
        for (groups, delta) in [(new.difference(old), 1), (old.difference(new), -1)] {
            for group in groups {
                self.count(keys::count(organisation, &Count::RolesLinked(*group)), delta, None);
            }
        }
    }

    /// The catalogue of permissions, as this unit leaves it so far. Each permission is relied on.
    ///
    /// # Errors
    /// As [`Unit::find`].
    pub(super) async fn catalogue(&mut self) -> Result<Catalogue, DirectoryError> {
        let table = keys::table(self.organisation(), Table::Permission);
        let stored = self.scan(Scan::prefix(&table, SCAN_ENTRIES_MAX)).await?;
        let mut all: BTreeSet<_> = stored.into_iter().map(|(key, _)| key).collect();
        all.extend(self.changed_under(&table).map(|(key, _)| key.clone()));
        let mut catalogue = Catalogue::new();
        for key in all {
            let bytes = self.bytes(&key).await?;
            if let Some(definition) = bytes.map(|bytes| record::decode::<Definition>(&bytes)).transpose()? {
                catalogue.insert(definition.key.clone(), definition);
            }
        }
        Ok(catalogue)
    }
}

/// Whether somebody may administer the organisation by a role as it was, and not as it is to be.
pub(super) fn permits_less(before: &Role, after: &Role) -> bool {
    (before.administers && !after.administers) || !before.includes.is_subset(&after.includes)
}

/// The first of some permissions that does not fit the catalogue.
pub(super) fn unfit(catalogue: &Catalogue, permissions: &BTreeSet<Permission>) -> Result<(), Unfit> {
    permissions
        .iter()
        .try_for_each(|permission| fits(catalogue, permission))
}

/// Makes or changes a role, as an administrator: built-in ones belong to organisation files. Answers whether anything changed.
pub struct EditRole {
    /// The role as it is to be.
    pub role: Role,
    /// Whether it must be new.
    pub is_new: bool,
}

#[async_trait::async_trait]
impl Operation for EditRole {
    type Outcome = Role;

    async fn attempt(&self, unit: &mut Unit) -> Result<Role, DirectoryError> {
        let role = &self.role;
        let before = unit.find_role(&role.key).await?;
        if self.is_new && before.is_some() {
            return Err(DirectoryError::Uniqueness {
                attribute: "key".into(),
                value: role.key.to_string(),
            });
        }
        if !self.is_new && before.is_none() {
            return Err(DirectoryError::not_found("role", &role.key));
        }
        let is_built_in = role.built_in || before.as_ref().is_some_and(|before| before.built_in);
        if is_built_in && before.as_ref() != Some(role) && *unit.authority() != Authority::Gateway {
            return Err(DirectoryError::Denied(Denial::RoleBuiltIn));
        }
        // Whoever changes a role gives it to its holders, as it was and as it is to be.
        unit.may_pass_on(role, None).await?;
        if let Some(before) = &before {
            unit.may_pass_on(before, None).await?;
        }
        let none = BTreeSet::new();
        let linked = before.as_ref().map_or(&none, |before| &before.linked_groups);
        may_fill(unit, linked, &role.linked_groups).await?;
        PutRole(role.clone()).attempt(unit).await?;
        Ok(role.clone())
    }
}

/// Puts the holders of a role into a group from now on, or no longer (S003-45). Answers the role.
pub struct LinkGroup {
    /// The role.
    pub role: Slug,
    /// The group.
    pub group: GroupId,
    /// Whether they are to be in it.
    pub linked: bool,
}

#[async_trait::async_trait]
impl Operation for LinkGroup {
    type Outcome = Role;

    async fn attempt(&self, unit: &mut Unit) -> Result<Role, DirectoryError> {
        let missing = || DirectoryError::not_found("role", &self.role);
        let mut role = unit.find_role(&self.role).await?.ok_or_else(missing)?;
        let before = role.linked_groups.clone();
        if self.linked {
            role.linked_groups.insert(self.group);
        } else {
            role.linked_groups.remove(&self.group);
        }
        unit.may_pass_on(&role, None).await?;
        may_fill(unit, &before, &role.linked_groups).await?;
        PutRole(role.clone()).attempt(unit).await?;
        Ok(role)
    }
}

/// Whether the acting person may have a role put people into groups, or have them leave: who may change the members of these
/// groups. The holders may be anybody, so whoever puts them into a group, within the reach of those who run it, sees everybody.
async fn may_fill(unit: &mut Unit, old: &BTreeSet<GroupId>, new: &BTreeSet<GroupId>) -> Result<(), DirectoryError> {
    for group in old.symmetric_difference(new) {
        let target = unit.target_group(*group).await?;
        unit.demand("group.members", &target)?;
        unit.demand("user.view", &Target::organisation())?;
    }
    Ok(())
}
