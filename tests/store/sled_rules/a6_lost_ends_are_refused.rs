//! The watermark: a store that lost its end, or is not the store that it was, is refused.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use usher::store::Store;
use usher::store::sled::watermark::{FILE, Watermark};
use usher::store::sled::{Disk, OpenError, SledStore};

use super::opening::{assert_names, open_error};
use super::put;
use crate::store::kit::{TestDisk, folder, open_on, settings};

#[tokio::test]
async fn a_store_behind_its_watermark_is_refused() {
    let folder = folder();
    let (path, older) = (folder.path().join("store"), folder.path().join("older"));
    write(&path, 0..5).await;
    copy(&path, &older);
    write(&path, 5..8).await;
    fs::copy(path.join(FILE), older.join(FILE)).unwrap();
    let error = open_error(&older);
    match &error {
        OpenError::Behind { found, expected, .. } => assert_eq!((*found, *expected), (5, 8)),
        other => panic!("{other}"),
    }
    assert_names(&error, &older, "restore a backup");
}

#[tokio::test]
async fn a_store_with_another_history_is_refused() {
    let folder = folder();
    let (path, other) = (folder.path().join("store"), folder.path().join("other"));
    write(&path, 0..5).await;
    write(&other, 1..6).await;
    fs::copy(other.join(FILE), path.join(FILE)).unwrap();
    let error = open_error(&path);
    match &error {
        OpenError::Behind {
            found,
            expected,
            found_chain,
            expected_chain,
            ..
        } => {
            assert_eq!((found, expected), (&5, &5));
            assert_ne!(found_chain, expected_chain);
        }
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_store_ahead_of_its_watermark_is_opened() {
    let folder = folder();
    let path = folder.path().join("store");
    write(&path, 0..5).await;
    let older = fs::read(path.join(FILE)).unwrap();
    write(&path, 5..8).await;
    fs::write(path.join(FILE), older).unwrap();
    SledStore::open(&path, settings()).unwrap();
}

#[tokio::test]
async fn a_lost_db_file_is_refused() {
    let folder = folder();
    write(folder.path(), 0..5).await;
    fs::remove_file(folder.path().join("db")).unwrap();
    let error = open_error(folder.path());
    assert!(
        matches!(error, OpenError::Behind { .. } | OpenError::Damaged { .. }),
        "{error}"
    );
    assert_names(&error, folder.path(), "restore a backup");
}

#[tokio::test]
async fn a_lost_or_damaged_watermark_is_refused() {
    let folder = folder();
    write(folder.path(), 0..5).await;
    let file = folder.path().join(FILE);
    let sound = fs::read(&file).unwrap();
    for place in 0..sound.len() {
        let mut damaged = sound.clone();
        damaged[place] ^= 1;
        fs::write(&file, damaged).unwrap();
        assert!(
            Watermark::read(folder.path()).is_err(),
            "a changed byte {place} of the watermark was not noticed"
        );
    }
    let error = open_error(folder.path());
    assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
    fs::remove_file(&file).unwrap();
    let error = open_error(folder.path());
    assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
    assert_names(&error, folder.path(), "watermark is missing");
    fs::write(&file, sound).unwrap();
    SledStore::open(folder.path(), settings()).unwrap();
}

#[tokio::test]
async fn the_watermark_follows_when_the_queue_is_idle() {
    let folder = folder();
    let disk = Arc::new(TestDisk::default());
    let store = open_on(folder.path(), &disk).unwrap();
    assert_eq!(Watermark::read(folder.path()).unwrap().unwrap().commit, 0);
    let version = put(&store, "a", "one").await.unwrap();
    while Watermark::read(folder.path()).unwrap().unwrap().commit < version.0 {
        tokio::task::yield_now().await;
    }
    assert!(
        disk.synced
            .lock()
            .unwrap()
            .iter()
            .any(|path| path.ends_with("watermark.next"))
    );
}

#[tokio::test]
async fn the_watermark_keeps_up_with_a_busy_queue() {
    let folder = folder();
    let store = SledStore::open(folder.path(), settings()).unwrap();
    // A writer that never pauses for as long as the queue would take to count as idle.
    let mut last = 0;
    while Watermark::read(folder.path()).unwrap().unwrap().commit == 0 {
        last = put(&store, "a", "one").await.unwrap().0;
    }
    assert!(last > 0);
    store.close().await.unwrap();
    assert!(Watermark::read(folder.path()).unwrap().unwrap().commit >= last);
    Watermark {
        commit: 1,
        chain: String::new(),
    }
    .write(folder.path(), &Disk)
    .unwrap();
    SledStore::open(folder.path(), settings()).unwrap();
}

/// One commit for each number.
async fn write(path: &Path, numbers: std::ops::Range<u32>) {
    let store = SledStore::open(path, settings()).unwrap();
    for number in numbers {
        put(&store, &format!("k{number}"), "one").await.unwrap();
    }
    store.close().await.unwrap();
}

pub(super) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
