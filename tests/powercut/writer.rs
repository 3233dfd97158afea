//! The process whose power is cut: what it writes, and how to tell whether all of it is there.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::Arc;

use futures_util::future::join_all;
use usher::store::apply::entry_key;
use usher::store::sled::{Disk, Durability, ExitProcess, SledSettings, SledStore};
use usher::store::{Batch, Health, Key, Scan, Store, StoreError};

/// The variable that makes the child process write, and where.
pub(super) const FOLDER: &str = "USHER_POWERCUT_FOLDER";
/// The variable that says which disk the child has.
pub(super) const DISKS: &str = "USHER_POWERCUT_DISK";
/// The file, beside the store, that holds one line per acknowledgement: writer and number.
pub(super) const ACKS: &str = "acks";

const WRITERS: u64 = 4;
const COMMITS_EACH: u64 = 240;
/// How often the store is closed and opened again on the way.
const LIVES: u64 = 3;
/// Acknowledgements in a whole trace.
pub(super) const COMMITS: u64 = WRITERS * COMMITS_EACH;
/// Each writer overwrites this many records in turn.
const SLOTS: u64 = 40;
/// Each writer keeps this many index keys and deletes older ones.
const INDEX: u64 = 15;

/// What kind of disk the child has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Disks {
    /// One that does what it is told.
    Synced,
    /// One that the engine's own syncs of data do not reach.
    Unsynced,
    /// One that is full before the work is done.
    Full,
}

impl Disks {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Synced => "synced",
            Self::Unsynced => "unsynced",
            Self::Full => "full",
        }
    }
}

/// Leaves the syncing of data to sled.
struct LeftToSled;

impl Durability for LeftToSled {
    fn sync_data(&self, _: &File) -> io::Result<()> {
        Ok(())
    }

    fn sync_all(&self, file: &File) -> io::Result<()> {
        file.sync_all()
    }
}

pub(super) fn settings() -> SledSettings {
    SledSettings {
        cache_bytes: 16 * 1024 * 1024,
        ..SledSettings::default()
    }
}

/// Does nothing in an ordinary run: this is the child that the power cut tests start from this same program.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_child_process_writes_when_it_is_told_to() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let folder = Path::new(&folder);
    let disks = std::env::var(DISKS).unwrap();
    let durability: Arc<dyn Durability> = if disks == Disks::Unsynced.as_str() {
        Arc::new(LeftToSled)
    } else {
        Arc::new(Disk)
    };
    for life in 0..LIVES {
        let path = folder.join("store");
        let store = SledStore::open_with(&path, settings(), Arc::clone(&durability), Arc::new(ExitProcess)).unwrap();
        let acks = OpenOptions::new()
            .create(true)
            .append(true)
            .open(folder.join(ACKS))
            .unwrap();
        let numbers = life * COMMITS_EACH / LIVES + 1..=(life + 1) * COMMITS_EACH / LIVES;
        let outcomes = join_all((0..WRITERS).map(|writer| write(&store, &acks, writer, numbers.clone()))).await;
        let refused = outcomes.into_iter().filter_map(Result::err).next();
        if disks == Disks::Full.as_str() && refused.is_some() {
            return expect_failed(&store).await;
        }
        assert!(refused.is_none(), "{refused:?}");
        store.close().await.unwrap();
    }
    assert_ne!(disks, Disks::Full.as_str(), "the disk was never full");
}

/// A disk that was full once: the engine says so and acknowledges nothing more, even if there were room again.
async fn expect_failed(store: &SledStore) {
    let late = store.commit(Batch::new()).await;
    assert!(matches!(late, Err(StoreError::Unavailable { .. })), "{late:?}");
    match store.health() {
        Health::Failed { reason } => assert!(reason.contains("has room"), "{reason}"),
        other => panic!("expected a failed store, got {other:?}"),
    }
    store.close().await.unwrap();
}

async fn write(store: &SledStore, acks: &File, writer: u64, numbers: RangeInclusive<u64>) -> Result<(), StoreError> {
    for number in numbers {
        store.commit(commit(writer, number)).await?;
        let mut acks = acks;
        acks.write_all(format!("{writer} {number}\n").as_bytes()).unwrap();
    }
    Ok(())
}

