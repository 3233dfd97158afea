//! What the groups of a source hold, as its last reading said it, kept beside the model: a reading of changes compares a
//! group with it, and knows who came and who left without asking who else is in it.
//!
//! It is written after everything else of a run was applied, and before the mark from which the next reading goes on. A run
//! that is broken off in between reads the same changes again, and finds that they were followed already.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::directory::keys::{last_uuid, linked_id, source_group};
use crate::directory::source_group::SourceGroup;
use crate::directory::{Directory, DirectoryError, Operation, Permit, Unit};
use crate::model::id::OrganisationId;
use crate::model::record;
use crate::model::slug::Slug;
use crate::store::Key;

use super::lease::Claim;

/// Keys of one commit, and of one read.
const KEYS_AT_ONCE: usize = 1_000;

/// A group as its entry says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Roster {
    /// As rules see it; empty when it has none.
    pub(super) name: Box<str>,
    /// Its distinguished name, hashed.
    pub(super) dn: u128,
    /// The number by which `primaryGroupID` names it.
    pub(super) relative_id: Option<u32>,
    /// Somebody is in it whom it does not name.
    pub(super) is_primary: bool,
    /// Those whom it names, hashed, in order, each once.
    pub(super) names: Vec<u128>,
}

/// What a run learned of the groups of its source.
#[derive(Debug, Default)]
pub(super) enum Learned {
    /// They are as they were, or nobody looked.
    #[default]
    Nothing,
    /// All of them, by the source's identifier.
    All(Vec<(Arc<str>, Roster)>),
    /// These, and which are gone.
    Some(BTreeMap<String, Option<Roster>>),
    /// Nothing depends on them: what was known is forgotten.
    Needless,
}

impl Roster {
    pub(super) fn record(&self) -> SourceGroup {
        let mut hash = Sha256::new();
        for name in &self.names {
            hash.update(name.to_be_bytes());
        }
        let mut members = [0; 16];
        members.copy_from_slice(&hash.finalize()[..16]);
        SourceGroup {
            name: self.name.to_string(),
            dn: Uuid::from_u128(self.dn),
            relative_id: self.relative_id,
            is_primary: self.is_primary,
            members: Uuid::from_bytes(members),
        }
    }
}

/// All groups that are known, by the source's identifier.
pub(super) async fn known(
    directory: &Directory,
    organisation: OrganisationId,
    connection: &Slug,
) -> Result<BTreeMap<String, SourceGroup>, DirectoryError> {
    let prefix = source_group::groups(organisation, connection);
    let mut all = BTreeMap::new();
    let each = directory.for_each_under(&prefix, |key, stored| {
        if let Some(id) = linked_id(&prefix, key) {
            all.insert(id.to_owned(), record::decode(&stored.value)?);
        }
        Ok(())
    });
    each.await?;
    Ok(all)
}

/// Whom a group named, hashed.
pub(super) async fn members(
    directory: &Directory,
    organisation: OrganisationId,
    connection: &Slug,
    id: &str,
) -> Result<BTreeSet<u128>, DirectoryError> {
    let mut names = BTreeSet::new();
    let prefix = source_group::members(organisation, connection, id);
    let each = directory.for_each_under(&prefix, |key, _| {
        names.extend(last_uuid(key).map(|name| name.as_u128()));
        Ok(())
    });
    each.await?;
    Ok(names)
}

/// Writes what a run learned.
pub(super) struct Learning<'a> {
    pub(super) directory: &'a Directory,
    pub(super) permit: &'a Permit,
    pub(super) lease: &'a Claim,
    pub(super) connection: &'a Slug,
}

