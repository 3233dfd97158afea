//! The unit of work: what an operation read, and what it will write.
//!
//! Every record that a decision relied on becomes a precondition of the commit, so that two doors cannot both win. Events
//! go into the same batch. Retries are in one place, [`super::Directory::run`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Map, Value};

use crate::model::clock::{Clock, Timestamp};
use crate::model::event::{Actor, Event, EventKind};
use crate::model::id::OrganisationId;
use crate::model::record::{self, Record};
use crate::store::{Batch, Key, Precondition, Read, SCAN_ENTRIES_MAX, Scan, Store, StoreError, Versioned};

use super::authorise::Authority;
use super::refusal::Refused;
use super::seat::Missed;
use super::{Correlation, Directory, DirectoryError, Permit, audit, keys};

/// One attempt of an operation.
pub struct Unit {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    settings: Arc<super::settings::Settings>,
    bell: Arc<tokio::sync::Notify>,
    organisation: OrganisationId,
    actor: Actor,
    correlation: Option<Arc<Correlation>>,
    authority: Authority,
    now: Timestamp,
    seen: BTreeMap<Key, Option<Versioned>>,
    relied: BTreeSet<Key>,
    present: BTreeSet<Key>,
    changes: BTreeMap<Key, Option<Bytes>>,
    counts: BTreeMap<Key, (i64, Option<i64>)>,
    events: Vec<Event>,
    /// The seat for which the attempt was refused, if it was.
    pub(super) refused: Option<Refused>,
    /// What becomes of a change that needs a seat which is not free.
    pub(super) missed: Missed,
}

impl Unit {
    pub(super) fn new(directory: &Directory, permit: &Permit) -> Self {
        Self {
            store: Arc::clone(&directory.store),
            clock: Arc::clone(&directory.clock),
            settings: Arc::clone(&directory.settings),
            bell: Arc::clone(&directory.bell),
            organisation: permit.organisation(),
            actor: permit.actor().clone(),
            correlation: permit.correlation().cloned(),
            authority: permit.authority().clone(),
            now: directory.clock.now(),
            seen: BTreeMap::new(),
            relied: BTreeSet::new(),
            present: BTreeSet::new(),
            changes: BTreeMap::new(),
            counts: BTreeMap::new(),
            events: Vec::new(),
            refused: None,
            missed: Missed::default(),
        }
    }

    /// The organisation that is changed.
    #[must_use]
    pub fn organisation(&self) -> OrganisationId {
        self.organisation
    }

    /// Who changes it.
    #[must_use]
    pub fn actor(&self) -> &Actor {
        &self.actor
    }

    /// With whose authority.
    #[must_use]
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// The instant of the change: one for the whole unit.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Identifiers and secrets.
    #[must_use]
    pub fn clock(&self) -> &dyn Clock {
        self.clock.as_ref()
    }

    /// The organisation's settings as last read: roles, licences, connections.
    #[must_use]
    pub fn settings(&self) -> &super::settings::Settings {
        &self.settings
    }

