//! A directory as one reading saw it, all of it or all that changed: mapped, compact, or nothing at all.
//!
//! What is missing from a whole snapshot is taken to be gone, so only [`WholeReader`] and [`PartReader`] make a [`Snapshot`],
//! and only when every reading behind it, of people and of groups, came to its end. Entries are mapped and dropped as they stream in: a person
//! costs some 500 bytes, a group its members at 4 bytes each.

mod apart;
mod follow;
mod groups;
pub(super) mod names;
mod nesting;
mod part;
mod people;
mod reach;
mod rosters;
mod touched;
mod whole;

use std::sync::Arc;

use serde_json::{Map, Value};
use thiserror::Error;
use uuid::Uuid;

use crate::ldap::{Complete, ConnectError, ReadError};

use super::authority::Say;
use super::failure::{Failure, FailureReason, Kind};
use super::mapping::Mapping;
use super::person::{Grants, Person};
use super::source::SourceError;

pub use part::{From as PartFrom, Part, PartError, PartReader};
pub use whole::{Whole, WholeReader};

/// Members without an entry that are kept as examples.
const DANGLING_MAX: usize = 100;

/// Why there is no snapshot. Nothing may be concluded and nothing is changed.
#[derive(Debug, Error)]
pub enum SnapshotError {
    /// The connection has no directory.
    #[error("the connection has no ldap section; only a directory can be read")]
    NoDirectory,
    /// Its settings are wrong.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// No server can be used.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// A reading did not come to its end.
    #[error("reading {what}: {error}")]
    Read {
        /// `people`, `groups` or `the root DSE`.
        what: &'static str,
        /// What happened.
        error: ReadError,
    },
    /// Our own code failed on an entry.
    #[error("the reading task crashed; nothing was changed")]
    Crashed,
}

/// A person in a snapshot.
#[derive(Debug)]
pub struct SnapshotPerson {
    /// The stable id; shared, because a plan names a person once for each group.
    pub external_id: Arc<str>,
    /// The login name.
    pub user_name: Box<str>,
    /// Whether the source lets the person work.
    pub is_active: bool,
    standing: Standing,
    names: Box<[u128]>,
    attributes: Box<[u8]>,
    grants: u32,
    hash: [u8; 32],
}

/// What is known of a person in a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// The entry was read, and a user can be made of it.
    Read,
    /// The entry was read, and no user can be made of it; the failures say why.
    Failing,
    /// Of a partial reading: the entry was not read, a group names it.
    Named,
}

/// A group in a snapshot. Members are indexes into the snapshot.
#[derive(Debug)]
pub struct SnapshotGroup {
    /// The stable id.
    pub external_id: Arc<str>,
    /// Its name.
    pub name: Box<str>,
    /// People, in order, each once.
    pub people: Vec<u32>,
    /// Nested groups, when they are kept.
    pub groups: Vec<u32>,
    dn: u128,
    is_primary: bool,
    is_open: bool,
    inside: Vec<Arc<str>>,
    hash: [u8; 32],
}

/// How much of a directory a snapshot holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Extent {
    /// Everything: who is not in it is gone.
    Whole,
    /// What changed; everything else is as it was.
    Part {
        /// People who are gone.
        gone_people: Vec<String>,
        /// Groups that are gone.
        gone_groups: Vec<String>,
    },
}

/// What a directory holds for a connection, all of it or all that changed, in the order of the stable ids.
#[derive(Debug)]
pub struct Snapshot {
    extent: Extent,
    people: Vec<SnapshotPerson>,
    groups: Vec<SnapshotGroup>,
    grants: Vec<Grants>,
    failures: Vec<Failure>,
    dangling: Dangling,
    proves_absence: bool,
    reads_groups: bool,
    referrals: u64,
    sees_deletions: Option<bool>,
}

/// Group members that no entry of the reading stands for: outside the base or the filter, or gone.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dangling {
    /// How many.
    pub count: u64,
    /// The first 100 of them, as `group: member`.
    pub examples: Vec<String>,
}

impl Dangling {
    fn note(&mut self, group: &str, member: &str) {
        self.count += 1;
        if self.examples.len() < DANGLING_MAX {
            self.examples.push(format!("{group}: {member}"));
        }
    }
}

impl Snapshot {
    /// How much of the directory this is.
    #[must_use]
    pub fn extent(&self) -> &Extent {
        &self.extent
    }

    /// The people, those included of whom no user can be made ([`SnapshotPerson::is_usable`]).
    #[must_use]
    pub fn people(&self) -> &[SnapshotPerson] {
        &self.people
    }

    /// How many people were read.
    #[must_use]
    pub fn people_read(&self) -> u64 {
        self.people.iter().filter(|person| !person.is_only_named()).count() as u64
    }

    /// The groups, those included that have no name ([`SnapshotGroup::is_usable`]).
    #[must_use]
    pub fn groups(&self) -> &[SnapshotGroup] {
        &self.groups
    }

    /// Entries that could not be used. Their ids are not missing, they are failing.
    #[must_use]
    pub fn failures(&self) -> &[Failure] {
        &self.failures
    }

    /// Members without an entry.
    #[must_use]
    pub fn dangling(&self) -> &Dangling {
        &self.dangling
    }

