//! A rehearsal: reads what is in a store, keeps what is written to itself.
//!
//! Whatever is done through it can be looked at, and then never happened. A plan of many changes is made so: the very same
//! operations run on it that would run on the store behind, each seeing what those before it left. However many there are: what is
//! held back is packed as it grows, and nothing of it is forgotten.

mod held;
mod packed;

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;

use held::{Closed, Held, Limits};

use super::apply::{View, judge};
use super::{
    Batch, Committed, Direction, Found, Health, Key, Precondition, Read, SCAN_ENTRIES_MAX, Scan, Scrub, Store,
    StoreError, Version, Versioned, Write,
};

/// Versions of what was written here: far above any that an engine gives, so that the two are never taken for each other.
const FIRST_VERSION: u64 = 1 << 63;
/// Bytes that are held back as they are; what is more is packed, to about a fifth.
pub const OPEN_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Stands in front of a store and holds back every change. What others commit behind it meanwhile is seen where it does not lie
/// under a change that was held back.
pub struct Rehearsal {
    behind: Arc<dyn Store>,
    held: Mutex<Held>,
    /// Commits are judged one after the other: each looks at what those before it left.
    order: tokio::sync::Mutex<()>,
    is_unread: fn(&Key) -> bool,
    limits: Limits,
}

impl Rehearsal {
    /// Nothing is held back yet.
    #[must_use]
    pub fn new(behind: Arc<dyn Store>) -> Self {
        Self {
            behind,
            held: Mutex::default(),
            order: tokio::sync::Mutex::default(),
            is_unread: |_| false,
            limits: Limits {
                open_bytes_max: OPEN_BYTES_MAX,
            },
        }
    }

    /// The same with other bytes that are held back as they are ([`OPEN_BYTES_MAX`]). Answers do not depend on it.
    #[must_use]
    pub fn open_at_most(mut self, bytes: usize) -> Self {
        self.limits.open_bytes_max = bytes;
        self
    }

    /// The same, which does not keep what is written at these keys: whoever plays many changes through reads no log back.
    #[must_use]
    pub fn without(mut self, is_unread: fn(&Key) -> bool) -> Self {
        self.is_unread = is_unread;
        self
    }

    /// A second rehearsal on what another one has come to, which is to stay as it is from now on.
    #[must_use]
    pub fn upon(behind: Arc<Self>) -> Self {
        let commits = behind.held.lock().commits;
        let (is_unread, limits) = (behind.is_unread, behind.limits);
        let next = Self::new(behind).without(is_unread).open_at_most(limits.open_bytes_max);
        // Versions go on from there, so that no two values of a key share one.
        next.held.lock().commits = commits;
        next
    }

    /// Keys under a prefix that were written or deleted here, those behind `after`, in order, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when what was packed cannot be read back.
    pub fn changed_under(&self, prefix: &Key, after: Option<Key>, limit: usize) -> Result<Vec<Key>, StoreError> {
        let scan = Scan::prefix(prefix, limit);
        let scan = match after {
            Some(after) => scan.after(after),
            None => scan,
        };
        let Some(range) = scan.range() else {
            return Ok(Vec::new());
        };
        let held = self.held.lock();
        let mut changes = held.within(&range, Direction::Forward)?;
        let mut keys = Vec::new();
        while keys.len() < limit
            && let Some((key, _)) = changes.next()?
        {
            keys.push(key);
        }
        Ok(keys)
    }

    /// Bytes that are held back, as they are and packed, roughly.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.held.lock().bytes()
    }

    /// The value at a key, if something was written there: the outer `None` says that the store behind decides.
    fn own(&self, key: &Key) -> Result<Option<Option<Versioned>>, StoreError> {
        // What is closed is looked into when nobody waits for the lock.
        let closed = match self.held.lock().find_open(key) {
            Ok(change) => return Ok(Some(change)),
            Err(closed) => closed,
        };
        closed.find(key)
    }

    async fn look(&self, key: Key) -> Result<Option<Versioned>, StoreError> {
        match self.own(&key)? {
            Some(own) => Ok(own),
            None => self.behind.get(key).await,
        }
    }

    /// Packs what was closed. Meanwhile it is read as it is; commits wait.
    async fn pack(&self, closed: Closed) -> Result<(), StoreError> {
        let limits = self.limits;
        let packed = tokio::task::spawn_blocking(move || closed.packed(limits)).await;
        let packed = packed.map_err(|error| StoreError::Unavailable {
            engine: self.behind.engine(),
            reason: error.to_string(),
        })??;
        self.held.lock().replace_closed(packed);
        Ok(())
    }

    /// The entries of both, the own ones first where both have one.
    async fn entries(&self, scan: &Scan) -> Result<Vec<(Key, Versioned)>, StoreError> {
        let Some(range) = scan.range() else {
            return Ok(Vec::new());
        };
        let limit = scan.limit.min(SCAN_ENTRIES_MAX);
        let (own, cut) = own_of(&self.held.lock(), &range, scan.direction, limit)?;
        let is_before_cut = |key: &Key| cut.as_ref().is_none_or(|cut| is_up_to(scan.direction, key, cut));
        let mut merged: BTreeMap<Key, Versioned> = BTreeMap::new();
        let mut rest = scan.clone();
        // Every entry that is hidden costs one more: then a part that is full has enough in most cases.
        rest.limit = (limit + own.len()).clamp(1, SCAN_ENTRIES_MAX);
        loop {
            let part = self.behind.scan(rest.clone()).await?;
            let is_rest = part.len() < rest.limit;
            let last = part.last().map(|(key, _)| key.clone());
            let seen = part
                .into_iter()
                .filter(|(key, _)| !own.contains_key(key) && is_before_cut(key));
            merged.extend(seen);
            match last {
                Some(last) if !is_rest && merged.len() < limit && is_before_cut(&last) => rest = rest.after(last),
                _ => {
                    let reached = last.filter(|_| !is_rest);
                    return Ok(in_order(scan.direction, limit, merged, own, reached.as_ref()));
                }
            }
        }
    }
}

