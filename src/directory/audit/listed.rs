//! Reading the log: newest first, filtered, in bounded parts.

use std::ops::Bound;

use chrono::DateTime;

use crate::directory::stretch::Stretch;
use crate::directory::{Directory, DirectoryError, keys};
use crate::model::audit::{AuditChange, AuditEntry, AuditKind};
use crate::model::clock::Timestamp;
use crate::model::event::Door;
use crate::model::id::OrganisationId;
use crate::model::record;
use crate::store::{Key, Scan};

/// Entries that one question reads at most. A page may be short, or empty, and go on all the same.
const ENTRIES_READ_MAX: usize = 20_000;
/// Entries read at once.
const CHUNK: usize = 1_000;

/// Where an entry stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditPlace {
    /// Its instant in milliseconds.
    pub at_ms: u64,
    /// Its identifier.
    pub id: uuid::Uuid,
}

impl std::fmt::Display for AuditPlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.at_ms, self.id.simple())
    }
}

impl std::str::FromStr for AuditPlace {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (at_ms, id) = text.split_once('.').ok_or(())?;
        Ok(Self {
            at_ms: at_ms.parse().map_err(|_| ())?,
            id: id.parse().map_err(|_| ())?,
        })
    }
}

/// An entry with its place, and of its changes those that were asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct ListedEntry {
    /// Where it stands.
    pub place: AuditPlace,
    /// When it was committed.
    pub at: Timestamp,
    /// The entry.
    pub entry: AuditEntry,
}

/// What is asked for. Nothing given: everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// A token's identifier, a connection's name or a person's identifier.
    pub actor: Option<String>,
    /// A door.
    pub door: Option<Door>,
    /// The identifier or short name of what changed; for memberships the group's or the member's.
    pub subject: Option<String>,
    /// What kind of thing changed.
    pub kind: Option<AuditKind>,
    /// The request's identifier.
    pub request: Option<String>,
    /// Not before.
    pub from: Option<Timestamp>,
    /// Before.
    pub to: Option<Timestamp>,
}

impl AuditFilter {
    /// The entry with the changes that are asked for; `None` when there are none.
    fn narrow(&self, mut entry: AuditEntry) -> Option<AuditEntry> {
        let is_door = self.door.is_none_or(|door| door == entry.actor.door);
        let is_request = self.request.is_none() || self.request == entry.request;
        if !is_door || !is_request || !self.is_actor(&entry) {
            return None;
        }
        entry.changes.retain(|change| {
            self.kind.is_none_or(|kind| kind == change.kind)
                && self.subject.as_ref().is_none_or(|subject| is_about(change, subject))
        });
        (!entry.changes.is_empty()).then_some(entry)
    }

    /// Whoever an actor names: its token, its connection, its person.
    fn is_actor(&self, entry: &AuditEntry) -> bool {
        let Some(wanted) = &self.actor else { return true };
        let shown = serde_json::to_value(&entry.actor).unwrap_or_default();
        let mut members = shown.as_object().into_iter().flatten();
        members.any(|(name, value)| name != "door" && value.as_str() == Some(wanted))
    }
}

/// Whether a change is about this thing.
#[must_use]
pub(in crate::directory) fn is_about(change: &AuditChange, subject: &str) -> bool {
    let is_member = |member: &String| member.get(1..) == Some(subject);
    change.subject == subject || change.members.iter().any(is_member)
}

impl Directory {
    /// Entries of the log, newest first, older than a place or newer than it: at most `limit`, the nearest first, and where to go on
    /// when there is more to read.
    ///
    /// # Errors
    /// As the store's read.
    pub async fn list_audit(
        &self,
        organisation: OrganisationId,
        filter: &AuditFilter,
        along: impl Into<Stretch<AuditPlace>> + Send,
        limit: usize,
    ) -> Result<(Vec<ListedEntry>, Option<AuditPlace>), DirectoryError> {
        let prefix = keys::audit::audit(organisation);
        let along = along.into().reversed();
        let mut scan = along.scan(&prefix, CHUNK, |place| {
            keys::audit::audit_entry(organisation, place.at_ms, place.id)
        });
        let instant = |at: Timestamp| keys::audit::audit_from(organisation, millis(at));
        narrow(&mut scan, filter.from.map(instant), filter.to.map(instant));
        let mut listed = Vec::new();
        let mut last = None;
        let mut read = 0;
        while read < ENTRIES_READ_MAX {
            let entries = self.store.scan(scan.clone()).await?;
            let is_end = entries.len() < CHUNK;
            for (key, stored) in &entries {
                let place = place(key)?;
                if listed.len() == limit {
                    return Ok((listed, last));
                }
                last = Some(place);
                let entry: AuditEntry = record::decode(&stored.value)?;
                listed.extend(filter.narrow(entry).map(|entry| ListedEntry {
                    place,
                    at: at(place.at_ms),
                    entry,
                }));
            }
            let Some((key, _)) = entries.last().filter(|_| !is_end) else {
                return Ok((listed, None));
            };
            scan = scan.after(key.clone());
            read += entries.len();
        }
        Ok((listed, last))
    }
}

/// The part of a scan from one key on, and in front of another.
fn narrow(scan: &mut Scan, from: Option<Key>, to: Option<Key>) {
    if let Some(from) = from {
        let is_later = |start: &Key| *start < from;
        if matches!(&scan.start, Bound::Included(start) | Bound::Excluded(start) if is_later(start)) {
            scan.start = Bound::Included(from);
        }
    }
    if let Some(to) = to {
        let is_earlier = |end: &Key| *end > to;
        if matches!(&scan.end, Bound::Included(end) | Bound::Excluded(end) if is_earlier(end)) {
            scan.end = Bound::Excluded(to);
        }
    }
}

fn place(key: &Key) -> Result<AuditPlace, DirectoryError> {
    let found = keys::audit::audit_place(key).map(|(at_ms, id)| AuditPlace { at_ms, id });
    found.ok_or_else(|| DirectoryError::Corrupt(format!("audit key {key} has no place in time")))
}

pub(super) fn millis(at: Timestamp) -> u64 {
    u64::try_from(at.timestamp_millis()).unwrap_or_default()
}

fn at(at_ms: u64) -> Timestamp {
    let at = i64::try_from(at_ms).ok().and_then(DateTime::from_timestamp_millis);
    at.unwrap_or_default()
}
