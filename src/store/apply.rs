//! Judging a batch: the one place where preconditions, counters, logs and size limits have their meaning.
//!
//! [`judge`] is pure: it reads through a [`View`] and answers what has to be written. Every engine that judges in this
//! process calls it, so that engines cannot differ in what a batch means.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::{BATCH_BYTES_MAX, Batch, KEY_BYTES_MAX, Key, Precondition, StoreError, VALUE_BYTES_MAX, Versioned, Write};

/// The state that a batch is judged against. It must not change while [`judge`] runs.
pub trait View {
    /// The engine's name, for messages.
    fn engine(&self) -> &'static str;

    /// What is stored at the key.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] or [`StoreError::Unavailable`] when the engine cannot tell.
    fn look(&self, key: &Key) -> Result<Option<Versioned>, StoreError>;
}

/// What a batch comes to: the last word on each key, without order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Judged {
    /// The value that each key has afterwards; `None` where nothing is stored.
    pub changes: BTreeMap<Key, Option<Bytes>>,
    /// The sequence number of each append, in the batch's order.
    pub appended: Vec<u64>,
}

/// Judges the batch against the view. Sizes come first, then the preconditions in order, then the writes in order.
///
/// # Errors
/// [`StoreError::TooLarge`], [`StoreError::Conflict`] and [`StoreError::LimitReached`] as [`super::Store::commit`] says;
/// [`StoreError::Corrupt`] when a counter does not hold a number; whatever the view answers.
pub fn judge(batch: &Batch, view: &impl View) -> Result<Judged, StoreError> {
    check_sizes(batch)?;
    for precondition in &batch.preconditions {
        check(precondition, view)?;
    }
    let mut judged = Judged::default();
    for write in &batch.writes {
        match write {
            Write::Put(key, value) => judged.set(key, Some(value.clone())),
            Write::Delete(key) => judged.set(key, None),
            Write::Count { key, delta, max } => {
                let current = judged.number(key, view)?;
                let sum = add(key, current, *delta, *max)?;
                judged.set(key, Some(decimal(sum)));
            }
            Write::Append { log, value } => {
                let last = add(log, judged.number(log, view)?, 1, None)?;
                let sequence = last.unsigned_abs();
                judged.set(log, Some(decimal(last)));
                judged.set(&entry_key(log, sequence), Some(value.clone()));
                judged.appended.push(sequence);
            }
        }
    }
    Ok(judged)
}

/// The key of a log's entry: the log's key, then the sequence number as 8 bytes, big endian.
#[must_use]
pub fn entry_key(log: &Key, sequence: u64) -> Key {
    let mut bytes = Vec::with_capacity(log.as_bytes().len() + 8);
    bytes.extend_from_slice(log.as_bytes());
    bytes.extend_from_slice(&sequence.to_be_bytes());
    Key::new(bytes)
}

impl Judged {
    fn set(&mut self, key: &Key, value: Option<Bytes>) {
        self.changes.insert(key.clone(), value);
    }

    /// The counter's value as the writes before this one have left it.
    fn number(&self, key: &Key, view: &impl View) -> Result<i64, StoreError> {
        let stored = match self.changes.get(key) {
            Some(changed) => changed.clone(),
            None => view.look(key)?.map(|found| found.value),
        };
        let Some(bytes) = stored else { return Ok(0) };
        std::str::from_utf8(&bytes)
            .ok()
            .and_then(|text| text.parse().ok())
            .ok_or_else(|| StoreError::Corrupt {
                engine: view.engine(),
                key: key.clone(),
                what: "a counter holds something that is not a number".to_owned(),
            })
    }
}

fn check(precondition: &Precondition, view: &impl View) -> Result<(), StoreError> {
    let (key, holds) = match precondition {
        Precondition::Absent(key) => (key, view.look(key)?.is_none()),
        Precondition::Present(key) => (key, view.look(key)?.is_some()),
        Precondition::AtVersion(key, version) => (key, view.look(key)?.is_some_and(|found| found.version == *version)),
    };
    if holds {
        Ok(())
    } else {
        Err(StoreError::Conflict { key: key.clone() })
    }
}

/// The sum, or which bound refuses it. The bounds of `i64` count as bounds too: a counter never wraps.
fn add(key: &Key, current: i64, delta: i64, max: Option<i64>) -> Result<i64, StoreError> {
    let limit = if delta > 0 { max.unwrap_or(i64::MAX) } else { 0 };
    let sum = current.checked_add(delta);
    match sum {
        Some(sum) if delta > 0 && sum <= limit && sum >= 0 => Ok(sum),
        Some(sum) if delta <= 0 && sum >= 0 => Ok(sum),
        _ => Err(StoreError::LimitReached {
            key: key.clone(),
            current,
            limit,
        }),
    }
}

fn decimal(number: i64) -> Bytes {
    Bytes::from(number.to_string())
}

fn check_sizes(batch: &Batch) -> Result<(), StoreError> {
    at_most("batch", batch.bytes(), BATCH_BYTES_MAX)?;
    for precondition in &batch.preconditions {
        let (Precondition::Absent(key) | Precondition::Present(key) | Precondition::AtVersion(key, _)) = precondition;
        at_most("key", key.as_bytes().len(), KEY_BYTES_MAX)?;
    }
    for write in &batch.writes {
        let (key_bytes, value_bytes) = match write {
            Write::Put(key, value) => (key.as_bytes().len(), value.len()),
            Write::Delete(key) | Write::Count { key, .. } => (key.as_bytes().len(), 0),
            Write::Append { log, value } => (log.as_bytes().len() + 8, value.len()),
        };
        at_most("key", key_bytes, KEY_BYTES_MAX)?;
        at_most("value", value_bytes, VALUE_BYTES_MAX)?;
    }
    Ok(())
}

fn at_most(what: &'static str, bytes: usize, limit: usize) -> Result<(), StoreError> {
    if bytes > limit {
        return Err(StoreError::TooLarge { what, bytes, limit });
    }
    Ok(())
}
