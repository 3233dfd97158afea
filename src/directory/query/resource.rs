//! What users and groups have in common for a query.

use async_trait::async_trait;
use bytes::Bytes;

use crate::directory::keys::{self, Count, Index, Table, Unique};
use crate::directory::membership::{group_version, member_uuid};
use crate::directory::unit::parse_counter;
use crate::directory::{Directory, DirectoryError};
use crate::model::Object;
use crate::model::custom_attribute::Bearer;
use crate::model::group::Group;
use crate::model::id::{GroupId, OrganisationId, UserId};
use crate::model::membership::Member;
use crate::model::record;
use crate::model::represent::{self, GroupState};
use crate::model::slug::Slug;
use crate::model::user::User;
use crate::store::Key;

/// What a kind of resource is found by without reading every record. Names are canonical; a multi-valued complex attribute
/// stands for its `value`.
pub trait Indexed {
    /// Attributes whose values are unique, each with its index.
    const UNIQUE: &'static [(&'static str, Unique)];
    /// Attributes with a further index.
    const INDEXES: &'static [(&'static str, Index)];
    /// The kind in link keys.
    const LINK: u8;
    /// The kind in the keys of custom attributes.
    const BEARER: Bearer;
}

/// A kind of resource that can be queried.
#[async_trait]
pub trait Queryable: Indexed + Sized + Send + Sync {
    /// Where its records are.
    const TABLE: Table;
    /// How many there are.
    const COUNT: Count;

    /// The record's key.
    fn key(organisation: OrganisationId, id: uuid::Uuid) -> Key;

    /// Reads records, with what is kept beside them.
    async fn complete(
        directory: &Directory,
        organisation: OrganisationId,
        records: Vec<Bytes>,
    ) -> Result<Vec<Self>, DirectoryError>;

    /// The canonical resource.
    fn represent(&self, connection: Option<&Slug>) -> Object;

    /// As a member of groups.
    fn member(&self) -> Member;

    /// As a member of groups, by its identifier.
    fn member_of(id: uuid::Uuid) -> Member;

    /// Its identifier.
    fn uuid(&self) -> uuid::Uuid {
        member_uuid(self.member())
    }
}

impl Indexed for User {
    const UNIQUE: &'static [(&'static str, Unique)] = &[("userName", Unique::UserName)];
    const INDEXES: &'static [(&'static str, Index)] =
        &[("emails", Index::UserEmail), ("displayName", Index::UserDisplayName)];
    const LINK: u8 = b'u';
    const BEARER: Bearer = Bearer::User;
}

#[async_trait]
impl Queryable for User {
    const TABLE: Table = Table::User;
    const COUNT: Count = Count::Users;

    fn key(organisation: OrganisationId, id: uuid::Uuid) -> Key {
        keys::user(organisation, UserId::new(id))
    }

    async fn complete(
        _directory: &Directory,
        _organisation: OrganisationId,
        records: Vec<Bytes>,
    ) -> Result<Vec<Self>, DirectoryError> {
        records.iter().map(|bytes| Ok(record::decode(bytes)?)).collect()
    }

    fn represent(&self, connection: Option<&Slug>) -> Object {
        represent::held_user(self, connection)
    }

    fn member(&self) -> Member {
        Member::User(self.id)
    }

    fn member_of(id: uuid::Uuid) -> Member {
        Member::User(UserId::new(id))
    }
}

/// A group with what is kept beside its record.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredGroup {
    /// The record.
    pub group: Group,
    /// What changes with the members.
    pub state: GroupState,
}

impl Indexed for StoredGroup {
    const UNIQUE: &'static [(&'static str, Unique)] = &[("displayName", Unique::GroupName)];
    const INDEXES: &'static [(&'static str, Index)] = &[];
    const LINK: u8 = b'g';
    const BEARER: Bearer = Bearer::Group;
}

#[async_trait]
impl Queryable for StoredGroup {
    const TABLE: Table = Table::Group;
    const COUNT: Count = Count::Groups;

    fn key(organisation: OrganisationId, id: uuid::Uuid) -> Key {
        keys::group(organisation, GroupId::new(id))
    }

    async fn complete(
        directory: &Directory,
        organisation: OrganisationId,
        records: Vec<Bytes>,
    ) -> Result<Vec<Self>, DirectoryError> {
        let groups: Vec<Group> = records
            .iter()
            .map(|bytes| Ok(record::decode(bytes)?))
            .collect::<Result<_, DirectoryError>>()?;
        if groups.is_empty() {
            return Ok(Vec::new());
        }
        let beside = groups.iter().flat_map(|group| beside(organisation, group.id)).collect();
        let found = directory.store().get_many(beside).await?;
        groups
            .into_iter()
            .zip(found.chunks(3))
            .map(|(group, beside)| {
                let value = |at: usize| {
                    beside
                        .get(at)
                        .and_then(Option::as_ref)
                        .map(|stored| stored.value.as_ref())
                };
                Self::of(organisation, group, value(0), value(1), value(2))
            })
            .collect()
    }

    fn represent(&self, connection: Option<&Slug>) -> Object {
        represent::group(&self.group, self.state, connection)
    }

    fn member(&self) -> Member {
        Member::Group(self.group.id)
    }

    fn member_of(id: uuid::Uuid) -> Member {
        Member::Group(GroupId::new(id))
    }
}

/// The keys beside a group's record: when its members changed, how often, and how many there are.
pub(super) fn beside(organisation: OrganisationId, group: GroupId) -> [Key; 3] {
    [
        keys::group_touched(organisation, group),
        keys::group_changes(organisation, group),
        keys::count(organisation, &Count::Members(group)),
    ]
}

impl StoredGroup {
    /// A group with the values of the three keys beside it.
    ///
    /// # Errors
    /// [`DirectoryError::Corrupt`] for a counter that is not a number.
    pub fn of(
        organisation: OrganisationId,
        group: Group,
        touched: Option<&[u8]>,
        changes: Option<&[u8]>,
        members: Option<&[u8]>,
    ) -> Result<Self, DirectoryError> {
        let [_, changes_key, members_key] = beside(organisation, group.id);
        let changes = changes.map_or(Ok(0), |bytes| parse_counter(&changes_key, bytes))?;
        let members = members.map_or(Ok(0), |bytes| parse_counter(&members_key, bytes))?;
        let (last_modified, revision) = group_version(&group, touched, changes);
        Ok(Self {
            group,
            state: GroupState {
                last_modified,
                revision,
                members: members.unsigned_abs(),
            },
        })
    }
}

impl Directory {
    /// A group with what is kept beside it; `None` when there is none.
    ///
    /// # Errors
    /// As the store's read.
    pub async fn find_stored_group(
        &self,
        organisation: OrganisationId,
        id: GroupId,
    ) -> Result<Option<StoredGroup>, DirectoryError> {
        let mut wanted = vec![keys::group(organisation, id)];
        wanted.extend(beside(organisation, id));
        let found = self.store.get_many(wanted).await?;
        let value = |at: usize| {
            found
                .get(at)
                .and_then(Option::as_ref)
                .map(|stored| stored.value.as_ref())
        };
        let Some(stored) = value(0) else { return Ok(None) };
        let group = record::decode(stored)?;
        StoredGroup::of(organisation, group, value(1), value(2), value(3)).map(Some)
    }
}
