//! Custom attributes in the store: how many resources have a value, and the indexes over the values.
//!
//! Whoever writes a resource with custom attributes relies on what the organisation declares, so that a change of the
//! declaration and a write never pass each other unseen.

pub(super) mod declare;
mod settle;

use std::collections::BTreeMap;

use serde_json::Value;
use uuid::Uuid;

use crate::model::Object;
use crate::model::custom_attribute::{Bearer, CustomAttribute, CustomSchema, IndexKind, extension_of};
use crate::model::id::OrganisationId;
use crate::store::Key;

use super::keys::{self, Count};
use super::user::parse_uuid;
use super::{DirectoryError, Unit};

/// The resource that has values.
#[derive(Debug, Clone, Copy)]
pub struct Holder {
    /// Its type.
    pub bearer: Bearer,
    /// Its identifier.
    pub id: Uuid,
}

/// The index entries of a resource's values of one attribute, each with the value's form in the index.
#[must_use]
pub fn entries(
    organisation: OrganisationId,
    holder: Holder,
    attribute: &CustomAttribute,
    kind: IndexKind,
    extension: Option<&Object>,
) -> BTreeMap<Key, String> {
    let value = extension.and_then(|extension| extension.get(&attribute.name));
    let texts = value.map(|value| attribute.index_texts(value)).unwrap_or_default();
    let key = |text: &str| match kind {
        IndexKind::Unique => keys::custom_unique(organisation, holder.bearer, &attribute.name, text),
        IndexKind::Search => keys::custom_entry(organisation, holder.bearer, &attribute.name, text, Some(holder.id)),
    };
    texts.into_iter().map(|text| (key(&text), text)).collect()
}

/// The counters of a resource's custom attributes.
#[must_use]
pub fn counters(bearer: Bearer, attributes: &Object) -> Vec<Count> {
    let extension = extension_of(attributes).map(|(_, extension)| extension);
    let names = extension.into_iter().flat_map(Object::keys);
    names.map(|name| Count::Values(bearer, name.clone())).collect()
}

impl Unit {
    /// Brings counters and indexes in line with a change of a resource's attributes.
    ///
    /// # Errors
    /// [`DirectoryError::Uniqueness`] for a value that another resource has; as [`Unit::find`].
    pub(super) async fn index_custom(
        &mut self,
        holder: Holder,
        before: Option<&Object>,
        after: Option<&Object>,
    ) -> Result<(), DirectoryError> {
        let old = before.and_then(extension_of);
        let new = after.and_then(extension_of);
        if old == new {
            return Ok(());
        }
        let organisation = self.organisation();
        for (attributes, delta) in [(before, -1), (after, 1)] {
            for count in attributes
                .map(|attributes| counters(holder.bearer, attributes))
                .unwrap_or_default()
            {
                self.count(keys::count(organisation, &count), delta, None);
            }
        }
        let key = keys::custom_schema(organisation, holder.bearer);
        let Some(schema) = self.find::<CustomSchema>(&key).await? else {
            return Ok(());
        };
        for defined in &schema.attributes {
            let Some(kind) = defined.index.kept() else { continue };
            let of = |found: Option<(&str, &Object)>| {
                let extension = found.map(|(_, extension)| extension);
                entries(organisation, holder, &defined.attribute, kind, extension)
            };
            let new_values = new.map(|(_, extension)| extension);
            let (old, new) = (of(old), of(new));
            for key in old.keys().filter(|key| !new.contains_key(*key)) {
                self.give_up(key, kind, holder.id).await?;
            }
            for (key, text) in new.iter().filter(|(key, _)| !old.contains_key(*key)) {
                if self.claim(key, kind, holder.id).await?.is_some() {
                    return Err(DirectoryError::Uniqueness {
                        attribute: format!("{}:{}", schema.urn, defined.attribute.name).into(),
                        value: as_written(&defined.attribute, new_values, text),
                    });
                }
            }
        }
        Ok(())
    }

    /// Writes an entry. Answers who else has the value, if it must be unique.
    async fn claim(&mut self, key: &Key, kind: IndexKind, id: Uuid) -> Result<Option<Uuid>, DirectoryError> {
        match kind {
            IndexKind::Search => self.put_bytes(key.clone(), ""),
            IndexKind::Unique => {
                let holder = self.bytes(key).await?.and_then(|holder| parse_uuid(&holder));
                if let Some(other) = holder.filter(|holder| *holder != id) {
                    return Ok(Some(other));
                }
                self.put_bytes(key.clone(), id.to_string());
            }
        }
        Ok(None)
    }

    /// Removes an entry. A unique one may be another's while the index is still being built.
    async fn give_up(&mut self, key: &Key, kind: IndexKind, id: Uuid) -> Result<(), DirectoryError> {
        let is_own = match kind {
            IndexKind::Search => true,
            IndexKind::Unique => self
                .bytes(key)
                .await?
                .is_some_and(|holder| parse_uuid(&holder) == Some(id)),
        };
        if is_own {
            self.delete(key.clone());
        }
        Ok(())
    }
}

/// The value that has this form in an index, as the client wrote it.
fn as_written(attribute: &CustomAttribute, extension: Option<&Object>, text: &str) -> String {
    let value = extension.and_then(|extension| extension.get(&attribute.name));
    let values = match value {
        Some(Value::Array(values)) => values.as_slice(),
        other => other.map(std::slice::from_ref).unwrap_or_default(),
    };
    let mut same = values
        .iter()
        .filter(|value| attribute.index_text(value).as_deref() == Some(text));
    match same.next() {
        Some(Value::String(written)) => written.clone(),
        Some(other) => other.to_string(),
        None => text.to_owned(),
    }
}

/// The attributes of a stored user or group, without reading the rest of the record.
pub(super) fn attributes_of(record: &[u8]) -> Option<Object> {
    let mut record: Object = serde_json::from_slice(record).ok()?;
    match record.remove("attributes") {
        Some(Value::Object(attributes)) => Some(attributes),
        _ => None,
    }
}
