//! Point reads and scans.

use std::ops::Bound;

use usher::store::{Batch, Direction, Found, Key, Read, SCAN_ENTRIES_MAX, Scan, Store};

use super::writing::put;
use crate::store::kit::{contents, everything, key};

pub(crate) async fn answers_have_the_order_of_the_questions(store: &dyn Store) {
    put(store, "a", "1").await;
    put(store, "b", "2").await;
    let questions = vec![
        Read::Get(key("b")),
        Read::Scan(everything()),
        Read::Get(key("none")),
        Read::Get(key("a")),
        Read::Get(key("b")),
    ];
    let answers = store.read(questions).await.unwrap();
    let text = |found: &Found| match found {
        Found::Value(value) => value.as_ref().map(|found| found.value.clone()),
        Found::Entries(_) => None,
    };
    assert_eq!(text(&answers[0]).unwrap(), "2");
    assert!(matches!(&answers[1], Found::Entries(entries) if entries.len() == 2));
    assert_eq!(answers[2], Found::Value(None));
    assert_eq!(text(&answers[3]).unwrap(), "1");
    assert_eq!(answers[4], answers[0]);
    assert!(store.read(Vec::new()).await.unwrap().is_empty());
}

pub(crate) async fn a_scan_is_in_key_order_and_within_its_bounds(store: &dyn Store) {
    fill(store, &["b", "a", "c", "ab", "d", "a\0"]).await;
    let included = Bound::Included;
    let excluded = Bound::Excluded;
    assert_eq!(
        names(store, range(included("a"), excluded("c"))).await,
        ["a", "a\0", "ab", "b"]
    );
    assert_eq!(
        names(store, range(excluded("a"), included("c"))).await,
        ["a\0", "ab", "b", "c"]
    );
    assert_eq!(names(store, range(included("b"), included("b"))).await, ["b"]);
    assert_eq!(
        names(store, range(Bound::Unbounded, excluded("ab"))).await,
        ["a", "a\0"]
    );
    assert_eq!(names(store, range(included("bb"), Bound::Unbounded)).await, ["c", "d"]);
    assert_eq!(names(store, Scan::prefix(&key("a"), 10)).await, ["a", "a\0", "ab"]);
}

pub(crate) async fn a_backward_scan_is_the_forward_scan_reversed(store: &dyn Store) {
    let keys: Vec<String> = (0..300).map(|number| format!("k{number:03}")).collect();
    fill(store, &keys.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let forward = names(store, range(Bound::Included("k010"), Bound::Excluded("k200"))).await;
    let mut backward = names(
        store,
        range(Bound::Included("k010"), Bound::Excluded("k200")).backward(),
    )
    .await;
    assert_eq!(backward.first().unwrap(), "k199");
    backward.reverse();
    assert_eq!(forward, backward);
    let last_two = Scan {
        limit: 2,
        ..everything().backward()
    };
    assert_eq!(names(store, last_two).await, ["k299", "k298"]);
}

pub(crate) async fn a_scan_answers_no_more_than_its_limit(store: &dyn Store) {
    fill(store, &["a", "b", "c"]).await;
    for limit in 0..5 {
        let found = names(store, Scan { limit, ..everything() }).await;
        assert_eq!(found, ["a", "b", "c"][..limit.min(3)]);
    }
}

pub(crate) async fn a_scan_answers_no_more_than_the_contract_allows(store: &dyn Store) {
    let mut batch = Batch::new();
    for number in 0..SCAN_ENTRIES_MAX + 5 {
        batch.put(key(&format!("{number:06}")), "");
    }
    store.commit(batch).await.unwrap();
    assert_eq!(store.scan(everything()).await.unwrap().len(), SCAN_ENTRIES_MAX);
    assert_eq!(contents(store).await.len(), SCAN_ENTRIES_MAX + 5);
}

pub(crate) async fn pages_by_after_meet_every_key_once(store: &dyn Store) {
    let keys: Vec<String> = (0..25).map(|number| format!("k{number:02}")).collect();
    fill(store, &keys.iter().map(String::as_str).collect::<Vec<_>>()).await;
    for direction in [Direction::Forward, Direction::Backward] {
        let mut met: Vec<String> = Vec::new();
        loop {
            let mut scan = Scan {
                limit: 4,
                direction,
                ..everything()
            };
            if let Some(last) = met.last() {
                scan = scan.after(key(last));
            }
            let page = names(store, scan).await;
            if page.is_empty() {
                break;
            }
            met.extend(page);
        }
        if direction == Direction::Backward {
            met.reverse();
        }
        assert_eq!(met, keys);
    }
}

pub(crate) async fn impossible_ranges_are_empty(store: &dyn Store) {
    fill(store, &["a", "b", "c"]).await;
    for scan in [
        range(Bound::Included("c"), Bound::Included("a")),
        range(Bound::Excluded("b"), Bound::Excluded("b")),
        range(Bound::Included("b"), Bound::Excluded("b")),
        range(Bound::Excluded("b"), Bound::Included("b")),
    ] {
        assert!(names(store, scan.clone()).await.is_empty(), "{scan:?}");
        assert!(names(store, scan.clone().backward()).await.is_empty(), "{scan:?}");
    }
}

pub(crate) async fn a_prefix_of_0xff_ends_at_the_end_of_the_store(store: &dyn Store) {
    let mut batch = Batch::new();
    for bytes in [vec![0xfe, 0xff], vec![0xff], vec![0xff, 0x00], vec![0xff, 0xff, 0xff]] {
        batch.put(Key::new(bytes), "");
    }
    store.commit(batch).await.unwrap();
    let under = |prefix: Vec<u8>| Scan::prefix(&Key::new(prefix), 10);
    assert_eq!(store.scan(under(vec![0xff])).await.unwrap().len(), 3);
    assert_eq!(store.scan(under(vec![0xff, 0xff])).await.unwrap().len(), 1);
    assert_eq!(store.scan(under(vec![0xfe])).await.unwrap().len(), 1);
}

async fn fill(store: &dyn Store, names: &[&str]) {
    let mut batch = Batch::new();
    for name in names {
        batch.put(key(name), (*name).to_owned());
    }
    store.commit(batch).await.unwrap();
}

fn range(start: Bound<&str>, end: Bound<&str>) -> Scan {
    Scan {
        start: start.map(key),
        end: end.map(key),
        direction: Direction::Forward,
        limit: 1_000,
    }
}

async fn names(store: &dyn Store, scan: Scan) -> Vec<String> {
    let found = store.scan(scan).await.unwrap();
    found
        .into_iter()
        .map(|(key, _)| String::from_utf8(key.as_bytes().to_vec()).unwrap())
        .collect()
}
