//! Keys of guests, and of the links by which they join.

use super::{Builder, Table};
use crate::model::id::{GuestId, GuestLinkId, OrganisationId};
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
