//! The envelope of a record: what is stored under a key in the tree.
//!
//! Users' keys carry the prefix [`PREFIX`], so that none of them can meet the engine's own record. A record is
//! `checksum (4 bytes) version (8 bytes) payload`, numbers big endian. The checksum (CRC-32) covers the key, the version and
//! the payload: a record that was moved to another key is damaged too.

use std::ops::Bound;

use ::sled::IVec;
use bytes::Bytes;

use super::ENGINE;
use crate::store::{Key, StoreError, Version, Versioned};

/// The first byte of every user's key in the tree.
pub const PREFIX: u8 = 1;

const HEADER_BYTES: usize = 12;

/// The key in the tree.
#[must_use]
pub fn tree_key(key: &Key) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(1 + key.as_bytes().len());
    bytes.push(PREFIX);
    bytes.extend_from_slice(key.as_bytes());
    bytes
}

/// The user's key of a key in the tree.
#[must_use]
pub fn user_key(tree_key: &[u8]) -> Key {
    Key::new(Bytes::copy_from_slice(tree_key.get(1..).unwrap_or_default()))
}

/// The range in the tree that holds these users' keys.
#[must_use]
pub fn tree_range((start, end): (Bound<Key>, Bound<Key>)) -> (Bound<Vec<u8>>, Bound<Vec<u8>>) {
    let start = match start {
        Bound::Unbounded => Bound::Included(vec![PREFIX]),
        Bound::Included(key) => Bound::Included(tree_key(&key)),
        Bound::Excluded(key) => Bound::Excluded(tree_key(&key)),
    };
    let end = match end {
        Bound::Unbounded => Bound::Excluded(vec![PREFIX + 1]),
        Bound::Included(key) => Bound::Included(tree_key(&key)),
        Bound::Excluded(key) => Bound::Excluded(tree_key(&key)),
    };
    (start, end)
}

/// A record ready to be stored, and its checksum.
#[must_use]
pub fn seal(key: &Key, record: &Versioned) -> (Vec<u8>, u32) {
    let version = record.version.0.to_be_bytes();
    let checksum = checksum(key, &version, &record.value);
    let mut bytes = Vec::with_capacity(HEADER_BYTES + record.value.len());
    bytes.extend_from_slice(&checksum.to_be_bytes());
    bytes.extend_from_slice(&version);
    bytes.extend_from_slice(&record.value);
    (bytes, checksum)
}

/// The record that is stored, and its checksum.
///
/// # Errors
/// [`StoreError::Corrupt`] names the key.
pub fn unseal(key: &Key, stored: &IVec) -> Result<(Versioned, u32), StoreError> {
    let damaged = |what: &str| StoreError::Corrupt {
        engine: ENGINE,
        key: key.clone(),
        what: what.to_owned(),
    };
    let (sum, rest) = stored
        .split_first_chunk::<4>()
        .ok_or_else(|| damaged("it is shorter than its checksum"))?;
    let (version, payload) = rest
        .split_first_chunk::<8>()
        .ok_or_else(|| damaged("it is shorter than its version"))?;
    let sum = u32::from_be_bytes(*sum);
    if sum != checksum(key, version, payload) {
        return Err(damaged("its checksum is wrong"));
    }
    let record = Versioned {
        value: Bytes::copy_from_slice(payload),
        version: Version(u64::from_be_bytes(*version)),
    };
    Ok((record, sum))
}

fn checksum(key: &Key, version: &[u8; 8], payload: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(key.as_bytes());
    crc.update(version);
    crc.update(payload);
    crc.finalize()
}
