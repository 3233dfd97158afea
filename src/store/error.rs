//! What a store answers when it cannot do what was asked.

use thiserror::Error;

use super::Key;

/// A store's error. `Conflict` and `LimitReached` are ordinary answers; the others need an operator.
#[derive(Debug, Error)]
pub enum StoreError {
    /// A precondition did not hold. Nothing was written: read again and decide again.
    #[error("another change came first at key {key}")]
    Conflict {
        /// The key of the first precondition that failed.
        key: Key,
    },
    /// A counter would have passed its bound. Nothing was written.
    #[error("counter {key} is at {current} and may not pass {limit}")]
    LimitReached {
        /// The counter.
        key: Key,
        /// Its value when the batch was judged.
        current: i64,
        /// The bound.
        limit: i64,
    },
    /// A key, value or batch is larger than the contract allows. Nothing was written.
    #[error("{what} has {bytes} bytes, at most {limit} are allowed")]
    TooLarge {
        /// `key`, `value` or `batch`.
        what: &'static str,
        /// Its size.
        bytes: usize,
        /// The bound.
        limit: usize,
    },
    /// A stored record is damaged.
    #[error("{engine}: the record at key {key} is damaged: {what}; restore a backup")]
    Corrupt {
        /// The engine.
        engine: &'static str,
        /// The record's key.
        key: Key,
        /// What is wrong with it.
        what: String,
    },
    /// The engine cannot answer. After a failed commit the outcome is unknown.
    #[error("{engine}: {reason}")]
    Unavailable {
        /// The engine.
        engine: &'static str,
        /// What happened, for the operator.
        reason: String,
    },
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
}
