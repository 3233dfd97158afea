//! A person.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::access::{AccessList, Area};
use super::clock::Timestamp;
use super::id::{GroupId, InvitationId, UserId};
use super::licence::SeatClaim;
use super::lifecycle::{Facts, State};
use super::locale::CountryPrefix;
use super::login::LoginId;
use super::origin::Origins;
use super::permission::Permission;
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
    /// Permissions given to the person without a role (S003-53).
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub grants: BTreeSet<Permission>,
    /// Whose data the person sees, by area; an area that is missing shows nothing (S004-29).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub access: BTreeMap<Area, AccessList>,
    /// The connection that owns an attribute's present value; attributes nobody owns are not listed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub owners: BTreeMap<String, Slug>,
    /// Values that connections have for an attribute over which another one has the say: the next in line takes its place when
    /// that one gives its value up.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub offers: BTreeMap<String, BTreeMap<Slug, Value>>,
    /// The groups that each connection's rules have put the person into.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rule_teams: BTreeMap<Slug, BTreeSet<GroupId>>,
    /// What the person may sign in by beside the user name; unique in the organisation over all kinds, caseless.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub login_ids: BTreeSet<LoginId>,
    /// Other names, in the order in which they are shown (S004-25).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nicknames: Vec<String>,
    /// Words that people are sorted by (X02-12).
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub labels: BTreeSet<String>,
    /// The country of telephone numbers that name none; inherited when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country_prefix: Option<CountryPrefix>,
    /// The group that the person belongs to first (S004-35). The person is a member of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub home_group: Option<GroupId>,
    /// Set by a move to another home group, until an administrator has looked at the person's permissions (S004-26).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review_pending: Option<PendingReview>,
    /// The invitation that counts, if one is out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invitation: Option<InvitationId>,
    /// Whether the person's data is kept and used for nothing: no mails, no exports but the person's own (S000-32).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub restricted: bool,
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
            grants: BTreeSet::new(),
            access: BTreeMap::new(),
            owners: BTreeMap::new(),
            offers: BTreeMap::new(),
            rule_teams: BTreeMap::new(),
            login_ids: BTreeSet::new(),
            nicknames: Vec::new(),
            labels: BTreeSet::new(),
            country_prefix: None,
            home_group: None,
            review_pending: None,
            invitation: None,
            restricted: false,
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

    /// Whether the person has a name for people: `displayName`, or something in `name` (RFC 7643 s4.1.1).
    #[must_use]
    pub fn has_real_name(&self) -> bool {
        let is_name = |value: &Value| value.as_str().is_some_and(|text| !text.trim().is_empty());
        let parts = self.attributes.get("name").and_then(Value::as_object);
        self.attributes.get("displayName").is_some_and(is_name)
            || parts.is_some_and(|parts| parts.values().any(is_name))
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

/// A person's permissions are to be looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PendingReview {
    /// Since when.
    pub since: Timestamp,
    /// The home group before the move, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<GroupId>,
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
