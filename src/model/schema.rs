//! Schema definitions (RFC 7643 section 7) and what they say about a resource.

mod catalogue;
mod definition;
mod resource_type;
mod resources;
mod set;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use self::catalogue::{
    COMMON, ENTERPRISE_USER, GROUP, LICENCE, RESOURCE_TYPE, ROLE, SCHEMA, SERVICE_PROVIDER_CONFIG, USER, USHER_GROUP,
    USHER_LICENCE, USHER_ROLE, USHER_SERVICE_PROVIDER_CONFIG, USHER_USER, protocol_schemas,
};
pub use self::definition::DefinitionError;
pub use self::resource_type::{ResourceType, SchemaExtension};
pub use self::resources::ResourceSchemas;
pub use self::set::{Resolved, SchemaSet};

/// The data type of an attribute (RFC 7643 section 2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AttributeType {
    /// Unicode text.
    String,
    /// `true` or `false`.
    Boolean,
    /// A real number.
    Decimal,
    /// A whole number.
    Integer,
    /// An `xsd:dateTime`.
    DateTime,
    /// Base64 text.
    Binary,
    /// A URI.
    Reference,
    /// An object of sub-attributes.
    Complex,
}

impl AttributeType {
    /// The word of the RFC.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Boolean => "boolean",
            Self::Decimal => "decimal",
            Self::Integer => "integer",
            Self::DateTime => "dateTime",
            Self::Binary => "binary",
            Self::Reference => "reference",
            Self::Complex => "complex",
        }
    }
}

/// Under which circumstances a value can be defined (RFC 7643 section 7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Mutability {
    /// Never by a client.
    ReadOnly,
    /// At any time.
    #[default]
    ReadWrite,
    /// Once.
    Immutable,
    /// At any time, and it cannot be read.
    WriteOnly,
}

/// When a value is part of an answer (RFC 7643 section 7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Returned {
    /// Whatever was asked for.
    Always,
    /// Not at all.
    Never,
    /// Unless the client asked for other attributes.
    #[default]
    Default,
    /// Only when the client asked for it.
    Request,
}

/// How far a value is unique (RFC 7643 section 7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Uniqueness {
    /// Not at all.
    #[default]
    None,
    /// Inside the organisation.
    Server,
    /// Everywhere.
    Global,
}

/// The definition of an attribute or sub-attribute (RFC 7643 section 7).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Attribute {
    /// Its name, in the spelling that every stored resource uses.
    pub name: String,
    /// Its data type.
    #[serde(rename = "type")]
    pub type_: AttributeType,
    /// Whether it holds a list.
    #[serde(default)]
    pub multi_valued: bool,
    /// What it means, for people.
    #[serde(default)]
    pub description: String,
    /// Whether a resource must have it.
    #[serde(default)]
    pub required: bool,
    /// Suggested values; others are accepted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub canonical_values: Vec<String>,
    /// Whether case matters when values are compared.
    #[serde(default)]
    pub case_exact: bool,
    /// Under which circumstances it can be changed.
    #[serde(default)]
    pub mutability: Mutability,
    /// When it is part of an answer.
    #[serde(default)]
    pub returned: Returned,
    /// How far it is unique.
    #[serde(default)]
    pub uniqueness: Uniqueness,
    /// What a reference may point to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reference_types: Vec<String>,
    /// The sub-attributes of a complex attribute.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sub_attributes: Vec<Self>,
}

impl Attribute {
    /// The sub-attribute of this name, in any case.
    #[must_use]
    pub fn sub_attribute(&self, name: &str) -> Option<&Self> {
        self.sub_attributes
            .iter()
            .find(|sub| sub.name.eq_ignore_ascii_case(name))
    }

    /// Whether its values are objects.
    #[must_use]
    pub fn is_complex(&self) -> bool {
        self.type_ == AttributeType::Complex
    }

    /// Whether case matters: by definition for references and binaries (RFC 7643 sections 2.3.6 and 2.3.7).
    #[must_use]
    pub fn compares_exactly(&self) -> bool {
        self.case_exact || matches!(self.type_, AttributeType::Reference | AttributeType::Binary)
    }

    /// Whether a client must not even learn whether it has a value.
    #[must_use]
    pub fn is_secret(&self) -> bool {
        self.returned == Returned::Never || self.mutability == Mutability::WriteOnly
    }
}

/// A schema: a named list of attributes (RFC 7643 section 7).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schema {
    /// Its URN.
    pub id: String,
    /// Its name, for people.
    #[serde(default)]
    pub name: String,
    /// What it is for.
    #[serde(default)]
    pub description: String,
    /// What it defines.
    pub attributes: Vec<Attribute>,
}

impl Schema {
    /// The attribute of this name, in any case.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes
            .iter()
            .find(|attribute| attribute.name.eq_ignore_ascii_case(name))
    }

    /// The resource that `/Schemas` shows (RFC 7643 section 7). `meta.location` is added by the caller, who knows the base URL.
    #[must_use]
    pub fn to_scim_json(&self) -> Value {
        json!({
            "schemas": [SCHEMA.id],
            "id": self.id,
            "name": self.name,
            "description": self.description,
            "attributes": self.attributes,
            "meta": {"resourceType": "Schema"},
        })
    }
}
