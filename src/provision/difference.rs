//! What a step of a plan changes, name by name: for a person who has to approve it, and equal to what can be seen afterwards.
//!
//! A difference is what lies between a record before and after a step was played through ([`super::rehearse`]). It names people and
//! holds their attributes, so it is shown to those alone who may read users, and a kept one is erased with its person.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::directory::audit::is_secret;
use crate::model::custom_attribute::CustomSchema;
use crate::model::group::Group;
use crate::model::id::GroupId;
use crate::model::licence::{Seat, SeatClaim};
use crate::model::slug::Slug;
use crate::model::user::User;

use super::failure::{FailureReason, Kind};

/// Bytes of a value that is shown; of a longer one only its length is.
const VALUE_BYTES_MAX: usize = 2_048;
/// Bytes of one difference, roughly: that of a large group comes in parts, each fit for a line and for a stored record.
const PART_BYTES: usize = 12 * 1024;

/// What one step changes, or a part of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Difference {
    /// A person or a group.
    pub kind: Kind,
    /// The word of the step ([`super::plan::PersonAction`], [`super::plan::GroupAction`]); `effect` for what follows from the steps of
    /// others: a seat that was waited for, what a group gives, a team that a rule makes.
    pub action: String,
    /// The user name or the group's name, as it will be.
    pub name: String,
    /// The source's identifier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// Our identifier of whoever is there before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Uuid>,
    /// What changes. Nothing, when only what the connection remembers does.
    pub changes: Vec<Change>,
    /// Why the step would not be carried out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<FailureReason>,
    /// Which part of the step this is, from 0.
    #[serde(default, skip_serializing_if = "is_first")]
    pub part: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
const fn is_first(part: &u32) -> bool {
    *part == 0
}

/// What is different in one place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// What it is.
    pub what: What,
    /// Which: the attribute's name, the role's or licence's key, the group's or member's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What was there; missing when nothing was.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub before: Value,
    /// What will be there; missing when nothing will.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub after: Value,
    /// The values are secret, and not shown.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_hidden: bool,
}

/// Where something is different.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// The login name.
    UserName,
    /// A group's name.
    DisplayName,
    /// A SCIM attribute, in canonical form.
    Attribute,
    /// Whether nobody suspends the person.
    Active,
    /// How far the person has come.
    State,
    /// A role in the whole organisation: true while it is held.
    Role,
    /// A licence: the word of its seat.
    Licence,
    /// A team that the connection's rules put the person into: true while they do.
    Team,
    /// The home group's name.
    HomeGroup,
    /// A person in a group: true while in it.
    Member,
    /// A group in a group: true while in it.
    MemberGroup,
    /// The identifier by which this connection knows the person or group.
    Link,
}

impl What {
    /// The word in answers and tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UserName => "user_name",
            Self::DisplayName => "display_name",
            Self::Attribute => "attribute",
            Self::Active => "active",
            Self::State => "state",
            Self::Role => "role",
            Self::Licence => "licence",
            Self::Team => "team",
            Self::HomeGroup => "home_group",
            Self::Member => "member",
            Self::MemberGroup => "member_group",
            Self::Link => "link",
        }
    }
}

impl Change {
    /// Something that changes its value, if it does.
    fn of(what: What, name: Option<&str>, before: impl Into<Value>, after: impl Into<Value>) -> Option<Self> {
        let (before, after) = (before.into(), after.into());
        (before != after).then(|| Self {
            what,
            name: name.map(str::to_owned),
            before,
            after,
            is_hidden: false,
        })
    }

    /// Somebody or something that comes or goes.
    pub(super) fn comes(what: What, name: &str, is_there: bool) -> Self {
        let (before, after) = if is_there {
            (Value::Null, Value::Bool(true))
        } else {
            (Value::Bool(true), Value::Null)
        };
        Self {
            what,
            name: Some(name.to_owned()),
            before,
            after,
            is_hidden: false,
        }
    }
}

impl Difference {
    /// The difference as one or several, none of them much larger than others.
    pub(super) fn in_parts(mut self) -> Vec<Self> {
        let changes = std::mem::take(&mut self.changes);
        let mut parts = vec![self];
        let mut bytes = 0;
        for change in changes {
            let size = json!(change).to_string().len();
            if bytes > 0 && bytes + size > PART_BYTES {
                let last = &parts[parts.len() - 1];
                let next = Self {
                    changes: Vec::new(),
                    part: last.part + 1,
                    ..last.clone()
                };
                parts.push(next);
                bytes = 0;
            }
            bytes += size;
            // There is always a first part.
            if let Some(last) = parts.last_mut() {
                last.changes.push(change);
            }
        }
        parts
    }
}

/// What a comparison needs to know beside the records.
pub(super) struct Names<'a> {
    pub(super) connection: &'a Slug,
    /// The organisation's own attributes of people.
    pub(super) custom: Option<&'a CustomSchema>,
    /// Names of groups; one that is not known has none.
    pub(super) groups: &'a BTreeMap<GroupId, String>,
}

