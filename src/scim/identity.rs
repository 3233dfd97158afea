//! Between a canonical SCIM resource and what provisioning takes: one reading for create, replace and modify.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::directory::DirectoryError;
use crate::directory::password::NewPassword;
use crate::model::Object;
use crate::model::connection::Connection;
use crate::model::schema::{USHER_GROUP, USHER_USER};
use crate::model::slug::Slug;
use crate::model::user::User;
use crate::provision::mapping::{GrantContext, Mapping};
use crate::provision::person::{Context, Grants, Person};
use crate::provision::team::Team;

use super::grants;

/// What decides about grants.
#[derive(Clone, Copy)]
pub struct Rules<'a> {
    /// The organisation and the connection.
    pub context: Context<'a>,
    /// The connection's rules.
    pub mapping: &'a Mapping,
    /// The person as stored; nothing for a new one, or one whom the connection meets for the first time.
    pub before: Option<&'a User>,
    /// Names of the groups that the person is in.
    pub groups: &'a [String],
}

/// Attributes of a resource that the record keeps elsewhere, or that are the server's own.
const NOT_STORED: [&str; 4] = ["id", "meta", "groups", "schemas"];

/// A user resource as a person of the connection.
///
/// # Errors
/// [`DirectoryError::InvalidValue`] without a `userName`, or when a rule of the connection cannot be evaluated.
pub fn person(rules: Rules<'_>, mut resource: Object, password: Option<NewPassword>) -> Result<Person, DirectoryError> {
    let grants = grants(rules, &resource)?;
    let user_name = take_text(&mut resource, "userName").unwrap_or_default();
    if user_name.trim().is_empty() {
        return Err(DirectoryError::invalid("userName", "is required and must not be blank"));
    }
    // RFC 7644 s5, RFC 8265 s3.3: no control characters, which nobody can see or type.
    if user_name.chars().any(char::is_control) {
        return Err(DirectoryError::invalid("userName", "must not hold control characters"));
    }
    let external_id = take_text(&mut resource, "externalId");
    let active = resource.remove("active").and_then(|active| active.as_bool());
    resource.retain(|name, _| !NOT_STORED.contains(&name.as_str()) && *name != USHER_USER.id);
    Ok(Person {
        external_id,
        user_name,
        attributes: resource,
        active,
        password,
        grants,
    })
}

/// What the connection gives to this person: its defaults and rules, and the roles and licences that the client names and
/// the connection may grant.
pub(super) fn grants(rules: Rules<'_>, resource: &Object) -> Result<Grants, DirectoryError> {
    let context = GrantContext {
        source: &BTreeMap::new(),
        user: resource,
        groups: rules.groups,
    };
    let mut given = rules.mapping.grants(&context).map_err(|error| {
        let place = format!("connections.{}.grants", rules.context.connection.name);
        DirectoryError::invalid(place, error.to_string())
    })?;
    given.roles.extend(grants::named(rules, resource, "roles"));
    given.licences.extend(grants::named(rules, resource, "entitlements"));
    Ok(given)
}

/// Whether the connection may give this role.
pub(super) fn may_grant(connection: &Connection, role: &Slug) -> bool {
    connection.roles.contains(role) || connection.grantable_roles.contains(role)
}

/// A group resource as a team of the connection.
///
/// # Errors
/// [`DirectoryError::InvalidValue`] without a `displayName`.
pub fn team(mut resource: Object) -> Result<Team, DirectoryError> {
    let display_name = take_text(&mut resource, "displayName").unwrap_or_default();
    if display_name.trim().is_empty() {
        return Err(DirectoryError::invalid(
            "displayName",
            "is required and must not be blank",
        ));
    }
    let external_id = take_text(&mut resource, "externalId");
    resource.retain(|name, _| !NOT_STORED.contains(&name.as_str()) && *name != USHER_GROUP.id);
    Ok(Team {
        external_id,
        display_name,
        attributes: resource,
    })
}

fn take_text(resource: &mut Object, name: &str) -> Option<String> {
    match resource.remove(name) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    }
}
