//! A person.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::clock::Timestamp;
use super::id::{GroupId, InvitationId, UserId};
use super::licence::SeatClaim;
use super::lifecycle::{Facts, State};
use super::origin::Origins;
use super::record::Record;
use super::slug::Slug;

/// A user record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// Made by the server, never used again (X24-3).
    pub id: UserId,
    /// The login name as the client wrote it; unique in the organisation, caseless (S002-6).
    pub user_name: String,
    /// Every other attribute in canonical SCIM form: the schema's spelling, extensions under their URN, nothing empty.
    pub attributes: Map<String, Value>,
    /// The identifier that each connection knows the person by (SCIM `externalId`, a directory's stable id).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub external_ids: BTreeMap<Slug, String>,
    /// The connections that made or adopted the person, also those that have no identifier of their own for them.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub sources: BTreeSet<Slug>,
    /// The facts behind the state.
    #[serde(default)]
    pub facts: Facts,
    /// The password's argon2id hash, where an earlier release left it: the [credential](super::credential::Credential) has it
    /// from the next write on. Never shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_hash: Option<String>,
    /// Roles held in the whole organisation, with the reasons.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub roles: BTreeMap<Slug, Origins>,
    /// Licences that the person is meant to have, each with the state of the seat.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub licences: BTreeMap<Slug, SeatClaim>,
    /// The connection that owns an attribute's present value; attributes nobody owns are not listed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub owners: BTreeMap<String, Slug>,
    /// The groups that each connection's rules have put the person into.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rule_teams: BTreeMap<Slug, BTreeSet<GroupId>>,
    /// The invitation that counts, if one is out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invitation: Option<InvitationId>,
    /// When the record was made.
    pub created: Timestamp,
    /// When it last changed (RFC 7643 s3.1 `meta.lastModified`).
    pub last_modified: Timestamp,
    /// Raised with each change: the weak ETag (RFC 7644 s3.14).
    pub revision: u64,
}

impl Record for User {
    const KIND: &'static str = "user";
}

impl User {
    /// Somebody of whom only the name is known.
    #[must_use]
    pub fn new(id: UserId, user_name: String, now: Timestamp) -> Self {
        Self {
            id,
            user_name,
            attributes: Map::new(),
            external_ids: BTreeMap::new(),
            sources: BTreeSet::new(),
            facts: Facts::default(),
            password_hash: None,
            roles: BTreeMap::new(),
            licences: BTreeMap::new(),
            owners: BTreeMap::new(),
            rule_teams: BTreeMap::new(),
            invitation: None,
            created: now,
            last_modified: now,
            revision: 0,
        }
    }

    /// The state to show.
    #[must_use]
    pub fn state(&self) -> State {
        self.facts.state(self.licences.values().any(SeatClaim::is_waiting))
    }

    /// SCIM `active`: nobody blocks the person (design.md section 4).
    #[must_use]
    pub fn is_active(&self) -> bool {
        !self.facts.is_suspended()
    }

    /// The e-mail addresses, in the order of the attribute.
    pub fn emails(&self) -> impl Iterator<Item = &str> {
        let emails = self.attributes.get("emails").and_then(Value::as_array);
        emails
            .into_iter()
            .flatten()
            .filter_map(|email| email.get("value").and_then(Value::as_str))
    }

    /// `displayName`, if the person has one.
    #[must_use]
    pub fn display_name(&self) -> Option<&str> {
        self.attributes.get("displayName").and_then(Value::as_str)
    }

    /// Every connection that holds the person: a person without any is a person's own doing.
    #[must_use]
    pub fn held_by(&self) -> BTreeSet<&Slug> {
        self.sources.iter().chain(self.external_ids.keys()).collect()
    }

    /// The connections that know the person by an identifier of their own.
    pub fn connections(&self) -> impl Iterator<Item = &Slug> {
        self.external_ids.keys()
    }
}

/// What remains of a deleted user: no personal data, and the id is never used again (S003-26).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tombstone {
    /// When the user was deleted.
    pub deleted: Timestamp,
}

impl Record for Tombstone {
    const KIND: &'static str = "tombstone";
}