    /// Reads what has not been read yet, in one round trip. Nothing is relied on by that alone.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub async fn fetch(&mut self, keys: impl IntoIterator<Item = Key> + Send) -> Result<(), DirectoryError> {
        let missing: BTreeSet<Key> = keys.into_iter().filter(|key| !self.seen.contains_key(key)).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let reads = missing.iter().cloned().map(Read::Get).collect();
        let found = self.store.read(reads).await?;
        self.seen.extend(
            missing
                .into_iter()
                .zip(found.into_iter().map(crate::store::Found::into_value)),
        );
        Ok(())
    }

    /// The bytes at a key as this unit sees them: its own changes first. The commit relies on them.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub async fn bytes(&mut self, key: &Key) -> Result<Option<Bytes>, DirectoryError> {
        self.relied.insert(key.clone());
        self.glance(key).await
    }

    /// The bytes at a key, without relying on them: another change of them does not stop the commit.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub async fn glance(&mut self, key: &Key) -> Result<Option<Bytes>, DirectoryError> {
        if let Some(changed) = self.changes.get(key) {
            return Ok(changed.clone());
        }
        self.fetch([key.clone()]).await?;
        Ok(self
            .seen
            .get(key)
            .and_then(Option::as_ref)
            .map(|versioned| versioned.value.clone()))
    }

    /// A record that the decision relies on; also its absence is relied on.
    ///
    /// # Errors
    /// As [`Store::read`]; [`DirectoryError::Corrupt`] when the record cannot be read.
    pub async fn find<R: Record>(&mut self, key: &Key) -> Result<Option<R>, DirectoryError> {
        Ok(self.bytes(key).await?.map(|bytes| record::decode(&bytes)).transpose()?)
    }

    /// A record that only its existence is relied on: it may change, but not vanish.
    ///
    /// # Errors
    /// As [`Unit::find`].
    pub async fn find_present<R: Record>(&mut self, key: &Key) -> Result<Option<R>, DirectoryError> {
        let found = self.glance(key).await?;
        if self.changes.contains_key(key) {
            // What this unit writes itself is not in the store yet.
        } else if found.is_some() {
            self.present.insert(key.clone());
        } else {
            self.relied.insert(key.clone());
        }
        Ok(found.map(|bytes| record::decode(&bytes)).transpose()?)
    }

    /// A counter's value, without relying on it.
    ///
    /// # Errors
    /// As [`Store::read`]; [`DirectoryError::Corrupt`] when it is not a number.
    pub async fn counter(&mut self, key: &Key) -> Result<i64, DirectoryError> {
        let stored = self.glance(key).await?;
        let stored = stored.as_deref().map_or(Ok(0), |bytes| parse_counter(key, bytes))?;
        Ok(stored + self.counts.get(key).map_or(0, |(delta, _)| *delta))
    }

    /// Reads a range. What is found is a hint: rely on the records behind it.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub async fn scan(&self, scan: Scan) -> Result<Vec<(Key, Versioned)>, DirectoryError> {
        Ok(self.store.scan(scan).await?)
    }

    /// The keys under a prefix that this unit has changed, each with whether it is there afterwards.
    pub(super) fn changed_under(&self, prefix: &Key) -> impl Iterator<Item = (&Key, bool)> {
        let prefix = prefix.as_bytes().to_vec();
        self.changes
            .range(Key::new(prefix.clone())..)
            .take_while(move |(key, _)| key.as_bytes().starts_with(&prefix))
            .map(|(key, change)| (key, change.is_some()))
    }

    /// Stores a record.
    pub fn put<R: Record>(&mut self, key: Key, record: &R) {
        self.changes.insert(key, Some(record::encode(record).into()));
    }

    /// Stores bytes that are not a record: an index entry.
    pub fn put_bytes(&mut self, key: Key, bytes: impl Into<Bytes>) {
        self.changes.insert(key, Some(bytes.into()));
    }

    /// Removes a key.
    pub fn delete(&mut self, key: Key) {
        self.changes.insert(key, None);
    }

    /// Adds to a counter; `max` bounds an increase. Several additions to one counter add up.
    pub fn count(&mut self, key: Key, delta: i64, max: Option<i64>) {
        let entry = self.counts.entry(key).or_insert((0, None));
        entry.0 += delta;
        entry.1 = match (entry.1, max) {
            (Some(a), Some(b)) => Some(a.max(b)),
            (a, b) => a.or(b),
        };
    }

    /// Appends an event to the organisation's log, in the same commit.
    pub fn event(&mut self, kind: EventKind, subject: impl ToString, data: Value) {
        let data = match data {
            Value::Object(data) => data,
            _ => Map::new(),
        };
        self.events.push(Event {
            at: self.now,
            kind,
            actor: self.actor.clone(),
            subject: subject.to_string(),
            data,
        });
    }

    /// Whether there is nothing to write.
    #[must_use]
    pub fn is_unchanged(&self) -> bool {
        self.changes.is_empty() && self.counts.values().all(|(delta, _)| *delta == 0) && self.events.is_empty()
    }

    /// Commits, unless there is nothing to write.
    pub(super) async fn commit(self) -> Result<(), StoreError> {
        if self.is_unchanged() {
            return Ok(());
        }
        let settings_changed = self.changes.keys().any(keys::is_settings);
        let groups_changed = self.changes.keys().any(keys::is_group);
        let bell = self
            .changes
            .keys()
            .any(keys::mail::is_timed)
            .then(|| Arc::clone(&self.bell));
        let organisation = self.organisation;
        let (store, settings) = (Arc::clone(&self.store), Arc::clone(&self.settings));
        let batch = self.into_batch();
        if !settings_changed && !groups_changed {
            let result = store.commit(batch).await.map(|_| ());
            if let (Ok(()), Some(bell)) = (&result, bell) {
                bell.notify_one();
            }
            return result;
        }
        // A task of its own: whoever asked may hang up while the store commits, and what changed must be forgotten all
        // the same. A revoked token would go on working otherwise.
        let committing = tokio::spawn(async move {
            let result = store.commit(batch).await;
            if settings_changed {
                settings.forget(organisation);
            }
            if groups_changed {
                settings.forget_group_names();
            }
            if let (Ok(_), Some(bell)) = (&result, bell) {
                bell.notify_one();
            }
            result.map(|_| ())
        });
        committing.await.unwrap_or_else(|error| {
            Err(StoreError::Unavailable {
                engine: "directory",
                reason: format!("the commit was broken off: {error}"),
            })
        })
    }

    /// What changed, for the audit log: it is written with the change itself, or not at all.
    fn audit(&self) -> Vec<(Key, Vec<u8>)> {
        let commit = audit::Commit {
            organisation: self.organisation,
            actor: &self.actor,
            request: self
                .correlation
                .as_ref()
                .and_then(|correlation| correlation.request.as_deref()),
            settings: self.settings.known(self.organisation),
            now: self.now,
        };
        let changes = self.changes.iter().map(|(key, after)| audit::Written {
            key,
            before: self
                .seen
                .get(key)
                .and_then(Option::as_ref)
                .map(|versioned| versioned.value.as_ref()),
            after: after.as_deref(),
        });
        commit.entries(changes, self.clock.as_ref())
    }

    fn into_batch(self) -> Batch {
        let mut batch = Batch::new();
        for (key, entry) in self.audit() {
            batch.put(key, entry);
        }
        if let Some((key, done)) = self
            .correlation
            .as_ref()
            .and_then(|correlation| correlation.done.clone())
        {
            batch.put(key, done);
        }
        for key in self.relied {
            match self.seen.get(&key) {
                Some(Some(versioned)) => batch.require(Precondition::AtVersion(key, versioned.version)),
                Some(None) => batch.require(Precondition::Absent(key)),
                // The unit wrote the key before it read it: its own change was seen, nothing stored was relied on.
                None => &mut batch,
            };
        }
        for key in self.present {
            batch.require(Precondition::Present(key));
        }
        for (key, change) in self.changes {
            match change {
                Some(value) => batch.put(key, value),
                None => batch.delete(key),
            };
        }
        for (key, (delta, max)) in self.counts {
            match max {
                _ if delta == 0 => &mut batch,
                Some(max) if delta > 0 => batch.count_within(key, delta, max),
                _ => batch.count(key, delta),
            };
        }
        let log = keys::events(self.organisation);
        for event in &self.events {
            batch.append(log.clone(), record::encode(event));
        }
        batch
    }

    /// The first key under a prefix as this unit leaves it so far, but for those of `passed`. A hint, like every scan.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub(super) async fn first_under(
        &self,
        prefix: &Key,
        passed: &BTreeSet<Key>,
    ) -> Result<Option<Key>, DirectoryError> {
        let mut hidden = passed.clone();
        let mut own = None;
        for (key, is_there) in self.changed_under(prefix) {
            if !is_there {
                hidden.insert(key.clone());
            } else if own.is_none() && !passed.contains(key) {
                own = Some(key.clone());
            }
        }
        // One entry more than are hidden: then one that is not hidden is among them, if there is one.
        let mut scan = Scan::prefix(prefix, (hidden.len() + 1).min(SCAN_ENTRIES_MAX));
        loop {
            let entries = self.scan(scan.clone()).await?;
            let Some((last, _)) = entries.last() else {
                return Ok(own);
            };
            scan = scan.after(last.clone());
            if let Some((first, _)) = entries.into_iter().find(|(key, _)| !hidden.contains(key)) {
                return Ok(own.into_iter().chain([first]).min());
            }
        }
    }
}

/// A counter's number.
///
/// # Errors
/// [`DirectoryError::Corrupt`] when it is not one.
pub fn parse_counter(key: &Key, bytes: &[u8]) -> Result<i64, DirectoryError> {
    std::str::from_utf8(bytes)
        .ok()
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| DirectoryError::Corrupt(format!("counter {key} is not a number")))
}
