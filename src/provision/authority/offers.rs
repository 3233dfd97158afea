//! Values that wait for their turn: what connections have for an attribute over which another one has the say.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::directory::settings::OrganisationSettings;
use crate::model::authority::GRANTS;
use crate::model::connection::Connection;
use crate::model::custom_attribute::{Bearer, CustomAttribute, is_custom};
use crate::model::schema::{AttributeType, ENTERPRISE_USER};
use crate::model::slug::Slug;
use crate::model::user::User;

use super::{Aside, USER_NAME, Writing, may_write, rank};

/// Bytes of all values of one person that wait, as JSON: a user is one value of the store
/// ([`VALUE_BYTES_MAX`](crate::store::VALUE_BYTES_MAX)), and the values that count must always find room in it. Not a setting: more
/// would not fit, and less would only lose more.
pub const OFFERS_BYTES_MAX: usize = 16 * 1024;

impl Writing<'_> {
    /// Keeps the connection's value for later, or forgets the one that it had.
    pub(super) fn offer(self, user: &mut User, name: &str, wanted: Option<&Value>, aside: &mut Aside) {
        self.withdraw(user, name);
        if let Some(value) = wanted.filter(|_| may_wait(name)) {
            keep(user, name, &self.connection.name, value, aside);
        }
    }

    /// Forgets the connection's value.
    pub(super) fn withdraw(self, user: &mut User, name: &str) {
        withdraw(user, name, &self.connection.name);
    }

    /// The connection has no value any more. Answers the value of the next in line, who owns the attribute then.
    pub(super) fn give_up(self, user: &mut User, name: &str, aside: &mut Aside) -> Option<Value> {
        user.owners.remove(name);
        let (next, value) = take_best(user, name, self.organisation)?;
        aside.back.insert(name.to_owned(), next.clone());
        user.owners.insert(name.to_owned(), next);
        Some(value)
    }

    /// The connection owns the attribute from now on, and the value of the one before waits.
    pub(super) fn take_over(self, user: &mut User, name: &str, present: Option<&Value>, aside: &mut Aside) {
        let before = user.owners.insert(name.to_owned(), self.connection.name.clone());
        let before = before.filter(|before| *before != self.connection.name);
        let before = before.filter(|before| self.organisation.connections.contains_key(before));
        if let (Some(before), Some(value)) = (before, present.filter(|_| may_wait(name))) {
            keep(user, name, &before, value, aside);
        }
    }

    /// A value of a connection that has more say than this one, if one waits.
    pub(super) fn outranking(self, user: &mut User, name: &str) -> Option<(Slug, Value)> {
        let own = rank(name, &self.connection.name, self.organisation);
        let best = best(user, name, self.organisation)?;
        if rank(name, &best, self.organisation) >= own {
            return None;
        }
        take_best(user, name, self.organisation)
    }
}

/// Forgets every value that a connection has waiting.
pub(super) fn withdraw_all(user: &mut User, connection: &Slug) {
    user.offers.retain(|_, offers| {
        offers.remove(connection);
        !offers.is_empty()
    });
}

/// Takes the value out of the line whose connection has the most say.
pub(super) fn take_best(user: &mut User, name: &str, organisation: &OrganisationSettings) -> Option<(Slug, Value)> {
    let best = best(user, name, organisation)?;
    let value = user.offers.get_mut(name)?.remove(&best)?;
    withdraw(user, name, &best);
    Some((best, value))
}

fn best(user: &User, name: &str, organisation: &OrganisationSettings) -> Option<Slug> {
    let waiting = user.offers.get(name)?.keys();
    // A connection that is gone, or has let go of the user, has no value any more.
    let waiting = waiting.filter(|connection| organisation.connections.contains_key(connection));
    waiting
        .min_by_key(|connection| rank(name, connection, organisation))
        .cloned()
}

fn withdraw(user: &mut User, name: &str, connection: &Slug) {
    if let Some(offers) = user.offers.get_mut(name) {
        offers.remove(connection);
        if offers.is_empty() {
            user.offers.remove(name);
        }
    }
}

fn keep(user: &mut User, name: &str, connection: &Slug, value: &Value, aside: &mut Aside) {
    let bytes = |value: &Value| value.to_string().len();
    let waiting: usize = user.offers.values().flat_map(|offers| offers.values()).map(bytes).sum();
    if waiting + bytes(value) > OFFERS_BYTES_MAX {
        aside.unkept.insert(name.to_owned());
        return;
    }
    let offers = user.offers.entry(name.to_owned()).or_default();
    offers.insert(connection.clone(), value.clone());
}

/// What connections grant is each one's own affair: a value of another connection would look like a word of whoever writes next.
fn may_wait(name: &str) -> bool {
    !GRANTS.contains(&name)
}

