//! Preconditions.

use futures_util::future::join_all;
use usher::store::{Batch, Precondition, Store, StoreError, Version};

use super::writing::put;
use crate::store::kit::{contents, key, value_of};

pub(crate) async fn absent_holds_only_where_nothing_is_stored(store: &dyn Store) {
    let absent = || Precondition::Absent(key("a"));
    assert!(holds(store, absent()).await);
    put(store, "a", "").await;
    assert!(!holds(store, absent()).await);
}

pub(crate) async fn present_holds_only_where_something_is_stored(store: &dyn Store) {
    let present = || Precondition::Present(key("a"));
    assert!(!holds(store, present()).await);
    put(store, "a", "").await;
    assert!(holds(store, present()).await);
}

pub(crate) async fn at_version_holds_only_for_the_commit_that_wrote_the_value(store: &dyn Store) {
    assert!(!holds(store, Precondition::AtVersion(key("a"), Version(0))).await);
    let first = put(store, "a", "same").await;
    assert!(holds(store, Precondition::AtVersion(key("a"), first)).await);
    let second = put(store, "a", "same").await;
    assert!(!holds(store, Precondition::AtVersion(key("a"), first)).await);
    assert!(holds(store, Precondition::AtVersion(key("a"), second)).await);
}

pub(crate) async fn preconditions_see_the_state_before_the_batch(store: &dyn Store) {
    let mut batch = Batch::new();
    batch.put(key("a"), "one").require(Precondition::Absent(key("a")));
    store.commit(batch).await.unwrap();
    let mut batch = Batch::new();
    batch.delete(key("a")).require(Precondition::Present(key("a")));
    store.commit(batch).await.unwrap();
    assert_eq!(value_of(store, "a").await, None);
}

pub(crate) async fn the_first_failed_precondition_is_named(store: &dyn Store) {
    put(store, "there", "").await;
    let mut batch = Batch::new();
    batch
        .require(Precondition::Present(key("there")))
        .require(Precondition::Present(key("missing")))
        .require(Precondition::Absent(key("there")));
    match store.commit(batch).await {
        Err(StoreError::Conflict { key: named }) => assert_eq!(named, key("missing")),
        other => panic!("expected a conflict, got {other:?}"),
    }
}

pub(crate) async fn nothing_of_a_refused_batch_is_written(store: &dyn Store) {
    put(store, "a", "one").await;
    let before = contents(store).await;
    let mut batch = Batch::new();
    batch
        .put(key("a"), "two")
        .put(key("b"), "two")
        .count(key("n"), 1)
        .append(key("log"), "entry");
    let mut conflicting = batch.clone();
    conflicting.require(Precondition::Absent(key("a")));
    assert!(matches!(
        store.commit(conflicting).await,
        Err(StoreError::Conflict { .. })
    ));
    batch.count_within(key("m"), 11, 10);
    assert!(matches!(
        store.commit(batch).await,
        Err(StoreError::LimitReached { .. })
    ));
    assert_eq!(contents(store).await, before);
}

pub(crate) async fn of_two_that_decide_on_one_version_one_wins(store: &dyn Store) {
    for round in 0..20 {
        let version = put(store, "seat", "free").await;
        let tries = (0..8).map(|who| {
            let mut batch = Batch::new();
            batch
                .require(Precondition::AtVersion(key("seat"), version))
                .put(key("seat"), format!("taken by {who}"));
            store.commit(batch)
        });
        let outcomes = join_all(tries).await;
        let winners: Vec<usize> = (0..8).filter(|who| outcomes[*who].is_ok()).collect();
        assert_eq!(winners.len(), 1, "round {round}: {outcomes:?}");
        let holder = value_of(store, "seat").await.unwrap();
        assert_eq!(holder, format!("taken by {}", winners[0]));
        assert!(
            outcomes
                .iter()
                .flat_map(|outcome| outcome.as_ref().err())
                .all(|error| matches!(error, StoreError::Conflict { .. }))
        );
    }
}

async fn holds(store: &dyn Store, precondition: Precondition) -> bool {
    let mut batch = Batch::new();
    batch.require(precondition);
    match store.commit(batch).await {
        Ok(_) => true,
        Err(StoreError::Conflict { .. }) => false,
        Err(other) => panic!("{other}"),
    }
}
