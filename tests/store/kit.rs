//! What store tests are made of: an engine to test, keys and values, and disks that count or fail.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use bytes::Bytes;
use tempfile::TempDir;
use usher::store::sled::{Durability, End, OpenError, SledSettings, SledStore};
use usher::store::{Key, MemoryStore, Read, Scan, Store, Versioned};

/// An engine with the folder that it may need.
pub(super) struct Fixture {
    pub(super) store: Arc<dyn Store>,
    _folder: Option<TempDir>,
}

impl Fixture {
    pub(super) fn memory() -> Self {
        Self {
            store: Arc::new(MemoryStore::new()),
            _folder: None,
        }
    }

    pub(super) fn sled() -> Self {
        let folder = folder();
        Self {
            store: Arc::new(SledStore::open(&folder.path().join("store"), settings()).unwrap()),
            _folder: Some(folder),
        }
    }
}

/// A new folder that is removed with its value.
pub(super) fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// A small cache, so that tests read from the disk too; time limits that a busy machine does not meet.
pub(super) fn settings() -> SledSettings {
    SledSettings {
        cache_bytes: 16 * 1024 * 1024,
        stall_after: Duration::from_secs(60),
        abort_after: Duration::from_secs(240),
    }
}

/// Opens a store whose disk the test controls.
pub(super) fn open_on(path: &Path, disk: &Arc<TestDisk>) -> Result<SledStore, OpenError> {
    SledStore::open_with(
        path,
        settings(),
        Arc::clone(disk) as Arc<dyn Durability>,
        Arc::new(Ended::default()),
    )
}

pub(super) fn key(text: &str) -> Key {
    Key::new(text.to_owned())
}

pub(super) fn everything() -> Scan {
    Scan::prefix(&key(""), usize::MAX)
}

/// Every record, read in pages.
pub(super) async fn contents(store: &dyn Store) -> Vec<(Key, Versioned)> {
    let mut all: Vec<(Key, Versioned)> = Vec::new();
    loop {
        let mut scan = everything();
        if let Some((last, _)) = all.last() {
            scan = scan.after(last.clone());
        }
        let page = store.scan(scan).await.unwrap();
        if page.is_empty() {
            return all;
        }
        all.extend(page);
    }
}

pub(super) async fn value_of(store: &dyn Store, name: &str) -> Option<Bytes> {
    store.get(key(name)).await.unwrap().map(|found| found.value)
}

/// Reads from one state, by names.
pub(super) fn gets(names: &[&str]) -> Vec<Read> {
    names.iter().map(|name| Read::Get(key(name))).collect()
}

/// A disk that counts its syncs, and can be told to fail or to hang.
#[derive(Default)]
pub(super) struct TestDisk {
    pub(super) data_syncs: AtomicU64,
    /// Everything that was synced as a whole.
    pub(super) synced: Mutex<BTreeSet<PathBuf>>,
    pub(super) failing: AtomicBool,
    gate: Gate,
}

#[derive(Default)]
struct Gate {
    state: Mutex<GateState>,
    changed: Condvar,
}

#[derive(Default)]
struct GateState {
    shut: bool,
    waiting: usize,
}

impl TestDisk {
    /// Makes every sync of data wait until [`TestDisk::go_on`].
    pub(super) fn hang(&self) {
        self.gate.state.lock().unwrap().shut = true;
    }

    pub(super) fn go_on(&self) {
        self.gate.state.lock().unwrap().shut = false;
        self.gate.changed.notify_all();
    }

    /// Returns once a sync waits.
    pub(super) fn until_hanging(&self) {
        let state = self.gate.state.lock().unwrap();
        drop(self.gate.changed.wait_while(state, |state| state.waiting == 0).unwrap());
    }

    pub(super) fn data_syncs(&self) -> u64 {
        self.data_syncs.load(Ordering::SeqCst)
    }
}

impl Durability for TestDisk {
    fn sync_data(&self, file: &File) -> io::Result<()> {
        self.data_syncs.fetch_add(1, Ordering::SeqCst);
        let mut state = self.gate.state.lock().unwrap();
        state.waiting += 1;
        self.gate.changed.notify_all();
        state = self.gate.changed.wait_while(state, |state| state.shut).unwrap();
        state.waiting -= 1;
        drop(state);
        if self.failing.load(Ordering::SeqCst) {
            return Err(io::Error::other("the disk is gone"));
        }
        file.sync_data()
    }

    fn sync_all(&self, file: &File) -> io::Result<()> {
        let path = std::fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())).unwrap();
        self.synced.lock().unwrap().insert(path);
        file.sync_all()
    }
}

/// Notes what the watchdog would have ended the process for.
#[derive(Default)]
pub(super) struct Ended {
    reason: Mutex<Option<String>>,
    changed: Condvar,
}

impl Ended {
    /// Waits for the end; the test runner's own limit bounds it.
    pub(super) fn reason(&self) -> String {
        let reason = self.reason.lock().unwrap();
        let reason = self.changed.wait_while(reason, |reason| reason.is_none()).unwrap();
        reason.clone().unwrap()
    }
}

impl End for Ended {
    fn end(&self, reason: &str) {
        *self.reason.lock().unwrap() = Some(reason.to_owned());
        self.changed.notify_all();
    }
}
