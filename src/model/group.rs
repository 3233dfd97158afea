//! A group, team, unit or room (S000-2, S002-13, S003-31, S004-4): what keeps large numbers of people workable (S001-1), and has
//! the same meetings or the same link (S001-2).

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::clock::Timestamp;
use super::id::GroupId;
use super::locale::Defaults;
use super::record::Record;
use super::slug::Slug;

mod avatar;
mod code;
mod draft;
mod policy;

pub use avatar::{AVATAR_DATA_MAX, AVATAR_URL_MAX, check_avatar};
pub use code::{Code, NotACode};
pub use draft::GroupDraft;
pub use policy::{DEPTH_MAX, GroupPolicy};

/// A group record. Its members are edges of their own (see [`super::membership`]), so that a change of one member never
/// reads or writes the others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// Made by the server, never used again.
    pub id: GroupId,
    /// The name; unique in the organisation, caseless (Entra and Okta match groups by it).
    pub display_name: String,
    /// What kind of group it is.
    #[serde(default)]
    pub kind: Kind,
    /// A disabled group keeps its members but its rights sleep (S003-40..42).
    pub enabled: bool,
    /// The group above, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<GroupId>,
    /// Other attributes in canonical SCIM form.
    #[serde(default)]
    pub attributes: Map<String, Value>,
    /// The identifier that each connection knows the group by.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub external_ids: BTreeMap<Slug, String>,
    /// The connections that made or adopted the group.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub sources: BTreeSet<Slug>,
    /// Roles that members hold because they are members.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub grants_roles: BTreeSet<Slug>,
    /// Licences that members are meant to have because they are members.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub grants_licences: BTreeSet<Slug>,
    /// What people get whose home group it is, or a group below it, and who have none of their own (X04-9).
    #[serde(default, skip_serializing_if = "Defaults::is_empty")]
    pub defaults: Defaults,
    /// Its name in links, for example to book one of its members; unique in the organisation (S001-8, S001-9).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<Slug>,
    /// Its picture (see [`check_avatar`]; S003-34).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avatar: Option<String>,
    /// Whether everyone who is new in the organisation becomes a member (X02-12).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_default: bool,
    /// Whether it is the one group of level 1 that the organisation is billed by: it is never deleted, moved or disabled
    /// (S004-6, X04-3).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_billing_root: bool,
    /// Its place in the tree; `None` where groups lie side by side.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Code>,
    /// When the record was made.
    pub created: Timestamp,
    /// When the record itself last changed; a change of members is kept apart (see `directory/keys.rs`).
    pub last_modified: Timestamp,
    /// Raised with each change of the record.
    pub revision: u64,
}

/// What a group is called in the product that uses it (`seeds.md` section 2.3).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A plain group (24sessions).
    #[default]
    Group,
    /// A team or department (lynes, S003-32).
    Team,
    /// A unit in a tree (Convirza).
    Unit,
    /// A room (VSight).
    Room,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Group, Self::Team, Self::Unit, Self::Room];

    /// The word in answers and configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Group => "group",
            Self::Team => "team",
            Self::Unit => "unit",
            Self::Room => "room",
        }
    }
}

impl Group {
    /// A group without members, made now and enabled.
    #[must_use]
    pub fn new(id: GroupId, display_name: String, now: Timestamp) -> Self {
        Self {
            id,
            display_name,
            kind: Kind::default(),
            enabled: true,
            parent: None,
            attributes: Map::new(),
            external_ids: BTreeMap::new(),
            sources: BTreeSet::new(),
            grants_roles: BTreeSet::new(),
            grants_licences: BTreeSet::new(),
            defaults: Defaults::default(),
            link: None,
            avatar: None,
            is_default: false,
            is_billing_root: false,
            code: None,
            created: now,
            last_modified: now,
            revision: 0,
        }
    }

    /// How deep it lies: 1 for a group without a parent (S004-4).
    #[must_use]
    pub fn level(&self) -> u8 {
        self.code.as_ref().map_or(1, Code::level)
    }

    /// Whether members get something by being members.
    #[must_use]
    pub fn gives(&self) -> bool {
        !self.grants_roles.is_empty() || !self.grants_licences.is_empty()
    }

    /// Every connection that holds the group: only these may change or delete it.
    #[must_use]
    pub fn held_by(&self) -> BTreeSet<&Slug> {
        self.sources.iter().chain(self.external_ids.keys()).collect()
    }
}

impl Record for Group {
    const KIND: &'static str = "group";
}
