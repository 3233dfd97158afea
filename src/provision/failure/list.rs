//! The failure list of a connection: a record for each entry that the last runs left as it was, and how many there are.
//!
//! The records are changed in parts before the run itself is remembered; a run that is broken off in between is made up for by the next
//! one. A reading of changes tries every listed entry again.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::directory::keys;
use crate::directory::stretch::Stretch;
use crate::directory::{Directory, DirectoryError, Operation, Permit, Unit};
use crate::model::clock::Timestamp;
use crate::model::id::OrganisationId;
use crate::model::record::{self, Record};
use crate::model::slug::Slug;
use crate::provision::lease::Claim;
use crate::store::{Key, SCAN_ENTRIES_MAX};

use super::{Failure, FailureReason, Kind};

/// Entries of one commit.
const ENTRIES_AT_ONCE: usize = 200;
/// Bytes of one entry: below what a store takes as one value, and [`ENTRIES_AT_ONCE`] of them below a commit's bound.
const ENTRY_BYTES_MAX: usize = 16 * 1024;
/// Keys of one read.
const KEYS_AT_ONCE: usize = 500;
/// Characters kept of a reason that is longer.
const REASON_CHARACTERS_MAX: usize = 2_000;

/// An entry of the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listed {
    /// The entry, and why it was left as it was.
    pub failure: Failure,
    /// Since when it is on the list.
    pub since: Timestamp,
}

impl Record for Listed {
    const KIND: &'static str = "failure";
}

/// How many entries were left as they were.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Count {
    /// All of them.
    pub total: u64,
    /// Those that are listed: no more than `failures_listed` of the settings. `None` from before that was counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    listed: Option<u64>,
    /// The list as an earlier release kept it, until the next run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    failures: Vec<Failure>,
}

impl Record for Count {
    const KIND: &'static str = "failure list";
}

/// Which entry a failure is of.
#[must_use]
pub fn key(organisation: OrganisationId, connection: &Slug, failure: &Failure) -> Key {
    let tag = failure.kind.link_tag();
    match &failure.external_id {
        Some(id) => keys::failure(organisation, connection, tag, id),
        None => {
            let name = failure.name.as_deref().unwrap_or_default();
            keys::failure(organisation, connection, tag.to_ascii_uppercase(), name)
        }
    }
}

/// How many entries there are.
///
/// # Errors
/// As the store's read.
pub async fn total(
    directory: &Directory,
    organisation: OrganisationId,
    connection: &Slug,
) -> Result<u64, DirectoryError> {
    Ok(count(directory, organisation, connection).await?.total)
}

async fn count(
    directory: &Directory,
    organisation: OrganisationId,
    connection: &Slug,
) -> Result<Count, DirectoryError> {
    let stored = directory.store().get(count_key(organisation, connection)).await?;
    Ok(stored
        .map(|stored| record::decode(&stored.value))
        .transpose()?
        .unwrap_or_default())
}

pub(in crate::provision) fn count_key(organisation: OrganisationId, connection: &Slug) -> Key {
    keys::run(organisation, connection, "failures")
}

/// Entries of the list in the order of their keys, behind one or in front of it, at most `limit`: groups, then people, each by identifier.
///
/// # Errors
/// As the store's read.
pub async fn page(
    directory: &Directory,
    organisation: OrganisationId,
    connection: &Slug,
    along: impl Into<Stretch<Key>> + Send,
    limit: usize,
) -> Result<Vec<(Key, Listed)>, DirectoryError> {
    let prefix = keys::failures(organisation, connection);
    let scan = along.into().scan(&prefix, limit, |key| key);
    let found = directory.store().scan(scan).await?.into_iter();
    found
        .map(|(key, stored)| Ok((key, record::decode(&stored.value)?)))
        .collect()
}

/// One entry.
///
/// # Errors
/// As the store's read.
pub async fn find(
    directory: &Directory,
    organisation: OrganisationId,
    connection: &Slug,
    kind: Kind,
    external_id: &str,
) -> Result<Option<Listed>, DirectoryError> {
    let key = keys::failure(organisation, connection, kind.link_tag(), external_id);
    let found = directory.store().get(key).await?;
    Ok(found.map(|found| record::decode(&found.value)).transpose()?)
}

