//! Permissions: one action at one reach, with parameters (`seeds.md` section 3.1: one action at three scopes).

pub mod definition;
pub mod gateway;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::slug::Slug;

/// Values of a permission's parameters by name: `visibility = same-room` (S002-12).
pub type Parameters = BTreeMap<Slug, Slug>;

/// A permission, written `action`, `action@reach` or `action@reach;name=value`, with reach `self`, `group`, `subtree` or
/// `organisation` (the default).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Permission {
    /// For example `meeting.plan`.
    pub action: Slug,
    /// How far it reaches.
    pub reach: Reach,
    /// What it is limited to; empty for no limit.
    pub parameters: Parameters,
}

/// How far a permission reaches. The order is that of width.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Reach {
    /// The holder only.
    #[serde(rename = "self")]
    Own,
    /// The group in which the role is held; with a global role, every group that the holder is in.
    Group,
    /// That group and every group below it (X04-2).
    Subtree,
    /// Everything in the organisation.
    Organisation,
}

impl Reach {
    /// Every reach, from the narrowest.
    pub const ALL: [Self; 4] = [Self::Own, Self::Group, Self::Subtree, Self::Organisation];

    /// The word behind the `@`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Own => "self",
            Self::Group => "group",
            Self::Subtree => "subtree",
            Self::Organisation => "organisation",
        }
    }
}

/// The text is not a permission.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a permission: write an action such as \"meeting.plan\", with \"@self\", \"@group\", \"@subtree\" or \
     \"@organisation\" behind it, and \";name=value\" for each parameter"
)]
pub struct NotAPermission(String);

impl FromStr for Permission {
    type Err = NotAPermission;

    fn from_str(text: &str) -> Result<Self, NotAPermission> {
        let bad = || NotAPermission(text.to_owned());
        let mut parts = text.split(';');
        let head = parts.next().unwrap_or_default();
        let (action, reach) = match head.split_once('@') {
            None => (head, Reach::Organisation),
            Some((action, word)) => {
                let reach = Reach::ALL.into_iter().find(|reach| reach.as_str() == word);
                (action, reach.ok_or_else(bad)?)
            }
        };
        let mut parameters = Parameters::new();
        for part in parts {
            let (name, value) = part.split_once('=').ok_or_else(bad)?;
            let (name, value) = (name.parse().map_err(|_| bad())?, value.parse().map_err(|_| bad())?);
            if parameters.insert(name, value).is_some() {
                return Err(bad());
            }
        }
        Ok(Self {
            action: action.parse().map_err(|_| bad())?,
            reach,
            parameters,
        })
    }
}

impl JsonSchema for Permission {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Permission".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let name = "[a-z0-9][a-z0-9._-]{0,63}";
        let form = format!("^{name}(@(self|group|subtree|organisation))?(;{name}={name})*$");
        json_schema!({ "type": "string", "pattern": form })
    }
}

impl TryFrom<String> for Permission {
    type Error = NotAPermission;

    fn try_from(text: String) -> Result<Self, NotAPermission> {
        text.parse()
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.action, self.reach.as_str())?;
        self.parameters
            .iter()
            .try_for_each(|(name, value)| write!(f, ";{name}={value}"))
    }
}

impl From<Permission> for String {
    fn from(permission: Permission) -> Self {
        permission.to_string()
    }
}
