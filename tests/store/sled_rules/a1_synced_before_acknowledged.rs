//! A commit is acknowledged after its `fdatasync`, and everything that opening made is synced before that.

use std::sync::Arc;

use futures_util::FutureExt;
use usher::store::{Read, Store};

use super::put;
use crate::store::kit::{TestDisk, everything, folder, gets, key, open_on, value_of};

#[tokio::test]
async fn every_commit_is_synced_before_it_is_acknowledged() {
    let folder = folder();
    let disk = Arc::new(TestDisk::default());
    let store = open_on(folder.path(), &disk).unwrap();
    let before = disk.data_syncs();
    for number in 1..=50 {
        put(&store, "a", number.to_string()).await.unwrap();
        assert_eq!(
            disk.data_syncs() - before,
            number,
            "one sync per commit of a lone writer"
        );
    }
}

#[tokio::test]
async fn a_commit_waits_for_its_sync() {
    let folder = folder();
    let disk = Arc::new(TestDisk::default());
    let store = open_on(folder.path(), &disk).unwrap();
    disk.hang();
    let mut commit = Box::pin(put(&store, "a", "one"));
    assert!((&mut commit).now_or_never().is_none());
    disk.until_hanging();
    assert!((&mut commit).now_or_never().is_none());
    disk.go_on();
    commit.await.unwrap();
}

#[tokio::test]
async fn nobody_reads_what_is_not_yet_durable() {
    let folder = folder();
    let disk = Arc::new(TestDisk::default());
    let store = open_on(folder.path(), &disk).unwrap();
    put(&store, "a", "old").await.unwrap();
    put(&store, "b", "old").await.unwrap();
    disk.hang();
    let mut commit = Box::pin(put(&store, "a", "new"));
    assert!((&mut commit).now_or_never().is_none());
    disk.until_hanging();
    let mut of_the_change = Box::pin(store.read(gets(&["b", "a"])));
    let mut of_its_range = Box::pin(store.read(vec![Read::Scan(everything())]));
    assert!((&mut of_the_change).now_or_never().is_none());
    assert!((&mut of_its_range).now_or_never().is_none());
    assert_eq!(value_of(&store, "b").await.unwrap(), "old");
    disk.go_on();
    commit.await.unwrap();
    let found = of_the_change.await.unwrap().pop().unwrap().into_value().unwrap();
    assert_eq!(found.value, "new");
    let entries = of_its_range.await.unwrap().pop().unwrap().into_entries();
    assert_eq!((entries[0].0.clone(), entries.len()), (key("a"), 2));
}

#[tokio::test]
async fn what_opening_made_is_synced_before_the_first_commit() {
    let folder = folder();
    let parent = folder.path().canonicalize().unwrap();
    let path = parent.join("var/store");
    let disk = Arc::new(TestDisk::default());
    let _store = open_on(&path, &disk).unwrap();
    let synced = disk.synced.lock().unwrap().clone();
    for name in ["conf", "db", "blobs", ""] {
        let expected = if name.is_empty() { path.clone() } else { path.join(name) };
        assert!(
            synced.contains(&expected),
            "{} was not synced: {synced:?}",
            expected.display()
        );
    }
    // Both folders were made by opening, so the entries of both and of the one above are new.
    assert!(synced.contains(&parent.join("var")));
    assert!(synced.contains(&parent));
}
