//! A rehearsal: reads what is in a store, keeps what is written to itself.
//!
//! Whatever is done through it can be looked at, and then never happened. A plan of many changes is made so: the very same
//! operations run on it that would run on the store behind, each seeing what those before it left.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;

use super::apply::{View, judge};
use super::{
    Batch, Committed, Direction, Found, Health, Key, Precondition, Read, SCAN_ENTRIES_MAX, Scan, Scrub, Store,
    StoreError, Version, Versioned, Write,
};

/// Versions of what was written here: far above any that an engine gives, so that the two are never taken for each other.
const FIRST_VERSION: u64 = 1 << 63;

/// Stands in front of a store and holds back every change. What others commit behind it meanwhile is seen where it does not lie
/// under a change that was held back.
pub struct Rehearsal {
    behind: Arc<dyn Store>,
    held: Mutex<Held>,
    /// Commits are judged one after the other: each looks at what those before it left.
    order: tokio::sync::Mutex<()>,
    is_unread: fn(&Key) -> bool,
}

#[derive(Default)]
struct Held {
    /// The last word on each key; `None` where it was deleted.
    changes: BTreeMap<Key, Option<Versioned>>,
    commits: u64,
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
        }
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
        let is_unread = behind.is_unread;
        let next = Self::new(behind).without(is_unread);
        // Versions go on from there, so that no two values of a key share one.
        next.held.lock().commits = commits;
        next
    }

    /// Keys under a prefix that were written or deleted here, those behind `after`, in order, at most `limit`.
    #[must_use]
    pub fn changed_under(&self, prefix: &Key, after: Option<Key>, limit: usize) -> Vec<Key> {
        let scan = Scan::prefix(prefix, limit);
        let scan = match after {
            Some(after) => scan.after(after),
            None => scan,
        };
        let Some(range) = scan.range() else { return Vec::new() };
        let held = self.held.lock();
        held.changes
            .range(range)
            .take(limit)
            .map(|(key, _)| key.clone())
            .collect()
    }

    /// Forgets what was written at these keys, to save memory: the store behind decides again.
    pub fn forget(&self, is_forgotten: impl Fn(&Key) -> bool) {
        self.held.lock().changes.retain(|key, _| !is_forgotten(key));
    }

    /// Puts something smaller in the place of what was written at a key, to save memory. Its version stays.
    pub fn shrink(&self, key: &Key, value: Vec<u8>) {
        if let Some(Some(found)) = self.held.lock().changes.get_mut(key) {
            found.value = value.into();
        }
    }

    /// The value at a key, if something was written there: the outer `None` says that the store behind decides.
    fn own(&self, key: &Key) -> Option<Option<Versioned>> {
        self.held.lock().changes.get(key).cloned()
    }

    async fn look(&self, key: Key) -> Result<Option<Versioned>, StoreError> {
        match self.own(&key) {
            Some(own) => Ok(own),
            None => self.behind.get(key).await,
        }
    }

    /// The entries of both, the own ones first where both have one.
    async fn entries(&self, scan: &Scan) -> Result<Vec<(Key, Versioned)>, StoreError> {
        let Some(range) = scan.range() else {
            return Ok(Vec::new());
        };
        let limit = scan.limit.min(SCAN_ENTRIES_MAX);
        let (own, cut) = self.held.lock().within(range, scan.direction, limit);
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
    own: BTreeMap<Key, Option<Versioned>>,
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

impl Held {
    /// The changes in a range, with as many entries as are wanted, and the last of these when there are more: what lies behind it is
    /// not in the answer.
    fn within(
        &self,
        range: (Bound<Key>, Bound<Key>),
        direction: Direction,
        limit: usize,
    ) -> (BTreeMap<Key, Option<Versioned>>, Option<Key>) {
        let mut range = self.changes.range(range);
        let (mut own, mut entries) = (BTreeMap::new(), 0);
        loop {
            let next = match direction {
                Direction::Forward => range.next(),
                Direction::Backward => range.next_back(),
            };
            let Some((key, change)) = next else { return (own, None) };
            own.insert(key.clone(), change.clone());
            entries += usize::from(change.is_some());
            if entries >= limit {
                return (own, Some(key.clone()));
            }
        }
    }
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
        let own: Vec<Option<Option<Versioned>>> = reads
            .iter()
            .map(|read| match read {
                Read::Get(key) => self.own(key),
                Read::Scan(_) => None,
            })
            .collect();
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
        let mut held = self.held.lock();
        held.commits += 1;
        let version = Version(FIRST_VERSION + held.commits);
        let changes = judged
            .changes
            .into_iter()
            .filter(|(key, _)| !(self.is_unread)(key))
            .map(|(key, value)| (key, value.map(|value| Versioned { value, version })));
        held.changes.extend(changes);
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
