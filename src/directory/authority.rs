//! Whose value of an attribute counts: an organisation's lists of connections, set as a whole.

use serde_json::json;

use crate::model::authority::Authority;
use crate::model::custom_attribute::{Bearer, CustomSchema};
use crate::model::event::EventKind;
use crate::model::organisation::Organisation;
use crate::model::schema::ResourceSchemas;

use super::keys::{self, Table};
use super::{DirectoryError, Operation, Unit};

/// Replaces an organisation's lists. Attributes may be spelled in any case. Answers whether anything changed.
///
/// Refuses ([`DirectoryError::InvalidValue`]) what [`Authority::canonical`] refuses, and a connection that does not exist.
pub struct PutAuthority(
    /// The lists as they are to be.
    pub Authority,
);

#[async_trait::async_trait]
impl Operation for PutAuthority {
    type Outcome = bool;

    async fn attempt(&self, unit: &mut Unit) -> Result<bool, DirectoryError> {
        let organisation = unit.organisation();
        let key = keys::organisation(organisation);
        let before: Option<Organisation> = unit.find(&key).await?;
        let before = before.ok_or_else(|| DirectoryError::not_found("organisation", organisation))?;
        let own: Option<CustomSchema> = unit.find(&keys::custom_schema(organisation, Bearer::User)).await?;
        let (authority, faults) = self.0.canonical(&ResourceSchemas::new(own.as_ref(), None).users);
        if let Some(fault) = faults.first() {
            return Err(DirectoryError::invalid("authority", fault.to_string()));
        }
        for (attribute, list) in authority.lists() {
            for connection in list {
                let key = keys::named(organisation, Table::Connection, connection);
                if unit.bytes(&key).await?.is_none() {
                    let reason = format!(
                        "lists connection \"{connection}\", which does not exist in this organisation: declare it, or take it out"
                    );
                    return Err(DirectoryError::invalid(format!("authority.{attribute:?}"), reason));
                }
            }
        }
        if before.authority == authority {
            return Ok(false);
        }
        let after = Organisation { authority, ..before };
        unit.put(key, &after);
        unit.event(EventKind::OrganisationUpdated, after.id, json!({}));
        Ok(true)
    }
}
