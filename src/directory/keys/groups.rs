//! Keys of the tree of groups, and of the work on groups that follows a commit.
//!
//! ```text
//! H 'c' parent child -> nothing      (a group without a parent lies below the nil identifier)
//! H 'n' parent       -> the last number given to a child
//! H 'b'              -> the billing root's id
//! H 'd'              -> ids of the groups for newcomers, with spaces between them
//! F 'g' group        -> an earlier release's walk over its members stands somewhere
//! ```

use super::{Builder, Table};
use crate::model::id::{GroupId, OrganisationId};
use crate::store::Key;

/// Bytes of a key before the letter that says what it is.
const TAG_AT: usize = 18;

const CHILD: u8 = b'c';
const NUMBER: u8 = b'n';
const NEWCOMERS: u8 = b'd';

fn above(parent: Option<GroupId>) -> uuid::Uuid {
    parent.map_or_else(uuid::Uuid::nil, GroupId::uuid)
}

/// A group below another one, or below none.
#[must_use]
pub fn group_child(organisation: OrganisationId, parent: Option<GroupId>, child: GroupId) -> Key {
    Builder::of(organisation, Table::GroupTree)
        .byte(CHILD)
        .uuid(above(parent))
        .uuid(child.uuid())
        .key()
}

/// All groups right below another one, or below none.
#[must_use]
pub fn group_children(organisation: OrganisationId, parent: Option<GroupId>) -> Key {
    Builder::of(organisation, Table::GroupTree)
        .byte(CHILD)
        .uuid(above(parent))
        .key()
}

/// The last number that a child of this group was given. Every child that comes changes it: a deletion or a move of the parent
/// that relies on it conflicts.
#[must_use]
pub fn group_number(organisation: OrganisationId, parent: Option<GroupId>) -> Key {
    Builder::of(organisation, Table::GroupTree)
        .byte(NUMBER)
        .uuid(above(parent))
        .key()
}

/// Whether a key of the tree holds a number, and no child.
#[must_use]
pub fn is_group_number(key: &Key) -> bool {
    key.as_bytes().get(TAG_AT) == Some(&NUMBER)
}

/// The billing root.
#[must_use]
pub fn billing_root(organisation: OrganisationId) -> Key {
    Builder::of(organisation, Table::GroupTree).byte(b'b').key()
}

/// The groups for newcomers.
#[must_use]
pub fn default_groups(organisation: OrganisationId) -> Key {
    Builder::of(organisation, Table::GroupTree).byte(NEWCOMERS).key()
}

/// Whether a key holds the groups for newcomers.
pub(super) fn is_default_groups(key: &Key) -> bool {
    let bytes = key.as_bytes();
    bytes.len() == TAG_AT + 1 && bytes.get(TAG_AT - 1..) == Some(&[Table::GroupTree as u8, NEWCOMERS])
}

/// A group whose members an earlier release was bringing to what it gives: later ones use [`super::access::pending_group`].
#[must_use]
pub fn group_gives(organisation: OrganisationId, group: GroupId) -> Key {
    Builder::of(organisation, Table::Following)
        .byte(b'g')
        .uuid(group.uuid())
        .key()
}

/// All such groups.
#[must_use]
pub fn groups_giving(organisation: OrganisationId) -> Key {
    Builder::of(organisation, Table::Following).byte(b'g').key()
}