/// The writer's commit of this number: a record, an index key, an old index key less, a log entry and a counter.
pub(super) fn commit(writer: u64, number: u64) -> Batch {
    let mut batch = Batch::new();
    batch.put(record_key(writer, number % SLOTS), payload(writer, number));
    batch.put(index_key(writer, number), number.to_string());
    if number > INDEX {
        batch.delete(index_key(writer, number - INDEX));
    }
    batch.append(log_key(writer), payload(number, writer));
    batch.count(count_key(writer), 1);
    batch
}

/// Whether the store holds every acknowledged commit, and for each writer exactly what a whole number of its commits leaves.
/// Answers that number, by writer.
pub(super) async fn verify(store: &dyn Store, acks: &BTreeMap<u64, u64>) -> Result<BTreeMap<u64, u64>, String> {
    let mut numbers = BTreeMap::new();
    for writer in 0..WRITERS {
        let acknowledged = acks.get(&writer).copied().unwrap_or(0);
        let counter = store.get(count_key(writer)).await.map_err(|error| error.to_string())?;
        let done: u64 = counter.map_or(0, |found| String::from_utf8_lossy(&found.value).parse().unwrap());
        if done < acknowledged {
            return Err(format!(
                "writer {writer}: commit {acknowledged} was acknowledged, the store ends at {done}"
            ));
        }
        if done > acknowledged + 1 {
            return Err(format!(
                "writer {writer}: only {acknowledged} was acknowledged, the store has {done}"
            ));
        }
        numbers.insert(writer, done);
        let found = under(store, &format!("{writer}/")).await?;
        let expected = expected(writer, done);
        if found != expected {
            let differing = expected
                .iter()
                .filter(|(key, value)| found.get(*key) != Some(*value))
                .count();
            return Err(format!(
                "writer {writer} at {done}: {differing} of {} records differ, {} are there",
                expected.len(),
                found.len()
            ));
        }
    }
    let scrub = store.scrub().await.map_err(|error| error.to_string())?;
    match scrub.damaged.first() {
        None => Ok(numbers),
        Some((key, what)) => Err(format!("scrub: {key}: {what}")),
    }
}

async fn under(store: &dyn Store, prefix: &str) -> Result<BTreeMap<Key, Vec<u8>>, String> {
    let scan = Scan::prefix(&Key::new(prefix.to_owned()), usize::MAX);
    let found = store.scan(scan).await.map_err(|error| error.to_string())?;
    Ok(found
        .into_iter()
        .map(|(key, found)| (key, found.value.to_vec()))
        .collect())
}

fn expected(writer: u64, done: u64) -> BTreeMap<Key, Vec<u8>> {
    let mut records = BTreeMap::new();
    for number in 1..=done {
        records.insert(record_key(writer, number % SLOTS), payload(writer, number));
        records.insert(entry_key(&log_key(writer), number), payload(number, writer));
    }
    for number in (done.saturating_sub(INDEX - 1)).max(1)..=done {
        records.insert(index_key(writer, number), number.to_string().into_bytes());
    }
    if done > 0 {
        records.insert(count_key(writer), done.to_string().into_bytes());
        records.insert(log_key(writer), done.to_string().into_bytes());
    }
    records
}

fn record_key(writer: u64, slot: u64) -> Key {
    Key::new(format!("{writer}/record/{slot:04}"))
}

fn index_key(writer: u64, number: u64) -> Key {
    Key::new(format!("{writer}/index/{number:06}"))
}

fn log_key(writer: u64) -> Key {
    Key::new(format!("{writer}/log/"))
}

fn count_key(writer: u64) -> Key {
    Key::new(format!("{writer}/count"))
}

/// Bytes that two numbers decide: mostly one or two KiB, sometimes up to the largest value.
fn payload(a: u64, b: u64) -> Vec<u8> {
    let mut state = (a << 32 | b).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        // xorshift64: any cheap and repeatable row of bytes will do
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let length = match next() % 40 {
        0 => usher::store::VALUE_BYTES_MAX,
        1 => 4_096,
        2 => 1,
        _ => 200 + (next() % 2_000) as usize,
    };
    (0..length).map(|_| next().to_be_bytes()[0]).collect()
}
