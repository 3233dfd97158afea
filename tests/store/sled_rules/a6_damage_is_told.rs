//! Bit rot: a changed bit is told when the store is opened, read or scrubbed, or it changes nothing.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use usher::store::sled::{OpenError, SledStore};
use usher::store::{Batch, Key, Store, Versioned};

use super::a6_lost_ends_are_refused::copy;
use crate::store::kit::{everything, folder, key, settings};

const TIMES: u64 = 50;

#[derive(Debug, Default)]
struct Tally {
    behind_the_watermark: u64,
    damaged_at_open: u64,
    told_by_scrub: u64,
    told_by_read: u64,
    harmless: u64,
}

/// All of this store's log is played back when it opens.
#[tokio::test]
async fn no_flipped_bit_of_a_young_store_loses_a_record_in_silence() {
    damage_often(1, flip).await;
}

/// Most of this store's log is behind a snapshot: opening skips it, and its pages are read when they are needed.
#[tokio::test]
async fn no_flipped_bit_of_an_old_store_loses_a_record_in_silence() {
    damage_often(3, flip).await;
}

/// A file system that was repaired may have cut the file off.
#[tokio::test]
async fn no_cut_off_file_loses_a_record_in_silence() {
    damage_often(3, |file, luck| {
        let bytes = fs::read(file).unwrap();
        let length = luck.random_range(0..bytes.len());
        fs::write(file, &bytes[..length]).unwrap();
        length
    })
    .await;
}

async fn damage_often(lives: u32, damage: impl Fn(&Path, &mut StdRng) -> usize) {
    let folder = folder();
    let sound = folder.path().join("sound");
    let expected = fill(&sound, lives).await;
    let mut tally = Tally::default();
    for seed in 0..TIMES {
        let damaged = folder.path().join("damaged");
        copy(&sound, &damaged);
        let place = damage(&damaged.join("db"), &mut StdRng::seed_from_u64(seed));
        if let Err(silent) = look(&damaged, &expected, &mut tally).await {
            panic!("damage {seed} at byte {place}: {silent}");
        }
        fs::remove_dir_all(&damaged).unwrap();
    }
    println!("{TIMES} times damaged after {lives} lives: {tally:?}");
    assert!(tally.harmless < TIMES, "no damage was noticed: {tally:?}");
    let mut sound_tally = Tally::default();
    look(&sound, &expected, &mut sound_tally).await.unwrap();
    assert_eq!(
        sound_tally.harmless, 1,
        "the store is sound where no bit is flipped: {sound_tally:?}"
    );
}

/// Some hundred records, overwritten and deleted, as a store is after some use.
async fn fill(path: &Path, lives: u32) -> BTreeMap<Key, Versioned> {
    let mut luck = StdRng::seed_from_u64(42);
    let mut all = BTreeMap::new();
    for _ in 0..lives {
        let store = SledStore::open(path, settings()).unwrap();
        for _ in 0..100 {
            let mut batch = Batch::new();
            for _ in 0..4 {
                let name = key(&format!("k{:03}", luck.random_range(0..300)));
                if luck.random_bool(0.15) {
                    batch.delete(name);
                } else {
                    batch.put(name, vec![luck.random::<u8>(); luck.random_range(10..20_000)]);
                }
            }
            store.commit(batch).await.unwrap();
        }
        all = store.scan(everything()).await.unwrap().into_iter().collect();
        store.close().await.unwrap();
    }
    all
}

/// Flips a bit where the file holds something, and answers where.
fn flip(file: &Path, luck: &mut StdRng) -> usize {
    let mut bytes = fs::read(file).unwrap();
    let place = loop {
        let place = luck.random_range(0..bytes.len());
        if bytes[place] != 0 {
            break place;
        }
    };
    bytes[place] ^= 1 << luck.random_range(0..8);
    fs::write(file, bytes).unwrap();
    place
}

async fn look(path: &Path, expected: &BTreeMap<Key, Versioned>, tally: &mut Tally) -> Result<(), String> {
    let store = match SledStore::open(path, settings()) {
        Ok(store) => store,
        Err(OpenError::Behind { .. }) => {
            tally.behind_the_watermark += 1;
            return Ok(());
        }
        Err(OpenError::Damaged { .. }) => {
            tally.damaged_at_open += 1;
            return Ok(());
        }
        Err(other) => return Err(other.to_string()),
    };
    let scrub = store.scrub().await;
    let told_by_scrub = scrub.as_ref().map_or(true, |scrub| !scrub.damaged.is_empty());
    let outcome = match store.scan(everything()).await {
        Err(_) => {
            tally.told_by_read += 1;
            if told_by_scrub {
                Ok(())
            } else {
                Err("a scrub passed what cannot be read".to_owned())
            }
        }
        Ok(_) if told_by_scrub => {
            tally.told_by_scrub += 1;
            Ok(())
        }
        Ok(entries) => {
            tally.harmless += 1;
            let found: BTreeMap<_, _> = entries.into_iter().collect();
            let lost = expected
                .iter()
                .filter(|(key, record)| found.get(*key) != Some(*record))
                .count();
            if found == *expected {
                Ok(())
            } else {
                Err(format!("{lost} records changed without a word"))
            }
        }
    };
    drop(store);
    outcome
}