/// Puts both together. Behind `reached` the store may have entries that were not read; the own ones there must not come before them,
/// and do not: as many entries as are wanted lie before it.
fn in_order(
    direction: Direction,
    limit: usize,
    mut merged: BTreeMap<Key, Versioned>,
    own: Changes,
    reached: Option<&Key>,
) -> Vec<(Key, Versioned)> {
    let is_known = |key: &Key| reached.is_none_or(|reached| is_up_to(direction, key, reached));
    let own = own.into_iter().filter(|(key, _)| is_known(key));
    merged.extend(own.filter_map(|(key, change)| change.map(|found| (key, found))));
    match direction {
        Direction::Forward => merged.into_iter().take(limit).collect(),
        Direction::Backward => merged.into_iter().rev().take(limit).collect(),
    }
}

/// Changes in order, where `None` is a deletion.
type Changes = BTreeMap<Key, Option<Versioned>>;

/// The changes in a range, with as many entries as are wanted, and the last of these when there are more: what lies behind it is
/// not in the answer.
fn own_of(
    held: &Held,
    range: &(Bound<Key>, Bound<Key>),
    direction: Direction,
    limit: usize,
) -> Result<(Changes, Option<Key>), StoreError> {
    let mut changes = held.within(range, direction)?;
    let (mut own, mut entries) = (Changes::new(), 0);
    while let Some((key, change)) = changes.next()? {
        entries += usize::from(change.is_some());
        own.insert(key.clone(), change);
        if entries >= limit {
            return Ok((own, Some(key)));
        }
    }
    Ok((own, None))
}

/// Whether a key lies before another one in a scan, or is the same.
fn is_up_to(direction: Direction, key: &Key, last: &Key) -> bool {
    match direction {
        Direction::Forward => key <= last,
        Direction::Backward => key >= last,
    }
}

/// What a batch looks at, as it was read before it is judged.
struct Known {
    engine: &'static str,
    values: BTreeMap<Key, Option<Versioned>>,
}

impl View for Known {
    fn engine(&self) -> &'static str {
        self.engine
    }

    fn look(&self, key: &Key) -> Result<Option<Versioned>, StoreError> {
        Ok(self.values.get(key).cloned().flatten())
    }
}

/// The keys that judging a batch looks at: those of its preconditions, counters and logs.
fn looked_at(batch: &Batch) -> impl Iterator<Item = Key> + '_ {
    let required = batch.preconditions.iter().map(|precondition| match precondition {
        Precondition::Absent(key) | Precondition::Present(key) | Precondition::AtVersion(key, _) => key.clone(),
    });
    let counted = batch.writes.iter().filter_map(|write| match write {
        Write::Count { key, .. } | Write::Append { log: key, .. } => Some(key.clone()),
        Write::Put(..) | Write::Delete(_) => None,
    });
    required.chain(counted)
}

#[async_trait]
impl Store for Rehearsal {
    fn engine(&self) -> &'static str {
        self.behind.engine()
    }

    async fn read(&self, reads: Vec<Read>) -> Result<Vec<Found>, StoreError> {
        let own = reads.iter().map(|read| match read {
            Read::Get(key) => self.own(key),
            Read::Scan(_) => Ok(None),
        });
        let own: Vec<Option<Option<Versioned>>> = own.collect::<Result<_, _>>()?;
        // What was not written here is asked for in one round trip.
        let open = reads.iter().zip(&own).filter_map(|(read, own)| match read {
            Read::Get(key) if own.is_none() => Some(key.clone()),
            Read::Get(_) | Read::Scan(_) => None,
        });
        let mut open = self.behind.get_many(open.collect()).await?.into_iter();
        let mut found = Vec::with_capacity(reads.len());
        for (read, own) in reads.iter().zip(own) {
            found.push(match read {
                Read::Get(_) => Found::Value(own.unwrap_or_else(|| open.next().flatten())),
                Read::Scan(scan) => Found::Entries(self.entries(scan).await?),
            });
        }
        Ok(found)
    }

    async fn commit(&self, batch: Batch) -> Result<Committed, StoreError> {
        let _order = self.order.lock().await;
        let mut values = BTreeMap::new();
        for key in looked_at(&batch) {
            let value = self.look(key.clone()).await?;
            values.insert(key, value);
        }
        let known = Known {
            engine: self.behind.engine(),
            values,
        };
        let judged = judge(&batch, &known)?;
        let (version, closed) = {
            let mut held = self.held.lock();
            held.commits += 1;
            let version = Version(FIRST_VERSION + held.commits);
            let changes = judged.changes.into_iter().filter(|(key, _)| !(self.is_unread)(key));
            held.extend(version, changes);
            (version, held.close(self.limits))
        };
        if let Some(closed) = closed {
            self.pack(closed).await?;
        }
        Ok(Committed {
            version,
            appended: judged.appended,
        })
    }

    fn health(&self) -> Health {
        self.behind.health()
    }

    async fn scrub(&self) -> Result<Scrub, StoreError> {
        self.behind.scrub().await
    }

    /// Closes nothing: the store behind belongs to others.
    async fn close(&self) -> Result<(), StoreError> {
        Ok(())
    }
}
