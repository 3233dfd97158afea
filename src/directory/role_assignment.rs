//! Giving roles to users and taking them back, by an administrator, at any time (S000-7, S000-18, S003-15).

use crate::model::id::UserId;
use crate::model::origin::Origin;
use crate::model::role::{Assignable, Scope};
use crate::model::slug::Slug;
use crate::model::user::User;

use super::authorise::Authority;
use super::error::Denial;
use super::{DirectoryError, Operation, Unit};

/// Gives a role to a user, for the whole organisation. What the user may do afterwards is told by the explanation of rights
/// (S000-19).
pub struct AssignRole {
    /// To whom.
    pub user: UserId,
    /// Which.
    pub role: Slug,
}

#[async_trait::async_trait]
impl Operation for AssignRole {
    type Outcome = User;

    async fn attempt(&self, unit: &mut Unit) -> Result<User, DirectoryError> {
        let missing = || DirectoryError::not_found("role", &self.role);
        let role = unit.find_role(&self.role).await?.ok_or_else(missing)?;
        if role.scope == Scope::Group {
            let reason = format!("\"{}\" is held in a group: give it to a member of one", role.key);
            return Err(DirectoryError::invalid("role", reason));
        }
        let is_person = matches!(unit.authority(), Authority::Person(_));
        if role.assignable == Assignable::Api && is_person {
            return Err(DirectoryError::Denied(Denial::RoleApiOnly));
        }
        let before = unit.load_user(self.user).await?;
        let mut after = before.clone();
        after.roles.entry(role.key).or_default().insert(Origin::Direct);
        unit.update_user(&before, after).await
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
        unit.update_user(&before, after).await
    }
}
