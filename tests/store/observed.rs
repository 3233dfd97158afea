//! The counting decorator.

use std::sync::Arc;

use usher::store::observed::Report;
use usher::store::{Batch, MemoryStore, Observed, Precondition, Read, Store};

use super::kit::{everything, gets, key};

#[tokio::test]
async fn every_call_is_one_round_trip_whatever_it_asks_for() {
    let store = Observed::new(Arc::new(MemoryStore::new()) as Arc<dyn Store>);
    let mut batch = Batch::new();
    batch.put(key("a"), "one").put(key("b"), "two");
    store.commit(batch).await.unwrap();
    let after_the_commit = store.report();
    let mut questions = gets(&["a", "b", "c"]);
    questions.push(Read::Scan(everything()));
    store.read(questions).await.unwrap();
    store.get(key("a")).await.unwrap();
    let report = store.report();
    assert_eq!(
        report,
        Report {
            reads: 2,
            questions: 5,
            commits: 1,
            conflicts: 0,
            failures: 0,
        }
    );
    assert_eq!(report.round_trips(), 3);
    assert_eq!(report.since(&after_the_commit).round_trips(), 2);
    assert_eq!(store.engine(), "memory");
}

#[tokio::test]
async fn refusals_are_told_apart_from_failures() {
    let store = Observed::new(Arc::new(MemoryStore::new()));
    let mut conflicting = Batch::new();
    conflicting.require(Precondition::Present(key("a")));
    store.commit(conflicting).await.unwrap_err();
    let mut bounded = Batch::new();
    bounded.count_within(key("n"), 2, 1);
    store.commit(bounded).await.unwrap_err();
    store.close().await.unwrap();
    store.get(key("a")).await.unwrap_err();
    let report = store.report();
    assert_eq!((report.commits, report.conflicts, report.failures), (2, 1, 1));
}
