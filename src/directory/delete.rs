//! Deleting a user for good (S003-25, S003-26, S004-23). The command line asks for `--yes` first (S004-24).

use crate::model::id::UserId;

use super::{DirectoryError, Operation, Unit};

/// Deletes a user: names, seats, memberships and personal data go, a tombstone stays.
pub struct DeleteUser(
    /// Who.
    pub UserId,
);

#[async_trait::async_trait]
impl Operation for DeleteUser {
    type Outcome = ();

    async fn attempt(&self, unit: &mut Unit) -> Result<(), DirectoryError> {
        let user = unit.load_user(self.0).await?;
        unit.delete_user(&user).await
    }
}
