//! Keys of the permission catalogue, of default grants, and of pending work on the links between roles and groups.

use super::{Builder, Table};
use crate::model::id::{GroupId, OrganisationId};
use crate::model::slug::Slug;
use crate::store::Key;

/// What everyone and every guest may do.
#[must_use]
pub fn default_grants(organisation: OrganisationId) -> Key {
    Builder::of(organisation, Table::DefaultGrants).key()
}

/// A role whose holders are still being brought in line with its changed links.
#[must_use]
pub fn pending_role(organisation: OrganisationId, role: &Slug) -> Key {
    Builder::of(organisation, Table::RoleLink)
        .byte(b'r')
        .text(role.as_str())
        .key()
}

/// A group whose members are still being brought in line with what it gives.
#[must_use]
pub fn pending_group(organisation: OrganisationId, group: GroupId) -> Key {
    Builder::of(organisation, Table::RoleLink)
        .byte(b'g')
        .uuid(group.uuid())
        .key()
}

/// Whether a mark is one of [`pending_deletion`].
#[must_use]
pub fn is_pending_deletion(key: &Key) -> bool {
    let bytes = key.as_bytes();
    bytes.get(17) == Some(&(Table::RoleLink as u8)) && bytes.get(18) == Some(&b'd')
}

/// A role that is gone, and is still being taken from its holders.
#[must_use]
pub fn pending_deletion(organisation: OrganisationId, role: &Slug) -> Key {
    Builder::of(organisation, Table::RoleLink)
        .byte(b'd')
        .text(role.as_str())
        .key()
}
