//! Versioned envelopes: what a record looks like in the store.
//!
//! A record is stored as JSON with one extra member `"v"`, the format's number. A later release that changes a record's
//! form raises [`Record::FORMAT`] and says in [`Record::upgrade`] how an older one is read.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// A thing that the store keeps.
pub trait Record: Serialize + DeserializeOwned {
    /// Its name in messages.
    const KIND: &'static str;

    /// The number of the form that this release writes.
    const FORMAT: u64 = 1;

    /// Turns a record of an older format (`from < FORMAT`) into the present one. `None` when that format is unknown.
    fn upgrade(_from: u64, _fields: Map<String, Value>) -> Option<Map<String, Value>> {
        None
    }
}

/// A stored record that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// It was written by a later release.
    #[error("{kind} record has format {found}, this release reads up to {known}: start the newer release")]
    TooNew {
        /// The record's kind.
        kind: &'static str,
        /// Its format.
        found: u64,
        /// The newest format that this release reads.
        known: u64,
    },
    /// It is not what it should be.
    #[error("{kind} record cannot be read: {reason}")]
    Unreadable {
        /// The record's kind.
        kind: &'static str,
        /// What is wrong.
        reason: String,
    },
}

/// The bytes to store.
///
/// # Panics
/// Never: records are JSON objects with text keys by construction, which serde_json always writes.
#[must_use]
pub fn encode<R: Record>(record: &R) -> Vec<u8> {
    let mut value = serde_json::to_value(record).unwrap_or_default();
    if let Some(fields) = value.as_object_mut() {
        fields.insert("v".to_owned(), R::FORMAT.into());
    }
    value.to_string().into_bytes()
}

/// Reads a stored record, upgrading an older format.
///
/// # Errors
/// [`RecordError`] says what cannot be read.
pub fn decode<R: Record>(bytes: &[u8]) -> Result<R, RecordError> {
    let unreadable = |reason: String| RecordError::Unreadable { kind: R::KIND, reason };
    let mut fields: Map<String, Value> =
        serde_json::from_slice(bytes).map_err(|error| unreadable(error.to_string()))?;
    let found = fields
        .remove("v")
        .and_then(|v| v.as_u64())
        .ok_or_else(|| unreadable("no format number".to_owned()))?;
    if found > R::FORMAT {
        return Err(RecordError::TooNew {
            kind: R::KIND,
            found,
            known: R::FORMAT,
        });
    }
    if found < R::FORMAT {
        fields = R::upgrade(found, fields).ok_or_else(|| unreadable(format!("format {found} is not known")))?;
    }
    serde_json::from_value(Value::Object(fields)).map_err(|error| unreadable(error.to_string()))
}
