//! From the writes of a commit to an entry.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::directory::keys;
use crate::directory::settings::OrganisationSettings;
use crate::directory::tables::{self, Audited};
use crate::model::audit::{AuditChange, AuditEntry, AuditKind, AuditOutcome};
use crate::model::clock::{Clock, Timestamp};
use crate::model::event::{Actor, Door};
use crate::model::id::OrganisationId;
use crate::model::membership::Member;
use crate::model::record;
use crate::model::schema::{ENTERPRISE_USER, USHER_GROUP, USHER_USER};
use crate::store::Key;

use super::mask::{self, MASK};

/// Bytes of an entry's changes, roughly: a store takes values of at most 64 KiB.
const ENTRY_BYTES: usize = 32 * 1024;
/// Bytes of one value in the log; of a longer one only its length is kept.
const VALUE_BYTES: usize = 4 * 1024;

/// Members of records that change with every write, or that only say where others came from.
const UNTOLD: [&str; 8] = [
    "v",
    "id",
    "revision",
    "created",
    "last_modified",
    "owners",
    "offers",
    "rule_teams",
];
/// Members whose own members are told one by one.
const OPENED: [&str; 2] = ["attributes", "facts"];

/// A commit that is about to be made.
pub struct Commit<'a> {
    /// Whose records.
    pub organisation: OrganisationId,
    /// Who.
    pub actor: &'a Actor,
    /// The request's identifier.
    pub request: Option<&'a str>,
    /// The organisation's settings, when they are known: they say which of its own attributes are secret.
    pub settings: Option<Arc<OrganisationSettings>>,
    /// When.
    pub now: Timestamp,
}

/// One key that a commit writes.
#[derive(Debug, Clone, Copy)]
pub struct Written<'a> {
    /// The key.
    pub key: &'a Key,
    /// What was there, as far as the commit read it.
    pub before: Option<&'a [u8]>,
    /// What will be there.
    pub after: Option<&'a [u8]>,
}

/// Memberships of one group, and assignments of one resource, with one outcome are one change.
type Edges = BTreeMap<(&'static str, uuid::Uuid, bool), (AuditKind, Vec<String>)>;

impl Commit<'_> {
    /// The entries of this commit, with their keys: one, or several when it is large; none when it changes nothing that is told.
    pub fn entries<'w>(&self, written: impl Iterator<Item = Written<'w>>, clock: &dyn Clock) -> Vec<(Key, Vec<u8>)> {
        let mut changes = Vec::new();
        let mut edges = Edges::new();
        for write in written {
            match treatment(write.key) {
                Audited::No => {}
                Audited::Edge(kind) => changes.extend(self.edge(write, kind, &mut edges)),
                Audited::Record(kind) => {
                    let id = keys::last_uuid(write.key).unwrap_or_default().to_string();
                    changes.extend(self.change(write, kind, id));
                }
                Audited::Own(kind) => changes.extend(self.change(write, kind, self.organisation.to_string())),
                Audited::Named(kind) => changes.extend(self.change(write, kind, last_text(write.key))),
                Audited::Sealed(kind) => changes.push(AuditChange {
                    kind,
                    subject: keys::last_uuid(write.key).unwrap_or_default().to_string(),
                    outcome: outcome(write),
                    fields: BTreeMap::new(),
                    members: Vec::new(),
                }),
            }
        }
        changes.extend(
            edges
                .into_iter()
                .map(|((_, subject, came), (kind, members))| AuditChange {
                    kind,
                    subject: subject.to_string(),
                    outcome: if came {
                        AuditOutcome::Created
                    } else {
                        AuditOutcome::Deleted
                    },
                    fields: BTreeMap::new(),
                    members,
                }),
        );
        let at = u64::try_from(self.now.timestamp_millis()).unwrap_or_default();
        parts(changes)
            .into_iter()
            .map(|changes| {
                let entry = AuditEntry {
                    actor: self.actor.clone(),
                    request: self.request.map(str::to_owned),
                    changes,
                };
                let key = keys::audit::audit_entry(self.organisation, at, clock.uuid());
                (key, record::encode(&entry))
            })
            .collect()
    }

    /// A record that was made, changed or deleted; nothing when only what is not told differs.
    fn change(&self, write: Written<'_>, kind: AuditKind, subject: String) -> Option<AuditChange> {
        let outcome = outcome(write);
        let is_untold = match outcome {
            AuditOutcome::Created => self.is_provisioned(),
            AuditOutcome::Updated => false,
            // What was deleted for good is not kept in another place.
            AuditOutcome::Deleted => kind == AuditKind::User,
        };
        let fields = if is_untold {
            BTreeMap::new()
        } else {
            self.differences(&members(write.before), &members(write.after))
        };
        if outcome == AuditOutcome::Updated && fields.is_empty() {
            return None;
        }
        Some(AuditChange {
            kind,
            subject,
            outcome,
            fields,
            members: Vec::new(),
        })
    }

    /// A membership or an assignment: one that begins or ends is put together with others of its group or resource.
    fn edge(&self, write: Written<'_>, kind: AuditKind, edges: &mut Edges) -> Option<AuditChange> {
        let (subject, member) = match keys::subject_of(write.key).filter(|_| kind == AuditKind::Assignment) {
            Some((resource, member)) => (resource.uuid(), member),
            None => (keys::group_of(write.key)?.uuid(), keys::member_of(write.key)?),
        };
        let (tag, id) = match member {
            Member::User(id) => ('u', id.uuid()),
            Member::Group(id) => ('g', id.uuid()),
        };
        let who = format!("{tag}{id}");
        let mut note = |came, who| {
            let noted = edges.entry((kind.as_str(), subject, came));
            noted.or_insert_with(|| (kind, Vec::new())).1.push(who);
        };
        match outcome(write) {
            AuditOutcome::Created => note(true, who),
            AuditOutcome::Deleted => note(false, who),
            AuditOutcome::Updated => {
                let mut change = self.change(write, kind, subject.to_string())?;
                change.members = vec![who];
                return Some(change);
            }
        }
        None
    }

    /// Whether a connection brings what it creates: then the record says it all, and the log stays small.
    fn is_provisioned(&self) -> bool {
        matches!(self.actor.door, Door::Scim | Door::Ldap)
    }

    fn differences(&self, before: &Map<String, Value>, after: &Map<String, Value>) -> BTreeMap<String, (Value, Value)> {
        let mut fields = BTreeMap::new();
        let names = before
            .keys()
            .chain(after.keys().filter(|name| !before.contains_key(*name)));
        for name in names.filter(|name| !UNTOLD.contains(&name.as_str())) {
            let (old, new) = (before.get(name), after.get(name));
            if old == new {
                continue;
            }
            let is_extension = name.starts_with("urn:");
            let is_own = is_extension && ![&ENTERPRISE_USER.id, &USHER_USER.id, &USHER_GROUP.id].contains(&name);
            if OPENED.contains(&name.as_str()) || is_extension {
                let open = |value: Option<&Value>| value.and_then(Value::as_object).cloned().unwrap_or_default();
                for (inner, (old, new)) in self.differences(&open(old), &open(new)) {
                    let is_secret = is_own && mask::is_secret_attribute(self.settings.as_deref(), name, &inner);
                    let pair = if is_secret {
                        (hidden(&old), hidden(&new))
                    } else {
                        (old, new)
                    };
                    let path = if is_extension { format!("{name}:{inner}") } else { inner };
                    fields.insert(path, pair);
                }
            } else if mask::is_secret(name) {
                let shown = |value: Option<&Value>| value.map_or(Value::Null, hidden);
                fields.insert(name.clone(), (shown(old), shown(new)));
            } else {
                fields.insert(name.clone(), (shown(old), shown(new)));
            }
        }
        fields
    }
}

