//! Values that wait for their turn: what connections have for an attribute over which another one has the say.

use serde_json::Value;

use crate::directory::settings::OrganisationSettings;
use crate::model::authority::GRANTS;
use crate::model::custom_attribute::is_custom;
use crate::model::slug::Slug;
use crate::model::user::User;

use super::{Extent, Writing, rank};

/// Bytes of a value that is kept at most: a user is one value of the store.
const BYTES_MAX: usize = 4 * 1024;

impl Writing<'_> {
    /// Keeps the connection's value for later, or forgets the one that it had. Values of the organisation's own attributes are not
    /// kept, which may be secret, or unique to somebody else by then; neither is what a PATCH made of another one's value.
    pub(super) fn offer(self, user: &mut User, name: &str, wanted: Option<&Value>) {
        let is_own = |value: &&Value| match self.extent {
            Extent::Whole => true,
            Extent::Named(_) => !value.is_array() && !value.is_object(),
        };
        let is_kept = |value: &&Value| is_own(value) && may_wait(name, value);
        match wanted.filter(is_kept) {
            None => self.withdraw(user, name),
            Some(value) => {
                let offers = user.offers.entry(name.to_owned()).or_default();
                offers.insert(self.connection.name.clone(), value.clone());
            }
        }
    }

    /// Forgets the connection's value.
    pub(super) fn withdraw(self, user: &mut User, name: &str) {
        withdraw(user, name, &self.connection.name);
    }

    /// The connection has no value any more. Answers the value of the next in line, who owns the attribute then.
    pub(super) fn give_up(self, user: &mut User, name: &str) -> Option<Value> {
        user.owners.remove(name)?;
        let (next, value) = take_best(user, name, self.organisation)?;
        user.owners.insert(name.to_owned(), next);
        Some(value)
    }

    /// The connection owns the attribute from now on, and the value of the one before waits.
    pub(super) fn take_over(self, user: &mut User, name: &str, present: Option<&Value>) {
        let before = user.owners.insert(name.to_owned(), self.connection.name.clone());
        let before = before.filter(|before| *before != self.connection.name);
        let before = before.filter(|before| self.organisation.connections.contains_key(before));
        if let (Some(before), Some(value)) = (before, present.filter(|value| may_wait(name, value))) {
            let offers = user.offers.entry(name.to_owned()).or_default();
            offers.insert(before, value.clone());
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

/// What connections grant is each one's own affair: a value of another connection would look like a word of whoever writes next.
fn may_wait(name: &str, value: &Value) -> bool {
    let is_custom = name.rsplit_once(':').is_some_and(|(urn, _)| is_custom(urn));
    !is_custom && !GRANTS.contains(&name) && value.to_string().len() <= BYTES_MAX
}
