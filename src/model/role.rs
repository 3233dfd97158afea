//! Roles: named sets of permissions (S000-7, S001-15..25, S003-43..49).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::record::Record;
use super::slug::Slug;

/// A role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Role {
    /// Its short name.
    pub key: Slug,
    /// Its name for people.
    pub name: String,
    /// Where it counts.
    #[serde(default)]
    pub scope: Scope,
    /// What its holders may do.
    #[serde(default)]
    pub permissions: BTreeSet<Permission>,
    /// Roles whose permissions it contains (S001-22).
    #[serde(default)]
    pub includes: BTreeSet<Slug>,
    /// Whether it administers the organisation: no connection grants such a role unless it is allowed to by name.
    #[serde(default)]
    pub administers: bool,
}

impl Record for Role {
    const KIND: &'static str = "role";
}

/// Where a role counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// In the whole organisation.
    #[default]
    Global,
    /// In one group, held on the membership.
    Group,
}

/// One action at one reach, written `action` or `action@reach` with reach `self`, `group` or `organisation` (the default).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Permission {
    /// For example `meeting.plan`.
    pub action: String,
    /// How far it reaches.
    pub reach: Reach,
}

/// How far a permission reaches (`seeds.md` section 3.1: one action at three scopes).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reach {
    /// The holder only.
    Own,
    /// The group in which the role is held.
    Group,
    /// Everything in the organisation.
    Organisation,
}

/// The text is not a permission.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a permission: write an action such as \"meeting.plan\", with \"@self\", \"@group\" or \"@organisation\" behind it"
)]
pub struct NotAPermission(String);

impl TryFrom<String> for Permission {
    type Error = NotAPermission;

    fn try_from(text: String) -> Result<Self, NotAPermission> {
        let (action, reach) = match text.split_once('@') {
            None => (text.as_str(), Reach::Organisation),
            Some((action, "self")) => (action, Reach::Own),
            Some((action, "group")) => (action, Reach::Group),
            Some((action, "organisation")) => (action, Reach::Organisation),
            Some(_) => return Err(NotAPermission(text)),
        };
        let named = !action.is_empty()
            && action
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_' | '-'));
        if named {
            Ok(Self {
                action: action.to_owned(),
                reach,
            })
        } else {
            Err(NotAPermission(text))
        }
    }
}

impl From<Permission> for String {
    fn from(permission: Permission) -> Self {
        let reach = match permission.reach {
            Reach::Own => "self",
            Reach::Group => "group",
            Reach::Organisation => "organisation",
        };
        format!("{}@{reach}", permission.action)
    }
}
