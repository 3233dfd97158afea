//! Opening tells what is wrong, where, and what helps.

use std::fs;
use std::path::Path;

use usher::store::Store;
use usher::store::sled::{OpenError, SledSettings, SledStore, create};

use super::put;
use crate::store::kit::{contents, folder, settings, value_of};

#[tokio::test]
async fn a_store_opens_again_with_all_that_was_committed() {
    let folder = folder();
    for round in 0..4 {
        let store = SledStore::open(folder.path(), settings()).unwrap();
        assert_eq!(contents(&store).await.len(), round);
        put(&store, &format!("k{round}"), "one").await.unwrap();
        // Half of the times by drop, as when a task is broken off.
        if round % 2 == 0 {
            store.close().await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_store_that_is_open_elsewhere_is_locked() {
    let folder = folder();
    let store = SledStore::open(folder.path(), settings()).unwrap();
    put(&store, "a", "one").await.unwrap();
    let error = open_error(folder.path());
    assert!(matches!(error, OpenError::Locked { .. }), "{error}");
    assert_names(&error, folder.path(), "stop that process");
    put(&store, "b", "one").await.unwrap();
    store.close().await.unwrap();
    SledStore::open(folder.path(), settings()).unwrap();
}

#[test]
fn a_folder_that_cannot_be_made_is_not_writable() {
    let folder = folder();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    for path in [file.join("store"), file] {
        let error = open_error(&path);
        assert!(matches!(error, OpenError::NotWritable { .. }), "{error:?}");
        assert_names(&error, &path, "right to write");
    }
}

#[test]
fn a_store_with_other_settings_is_not_touched() {
    let folder = folder();
    drop(SledStore::open(folder.path(), settings()).unwrap());
    let conf = folder.path().join("conf");
    let text = fs::read(&conf).unwrap();
    fs::remove_file(&conf).unwrap();
    drop(sled::Config::new().path(folder.path()).open());
    assert_ne!(fs::read(&conf).unwrap(), text, "sled's own default differs from ours");
    let error = open_error(folder.path());
    assert!(
        matches!(error, OpenError::Unsupported { .. } | OpenError::Damaged { .. }),
        "{error:?}"
    );
    assert_names(&error, folder.path(), "restore a backup");
}

/// A start that was cut off before it had acknowledged anything.
#[tokio::test]
async fn a_store_that_was_never_finished_is_made_anew() {
    let folder = folder();
    fs::write(folder.path().join(create::MARKER), "").unwrap();
    fs::write(folder.path().join("conf"), [0; 60]).unwrap();
    fs::write(folder.path().join("db"), [7; 5_000]).unwrap();
    fs::write(folder.path().join("note"), "not ours").unwrap();
    let store = SledStore::open(folder.path(), settings()).unwrap();
    put(&store, "a", "one").await.unwrap();
    store.close().await.unwrap();
    assert_eq!(fs::read_to_string(folder.path().join("note")).unwrap(), "not ours");
    assert!(!folder.path().join(create::MARKER).exists());
    let store = SledStore::open(folder.path(), settings()).unwrap();
    assert_eq!(value_of(&store, "a").await.unwrap(), "one");
}

/// A kill or a power cut while sled writes its snapshot leaves half of one.
#[tokio::test]
async fn half_a_snapshot_of_a_start_that_was_broken_off_keeps_nothing_closed() {
    let folder = folder();
    let half = folder.path().join("snap.FFFFFFFFFFFFFFFF.generating");
    for round in 0..4 {
        let store = SledStore::open(folder.path(), settings()).unwrap();
        assert_eq!(contents(&store).await.len(), round);
        assert!(!half.exists());
        put(&store, &format!("k{round}"), "one").await.unwrap();
        store.close().await.unwrap();
        fs::write(&half, vec![0; round * 40]).unwrap();
    }
}

#[test]
fn the_defaults_are_the_documented_ones() {
    let defaults = SledSettings::default();
    assert_eq!(defaults.cache_bytes, 256 << 20);
    assert_eq!(
        (defaults.stall_after.as_secs(), defaults.abort_after.as_secs()),
        (3, 20)
    );
}

pub(super) fn open_error(path: &Path) -> OpenError {
    match SledStore::open(path, settings()) {
        Ok(_) => panic!("{} was opened", path.display()),
        Err(error) => error,
    }
}

#[track_caller]
pub(super) fn assert_names(error: &OpenError, path: &Path, cure: &str) {
    let message = error.to_string();
    assert!(
        message.contains(path.to_str().unwrap()) && message.contains(cure),
        "{message}"
    );
}