impl Names<'_> {
    fn group(&self, id: GroupId) -> String {
        self.groups.get(&id).cloned().unwrap_or_else(|| id.to_string())
    }

    /// What lies between two states of a person. Of somebody who goes, only what is given back.
    pub(super) fn of_user(&self, before: Option<&User>, after: Option<&User>) -> Vec<Change> {
        let mut changes = Vec::new();
        let link = |user: Option<&User>| user.and_then(|user| user.external_ids.get(self.connection).cloned());
        if let Some(after) = after {
            let text = |word: Option<&str>| word.map_or(Value::Null, Value::from);
            let old = before.map(|user| user.user_name.as_str());
            changes.extend(Change::of(What::UserName, None, text(old), after.user_name.as_str()));
            changes.extend(self.attributes(before, after));
            let active = before.map_or(Value::Null, |user| user.is_active().into());
            changes.extend(Change::of(What::Active, None, active, after.is_active()));
            let state = before.map(|user| user.state().as_str());
            changes.extend(Change::of(What::State, None, text(state), after.state().as_str()));
        }
        let roles = |user: Option<&User>| {
            user.map(|user| user.roles.keys().cloned().collect())
                .unwrap_or_default()
        };
        let (old, new): (BTreeSet<Slug>, BTreeSet<Slug>) = (roles(before), roles(after));
        changes.extend(difference(What::Role, &old, &new, |role| role.to_string()));
        changes.extend(licences(before, after));
        let teams = |user: Option<&User>| -> BTreeSet<GroupId> {
            let teams = user.into_iter().flat_map(|user| user.rule_teams.values());
            teams.flatten().copied().collect()
        };
        changes.extend(difference(What::Team, &teams(before), &teams(after), |id| {
            self.group(*id)
        }));
        if after.is_some() {
            let home = |user: Option<&User>| {
                let home = user.and_then(|user| user.home_group);
                home.map_or(Value::Null, |home| self.group(home).into())
            };
            changes.extend(Change::of(What::HomeGroup, None, home(before), home(after)));
            changes.extend(Change::of(What::Link, None, link(before), link(after)));
        }
        changes
    }

    /// Attribute by attribute; those of an extension each by its full name (RFC 7644 section 3.10).
    fn attributes(&self, before: Option<&User>, after: &User) -> Vec<Change> {
        let none = Map::new();
        let old = before.map_or(&none, |user| &user.attributes);
        let (was, will) = (opened(old), opened(&after.attributes));
        let shown = |attributes: &Map<String, Value>| {
            let mut shown = attributes.clone();
            if let Some(custom) = self.custom {
                custom.hide_unseen(&mut shown);
            }
            opened(&shown).into_keys().collect::<BTreeSet<String>>()
        };
        let differing: BTreeSet<&String> = was.keys().chain(will.keys()).collect();
        let differing = differing.into_iter().filter(|name| was.get(*name) != will.get(*name));
        let differing: Vec<&String> = differing.collect();
        if differing.is_empty() {
            return Vec::new();
        }
        let shown: BTreeSet<String> = shown(old).into_iter().chain(shown(&after.attributes)).collect();
        let value = |found: Option<&Value>| found.map_or(Value::Null, shortened);
        let changes = differing.into_iter().map(|name| {
            let is_hidden = !shown.contains(name) || is_secret(name);
            let (before, after) = match is_hidden {
                true => (Value::Null, Value::Null),
                false => (value(was.get(name)), value(will.get(name))),
            };
            Change {
                what: What::Attribute,
                name: Some(name.clone()),
                before,
                after,
                is_hidden,
            }
        });
        changes.collect()
    }

    /// What lies between two states of a group's own record.
    pub(super) fn of_group(&self, before: Option<&Group>, after: Option<&Group>) -> Vec<Change> {
        let Some(after) = after else { return Vec::new() };
        let link = |group: Option<&Group>| group.and_then(|group| group.external_ids.get(self.connection).cloned());
        let name = before.map(|group| group.display_name.as_str());
        let name = name.map_or(Value::Null, Value::from);
        let name = Change::of(What::DisplayName, None, name, after.display_name.as_str());
        let link = Change::of(What::Link, None, link(before), link(Some(after)));
        name.into_iter().chain(link).collect()
    }
}

/// The attributes with those of extensions in one list.
fn opened(attributes: &Map<String, Value>) -> BTreeMap<String, Value> {
    let mut all = BTreeMap::new();
    for (name, value) in attributes {
        match value.as_object().filter(|_| name.starts_with("urn:")) {
            Some(members) => all.extend(
                members
                    .iter()
                    .map(|(member, value)| (format!("{name}:{member}"), value.clone())),
            ),
            None => drop(all.insert(name.clone(), value.clone())),
        }
    }
    all
}

fn shortened(value: &Value) -> Value {
    let bytes = value.to_string().len();
    match bytes > VALUE_BYTES_MAX {
        true => format!("({bytes} bytes)").into(),
        false => value.clone(),
    }
}

/// What comes and what goes.
fn difference<T: Ord>(what: What, old: &BTreeSet<T>, new: &BTreeSet<T>, name: impl Fn(&T) -> String) -> Vec<Change> {
    let lost = old.difference(new).map(|item| Change::comes(what, &name(item), false));
    let gained = new.difference(old).map(|item| Change::comes(what, &name(item), true));
    lost.chain(gained).collect()
}

fn licences(before: Option<&User>, after: Option<&User>) -> Vec<Change> {
    let claims = |user: Option<&User>| -> BTreeMap<Slug, String> {
        let claims = user.into_iter().flat_map(|user| &user.licences);
        claims.map(|(key, claim)| (key.clone(), seat(claim))).collect()
    };
    let (old, new) = (claims(before), claims(after));
    let keys: BTreeSet<&Slug> = old.keys().chain(new.keys()).collect();
    let changes = keys.into_iter().filter_map(|key| {
        let (old, new) = (old.get(key).cloned(), new.get(key).cloned());
        Change::of(What::Licence, Some(key.as_str()), old, new)
    });
    changes.collect()
}

/// The word of a seat.
fn seat(claim: &SeatClaim) -> String {
    match &claim.seat {
        Seat::Unneeded => "not needed yet".to_owned(),
        Seat::Held(_) => "held".to_owned(),
        Seat::Waiting(_) => "waiting".to_owned(),
        Seat::Refused(_) => "refused".to_owned(),
        Seat::Fallback { licence, .. } => format!("fallback {licence}"),
    }
}
