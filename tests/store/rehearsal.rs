//! A rehearsal answers as if everything had been committed behind it, and nothing has been.

use std::ops::Bound;
use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use usher::store::{Batch, Direction, Key, MemoryStore, Rehearsal, Scan, Store, StoreError, Version};

use super::kit::contents;

/// One step: a batch of one or two writes, or a scan.
#[derive(Debug, Clone)]
enum Step {
    Put(u8, u8),
    Delete(u8),
    Count(u8, i64, Option<i64>),
    Append(u8),
    Absent(u8, u8),
    Scan(Bound<u8>, Bound<u8>, bool, usize),
}

/// Keys below this are values, then come counters, then one log.
const VALUES: u8 = 10;
const COUNTERS: u8 = 14;

fn step() -> impl Strategy<Value = Step> {
    let value = 0..VALUES;
    let bound = prop_oneof![
        Just(Bound::Unbounded),
        (0..=COUNTERS).prop_map(Bound::Included),
        (0..=COUNTERS).prop_map(Bound::Excluded)
    ];
    prop_oneof![
        3 => (value.clone(), any::<u8>()).prop_map(|(key, value)| Step::Put(key, value)),
        3 => value.clone().prop_map(Step::Delete),
        2 => (VALUES..COUNTERS, -2..3_i64, proptest::option::of(0..4_i64)).prop_map(|(key, delta, max)| Step::Count(key, delta, max)),
        1 => Just(Step::Append(COUNTERS)),
        1 => (value.clone(), value).prop_map(|(absent, put)| Step::Absent(absent, put)),
        4 => (bound.clone(), bound, any::<bool>(), 0..6_usize).prop_map(|(start, end, back, limit)| Step::Scan(start, end, back, limit)),
    ]
}

fn key(number: u8) -> Key {
    Key::new(vec![number])
}

fn batch(step: &Step) -> Batch {
    let mut batch = Batch::new();
    match step {
        Step::Put(at, value) => batch.put(key(*at), vec![*value]),
        Step::Delete(at) => batch.delete(key(*at)),
        Step::Count(at, delta, None) => batch.count(key(*at), *delta),
        Step::Count(at, delta, Some(max)) => batch.count_within(key(*at), *delta, *max),
        Step::Append(at) => batch.append(key(*at), "entry"),
        Step::Absent(absent, put) => batch
            .require(usher::store::Precondition::Absent(key(*absent)))
            .put(key(*put), "new"),
        Step::Scan(..) => &mut batch,
    };
    batch
}

fn scan(start: Bound<u8>, end: Bound<u8>, back: bool, limit: usize) -> Scan {
    Scan {
        start: start.map(key),
        end: end.map(key),
        direction: if back { Direction::Backward } else { Direction::Forward },
        limit,
    }
}

/// Keys and values; versions differ by design.
async fn found(store: &dyn Store, asked: Scan) -> Vec<(Key, Vec<u8>)> {
    let found = store.scan(asked).await.unwrap();
    found
        .into_iter()
        .map(|(key, stored)| (key, stored.value.to_vec()))
        .collect()
}

fn outcome(result: Result<usher::store::Committed, StoreError>) -> Result<Vec<u64>, String> {
    result
        .map(|committed| committed.appended)
        .map_err(|error| error.to_string())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_rehearsal_answers_as_a_store_that_did_it_all(before in vec(step(), 0..30), held in vec(step(), 0..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(compare(&before, &held))?;
    }
}

async fn compare(before: &[Step], held: &[Step]) -> Result<(), TestCaseError> {
    let reference = MemoryStore::new();
    let behind: Arc<dyn Store> = Arc::new(MemoryStore::new());
    for step in before {
        // Both refuse the same; what is refused changes nothing.
        let _ = reference.commit(batch(step)).await;
        let _ = behind.commit(batch(step)).await;
    }
    let untouched = contents(behind.as_ref()).await;
    let rehearsal = Rehearsal::new(Arc::clone(&behind));
    for step in held {
        if let Step::Scan(start, end, back, limit) = *step {
            let asked = scan(start, end, back, limit);
            prop_assert_eq!(found(&rehearsal, asked.clone()).await, found(&reference, asked).await);
        } else {
            prop_assert_eq!(
                outcome(rehearsal.commit(batch(step)).await),
                outcome(reference.commit(batch(step)).await)
            );
        }
    }
    let all = scan(Bound::Unbounded, Bound::Unbounded, false, 1000);
    prop_assert_eq!(found(&rehearsal, all.clone()).await, found(&reference, all).await);
    prop_assert_eq!(contents(behind.as_ref()).await, untouched);
    Ok(())
}

#[tokio::test]
async fn what_was_rehearsed_can_be_relied_on_and_what_changed_behind_is_a_conflict() {
    let behind: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let mut first = Batch::new();
    first.put(key(1), "one").put(key(2), "two");
    behind.commit(first).await.unwrap();
    let rehearsal = Rehearsal::new(Arc::clone(&behind));
    let mut own = Batch::new();
    own.put(key(1), "rehearsed");
    rehearsal.commit(own).await.unwrap();
    let rehearsed = rehearsal.get(key(1)).await.unwrap().unwrap();
    let seen = rehearsal.get(key(2)).await.unwrap().unwrap();
    // Somebody else changes what lies behind.
    let mut other = Batch::new();
    other.put(key(2), "other");
    behind.commit(other).await.unwrap();
    let relying = |at: u8, version: Version| {
        let mut batch = Batch::new();
        batch
            .require(usher::store::Precondition::AtVersion(key(at), version))
            .put(key(3), "three");
        batch
    };
    assert!(rehearsal.commit(relying(1, rehearsed.version)).await.is_ok());
    let refused = rehearsal.commit(relying(2, seen.version)).await;
    assert!(matches!(refused, Err(StoreError::Conflict { .. })), "{refused:?}");
    assert_eq!(behind.get(key(3)).await.unwrap(), None);
}
