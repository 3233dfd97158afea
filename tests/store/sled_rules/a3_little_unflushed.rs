//! Little is ever unflushed, and a group that makes no progress ends the process.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join_all;
use usher::store::sled::committer::GROUP_BYTES_MAX;
use usher::store::sled::{Durability, End, ExitProcess, SledSettings, SledStore};
use usher::store::{Health, Store};

use super::put;
use crate::store::kit::{Ended, TestDisk, folder, open_on, settings};

#[tokio::test]
async fn a_group_is_bounded_in_bytes() {
    const VALUE: usize = 50 * 1024;
    let folder = folder();
    let disk = Arc::new(TestDisk::default());
    let store = open_on(folder.path(), &disk).unwrap();
    disk.hang();
    let mut first = Box::pin(put(&store, "first", ""));
    assert!((&mut first).now_or_never().is_none());
    disk.until_hanging();
    let names: Vec<String> = (0..20).map(|number| format!("k{number}")).collect();
    let mut waiting = Box::pin(join_all(names.iter().map(|name| put(&store, name, vec![1; VALUE]))));
    assert!((&mut waiting).now_or_never().is_none());
    let before = disk.data_syncs();
    disk.go_on();
    first.await.unwrap();
    for outcome in waiting.await {
        outcome.unwrap();
    }
    assert_eq!(disk.data_syncs() - before, 20 / (GROUP_BYTES_MAX / VALUE) as u64);
}

#[tokio::test]
async fn a_stalled_commit_turns_the_health_and_then_ends_the_process() {
    let folder = folder();
    let disk = Arc::new(TestDisk::default());
    let ended = Arc::new(Ended::default());
    let limits = SledSettings {
        stall_after: Duration::from_millis(20),
        abort_after: Duration::from_millis(400),
        ..settings()
    };
    let store = SledStore::open_with(
        folder.path(),
        limits,
        Arc::clone(&disk) as Arc<dyn Durability>,
        Arc::clone(&ended) as Arc<dyn End>,
    )
    .unwrap();
    assert_eq!(store.health(), Health::Ready);
    disk.hang();
    let mut commit = Box::pin(put(&store, "a", "one"));
    assert!((&mut commit).now_or_never().is_none());
    disk.until_hanging();
    let stalled_ms = loop {
        match store.health() {
            Health::Stalled { stalled_ms } => break stalled_ms,
            Health::Ready => tokio::task::yield_now().await,
            Health::Failed { reason } => panic!("{reason}"),
        }
    };
    assert!(stalled_ms >= 20, "{stalled_ms}");
    let reason = ended.reason();
    assert!(
        reason.contains("no progress") && reason.contains(folder.path().to_str().unwrap()),
        "{reason}"
    );
    disk.go_on();
    commit.await.unwrap();
}

#[tokio::test]
async fn an_idle_store_is_not_stalled() {
    let folder = folder();
    let disk = Arc::new(TestDisk::default());
    let limits = SledSettings {
        stall_after: Duration::ZERO,
        ..settings()
    };
    let store = SledStore::open_with(
        folder.path(),
        limits.clone(),
        Arc::clone(&disk) as Arc<dyn Durability>,
        Arc::new(Ended::default()),
    )
    .unwrap();
    // A limit of zero makes any step at all a stall; without commits there is none.
    assert_eq!(store.health(), Health::Ready);
    store.close().await.unwrap();
    assert!(matches!(store.health(), Health::Failed { .. }));
}

/// What the supervisor sees. The process that ends is a child: this same program, told to run this same test.
#[test]
fn the_real_end_is_exit_code_70_with_the_reason() {
    const CHILD: &str = "USHER_TEST_END_THE_PROCESS";
    if std::env::var(CHILD).is_ok() {
        ExitProcess.end("the disk does not answer");
        unreachable!("the process has ended");
    }
    let name = "store::sled_rules::a3_little_unflushed::the_real_end_is_exit_code_70_with_the_reason";
    let child = Command::new(std::env::current_exe().unwrap())
        .args([name, "--exact", "--nocapture"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    assert_eq!(child.status.code(), Some(70));
    assert!(String::from_utf8_lossy(&child.stderr).contains("the disk does not answer"));
}
