//! Reading for people: pages in key order, and look-ups by name. What is found relies on nothing.

use crate::model::group::Group;
use crate::model::id::{GroupId, OrganisationId, UserId};
use crate::model::membership::{Member, Membership};
use crate::model::record::{self, Record};
use crate::model::slug::Slug;
use crate::model::user::User;
use crate::store::{Key, Scan};

use super::keys::{self, Count, Index, Table, Unique, fold};
use super::stretch::Stretch;
use super::unit::parse_counter;
use super::user::parse_uuid;
use super::{Directory, DirectoryError};

impl Directory {
    /// Counters, in the order asked.
    ///
    /// # Errors
    /// As the store's read.
    pub async fn browse_counts(
        &self,
        organisation: OrganisationId,
        counts: &[Count],
    ) -> Result<Vec<i64>, DirectoryError> {
        let keys: Vec<Key> = counts.iter().map(|count| keys::count(organisation, count)).collect();
        let found = self.store.get_many(keys.clone()).await?;
        keys.iter()
            .zip(found)
            .map(|(key, stored)| stored.map_or(Ok(0), |stored| parse_counter(key, &stored.value)))
            .collect()
    }

    /// Users in the order of their creation, behind one or in front of it.
    ///
    /// # Errors
    /// As the store's read.
    pub async fn browse_users(
        &self,
        organisation: OrganisationId,
        along: impl Into<Stretch<UserId>> + Send,
        limit: usize,
    ) -> Result<Vec<User>, DirectoryError> {
        let prefix = keys::table(organisation, Table::User);
        let scan = along.into().scan(&prefix, limit, |user| keys::user(organisation, user));
        self.records(scan).await
    }

    /// A user by identifier.
    ///
    /// # Errors
    /// As the store's read.
    pub async fn browse_user(&self, organisation: OrganisationId, id: UserId) -> Result<Option<User>, DirectoryError> {
        self.record(keys::user(organisation, id)).await
    }

    /// Users by identifier, in the order asked; those that do not exist are left out.
    ///
    /// # Errors
    /// As the store's read.
    pub async fn browse_users_by_id(
        &self,
        organisation: OrganisationId,
        ids: &[UserId],
    ) -> Result<Vec<User>, DirectoryError> {
        self.users(organisation, ids.iter().map(|id| id.uuid())).await
    }

    /// A user by user name or another login id, caseless; a telephone number in any way of writing it.
    ///
    /// # Errors
    /// As the store's read.
    pub async fn browse_user_name(
        &self,
        organisation: OrganisationId,
        name: &str,
    ) -> Result<Option<User>, DirectoryError> {
        match self.login_holder(organisation, name).await? {
            Some(id) => self.browse_user(organisation, id).await,
            None => Ok(None),
        }
    }

    /// Users who are meant to have this licence, behind one or in front of it.
    ///
    /// # Errors
    /// As the store's read.
    pub async fn browse_holders(
        &self,
        organisation: OrganisationId,
        licence: &Slug,
        along: impl Into<Stretch<UserId>> + Send,
        limit: usize,
    ) -> Result<Vec<User>, DirectoryError> {
        let prefix = keys::index_entries(organisation, Index::LicenceHolder, licence.as_str());
        let scan = along.into().scan(&prefix, limit, |user| {
            keys::index(organisation, Index::LicenceHolder, licence.as_str(), user.uuid())
        });
        let ids = self.indexed(scan).await?;
        self.users(organisation, ids).await
    }

    /// Users who hold this role in the whole organisation, behind one or in front of it.
    ///
    /// # Errors
    /// As the store's read.
    pub async fn browse_role_holders(
        &self,
        organisation: OrganisationId,
        role: &Slug,
        along: impl Into<Stretch<UserId>> + Send,
        limit: usize,
    ) -> Result<Vec<User>, DirectoryError> {
        let prefix = keys::index_entries(organisation, Index::RoleHolder, role.as_str());
        let scan = along.into().scan(&prefix, limit, |user| {
            keys::index(organisation, Index::RoleHolder, role.as_str(), user.uuid())
        });
        let ids = self.indexed(scan).await?;
        self.users(organisation, ids).await
    }

