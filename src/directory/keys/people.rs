//! Keys of guests, of the links by which they join, and of saved views.

use super::{Builder, Table};
use crate::model::id::{GuestId, GuestLinkId, OrganisationId, UserId};
use crate::store::Key;

/// A guest.
#[must_use]
pub fn guest(organisation: OrganisationId, id: GuestId) -> Key {
    Builder::of(organisation, Table::Guest).uuid(id.uuid()).key()
}

/// A link by which guests join.
#[must_use]
pub fn guest_link(organisation: OrganisationId, id: GuestLinkId) -> Key {
    Builder::of(organisation, Table::GuestLink).uuid(id.uuid()).key()
}

/// What a guest's secret opens; `hash` is hexadecimal.
#[must_use]
pub fn guest_secret(hash: &str) -> Key {
    Builder::global(b'k').text(hash).key()
}

/// All secrets of guests and their links.
#[must_use]
pub fn guest_secrets() -> Key {
    Builder::global(b'k').key()
}

/// The saved views of a person; without one, those of the organisation.
#[must_use]
pub fn views(organisation: OrganisationId, person: Option<UserId>) -> Key {
    let owner = person.map_or(uuid::Uuid::nil(), UserId::uuid);
    Builder::of(organisation, Table::View).uuid(owner).key()
}

/// Whose views a key holds: `None` for the organisation's.
#[must_use]
pub fn views_owner(key: &Key) -> Option<UserId> {
    super::last_uuid(key).filter(|id| !id.is_nil()).map(UserId::new)
}
