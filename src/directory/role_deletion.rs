//! Deleting a role (S003-50..52): first what it means, then, confirmed, the deletion itself, which reaches everyone in parts.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::model::event::EventKind;
use crate::model::group::Group;
use crate::model::id::{GroupId, UserId};
use crate::model::membership::{Member, Membership};
use crate::model::record;
use crate::model::role::Role;
use crate::model::slug::Slug;
use crate::store::{SCAN_ENTRIES_MAX, Scan};

use super::error::Denial;
use super::group_edit::may_switch;
use super::keys::{self, Count, Index, Table, access};
use super::role_impact::{Becomes, Impact, LinkedGroup};
use super::role_link_work::{AT_ONCE, Pending, Work};
use super::{Directory, DirectoryError, Operation, Permit, Unit};

/// What becomes of the groups that the role is linked to (`seeds.md` A1).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LinkedGroups {
    /// They stay; who is in them because of the role alone leaves.
    #[default]
    DropMemberships,
    /// They are disabled as well.
    DisableGroups,
    /// They are deleted as well.
    DeleteGroups,
}

impl Directory {
    /// Deletes a role whose impact was seen and confirmed. It is gone at once, and is taken from everyone before this answers; what
    /// is broken off goes on at the next start.
    ///
    /// # Errors
    /// [`DirectoryError::Unconfirmed`] with the present impact, when it was not confirmed or is another by now;
    /// [`DirectoryError::InvalidValue`] while something names the role; [`DirectoryError::Denied`].
    pub async fn delete_role(
        &self,
        permit: &Permit,
        role: &Slug,
        linked_groups: LinkedGroups,
        confirm: Option<&str>,
    ) -> Result<Impact, DirectoryError> {
        let impact = self.role_impact(permit.organisation(), role, linked_groups).await?;
        if confirm != Some(impact.confirm.as_str()) {
            return Err(DirectoryError::Unconfirmed(Box::new(impact)));
        }
        self.run(permit, &DeleteRole(&impact)).await?;
        Ok(impact)
    }
}

/// Deletes a role whose impact was confirmed: it is gone at once, and is taken from everyone right after, in parts.
struct DeleteRole<'a>(&'a Impact);

#[async_trait::async_trait]
impl Operation for DeleteRole<'_> {
    type Outcome = ();

    async fn attempt(&self, unit: &mut Unit) -> Result<(), DirectoryError> {
        let organisation = unit.organisation();
        let Impact {
            role,
            linked_groups,
            users,
            groups,
            ..
        } = self.0;
        let missing = || DirectoryError::not_found("role", role);
        let role = unit.find_role(role).await?.ok_or_else(missing)?;
        if role.built_in {
            return Err(DirectoryError::Denied(Denial::RoleBuiltIn));
        }
        unit.may_pass_on(&role, None).await?;
        may_carry_out(unit, groups).await?;
        let held = keys::count(organisation, &Count::RoleHolders(role.key.clone()));
        unit.bytes(&held).await?;
        if unit.counter(&held).await?.unsigned_abs() != *users {
            return Err(DirectoryError::Unconfirmed(Box::new(self.0.clone())));
        }
        if role.protected && unit.counter(&held).await? > 0 && *unit.authority() != super::authorise::Authority::Gateway
        {
            return Err(DirectoryError::Denied(Denial::Protected));
        }
        unit.refuse_references(&role.key).await?;
        let administered = unit.any_administers(std::iter::once(&role.key)).await? && unit.counter(&held).await? > 0;
        unit.delete(keys::named(organisation, Table::Role, &role.key));
        unit.delete(access::pending_role(organisation, &role.key));
        unit.count_links(&role.linked_groups, &BTreeSet::new());
        if administered {
            unit.require_administrator(None).await?;
        }
        let deletion = Deletion {
            role: role.key.clone(),
            linked_groups: *linked_groups,
            groups: groups
                .iter()
                .filter(|group| group.goes())
                .map(|group| group.id)
                .collect(),
            step: Step::Givers,
            edge: None,
        };
        unit.put(
            access::pending_deletion(organisation, &role.key),
            &Pending::new(Work::Deletion(deletion)),
        );
        unit.event(
            EventKind::RoleDeleted,
            &role.key,
            json!({ "linked_groups": linked_groups }),
        );
        Ok(())
    }
}

