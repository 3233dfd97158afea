//! `dateTime` values (RFC 7643 section 2.3.5).

use chrono::{DateTime, NaiveDateTime, Utc};

/// The instant that an `xsd:dateTime` names; `None` when the text is not one. A value without a zone is read as UTC.
#[must_use]
pub fn instant(text: &str) -> Option<DateTime<Utc>> {
    if text.as_bytes().get(10) != Some(&b'T') {
        return None;
    }
    DateTime::parse_from_rfc3339(text)
        .map(|moment| moment.with_timezone(&Utc))
        .or_else(|_| NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").map(|moment| moment.and_utc()))
        .ok()
}
