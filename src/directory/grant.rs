//! Permissions given to one user without a role (S003-53, S003-55), each by itself and none by default (S002-30), and whose data
//! a user sees (S004-29).

use serde_json::json;

use crate::model::access::{AccessList, Area, Mode};
use crate::model::event::EventKind;
use crate::model::group::Group;
use crate::model::id::UserId;
use crate::model::role::Permission;
use crate::model::user::User;

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
