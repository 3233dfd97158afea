//! Puts, deletes and versions.

use usher::store::{Batch, Key, Store, StoreError, Version};

use crate::store::kit::{contents, gets, key, value_of};

pub(crate) async fn a_key_that_was_never_written_reads_as_nothing(store: &dyn Store) {
    assert_eq!(store.get(key("nobody")).await.unwrap(), None);
    assert!(contents(store).await.is_empty());
}

pub(crate) async fn what_was_put_is_read_back_with_its_commit(store: &dyn Store) {
    let mut batch = Batch::new();
    batch.put(key("a"), "one").put(key("b"), vec![0, 255, 10]);
    let committed = store.commit(batch).await.unwrap();
    let found = store.get_many(vec![key("b"), key("a")]).await.unwrap();
    let found: Vec<_> = found.into_iter().map(Option::unwrap).collect();
    assert_eq!(found[0].value.as_ref(), [0, 255, 10]);
    assert_eq!(found[1].value.as_ref(), b"one");
    assert!(found.iter().all(|found| found.version == committed.version));
    assert!(committed.version > Version(0));
    assert!(committed.appended.is_empty());
}

pub(crate) async fn a_put_replaces_the_value_and_the_version(store: &dyn Store) {
    let first = put(store, "a", "one").await;
    let second = put(store, "a", "two").await;
    let found = store.get(key("a")).await.unwrap().unwrap();
    assert_eq!((found.value.as_ref(), found.version), (&b"two"[..], second));
    assert!(second > first);
}

pub(crate) async fn a_deleted_key_reads_as_nothing(store: &dyn Store) {
    put(store, "a", "one").await;
    delete(store, "a").await;
    assert_eq!(value_of(store, "a").await, None);
    assert!(contents(store).await.is_empty());
}

pub(crate) async fn deleting_a_missing_key_is_no_error(store: &dyn Store) {
    delete(store, "a").await;
    assert_eq!(value_of(store, "a").await, None);
}

pub(crate) async fn a_key_that_is_written_again_has_a_new_version(store: &dyn Store) {
    let first = put(store, "a", "one").await;
    delete(store, "a").await;
    let again = put(store, "a", "one").await;
    assert!(again > first);
    assert_eq!(store.get(key("a")).await.unwrap().unwrap().version, again);
}

pub(crate) async fn later_writes_of_a_batch_win(store: &dyn Store) {
    let mut batch = Batch::new();
    batch.put(key("a"), "one").put(key("a"), "two");
    batch.put(key("b"), "one").delete(key("b"));
    batch.delete(key("c")).put(key("c"), "three");
    store.commit(batch).await.unwrap();
    assert_eq!(value_of(store, "a").await.unwrap(), "two");
    assert_eq!(value_of(store, "b").await, None);
    assert_eq!(value_of(store, "c").await.unwrap(), "three");
}

pub(crate) async fn the_empty_key_and_the_empty_value_are_ordinary(store: &dyn Store) {
    let mut batch = Batch::new();
    batch
        .put(key(""), "root")
        .put(Key::new(vec![0]), "zero")
        .put(key("empty"), "");
    store.commit(batch).await.unwrap();
    assert_eq!(value_of(store, "").await.unwrap(), "root");
    assert_eq!(value_of(store, "\0").await.unwrap(), "zero");
    assert_eq!(value_of(store, "empty").await.unwrap(), "");
    let keys: Vec<_> = contents(store).await.into_iter().map(|(key, _)| key).collect();
    assert_eq!(keys, [key(""), Key::new(vec![0]), key("empty")]);
}

pub(crate) async fn versions_grow_with_every_commit(store: &dyn Store) {
    let mut last = Version(0);
    for round in 0..20 {
        let mut batch = Batch::new();
        if round % 3 != 0 {
            batch.put(key("a"), round.to_string());
        }
        let version = store.commit(batch).await.unwrap().version;
        assert!(version > last, "{version:?} came after {last:?}");
        last = version;
    }
}

pub(crate) async fn a_refused_batch_takes_no_commit_number(store: &dyn Store) {
    let first = put(store, "a", "one").await;
    let mut refused = Batch::new();
    refused.put(key("a"), "two").count_within(key("n"), 2, 1);
    assert!(matches!(
        store.commit(refused).await,
        Err(StoreError::LimitReached { .. })
    ));
    assert_eq!(put(store, "b", "one").await, Version(first.0 + 1));
}

pub(crate) async fn a_closed_store_answers_closed(store: &dyn Store) {
    put(store, "a", "one").await;
    store.close().await.unwrap();
    store.close().await.unwrap();
    assert!(matches!(store.read(gets(&["a"])).await, Err(StoreError::Closed)));
    assert!(matches!(store.commit(Batch::new()).await, Err(StoreError::Closed)));
    assert!(matches!(store.scrub().await, Err(StoreError::Closed)));
    assert_ne!(store.health(), usher::store::Health::Ready);
}

pub(crate) async fn a_scrub_of_a_sound_store_counts_its_records(store: &dyn Store) {
    for number in 0..1_200 {
        put(store, &format!("k{number}"), "value").await;
        if number % 100 == 0 {
            delete(store, &format!("k{number}")).await;
        }
    }
    let scrub = store.scrub().await.unwrap();
    assert_eq!((scrub.records, scrub.damaged), (1_188, Vec::new()));
}

pub(super) async fn put(store: &dyn Store, name: &str, value: &str) -> Version {
    let mut batch = Batch::new();
    batch.put(key(name), value.to_owned());
    store.commit(batch).await.unwrap().version
}

pub(super) async fn delete(store: &dyn Store, name: &str) {
    let mut batch = Batch::new();
    batch.delete(key(name));
    store.commit(batch).await.unwrap();
}
