//! Permissions given to one user without a role (S003-53, S003-55), each by itself and none by default (S002-30), and whose data
//! a user sees (S004-29).

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::json;

use crate::model::access::{AccessList, Area, Mode};
use crate::model::effective::Target;
use crate::model::event::EventKind;
use crate::model::group::Group;
use crate::model::id::{GroupId, UserId};
use crate::model::role::Permission;
use crate::model::user::User;

use super::authorise::Authority;
use super::error::Denial;
use super::keys;
use super::role_edit::unfit;
use super::{DirectoryError, Operation, Unit};

/// Gives a permission to a user.
pub struct GrantPermission {
    /// To whom.
    pub user: UserId,
    /// Which. One that differs from a present one in its reach or parameters stands beside it.
    pub permission: Permission,
}

#[async_trait::async_trait]
impl Operation for GrantPermission {
    type Outcome = User;

    async fn attempt(&self, unit: &mut Unit) -> Result<User, DirectoryError> {
        let wanted = [self.permission.clone()].into();
        let catalogue = unit.catalogue().await?;
        unfit(&catalogue, &wanted).map_err(|reason| DirectoryError::invalid("permission", reason.to_string()))?;
        unit.may_grant(&wanted)?;
        let before = unit.load_user(self.user).await?;
        let mut after = before.clone();
        if after.grants.insert(self.permission.clone()) {
            unit.event(
                EventKind::PermissionGranted,
                self.user,
                json!({ "permission": self.permission }),
            );
        }
        unit.update_user(&before, after).await
    }
}

/// Takes a permission back that was given without a role.
pub struct RevokePermission {
    /// From whom.
    pub user: UserId,
    /// Which, exactly as it was given.
    pub permission: Permission,
}

#[async_trait::async_trait]
impl Operation for RevokePermission {
    type Outcome = User;

    async fn attempt(&self, unit: &mut Unit) -> Result<User, DirectoryError> {
        let before = unit.load_user(self.user).await?;
        let mut after = before.clone();
        if !after.grants.remove(&self.permission) {
            return Err(DirectoryError::not_found("direct permission", &self.permission));
        }
        unit.event(
            EventKind::PermissionRevoked,
            self.user,
            json!({ "permission": self.permission }),
        );
        unit.update_user(&before, after).await
    }
}

/// Sets whose data of an area a user sees.
pub struct SetAccess {
    /// Who sees it.
    pub user: UserId,
    /// Of which area.
    pub area: Area,
    /// How much.
    pub list: AccessList,
}

#[async_trait::async_trait]
impl Operation for SetAccess {
    type Outcome = User;

    async fn attempt(&self, unit: &mut Unit) -> Result<User, DirectoryError> {
        let list = &self.list;
        match (list.mode, list.groups.is_empty()) {
            (Mode::List, true) => {
                return Err(DirectoryError::invalid(
                    "groups",
                    "is empty: name groups, or use mode none",
                ));
            }
            (Mode::List, false) | (_, true) => {}
            (_, false) => return Err(DirectoryError::invalid("groups", "is for mode list only: leave it out")),
        }
        for group in &list.groups {
            if unit
                .find_present::<Group>(&keys::group(unit.organisation(), *group))
                .await?
                .is_none()
            {
                return Err(DirectoryError::not_found("group", group));
            }
        }
        self.lies_within_own(unit).await?;
        let before = unit.load_user(self.user).await?;
        let mut after = before.clone();
        if list.mode == Mode::None {
            after.access.remove(&self.area);
        } else {
            after.access.insert(self.area, list.clone());
        }
        if after.access != before.access {
            unit.event(
                EventKind::AccessUpdated,
                self.user,
                json!({ "area": self.area, "mode": list.mode }),
            );
        }
        unit.update_user(&before, after).await
    }
}

impl SetAccess {
    /// Refuses a person to show more than what they see themselves, or manage, and to show themselves anything: whoever manages
    /// what others see would see everything otherwise (S001-25).
    async fn lies_within_own(&self, unit: &mut Unit) -> Result<(), DirectoryError> {
        let effective = match unit.authority() {
            Authority::Person(effective) if !effective.administers => Arc::clone(effective),
            _ => return Ok(()),
        };
        if self.user == effective.user {
            return Err(DirectoryError::Denied(Denial::OwnAccess));
        }
        let actor = unit.load_user(effective.user).await?;
        let own = actor.access.get(&self.area).cloned().unwrap_or_default();
        let manages_all = effective.allows("access.manage", &Target::organisation()).is_allowed();
        if manages_all || own.mode == Mode::All {
            return Ok(());
        }
        let shown: BTreeSet<GroupId> = match self.list.mode {
            // Nothing, and what is the person's own already.
            Mode::None | Mode::Assigned => BTreeSet::new(),
            Mode::Own => unit.groups_of(self.user).await?,
            Mode::List => self.list.groups.clone(),
            Mode::All => return Err(DirectoryError::Denied(Denial::MoreThanOwn)),
        };
        for group in shown {
            let target = unit.target_group(group).await?;
            let is_seen = match own.mode {
                Mode::Own => effective.groups.contains(&group),
                // With what lies below them (X04-13).
                Mode::List => own.groups.contains(&group) || !own.groups.is_disjoint(&target.above),
                Mode::None | Mode::Assigned | Mode::All => false,
            };
            if !is_seen && !effective.allows("access.manage", &target).is_allowed() {
                return Err(DirectoryError::Denied(Denial::MoreThanOwn));
            }
        }
        Ok(())
    }
}
