//! A group as an administrator writes it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Group, Kind};
use crate::model::id::GroupId;
use crate::model::slug::Slug;

/// The part of a group that administrators write. What a group gives and who its members are is changed by operations of its
/// own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupDraft {
    /// The name; unique in the organisation, caseless.
    pub display_name: String,
    /// The kind; the organisation's default kind when it is left out.
    #[serde(default)]
    pub kind: Option<Kind>,
    /// The group above; the admin API takes its name as well.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub parent: Option<GroupId>,
    /// Whether its rights are in force.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// The name in links.
    #[serde(default)]
    pub link: Option<Slug>,
    /// The picture.
    #[serde(default)]
    pub avatar: Option<String>,
    /// Whether newcomers become members.
    #[serde(default)]
    pub is_default: bool,
    /// Attributes of the organisation's own, by name or below their URN.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub attributes: Map<String, Value>,
}

const fn yes() -> bool {
    true
}

impl From<&Group> for GroupDraft {
    /// The group as it is, but for its attributes: those are changed one by one.
    fn from(group: &Group) -> Self {
        Self {
            display_name: group.display_name.clone(),
            kind: Some(group.kind),
            parent: group.parent,
            enabled: group.enabled,
            link: group.link.clone(),
            avatar: group.avatar.clone(),
            is_default: group.is_default,
            attributes: Map::new(),
        }
    }
}