/// Forgets what waits for attributes of the organisation's own that it has no longer, or has with another type.
pub(super) fn prune(user: &mut User, organisation: &OrganisationSettings) {
    let custom = organisation.custom(Bearer::User);
    for (name, offers) in &mut user.offers {
        let Some((urn, attribute)) = of_extension(name).filter(|(urn, _)| is_custom(urn)) else {
            continue;
        };
        let declared = custom.filter(|custom| custom.urn == urn);
        let declared = declared.and_then(|custom| custom.find(attribute));
        offers.retain(|_, value| declared.is_some_and(|defined| fits(&defined.attribute, value)));
    }
    user.offers.retain(|_, offers| !offers.is_empty());
}

fn fits(attribute: &CustomAttribute, value: &Value) -> bool {
    let fits = |value: &Value| match attribute.type_ {
        AttributeType::String | AttributeType::DateTime | AttributeType::Binary | AttributeType::Reference => {
            value.is_string()
        }
        AttributeType::Boolean => value.is_boolean(),
        AttributeType::Decimal => value.is_number(),
        AttributeType::Integer => value.is_i64() || value.is_u64(),
        AttributeType::Complex => value.is_object(),
    };
    match value {
        Value::Array(values) => attribute.multi_valued && values.iter().all(fits),
        single => !attribute.multi_valued && fits(single),
    }
}

/// What nobody owns, and somebody has a value for: one that had to wait on when its turn came. Extensions by their URNs.
pub(super) fn ownerless(user: &User) -> BTreeSet<String> {
    let names = user.offers.keys().filter(|name| !user.owners.contains_key(*name));
    let outer = names.map(|name| of_extension(name).map_or(name.as_str(), |(urn, _)| urn).to_owned());
    outer.collect()
}

/// The same inside of an extension.
pub(super) fn ownerless_in(user: &User, urn: &str) -> BTreeSet<String> {
    let names = user.offers.keys().filter(|name| !user.owners.contains_key(*name));
    let inside = names
        .filter_map(|name| of_extension(name))
        .filter(|(own, _)| *own == urn);
    inside.map(|(_, attribute)| attribute.to_owned()).collect()
}

/// Takes a value back that had come from waiting and cannot be had: it waits on, and nobody owns the attribute.
pub fn wait_again(user: &mut User, name: &str, connection: &Slug) {
    user.owners.remove(name);
    let Some(value) = at(&user.attributes, name).cloned() else {
        return;
    };
    set_at(&mut user.attributes, name, None);
    // It waited a moment ago, so there is room for it.
    let offers = user.offers.entry(name.to_owned()).or_default();
    offers.insert(connection.clone(), value);
}

/// A user's attributes as a connection has written them: where another one has the say, what this one has waiting, or nothing.
/// `None` when it has the say over everything. What a PATCH makes of these is the connection's own word; what it makes of another
/// one's value is nobody's.
#[must_use]
pub fn own_view(
    user: &User,
    shown: &Map<String, Value>,
    connection: &Connection,
    organisation: &OrganisationSettings,
) -> Option<(Map<String, Value>, BTreeSet<String>)> {
    let is_others =
        |name: &&String| *name != USER_NAME && may_wait(name) && !may_write(user, name, connection, organisation);
    let others: BTreeSet<String> = user.owners.keys().filter(is_others).cloned().collect();
    if others.is_empty() {
        return None;
    }
    let mut own = shown.clone();
    for name in &others {
        let waiting = user.offers.get(name).and_then(|offers| offers.get(&connection.name));
        set_at(&mut own, name, waiting.cloned());
    }
    Some((own, others))
}

/// An attribute by its full name.
#[must_use]
pub fn at<'a>(attributes: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    match of_extension(name) {
        None => attributes.get(name),
        Some((urn, attribute)) => attributes.get(urn)?.get(attribute),
    }
}

/// Sets an attribute by its full name, or unassigns it.
pub fn set_at(attributes: &mut Map<String, Value>, name: &str, value: Option<Value>) {
    let Some((urn, attribute)) = of_extension(name) else {
        return super::set(attributes, name, value);
    };
    let extension = attributes.entry(urn).or_insert_with(|| Value::Object(Map::new()));
    let Some(extension) = extension.as_object_mut() else {
        return;
    };
    super::set(extension, attribute, value);
    if extension.is_empty() {
        attributes.remove(urn);
    }
}

/// An attribute of an extension by its full name (RFC 7644 section 3.10), taken apart. An extension that no schema defines is one
/// attribute as a whole.
fn of_extension(name: &str) -> Option<(&str, &str)> {
    let parts = name.rsplit_once(':');
    parts.filter(|(urn, _)| *urn == ENTERPRISE_USER.id || is_custom(urn) && urn.ends_with(":User"))
}