    /// Whether an id that is not here is really gone. False when an entry came without a usable id: it may be the one.
    #[must_use]
    pub fn proves_absence(&self) -> bool {
        self.proves_absence
    }

    /// References to other servers, counted and not followed.
    #[must_use]
    pub fn referrals(&self) -> u64 {
        self.referrals
    }

    /// Of a reading of changes: whether it learns of deletions at all.
    #[must_use]
    pub fn sees_deletions(&self) -> Option<bool> {
        self.sees_deletions
    }

    /// Whether groups were read at all.
    #[must_use]
    pub fn reads_groups(&self) -> bool {
        self.reads_groups
    }

    /// What a person is given by the connection's rules.
    #[must_use]
    pub fn grants(&self, person: &SnapshotPerson) -> &Grants {
        &self.grants[person.grants as usize]
    }

    /// Every team that the rules put somebody into.
    pub fn teams(&self) -> impl Iterator<Item = &String> {
        self.grants.iter().flat_map(|grants| &grants.teams)
    }

    /// A person as the directory layer takes one.
    #[must_use]
    pub fn person(&self, person: &SnapshotPerson) -> Person {
        // Written by ourselves a moment ago, so it can be read; an empty map would be put right by the next run.
        let attributes: Map<String, Value> = serde_json::from_slice(&person.attributes).unwrap_or_default();
        Person {
            external_id: Some(person.external_id.to_string()),
            user_name: person.user_name.to_string(),
            attributes,
            active: Some(person.is_active),
            password: None,
            grants: self.grants(person).clone(),
        }
    }
}

impl SnapshotPerson {
    /// Whether a user can be made of the entry; if not, the failures say why.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        self.standing == Standing::Read
    }

    /// Whether the entry was not read, because nothing about it changed.
    #[must_use]
    pub fn is_only_named(&self) -> bool {
        self.standing == Standing::Named
    }

    /// What groups call the person.
    #[must_use]
    pub fn names(&self) -> Vec<Uuid> {
        self.names.iter().copied().map(Uuid::from_u128).collect()
    }

    /// The hash of everything that the source and the rules say of the person.
    #[must_use]
    pub fn hash(&self) -> String {
        hexadecimal(&self.hash)
    }
}

impl SnapshotGroup {
    /// Whether a group can be made of the entry; if not, the failures say why.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        !self.name.is_empty()
    }

    /// What groups above call the group.
    #[must_use]
    pub fn names(&self) -> Vec<Uuid> {
        vec![Uuid::from_u128(self.dn)]
    }

    /// Whether it is somebody's primary group, so that its entry does not name everyone.
    #[must_use]
    pub fn is_primary(&self) -> bool {
        self.is_primary
    }

    /// Of a partial reading: whether only those who were read, or are gone, are told apart in it; everybody else is in it
    /// or not as before.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.is_open
    }

    /// The identifiers of the groups directly inside.
    #[must_use]
    pub fn inside(&self) -> &[Arc<str>] {
        &self.inside
    }

    /// The hash of the names and the members.
    #[must_use]
    pub fn hash(&self) -> String {
        hexadecimal(&self.hash)
    }
}

/// The proofs of the readings behind a snapshot, as far as they say anything about what is missing.
#[derive(Default)]
struct Proof {
    /// Entries that nothing identifies, as `(what, DN)`.
    unidentified: Vec<(Kind, String)>,
    /// Whether an id that was not read is really gone.
    proves_absence: bool,
    /// References to other servers.
    referrals: u64,
    /// Of a reading of changes: whether it learns of deletions at all.
    sees_deletions: Option<bool>,
}

impl Proof {
    fn of(readings: &[(Kind, &Complete)]) -> Self {
        let unidentified = readings
            .iter()
            .flat_map(|(kind, complete)| complete.unidentified_dns().iter().map(|dn| (*kind, dn.clone())));
        Self {
            unidentified: unidentified.collect(),
            proves_absence: readings.iter().all(|(_, complete)| complete.proves_absence()),
            referrals: readings.iter().map(|(_, complete)| complete.referrals()).sum(),
            sees_deletions: None,
        }
    }
}

/// The only place that makes a snapshot: it takes the proofs of the readings.
fn complete(
    proof: Proof,
    extent: Extent,
    collected: people::Collected,
    found: Option<groups::Found>,
    mapping: &Mapping,
    say: &Say,
) -> Snapshot {
    let reads_groups = found.is_some();
    let found = found.unwrap_or_default();
    let mut failures = collected.failures.clone();
    failures.extend(found.failures);
    for (kind, dn) in proof.unidentified {
        failures.push(Failure {
            kind,
            external_id: None,
            name: Some(dn),
            reason: FailureReason::NoStableId,
        });
    }
    let (people, grants) = people::give(collected, &found.names_of, mapping, say, &mut failures);
    Snapshot {
        extent,
        groups: groups::hashed(found.groups, &people),
        people,
        grants,
        failures,
        dangling: found.dangling,
        proves_absence: proof.proves_absence,
        reads_groups,
        referrals: proof.referrals,
        sees_deletions: proof.sees_deletions,
    }
}

fn hexadecimal(hash: &[u8; 32]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = hash.iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
    digits.map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}
