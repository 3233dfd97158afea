//! Cursors (RFC 9865; S004-16): a place among the results, bound to the query that it came from. They need no memory of ours; one
//! that is wrong can show nothing but another place in the client's own query.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::directory::query::Place;
use crate::model::clock::Timestamp;
use crate::model::scim_type::ScimType;

use super::error::ScimError;
use super::paging::Fingerprint;

/// Bytes of the checksum at the end.
const CHECKSUM_BYTES: usize = 12;

/// The checksum needs no secret, since a made-up cursor leads nowhere that a numbered page does not. Only sums with its number
/// must not overflow.
const INDEX_MAX: u64 = u64::MAX >> 1;

/// A place in a walk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Cursor {
    /// The number of the page's first result, counted from 1; of a page to walk back from, that page's.
    #[serde(rename = "n")]
    pub(super) index: u64,
    /// Matches in all, as first counted.
    #[serde(rename = "t")]
    pub(super) total: u64,
    /// The last result of the page before, or the first one of the page to walk back from.
    #[serde(rename = "p")]
    pub(super) place: Place,
    /// When it was given out, in milliseconds.
    #[serde(rename = "m")]
    pub(super) issued_ms: i64,
    /// Whether it walks back.
    #[serde(rename = "b", default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) is_back: bool,
}

impl Cursor {
    /// What the client is given: characters that need no escape in a URL (RFC 3986 s2.3).
    pub(super) fn write(&self, query: &Fingerprint) -> String {
        // A cursor is numbers, an identifier and a text: serde_json always writes it.
        let mut bytes = serde_json::to_vec(self).unwrap_or_default();
        let checksum = checksum(&bytes, query);
        bytes.extend_from_slice(&checksum);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads what the client brings back.
    ///
    /// # Errors
    /// `invalidCursor` for what was not given out, or for another query; `expiredCursor` past the timeout.
    pub(super) fn read(text: &str, query: &Fingerprint, now: Timestamp, timeout_s: u64) -> Result<Self, ScimError> {
        let cursor = Self::parse(text, query).ok_or_else(|| {
            let detail = "the cursor was not given out for this query: send every parameter as in the first request";
            ScimError::bad_request(ScimType::InvalidCursor, detail)
        })?;
        let age_ms = now.timestamp_millis().saturating_sub(cursor.issued_ms);
        if u64::try_from(age_ms).is_ok_and(|age_ms| age_ms / 1_000 > timeout_s) {
            let detail = format!("the cursor is older than {timeout_s} seconds: start again with an empty cursor");
            return Err(ScimError::bad_request(ScimType::ExpiredCursor, detail));
        }
        Ok(cursor)
    }

    fn parse(text: &str, query: &Fingerprint) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (payload, found) = bytes.split_at_checked(bytes.len().checked_sub(CHECKSUM_BYTES)?)?;
        if checksum(payload, query) != found {
            return None;
        }
        serde_json::from_slice(payload)
            .ok()
            .filter(|cursor: &Self| (1..=INDEX_MAX).contains(&cursor.index))
    }
}

fn checksum(payload: &[u8], query: &Fingerprint) -> [u8; CHECKSUM_BYTES] {
    let whole = Sha256::new().chain_update(query.0).chain_update(payload).finalize();
    let mut part = [0; CHECKSUM_BYTES];
    part.copy_from_slice(&whole[..CHECKSUM_BYTES]);
    part
}
