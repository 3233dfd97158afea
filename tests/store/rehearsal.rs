//! A rehearsal answers as if everything had been committed behind it, and nothing has been.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use usher::store::{Batch, Direction, Key, MemoryStore, Rehearsal, Scan, Store, StoreError, Version, Versioned};

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
    fn a_rehearsal_answers_as_a_store_that_did_it_all(
        before in vec(step(), 0..30),
        held in vec(step(), 0..40),
        // Nothing is packed, each change is a pack of its own, or several are.
        open_bytes_max in prop_oneof![Just(1 << 20), Just(0), Just(500), Just(1_500)],
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(compare(&before, &held, open_bytes_max))?;
    }
}

async fn compare(before: &[Step], held: &[Step], open_bytes_max: usize) -> Result<(), TestCaseError> {
    let reference = MemoryStore::new();
    let behind: Arc<dyn Store> = Arc::new(MemoryStore::new());
    for step in before {
        // Both refuse the same; what is refused changes nothing.
        let _ = reference.commit(batch(step)).await;
        let _ = behind.commit(batch(step)).await;
    }
    let untouched = contents(behind.as_ref()).await;
    let first = Arc::new(Rehearsal::new(Arc::clone(&behind)).open_at_most(open_bytes_max));
    let (one, other) = held.split_at(held.len() / 2);
    play(first.as_ref(), &reference, one).await?;
    let touched = contents(first.as_ref()).await;
    let second = Rehearsal::upon(Arc::clone(&first));
    play(&second, &reference, other).await?;
    prop_assert_eq!(
        contents(first.as_ref()).await,
        touched,
        "the second leaves the first as it is"
    );
    prop_assert_eq!(contents(behind.as_ref()).await, untouched);
    Ok(())
}

async fn play(rehearsal: &Rehearsal, reference: &MemoryStore, held: &[Step]) -> Result<(), TestCaseError> {
    let before: BTreeMap<Key, Versioned> = contents(rehearsal).await.into_iter().collect();
    for step in held {
        if let Step::Scan(start, end, back, limit) = *step {
            let asked = scan(start, end, back, limit);
            prop_assert_eq!(found(rehearsal, asked.clone()).await, found(reference, asked).await);
        } else {
            prop_assert_eq!(
                outcome(rehearsal.commit(batch(step)).await),
                outcome(reference.commit(batch(step)).await)
            );
        }
    }
    let all = scan(Bound::Unbounded, Bound::Unbounded, false, 1000);
    prop_assert_eq!(found(rehearsal, all.clone()).await, found(reference, all).await);
    // Whatever differs was written here, and is found one by one as well.
    let after: BTreeMap<Key, Versioned> = contents(rehearsal).await.into_iter().collect();
    let mut changed = rehearsal
        .changed_under(&Key::new(Vec::new()), None, usize::MAX)
        .unwrap();
    prop_assert!(changed.is_sorted());
    changed.retain(|key| before.get(key) != after.get(key));
    let keys: BTreeSet<&Key> = before.keys().chain(after.keys()).collect();
    let differing: Vec<Key> = keys
        .into_iter()
        .filter(|key| before.get(key) != after.get(key))
        .cloned()
        .collect();
    prop_assert_eq!(changed, differing);
    for number in 0..=COUNTERS {
        let stored = rehearsal.get(key(number)).await.unwrap();
        prop_assert_eq!(stored.as_ref(), after.get(&key(number)));
    }
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

#[tokio::test]
async fn what_is_packed_takes_a_fraction_and_the_last_word_counts() {
    let behind: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let rehearsal = Rehearsal::new(behind).open_at_most(64 * 1024);
    let record = |number: u32, round: u32| {
        let name = format!("u{number:06}");
        format!(
            "{{\"user_name\":\"{name}\",\"emails\":[{{\"value\":\"{name}@example.com\",\"type\":\"work\"}}],\"round\":{round}}}"
        )
    };
    let (mut bytes, people) = (0, 4_000);
    for round in 0..3 {
        for number in 0..people {
            let mut batch = Batch::new();
            let value = record(number, round);
            bytes += value.len();
            batch.put(Key::new(number.to_be_bytes().to_vec()), value);
            rehearsal.commit(batch).await.unwrap();
        }
    }
    assert!(rehearsal.bytes() < bytes / 3, "{} of {bytes}", rehearsal.bytes());
    for number in (0..people).step_by(97) {
        let found = rehearsal.get(Key::new(number.to_be_bytes().to_vec())).await.unwrap();
        assert_eq!(found.unwrap().value, record(number, 2));
    }
    assert_eq!(
        rehearsal.get(Key::new(people.to_be_bytes().to_vec())).await.unwrap(),
        None
    );
}
