//! Giving roles to users and taking them back, by an administrator, at any time (S000-7, S000-18, S003-15).

use crate::model::effective::Target;
use crate::model::id::UserId;
use crate::model::origin::Origin;
use crate::model::role::{Assignable, Role, Scope};
use crate::model::slug::Slug;
use crate::model::user::User;

use super::authorise::Authority;
use super::error::Denial;
use super::role_edit::EditRole;
use super::{DirectoryError, Operation, Unit};

/// Gives a role to a user, for the whole organisation. What the user may do afterwards is told by the explanation of rights
/// (S000-19).
pub struct AssignRole {
    /// To whom.
    pub user: UserId,
    /// Which.
    pub role: Slug,
    /// Whether it takes the place of the directly given roles of its set, if it belongs to one.
    pub in_place: bool,
}

#[async_trait::async_trait]
impl Operation for AssignRole {
    type Outcome = User;

    async fn attempt(&self, unit: &mut Unit) -> Result<User, DirectoryError> {
        let role = unit.assignable_role(&self.role).await?;
        let before = unit.load_user(self.user).await?;
        let mut after = before.clone();
        if self.in_place {
            unit.make_room_in_set(&mut after, &role).await?;
        }
        after.roles.entry(role.key).or_default().insert(Origin::Direct);
        unit.update_user(&before, after).await
    }
}

impl Unit {
    /// A role that may be given to a user, for the whole organisation, through this door.
    ///
    /// # Errors
    /// [`DirectoryError::NotFound`]; [`DirectoryError::InvalidValue`] for a role that is held in groups;
    /// [`DirectoryError::Denied`] for one that persons do not give (S004-8); as [`Unit::find`].
    pub(super) async fn assignable_role(&mut self, key: &Slug) -> Result<Role, DirectoryError> {
        let missing = || DirectoryError::not_found("role", key);
        let role = self.find_role(key).await?.ok_or_else(missing)?;
        if role.scope == Scope::Group {
            let reason = format!("\"{}\" is held in a group: give it to a member of one", role.key);
            return Err(DirectoryError::invalid("role", reason));
        }
        let is_person = matches!(self.authority(), Authority::Person(_));
        if role.assignable == Assignable::Api && is_person {
            return Err(DirectoryError::Denied(Denial::RoleApiOnly));
        }
        Ok(role)
    }
}

/// Users to whom a new role is given in the request that makes it, at most.
const FIRST_HOLDERS_MAX: usize = 500;

/// Makes a role and gives it to people in the same commit (S003-47).
pub struct CreateRole {
    /// The role as it is to be.
    pub role: Role,
    /// To whom it is given.
    pub users: Vec<UserId>,
}

#[async_trait::async_trait]
impl Operation for CreateRole {
    type Outcome = Role;

    async fn attempt(&self, unit: &mut Unit) -> Result<Role, DirectoryError> {
        if self.users.len() > FIRST_HOLDERS_MAX {
            let reason = format!(
                "{} are too many, at most {FIRST_HOLDERS_MAX} at once: give the role to the others afterwards",
                self.users.len()
            );
            return Err(DirectoryError::invalid("users", reason));
        }
        let edit = EditRole {
            role: self.role.clone(),
            is_new: true,
        };
        let role = edit.attempt(unit).await?;
        if !self.users.is_empty() {
            unit.demand("role.assign", &Target::organisation())?;
        }
        for user in &self.users {
            let assign = AssignRole {
                user: *user,
                role: role.key.clone(),
                in_place: false,
            };
            assign.attempt(unit).await?;
        }
        Ok(role)
    }
}

/// Takes a role that was given by an administrator from a user. The user keeps it while there are other reasons for it.
pub struct WithdrawRole {
    /// From whom.
    pub user: UserId,
    /// Which.
    pub role: Slug,
}

#[async_trait::async_trait]
impl Operation for WithdrawRole {
    type Outcome = User;

    async fn attempt(&self, unit: &mut Unit) -> Result<User, DirectoryError> {
        let before = unit.load_user(self.user).await?;
        let mut after = before.clone();
        let missing = || DirectoryError::not_found("role", &self.role);
        let origins = after.roles.get_mut(&self.role).ok_or_else(missing)?;
        if !origins.remove(&Origin::Direct) {
            let reasons: Vec<String> = origins.iter().map(ToString::to_string).collect();
            return Err(DirectoryError::Mutability {
                attribute: "roles".to_owned(),
                reason: format!("the role comes from {}: change it there", reasons.join(", ")),
            });
        }
        if origins.is_empty() {
            after.roles.remove(&self.role);
        }
        unit.require_role(&after).await?;
        unit.update_user(&before, after).await
    }
}
