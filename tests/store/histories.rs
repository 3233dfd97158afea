//! Random histories: every engine answers as the memory engine does, whatever happens in whatever order.

use std::ops::Bound;
use std::path::Path;

use proptest::collection::vec;
use proptest::prelude::*;
use usher::store::sled::SledStore;
use usher::store::{Batch, Direction, Key, MemoryStore, Precondition, Scan, Store, StoreError, Version};

use super::kit::{contents, folder, settings};

/// One step of a history.
#[derive(Debug, Clone)]
enum Step {
    Commit(Vec<Part>),
    Scan(Bound<u8>, Bound<u8>, bool, usize),
    /// Close the store and open it again.
    Reopen,
}

/// One part of a batch. Keys are numbers, so that they meet often.
#[derive(Debug, Clone)]
enum Part {
    Absent(u8),
    Present(u8),
    /// At the version that is there now, or at one that is not.
    AtVersion(u8, bool),
    Put(u8, Vec<u8>),
    Delete(u8),
    Count(u8, i64, Option<i64>),
    Append(u8, Vec<u8>),
}

/// Keys below this are values, then come counters, then logs: a counter on a value would be damage.
const VALUES: u8 = 12;
const COUNTERS: u8 = 16;
const LOGS: u8 = 18;

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sled_answers_as_memory_does(steps in vec(step(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let folder = folder();
        runtime.block_on(run(folder.path(), &steps))?;
    }
}

async fn run(path: &Path, steps: &[Step]) -> Result<(), TestCaseError> {
    let memory = MemoryStore::new();
    let mut sled = SledStore::open(path, settings()).unwrap();
    for step in steps {
        match step {
            Step::Commit(parts) => {
                let batch = batch(parts, &memory).await;
                let expected = memory.commit(batch.clone()).await.map_err(plain);
                prop_assert_eq!(sled.commit(batch).await.map_err(plain), expected);
            }
            Step::Scan(start, end, backward, limit) => {
                let scan = Scan {
                    start: start.map(name),
                    end: end.map(name),
                    direction: if *backward {
                        Direction::Backward
                    } else {
                        Direction::Forward
                    },
                    limit: *limit,
                };
                let expected = memory.scan(scan.clone()).await.unwrap();
                prop_assert_eq!(sled.scan(scan).await.unwrap(), expected);
            }
            Step::Reopen => {
                sled.close().await.unwrap();
                sled = SledStore::open(path, settings()).unwrap();
            }
        }
    }
    prop_assert_eq!(contents(&sled).await, contents(&memory).await);
    let scrub = sled.scrub().await.unwrap();
    prop_assert_eq!(&scrub, &memory.scrub().await.unwrap());
    Ok(())
}

async fn batch(parts: &[Part], memory: &MemoryStore) -> Batch {
    let mut batch = Batch::new();
    for part in parts {
        match part {
            Part::Absent(key) => batch.require(Precondition::Absent(name(*key))),
            Part::Present(key) => batch.require(Precondition::Present(name(*key))),
            Part::AtVersion(key, right) => {
                let found = memory.get(name(*key)).await.unwrap();
                let version = found.map_or(Version(1), |found| found.version);
                let version = Version(version.0 + u64::from(!right));
                batch.require(Precondition::AtVersion(name(*key), version))
            }
            Part::Put(key, value) => batch.put(name(*key), value.clone()),
            Part::Delete(key) => batch.delete(name(*key)),
            Part::Count(key, delta, None) => batch.count(name(*key), *delta),
            Part::Count(key, delta, Some(max)) => batch.count_within(name(*key), *delta, *max),
            Part::Append(key, value) => batch.append(name(*key), value.clone()),
        };
    }
    batch
}

/// An error without what engines may differ in.
fn plain(error: StoreError) -> String {
    match error {
        StoreError::Conflict { .. } | StoreError::LimitReached { .. } | StoreError::TooLarge { .. } => {
            error.to_string()
        }
        other => panic!("{other}"),
    }
}

/// Keys of different lengths, some of them prefixes of others.
fn name(number: u8) -> Key {
    let mut bytes = vec![number % 3; usize::from(number % 4)];
    bytes.push(number);
    Key::new(bytes)
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => vec(part(), 0..6).prop_map(Step::Commit),
        6 => (bound(), bound(), any::<bool>(), 0..20_usize)
            .prop_map(|(start, end, backward, limit)| Step::Scan(start, end, backward, limit)),
        1 => Just(Step::Reopen),
    ]
}

fn part() -> impl Strategy<Value = Part> {
    let value = || vec(any::<u8>(), 0..40);
    let any_key = || 0..LOGS;
    prop_oneof![
        1 => any_key().prop_map(Part::Absent),
        1 => any_key().prop_map(Part::Present),
        2 => (any_key(), prop::bool::weighted(0.8)).prop_map(|(key, right)| Part::AtVersion(key, right)),
        8 => (0..VALUES, value()).prop_map(|(key, value)| Part::Put(key, value)),
        3 => any_key().prop_map(Part::Delete),
        4 => (VALUES..COUNTERS, -3..8_i64, prop::option::of(0..12_i64))
            .prop_map(|(key, delta, max)| Part::Count(key, delta, max)),
        3 => (COUNTERS..LOGS, value()).prop_map(|(key, value)| Part::Append(key, value)),
    ]
}

fn bound() -> impl Strategy<Value = Bound<u8>> {
    prop_oneof![
        1 => Just(Bound::Unbounded),
        2 => (0..LOGS).prop_map(Bound::Included),
        2 => (0..LOGS).prop_map(Bound::Excluded),
    ]
}
