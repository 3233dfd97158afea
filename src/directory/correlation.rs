//! What a change has to do with the request that asked for it.

use bytes::Bytes;

use crate::store::Key;

/// The request behind a change. Without any, the gateway acts by itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Correlation {
    /// The request's identifier (`x-request-id`), as logs have it: it goes into the audit log.
    pub request: Option<String>,
    /// For a request with an idempotency key: the record that says that its work was done. It is written with the work, so
    /// that a crash behind it does not lead to the same work again.
    pub done: Option<(Key, Bytes)>,
}
