//! Types of resources, as an organisation declares them.

use serde_json::json;

use crate::model::event::EventKind;
use crate::model::resource::ResourceType;
use crate::model::slug::Slug;

use super::keys::{self, Count, Table};
use super::{DirectoryError, Operation, Unit};

/// Makes a type, or replaces it. Answers whether anything changed.
pub struct PutResourceType(
    /// The type as it is to be.
    pub ResourceType,
);

#[async_trait::async_trait]
impl Operation for PutResourceType {
    type Outcome = bool;

    async fn attempt(&self, unit: &mut Unit) -> Result<bool, DirectoryError> {
        let wanted = &self.0;
        let at = |setting: &str| format!("resource_types.{}.{setting}", wanted.key);
        wanted
            .check()
            .map_err(|(setting, reason)| DirectoryError::invalid(at(&setting), reason))?;
        let key = keys::named(unit.organisation(), Table::ResourceType, &wanted.key);
        let before: Option<ResourceType> = unit.find(&key).await?;
        if before.as_ref() == Some(wanted) {
            return Ok(false);
        }
        let narrows = before.as_ref().is_some_and(|before| {
            (wanted.exclusive && !before.exclusive) || !wanted.assignable.is_superset(&before.assignable)
        });
        if narrows {
            let count = keys::count(unit.organisation(), &Count::Resources(wanted.key.clone()));
            unit.bytes(&count).await?;
            if unit.counter(&count).await? > 0 {
                let reason = "can only be widened while there are resources of this type";
                return Err(DirectoryError::invalid(at("assignable"), reason));
            }
        }
        unit.put(key, wanted);
        unit.event(EventKind::ResourceTypeUpdated, &wanted.key, json!({}));
        Ok(true)
    }
}

impl Unit {
    /// A type that must exist; the commit relies on it.
    pub(super) async fn load_resource_type(&mut self, type_: &Slug) -> Result<ResourceType, DirectoryError> {
        let key = keys::named(self.organisation(), Table::ResourceType, type_);
        let found: Option<ResourceType> = self.find(&key).await?;
        found.ok_or_else(|| {
            let reason = format!(
                "{:?} is no type of resources of this organisation: declare it under [[resource_types]]",
                type_.as_str()
            );
            DirectoryError::invalid("type", reason)
        })
    }
}
