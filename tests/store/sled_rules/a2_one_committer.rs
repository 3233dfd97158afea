//! One committer: what comes while a group is synced becomes the next group.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::join_all;
use usher::store::sled::committer::GROUP_COMMITS_MAX;

use super::put;
use crate::store::kit::{TestDisk, contents, folder, open_on};

#[tokio::test]
async fn parallel_commits_share_their_syncs() {
    const WAITING: usize = 250;
    let folder = folder();
    let disk = Arc::new(TestDisk::default());
    let store = open_on(folder.path(), &disk).unwrap();
    disk.hang();
    let mut first = Box::pin(put(&store, "first", ""));
    assert!((&mut first).now_or_never().is_none());
    disk.until_hanging();
    let names: Vec<String> = (0..WAITING).map(|number| format!("k{number}")).collect();
    let mut waiting = Box::pin(join_all(names.iter().map(|name| put(&store, name, ""))));
    assert!((&mut waiting).now_or_never().is_none());
    let before = disk.data_syncs();
    disk.go_on();
    first.await.unwrap();
    for outcome in waiting.await {
        outcome.unwrap();
    }
    assert_eq!(disk.data_syncs() - before, WAITING.div_ceil(GROUP_COMMITS_MAX) as u64);
    assert_eq!(contents(&store).await.len(), WAITING + 1);
}

#[tokio::test]
async fn a_commit_whose_caller_has_gone_is_still_whole() {
    let folder = folder();
    let disk = Arc::new(TestDisk::default());
    let store = open_on(folder.path(), &disk).unwrap();
    disk.hang();
    let mut first = Box::pin(put(&store, "first", ""));
    assert!((&mut first).now_or_never().is_none());
    disk.until_hanging();
    assert!(put(&store, "left", "").now_or_never().is_none());
    disk.go_on();
    first.await.unwrap();
    put(&store, "last", "").await.unwrap();
    assert_eq!(contents(&store).await.len(), 3);
}

#[tokio::test]
async fn closing_finishes_what_is_queued() {
    use usher::store::Store;
    let folder = folder();
    let disk = Arc::new(TestDisk::default());
    let store = open_on(folder.path(), &disk).unwrap();
    let names: Vec<String> = (0..300).map(|number| format!("k{number}")).collect();
    let mut queued = Box::pin(join_all(names.iter().map(|name| put(&store, name, ""))));
    assert!((&mut queued).now_or_never().is_none());
    store.close().await.unwrap();
    for outcome in queued.await {
        outcome.unwrap();
    }
    let store = open_on(folder.path(), &disk).unwrap();
    assert_eq!(contents(&store).await.len(), 300);
}
