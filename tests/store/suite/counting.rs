//! Counters and logs.

use futures_util::future::join_all;
use usher::store::apply::entry_key;
use usher::store::{Batch, Scan, Store, StoreError, Version};

use super::writing::put;
use crate::store::kit::{key, value_of};

pub(crate) async fn a_counter_starts_at_zero_and_adds_up(store: &dyn Store) {
    for (delta, sum) in [(5, "5"), (0, "5"), (-2, "3"), (39, "42")] {
        count(store, delta, None).await.unwrap();
        assert_eq!(value_of(store, "n").await.unwrap(), sum);
    }
}

pub(crate) async fn a_counter_that_returns_to_zero_stays_stored(store: &dyn Store) {
    count(store, 2, None).await.unwrap();
    count(store, -2, None).await.unwrap();
    assert_eq!(value_of(store, "n").await.unwrap(), "0");
}

pub(crate) async fn a_counter_never_passes_its_bound(store: &dyn Store) {
    count(store, 3, Some(3)).await.unwrap();
    assert_refused(count(store, 1, Some(3)).await, 3, 3);
    assert_refused(count(store, 4, Some(5)).await, 3, 5);
    count(store, 1, Some(4)).await.unwrap();
    assert_eq!(value_of(store, "n").await.unwrap(), "4");
}

pub(crate) async fn a_decrease_ignores_the_upper_bound(store: &dyn Store) {
    count(store, 10, None).await.unwrap();
    count(store, -1, Some(3)).await.unwrap();
    count(store, 0, Some(3)).await.unwrap();
    assert_eq!(value_of(store, "n").await.unwrap(), "9");
}

pub(crate) async fn a_counter_never_goes_below_zero(store: &dyn Store) {
    assert_refused(count(store, -1, None).await, 0, 0);
    count(store, 2, None).await.unwrap();
    assert_refused(count(store, -3, Some(9)).await, 2, 0);
    assert_eq!(value_of(store, "n").await.unwrap(), "2");
}

pub(crate) async fn a_counter_never_wraps(store: &dyn Store) {
    count(store, i64::MAX, None).await.unwrap();
    assert_refused(count(store, 1, None).await, i64::MAX, i64::MAX);
    assert_refused(count(store, i64::MIN, None).await, i64::MAX, 0);
}

pub(crate) async fn a_counter_follows_the_writes_before_it(store: &dyn Store) {
    let mut batch = Batch::new();
    batch.put(key("n"), "7").count(key("n"), 1).count_within(key("n"), 1, 9);
    batch.count(key("m"), 1).delete(key("m")).count(key("m"), 5);
    store.commit(batch).await.unwrap();
    assert_eq!(value_of(store, "n").await.unwrap(), "9");
    assert_eq!(value_of(store, "m").await.unwrap(), "5");
}

pub(crate) async fn parallel_counts_are_all_counted_within_the_bound(store: &dyn Store) {
    let outcomes = join_all((0..100).map(|_| count(store, 1, Some(60)))).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 60);
    assert_eq!(value_of(store, "n").await.unwrap(), "60");
    for refused in outcomes.into_iter().filter(Result::is_err) {
        assert_refused(refused, 60, 60);
    }
}

pub(crate) async fn a_counter_that_holds_no_number_is_damage(store: &dyn Store) {
    put(store, "n", "seven").await;
    match count(store, 1, None).await {
        Err(StoreError::Corrupt { engine, key: named, .. }) => {
            assert_eq!((engine, named), (store.engine(), key("n")));
        }
        other => panic!("expected damage, got {other:?}"),
    }
}

pub(crate) async fn a_log_numbers_its_entries_from_one_without_gaps(store: &dyn Store) {
    let mut batch = Batch::new();
    batch
        .append(key("log"), "a")
        .append(key("other"), "x")
        .append(key("log"), "b");
    let committed = store.commit(batch).await.unwrap();
    assert_eq!(committed.appended, [1, 1, 2]);
    let mut batch = Batch::new();
    batch.append(key("log"), "c");
    assert_eq!(store.commit(batch).await.unwrap().appended, [3]);
    assert_eq!(value_of(store, "log").await.unwrap(), "3");
    let after_the_counter = Scan::prefix(&key("log"), 10).after(key("log"));
    let entries = store.scan(after_the_counter).await.unwrap();
    let values: Vec<_> = entries.iter().map(|(_, found)| found.value.as_ref()).collect();
    assert_eq!(values, [b"a", b"b", b"c"]);
    assert_eq!(entries[2].0, entry_key(&key("log"), 3));
    assert!(entries[2].0.as_bytes().ends_with(&[0, 0, 0, 0, 0, 0, 0, 3]));
}

pub(crate) async fn parallel_appends_leave_no_gap(store: &dyn Store) {
    let outcomes = join_all((0..100).map(|number| {
        let mut batch = Batch::new();
        batch.append(key("log"), number.to_string());
        store.commit(batch)
    }))
    .await;
    let mut numbers: Vec<(u64, Version, usize)> = outcomes
        .into_iter()
        .enumerate()
        .map(|(writer, outcome)| {
            outcome
                .map(|committed| (committed.appended[0], committed.version, writer))
                .unwrap()
        })
        .collect();
    numbers.sort_unstable();
    for (place, (sequence, version, writer)) in numbers.into_iter().enumerate() {
        assert_eq!(sequence, place as u64 + 1);
        let entry = store.get(entry_key(&key("log"), sequence)).await.unwrap().unwrap();
        assert_eq!((entry.value, entry.version), (writer.to_string().into(), version));
    }
}

async fn count(store: &dyn Store, delta: i64, max: Option<i64>) -> Result<(), StoreError> {
    let mut batch = Batch::new();
    match max {
        Some(max) => batch.count_within(key("n"), delta, max),
        None => batch.count(key("n"), delta),
    };
    store.commit(batch).await.map(drop)
}

#[track_caller]
fn assert_refused(outcome: Result<(), StoreError>, at: i64, bound: i64) {
    match outcome {
        Err(StoreError::LimitReached {
            key: named,
            current,
            limit,
        }) => {
            assert_eq!((named, current, limit), (key("n"), at, bound));
        }
        other => panic!("expected the bound {bound} at {at}, got {other:?}"),
    }
}
