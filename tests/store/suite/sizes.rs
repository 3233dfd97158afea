//! Bounds of keys, values and batches.

use usher::store::{BATCH_BYTES_MAX, Batch, KEY_BYTES_MAX, Key, Precondition, Store, StoreError, VALUE_BYTES_MAX};

use crate::store::kit::{contents, key};

pub(crate) async fn the_largest_value_and_key_are_kept(store: &dyn Store) {
    let mut batch = Batch::new();
    batch.put(sized_key(KEY_BYTES_MAX), vec![7; VALUE_BYTES_MAX]);
    batch.append(sized_key(KEY_BYTES_MAX - 8), vec![8; VALUE_BYTES_MAX]);
    store.commit(batch).await.unwrap();
    let found = store.get(sized_key(KEY_BYTES_MAX)).await.unwrap().unwrap();
    assert_eq!(found.value, vec![7; VALUE_BYTES_MAX]);
    assert_eq!(contents(store).await.len(), 3);
}

pub(crate) async fn one_byte_more_is_refused(store: &dyn Store) {
    let long = || sized_key(KEY_BYTES_MAX + 1);
    let large = || vec![0; VALUE_BYTES_MAX + 1];
    refused(store, "key", |batch| batch.put(long(), "")).await;
    refused(store, "key", |batch| batch.delete(long())).await;
    refused(store, "key", |batch| batch.count(long(), 1)).await;
    refused(store, "key", |batch| batch.append(sized_key(KEY_BYTES_MAX - 7), "")).await;
    refused(store, "key", |batch| batch.require(Precondition::Absent(long()))).await;
    refused(store, "value", |batch| batch.put(key("a"), large())).await;
    refused(store, "value", |batch| batch.append(key("a"), large())).await;
    assert!(contents(store).await.is_empty());
}

pub(crate) async fn a_large_batch_is_one_commit(store: &dyn Store) {
    let batch = batch_of(BATCH_BYTES_MAX);
    let records = batch.writes.len();
    let version = store.commit(batch).await.unwrap().version;
    let all = contents(store).await;
    assert_eq!(all.len(), records);
    assert!(all.iter().all(|(_, found)| found.version == version));
}

pub(crate) async fn a_batch_above_the_bound_is_refused(store: &dyn Store) {
    match store.commit(batch_of(BATCH_BYTES_MAX + 1)).await {
        Err(StoreError::TooLarge { what, bytes, limit }) => {
            assert_eq!((what, bytes, limit), ("batch", BATCH_BYTES_MAX + 1, BATCH_BYTES_MAX));
        }
        other => panic!("expected a refusal, got {other:?}"),
    }
    assert!(contents(store).await.is_empty());
}

/// A batch whose keys and values add up to exactly this.
fn batch_of(bytes: usize) -> Batch {
    let mut batch = Batch::new();
    for number in 0.. {
        let left = bytes - batch.bytes();
        if left == 0 {
            break;
        }
        let value_bytes = 1_500.min(left.saturating_sub(8));
        batch.put(key(&format!("{number:08}")[8 - left.min(8)..]), vec![1; value_bytes]);
    }
    assert_eq!(batch.bytes(), bytes);
    batch
}

fn sized_key(bytes: usize) -> Key {
    Key::new(vec![b'k'; bytes])
}

async fn refused(store: &dyn Store, expected: &str, write: impl FnOnce(&mut Batch) -> &mut Batch) {
    let mut batch = Batch::new();
    write(&mut batch);
    match store.commit(batch).await {
        Err(StoreError::TooLarge { what, bytes, limit }) => {
            assert_eq!((what, bytes), (expected, limit + 1));
        }
        other => panic!("expected a refusal of the {expected}, got {other:?}"),
    }
}
