//! Records that were changed, moved or removed behind the engine's back.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use usher::store::sled::envelope::tree_key;
use usher::store::sled::{SEGMENT_BYTES, SledStore};
use usher::store::{Scrub, Store, StoreError};

use super::{put, put_batch};
use crate::store::kit::{Fixture, everything, folder, key, settings, value_of};

#[tokio::test]
async fn a_changed_record_is_named_and_the_others_stay_readable() {
    let (store, _folder) = tampered(|tree| {
        let mut bytes = tree.get(tree_key(&key("b"))).unwrap().unwrap().to_vec();
        *bytes.last_mut().unwrap() ^= 1;
        tree.insert(tree_key(&key("b")), bytes).unwrap();
    })
    .await;
    assert_corrupt(store.get(key("b")).await, "b");
    assert_corrupt(store.scan(everything()).await, "b");
    assert_corrupt(store.commit(put_batch("b", "new")).await, "b");
    assert_eq!(value_of(&store, "a").await.unwrap(), "value of a");
    put(&store, "a", "new").await.unwrap();
    assert_named(&store.scrub().await.unwrap(), "b", "checksum is wrong");
}

#[tokio::test]
async fn a_record_under_another_key_is_damage() {
    let (store, _folder) = tampered(|tree| {
        let bytes = tree.get(tree_key(&key("b"))).unwrap().unwrap();
        tree.insert(tree_key(&key("c")), bytes).unwrap();
    })
    .await;
    assert_corrupt(store.get(key("c")).await, "c");
    assert_named(&store.scrub().await.unwrap(), "c", "checksum is wrong");
}

#[tokio::test]
async fn a_record_that_is_too_short_is_damage() {
    for length in [0, 3, 11] {
        let (store, _folder) = tampered(|tree| drop(tree.insert(tree_key(&key("b")), vec![0; length]).unwrap())).await;
        assert_corrupt(store.get(key("b")).await, "b");
        assert_named(&store.scrub().await.unwrap(), "b", "shorter than");
    }
}

#[tokio::test]
async fn a_missing_record_is_told_by_a_scrub() {
    let (store, _folder) = tampered(|tree| drop(tree.remove(tree_key(&key("b"))).unwrap())).await;
    let scrub = store.scrub().await.unwrap();
    assert_eq!(scrub.records, 2);
    assert_named(&scrub, "", "2 are there and 3 are expected");
}

#[tokio::test]
async fn an_older_record_is_told_by_a_scrub() {
    let mut older = None;
    let folder = folder();
    fill(folder.path()).await;
    tamper(folder.path(), |tree| older = tree.get(tree_key(&key("a"))).unwrap());
    let store = SledStore::open(folder.path(), settings()).unwrap();
    put(&store, "a", "newer").await.unwrap();
    store.close().await.unwrap();
    tamper(folder.path(), |tree| {
        drop(tree.insert(tree_key(&key("a")), older.take().unwrap()).unwrap())
    });
    let store = SledStore::open(folder.path(), settings()).unwrap();
    assert_eq!(value_of(&store, "a").await.unwrap(), "value of a");
    assert_named(&store.scrub().await.unwrap(), "", "do not add up");
}

/// A scrub goes in steps, and commits between them must not look like damage.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_scrub_beside_writers_finds_a_sound_store_sound() {
    let fixture = Fixture::sled();
    let store = Arc::clone(&fixture.store);
    for first in (0..4_000).step_by(500) {
        let mut batch = usher::store::Batch::new();
        for number in first..first + 500 {
            batch.put(key(&format!("k{number:04}")), "start");
        }
        store.commit(batch).await.unwrap();
    }
    let writing = Arc::new(AtomicBool::new(true));
    let writers: Vec<_> = (0..3_u64)
        .map(|writer| {
            let (store, writing) = (Arc::clone(&store), Arc::clone(&writing));
            tokio::spawn(async move {
                let mut number = writer;
                while writing.load(Ordering::SeqCst) {
                    number = (number * 6_364_136_223 + 1_442_695) % 4_000;
                    let mut batch = put_batch(&format!("k{number:04}"), number.to_string());
                    batch.delete(key(&format!("k{:04}", (number + 77) % 4_000)));
                    store.commit(batch).await.unwrap();
                }
            })
        })
        .collect();
    for _ in 0..30 {
        let scrub = store.scrub().await.unwrap();
        assert_eq!(scrub.damaged, []);
        assert!(scrub.records > 1_000);
    }
    writing.store(false, Ordering::SeqCst);
    for writer in writers {
        writer.await.unwrap();
    }
    assert_eq!(store.scrub().await.unwrap().damaged, []);
}

/// A store of the records a, b and d whose tree was changed while it was closed.
async fn tampered(change: impl FnOnce(&sled::Db)) -> (SledStore, tempfile::TempDir) {
    let folder = folder();
    fill(folder.path()).await;
    tamper(folder.path(), change);
    (SledStore::open(folder.path(), settings()).unwrap(), folder)
}

async fn fill(path: &Path) {
    let store = SledStore::open(path, settings()).unwrap();
    for name in ["a", "b", "d"] {
        put(&store, name, format!("value of {name}")).await.unwrap();
    }
    store.close().await.unwrap();
}

fn tamper(path: &Path, change: impl FnOnce(&sled::Db)) {
    let tree = sled::Config::new()
        .path(path)
        .segment_size(SEGMENT_BYTES)
        .open()
        .unwrap();
    change(&tree);
    tree.flush().unwrap();
}

#[track_caller]
fn assert_corrupt<T: std::fmt::Debug>(outcome: Result<T, StoreError>, name: &str) {
    match outcome {
        Err(StoreError::Corrupt { engine, key: named, .. }) => assert_eq!((engine, named), ("sled", key(name))),
        other => panic!("expected damage at {name}, got {other:?}"),
    }
}

#[track_caller]
fn assert_named(scrub: &Scrub, name: &str, what: &str) {
    assert_eq!(scrub.damaged.len(), 1, "{scrub:?}");
    assert_eq!(scrub.damaged[0].0, key(name));
    assert!(scrub.damaged[0].1.contains(what), "{scrub:?}");
}
