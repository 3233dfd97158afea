//! What becomes of the `roles` and `entitlements` that a client names: a role that the connection may grant and a licence of
//! the organisation are held for this connection's sake, for as long as the client names them. The rest grants nothing and is
//! journalled, or is refused, by the connection's setting. What grants nothing is kept all the same: a client that does not
//! read back what it wrote writes it again for ever.
//!
//! A connection whose grant rules read `user` decides by them what a value means.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::directory::DirectoryError;
use crate::model::Object;
use crate::model::connection::UnknownGrants;
use crate::model::deviation::Deviation;
use crate::model::origin::Origin;
use crate::model::role::Scope;
use crate::model::slug::Slug;
use crate::model::user::User;

use super::identity::Rules;

/// The attributes that name grants.
const GRANTING: [&str; 2] = ["roles", "entitlements"];

/// What the person had before.
#[derive(Clone, Copy)]
pub(super) enum Before<'a> {
    /// Nothing: a new person. Every value is meant.
    Nobody,
    /// A PATCH of this resource: values that were there are not looked at again.
    Modified(&'a Object),
    /// A PUT over this person: the client sends back what it was shown, also what somebody else gave.
    Replaced(&'a User),
}

/// Finds what the connection cannot grant, and takes out of `resource` what the client only sends back.
///
/// # Errors
/// [`DirectoryError::InvalidValue`] names the first such value when the connection refuses them.
pub(super) fn screen(
    rules: Rules<'_>,
    resource: &mut Object,
    before: Before<'_>,
) -> Result<Vec<Deviation>, DirectoryError> {
    let mut deviations = Vec::new();
    if rules.mapping.reads_user() {
        return Ok(deviations);
    }
    for attribute in GRANTING {
        let Some(Value::Array(elements)) = resource.get_mut(attribute) else {
            continue;
        };
        let (stored, held) = known(attribute, before);
        let mut unknown = Vec::new();
        elements.retain(|element| {
            let name = element.get("value").and_then(Value::as_str).unwrap_or_default();
            let key = key(name);
            let may = key.as_ref().is_some_and(|key| may_give(rules, attribute, key));
            let was_there = stored.contains(&name.to_ascii_lowercase());
            if !was_there && key.is_some_and(|key| held.contains(&key)) {
                return false;
            }
            if !may && !was_there {
                unknown.push(name.to_owned());
            }
            true
        });
        if elements.is_empty() {
            resource.remove(attribute);
        }
        let Some(first) = unknown.first() else { continue };
        if rules.context.connection.unknown_grants == UnknownGrants::Refuse {
            let kind = if attribute == "roles" { "role" } else { "licence" };
            let reason = format!(
                "{first:?} is no {kind} that this connection may grant: see /Roles and /Licences for those that are"
            );
            return Err(DirectoryError::invalid(attribute, reason));
        }
        let count = unknown.len();
        deviations.push(Deviation::UnknownGrants { attribute, count });
    }
    Ok(deviations)
}

/// The values, in lower case, that were stored for the client, and all that the person holds.
fn known(attribute: &str, before: Before<'_>) -> (BTreeSet<String>, BTreeSet<Slug>) {
    let values = |resource: &Object| {
        let elements = resource.get(attribute).and_then(Value::as_array).into_iter().flatten();
        let values = elements.filter_map(|element| element.get("value")?.as_str());
        values.map(str::to_ascii_lowercase).collect()
    };
    match before {
        Before::Nobody => (BTreeSet::new(), BTreeSet::new()),
        Before::Modified(current) => (values(current), BTreeSet::new()),
        Before::Replaced(user) => {
            let held = if attribute == "roles" {
                user.roles.keys().cloned().collect()
            } else {
                user.licences.keys().cloned().collect()
            };
            (values(&user.attributes), held)
        }
    }
}

/// Whether the connection may give what the key names.
fn may_give(rules: Rules<'_>, attribute: &str, key: &Slug) -> bool {
    let (connection, organisation) = (rules.context.connection, rules.context.organisation);
    if attribute == "roles" {
        let may = connection.roles.contains(key) || connection.grantable_roles.contains(key);
        may && organisation
            .roles
            .get(key)
            .is_some_and(|role| role.scope == Scope::Global)
    } else {
        organisation.licences.contains_key(key)
    }
}

/// The roles or licences that a resource names in this connection's name, and the connection may give.
pub(super) fn named(rules: Rules<'_>, resource: &Object, attribute: &'static str) -> BTreeSet<Slug> {
    let elements = resource.get(attribute).and_then(Value::as_array).into_iter().flatten();
    elements
        .filter_map(|element| element.get("value")?.as_str())
        .filter_map(|name| Some((name, key(name)?)))
        .filter(|(name, key)| may_give(rules, attribute, key) && is_own_word(rules, attribute, name, key))
        .map(|(_, key)| key)
        .collect()
}

/// Whether a value in the list is this connection's own word. The list is one for all connections: a value that another one
/// wrote without the right to grant it must not be granted by the next request of one that has the right. So where others
/// hold the person too, what is stored counts only if it was this connection's before.
fn is_own_word(rules: Rules<'_>, attribute: &str, name: &str, key: &Slug) -> bool {
    let Some(before) = rules.before else { return true };
    let connection = &rules.context.connection.name;
    if before.held_by().into_iter().all(|holder| holder == connection) {
        return true;
    }
    let (stored, _) = known(attribute, Before::Replaced(before));
    if !stored.contains(&name.to_ascii_lowercase()) {
        return true;
    }
    let own = Origin::Connection(connection.clone());
    if attribute == "roles" {
        before.roles.get(key).is_some_and(|origins| origins.contains(&own))
    } else {
        before
            .licences
            .get(key)
            .is_some_and(|claim| claim.origins.contains(&own))
    }
}

/// Keys are in lower case; `roles.value` and `entitlements.value` are compared without case (RFC 7643 section 8.7.1).
fn key(name: &str) -> Option<Slug> {
    name.to_ascii_lowercase().parse().ok()
}
