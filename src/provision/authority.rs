//! Who has the say over an attribute (design.md section 5): the connection with the smallest precedence number wins, equal
//! numbers go to the last writer. What nobody owns may be written by anyone.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::directory::settings::OrganisationSettings;
use crate::model::connection::{Connection, ConnectionKind};
use crate::model::custom_attribute::{Bearer, Reader};
use crate::model::slug::Slug;
use crate::model::user::User;

/// Which attributes a write speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent<'a> {
    /// All that the connection owns, or nobody does: what is absent is unassigned (SCIM PUT, a directory entry).
    Whole,
    /// Only these (SCIM PATCH).
    Named(&'a BTreeSet<String>),
}

impl Extent<'_> {
    fn names(self, attribute: &str) -> bool {
        match self {
            Self::Whole => true,
            Self::Named(names) => names.contains(attribute),
        }
    }
}

/// Writes a connection's attributes into a user, where the connection has the say. Answers the attributes that were left
/// as they are because another connection owns them.
pub fn write_attributes(
    user: &mut User,
    connection: &Connection,
    organisation: &OrganisationSettings,
    desired: &Map<String, Value>,
    extent: Extent<'_>,
) -> BTreeSet<String> {
    let mut yielded = BTreeSet::new();
    let mut desired = Cow::Borrowed(desired);
    if let (Extent::Whole, Some(custom)) = (extent, organisation.custom(Bearer::User)) {
        let reader = match connection.kind {
            ConnectionKind::Ldap => Reader::Directory,
            ConnectionKind::Scim => Reader::Client,
        };
        custom.keep_unseen(&user.attributes, desired.to_mut(), reader);
    }
    let names: BTreeSet<String> = user.attributes.keys().chain(desired.keys()).cloned().collect();
    for name in names.into_iter().filter(|name| extent.names(name)) {
        let (present, wanted) = (user.attributes.get(&name), desired.get(&name));
        if present == wanted {
            if wanted.is_some() && may_write(user, &name, connection, organisation) {
                user.owners.insert(name, connection.name.clone());
            }
            continue;
        }
        if !may_write(user, &name, connection, organisation) {
            yielded.insert(name);
            continue;
        }
        match wanted {
            Some(value) => {
                user.attributes.insert(name.clone(), value.clone());
                user.owners.insert(name, connection.name.clone());
            }
            None => {
                user.attributes.remove(&name);
                user.owners.remove(&name);
            }
        }
    }
    yielded
}

/// Writes the user name, if the connection has the say. False when it has not.
pub fn write_user_name(
    user: &mut User,
    connection: &Connection,
    organisation: &OrganisationSettings,
    user_name: &str,
) -> bool {
    if !may_write(user, USER_NAME, connection, organisation) {
        return user.user_name == user_name;
    }
    user_name.clone_into(&mut user.user_name);
    user.owners.insert(USER_NAME.to_owned(), connection.name.clone());
    true
}

const USER_NAME: &str = "userName";

/// Whether the connection may write the attribute.
#[must_use]
pub fn may_write(user: &User, attribute: &str, connection: &Connection, organisation: &OrganisationSettings) -> bool {
    let Some(owner) = user.owners.get(attribute) else {
        return true;
    };
    owner == &connection.name || connection.precedence <= precedence(owner, organisation)
}

/// A connection that is gone has no say.
fn precedence(owner: &Slug, organisation: &OrganisationSettings) -> u32 {
    organisation
        .connections
        .get(owner)
        .map_or(u32::MAX, |connection| connection.precedence)
}

/// Gives up what a connection owns, when it lets go of the user: the values stay, nobody owns them.
pub fn let_go(user: &mut User, connection: &Slug) {
    user.owners.retain(|_, owner| owner != connection);
}
