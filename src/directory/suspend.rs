//! Suspending and reactivating by an administrator. A connection lifts its own block only, an administrator theirs.

use crate::model::id::UserId;
use crate::model::lifecycle::Block;
use crate::model::user::User;

use super::{DirectoryError, Operation, Unit};

/// Blocks a user. The seats go back to their pools.
pub struct SuspendUser(
    /// Who.
    pub UserId,
);

#[async_trait::async_trait]
impl Operation for SuspendUser {
    type Outcome = User;

    async fn attempt(&self, unit: &mut Unit) -> Result<User, DirectoryError> {
        let before = unit.load_user(self.0).await?;
        let mut after = before.clone();
        after.facts.suspended_by.insert(Block::Administrator);
        unit.update_user(&before, after).await
    }
}

/// Lifts the administrator's block. The seats are taken again; a user whom a connection blocks as well stays suspended.
pub struct ReactivateUser(
    /// Who.
    pub UserId,
);

#[async_trait::async_trait]
impl Operation for ReactivateUser {
    type Outcome = User;

    async fn attempt(&self, unit: &mut Unit) -> Result<User, DirectoryError> {
        let before = unit.load_user(self.0).await?;
        let mut after = before.clone();
        after.facts.suspended_by.remove(&Block::Administrator);
        unit.update_user(&before, after).await
    }
}
