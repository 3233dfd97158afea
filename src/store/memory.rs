//! The memory engine: the reference that every other engine is compared with, and the fastest one for tests.
//!
//! It keeps nothing when the process ends. Differences between it and the contract are bugs.

use std::collections::BTreeMap;

use async_trait::async_trait;
use parking_lot::RwLock;

use super::apply::{View, judge};
use super::{
    Batch, Committed, Direction, Found, Health, Key, Read, SCAN_ENTRIES_MAX, Scan, Scrub, Store, StoreError, Version,
    Versioned,
};

/// An ordered map under one lock: reads share it, a commit has it alone.
#[derive(Debug, Default)]
pub struct MemoryStore {
    state: RwLock<State>,
}

#[derive(Debug, Default)]
struct State {
    records: BTreeMap<Key, Versioned>,
    last_commit: u64,
    closed: bool,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

#[async_trait]
impl Store for MemoryStore {
    fn engine(&self) -> &'static str {
        "memory"
    }

    async fn read(&self, reads: Vec<Read>) -> Result<Vec<Found>, StoreError> {
        let state = self.state.read();
        state.check_open()?;
        Ok(reads.iter().map(|read| state.find(read)).collect())
    }

    async fn commit(&self, batch: Batch) -> Result<Committed, StoreError> {
        let mut state = self.state.write();
        state.check_open()?;
        let judged = judge(&batch, &*state)?;
        state.last_commit += 1;
        let version = Version(state.last_commit);
        for (key, value) in judged.changes {
            match value {
                Some(value) => state.records.insert(key, Versioned { value, version }),
                None => state.records.remove(&key),
            };
        }
        Ok(Committed {
            version,
            appended: judged.appended,
        })
    }

    fn health(&self) -> Health {
        match self.state.read().check_open() {
            Ok(()) => Health::Ready,
            Err(closed) => Health::Failed {
                reason: closed.to_string(),
            },
        }
    }

    async fn scrub(&self) -> Result<Scrub, StoreError> {
        let state = self.state.read();
        state.check_open()?;
        Ok(Scrub {
            records: state.records.len() as u64,
            damaged: Vec::new(),
        })
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.state.write().closed = true;
        Ok(())
    }
}

impl State {
    fn check_open(&self) -> Result<(), StoreError> {
        if self.closed {
            return Err(StoreError::Closed);
        }
        Ok(())
    }

    fn find(&self, read: &Read) -> Found {
        match read {
            Read::Get(key) => Found::Value(self.records.get(key).cloned()),
            Read::Scan(scan) => Found::Entries(self.scan(scan)),
        }
    }

    fn scan(&self, scan: &Scan) -> Vec<(Key, Versioned)> {
        let Some(range) = scan.range() else { return Vec::new() };
        let limit = scan.limit.min(SCAN_ENTRIES_MAX);
        let entries = self
            .records
            .range(range)
            .map(|(key, found)| (key.clone(), found.clone()));
        match scan.direction {
            Direction::Forward => entries.take(limit).collect(),
            Direction::Backward => entries.rev().take(limit).collect(),
        }
    }
}

impl View for State {
    fn engine(&self) -> &'static str {
        "memory"
    }

    fn look(&self, key: &Key) -> Result<Option<Versioned>, StoreError> {
        Ok(self.records.get(key).cloned())
    }
}
