//! Attributes that an organisation defines for its own users and groups (RFC 7643 sections 3.3, 6 and 7; S003-7).
//!
//! They live in one extension schema for each resource type, under a URN of the organisation's own:
//! `urn:usher:scim:schemas:extension:<slug>:2.0:User`, and `...:Group`. A slug never changes, so neither does the URN.

mod check;
mod schema;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use check::{CustomAttributeError, Narrowing};
pub use schema::{CustomSchema, Defined, Index, IndexKind, Reader};

use super::Object;
use super::fold::fold_name;
use super::schema::{Attribute, AttributeType, Mutability, Returned, Uniqueness};
use super::slug::Slug;

/// What the URNs of all organisations begin with.
const URN_START: &str = "urn:usher:scim:schemas:extension:";

/// Attributes that one organisation may define for one resource type: each is looked at whenever a resource is written.
pub const MOST_ATTRIBUTES: usize = 100;

/// The resource types that may have custom attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Bearer {
    /// Users.
    User,
    /// Groups.
    Group,
}

impl Bearer {
    /// Both.
    pub const ALL: [Self; 2] = [Self::User, Self::Group];

    /// The name of the resource type (RFC 7643 section 6).
    #[must_use]
    pub const fn resource_type(self) -> &'static str {
        match self {
            Self::User => "User",
            Self::Group => "Group",
        }
    }

    /// The list in an organisation file, and the first part of a place in it.
    #[must_use]
    pub const fn list(self) -> &'static str {
        match self {
            Self::User => "user_attributes",
            Self::Group => "group_attributes",
        }
    }
}

/// The URN of an organisation's own extension of a resource type.
#[must_use]
pub fn urn(organisation: &Slug, bearer: Bearer) -> String {
    format!("{URN_START}{organisation}:2.0:{}", bearer.resource_type())
}

/// Whether a text is the URN of some organisation's own extension, in any case.
#[must_use]
pub fn is_custom(urn: &str) -> bool {
    let is_longer = urn.len() > URN_START.len();
    is_longer
        && urn
            .get(..URN_START.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(URN_START))
}

/// The custom attributes among those of a record: their URN and their values. A record belongs to one organisation and so
/// has one such extension at most.
#[must_use]
pub fn extension_of(attributes: &Object) -> Option<(&str, &Object)> {
    attributes
        .iter()
        .find_map(|(name, value)| Some((name.as_str(), value.as_object().filter(|_| is_custom(name))?)))
}

/// An attribute as an organisation declares it: the characteristics of RFC 7643 section 7, and how it is looked up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CustomAttribute {
    /// Its name; no other attribute of the resource type may have it, in any case.
    pub name: String,
    /// Its data type, in the word of the RFC: `string`, `boolean`, `dateTime`, ...
    #[serde(rename = "type")]
    pub type_: AttributeType,
    /// Whether it holds a list.
    #[serde(default)]
    pub multi_valued: bool,
    /// What it means, for people.
    #[serde(default)]
    pub description: String,
    /// Whether a client that creates or replaces a resource must give it a value. Resources from before stay as they are.
    #[serde(default)]
    pub required: bool,
    /// Whether no two resources of the organisation may have the same value.
    #[serde(default)]
    pub unique: bool,
    /// Whether `eq` is answered from an index. What is unique always is.
    #[serde(default)]
    pub searchable: bool,
    /// Whether case matters when values are compared.
    #[serde(default)]
    pub case_exact: bool,
    /// Suggested values; others are accepted (RFC 7643 section 7).
    #[serde(default)]
    pub canonical_values: Vec<String>,
    /// What a reference may point to; `external` when nothing is said.
    #[serde(default)]
    pub reference_types: Vec<String>,
    /// Under which circumstances a SCIM client can change it. What is `readOnly` comes from a directory's mapping.
    #[serde(default)]
    pub mutability: Mutability,
    /// When it is part of an answer.
    #[serde(default)]
    pub returned: Returned,
    /// Taken out of use: unknown to every client, while the values stay stored and come back with the attribute.
    #[serde(default)]
    pub retired: bool,
    /// The sub-attributes of a complex attribute.
    #[serde(default)]
    pub sub_attributes: Vec<CustomSubAttribute>,
}

