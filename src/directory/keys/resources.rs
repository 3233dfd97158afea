//! Keys of resources and of their assignments.
//!
//! ```text
//! R 'r' id                -> Resource
//! R 'n' type name         -> the id that has the name
//! R 't' type id           -> nothing
//! R 'x' milliseconds id   -> nothing      (when it expires)
//! S id 'u'|'g' subject    -> Assignment
//! T 'u'|'g' subject 'a' id -> the same
//! T 'u' owner 'o' id      -> nothing
//! F 'r' id                -> nothing      (a deleted resource whose assignments are still being removed)
//! ```

use super::{Builder, Table, fold, member_parts};
use crate::model::id::{GroupId, OrganisationId, ResourceId, UserId};
use crate::model::membership::Member;
use crate::model::slug::Slug;
use crate::store::Key;

fn of(organisation: OrganisationId, tag: u8) -> Builder {
    Builder::of(organisation, Table::Resource).byte(tag)
}

/// A resource.
#[must_use]
pub fn resource(organisation: OrganisationId, id: ResourceId) -> Key {
    of(organisation, b'r').uuid(id.uuid()).key()
}

/// All resources, in the order of their creation.
#[must_use]
pub fn resources(organisation: OrganisationId) -> Key {
    of(organisation, b'r').key()
}

/// The resource of a type that has this name; caseless.
#[must_use]
pub fn resource_name(organisation: OrganisationId, type_: &Slug, name: &str) -> Key {
    of(organisation, b'n').text(type_.as_str()).text(&fold(name)).key()
}

/// Whether a key of the table of resources holds who has a name.
#[must_use]
pub fn is_resource_name(key: &Key) -> bool {
    key.as_bytes().get(REST_AT) == Some(&b'n')
}

/// A resource among those of its type.
#[must_use]
pub fn resource_entry(organisation: OrganisationId, type_: &Slug, id: ResourceId) -> Key {
    of(organisation, b't').text(type_.as_str()).uuid(id.uuid()).key()
}

/// All resources of a type, in the order of their creation.
#[must_use]
pub fn resources_of_type(organisation: OrganisationId, type_: &Slug) -> Key {
    of(organisation, b't').text(type_.as_str()).key()
}

/// A resource that ends at this instant (milliseconds).
#[must_use]
pub fn resource_expiry(organisation: OrganisationId, at_ms: u64, id: ResourceId) -> Key {
    of(organisation, b'x').number(at_ms).uuid(id.uuid()).key()
}

/// All resources that end, the next one first.
#[must_use]
pub fn resource_expiries(organisation: OrganisationId) -> Key {
    of(organisation, b'x').key()
}

/// The assignment of a resource to a user or group.
#[must_use]
pub fn assignment(organisation: OrganisationId, id: ResourceId, subject: Member) -> Key {
    member_parts(Builder::of(organisation, Table::Assignment).uuid(id.uuid()), subject).key()
}

/// All assignments of a resource: groups first, then users.
#[must_use]
pub fn assignments(organisation: OrganisationId, id: ResourceId) -> Key {
    Builder::of(organisation, Table::Assignment).uuid(id.uuid()).key()
}

fn subject(organisation: OrganisationId, subject: Member) -> Builder {
    member_parts(Builder::of(organisation, Table::SubjectAssignment), subject)
}

/// The same assignment, found from the subject.
#[must_use]
pub fn subject_assignment(organisation: OrganisationId, subject_: Member, id: ResourceId) -> Key {
    subject(organisation, subject_).byte(b'a').uuid(id.uuid()).key()
}

/// All that a user or group is assigned to directly.
#[must_use]
pub fn subject_assignments(organisation: OrganisationId, subject_: Member) -> Key {
    subject(organisation, subject_).byte(b'a').key()
}

/// All that hangs on a user or group: assignments, and resources that the user owns.
#[must_use]
pub fn assigned_to(organisation: OrganisationId, subject_: Member) -> Key {
    subject(organisation, subject_).key()
}

/// A resource that a user owns.
#[must_use]
pub fn owned(organisation: OrganisationId, owner: UserId, id: ResourceId) -> Key {
    subject(organisation, Member::User(owner))
        .byte(b'o')
        .uuid(id.uuid())
        .key()
}

/// A deleted resource whose assignments are still being removed.
#[must_use]
pub fn closing_resource(organisation: OrganisationId, id: ResourceId) -> Key {
    Builder::of(organisation, Table::Following)
        .byte(b'r')
        .uuid(id.uuid())
        .key()
}

/// All such resources.
#[must_use]
pub fn closing_resources(organisation: OrganisationId) -> Key {
    Builder::of(organisation, Table::Following).byte(b'r').key()
}

/// Bytes of a key before what follows its table.
const REST_AT: usize = 18;

fn member(kind: u8, id: &[u8]) -> Option<Member> {
    let id = uuid::Uuid::from_slice(id).ok()?;
    match kind {
        b'u' => Some(Member::User(UserId::new(id))),
        b'g' => Some(Member::Group(GroupId::new(id))),
        _ => None,
    }
}

/// The resource and the subject of an [`assignment`] key; `None` for any other key.
#[must_use]
pub fn subject_of(key: &Key) -> Option<(ResourceId, Member)> {
    let rest = key.as_bytes().get(REST_AT..)?;
    let (id, rest) = rest.split_at_checked(16)?;
    let (kind, subject) = rest.split_first()?;
    let id = ResourceId::new(uuid::Uuid::from_slice(id).ok()?);
    Some((id, member(*kind, subject)?))
}

/// What a key below a subject says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Assigned {
    /// The subject is assigned to this resource.
    To(Member, ResourceId),
    /// The user owns it.
    Owner(UserId, ResourceId),
}

impl Assigned {
    /// Reads a key under [`assigned_to`]; `None` for any other key.
    #[must_use]
    pub fn read(key: &Key) -> Option<Self> {
        let (kind, rest) = key.as_bytes().get(REST_AT..)?.split_first()?;
        let (id, rest) = rest.split_at_checked(16)?;
        let subject = member(*kind, id)?;
        let (tag, id) = rest.split_first()?;
        let id = ResourceId::new(uuid::Uuid::from_slice(id).ok()?);
        match (tag, subject) {
            (b'a', subject) => Some(Self::To(subject, id)),
            (b'o', Member::User(user)) => Some(Self::Owner(user, id)),
            _ => None,
        }
    }
}