fn treatment(key: &Key) -> Audited {
    match key.as_bytes() {
        // A token is not in a table of its organisation.
        [b'g', b't', ..] => Audited::Record(AuditKind::Token),
        _ => tables::of(key).map_or(Audited::No, |table| tables::treatment(table).audit),
    }
}

fn outcome(write: Written<'_>) -> AuditOutcome {
    match (write.before, write.after) {
        (_, None) => AuditOutcome::Deleted,
        (None, Some(_)) => AuditOutcome::Created,
        (Some(_), Some(_)) => AuditOutcome::Updated,
    }
}

fn members(stored: Option<&[u8]>) -> Map<String, Value> {
    stored
        .and_then(|bytes| serde_json::from_slice(bytes).ok())
        .unwrap_or_default()
}

/// A value as the log keeps it.
fn shown(value: Option<&Value>) -> Value {
    let mut value = value.cloned().unwrap_or_default();
    mask::mask(&mut value);
    let bytes = value.to_string().len();
    if bytes > VALUE_BYTES {
        return Value::String(format!("({bytes} bytes)"));
    }
    value
}

fn hidden(value: &Value) -> Value {
    if value.is_null() { Value::Null } else { MASK.into() }
}

/// The short name that ends a key.
fn last_text(key: &Key) -> String {
    let text = key.as_bytes().get(18..).unwrap_or_default();
    String::from_utf8_lossy(text).trim_end_matches('\0').to_owned()
}

/// Changes in parts that a store takes as one value each.
fn parts(changes: Vec<AuditChange>) -> Vec<Vec<AuditChange>> {
    let mut parts: Vec<Vec<AuditChange>> = Vec::new();
    let mut room = 0;
    for change in changes.into_iter().flat_map(halves) {
        let bytes = size(&change);
        if parts.is_empty() || bytes > room {
            parts.push(Vec::new());
            room = ENTRY_BYTES;
        }
        room = room.saturating_sub(bytes);
        if let Some(part) = parts.last_mut() {
            part.push(change);
        }
    }
    parts
}

fn size(change: &AuditChange) -> usize {
    let fields = change.fields.iter();
    let fields: usize = fields
        .map(|(name, (old, new))| name.len() + old.to_string().len() + new.to_string().len() + 16)
        .sum();
    80 + change.members.len() * 41 + fields
}

/// A change of very many members, or with very many values, in several.
fn halves(change: AuditChange) -> Vec<AuditChange> {
    if size(&change) <= ENTRY_BYTES {
        return vec![change];
    }
    let AuditChange {
        kind,
        subject,
        outcome,
        fields,
        members,
    } = change;
    let part = |fields, members| AuditChange {
        kind,
        subject: subject.clone(),
        outcome,
        fields,
        members,
    };
    let fields_of_one: Vec<_> = fields.into_iter().collect();
    let mut changes: Vec<AuditChange> = fields_of_one
        .chunks(ENTRY_BYTES / (2 * VALUE_BYTES) - 1)
        .map(|some| part(some.iter().cloned().collect(), Vec::new()))
        .collect();
    changes.extend(
        members
            .chunks(ENTRY_BYTES / 48)
            .map(|some| part(BTreeMap::new(), some.to_vec())),
    );
    changes
}
