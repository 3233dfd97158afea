//! Space that overwritten records took is used again.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use usher::store::sled::{SEGMENT_BYTES, SledStore};
use usher::store::{Batch, Key, Store};

use crate::store::kit::{folder, settings};

const RECORDS: u64 = 8_000;
const RECORD_BYTES: usize = 1_500;
const OVERWRITES: u64 = 80_000;
const TOGETHER: u64 = 80;
/// Segments that sled keeps in use at any size of the store: a hundred MiB, whether there is much in it or little.
const SEGMENTS: u64 = 14;

#[tokio::test]
async fn overwriting_ten_times_keeps_the_file_within_four_times_the_live_data_and_some_segments() {
    let folder = folder();
    let store = SledStore::open(folder.path(), settings()).unwrap();
    let mut luck = StdRng::seed_from_u64(8);
    let write = async |keys: Vec<u64>| {
        let mut batch = Batch::new();
        for number in keys {
            batch.put(Key::new(format!("{number:08}")), vec![number as u8; RECORD_BYTES]);
        }
        store.commit(batch).await.unwrap();
    };
    for first in (0..RECORDS).step_by(TOGETHER as usize) {
        write((first..first + TOGETHER).collect()).await;
    }
    let mut largest = 0;
    for _ in 0..OVERWRITES / TOGETHER {
        write((0..TOGETHER).map(|_| luck.random_range(0..RECORDS)).collect()).await;
        largest = largest.max(std::fs::metadata(folder.path().join("db")).unwrap().len());
    }
    store.close().await.unwrap();
    let live = RECORDS * RECORD_BYTES as u64;
    println!("{} MiB live, at most {} MiB on the disk", live >> 20, largest >> 20);
    assert!(
        largest <= 4 * live + SEGMENTS * SEGMENT_BYTES as u64,
        "{largest} bytes for {live} live ones"
    );
}
