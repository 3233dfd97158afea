//! A disk that is full: from some write on, every write fails, as the recorder makes it.
//!
//! The engine must stop acknowledging and say why, and once there is room and the store is opened again, everything that was
//! acknowledged must be there.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::writer::{self, Disks};
use super::{build_recorder, child, open};
use usher::store::Store;

/// From which write on the disk is full: soon after the start, and later.
const FULL_FROM: [u32; 12] = [4, 5, 7, 10, 16, 25, 40, 70, 110, 180, 300, 450];

#[tokio::test]
async fn a_full_disk_stops_acknowledging_and_loses_nothing() {
    let work = tempfile::tempdir().unwrap();
    let recorder = build_recorder(work.path());
    let mut acknowledged = 0;
    for from in FULL_FROM {
        let root = work.path().join(format!("disk-{from}"));
        fs::create_dir(&root).unwrap();
        let ended = child(&recorder, &root, &work.path().join("trace"), Disks::Full)
            .env("RECORD_FULL_FROM", from.to_string())
            .output()
            .unwrap();
        assert!(
            ended.status.success(),
            "full from write {from}: {}",
            String::from_utf8_lossy(&ended.stderr)
        );
        let acks = acks(&root);
        acknowledged += acks.values().sum::<u64>();
        let store = open(&root).unwrap_or_else(|error| panic!("full from write {from}: {error}"));
        writer::verify(&store, &acks)
            .await
            .unwrap_or_else(|what| panic!("full from write {from}: {what}"));
        store.close().await.unwrap();
    }
    println!(
        "{} full disks, {acknowledged} acknowledged commits, none lost",
        FULL_FROM.len()
    );
    assert!(acknowledged > 0);
}

/// What the child noted: by writer, the number of its last acknowledged commit.
fn acks(root: &Path) -> BTreeMap<u64, u64> {
    let text = fs::read_to_string(root.join(writer::ACKS)).unwrap_or_default();
    text.lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(writer, number)| (writer.parse().unwrap(), number.parse().unwrap()))
        .collect()
}
