//! Keys of what a connection remembers of the groups of its source, one for each name that a group holds, and back again:
//! what one change of a group costs does not depend on who else is in it.

use super::{Builder, Table};
use crate::model::id::OrganisationId;
use crate::model::slug::Slug;
use crate::store::Key;

/// Bytes of a key before the name of the connection.
const CONNECTION_AT: usize = 18;
/// Stands before what a group says of itself.
const GROUP: u8 = b'h';
/// Stands before the names that a group holds.
const MEMBER: u8 = b'm';
/// Stands before the groups that hold a name.
const NAMING: u8 = b'n';

fn of(organisation: OrganisationId, connection: &Slug, part: u8) -> Builder {
    Builder::of(organisation, Table::SourceGroup)
        .text(connection.as_str())
        .byte(part)
}

/// Everything that a connection remembers of the groups of its source.
#[must_use]
pub fn everything(organisation: OrganisationId, connection: &Slug) -> Key {
    Builder::of(organisation, Table::SourceGroup)
        .text(connection.as_str())
        .key()
}

/// What a group says of itself, by the source's identifier.
#[must_use]
pub fn group(organisation: OrganisationId, connection: &Slug, id: &str) -> Key {
    of(organisation, connection, GROUP).text(id).key()
}

/// The same of all groups; [`super::linked_id`] finds the identifier in a key.
#[must_use]
pub fn groups(organisation: OrganisationId, connection: &Slug) -> Key {
    of(organisation, connection, GROUP).key()
}

/// A name that a group holds, hashed.
#[must_use]
pub fn member(organisation: OrganisationId, connection: &Slug, id: &str, name: uuid::Uuid) -> Key {
    of(organisation, connection, MEMBER).text(id).uuid(name).key()
}

/// All names that a group holds; [`super::last_uuid`] finds the name in a key.
#[must_use]
pub fn members(organisation: OrganisationId, connection: &Slug, id: &str) -> Key {
    of(organisation, connection, MEMBER).text(id).key()
}

/// A group that holds a name.
#[must_use]
pub fn naming(organisation: OrganisationId, connection: &Slug, name: uuid::Uuid, id: &str) -> Key {
    of(organisation, connection, NAMING).uuid(name).text(id).key()
}

/// All groups that hold a name; [`super::linked_id`] finds the group's identifier in a key.
#[must_use]
pub fn all_naming(organisation: OrganisationId, connection: &Slug, name: uuid::Uuid) -> Key {
    of(organisation, connection, NAMING).uuid(name).key()
}

/// Whether a key is one of what a group says of itself. The others have no value.
#[must_use]
pub fn is_group(key: &Key) -> bool {
    let texts = key.as_bytes().get(CONNECTION_AT..).unwrap_or_default();
    let mut parts = texts.splitn(2, |byte| *byte == 0);
    key.as_bytes().get(CONNECTION_AT - 1) == Some(&(Table::SourceGroup as u8))
        && parts.nth(1).and_then(|rest| rest.first()) == Some(&GROUP)
}