/// Whether the acting person may do to the linked groups what is to become of them: what doing it to each of them would demand.
async fn may_carry_out(unit: &mut Unit, groups: &[LinkedGroup]) -> Result<(), DirectoryError> {
    for linked in groups.iter().filter(|group| group.goes()) {
        let Some(group) = unit.find_group(linked.id).await? else {
            continue;
        };
        if linked.becomes == Becomes::Disabled {
            may_switch(unit, &group).await?;
        } else {
            let target = unit.target_group(linked.id).await?;
            unit.demand("group.delete", &target)?;
            unit.may_pass_on_gifts(&group).await?;
        }
    }
    Ok(())
}

impl Unit {
    /// Refuses to delete a role that another role includes, or that a connection may grant.
    async fn refuse_references(&mut self, key: &Slug) -> Result<(), DirectoryError> {
        let organisation = self.organisation();
        let mut refers = None;
        for (_, stored) in self
            .scan(Scan::prefix(&keys::table(organisation, Table::Role), SCAN_ENTRIES_MAX))
            .await?
        {
            let role: Role = record::decode(&stored.value)?;
            if role.includes.contains(key) && role.key != *key {
                refers = Some(format!("roles.{}.includes", role.key));
            }
        }
        let connections = Scan::prefix(&keys::table(organisation, Table::Connection), SCAN_ENTRIES_MAX);
        for (_, stored) in self.scan(connections).await? {
            let connection: crate::model::connection::Connection = record::decode(&stored.value)?;
            let by_rule = connection.grants.iter().any(|rule| rule.roles.contains(key));
            if by_rule || connection.roles.contains(key) || connection.grantable_roles.contains(key) {
                refers = Some(format!("connections.{}", connection.name));
            }
        }
        match refers {
            Some(place) => Err(DirectoryError::invalid(
                "role",
                format!("{place} names it: take it out there first"),
            )),
            None => Ok(()),
        }
    }
}

/// The deletion of a role, as far as it has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deletion {
    role: Slug,
    linked_groups: LinkedGroups,
    groups: BTreeSet<GroupId>,
    step: Step,
    /// The last edge that was looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    edge: Option<(GroupId, Member)>,
}

/// Groups come before holders, so that no new member gets the role while it is taken from the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Step {
    /// Groups that give it do so no longer.
    Givers,
    /// It is taken from those who hold it in the organisation.
    Holders,
    /// It is taken from those who hold it in a group.
    Edges,
    /// The policy for the linked groups is carried out.
    Groups,
}

/// Groups and edges looked at in one commit.
const LOOKED_AT: usize = 500;

impl Deletion {
    /// Does some of it. Answers whether that was the rest.
    pub(super) async fn go_on(
        &mut self,
        unit: &mut Unit,
        after: &mut Option<uuid::Uuid>,
    ) -> Result<bool, DirectoryError> {
        let (is_over, next) = match self.step {
            Step::Givers => (self.take_from_groups(unit, after).await?, Step::Holders),
            Step::Holders => (self.take_from_holders(unit).await?, Step::Edges),
            Step::Edges => (self.take_from_edges(unit).await?, Step::Groups),
            Step::Groups => return self.policy(unit).await,
        };
        if is_over {
            self.step = next;
            *after = None;
        }
        Ok(false)
    }

    async fn take_from_groups(&self, unit: &mut Unit, after: &mut Option<uuid::Uuid>) -> Result<bool, DirectoryError> {
        let organisation = unit.organisation();
        let mut scan = Scan::prefix(&keys::table(organisation, Table::Group), LOOKED_AT);
        if let Some(after) = after {
            scan = scan.after(keys::group(organisation, GroupId::new(*after)));
        }
        let found = unit.scan(scan).await?;
        for (key, stored) in &found {
            *after = keys::last_uuid(key);
            let gives = record::decode::<Group>(&stored.value)?
                .grants_roles
                .contains(&self.role);
            if let (true, Some(id)) = (gives, keys::last_uuid(key))
                && let Some(before) = unit.find_group(GroupId::new(id)).await?
            {
                let mut group = before.clone();
                group.grants_roles.remove(&self.role);
                unit.update_group(&before, group).await?;
            }
        }
        Ok(found.is_empty())
    }

