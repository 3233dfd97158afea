//! Leaving a person's data alone (S000-32, GDPR article 18): it is kept and shown, and used for nothing: no mails, and no exports
//! but the person's own. What a connection says of the person is still taken, so that the identity provider stays right.

use serde_json::Value;

use crate::directory::{DirectoryError, Operation, Unit, keys};
use crate::model::event::EventKind;
use crate::model::id::UserId;
use crate::model::user::User;

/// Restricts the processing of a person's data, or lifts that.
pub struct RestrictUser {
    /// Who.
    pub user: UserId,
    /// Whether it is restricted from now on.
    pub restricted: bool,
}

#[async_trait::async_trait]
impl Operation for RestrictUser {
    type Outcome = User;

    async fn attempt(&self, unit: &mut Unit) -> Result<User, DirectoryError> {
        let before = unit.load_user(self.user).await?;
        if before.restricted == self.restricted {
            return Ok(before);
        }
        let after = User {
            restricted: self.restricted,
            last_modified: unit.now().max(before.last_modified),
            revision: before.revision + 1,
            ..before
        };
        unit.put(keys::user(unit.organisation(), after.id), &after);
        let kind = if self.restricted {
            EventKind::UserRestricted
        } else {
            EventKind::UserUnrestricted
        };
        unit.event(kind, after.id, Value::Null);
        Ok(after)
    }
}
