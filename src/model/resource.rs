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
    pub attributes: Vec<DeclaredAttribute>,
    /// What its resources may be set to, such as how many attend a meeting at most (S000-29..31). Without any, their settings are
    /// the product's own affair and are kept as they come.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub settings: Vec<DeclaredAttribute>,
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

/// An attribute of an assignment, or a setting of a resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeclaredAttribute {
    /// Its name.
    pub name: String,
    /// Its type: `string`, `boolean`, `integer` or `decimal`.
    #[serde(rename = "type")]
    pub type_: AttributeType,
    /// Whether it holds a list.
    #[serde(default)]
    pub multi_valued: bool,
    /// Whether every assignment, or resource, must have it.
    #[serde(default)]
    pub required: bool,
    /// Of numbers: the least that is taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub least: Option<i64>,
    /// Of numbers: the most that is taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub most: Option<i64>,
    /// Of texts: the values that are taken; any when there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
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
        check_declared("attributes", &self.attributes)?;
        check_declared("settings", &self.settings)
    }

    /// Checks the attributes of an assignment.
    ///
    /// # Errors
    /// The attribute at fault, and what would be right.
    pub fn check_attributes(&self, given: &Map<String, Value>) -> Result<(), (String, String)> {
        self.check_given("attributes", &self.attributes, given)
    }

    /// Checks the settings of a resource, where the type says which there are.
    ///
    /// # Errors
    /// The setting at fault, and what would be right.
    pub fn check_settings(&self, given: &Map<String, Value>) -> Result<(), (String, String)> {
        if self.settings.is_empty() {
            return Ok(());
        }
        self.check_given("settings", &self.settings, given)
    }

    fn check_given(
        &self,
        place: &str,
        declared: &[DeclaredAttribute],
        given: &Map<String, Value>,
    ) -> Result<(), (String, String)> {
        let fault = |name: &str, reason: String| Err((format!("{place}.{name}"), reason));
        for (name, value) in given {
            let Some(attribute) = declared.iter().find(|attribute| attribute.name == *name) else {
                let known: Vec<&str> = declared.iter().map(|known| known.name.as_str()).collect();
                let known = if known.is_empty() {
                    "none".to_owned()
                } else {
                    known.join(", ")
                };
                return fault(
                    name,
                    format!("is none of the {place} of type {}: it has {known}", self.key),
                );
            };
            let is_right = match (attribute.multi_valued, value) {
                (false, value) => attribute.is_value(value),
                (true, Value::Array(values)) => {
                    values.len() <= VALUES_MAX && values.iter().all(|value| attribute.is_value(value))
                }
                (true, _) => false,
            };
            if !is_right {
                let wanted = attribute.wanted();
                let reason = if attribute.multi_valued {
                    format!("must be a list of at most {VALUES_MAX} values of type {wanted}")
                } else {
                    format!("must be of type {wanted}")
                };
                return fault(name, reason);
            }
        }
        let missing = |attribute: &&DeclaredAttribute| attribute.required && !given.contains_key(&attribute.name);
        match declared.iter().find(missing) {
            Some(missing) => fault(&missing.name, format!("is required for type {}", self.key)),
            None => check_size(place, given),
        }
    }
}

/// Checks what a type declares of its assignments or its resources.
fn check_declared(place: &str, declared: &[DeclaredAttribute]) -> Result<(), (String, String)> {
    if declared.len() > ATTRIBUTES_MAX {
        let count = declared.len();
        let reason = format!("{count} are too many, at most {ATTRIBUTES_MAX} are kept");
        return Err((place.to_owned(), reason));
    }
    let mut names = BTreeSet::new();
    for attribute in declared {
        let fault = |reason: &str| Err((format!("{place}.{}", attribute.name), reason.to_owned()));
        let starts = attribute.name.starts_with(|c: char| c.is_ascii_alphabetic());
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        if !starts || attribute.name.len() > 64 || !attribute.name.chars().all(allowed) {
            return fault("must be 1 to 64 letters, digits, '_' and '-', starting with a letter");
        }
        if !names.insert(attribute.name.to_ascii_lowercase()) {
            return fault("is there twice");
        }
        let is_bounded = attribute.least.is_some() || attribute.most.is_some();
        match attribute.type_ {
            AttributeType::Integer | AttributeType::Decimal if attribute.values.is_empty() => {
                if matches!((attribute.least, attribute.most), (Some(least), Some(most)) if least > most) {
                    return fault("has a least above its most: no number would be taken");
                }
            }
            AttributeType::String if !is_bounded => {}
            AttributeType::Boolean if !is_bounded && attribute.values.is_empty() => {}
            AttributeType::String | AttributeType::Boolean | AttributeType::Integer | AttributeType::Decimal => {
                return fault("least and most are for numbers, values are for texts");
            }
            AttributeType::DateTime | AttributeType::Binary | AttributeType::Reference | AttributeType::Complex => {
                return fault("must be of type string, boolean, integer or decimal");
            }
        }
    }
    Ok(())
}

impl DeclaredAttribute {
    fn is_value(&self, value: &Value) -> bool {
        match self.type_ {
            AttributeType::String => value
                .as_str()
                .is_some_and(|text| self.values.is_empty() || self.values.iter().any(|known| known == text)),
            AttributeType::Boolean => value.is_boolean(),
            AttributeType::Integer => (value.is_i64() || value.is_u64()) && self.is_within(value),
            AttributeType::Decimal => value.is_number() && self.is_within(value),
            AttributeType::DateTime | AttributeType::Binary | AttributeType::Reference | AttributeType::Complex => {
                false
            }
        }
    }
}

impl DeclaredAttribute {
    /// Whether a number lies between the bounds.
    #[expect(clippy::cast_precision_loss, reason = "bounds are small numbers that people write")]
    fn is_within(&self, value: &Value) -> bool {
        value.as_f64().is_some_and(|number| {
            self.least.is_none_or(|least| number >= least as f64) && self.most.is_none_or(|most| number <= most as f64)
        })
    }

    /// What is taken, in words.
    fn wanted(&self) -> String {
        let type_ = self.type_.as_str();
        match (self.least, self.most) {
            (Some(least), Some(most)) => format!("{type_} from {least} to {most}"),
            (Some(least), None) => format!("{type_}, at least {least}"),
            (None, Some(most)) => format!("{type_}, at most {most}"),
            (None, None) if self.values.is_empty() => type_.to_owned(),
            (None, None) => format!("{type_}: one of {}", self.values.join(", ")),
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
