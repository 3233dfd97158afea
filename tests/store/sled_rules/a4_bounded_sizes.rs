//! sled moves a page that is larger than a quarter of a segment to a file that it never syncs. No page gets there.

use usher::store::{Batch, KEY_BYTES_MAX, Key, Store, VALUE_BYTES_MAX};

use crate::store::kit::{folder, settings};

/// Leaves are full of the largest values, and consolidated by many overwrites.
#[tokio::test]
async fn the_largest_values_stay_in_the_log() {
    let folder = folder();
    let store = usher::store::sled::SledStore::open(folder.path(), settings()).unwrap();
    for round in 0..3_u8 {
        for first in (0..120).step_by(30) {
            let mut batch = Batch::new();
            for number in first..first + 30 {
                batch.put(Key::new(format!("{number:04}")), vec![round; VALUE_BYTES_MAX]);
            }
            store.commit(batch).await.unwrap();
        }
    }
    store.close().await.unwrap();
    assert_eq!(strays(folder.path()), 0);
}

/// Inner pages are full of the largest keys: those differ in their last bytes only, so that sled can shorten none of them.
#[tokio::test]
async fn the_largest_keys_stay_in_the_log() {
    let folder = folder();
    let store = usher::store::sled::SledStore::open(folder.path(), settings()).unwrap();
    for first in (0..6_000).step_by(1_000) {
        let mut batch = Batch::new();
        for number in first..first + 1_000 {
            // In no order, so that pages are split in their middle.
            batch.put(Key::new(format!("{:->KEY_BYTES_MAX$}", number * 7_919 % 6_000)), "");
        }
        store.commit(batch).await.unwrap();
    }
    store.close().await.unwrap();
    assert_eq!(strays(folder.path()), 0);
}

/// The files that sled has moved pages to.
fn strays(store: &std::path::Path) -> usize {
    std::fs::read_dir(store.join("blobs")).unwrap().count()
}
