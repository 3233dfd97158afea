//! Whom a person's rights reach (X04-2). Lists ask while they are read (see [`super::select`]), so that pages stay full and cursors
//! true.

use crate::model::effective::Effective;
use crate::model::id::{OrganisationId, UserId};

use super::{Directory, DirectoryError};

impl Directory {
    /// Whether a person's rights to an action reach a user.
    ///
    /// # Errors
    /// As the store's read.
    pub async fn reaches_user(
        &self,
        organisation: OrganisationId,
        (effective, action): (&Effective, &str),
        user: UserId,
    ) -> Result<bool, DirectoryError> {
        let target = self.target_user(organisation, user).await?;
        Ok(effective.allows(action, &target).is_allowed())
    }
}
