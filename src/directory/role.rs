//! Roles: declared and changed.

use serde_json::json;

use crate::model::event::EventKind;
use crate::model::role::Role;

use super::keys::{self, Table};
use super::role_edit::permits_less;
use super::{DirectoryError, Operation, Unit};

/// Makes a role, or replaces it. Answers whether anything changed.
pub struct PutRole(
    /// The role as it is to be.
    pub Role,
);

#[async_trait::async_trait]
impl Operation for PutRole {
    type Outcome = bool;

    async fn attempt(&self, unit: &mut Unit) -> Result<bool, DirectoryError> {
        let role = &self.0;
        let key = keys::named(unit.organisation(), Table::Role, &role.key);
        let before: Option<Role> = unit.find(&key).await?;
        if before.as_ref() == Some(role) {
            return Ok(false);
        }
        for included in &role.includes {
            let exists = included == &role.key
                || unit
                    .bytes(&keys::named(unit.organisation(), Table::Role, included))
                    .await?
                    .is_some();
            if !exists {
                let reason = format!("role {:?} does not exist: declare it first", included.as_str());
                return Err(DirectoryError::invalid(format!("roles.{}.includes", role.key), reason));
            }
        }
        unit.check_role(before.as_ref(), role).await?;
        // Whoever administers by this role may do so by another that includes it, so both sides are looked at as a whole.
        let is_less = before.as_ref().is_some_and(|before| permits_less(before, role));
        let administered = is_less && unit.has_administrator(None).await?;
        unit.put(key, role);
        unit.event(EventKind::RoleUpdated, &role.key, json!({}));
        unit.change_links(before.as_ref(), role);
        if administered {
            unit.require_administrator(None).await?;
        }
        Ok(true)
    }
}
