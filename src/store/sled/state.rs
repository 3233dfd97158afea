//! What the committer, the watchdog and the readers share.

use std::any::Any;
use std::collections::BTreeSet;
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Mutex, RwLock};
use tokio::sync::watch;

use super::committer::Queue;
use super::durability::Durability;
use super::head::{Head, Tally};
use super::open::Opened;
use super::{ENGINE, SledSettings};
use crate::store::{Health, Key, StoreError};

/// Everything that outlives one call.
pub(super) struct Shared {
    pub(super) folder: PathBuf,
    pub(super) settings: SledSettings,
    pub(super) durability: Arc<dyn Durability>,
    /// Our own handle on sled's `db` file, for `fdatasync`.
    pub(super) file: File,
    pub(super) queue: Queue,
    /// Readers share it; the committer has it alone while it applies a group.
    pub(super) applied: RwLock<Applied>,
    /// How far commits are durable.
    pub(super) durable: watch::Sender<Durable>,
    /// One scrub at a time.
    pub(super) scrub_turn: tokio::sync::Mutex<()>,
    /// Where the running scrub is.
    pub(super) scrubbing: Mutex<Option<Scrubbing>>,
    /// When the committer began what it is doing; `None` while it has nothing to do.
    busy_since: Mutex<Option<Instant>>,
    failure: Mutex<Option<String>>,
}

/// The state that reads see.
pub(super) struct Applied {
    /// `None` once the store is closed.
    pub(super) db: Option<::sled::Db>,
    /// Our own lock on the folder; `None` once the store is closed.
    lock: Option<File>,
    pub(super) head: Head,
    /// The keys that the last group changed: not durable before [`Durable::commit`] has reached the head's commit.
    pub(super) in_flight: BTreeSet<Key>,
}

/// How far commits are durable.
#[derive(Debug, Clone, Copy)]
pub(super) struct Durable {
    /// Everything up to this commit is.
    pub(super) commit: u64,
    /// Nothing more ever will be.
    pub(super) failed: bool,
}

/// A scrub reads in steps and commits go on between them, so the committer tells it what it changes behind its back.
pub(super) struct Scrubbing {
    /// The last key that was read; `None` before the first.
    pub(super) read_to: Option<Key>,
    /// What was read, with later changes to it.
    pub(super) tally: Tally,
}

impl Shared {
    pub(super) fn new(opened: Opened, settings: SledSettings, durability: Arc<dyn Durability>) -> Self {
        let durable = Durable {
            commit: opened.head.commit,
            failed: false,
        };
        Self {
            folder: opened.folder,
            settings,
            durability,
            file: opened.file,
            queue: Queue::default(),
            applied: RwLock::new(Applied {
                db: Some(opened.db),
                lock: Some(opened.lock),
                head: opened.head,
                in_flight: BTreeSet::new(),
            }),
            durable: watch::Sender::new(durable),
            scrub_turn: tokio::sync::Mutex::new(()),
            scrubbing: Mutex::new(None),
            busy_since: Mutex::new(None),
            failure: Mutex::new(None),
        }
    }

    /// Runs one step of the committer under the watchdog's eyes.
    pub(super) fn watched<T>(&self, step: impl FnOnce() -> T) -> T {
        *self.busy_since.lock() = Some(Instant::now());
        let outcome = step();
        *self.busy_since.lock() = None;
        outcome
    }

    /// How long the committer's present step has taken; `None` when it has nothing to do.
    pub(super) fn busy_for(&self) -> Option<Duration> {
        self.busy_since.lock().map(|since| since.elapsed())
    }

    /// Rule A7: after this nothing is acknowledged.
    pub(super) fn fail(&self, reason: String) {
        tracing::error!(store.engine = ENGINE, store.folder = %self.folder.display(), "{reason}");
        *self.busy_since.lock() = None;
        self.failure.lock().get_or_insert_with(|| reason.clone());
        self.queue.refuse(reason);
        self.durable.send_modify(|durable| durable.failed = true);
    }

    pub(super) fn health(&self) -> Health {
        if let Some(reason) = self.failure.lock().clone() {
            return Health::Failed { reason };
        }
        if let Some(busy) = self.busy_for()
            && busy >= self.settings.stall_after
        {
            return Health::Stalled {
                stalled_ms: u64::try_from(busy.as_millis()).unwrap_or(u64::MAX),
            };
        }
        if self.queue.is_closed() {
            return Health::Failed {
                reason: StoreError::Closed.to_string(),
            };
        }
        Health::Ready
    }

    /// Lets go of the folder, so that it can be opened again.
    pub(super) fn release(&self) {
        let mut applied = self.applied.write();
        applied.db = None;
        applied.lock = None;
    }
}

impl Applied {
    pub(super) fn db(&self) -> Result<&::sled::Db, StoreError> {
        self.db.as_ref().ok_or(StoreError::Closed)
    }
}

/// This engine's [`StoreError::Unavailable`].
pub(super) fn unavailable(reason: impl Into<String>) -> StoreError {
    StoreError::Unavailable {
        engine: ENGINE,
        reason: reason.into(),
    }
}

/// sled's error while it looked for the key.
pub(super) fn read_error(key: &Key, error: &::sled::Error) -> StoreError {
    match error {
        ::sled::Error::Corruption { .. } | ::sled::Error::ReportableBug(_) => StoreError::Corrupt {
            engine: ENGINE,
            key: key.clone(),
            what: error.to_string(),
        },
        _ => unavailable(format!("reading key {key} failed: {error}")),
    }
}

/// What a panic said.
pub(super) fn panic_message(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("a panic without a message")
}
