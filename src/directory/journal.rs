//! The request journal of each connection: what its client asked, how it was answered, what was tolerated or refused and
//! why. Support asks for it first.
//!
//! Requests do not wait for it: entries are kept in memory and written together, a second later. A crash loses that second,
//! and when entries come faster than they can be written the oldest unwritten ones are dropped. The journal is no record of
//! changes: those are the event log, which is part of each commit. An entry holds no secret and no value of a person.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::model::clock::Timestamp;
use crate::model::id::OrganisationId;
use crate::model::record::{self, Record};
use crate::model::slug::Slug;
use crate::store::{Batch, Key, SCAN_ENTRIES_MAX, Scan, Store, StoreError};

use super::stretch::Stretch;
use super::{Directory, DirectoryError, keys};

/// One request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JournalEntry {
    /// When it was answered.
    pub at: Timestamp,
    /// GET, POST, PUT, PATCH or DELETE.
    pub method: String,
    /// The route's pattern, such as `/Users/{id}`: never the path itself.
    pub path: String,
    /// The HTTP status.
    pub status: u16,
    /// Milliseconds from the request to the answer.
    pub duration_ms: u64,
    /// What was tolerated, or left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub normalised: Vec<Normalisation>,
    /// Why it was refused, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<Refusal>,
}

/// One rule that read a request as it was meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Normalisation {
    /// Its stable word, for counting.
    pub rule: String,
    /// Where, and how it was read.
    pub what: String,
}

/// Why a request was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refusal {
    /// The keyword of RFC 7644 s3.12.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scim_type: Option<String>,
    /// The detail as the client saw it, with values masked.
    pub detail: String,
}

impl Record for JournalEntry {
    const KIND: &'static str = "journal entry";
}

/// Entries that wait to be written, at most.
const WAITING_MAX: usize = 10_000;
/// Entries in one commit.
const ENTRIES_IN_A_COMMIT: usize = 500;
/// How long entries wait for company.
const PAUSE: Duration = Duration::from_secs(1);

/// The entries that are not written yet.
#[derive(Default)]
pub struct Journal {
    waiting: Mutex<Waiting>,
    /// How many entries each connection has in the store, once counted. Held by whoever writes: one at a time.
    stored: tokio::sync::Mutex<HashMap<Source, usize>>,
}

#[derive(Default)]
struct Waiting {
    entries: VecDeque<Noted>,
    is_scheduled: bool,
    dropped: u64,
}

type Source = (OrganisationId, Slug);

struct Noted {
    source: Source,
    id: Uuid,
    entry: JournalEntry,
    keep: usize,
}

impl Directory {
    /// Notes a request of a connection. At most `keep` entries of the connection are kept, the newest; 0 notes nothing.
    pub fn note_request(&self, organisation: OrganisationId, connection: &Slug, entry: JournalEntry, keep: usize) {
        if keep == 0 {
            return;
        }
        let noted = Noted {
            source: (organisation, connection.clone()),
            id: self.clock.uuid(),
            entry,
            keep,
        };
        let mut waiting = self.journal.waiting.lock();
        if waiting.entries.len() >= WAITING_MAX {
            waiting.entries.pop_front();
            waiting.dropped += 1;
        }
        waiting.entries.push_back(noted);
        if !std::mem::replace(&mut waiting.is_scheduled, true) {
            drop(waiting);
            let journal = Arc::clone(&self.journal);
            // A store that is closed meanwhile is not kept alive for its journal.
            let store = Arc::downgrade(&self.store);
            tokio::spawn(async move {
                tokio::time::sleep(PAUSE).await;
                if let Some(store) = store.upgrade()
                    && let Err(error) = journal.write(store.as_ref()).await
                {
                    tracing::warn!(%error, "entries of request journals could not be written and are lost");
                }
            });
        }
    }

    /// Writes what waits, now.
    ///
    /// # Errors
    /// As the store's commit; the entries are lost then.
    pub async fn flush_journal(&self) -> Result<(), DirectoryError> {
        Ok(self.journal.write(self.store.as_ref()).await?)
    }

    /// The journal of a connection, newest first, older than entry `before`.
    ///
    /// # Errors
    /// As the store's read.
    pub async fn list_journal(
        &self,
        organisation: OrganisationId,
        connection: &Slug,
        along: impl Into<Stretch<Uuid>> + Send,
        limit: usize,
    ) -> Result<Vec<(Uuid, JournalEntry)>, DirectoryError> {
        let prefix = keys::journal(organisation, connection);
        let along = along.into().reversed();
        let scan = along.scan(&prefix, limit, |id| keys::journal_entry(organisation, connection, id));
        let entries = self.store.scan(scan).await?;
        entries
            .iter()
            .filter_map(|(key, stored)| Some((keys::last_uuid(key)?, stored)))
            .map(|(id, stored)| Ok((id, record::decode(&stored.value)?)))
            .collect()
    }
}

impl Journal {
    /// Writes what waits and deletes what is too old.
    async fn write(&self, store: &dyn Store) -> Result<(), StoreError> {
        let mut stored = self.stored.lock().await;
        let (entries, dropped) = {
            let mut waiting = self.waiting.lock();
            waiting.is_scheduled = false;
            (
                std::mem::take(&mut waiting.entries),
                std::mem::take(&mut waiting.dropped),
            )
        };
        if dropped > 0 {
            tracing::warn!(dropped, "entries of request journals came too fast and were dropped");
        }
        let mut bounds: BTreeMap<Source, usize> = BTreeMap::new();
        for noted in &entries {
            bounds.insert(noted.source.clone(), noted.keep);
        }
        for source in bounds.keys() {
            if !stored.contains_key(source) {
                stored.insert(source.clone(), count(store, source).await?);
            }
        }
        let mut entries = entries.into_iter().peekable();
        while entries.peek().is_some() {
            let mut batch = Batch::new();
            for noted in entries.by_ref().take(ENTRIES_IN_A_COMMIT) {
                let (organisation, connection) = &noted.source;
                let key = keys::journal_entry(*organisation, connection, noted.id);
                batch.put(key, record::encode(&noted.entry));
                *stored.entry(noted.source).or_default() += 1;
            }
            store.commit(batch).await?;
        }
        for (source, keep) in bounds {
            let known = stored.entry(source.clone()).or_default();
            while *known > keep {
                let gone = trim(store, &source, *known - keep).await?;
                // Another node may have deleted them first.
                *known = if gone == 0 { keep } else { known.saturating_sub(gone) };
            }
        }
        Ok(())
    }
}

async fn count(store: &dyn Store, (organisation, connection): &Source) -> Result<usize, StoreError> {
    let mut scan = Scan::prefix(&keys::journal(*organisation, connection), SCAN_ENTRIES_MAX);
    let mut counted = 0;
    loop {
        let entries = store.scan(scan.clone()).await?;
        counted += entries.len();
        match entries.last() {
            Some((last, _)) => scan = scan.after(last.clone()),
            None => return Ok(counted),
        }
    }
}

/// Deletes the oldest entries; how many were there.
async fn trim(store: &dyn Store, (organisation, connection): &Source, many: usize) -> Result<usize, StoreError> {
    let oldest = Scan::prefix(&keys::journal(*organisation, connection), many.min(ENTRIES_IN_A_COMMIT));
    let oldest: Vec<Key> = store.scan(oldest).await?.into_iter().map(|(key, _)| key).collect();
    if oldest.is_empty() {
        return Ok(0);
    }
    let gone = oldest.len();
    let mut batch = Batch::new();
    for key in oldest {
        batch.delete(key);
    }
    store.commit(batch).await?;
    Ok(gone)
}
