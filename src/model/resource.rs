//! What users and groups are given to work with: meeting types, rooms, channels, numbers, reports, campaigns (S000-5,
//! S000-11, S002-13, S003-9, S003-36, X04-5).
//!
//! Only direct assignments are stored. What a user has through a group is derived when it is read, so that joining a group or
//! leaving it costs nothing, however many resources the group has.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::clock::Timestamp;
use super::id::{ResourceId, UserId};
use super::record::Record;
use super::schema::AttributeType;
use super::slug::Slug;

/// Bytes of a resource's settings, and of the attributes of an assignment.
pub const SETTINGS_BYTES_MAX: usize = 16 * 1024;

/// Bytes of a resource's name.
pub const NAME_BYTES_MAX: usize = 256;

/// Attributes that a type may define for its assignments.
pub const ATTRIBUTES_MAX: usize = 50;

/// Values of one multi-valued attribute of an assignment.
const VALUES_MAX: usize = 100;

/// A type of resources, as an organisation declares it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResourceType {
    /// Its short name.
    pub key: Slug,
    /// Its name for people.
    pub name: String,
    /// What its resources may be assigned to.
    #[serde(default = "everyone")]
    pub assignable: BTreeSet<Assignable>,
    /// Whether a resource belongs to one user only, as a telephone number does. Such a type is assignable to users only.
    #[serde(default)]
    pub exclusive: bool,
    /// What an assignment may say, such as `linkedNumber`, `mex`, `display` or `ringTo` (S003-10..13, S004-32).
    #[serde(default)]
    pub attributes: Vec<AssignmentAttribute>,
}

/// What a resource may be assigned to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Assignable {
    /// Users.
    User,
    /// Groups, and through them their members.
    Group,
}

/// An attribute of an assignment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AssignmentAttribute {
    /// Its name.
    pub name: String,
    /// Its type: `string`, `boolean`, `integer` or `decimal`.
    #[serde(rename = "type")]
    pub type_: AttributeType,
    /// Whether it holds a list.
    #[serde(default)]
    pub multi_valued: bool,
    /// Whether every assignment must have it.
    #[serde(default)]
    pub required: bool,
}

fn everyone() -> BTreeSet<Assignable> {
    BTreeSet::from([Assignable::User, Assignable::Group])
}

impl Record for ResourceType {
    const KIND: &'static str = "resource type";
}

impl ResourceType {
    /// Checks the declaration itself.
    ///
    /// # Errors
    /// The setting at fault, and what would be right.
    pub fn check(&self) -> Result<(), (String, String)> {
        let fault = |place: &str, reason: String| Err((place.to_owned(), reason));
        if self.assignable.is_empty() {
            return fault("assignable", "must name user, group or both".to_owned());
        }
        if self.exclusive && self.assignable.contains(&Assignable::Group) {
            let reason = "a resource of one user only is not for groups: set assignable = [\"user\"]".to_owned();
            return fault("assignable", reason);
        }
        if self.attributes.len() > ATTRIBUTES_MAX {
            let count = self.attributes.len();
            return fault(
                "attributes",
                format!("{count} are too many, at most {ATTRIBUTES_MAX} are kept"),
            );
        }
        let mut names = BTreeSet::new();
        for attribute in &self.attributes {
            let place = format!("attributes.{}", attribute.name);
            let starts = attribute.name.starts_with(|c: char| c.is_ascii_alphabetic());
            let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
            if !starts || attribute.name.len() > 64 || !attribute.name.chars().all(allowed) {
                let reason = "must be 1 to 64 letters, digits, '_' and '-', starting with a letter".to_owned();
                return fault(&place, reason);
            }
            if !names.insert(attribute.name.to_ascii_lowercase()) {
                return fault(&place, "is there twice".to_owned());
            }
            match attribute.type_ {
                AttributeType::String | AttributeType::Boolean | AttributeType::Integer | AttributeType::Decimal => {}
                AttributeType::DateTime | AttributeType::Binary | AttributeType::Reference | AttributeType::Complex => {
                    return fault(&place, "must be of type string, boolean, integer or decimal".to_owned());
                }
            }
        }
        Ok(())
    }

