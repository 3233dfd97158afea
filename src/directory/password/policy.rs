//! Changing an organisation's password policy (S002-24).

use serde_json::json;

use crate::directory::{DirectoryError, Operation, Unit, keys};
use crate::model::event::EventKind;
use crate::model::organisation::Organisation;
use crate::model::password_policy::PasswordPolicy;

/// Puts another policy in the place of the present one. It counts for passwords that are set from now on; age, second factor
/// and lock-out count at once.
pub struct PutPasswordPolicy(
    /// The policy as it is to be.
    pub PasswordPolicy,
);

#[async_trait::async_trait]
impl Operation for PutPasswordPolicy {
    type Outcome = PasswordPolicy;

    async fn attempt(&self, unit: &mut Unit) -> Result<PasswordPolicy, DirectoryError> {
        if let Err(error) = self.0.validate() {
            return Err(DirectoryError::invalid("password_policy", error.to_string()));
        }
        let key = keys::organisation(unit.organisation());
        let before: Organisation = unit
            .find(&key)
            .await?
            .ok_or_else(|| DirectoryError::not_found("organisation", unit.organisation()))?;
        if before.password_policy != self.0 {
            let after = Organisation {
                password_policy: self.0.clone(),
                ..before
            };
            unit.put(key, &after);
            let changed = json!({ "attributes": ["password_policy"] });
            unit.event(EventKind::OrganisationUpdated, after.id, changed);
        }
        Ok(self.0.clone())
    }
}