async fn all(
    directory: &Directory,
    organisation: OrganisationId,
    connection: &Slug,
) -> Result<BTreeMap<Key, Listed>, DirectoryError> {
    let mut all = BTreeMap::new();
    loop {
        let after = all.last_key_value().map(|(key, _): (&Key, _)| key.clone());
        let found = page(directory, organisation, connection, after, SCAN_ENTRIES_MAX).await?;
        if found.is_empty() {
            return Ok(all);
        }
        all.extend(found);
    }
}

/// The entries that a reading tries again.
///
/// # Errors
/// As the store's read.
pub async fn retried(
    directory: &Directory,
    organisation: OrganisationId,
    connection: &Slug,
) -> Result<Vec<(Kind, String)>, DirectoryError> {
    Ok(List::read(directory, organisation, connection).await?.retried())
}

/// The whole list, as a run found it.
#[derive(Debug)]
pub(in crate::provision) struct List {
    listed: BTreeMap<Key, Listed>,
    /// As an earlier release kept it.
    legacy: Vec<Failure>,
}

impl List {
    /// # Errors
    /// As the store's read.
    pub(in crate::provision) async fn read(
        directory: &Directory,
        organisation: OrganisationId,
        connection: &Slug,
    ) -> Result<Self, DirectoryError> {
        Ok(Self {
            listed: all(directory, organisation, connection).await?,
            legacy: count(directory, organisation, connection).await?.failures,
        })
    }

    /// The entries that a reading tries again.
    pub(in crate::provision) fn retried(&self) -> Vec<(Kind, String)> {
        let failures = self.listed.values().map(|listed| &listed.failure).chain(&self.legacy);
        failures
            .filter_map(|failure| Some((failure.kind, failure.external_id.clone()?)))
            .collect()
    }
}

/// What a run does with the list.
pub(in crate::provision) struct Renewal<'a> {
    pub(in crate::provision) directory: &'a Directory,
    pub(in crate::provision) permit: &'a Permit,
    pub(in crate::provision) lease: &'a Claim,
    pub(in crate::provision) connection: &'a Slug,
    /// What the run left as it was.
    pub(in crate::provision) failures: &'a [Failure],
    /// The entries that the run looked at, when it was not everything: what was noted of the others stays.
    pub(in crate::provision) settled: Option<&'a BTreeSet<(Kind, String)>>,
    /// The list, when the run has read it already.
    pub(in crate::provision) read: Option<List>,
    /// Entries listed at most.
    pub(in crate::provision) limit: u32,
}

