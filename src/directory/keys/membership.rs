//! Keys of the edges between groups and their members, and of what is noted beside them.

use super::{Builder, Table, member_parts};
use crate::model::id::{GroupId, OrganisationId, UserId};
use crate::model::membership::Member;
use crate::store::Key;

/// When a group's members last changed.
#[must_use]
pub fn group_touched(organisation: OrganisationId, id: GroupId) -> Key {
    Builder::of(organisation, Table::GroupTouched)
        .uuid(id.uuid())
        .byte(b't')
        .key()
}

/// How often a group's members changed: part of its version.
#[must_use]
pub fn group_changes(organisation: OrganisationId, id: GroupId) -> Key {
    Builder::of(organisation, Table::GroupTouched)
        .uuid(id.uuid())
        .byte(b'n')
        .key()
}

/// A deleted group whose edges are still being removed.
#[must_use]
pub fn purge(organisation: OrganisationId, group: GroupId) -> Key {
    Builder::of(organisation, Table::Purge).uuid(group.uuid()).key()
}

/// How often a member's groups changed: an edge that is added while the member is deleted conflicts on it.
#[must_use]
pub fn member_changes(organisation: OrganisationId, member: Member) -> Key {
    member_parts(Builder::of(organisation, Table::MemberTouched), member).key()
}

/// The edge from a group to a member.
#[must_use]
pub fn group_member(organisation: OrganisationId, group: GroupId, member: Member) -> Key {
    member_parts(Builder::of(organisation, Table::GroupMember).uuid(group.uuid()), member).key()
}

/// All edges of a group.
#[must_use]
pub fn group_members(organisation: OrganisationId, group: GroupId) -> Key {
    Builder::of(organisation, Table::GroupMember).uuid(group.uuid()).key()
}

/// The edges of a group to the groups directly inside it.
#[must_use]
pub fn groups_inside(organisation: OrganisationId, group: GroupId) -> Key {
    Builder::of(organisation, Table::GroupMember)
        .uuid(group.uuid())
        .byte(b'g')
        .key()
}

/// The edge from a member to a group.
#[must_use]
pub fn member_group(organisation: OrganisationId, member: Member, group: GroupId) -> Key {
    member_parts(Builder::of(organisation, Table::MemberGroup), member)
        .uuid(group.uuid())
        .key()
}

/// All edges of a member.
#[must_use]
pub fn member_groups(organisation: OrganisationId, member: Member) -> Key {
    member_parts(Builder::of(organisation, Table::MemberGroup), member).key()
}

/// The member at the end of a [`group_member`] key; `None` for any other key.
#[must_use]
pub fn member_of(key: &Key) -> Option<Member> {
    let bytes = key.as_bytes();
    if bytes.get(17) != Some(&(Table::GroupMember as u8)) {
        return None;
    }
    let (kind, id) = bytes.get(34..)?.split_first()?;
    let id = uuid::Uuid::from_slice(id).ok()?;
    match kind {
        b'u' => Some(Member::User(UserId::new(id))),
        b'g' => Some(Member::Group(GroupId::new(id))),
        _ => None,
    }
}

/// The group at the start of a [`group_member`] key; `None` for any other key.
#[must_use]
pub fn group_of(key: &Key) -> Option<GroupId> {
    let bytes = key.as_bytes();
    if bytes.get(17) != Some(&(Table::GroupMember as u8)) {
        return None;
    }
    uuid::Uuid::from_slice(bytes.get(18..34)?).ok().map(GroupId::new)
}
