//! Resource types (RFC 7643 section 6).

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::RESOURCE_TYPE;

/// A kind of resource: its endpoint, its core schema and its extensions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResourceType {
    /// The identifier, the same as the name.
    pub id: String,
    /// The name: the value of `meta.resourceType`.
    pub name: String,
    /// What it is, for people.
    pub description: String,
    /// The path after the base URL, with the slash in front.
    pub endpoint: String,
    /// The URN of the core schema.
    pub schema: String,
    /// The extensions.
    pub schema_extensions: Vec<SchemaExtension>,
}

/// One extension of a resource type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchemaExtension {
    /// The URN of the extension.
    pub schema: String,
    /// Whether every resource must have it.
    pub required: bool,
}

impl ResourceType {
    /// A resource type without extensions.
    #[must_use]
    pub fn new(name: &str, description: &str, endpoint: &str, schema: &str) -> Self {
        Self {
            id: name.to_owned(),
            name: name.to_owned(),
            description: description.to_owned(),
            endpoint: endpoint.to_owned(),
            schema: schema.to_owned(),
            schema_extensions: Vec::new(),
        }
    }

    /// The resource that `/ResourceTypes` shows. `meta.location` is added by the caller, who knows the base URL.
    #[must_use]
    pub fn to_scim_json(&self) -> Value {
        let mut shown = json!({
            "schemas": [RESOURCE_TYPE.id],
            "id": self.id,
            "name": self.name,
            "description": self.description,
            "endpoint": self.endpoint,
            "schema": self.schema,
            "meta": {"resourceType": "ResourceType"},
        });
        if !self.schema_extensions.is_empty() {
            shown["schemaExtensions"] = json!(self.schema_extensions);
        }
        shown
    }
}
