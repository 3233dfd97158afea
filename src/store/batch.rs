//! A batch: what must hold, and what is then written.

use bytes::Bytes;

use super::{Key, Version};

/// What must hold for a batch to be applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Precondition {
    /// Nothing is stored at the key.
    Absent(Key),
    /// Something is stored at the key, whatever its version.
    Present(Key),
    /// The key holds exactly the value that was written by this commit.
    AtVersion(Key, Version),
}

/// One change of a batch. Writes are applied in order; a later one sees an earlier one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Write {
    /// Stores the value.
    Put(Key, Bytes),
    /// Removes the key; nothing happens when it is not there.
    Delete(Key),
    /// Adds to a counter (a key that is not there counts as 0; the value is stored as decimal text, and a counter that
    /// becomes 0 stays stored). Refused with `LimitReached` when `delta` is positive and the sum would pass `max`; a
    /// sum below 0 is refused the same way, with limit 0. Counters never conflict: two batches may add at once.
    Count {
        /// The counter.
        key: Key,
        /// What is added.
        delta: i64,
        /// The largest sum that an increase may reach.
        max: Option<i64>,
    },
    /// Appends to a log: the value is stored at `log` followed by the next sequence number (8 bytes, big endian), the
    /// first being 1. The last number is kept as a counter at the key `log` itself. Numbers have no gaps, and appends
    /// never conflict.
    Append {
        /// The log's key, which is also the prefix of its entries.
        log: Key,
        /// The entry.
        value: Bytes,
    },
}

/// An atomic change: preconditions and writes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch {
    /// Judged first, all against the state before the batch.
    pub preconditions: Vec<Precondition>,
    /// Applied in order when all preconditions hold.
    pub writes: Vec<Write>,
}

impl Batch {
    /// An empty batch.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a precondition.
    pub fn require(&mut self, precondition: Precondition) -> &mut Self {
        self.preconditions.push(precondition);
        self
    }

    /// Stores a value.
    pub fn put(&mut self, key: Key, value: impl Into<Bytes>) -> &mut Self {
        self.writes.push(Write::Put(key, value.into()));
        self
    }

    /// Removes a key.
    pub fn delete(&mut self, key: Key) -> &mut Self {
        self.writes.push(Write::Delete(key));
        self
    }

    /// Adds to a counter without an upper bound.
    pub fn count(&mut self, key: Key, delta: i64) -> &mut Self {
        self.writes.push(Write::Count { key, delta, max: None });
        self
    }

    /// Adds to a counter that must not pass `max`.
    pub fn count_within(&mut self, key: Key, delta: i64, max: i64) -> &mut Self {
        self.writes.push(Write::Count {
            key,
            delta,
            max: Some(max),
        });
        self
    }

    /// Appends to a log.
    pub fn append(&mut self, log: Key, value: impl Into<Bytes>) -> &mut Self {
        self.writes.push(Write::Append {
            log,
            value: value.into(),
        });
        self
    }

    /// Bytes of all keys and values.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.writes
            .iter()
            .map(|write| match write {
                Write::Put(key, value) | Write::Append { log: key, value } => key.as_bytes().len() + value.len(),
                Write::Delete(key) | Write::Count { key, .. } => key.as_bytes().len(),
            })
            .sum()
    }
}
