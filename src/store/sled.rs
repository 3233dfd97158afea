//! The embedded engine: one sled tree in one folder, written by one committer.
//!
//! sled 0.34.7 is fast and keeps its promises only when it is driven in a certain way. This engine is that way, and
//! `tests/store/sled/` and `tests/powercut/` hold one proof per rule:
//!
//! 1. sled's `flush` does not reach the disk's platter on Linux (it issues `sync_file_range`), so every group of commits is
//!    followed by our own `fdatasync` on the `db` file before anything is acknowledged. What sled makes when it opens
//!    (its settings, its snapshot, the folder and the folder above) is synced before the first acknowledgement.
//! 2. One committer thread and one queue ([`committer`]); `flush_async` and the background flusher are never used.
//! 3. Little is ever unflushed: a group ends at [`committer::GROUP_COMMITS_MAX`] commits or
//!    [`committer::GROUP_BYTES_MAX`] bytes. The [`watchdog`] ends the process when a group makes no progress.
//! 4. No page of the tree may grow beyond a quarter of a segment, because sled would move it to a file that it never syncs.
//!    A leaf holds 16 records whatever their size, so [`SEGMENT_BYTES`] is large enough for the largest values and keys.
//! 5. A group is applied under a lock that readers share, so a read of many keys sees one state. A read that touches what is
//!    applied but not yet durable waits until it is: nobody sees what a power cut could take back.
//! 6. Every record has a checksum ([`envelope`]); the [`head`] counts the records and sums their checksums; the
//!    [`watermark`] outside the tree tells a store that lost its end. Opening runs where a panic becomes a message
//!    ([`open`]).
//! 7. After any error of the disk nothing is acknowledged any more.
//! 8. One tree: organisations are key prefixes.

pub mod committer;
pub mod create;
pub mod durability;
pub mod envelope;
mod group;
pub mod head;
pub mod open;
mod read;
mod scrub;
pub mod settings;
mod state;
pub mod watchdog;
pub mod watermark;

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::{Batch, Committed, Found, Health, Read, Scrub, Store, StoreError};
use committer::{Committer, Job};
pub use durability::{Disk, Durability, End, ExitProcess};
pub use open::OpenError;
pub use settings::SledSettings;
use state::Shared;
use watchdog::Watchdog;

/// The engine's name in messages.
pub const ENGINE: &str = "sled";

/// The size of a segment of sled's log. A page above a quarter of it leaves the log for a file that is never synced: a leaf of
/// 16 records with the largest keys and values is 1.1 MiB, an inner page of 256 keys 0.6 MiB. Fixed for the life of a
/// store. The price is space: the file grows to about four times the live data and a dozen segments.
pub const SEGMENT_BYTES: usize = 8 * 1024 * 1024;

/// A store in a folder of this machine. One process holds it at a time.
pub struct SledStore {
    shared: Arc<Shared>,
    threads: Mutex<Option<(Committer, Watchdog)>>,
}

impl SledStore {
    /// Opens the store in the folder, and makes it when there is none.
    ///
    /// # Errors
    /// [`OpenError`]: each message names the folder and the cure.
    pub fn open(path: &Path, settings: SledSettings) -> Result<Self, OpenError> {
        Self::open_with(path, settings, Arc::new(Disk), Arc::new(ExitProcess))
    }

    /// Opens the store with another way to sync and to end, so that tests can count and break both.
    ///
    /// # Errors
    /// As [`SledStore::open`].
    pub fn open_with(
        path: &Path,
        settings: SledSettings,
        durability: Arc<dyn Durability>,
        end: Arc<dyn End>,
    ) -> Result<Self, OpenError> {
        let opened = open::open(path, &settings, durability.as_ref())?;
        let shared = Arc::new(Shared::new(opened, settings, durability));
        let start = |source| OpenError::Io {
            path: path.to_owned(),
            source,
        };
        let committer = Committer::start(Arc::clone(&shared)).map_err(start)?;
        let watchdog = Watchdog::start(Arc::clone(&shared), end).map_err(start)?;
        Ok(Self {
            shared,
            threads: Mutex::new(Some((committer, watchdog))),
        })
    }
}

#[async_trait]
impl Store for SledStore {
    fn engine(&self) -> &'static str {
        ENGINE
    }

    async fn read(&self, reads: Vec<Read>) -> Result<Vec<Found>, StoreError> {
        read::read(&self.shared, reads).await
    }

    async fn commit(&self, batch: Batch) -> Result<Committed, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.shared.queue.push(Job { batch, answer })?;
        answered
            .await
            .unwrap_or_else(|_| Err(state::unavailable("the committer ended before it answered")))
    }

    fn health(&self) -> Health {
        self.shared.health()
    }

    async fn scrub(&self) -> Result<Scrub, StoreError> {
        scrub::scrub(&self.shared).await
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.shared.queue.close();
        let Some(threads) = self.threads.lock().take() else {
            return Ok(());
        };
        let shared = Arc::clone(&self.shared);
        tokio::task::spawn_blocking(move || stop(&shared, threads))
            .await
            .map_err(|gone| state::unavailable(format!("closing was broken off: {gone}")))
    }
}

/// A store that is dropped without [`Store::close`] finishes its queue as well.
impl Drop for SledStore {
    fn drop(&mut self) {
        self.shared.queue.close();
        if let Some(threads) = self.threads.lock().take() {
            stop(&self.shared, threads);
        }
    }
}

/// The watchdog ends last: it still watches over the last group, and over sled's own end.
fn stop(shared: &Shared, (committer, watchdog): (Committer, Watchdog)) {
    committer.join();
    shared.watched(|| shared.release());
    watchdog.join();
}