    async fn take_from_holders(&self, unit: &mut Unit) -> Result<bool, DirectoryError> {
        let prefix = keys::index_entries(unit.organisation(), Index::RoleHolder, self.role.as_str());
        let found = unit.scan(Scan::prefix(&prefix, AT_ONCE)).await?;
        for id in found.iter().filter_map(|(key, _)| keys::last_uuid(key)) {
            if let Some(before) = unit.find_user(UserId::new(id)).await? {
                let mut user = before.clone();
                user.roles.remove(&self.role);
                unit.update_user(&before, user).await?;
            }
        }
        Ok(found.is_empty())
    }

    /// Group roles are found by looking at every edge: no index leads to them.
    async fn take_from_edges(&mut self, unit: &mut Unit) -> Result<bool, DirectoryError> {
        let organisation = unit.organisation();
        let mut scan = Scan::prefix(&keys::table(organisation, Table::GroupMember), LOOKED_AT);
        if let Some((group, member)) = self.edge {
            scan = scan.after(keys::group_member(organisation, group, member));
        }
        let found = unit.scan(scan).await?;
        for (key, stored) in &found {
            let (Some(group), Some(member)) = (keys::group_of(key), keys::member_of(key)) else {
                continue;
            };
            self.edge = Some((group, member));
            let holds = record::decode::<Membership>(&stored.value)?
                .roles
                .contains_key(&self.role);
            if holds && let Some(mut edge) = unit.find::<Membership>(key).await? {
                edge.roles.remove(&self.role);
                unit.put(key.clone(), &edge);
                unit.put(keys::member_group(organisation, member, group), &edge);
            }
        }
        Ok(found.is_empty())
    }

    /// Does to one of the linked groups what is to become of it. A group that cannot be disabled, as things are by now, is passed
    /// over whole: nothing of it is taken first, and the others have their turn.
    async fn policy(&mut self, unit: &mut Unit) -> Result<bool, DirectoryError> {
        let Some(id) = self.groups.first().copied() else {
            return Ok(true);
        };
        match self.linked_groups {
            LinkedGroups::DropMemberships => return Ok(true),
            LinkedGroups::DisableGroups => {
                self.groups.remove(&id);
                let Some(before) = unit.find_group(id).await? else {
                    return Ok(false);
                };
                if before.is_billing_root {
                    stays(id, &DirectoryError::Denied(Denial::BillingRoot));
                    return Ok(false);
                }
                let mut group = before.clone();
                group.enabled = false;
                unit.update_group(&before, group).await?;
            }
            LinkedGroups::DeleteGroups => self.delete_one(unit).await?,
        }
        Ok(false)
    }

    /// Deletes one of the linked groups that can be deleted; those that lie below others come before these. What it gives ends with
    /// it, and not before. When none can be, all that are left stay.
    async fn delete_one(&mut self, unit: &mut Unit) -> Result<(), DirectoryError> {
        let mut refusals = Vec::new();
        for id in self.groups.clone() {
            let Some(group) = unit.find_group(id).await? else {
                self.groups.remove(&id);
                continue;
            };
            match unit.may_delete_group(&group).await {
                Ok(()) => {
                    self.groups.remove(&id);
                    return unit.delete_group(&group).await;
                }
                Err(error @ (DirectoryError::InvalidValue { .. } | DirectoryError::Denied(_))) => {
                    refusals.push((id, error));
                }
                Err(error) => return Err(error),
            }
        }
        for (id, error) in &refusals {
            stays(*id, error);
        }
        self.groups.clear();
        Ok(())
    }
}

/// Tells the log of a group that has come to be one that is not disabled or deleted since that was confirmed.
fn stays(group: GroupId, error: &DirectoryError) {
    tracing::warn!(%error, group.id = %group, "a group that was linked to a deleted role stays as it is");
}
