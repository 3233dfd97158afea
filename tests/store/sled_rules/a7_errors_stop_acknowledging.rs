//! After an error of the disk nothing is acknowledged any more.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures_util::FutureExt;
use futures_util::future::join_all;
use usher::store::{Health, Store, StoreError};

use super::put;
use crate::store::kit::{TestDisk, folder, open_on, value_of};

#[tokio::test]
async fn a_failed_sync_stops_every_acknowledgement() {
    let folder = folder();
    let disk = Arc::new(TestDisk::default());
    let store = open_on(folder.path(), &disk).unwrap();
    put(&store, "kept", "one").await.unwrap();

    disk.failing.store(true, Ordering::SeqCst);
    disk.hang();
    let mut failing = Box::pin(put(&store, "a", "lost"));
    assert!((&mut failing).now_or_never().is_none());
    disk.until_hanging();
    let mut queued = Box::pin(join_all([put(&store, "b", "lost"), put(&store, "c", "lost")]));
    assert!((&mut queued).now_or_never().is_none());
    disk.go_on();
    assert_unavailable(failing.await);
    for outcome in queued.await {
        assert_unavailable(outcome);
    }

    // A sync that works again proves nothing about what came before it.
    disk.failing.store(false, Ordering::SeqCst);
    assert_unavailable(put(&store, "d", "late").await);
    match store.health() {
        Health::Failed { reason } => {
            assert!(
                reason.contains("the disk is gone") && reason.contains("restart"),
                "{reason}"
            );
        }
        other => panic!("expected a failed store, got {other:?}"),
    }

    assert_eq!(value_of(&store, "kept").await.unwrap(), "one");
    assert!(matches!(
        store.get(crate::store::kit::key("a")).await,
        Err(StoreError::Unavailable { .. })
    ));
    store.close().await.unwrap();

    let store = open_on(folder.path(), &disk).unwrap();
    assert_eq!(value_of(&store, "kept").await.unwrap(), "one");
    assert_eq!(value_of(&store, "b").await, None);
    assert_eq!(value_of(&store, "d").await, None);
    put(&store, "d", "again").await.unwrap();
}

fn assert_unavailable<T: std::fmt::Debug>(outcome: Result<T, StoreError>) {
    assert!(
        matches!(outcome, Err(StoreError::Unavailable { engine: "sled", .. })),
        "{outcome:?}"
    );
}
