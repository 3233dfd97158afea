//! A record as a SCIM resource in canonical form: what filters are put to and what clients see.
//!
//! `meta` holds no `location`, and members and groups are not part of it: the protocol layer adds those.

use serde_json::{Value, json};

use super::Object;
use super::clock::{Timestamp, rfc3339};
use super::group::Group;
use super::licence::Seat;
use super::schema::{USHER_GROUP, USHER_USER};
use super::slug::Slug;
use super::user::User;

/// The weak entity tag of a revision (RFC 7644 s3.14).
#[must_use]
pub fn version(revision: u64) -> String {
    format!("W/\"{revision}\"")
}

fn meta(resource_type: &str, created: Timestamp, last_modified: Timestamp, revision: u64) -> Value {
    json!({
        "resourceType": resource_type,
        "created": rfc3339(created),
        "lastModified": rfc3339(last_modified),
        "version": version(revision),
    })
}

/// A user as everyone is shown it: [`user`] with every role and licence in `roles` and `entitlements`, whoever gave it.
/// What only names what is held is not for writing back: it would become the client's own word.
#[must_use]
pub fn held_user(of: &User, connection: Option<&Slug>) -> Object {
    let mut resource = user(of, connection);
    add_held(&mut resource, "roles", of.roles.keys());
    add_held(&mut resource, "entitlements", of.licences.keys());
    // SCIM knows one nickname; the first stands in while it has none of its own (S004-25).
    if let Some(first) = of.nicknames.first() {
        resource.entry("nickName").or_insert_with(|| first.clone().into());
    }
    resource
}

fn add_held<'a>(resource: &mut Object, attribute: &str, held: impl Iterator<Item = &'a Slug>) {
    for key in held {
        let entry = resource.entry(attribute).or_insert_with(|| Value::Array(Vec::new()));
        let Value::Array(elements) = entry else { return };
        let names_it = |element: &Value| {
            let value = element.get("value").and_then(Value::as_str);
            value.is_some_and(|value| value.eq_ignore_ascii_case(key.as_str()))
        };
        if !elements.iter().any(names_it) {
            elements.push(json!({ "value": key }));
        }
    }
}

/// A user as `connection` wrote it: `externalId` is that connection's own (RFC 7643 s3.1).
#[must_use]
pub fn user(user: &User, connection: Option<&Slug>) -> Object {
    let mut resource = user.attributes.clone();
    resource.insert("id".to_owned(), user.id.to_string().into());
    resource.insert("userName".to_owned(), user.user_name.clone().into());
    resource.insert("active".to_owned(), user.is_active().into());
    if let Some(external_id) = connection.and_then(|connection| user.external_ids.get(connection)) {
        resource.insert("externalId".to_owned(), external_id.clone().into());
    }
    resource.insert(
        "meta".to_owned(),
        meta("User", user.created, user.last_modified, user.revision),
    );
    resource.insert(USHER_USER.id.clone(), usher_user(user));
    resource
}

fn usher_user(user: &User) -> Value {
    let mut extension = Object::new();
    extension.insert("lifecycleState".to_owned(), user.state().as_str().into());
    let licences: Vec<Value> = user
        .licences
        .iter()
        .filter_map(|(licence, claim)| match &claim.seat {
            Seat::Held(_) => Some(json!({ "value": licence, "state": "held" })),
            Seat::Fallback { licence, .. } => Some(json!({ "value": licence, "state": "held" })),
            Seat::Waiting(_) => Some(json!({ "value": licence, "state": "waiting" })),
            Seat::Unneeded | Seat::Refused(_) => None,
        })
        .collect();
    if !licences.is_empty() {
        extension.insert("licences".to_owned(), licences.into());
    }
    add_personal(&mut extension, user);
    for (name, instant) in [
        ("invitedAt", user.facts.invited_at),
        ("activatedAt", user.facts.activated_at),
    ] {
        if let Some(instant) = instant {
            extension.insert(name.to_owned(), rfc3339(instant).into());
        }
    }
    Value::Object(extension)
}

fn add_personal(extension: &mut Object, user: &User) {
    let logins = user.login_ids.iter();
    let logins: Vec<Value> = logins
        .map(|login| json!({ "value": login.value, "type": login.kind.as_str() }))
        .collect();
    for (name, values) in [
        ("loginIds", Value::from(logins)),
        ("nicknames", json!(user.nicknames)),
        ("labels", json!(user.labels)),
    ] {
        if values.as_array().is_some_and(|values| !values.is_empty()) {
            extension.insert(name.to_owned(), values);
        }
    }
    if let Some(prefix) = &user.country_prefix {
        extension.insert("countryPrefix".to_owned(), prefix.as_str().into());
    }
    if let Some(group) = user.home_group {
        extension.insert("homeGroup".to_owned(), json!({ "value": group }));
    }
    if user.review_pending.is_some() {
        extension.insert("reviewPending".to_owned(), true.into());
    }
}

/// What is kept beside a group's record, because it changes with the members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupState {
    /// When the record or the members last changed.
    pub last_modified: Timestamp,
    /// The number of the version.
    pub revision: u64,
    /// Direct members.
    pub members: u64,
}

/// A group as `connection` sees it.
#[must_use]
pub fn group(group: &Group, state: GroupState, connection: Option<&Slug>) -> Object {
    let mut resource = group.attributes.clone();
    resource.insert("id".to_owned(), group.id.to_string().into());
    resource.insert("displayName".to_owned(), group.display_name.clone().into());
    if let Some(external_id) = connection.and_then(|connection| group.external_ids.get(connection)) {
        resource.insert("externalId".to_owned(), external_id.clone().into());
    }
    resource.insert(
        "meta".to_owned(),
        meta("Group", group.created, state.last_modified, state.revision),
    );
    let mut extension = json!({
        "kind": group.kind.as_str(),
        "enabled": group.enabled,
        "memberCount": state.members,
    });
    if let Some(parent) = group.parent {
        extension["parent"] = json!({ "value": parent });
    }
    resource.insert(USHER_GROUP.id.clone(), extension);
    resource
}
