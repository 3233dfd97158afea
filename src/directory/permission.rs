//! The catalogue of permissions, and what everyone may do (X03-2, X03-4).

use std::collections::BTreeSet;

use serde_json::json;

use crate::model::custom_attribute::{Bearer, CustomSchema};
use crate::model::effective::DefaultGrants;
use crate::model::event::EventKind;
use crate::model::permission::Parameters;
use crate::model::permission::definition::{Definition, brought_along, is_gateway_action};
use crate::model::role::{Permission, Reach, Role};
use crate::model::schema::AttributeType;
use crate::model::slug::Slug;
use crate::store::{SCAN_ENTRIES_MAX, Scan};

use super::authorise::Authority;
use super::keys::{self, Table};
use super::role_edit::unfit;
use super::{DirectoryError, Operation, Unit};

/// Makes a permission of the catalogue, or replaces it. Answers whether anything changed.
pub struct PutPermission(
    /// The permission as it is to be.
    pub Definition,
);

#[async_trait::async_trait]
impl Operation for PutPermission {
    type Outcome = bool;

    async fn attempt(&self, unit: &mut Unit) -> Result<bool, DirectoryError> {
        let definition = &self.0;
        let key = keys::named(unit.organisation(), Table::Permission, &definition.key);
        let before = unit.find::<Definition>(&key).await?;
        if before.as_ref() == Some(definition) {
            return Ok(false);
        }
        let holds = before.is_some() || definition.parent.is_some();
        unit.may_define(&definition.key, holds).await?;
        for named in definition.names() {
            let known = keys::named(unit.organisation(), Table::Permission, named);
            let is_known = unit.bytes(&known).await?.is_some() || is_gateway_action(named);
            if named == &definition.key || !is_known {
                let reason =
                    format!("names \"{named}\", which is no other permission of the catalogue: declare it first");
                return Err(DirectoryError::invalid(
                    format!("permissions.{}", definition.key),
                    reason,
                ));
            }
        }
        let empty = definition.parameters.iter().find(|(_, values)| values.is_empty());
        if let Some((parameter, _)) = empty {
            let place = format!("permissions.{}.parameters.{parameter}", definition.key);
            return Err(DirectoryError::invalid(
                place,
                "has no values: list those that it may have",
            ));
        }
        unit.put(key, definition);
        unit.refuse_contained_circle(definition).await?;
        unit.may_define(&definition.key, holds).await?;
        unit.event(EventKind::PermissionUpdated, &definition.key, json!({}));
        Ok(true)
    }
}

/// The same, as an administrator: roles that have it must still fit.
pub struct EditPermission(
    /// The permission as it is to be.
    pub Definition,
);

#[async_trait::async_trait]
impl Operation for EditPermission {
    type Outcome = bool;

    async fn attempt(&self, unit: &mut Unit) -> Result<bool, DirectoryError> {
        let changed = PutPermission(self.0.clone()).attempt(unit).await?;
        unit.refuse_unknown_mark(&self.0).await?;
        unit.refuse_unfit_roles(&self.0.key).await?;
        Ok(changed)
    }
}

/// Takes a permission out of the catalogue, which nothing may name any more.
pub struct DeletePermission(
    /// The action.
    pub Slug,
);

#[async_trait::async_trait]
impl Operation for DeletePermission {
    type Outcome = ();

    async fn attempt(&self, unit: &mut Unit) -> Result<(), DirectoryError> {
        let key = keys::named(unit.organisation(), Table::Permission, &self.0);
        if unit.bytes(&key).await?.is_none() {
            return Err(DirectoryError::not_found("permission", &self.0));
        }
        let catalogue = unit.catalogue().await?;
        let naming = catalogue
            .values()
            .find(|other| other.names().any(|named| *named == self.0));
        if let Some(naming) = naming {
            let reason = format!("permissions.{} names it: take it out there first", naming.key);
            return Err(DirectoryError::invalid("permission", reason));
        }
        unit.may_define(&self.0, true).await?;
        unit.delete(key);
        if catalogue.len() > 1 {
            unit.refuse_unfit_roles(&self.0).await?;
        }
        unit.event(EventKind::PermissionUpdated, &self.0, json!({ "deleted": true }));
        Ok(())
    }
}

