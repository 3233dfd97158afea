//! A read of many keys sees one state, whatever is committed meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use futures_util::future::join_all;
use usher::store::{Batch, Found, Read, Scan};

use crate::store::kit::{Fixture, key};

const KEYS: usize = 24;
const WRITERS: usize = 3;
const COMMITS: usize = 400;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_read_sees_half_a_commit() {
    let fixture = Fixture::sled();
    let store = Arc::clone(&fixture.store);
    store.commit(all_at("start")).await.unwrap();
    let writing = Arc::new(AtomicBool::new(true));
    let reads = Arc::new(AtomicU64::new(0));
    let readers: Vec<_> = (0..3)
        .map(|_| {
            let (store, writing, reads) = (Arc::clone(&store), Arc::clone(&writing), Arc::clone(&reads));
            tokio::spawn(async move {
                while writing.load(Ordering::SeqCst) {
                    assert_whole(store.read(questions()).await.unwrap());
                    reads.fetch_add(1, Ordering::SeqCst);
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    let writers = (0..WRITERS).map(|writer| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            for number in 0..COMMITS {
                store.commit(all_at(&format!("{writer}/{number}"))).await.unwrap();
            }
        })
    });
    for writer in join_all(writers).await {
        writer.unwrap();
    }
    writing.store(false, Ordering::SeqCst);
    for reader in readers {
        reader.await.unwrap();
    }
    let reads = reads.load(Ordering::SeqCst);
    println!("{reads} reads over {} commits saw whole states only", WRITERS * COMMITS);
    assert!(reads > 100, "only {reads} reads ran beside the writers");
}

fn all_at(value: &str) -> Batch {
    let mut batch = Batch::new();
    for number in 0..KEYS {
        batch.put(key(&format!("k{number:02}")), value.to_owned());
    }
    batch
}

/// Points and ranges in one read: they have to agree with each other too.
fn questions() -> Vec<Read> {
    vec![
        Read::Get(key("k00")),
        Read::Scan(Scan::prefix(&key("k"), 100)),
        Read::Scan(Scan::prefix(&key("k"), 100).backward()),
        Read::Get(key("k23")),
    ]
}

fn assert_whole(answers: Vec<Found>) {
    let mut met = Vec::new();
    for answer in answers {
        match answer {
            Found::Value(found) => met.push(found.unwrap()),
            Found::Entries(entries) => {
                assert_eq!(entries.len(), KEYS);
                met.extend(entries.into_iter().map(|(_, found)| found));
            }
        }
    }
    assert!(met.iter().all(|found| *found == met[0]), "half a commit: {met:?}");
}