    /// Groups in the order of their creation, behind one or in front of it.
    ///
    /// # Errors
    /// As the store's read.
    pub async fn browse_groups(
        &self,
        organisation: OrganisationId,
        along: impl Into<Stretch<GroupId>> + Send,
        limit: usize,
    ) -> Result<Vec<Group>, DirectoryError> {
        let prefix = keys::table(organisation, Table::Group);
        let scan = along.into().scan(&prefix, limit, |group| keys::group(organisation, group));
        self.records(scan).await
    }

    /// A group by identifier.
    ///
    /// # Errors
    /// As the store's read.
    pub async fn browse_group(
        &self,
        organisation: OrganisationId,
        id: GroupId,
    ) -> Result<Option<Group>, DirectoryError> {
        self.record(keys::group(organisation, id)).await
    }

    /// Groups by identifier, in the order asked; those that do not exist are left out.
    ///
    /// # Errors
    /// As the store's read.
    pub async fn browse_groups_by_id(
        &self,
        organisation: OrganisationId,
        ids: &[GroupId],
    ) -> Result<Vec<Group>, DirectoryError> {
        let keys = ids.iter().map(|id| keys::group(organisation, *id)).collect();
        let found = self.store.get_many(keys).await?.into_iter().flatten();
        found.map(|stored| Ok(record::decode(&stored.value)?)).collect()
    }

    /// A group by name, caseless.
    ///
    /// # Errors
    /// As the store's read.
    pub async fn browse_group_name(
        &self,
        organisation: OrganisationId,
        name: &str,
    ) -> Result<Option<Group>, DirectoryError> {
        let key = keys::unique(organisation, Unique::GroupName, &fold(name));
        match self.holder(key).await? {
            Some(id) => self.browse_group(organisation, GroupId::new(id)).await,
            None => Ok(None),
        }
    }

    /// Members of a group with their edges, behind one or in front of it: groups first, then users.
    ///
    /// # Errors
    /// As the store's read.
    pub async fn browse_members(
        &self,
        organisation: OrganisationId,
        group: GroupId,
        along: impl Into<Stretch<Member>> + Send,
        limit: usize,
    ) -> Result<Vec<(Member, Membership)>, DirectoryError> {
        let prefix = keys::group_members(organisation, group);
        let scan = along.into().scan(&prefix, limit, |member| keys::group_member(organisation, group, member));
        let entries = self.store.scan(scan).await?;
        entries
            .iter()
            .filter_map(|(key, edge)| keys::member_of(key).map(|member| (member, edge)))
            .map(|(member, edge)| Ok((member, record::decode(&edge.value)?)))
            .collect()
    }

    async fn record<R: Record>(&self, key: Key) -> Result<Option<R>, DirectoryError> {
        let stored = self.store.get(key).await?;
        Ok(stored.map(|stored| record::decode(&stored.value)).transpose()?)
    }

    async fn records<R: Record>(&self, scan: Scan) -> Result<Vec<R>, DirectoryError> {
        let entries = self.store.scan(scan).await?;
        entries
            .iter()
            .map(|(_, stored)| Ok(record::decode(&stored.value)?))
            .collect()
    }

    async fn holder(&self, key: Key) -> Result<Option<uuid::Uuid>, DirectoryError> {
        Ok(self.store.get(key).await?.and_then(|stored| parse_uuid(&stored.value)))
    }

    async fn indexed(&self, scan: Scan) -> Result<Vec<uuid::Uuid>, DirectoryError> {
        let entries = self.store.scan(scan).await?;
        Ok(entries.iter().filter_map(|(key, _)| keys::last_uuid(key)).collect())
    }

    /// The users who are still there.
    async fn users(
        &self,
        organisation: OrganisationId,
        ids: impl IntoIterator<Item = uuid::Uuid>,
    ) -> Result<Vec<User>, DirectoryError> {
        let keys = ids.into_iter().map(|id| keys::user(organisation, UserId::new(id)));
        let found = self.store.get_many(keys.collect()).await?;
        let users = found.into_iter().flatten();
        users.map(|stored| Ok(record::decode(&stored.value)?)).collect()
    }
}
