//! Scrub: reads every record, and compares what is there with what the head says should be there.

use std::ops::Bound;
use std::sync::Arc;

use super::envelope::{PREFIX, tree_key, unseal, user_key};
use super::group::Change;
use super::head::Tally;
use super::read::guarded;
use super::state::{Scrubbing, Shared, read_error, unavailable};
use crate::store::{Key, Scrub, StoreError};

/// Records that are read under one hold of the lock: commits wait no longer than this takes.
const STEP: usize = 500;

pub(super) async fn scrub(shared: &Arc<Shared>) -> Result<Scrub, StoreError> {
    if shared.queue.is_closed() {
        return Err(StoreError::Closed);
    }
    let _turn = shared.scrub_turn.lock().await;
    let shared = Arc::clone(shared);
    tokio::task::spawn_blocking(move || {
        *shared.scrubbing.lock() = Some(Scrubbing {
            read_to: None,
            tally: Tally::default(),
        });
        let mut scrub = Scrub::default();
        let outcome = loop {
            match guarded(|| step(&shared, &mut scrub)) {
                Ok(true) => {}
                Ok(false) => break Ok(scrub),
                Err(error) => break broken_off(error, scrub),
            }
        };
        *shared.scrubbing.lock() = None;
        outcome
    })
    .await
    .map_err(|gone| unavailable(format!("a scrub was broken off: {gone}")))?
}

impl Scrubbing {
    /// A commit changed these records: those that were read already are counted anew.
    pub(super) fn follow(&mut self, changes: &[Change]) {
        for change in changes {
            if self.read_to.as_ref().is_some_and(|read_to| change.key <= *read_to) {
                change.count(&mut self.tally);
            }
        }
    }
}

/// Reads on; `false` when the end was reached and compared.
fn step(shared: &Shared, scrub: &mut Scrub) -> Result<bool, StoreError> {
    let applied = shared.applied.read();
    let db = applied.db()?;
    let mut running = shared.scrubbing.lock();
    // Set by the only caller before the first step and cleared after the last one.
    let Some(progress) = running.as_mut() else {
        return Ok(false);
    };
    let start = match &progress.read_to {
        None => Bound::Included(vec![PREFIX]),
        Some(key) => Bound::Excluded(tree_key(key)),
    };
    let mut read = 0;
    for entry in db.range((start, Bound::Excluded(vec![PREFIX + 1]))).take(STEP) {
        let near = || progress.read_to.clone().unwrap_or_else(|| Key::new(Vec::new()));
        let (key, bytes) = entry.map_err(|error| read_error(&near(), &error))?;
        let key = user_key(&key);
        match unseal(&key, &bytes) {
            Ok((_, checksum)) => progress.tally.add(checksum),
            Err(StoreError::Corrupt { what, .. }) => scrub.damaged.push((key.clone(), what)),
            Err(other) => return Err(other),
        }
        progress.read_to = Some(key);
        scrub.records += 1;
        read += 1;
    }
    if read == STEP {
        return Ok(true);
    }
    let expected = applied.head.tally;
    if scrub.damaged.is_empty() && progress.tally != expected {
        scrub.damaged.push((
            Key::new(Vec::new()),
            format!(
                "the records do not add up to what was committed: {} are there and {} are expected; restore a backup",
                progress.tally.records, expected.records
            ),
        ));
    }
    Ok(false)
}

/// Damage that sled itself meets is part of the answer; nothing after it can be read.
fn broken_off(error: StoreError, mut scrub: Scrub) -> Result<Scrub, StoreError> {
    match error {
        StoreError::Corrupt { key, what, .. } => {
            scrub
                .damaged
                .push((key, format!("nothing after this key can be read: {what}")));
            Ok(scrub)
        }
        other => Err(other),
    }
}
