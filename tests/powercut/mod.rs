//! Power cuts: what a disk could hold after the power went, at any moment of a store's life.
//!
//! A child process writes commits into a store and notes each acknowledgement in a file ([`writer`]); a recorder in C, loaded
//! before the C library, keeps every change of a file and every sync in order (`recorder.c`). From that trace [`replay`]
//! builds what a cut at one moment could have left: everything that an `fsync` or `fdatasync` had covered, and of what came
//! later a random part, page by page. Every such image must open, and hold every acknowledged commit and nothing by half.
//!
//! `USHER_POWERCUTS` sets the number of cuts and `USHER_POWERCUT_SEED` the first seed, for longer runs than this one.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod full_disk;
mod replay;
mod writer;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use replay::Trace;
use usher::store::Store;
use usher::store::sled::SledStore;

use crate::powercut::writer::Disks;

const CUTS: u64 = 150;

/// Entries after the making of a file in which it is written and synced.
const NEAR: usize = 7;

#[tokio::test]
async fn no_power_cut_loses_or_halves_an_acknowledged_commit() {
    let work = tempfile::tempdir().unwrap();
    let trace = record(work.path(), Disks::Synced);
    let cuts = number_from("USHER_POWERCUTS").unwrap_or(CUTS);
    let tally = cut_often(work.path(), &trace, cuts).await;
    println!("{cuts} power cuts over {}: {tally:?}", trace.summary());
    assert_eq!(tally.broken, BTreeMap::new());
    assert_eq!(tally.clean, cuts);
    assert!(
        tally.before_first_ack >= cuts / 20,
        "too few cuts while the store was made"
    );
    assert!(
        tally.acknowledged > cuts * 10,
        "the cuts met hardly any acknowledged commit"
    );
}

/// The same cuts without our own `fdatasync` show that sled's flush is not enough, and that this test can fail.
#[tokio::test]
async fn without_our_own_sync_power_cuts_lose_acknowledged_commits() {
    let work = tempfile::tempdir().unwrap();
    let trace = record(work.path(), Disks::Unsynced);
    let tally = cut_often(work.path(), &trace, 40).await;
    println!("40 power cuts without fdatasync over {}: {tally:?}", trace.summary());
    assert!(!tally.broken.is_empty(), "no cut was noticed: {tally:?}");
}

/// What became of the cuts.
#[derive(Debug, Default)]
struct Tally {
    clean: u64,
    /// Cuts before any commit was acknowledged: the store was still being made.
    before_first_ack: u64,
    /// Acknowledged commits, summed over all cuts.
    acknowledged: u64,
    /// The first images that were not as they must be: the seed, and what was wrong.
    broken: BTreeMap<u64, String>,
}

fn record(work: &Path, disks: Disks) -> Trace {
    let recorder = build_recorder(work);
    let root = work.join("disk");
    std::fs::create_dir(&root).unwrap();
    let to = work.join("trace");
    let written = child(&recorder, &root, &to, disks).output().unwrap();
    assert!(
        written.status.success(),
        "the writer failed: {}",
        String::from_utf8_lossy(&written.stderr)
    );
    let trace = Trace::read(&to, &root);
    assert!(
        trace.acknowledgements() >= writer::COMMITS,
        "the writer was not recorded: {}",
        trace.summary()
    );
    trace
}

/// This same program, told to be the writer.
fn child(recorder: &Path, root: &Path, trace: &Path, disks: Disks) -> Command {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child
        .args([
            "powercut::writer::a_child_process_writes_when_it_is_told_to",
            "--exact",
            "--nocapture",
        ])
        .env("LD_PRELOAD", recorder)
        .env("RECORD_UNDER", root)
        .env("RECORD_TO", trace)
        .env(writer::FOLDER, root)
        .env(writer::DISKS, disks.as_str());
    child
}

fn build_recorder(work: &Path) -> PathBuf {
    let library = work.join("recorder.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/powercut/recorder.c");
    let compiled = Command::new("cc")
        .args(["-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o"])
        .args([&library, &source])
        .arg("-ldl")
        .output()
        .expect("power cut tests need a C compiler named cc");
    assert!(
        compiled.status.success(),
        "{}",
        String::from_utf8_lossy(&compiled.stderr)
    );
    library
}

async fn cut_often(work: &Path, trace: &Trace, cuts: u64) -> Tally {
    let first_seed = number_from("USHER_POWERCUT_SEED").unwrap_or(1);
    let mut tally = Tally::default();
    for seed in first_seed..first_seed + cuts {
        let mut luck = StdRng::seed_from_u64(seed);
        let moment = moment(trace, &mut luck);
        let image = work.join("image");
        let acks = trace.image_at(moment, &mut luck, &image);
        tally.acknowledged += acks.values().sum::<u64>();
        tally.before_first_ack += u64::from(acks.is_empty());
        match judge(&image, &acks).await {
            Ok(()) => tally.clean += 1,
            Err(what) if tally.broken.len() < 5 => {
                tally.broken.insert(seed, format!("cut at entry {moment}: {what}"));
            }
            Err(_) => {}
        }
        std::fs::remove_dir_all(&image).unwrap();
    }
    tally
}

/// A fifth of the cuts comes while the store is made, a fifth soon after, a fifth just after an acknowledgement, a fifth
/// while a file is made, renamed or removed, and the rest anywhere.
fn moment(trace: &Trace, luck: &mut StdRng) -> usize {
    let first_ack = trace.first_acknowledgement();
    match luck.random_range(0..5) {
        0 => luck.random_range(0..=first_ack),
        1 => luck.random_range(first_ack..(first_ack * 5).min(trace.len())),
        2 => trace.an_acknowledgement(luck) + 1,
        3 => (trace.a_change_of_names(luck) + luck.random_range(0..=NEAR)).min(trace.len()),
        _ => luck.random_range(0..=trace.len()),
    }
}

/// The image must hold what was acknowledged, and go on as a store: one more commit of each writer has to be there after
/// another start.
async fn judge(image: &Path, acks: &BTreeMap<u64, u64>) -> Result<(), String> {
    let store = open(image)?;
    let found = writer::verify(&store, acks).await?;
    for (writer, done) in &found {
        let commit = writer::commit(*writer, done + 1);
        store
            .commit(commit)
            .await
            .map_err(|error| format!("afterwards: {error}"))?;
    }
    store.close().await.map_err(|error| error.to_string())?;
    let store = open(image)?;
    let acks = found.into_iter().map(|(writer, done)| (writer, done + 1)).collect();
    writer::verify(&store, &acks)
        .await
        .map_err(|what| format!("after another start: {what}"))?;
    store.close().await.map_err(|error| error.to_string())
}

fn open(image: &Path) -> Result<SledStore, String> {
    SledStore::open(&image.join("store"), writer::settings()).map_err(|error| error.to_string())
}

fn number_from(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number"))
}
