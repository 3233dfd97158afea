//! The store contract: an ordered map from byte keys to versioned values, with optimistic atomic commits.
//!
//! This documentation is the specification; `tests/store/` holds the acceptance suite that every engine passes, and a
//! property test that compares random histories on every engine with [`memory`].
//!
//! * [`Store::read`] answers a list of point reads and bounded scans from **one** consistent state: no half commit is ever
//!   visible. One call is one round trip to a network engine, so callers put what they need together.
//! * [`Store::commit`] applies a [`Batch`] all or nothing, and answers only when the change is durable. Every precondition
//!   is judged against the state that the batch is applied to. A failed one names its key and nothing is written.
//! * Each value carries the [`Version`] of the commit that wrote it. A key that is deleted and written again has a new
//!   version; two different values of one key never share a version.
//!
//! Engines know nothing of users, groups or tenants. Keys are made in `directory/keys.rs` only.

pub mod apply;
pub mod batch;
pub mod error;
pub mod memory;
pub mod observed;
pub mod record;
pub mod rehearsal;
pub mod sled;

use async_trait::async_trait;
use bytes::Bytes;

pub use batch::{Batch, Precondition, Write};
pub use error::StoreError;
pub use memory::MemoryStore;
pub use observed::Observed;
pub use record::{Committed, Direction, Found, Health, Key, Read, Scan, Version, Versioned};
pub use rehearsal::Rehearsal;

/// Values above this many bytes are refused with [`StoreError::TooLarge`] (rule A4: sled moves pages that grow too large to
/// files that it never syncs; see [`sled::SEGMENT_BYTES`] before raising this or [`KEY_BYTES_MAX`]).
pub const VALUE_BYTES_MAX: usize = 64 * 1024 - 64;

/// Keys above this many bytes are refused with [`StoreError::TooLarge`].
pub const KEY_BYTES_MAX: usize = 2 * 1024;

/// A batch whose keys and values add up to more than this is refused with [`StoreError::TooLarge`].
pub const BATCH_BYTES_MAX: usize = 4 * 1024 * 1024;

/// A scan answers at most this many entries, whatever its limit says.
pub const SCAN_ENTRIES_MAX: usize = 10_000;

/// One engine. Cheap to share behind an `Arc`; every method may be called from many tasks at once.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// The engine's name in messages and metrics: `memory`, `sled`, `postgres`.
    fn engine(&self) -> &'static str;

    /// Answers every read, in order, from one consistent state: one [`Found`] per [`Read`]. A key that does not exist is
    /// [`Found::Value`]`(None)`, never an error.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] names the key whose checksum is wrong; [`StoreError::Unavailable`]; [`StoreError::Closed`].
    async fn read(&self, reads: Vec<Read>) -> Result<Vec<Found>, StoreError>;

    /// Applies the batch, or nothing of it. Returns when it is durable.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] names the first failed precondition's key: read again and decide again.
    /// [`StoreError::LimitReached`] names the counter that would have passed its bound. [`StoreError::TooLarge`].
    /// [`StoreError::Unavailable`]: the outcome is unknown and the engine has stopped acknowledging (rule A7).
    /// [`StoreError::Closed`].
    async fn commit(&self, batch: Batch) -> Result<Committed, StoreError>;

    /// Whether the engine makes progress; `/readyz` shows it.
    fn health(&self) -> Health;

    /// Reads every record and compares its checksum: the damage found, by key, and how many records were read.
    ///
    /// # Errors
    /// As [`Store::read`], but damage is an answer here and not an error.
    async fn scrub(&self) -> Result<Scrub, StoreError>;

    /// Finishes what is queued, makes it durable and refuses everything after. Idempotent.
    async fn close(&self) -> Result<(), StoreError>;

    /// Reads one key.
    ///
    /// # Errors
    /// As [`Store::read`].
    async fn get(&self, key: Key) -> Result<Option<Versioned>, StoreError> {
        Ok(self.read(vec![Read::Get(key)]).await?.pop().and_then(Found::into_value))
    }

    /// Reads many keys from one state; the answer has the order of the question.
    ///
    /// # Errors
    /// As [`Store::read`].
    async fn get_many(&self, keys: Vec<Key>) -> Result<Vec<Option<Versioned>>, StoreError> {
        let found = self.read(keys.into_iter().map(Read::Get).collect()).await?;
        Ok(found.into_iter().map(Found::into_value).collect())
    }

    /// Reads a range in key order, at most `scan.limit` entries.
    ///
    /// # Errors
    /// As [`Store::read`].
    async fn scan(&self, scan: Scan) -> Result<Vec<(Key, Versioned)>, StoreError> {
        Ok(self
            .read(vec![Read::Scan(scan)])
            .await?
            .pop()
            .map(Found::into_entries)
            .unwrap_or_default())
    }
}

/// What [`Store::scrub`] read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scrub {
    /// Records read.
    pub records: u64,
    /// Keys whose record is damaged, with what is wrong.
    pub damaged: Vec<(Key, String)>,
}

/// A value's bytes; values are JSON documents, counters are decimal text.
pub type Value = Bytes;
