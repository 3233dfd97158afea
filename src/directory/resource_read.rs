//! Who has which resources, and why.
//!
//! A user has a resource directly, or because of a group (S000-5). The second is derived here from the groups that the user is
//! in at this moment: derived, never stored, so joining a group costs nothing, and leaving it takes away exactly what came with
//! it.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::model::group::Group;
use crate::model::id::{GroupId, OrganisationId, ResourceId, UserId};
use crate::model::membership::Member;
use crate::model::origin::Origin;
use crate::model::record;
use crate::model::resource::{Assignment, Resource};
use crate::model::slug::Slug;
use crate::store::{Key, Read, SCAN_ENTRIES_MAX, Scan, Versioned};

use super::keys;
use super::stretch::Stretch;
use super::user::parse_uuid;
use super::{Directory, DirectoryError};

/// A resource that somebody has.
#[derive(Debug, Clone, PartialEq)]
pub struct Held {
    /// The resource.
    pub resource: Resource,
    /// Why, with what each assignment says.
    pub reasons: BTreeMap<Origin, Map<String, Value>>,
}

/// Records read in one round trip.
const READ_AT_ONCE: usize = 200;

impl Directory {
    /// What a user has: directly, or because of a group that is enabled. Resources that are disabled or over are nobody's. In
    /// the order of the resources' creation.
    ///
    /// # Errors
    /// As the store's read.
    pub async fn resources_of(&self, organisation: OrganisationId, user: UserId) -> Result<Vec<Held>, DirectoryError> {
        let own = Member::User(user);
        let found = self
            .store
            .read(vec![
                Read::Scan(direct(organisation, own)),
                Read::Scan(Scan::prefix(&keys::member_groups(organisation, own), SCAN_ENTRIES_MAX)),
            ])
            .await?;
        let mut found = found.into_iter().map(crate::store::Found::into_entries);
        let (assigned, edges) = (found.next().unwrap_or_default(), found.next().unwrap_or_default());
        let mut reasons: BTreeMap<ResourceId, BTreeMap<Origin, Map<String, Value>>> = BTreeMap::new();
        note(&mut reasons, &Origin::Direct, &assigned)?;
        let groups: Vec<GroupId> = edges
            .iter()
            .filter_map(|(key, _)| keys::last_uuid(key))
            .map(GroupId::new)
            .collect();
        for part in groups.chunks(READ_AT_ONCE) {
            let reads = part.iter().flat_map(|group| {
                [
                    Read::Get(keys::group(organisation, *group)),
                    Read::Scan(direct(organisation, Member::Group(*group))),
                ]
            });
            let mut found = self.store.read(reads.collect()).await?.into_iter();
            while let (Some(group), Some(assigned)) = (found.next(), found.next()) {
                let Some(stored) = group.into_value() else { continue };
                let group: Group = record::decode(&stored.value)?;
                // The rights of a disabled group sleep (S003-41).
                if group.enabled {
                    note(&mut reasons, &Origin::Group(group.id), &assigned.into_entries())?;
                }
            }
        }
        let now = self.clock.now();
        let mut held = self.held(organisation, reasons).await?;
        held.retain(|held| held.resource.is_in_use(now));
        Ok(held)
    }

    /// What a group's members have because of it, also while the group or a resource is disabled.
    ///
    /// # Errors
    /// As the store's read.
    pub async fn resources_of_group(
        &self,
        organisation: OrganisationId,
        group: GroupId,
    ) -> Result<Vec<Held>, DirectoryError> {
        let assigned = self.store.scan(direct(organisation, Member::Group(group))).await?;
        let mut reasons = BTreeMap::new();
        note(&mut reasons, &Origin::Direct, &assigned)?;
        let now = self.clock.now();
        let mut held = self.held(organisation, reasons).await?;
        held.retain(|held| !held.resource.is_over(now));
        Ok(held)
    }

    /// The resources with their reasons; those that are gone are left out.
    async fn held(
        &self,
        organisation: OrganisationId,
        reasons: BTreeMap<ResourceId, BTreeMap<Origin, Map<String, Value>>>,
    ) -> Result<Vec<Held>, DirectoryError> {
        let keys: Vec<Key> = reasons.keys().map(|id| keys::resource(organisation, *id)).collect();
        let mut held = Vec::with_capacity(keys.len());
        let mut reasons = reasons.into_values();
        for part in keys.chunks(READ_AT_ONCE) {
            // A missing record uses its reasons up as well.
            for (stored, reasons) in self
                .store
                .get_many(part.to_vec())
                .await?
                .into_iter()
                .zip(reasons.by_ref())
            {
                let Some(stored) = stored else { continue };
                let resource = record::decode(&stored.value)?;
                held.push(Held { resource, reasons });
            }
        }
        Ok(held)
    }