impl Learning<'_> {
    /// # Errors
    /// As the store's read and commit.
    pub(super) async fn learn(&self, learned: &Learned) -> Result<(), DirectoryError> {
        let organisation = self.permit.organisation();
        let mut writes = Writes {
            learning: self,
            waiting: Vec::new(),
        };
        match learned {
            Learned::Nothing => {}
            Learned::Needless => {
                let mut all = Vec::new();
                let prefix = source_group::everything(organisation, self.connection);
                let each = self.directory.for_each_under(&prefix, |key, _| {
                    all.push(key.clone());
                    Ok(())
                });
                each.await?;
                for key in all {
                    writes.write(key, None).await?;
                }
            }
            Learned::All(groups) => {
                let mut before = known(self.directory, organisation, self.connection).await?;
                for (id, roster) in groups {
                    let known = before.remove(id.as_ref());
                    writes.group(id, known.as_ref(), Some(roster)).await?;
                }
                for (id, known) in &before {
                    writes.group(id, Some(known), None).await?;
                }
            }
            Learned::Some(groups) => {
                let ids: Vec<&String> = groups.keys().collect();
                for part in ids.chunks(KEYS_AT_ONCE) {
                    let key = |id: &&String| source_group::group(organisation, self.connection, id);
                    let found = self.directory.store().get_many(part.iter().map(key).collect()).await?;
                    for (id, found) in part.iter().zip(found) {
                        let known: Option<SourceGroup> = found.map(|found| record::decode(&found.value)).transpose()?;
                        writes.group(id, known.as_ref(), groups[*id].as_ref()).await?;
                    }
                }
            }
        }
        writes.flush().await
    }
}

/// Writes on their way, many in a commit.
struct Writes<'a> {
    learning: &'a Learning<'a>,
    waiting: Vec<(Key, Option<Vec<u8>>)>,
}

impl Writes<'_> {
    /// Brings one group in line. What it says of itself comes last: until it is written, the names are compared again.
    async fn group(
        &mut self,
        id: &str,
        before: Option<&SourceGroup>,
        after: Option<&Roster>,
    ) -> Result<(), DirectoryError> {
        let (organisation, connection) = (self.learning.permit.organisation(), self.learning.connection);
        let record = after.map(Roster::record);
        if before == record.as_ref() {
            return Ok(());
        }
        let is_same = |record: &SourceGroup| before.is_some_and(|before| before.members == record.members);
        if !record.as_ref().is_some_and(is_same) {
            let old = members(self.learning.directory, organisation, connection, id).await?;
            let new: BTreeSet<u128> = after.into_iter().flat_map(|roster| &roster.names).copied().collect();
            for name in old.symmetric_difference(&new) {
                let value = new.contains(name).then(Vec::new);
                let name = Uuid::from_u128(*name);
                let key = source_group::member(organisation, connection, id, name);
                self.write(key, value.clone()).await?;
                let key = source_group::naming(organisation, connection, name, id);
                self.write(key, value).await?;
            }
        }
        let key = source_group::group(organisation, connection, id);
        self.write(key, record.as_ref().map(record::encode)).await
    }

    async fn write(&mut self, key: Key, value: Option<Vec<u8>>) -> Result<(), DirectoryError> {
        self.waiting.push((key, value));
        if self.waiting.len() >= KEYS_AT_ONCE {
            self.flush().await?;
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), DirectoryError> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let write = Write {
            lease: self.learning.lease,
            writes: &self.waiting,
        };
        self.learning.directory.run(self.learning.permit, &write).await?;
        self.waiting.clear();
        Ok(())
    }
}

struct Write<'a> {
    lease: &'a Claim,
    writes: &'a [(Key, Option<Vec<u8>>)],
}

#[async_trait]
impl Operation for Write<'_> {
    type Outcome = ();

    async fn attempt(&self, unit: &mut Unit) -> Result<(), DirectoryError> {
        self.lease.relied_on(unit).await?;
        for (key, value) in self.writes {
            match value {
                Some(value) => unit.put_bytes(key.clone(), value.clone()),
                None => unit.delete(key.clone()),
            }
        }
        Ok(())
    }
}
