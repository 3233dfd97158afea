//! `modifyTimestamp` (RFC 4512 section 3.4.4): what every server has.
//!
//! The time is the highest one seen in the directory, never ours, and the reading goes a little behind it, because
//! entries written within one second bear the same stamp and need not become visible in order.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use chrono::{DateTime, FixedOffset, NaiveDateTime};

use super::cursor::Mark;
use super::update_sequence::literal;
use super::{ChangeError, Found, read_bounded};
use crate::ldap::connection::Connection;
use crate::ldap::entry::Entry;
use crate::ldap::filter::Filter;
use crate::ldap::read_error::{NoMarkReason, ReadError};
use crate::ldap::search::{Query, Reading, read};

const MODIFY_TIMESTAMP: &str = "modifyTimestamp";
/// How far behind the highest stamp a reading starts.
const OVERLAP_SECONDS: i64 = 5;

/// The highest time stamp in the query: a pass over everything in it.
pub(super) async fn mark(connection: &mut Connection, query: &Query) -> Result<Mark, ReadError> {
    let (mut highest, mut without, mut first_dn) = (None, 0_u64, None);
    let reading = Reading {
        requested: with_stamp(Reading::ids_of(query).requested),
        ..Reading::of(query)
    };
    let outcome = read(connection, reading, |entry| {
        match stamp(&entry) {
            Some(seconds) => highest = highest.max(Some(seconds)),
            None => {
                without += 1;
                first_dn.get_or_insert(entry.dn);
            }
        }
        ControlFlow::Continue(())
    });
    let _ = outcome.await?;
    match first_dn {
        Some(dn) => Err(NoMarkReason::ModifyTimestamp { entries: without, dn }.into()),
        None => Ok(Mark::ModifyTimestamp { highest }),
    }
}

/// Two searches: the ids of everything that changed below the base, then the changed entries in the query. In this order,
/// so that an entry that comes into the query in between is in the second and not taken for gone.
pub(super) async fn read_changes(
    connection: &mut Connection,
    query: &Query,
    was: Option<i64>,
    on_entry: &mut impl FnMut(Entry) -> ControlFlow<()>,
) -> Result<Found, ChangeError> {
    let mut highest = was;
    let changed = changed_since(was);
    let mut named = BTreeMap::new();
    let reading = Reading {
        filters: vec![changed.clone()],
        requested: with_stamp(Reading::ids_of(query).requested),
        ..Reading::of(query)
    };
    let outcome = read(connection, reading, |entry| {
        highest = highest.max(stamp(&entry));
        named.insert(entry.stable_id.number(), entry.stable_id);
        ControlFlow::Continue(())
    });
    let _ = outcome.await?;
    let reading = Reading {
        filters: vec![Filter::all([changed, query.filter.clone()])],
        ..Reading::of(query)
    };
    let (complete, handed_out) = read_bounded(connection, reading, on_entry).await?;
    named.retain(|number, _| !handed_out.contains(number));
    Ok(Found {
        complete,
        gone: named.into_values().collect(),
        mark: Mark::ModifyTimestamp { highest },
        needs_presence_pass: false,
        sees_deletions: false,
    })
}

/// `(modifyTimestamp>=..)`, or everything when no stamp was ever seen.
fn changed_since(was: Option<i64>) -> Filter {
    let start = was.and_then(|seconds| DateTime::from_timestamp(seconds.saturating_sub(OVERLAP_SECONDS), 0));
    match start {
        Some(start) => {
            let text = start.format("%Y%m%d%H%M%SZ").to_string();
            literal(Filter::at_least(MODIFY_TIMESTAMP, &text))
        }
        None => Filter::everything(),
    }
}

fn with_stamp(mut requested: Vec<String>) -> Vec<String> {
    requested.push(MODIFY_TIMESTAMP.to_owned());
    requested
}

/// The entry's stamp in seconds since 1970.
fn stamp(entry: &Entry) -> Option<i64> {
    generalized_time(entry.attributes.text(MODIFY_TIMESTAMP)?)
}

/// Generalized Time (RFC 4517 section 3.3.13) to the second, in seconds since 1970. Minutes and seconds may be missing by
/// the grammar, but no server leaves them out of a time stamp.
fn generalized_time(text: &str) -> Option<i64> {
    let (digits, rest) = text.split_at_checked(14)?;
    let local = NaiveDateTime::parse_from_str(digits, "%Y%m%d%H%M%S").ok()?;
    let zone = rest.trim_start_matches(|character: char| character.is_ascii_digit() || matches!(character, '.' | ','));
    let offset = match zone {
        "Z" => 0,
        _ => DateTime::parse_from_str(&format!("19700101000000{zone}"), "%Y%m%d%H%M%S%z")
            .map(|time: DateTime<FixedOffset>| i64::from(time.offset().local_minus_utc()))
            .ok()?,
    };
    Some(local.and_utc().timestamp() - offset)
}

#[cfg(test)]
mod tests {
    use super::{changed_since, generalized_time};

    #[test]
    fn a_generalized_time_is_read_in_all_its_forms() {
        let table = [
            ("19700101000001Z", Some(1)),
            ("19700101000001.0Z", Some(1)),
            ("19700101000001,999Z", Some(1)),
            ("19700101010001+0100", Some(1)),
            ("19691231230001.5-0100", Some(1)),
            ("20261122014321Z", Some(1_795_311_801)),
            ("", None),
            ("19700101000001", None),
            ("1970010100Z", None),
            ("19701301000001Z", None),
            ("ä9700101000001Z", None),
        ];
        for (text, expected) in table {
            assert_eq!(generalized_time(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_reading_starts_five_seconds_behind_the_highest_stamp() {
        assert_eq!(
            changed_since(Some(1_795_311_801)).as_str(),
            "(modifyTimestamp>=20261122014316Z)"
        );
        assert_eq!(changed_since(None).as_str(), "(objectClass=*)");
    }
}