/// A sub-attribute of a complex custom attribute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CustomSubAttribute {
    /// Its name.
    pub name: String,
    /// Its data type; not complex (RFC 7643 section 2.3.8).
    #[serde(rename = "type")]
    pub type_: AttributeType,
    /// Whether it holds a list.
    #[serde(default)]
    pub multi_valued: bool,
    /// What it means, for people.
    #[serde(default)]
    pub description: String,
    /// Whether every value of the attribute must have it.
    #[serde(default)]
    pub required: bool,
    /// Whether case matters when values are compared.
    #[serde(default)]
    pub case_exact: bool,
    /// Suggested values; others are accepted.
    #[serde(default)]
    pub canonical_values: Vec<String>,
    /// What a reference may point to; `external` when nothing is said.
    #[serde(default)]
    pub reference_types: Vec<String>,
    /// Under which circumstances a SCIM client can change it.
    #[serde(default)]
    pub mutability: Mutability,
    /// When it is part of an answer.
    #[serde(default)]
    pub returned: Returned,
}

impl CustomAttribute {
    /// The definition that `/Schemas` shows.
    #[must_use]
    pub fn definition(&self) -> Attribute {
        Attribute {
            name: self.name.clone(),
            type_: self.type_,
            multi_valued: self.multi_valued,
            description: self.description.clone(),
            required: self.required,
            canonical_values: self.canonical_values.clone(),
            case_exact: self.case_exact,
            mutability: self.mutability,
            returned: self.returned,
            uniqueness: if self.unique {
                Uniqueness::Server
            } else {
                Uniqueness::None
            },
            reference_types: reference_types(self.type_, &self.reference_types),
            sub_attributes: self.sub_attributes.iter().map(CustomSubAttribute::definition).collect(),
        }
    }

    /// The index that it wants.
    #[must_use]
    pub fn wanted_index(&self) -> Option<IndexKind> {
        match (self.unique, self.searchable) {
            (true, _) => Some(IndexKind::Unique),
            (false, true) => Some(IndexKind::Search),
            (false, false) => None,
        }
    }

    /// Whether a client must not even learn whether it has a value.
    #[must_use]
    pub fn is_secret(&self) -> bool {
        self.returned == Returned::Never || self.mutability == Mutability::WriteOnly
    }

    /// Whether an index can hold its values: the others have no form in which equal values are equal texts.
    pub(super) fn can_be_indexed(&self) -> bool {
        matches!(
            self.type_,
            AttributeType::String | AttributeType::Integer | AttributeType::DateTime | AttributeType::Reference
        )
    }

    /// Whether an index holds its values in the form of [`fold_name`].
    #[must_use]
    pub fn is_folded(&self) -> bool {
        self.type_ == AttributeType::String && !self.case_exact
    }

    /// The texts under which an index holds a value: equal values have equal texts. A list has one for each of its values.
    #[must_use]
    pub fn index_texts(&self, value: &Value) -> Vec<String> {
        match value {
            Value::Array(values) => values.iter().filter_map(|value| self.index_text(value)).collect(),
            single => self.index_text(single).into_iter().collect(),
        }
    }

    /// The text of one value; `None` for one that does not fit the type and so is never equal to one that does.
    #[must_use]
    pub fn index_text(&self, value: &Value) -> Option<String> {
        match (self.type_, value) {
            (AttributeType::String, Value::String(text)) if self.is_folded() => Some(fold_name(text)),
            (AttributeType::String | AttributeType::Reference, Value::String(text)) => Some(text.clone()),
            (AttributeType::Integer, Value::Number(number)) if number.is_i64() || number.is_u64() => {
                Some(number.to_string())
            }
            (AttributeType::DateTime, Value::String(text)) => {
                super::instant::instant(text).map(|instant| instant.to_rfc3339())
            }
            _ => None,
        }
    }
}

impl CustomSubAttribute {
    fn definition(&self) -> Attribute {
        Attribute {
            name: self.name.clone(),
            type_: self.type_,
            multi_valued: self.multi_valued,
            description: self.description.clone(),
            required: self.required,
            canonical_values: self.canonical_values.clone(),
            case_exact: self.case_exact,
            mutability: self.mutability,
            returned: self.returned,
            uniqueness: Uniqueness::None,
            reference_types: reference_types(self.type_, &self.reference_types),
            sub_attributes: Vec::new(),
        }
    }
}

/// RFC 7643 section 7: a reference says what it may point to.
fn reference_types(type_: AttributeType, declared: &[String]) -> Vec<String> {
    if type_ == AttributeType::Reference && declared.is_empty() {
        return vec!["external".to_owned()];
    }
    declared.to_vec()
}