    /// Checks the attributes of an assignment.
    ///
    /// # Errors
    /// The attribute at fault, and what would be right.
    pub fn check_attributes(&self, given: &Map<String, Value>) -> Result<(), (String, String)> {
        let fault = |name: &str, reason: String| Err((format!("attributes.{name}"), reason));
        for (name, value) in given {
            let Some(attribute) = self.attributes.iter().find(|attribute| attribute.name == *name) else {
                let known: Vec<&str> = self.attributes.iter().map(|known| known.name.as_str()).collect();
                let known = if known.is_empty() {
                    "none".to_owned()
                } else {
                    known.join(", ")
                };
                return fault(name, format!("is no attribute of type {}: it has {known}", self.key));
            };
            let is_right = match (attribute.multi_valued, value) {
                (false, value) => attribute.is_value(value),
                (true, Value::Array(values)) => {
                    values.len() <= VALUES_MAX && values.iter().all(|value| attribute.is_value(value))
                }
                (true, _) => false,
            };
            if !is_right {
                let type_ = attribute.type_.as_str();
                let reason = if attribute.multi_valued {
                    format!("must be a list of at most {VALUES_MAX} values of type {type_}")
                } else {
                    format!("must be of type {type_}")
                };
                return fault(name, reason);
            }
        }
        match self
            .attributes
            .iter()
            .find(|attribute| attribute.required && !given.contains_key(&attribute.name))
        {
            Some(missing) => fault(&missing.name, format!("is required for type {}", self.key)),
            None => check_size("attributes", given),
        }
    }
}

impl AssignmentAttribute {
    fn is_value(&self, value: &Value) -> bool {
        match self.type_ {
            AttributeType::String => value.is_string(),
            AttributeType::Boolean => value.is_boolean(),
            AttributeType::Integer => value.is_i64() || value.is_u64(),
            AttributeType::Decimal => value.is_number(),
            AttributeType::DateTime | AttributeType::Binary | AttributeType::Reference | AttributeType::Complex => {
                false
            }
        }
    }
}

/// A resource.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resource {
    /// Made by the server, never used again.
    pub id: ResourceId,
    /// The key of its type; it never changes.
    #[serde(rename = "type")]
    pub type_: Slug,
    /// Its name: a number, or what people call it. No two of a type have the same, caseless.
    pub name: String,
    /// Whose it is (X04-5).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<UserId>,
    /// What the product needs to know about it.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub settings: Map<String, Value>,
    /// A disabled one is kept, and nobody has it (X02-9).
    pub enabled: bool,
    /// When it vanishes by itself, as a personal meeting room does (X02-10).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
    /// When it was made.
    pub created: Timestamp,
    /// When it last changed; assignments are kept apart.
    pub last_modified: Timestamp,
    /// Raised with each change.
    pub revision: u64,
}

impl Record for Resource {
    const KIND: &'static str = "resource";
}

impl Resource {
    /// Whether anyone can have it now.
    #[must_use]
    pub fn is_in_use(&self, now: Timestamp) -> bool {
        self.enabled && !self.is_over(now)
    }

    /// Whether its time is over.
    #[must_use]
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }
}

/// The part of a resource that administrators write.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResourceDraft {
    /// The key of its type.
    #[serde(rename = "type")]
    pub type_: Slug,
    /// Its name.
    pub name: String,
    /// Whose it is; the admin API takes the user name as well.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub owner: Option<UserId>,
    /// What the product needs to know about it.
    #[serde(default)]
    pub settings: Map<String, Value>,
    /// Whether anyone can have it.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// When it vanishes by itself.
    #[serde(default)]
    pub expires: Option<Timestamp>,
}

const fn yes() -> bool {
    true
}

impl From<&Resource> for ResourceDraft {
    fn from(resource: &Resource) -> Self {
        Self {
            type_: resource.type_.clone(),
            name: resource.name.clone(),
            owner: resource.owner,
            settings: resource.settings.clone(),
            enabled: resource.enabled,
            expires: resource.expires,
        }
    }
}

impl ResourceDraft {
    /// Checks what can be told from the draft alone.
    ///
    /// # Errors
    /// The member at fault, and what would be right.
    pub fn check(&self) -> Result<(), (String, String)> {
        let name = self.name.trim();
        if name.is_empty() || self.name.len() > NAME_BYTES_MAX || self.name.chars().any(char::is_control) {
            let reason = format!("must be 1 to {NAME_BYTES_MAX} bytes, without control characters");
            return Err(("name".to_owned(), reason));
        }
        check_size("settings", &self.settings)
    }
}

/// The assignment of a resource to a user or a group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assignment {
    /// What the type allows to say about it.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub attributes: Map<String, Value>,
    /// Since when.
    pub since: Timestamp,
}

impl Record for Assignment {
    const KIND: &'static str = "assignment";
}

fn check_size(place: &str, value: &Map<String, Value>) -> Result<(), (String, String)> {
    let bytes = serde_json::to_vec(value).map_or(usize::MAX, |text| text.len());
    if bytes <= SETTINGS_BYTES_MAX {
        return Ok(());
    }
    let reason = format!("{bytes} bytes are too many, at most {SETTINGS_BYTES_MAX} are stored");
    Err((place.to_owned(), reason))
}