impl Renewal<'_> {
    /// Brings the list in line with what the run left as it was. Answers what there is to remember with the run.
    ///
    /// # Errors
    /// As the store's read and commit.
    pub(in crate::provision) async fn renew(mut self) -> Result<Count, DirectoryError> {
        let organisation = self.permit.organisation();
        let known = count(self.directory, organisation, self.connection).await?;
        let before = self.before(&known).await?;
        // Listed, and of no concern here.
        let elsewhere = match self.is_concerned_only(&known) {
            true => known.listed.unwrap_or_default().saturating_sub(before.len() as u64),
            false => 0,
        };
        let listed = known.listed.unwrap_or(before.len() as u64) + known.failures.len() as u64;
        let unlisted = known.total.saturating_sub(listed);
        let now = self.directory.clock().now();
        let mut after: BTreeMap<Key, Listed> = BTreeMap::new();
        let mut beyond = 0;
        if let Some(settled) = self.settled {
            let stays = |failure: &Failure| {
                let id = failure.external_id.clone();
                !id.is_some_and(|id| settled.contains(&(failure.kind, id)))
            };
            let kept = before.iter().filter(|(_, listed)| stays(&listed.failure));
            after.extend(kept.map(|(key, listed)| (key.clone(), listed.clone())));
            for failure in known.failures.into_iter().filter(stays) {
                let key = key(organisation, self.connection, &failure);
                after.entry(key).or_insert(Listed { failure, since: now });
            }
            // Only a run over everything knows what became of those that are not listed.
            beyond = unlisted;
        }
        for failure in self.failures {
            let key = key(organisation, self.connection, failure);
            if elsewhere + after.len() as u64 >= u64::from(self.limit) && !after.contains_key(&key) {
                beyond += 1;
                continue;
            }
            let since = before.get(&key).map_or(now, |listed| listed.since);
            let failure = bounded(failure);
            after.insert(key, Listed { failure, since });
        }
        let gone = before.keys().filter(|key| !after.contains_key(*key));
        let mut changes: Vec<(&Key, Option<&Listed>)> = gone.map(|key| (key, None)).collect();
        let new = after.iter().filter(|(key, listed)| before.get(*key) != Some(*listed));
        changes.extend(new.map(|(key, listed)| (key, Some(listed))));
        for part in changes.chunks(ENTRIES_AT_ONCE) {
            let change = ChangeList {
                lease: self.lease,
                changes: part,
            };
            self.directory.run(self.permit, &change).await?;
        }
        let listed = elsewhere + after.len() as u64;
        Ok(Count {
            total: listed + beyond,
            listed: Some(listed),
            failures: Vec::new(),
        })
    }

    /// Whether only the entries that the run looked at are read: what is listed beside them has been counted.
    fn is_concerned_only(&self, known: &Count) -> bool {
        self.read.is_none() && self.settled.is_some() && known.listed.is_some() && known.failures.is_empty()
    }

    /// The list as it was, as far as it concerns the run.
    async fn before(&mut self, known: &Count) -> Result<BTreeMap<Key, Listed>, DirectoryError> {
        let organisation = self.permit.organisation();
        if let Some(read) = &mut self.read {
            return Ok(std::mem::take(&mut read.listed));
        }
        let Some(settled) = self.settled.filter(|_| self.is_concerned_only(known)) else {
            return all(self.directory, organisation, self.connection).await;
        };
        let looked_at = settled.iter();
        let looked_at = looked_at.map(|(kind, id)| keys::failure(organisation, self.connection, kind.link_tag(), id));
        let failing = self.failures.iter();
        let failing = failing.map(|failure| key(organisation, self.connection, failure));
        let wanted: BTreeSet<Key> = looked_at.chain(failing).collect();
        let wanted: Vec<Key> = wanted.into_iter().collect();
        let mut before = BTreeMap::new();
        for part in wanted.chunks(KEYS_AT_ONCE) {
            let found = self.directory.store().get_many(part.to_vec()).await?;
            for (key, found) in part.iter().zip(found) {
                let Some(found) = found else { continue };
                before.insert(key.clone(), record::decode(&found.value)?);
            }
        }
        Ok(before)
    }
}

/// A failure that fits into a record.
fn bounded(failure: &Failure) -> Failure {
    if json!(failure).to_string().len() <= ENTRY_BYTES_MAX {
        return failure.clone();
    }
    let cut = |text: &str| text.chars().take(REASON_CHARACTERS_MAX).collect::<String>();
    Failure {
        kind: failure.kind,
        external_id: failure.external_id.clone(),
        name: failure.name.as_deref().map(cut),
        reason: FailureReason::Refused {
            detail: cut(&failure.reason.to_string()),
        },
    }
}

struct ChangeList<'a> {
    lease: &'a Claim,
    changes: &'a [(&'a Key, Option<&'a Listed>)],
}

#[async_trait]
impl Operation for ChangeList<'_> {
    type Outcome = ();

    async fn attempt(&self, unit: &mut Unit) -> Result<(), DirectoryError> {
        self.lease.relied_on(unit).await?;
        for (key, listed) in self.changes {
            match listed {
                Some(listed) => unit.put((*key).clone(), *listed),
                None => unit.delete((*key).clone()),
            }
        }
        Ok(())
    }
}
