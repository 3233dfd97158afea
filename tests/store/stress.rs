//! A million operations from many tasks at once, under a limit that turns a hang into a failure.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::path::Path;
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use usher::store::sled::SledStore;
use usher::store::{Batch, Key, Read, Scan, Store};

use super::kit::{contents, folder, settings};

const LIMIT: Duration = Duration::from_secs(240);
const TASKS: u64 = 16;
const ROUNDS: u64 = 625;
/// Operations of one round: each put, delete, point read and scan counts as one.
const WRITES: u64 = 40;
const READS: u64 = 55;
const SCANS: u64 = 5;
/// Each task has this many keys of its own, and knows what they hold.
const KEYS: u64 = 500;

#[test]
fn a_million_operations_end_in_time_and_leave_what_was_written() {
    let folder = folder();
    let path = folder.path().to_owned();
    let started = Instant::now();
    let operations = in_time(async move { run(&path).await });
    println!("{operations} operations in {:.1} s", started.elapsed().as_secs_f64());
    assert!(operations >= 1_000_000);
}

/// Bulk loads and deletions are what made sled hang when much was left unflushed.
#[test]
fn bulk_loads_in_the_largest_batches_end_in_time() {
    let folder = folder();
    let path = folder.path().to_owned();
    let started = Instant::now();
    let records = in_time(async move { load_and_delete(&path).await });
    println!(
        "{records} records loaded and deleted in {:.1} s",
        started.elapsed().as_secs_f64()
    );
}

/// Runs the work on a thread of its own: a hang inside the engine must not hang the test.
fn in_time<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    let (done, finished) = mpsc::channel();
    let working = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(4)
            .enable_all()
            .build();
        // The receiver is gone when the time is over.
        let _ = done.send(runtime.unwrap().block_on(work));
    });
    match finished.recv_timeout(LIMIT) {
        Ok(outcome) => {
            working.join().unwrap();
            outcome
        }
        Err(mpsc::RecvTimeoutError::Disconnected) => std::panic::resume_unwind(working.join().unwrap_err()),
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("the work did not end within {LIMIT:?}"),
    }
}

/// Loads records in batches near the bound, deletes them in such batches, and does it again.
async fn load_and_delete(path: &Path) -> usize {
    const ROUNDS: usize = 3;
    const RECORDS: usize = 20_000;
    const TOGETHER: usize = 2_500;
    let store = SledStore::open(path, settings()).unwrap();
    for round in 0..ROUNDS {
        for first in (0..RECORDS).step_by(TOGETHER) {
            let mut load = Batch::new();
            for number in first..first + TOGETHER {
                load.put(Key::new(format!("{number:08}")), vec![round as u8; 1_500]);
            }
            store.commit(load).await.unwrap();
        }
        assert_eq!(store.scrub().await.unwrap().records, RECORDS as u64);
        for first in (0..RECORDS).step_by(TOGETHER) {
            let mut clear = Batch::new();
            for number in first..first + TOGETHER {
                clear.delete(Key::new(format!("{number:08}")));
            }
            store.commit(clear).await.unwrap();
        }
        assert!(contents(&store).await.is_empty());
    }
    store.close().await.unwrap();
    ROUNDS * RECORDS
}

async fn run(path: &Path) -> u64 {
    let store = Arc::new(SledStore::open(path, settings()).unwrap());
    let expected = Arc::new(Mutex::new(BTreeMap::new()));
    let tasks = (0..TASKS).map(|task| {
        let (store, expected) = (Arc::clone(&store), Arc::clone(&expected));
        tokio::spawn(async move {
            let mut worker = Worker::new(task);
            for _ in 0..ROUNDS {
                worker.round(store.as_ref()).await;
            }
            expected.lock().unwrap().append(&mut worker.holds);
            worker.operations
        })
    });
    let operations = join_all(tasks).await.into_iter().map(Result::unwrap).sum();
    store.close().await.unwrap();
    let store = SledStore::open(path, settings()).unwrap();
    let found: BTreeMap<_, _> = contents(&store)
        .await
        .into_iter()
        .map(|(key, found)| (key, found.value.to_vec()))
        .collect();
    {
        let expected = expected.lock().unwrap();
        assert_eq!(found.len(), expected.len());
        assert!(found == *expected, "the store does not hold what was written");
    }
    assert_eq!(store.scrub().await.unwrap().damaged, []);
    store.close().await.unwrap();
    operations
}

struct Worker {
    task: u64,
    luck: StdRng,
    holds: BTreeMap<Key, Vec<u8>>,
    operations: u64,
}

impl Worker {
    fn new(task: u64) -> Self {
        Self {
            task,
            luck: StdRng::seed_from_u64(task),
            holds: BTreeMap::new(),
            operations: 0,
        }
    }

    async fn round(&mut self, store: &dyn Store) {
        self.write(store).await;
        self.read(store).await;
        self.scan(store).await;
    }

    /// Some commits of several writes each, as a use case makes them.
    async fn write(&mut self, store: &dyn Store) {
        for _ in 0..WRITES / 10 {
            let mut batch = Batch::new();
            for _ in 0..10 {
                let key = self.some_key();
                if self.luck.random_bool(0.25) {
                    self.holds.remove(&key);
                    batch.delete(key);
                } else {
                    let value = vec![self.luck.random::<u8>(); self.luck.random_range(20..400)];
                    self.holds.insert(key.clone(), value.clone());
                    batch.put(key, value);
                }
                self.operations += 1;
            }
            store.commit(batch).await.unwrap();
        }
    }

    /// Point reads, five in one call; what they answer is known.
    async fn read(&mut self, store: &dyn Store) {
        for _ in 0..READS / 5 {
            let keys: Vec<Key> = (0..5).map(|_| self.some_key()).collect();
            self.operations += 5;
            let found = store.get_many(keys.clone()).await.unwrap();
            for (key, found) in keys.iter().zip(found) {
                assert_eq!(found.map(|found| found.value.to_vec()).as_ref(), self.holds.get(key));
            }
        }
    }

    /// Scans of 20 entries, both ways; what they answer is known too.
    async fn scan(&mut self, store: &dyn Store) {
        for number in 0..SCANS {
            let from = self.some_key();
            let all = Scan::prefix(&Key::new(format!("{:02}/", self.task)), 20);
            let (scan, expected): (Scan, Vec<_>) = if number % 2 == 1 {
                (
                    all.backward().after(from.clone()),
                    self.holds.range(..from).rev().take(20).collect(),
                )
            } else {
                let after = (Bound::Excluded(from.clone()), Bound::Unbounded);
                (all.after(from), self.holds.range(after).take(20).collect())
            };
            self.operations += 1;
            let found = store
                .read(vec![Read::Scan(scan)])
                .await
                .unwrap()
                .remove(0)
                .into_entries();
            assert_eq!(found.len(), expected.len());
            for ((key, record), (expected_key, value)) in found.iter().zip(expected) {
                assert_eq!((key, record.value.as_ref()), (expected_key, value.as_slice()));
            }
        }
    }

    fn some_key(&mut self) -> Key {
        Key::new(format!("{:02}/{:04}", self.task, self.luck.random_range(0..KEYS)))
    }
}
