//! The rules that the sled engine keeps, each with its proof. The power cuts are in `tests/powercut/`.

mod a1_synced_before_acknowledged;
mod a2_one_committer;
mod a3_little_unflushed;
mod a4_bounded_sizes;
mod a5_whole_states;
mod a6_checksums;
mod a6_damage_is_told;
mod a6_lost_ends_are_refused;
mod a7_errors_stop_acknowledging;
mod a8_growth;
mod a8_one_tree;
mod opening;

use usher::store::{Batch, Store, StoreError, Version};

use super::kit::key;

async fn put(store: &dyn Store, name: &str, value: impl Into<Vec<u8>>) -> Result<Version, StoreError> {
    store
        .commit(put_batch(name, value))
        .await
        .map(|committed| committed.version)
}

fn put_batch(name: &str, value: impl Into<Vec<u8>>) -> Batch {
    let mut batch = Batch::new();
    batch.put(key(name), value.into());
    batch
}
