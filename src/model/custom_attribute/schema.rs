//! All custom attributes of one resource type, as the organisation's settings keep them.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Bearer, CustomAttribute, urn};
use crate::model::Object;
use crate::model::record::Record;
use crate::model::schema::{Mutability, Schema};
use crate::model::slug::Slug;

/// The custom attributes of one resource type of an organisation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CustomSchema {
    /// The URN of the extension.
    pub urn: String,
    /// The attributes, in the order in which they were declared first.
    pub attributes: Vec<Defined>,
}

/// A declared attribute with the state of its index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Defined {
    /// The declaration.
    pub attribute: CustomAttribute,
    /// The index of its values.
    #[serde(default)]
    pub index: Index,
}

impl From<CustomAttribute> for Defined {
    fn from(attribute: CustomAttribute) -> Self {
        Self {
            attribute,
            index: Index::None,
        }
    }
}

/// What an index is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IndexKind {
    /// A value leads to the one resource that has it.
    Unique,
    /// A value leads to every resource that has it.
    Search,
}

/// How far an index is. Every write of a resource relies on this state, so that none can miss a change of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Index {
    /// There is none.
    #[default]
    None,
    /// Writes keep it, and what was there before is still being added: it cannot be asked yet.
    Building(IndexKind),
    /// It is whole.
    Ready(IndexKind),
    /// Writes keep it no longer, and its entries are being removed.
    Dropping(IndexKind),
}

impl Index {
    /// The index that writes keep.
    #[must_use]
    pub fn kept(self) -> Option<IndexKind> {
        match self {
            Self::Building(kind) | Self::Ready(kind) => Some(kind),
            Self::None | Self::Dropping(_) => None,
        }
    }

    /// The index that may have entries.
    #[must_use]
    pub fn known(self) -> Option<IndexKind> {
        match self {
            Self::None => None,
            Self::Building(kind) | Self::Ready(kind) | Self::Dropping(kind) => Some(kind),
        }
    }

    /// The state that follows when `wanted` is declared. `is_used`: whether there are values.
    #[must_use]
    pub fn towards(self, wanted: Option<IndexKind>, is_used: bool) -> Self {
        match (self, wanted) {
            (Self::Dropping(_), _) => self,
            (Self::Building(kind) | Self::Ready(kind), _) if wanted == Some(kind) => self,
            // Without values there are no entries: the index is whole at once.
            (_, Some(wanted)) if !is_used => Self::Ready(wanted),
            (_, None) if !is_used => Self::None,
            (Self::Building(kind) | Self::Ready(kind), _) => Self::Dropping(kind),
            (Self::None, Some(wanted)) => Self::Building(wanted),
            (Self::None, None) => Self::None,
        }
    }
}

/// Who writes a whole resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// A SCIM client, which knows what it can read and write.
    Client,
    /// A directory, whose mapping may give what clients can only read.
    Directory,
}

impl Record for CustomSchema {
    const KIND: &'static str = "custom attributes";
}

impl CustomSchema {
    /// Without attributes.
    #[must_use]
    pub fn new(organisation: &Slug, bearer: Bearer) -> Self {
        Self {
            urn: urn(organisation, bearer),
            attributes: Vec::new(),
        }
    }

    /// The attribute of this name, in any case; also a retired one.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Defined> {
        let mut all = self.attributes.iter();
        all.find(|defined| defined.attribute.name.eq_ignore_ascii_case(name))
    }

    /// The attributes in use.
    pub fn in_use(&self) -> impl Iterator<Item = &CustomAttribute> {
        self.attributes
            .iter()
            .map(|defined| &defined.attribute)
            .filter(|attribute| !attribute.retired)
    }

    /// The extension schema, and whether every resource must have it (RFC 7643 section 6): some attribute is required.
    /// `None` without attributes in use.
    #[must_use]
    pub fn extension(&self, bearer: Bearer) -> Option<(Arc<Schema>, bool)> {
        let attributes: Vec<_> = self.in_use().map(CustomAttribute::definition).collect();
        if attributes.is_empty() {
            return None;
        }
        let is_required = self.in_use().any(|attribute| attribute.required);
        let schema = Schema {
            id: self.urn.clone(),
            name: format!("Custom{}", bearer.resource_type()),
            description: format!(
                "Attributes that the organisation defines for a {}",
                bearer.resource_type()
            ),
            attributes,
        };
        Some((Arc::new(schema), is_required))
    }

    /// Adds to `after` what whoever writes a whole resource cannot have meant to take away: values that it cannot see
    /// (retired and secret attributes), and values that it cannot write.
    pub fn keep_unseen(&self, before: &Object, after: &mut Object, reader: Reader) {
        let Some(present) = before.get(&self.urn).and_then(Value::as_object) else {
            return;
        };
        for Defined { attribute, .. } in &self.attributes {
            let cannot_write = attribute.mutability == Mutability::ReadOnly && reader == Reader::Client;
            if !attribute.retired && !attribute.is_secret() && !cannot_write {
                continue;
            }
            let Some(value) = present.get(&attribute.name) else {
                continue;
            };
            let extension = after
                .entry(self.urn.clone())
                .or_insert_with(|| Value::Object(Object::new()));
            if let Some(extension) = extension.as_object_mut() {
                extension.entry(attribute.name.clone()).or_insert_with(|| value.clone());
            }
        }
    }

    /// Puts `mask` in the place of values that are written and never read: secrets, even to the person that they are about.
    pub fn mask_secrets(&self, extension: &mut Value, mask: &Value) {
        for (name, value) in extension.as_object_mut().into_iter().flatten() {
            let defined = self.find(name);
            if defined.is_some_and(|defined| defined.attribute.mutability == Mutability::WriteOnly) {
                value.clone_from(mask);
            }
        }
    }

    /// Takes away what nobody may be shown: values of secret and of retired attributes.
    pub fn hide_unseen(&self, attributes: &mut Object) {
        let Some(extension) = attributes.get_mut(&self.urn).and_then(Value::as_object_mut) else {
            return;
        };
        extension.retain(|name, _| {
            let defined = self.find(name);
            defined.is_some_and(|defined| !defined.attribute.retired && !defined.attribute.is_secret())
        });
        if extension.is_empty() {
            attributes.remove(&self.urn);
        }
    }
}