impl Unit {
    /// Whether the acting person may say what a permission brings along: whoever does gives all of it to everybody who holds it, so
    /// it takes the whole of it, everywhere and awake (S001-25). Asked before a change and after it. A new action that no other
    /// brings along is held by nobody; `holds` says that this one may be.
    async fn may_define(&mut self, action: &Slug, holds: bool) -> Result<(), DirectoryError> {
        if !matches!(self.authority(), Authority::Person(_)) {
            return Ok(());
        }
        let catalogue = self.catalogue().await?;
        let mut closure = BTreeSet::from([action]);
        let mut pending = vec![action];
        while let Some(next) = pending.pop() {
            pending.extend(brought_along(&catalogue, next).filter(|brought| closure.insert(*brought)));
        }
        // Without a catalogue anything may be held, and the gateway's own actions may be held in any case.
        if !holds && !is_gateway_action(action) && catalogue.keys().any(|known| known != action) {
            closure.remove(action);
        }
        let everywhere = |action: &Slug| Permission {
            action: action.clone(),
            reach: Reach::Organisation,
            parameters: Parameters::new(),
        };
        self.may_grant(&closure.into_iter().map(everywhere).collect())
    }

    /// A permission that contains itself contains nothing that can be told.
    async fn refuse_contained_circle(&mut self, definition: &Definition) -> Result<(), DirectoryError> {
        let catalogue = self.catalogue().await?;
        let mut above = definition.parent.as_ref();
        for _ in 0..=catalogue.len() {
            match above {
                Some(parent) if *parent == definition.key => break,
                Some(parent) => above = catalogue.get(parent).and_then(|definition| definition.parent.as_ref()),
                None => return Ok(()),
            }
        }
        let place = format!("permissions.{}.parent", definition.key);
        Err(DirectoryError::invalid(
            place,
            "contains itself in a circle: leave one parent of the circle out",
        ))
    }

    /// Refuses a permission that is opened by an attribute which nobody can have (S004-34): one that is not declared of users, is
    /// retired, or is neither true nor false.
    ///
    /// # Errors
    /// [`DirectoryError::InvalidValue`] with the attribute; as [`Unit::find`].
    pub(super) async fn refuse_unknown_mark(&mut self, definition: &Definition) -> Result<(), DirectoryError> {
        let Some(name) = &definition.roams_with else {
            return Ok(());
        };
        let key = keys::custom_schema(self.organisation(), Bearer::User);
        let schema: Option<CustomSchema> = self.find(&key).await?;
        let found = schema.as_ref().and_then(|schema| schema.find(name));
        let is_mark = found.is_some_and(|defined| {
            let attribute = &defined.attribute;
            attribute.name == *name && attribute.type_ == AttributeType::Boolean && !attribute.retired
        });
        if is_mark {
            return Ok(());
        }
        let place = format!("permissions.{}.roams_with", definition.key);
        let reason =
            format!("names \"{name}\", which is no attribute of users of type boolean: declare it in user_attributes");
        Err(DirectoryError::invalid(place, reason))
    }

    /// Refuses a change of a permission that a role which has it does not fit any more.
    ///
    /// # Errors
    /// [`DirectoryError::InvalidValue`] with the role; as [`Unit::find`].
    pub(super) async fn refuse_unfit_roles(&mut self, action: &Slug) -> Result<(), DirectoryError> {
        let catalogue = self.catalogue().await?;
        let table = keys::table(self.organisation(), Table::Role);
        for (key, _) in self.scan(Scan::prefix(&table, SCAN_ENTRIES_MAX)).await? {
            let Some(role) = self.find::<Role>(&key).await? else {
                continue;
            };
            let all = role.permissions.iter().chain(&role.group_permissions);
            let named = all.filter(|permission| permission.action == *action).cloned().collect();
            unfit(&catalogue, &named).map_err(|reason| {
                DirectoryError::invalid(format!("roles.{}.permissions", role.key), reason.to_string())
            })?;
        }
        Ok(())
    }
}

/// Sets what everyone and every guest may do. Answers whether anything changed.
pub struct PutDefaultGrants(
    /// As it is to be.
    pub DefaultGrants,
);

#[async_trait::async_trait]
impl Operation for PutDefaultGrants {
    type Outcome = bool;

    async fn attempt(&self, unit: &mut Unit) -> Result<bool, DirectoryError> {
        let key = keys::default_grants(unit.organisation());
        let before: Option<DefaultGrants> = unit.find(&key).await?;
        let before = before.unwrap_or_default();
        if before == self.0 {
            return Ok(false);
        }
        let catalogue = unit.catalogue().await?;
        for (place, old, new) in [
            ("everyone", &before.everyone, &self.0.everyone),
            ("guests", &before.guests, &self.0.guests),
        ] {
            let place = format!("default_permissions.{place}");
            unfit(&catalogue, new).map_err(|reason| DirectoryError::invalid(place, reason.to_string()))?;
            unit.may_grant(&new.difference(old).cloned().collect())?;
        }
        unit.put(key, &self.0);
        unit.event(EventKind::DefaultGrantsUpdated, unit.organisation(), json!({}));
        Ok(true)
    }
}
