//! A decorator that counts round trips: tests hold a use case to its budget with it, and metrics report it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;

use super::{Batch, Committed, Found, Health, Read, Scrub, Store, StoreError};

/// Counts what passes through it to the engine behind; it changes nothing.
pub struct Observed<S: Store + ?Sized = dyn Store> {
    counters: Counters,
    engine: Arc<S>,
}

/// How often an engine was called. Every number only grows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Report {
    /// Calls of [`Store::read`]: each is one round trip, however many keys it asks for.
    pub reads: u64,
    /// Keys and ranges that those calls asked for.
    pub questions: u64,
    /// Calls of [`Store::commit`], whatever the answer was.
    pub commits: u64,
    /// Commits that were answered with [`StoreError::Conflict`].
    pub conflicts: u64,
    /// Reads and commits that failed for another reason than a conflict or a bound.
    pub failures: u64,
}

#[derive(Debug, Default)]
struct Counters {
    reads: AtomicU64,
    questions: AtomicU64,
    commits: AtomicU64,
    conflicts: AtomicU64,
    failures: AtomicU64,
}

impl<S: Store + ?Sized> Observed<S> {
    /// Stands in front of the engine, with all counters at 0.
    #[must_use]
    pub fn new(engine: Arc<S>) -> Self {
        Self {
            counters: Counters::default(),
            engine,
        }
    }

    /// The counters now.
    #[must_use]
    pub fn report(&self) -> Report {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Report {
            reads: load(&self.counters.reads),
            questions: load(&self.counters.questions),
            commits: load(&self.counters.commits),
            conflicts: load(&self.counters.conflicts),
            failures: load(&self.counters.failures),
        }
    }

    fn note(&self, error: &StoreError) {
        match error {
            StoreError::Conflict { .. } => count(&self.counters.conflicts, 1),
            StoreError::LimitReached { .. } | StoreError::TooLarge { .. } => {}
            StoreError::Corrupt { .. } | StoreError::Unavailable { .. } | StoreError::Closed => {
                count(&self.counters.failures, 1);
            }
        }
    }
}

impl Report {
    /// Reads and commits together: what a network engine would have to be asked.
    #[must_use]
    pub fn round_trips(&self) -> u64 {
        self.reads + self.commits
    }

    /// What was added since an earlier report of the same store.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            reads: self.reads - earlier.reads,
            questions: self.questions - earlier.questions,
            commits: self.commits - earlier.commits,
            conflicts: self.conflicts - earlier.conflicts,
            failures: self.failures - earlier.failures,
        }
    }
}

#[async_trait]
impl<S: Store + ?Sized> Store for Observed<S> {
    fn engine(&self) -> &'static str {
        self.engine.engine()
    }

    async fn read(&self, reads: Vec<Read>) -> Result<Vec<Found>, StoreError> {
        count(&self.counters.reads, 1);
        count(&self.counters.questions, reads.len() as u64);
        self.engine.read(reads).await.inspect_err(|error| self.note(error))
    }

    async fn commit(&self, batch: Batch) -> Result<Committed, StoreError> {
        count(&self.counters.commits, 1);
        self.engine.commit(batch).await.inspect_err(|error| self.note(error))
    }

    fn health(&self) -> Health {
        self.engine.health()
    }

    async fn scrub(&self) -> Result<Scrub, StoreError> {
        self.engine.scrub().await
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.engine.close().await
    }
}

fn count(counter: &AtomicU64, by: u64) {
    counter.fetch_add(by, Ordering::Relaxed);
}
