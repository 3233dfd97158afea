//! Reads: many keys and ranges from one state.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use super::envelope::{tree_key, tree_range, unseal, user_key};
use super::state::{Applied, Shared, panic_message, read_error, unavailable};
use crate::store::{Direction, Found, Key, Read, SCAN_ENTRIES_MAX, Scan, StoreError, Versioned};

/// Reads that may answer more entries than this leave the caller's thread.
const INLINE_ENTRIES_MAX: usize = 1_000;

/// How long a read waits on the caller's thread for a group that is being applied, before it leaves that thread.
const INLINE_WAIT: Duration = Duration::from_millis(1);

/// Answers every read from one state, and only with what is durable.
pub(super) async fn read(shared: &Arc<Shared>, reads: Vec<Read>) -> Result<Vec<Found>, StoreError> {
    if shared.queue.is_closed() {
        return Err(StoreError::Closed);
    }
    let (found, wait_for) = match read_inline(shared, &reads) {
        Some(answer) => answer?,
        None => read_aside(Arc::clone(shared), reads).await?,
    };
    if let Some(commit) = wait_for {
        until_durable(shared, commit).await?;
    }
    Ok(found)
}

/// What was found, and the commit that must be durable before anybody may know it.
type Answer = (Vec<Found>, Option<u64>);

/// `None` when the reads are large or the lock is taken: that must not hold up the caller's thread.
fn read_inline(shared: &Shared, reads: &[Read]) -> Option<Result<Answer, StoreError>> {
    let entries = reads.iter().fold(0_usize, |sum, read| match read {
        Read::Get(_) => sum.saturating_add(1),
        Read::Scan(scan) => sum.saturating_add(scan.limit),
    });
    if entries > INLINE_ENTRIES_MAX {
        return None;
    }
    let applied = shared.applied.try_read_for(INLINE_WAIT)?;
    Some(answer(shared, &applied, reads))
}

async fn read_aside(shared: Arc<Shared>, reads: Vec<Read>) -> Result<Answer, StoreError> {
    tokio::task::spawn_blocking(move || answer(&shared, &shared.applied.read(), &reads))
        .await
        .map_err(|gone| unavailable(format!("a read was broken off: {gone}")))?
}

fn answer(shared: &Shared, applied: &Applied, reads: &[Read]) -> Result<Answer, StoreError> {
    let db = applied.db()?;
    let found = guarded(|| reads.iter().map(|read| find(db, read)).collect::<Result<Vec<_>, _>>())?;
    let durable = shared.durable.borrow().commit >= applied.head.commit;
    let wait_for = (!durable && reads.iter().any(|read| touches(applied, read))).then_some(applied.head.commit);
    Ok((found, wait_for))
}

/// sled panics where a page that it needs is damaged. To a caller that is damage, not the end.
pub(super) fn guarded<T>(reading: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
    catch_unwind(AssertUnwindSafe(reading)).unwrap_or_else(|panic| {
        Err(unavailable(format!(
            "reading panicked: {}; the store is damaged, restore a backup",
            panic_message(panic.as_ref())
        )))
    })
}

fn find(db: &::sled::Db, read: &Read) -> Result<Found, StoreError> {
    match read {
        Read::Get(key) => {
            let stored = db.get(tree_key(key)).map_err(|error| read_error(key, &error))?;
            let record = stored.map(|stored| unseal(key, &stored)).transpose()?;
            Ok(Found::Value(record.map(|(record, _)| record)))
        }
        Read::Scan(scan) => Ok(Found::Entries(entries(db, scan)?)),
    }
}

fn entries(db: &::sled::Db, scan: &Scan) -> Result<Vec<(Key, Versioned)>, StoreError> {
    let Some(range) = scan.range() else {
        return Ok(Vec::new());
    };
    let limit = scan.limit.min(SCAN_ENTRIES_MAX);
    let mut stored = db.range(tree_range(range));
    let mut found = Vec::new();
    while found.len() < limit {
        let entry = match scan.direction {
            Direction::Forward => stored.next(),
            Direction::Backward => stored.next_back(),
        };
        let Some(entry) = entry else { break };
        let near = || {
            found
                .last()
                .map_or_else(|| Key::new(Vec::new()), |(key, _): &(Key, _)| key.clone())
        };
        let (key, bytes) = entry.map_err(|error| read_error(&near(), &error))?;
        let key = user_key(&key);
        let (record, _) = unseal(&key, &bytes)?;
        found.push((key, record));
    }
    Ok(found)
}

/// Whether the read's answer depends on what the group in flight has changed.
fn touches(applied: &Applied, read: &Read) -> bool {
    match read {
        Read::Get(key) => applied.in_flight.contains(key),
        Read::Scan(scan) => scan
            .range()
            .is_some_and(|range| applied.in_flight.range(range).next().is_some()),
    }
}

async fn until_durable(shared: &Shared, commit: u64) -> Result<(), StoreError> {
    let mut durable = shared.durable.subscribe();
    let reached = durable
        .wait_for(|durable| durable.commit >= commit || durable.failed)
        .await
        .is_ok_and(|durable| durable.commit >= commit);
    if reached {
        return Ok(());
    }
    Err(unavailable(
        "the engine failed before the change that this read has seen was durable",
    ))
}