    /// Resources in the order of their creation, behind one or in front of it; of one type, or of all.
    ///
    /// # Errors
    /// As the store's read.
    pub async fn browse_resources(
        &self,
        organisation: OrganisationId,
        type_: Option<&Slug>,
        along: impl Into<Stretch<ResourceId>> + Send,
        limit: usize,
    ) -> Result<Vec<Resource>, DirectoryError> {
        let along = along.into();
        let Some(type_) = type_ else {
            let prefix = keys::resources(organisation);
            let scan = along.scan(&prefix, limit, |id| keys::resource(organisation, id));
            let entries = self.store.scan(scan).await?;
            let resources = entries.iter().map(|(_, stored)| Ok(record::decode(&stored.value)?));
            return resources.collect();
        };
        let prefix = keys::resources_of_type(organisation, type_);
        let scan = along.scan(&prefix, limit, |id| keys::resource_entry(organisation, type_, id));
        let entries = self.store.scan(scan).await?;
        let ids = entries.iter().filter_map(|(key, _)| keys::last_uuid(key));
        let keys = ids.map(|id| keys::resource(organisation, ResourceId::new(id)));
        let found = self.store.get_many(keys.collect()).await?;
        let resources = found.into_iter().flatten();
        resources.map(|stored| Ok(record::decode(&stored.value)?)).collect()
    }

    /// A resource by identifier.
    ///
    /// # Errors
    /// As the store's read.
    pub async fn browse_resource(
        &self,
        organisation: OrganisationId,
        id: ResourceId,
    ) -> Result<Option<Resource>, DirectoryError> {
        let stored = self.store.get(keys::resource(organisation, id)).await?;
        Ok(stored.map(|stored| record::decode(&stored.value)).transpose()?)
    }

    /// The resource of a type that has this name, caseless.
    ///
    /// # Errors
    /// As the store's read.
    pub async fn browse_resource_name(
        &self,
        organisation: OrganisationId,
        type_: &Slug,
        name: &str,
    ) -> Result<Option<Resource>, DirectoryError> {
        let holder = self.store.get(keys::resource_name(organisation, type_, name)).await?;
        match holder.and_then(|stored| parse_uuid(&stored.value)) {
            Some(id) => self.browse_resource(organisation, ResourceId::new(id)).await,
            None => Ok(None),
        }
    }

    /// Users and groups that a resource is assigned to, after this one: groups first, then users.
    ///
    /// # Errors
    /// As the store's read.
    pub async fn browse_assignments(
        &self,
        organisation: OrganisationId,
        id: ResourceId,
        along: impl Into<Stretch<Member>> + Send,
        limit: usize,
    ) -> Result<Vec<(Member, Assignment)>, DirectoryError> {
        let prefix = keys::assignments(organisation, id);
        let scan = along.into().scan(&prefix, limit, |subject| keys::assignment(organisation, id, subject));
        let entries = self.store.scan(scan).await?;
        let subjects = entries
            .iter()
            .filter_map(|(key, stored)| Some((keys::subject_of(key)?.1, stored)));
        subjects
            .map(|(subject, stored)| Ok((subject, record::decode(&stored.value)?)))
            .collect()
    }
}

fn direct(organisation: OrganisationId, subject: Member) -> Scan {
    Scan::prefix(&keys::subject_assignments(organisation, subject), SCAN_ENTRIES_MAX)
}

fn note(
    reasons: &mut BTreeMap<ResourceId, BTreeMap<Origin, Map<String, Value>>>,
    origin: &Origin,
    entries: &[(Key, Versioned)],
) -> Result<(), DirectoryError> {
    for (key, stored) in entries {
        let Some(id) = keys::last_uuid(key).map(ResourceId::new) else {
            continue;
        };
        let assignment: Assignment = record::decode(&stored.value)?;
        reasons
            .entry(id)
            .or_default()
            .insert(origin.clone(), assignment.attributes);
    }
    Ok(())
}
