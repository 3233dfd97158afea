//! Connections: the sources of identities in an organisation, with their rules.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::deviation::Strictness;
use super::oauth::OAuthClient;
use super::record::Record;
use super::slug::Slug;

/// A connection's settings. The same structure is written in an organisation file and kept in the store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Connection {
    /// Its name: unique in the organisation, and its identity (external ids and origins refer to it).
    pub name: Slug,
    /// What it is.
    pub kind: ConnectionKind,
    /// How new people arrive.
    #[serde(default)]
    pub onboarding: Onboarding,
    /// How closely a SCIM client is held to the RFC.
    #[serde(default)]
    pub strictness: Strictness,
    /// How an identity that this connection has not seen before finds a user who is already there.
    #[serde(default)]
    pub matching: Matching,
    /// Licences that everyone from this connection is meant to have.
    #[serde(default)]
    pub licences: BTreeSet<Slug>,
    /// Roles that everyone from this connection holds.
    #[serde(default)]
    pub roles: BTreeSet<Slug>,
    /// Further roles that this connection's rules may grant. A role that administers must be listed here by name.
    #[serde(default)]
    pub grantable_roles: BTreeSet<Slug>,
    /// Whether the connection may remove members that another source put into a group.
    #[serde(default)]
    pub owns_memberships: bool,
    /// What to do with a group member that is not known.
    #[serde(default)]
    pub unknown_members: UnknownMembers,
    /// What to do with a role or licence that a SCIM client names and the connection cannot grant.
    #[serde(default)]
    pub unknown_grants: UnknownGrants,
    /// What to do with an extension object that no schema defines.
    #[serde(default)]
    pub unknown_extensions: UnknownExtensions,
    /// Which connection's value of an attribute wins where the organisation's lists ([`super::authority::Authority`]) name
    /// neither: the smaller number does. Equal numbers: the last writer.
    #[serde(default = "default_precedence")]
    pub precedence: u32,
    /// Attribute rules; empty means the defaults of the kind.
    #[serde(default)]
    pub mapping: Vec<AttributeRule>,
    /// Rules that give licences, roles and teams.
    #[serde(default)]
    pub grants: Vec<GrantRule>,
    /// What to do with a team that a rule names and the organisation has not.
    #[serde(default)]
    pub missing_teams: MissingTeams,
    /// The directory, for a connection of kind `ldap`.
    #[serde(default)]
    pub ldap: Option<LdapSource>,
    /// How the client proves itself at the token endpoint, for a connection of kind `scim`. None: by a lasting token only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oauth: Option<OAuthClient>,
    /// When a run must stop and wait for a person.
    #[serde(default)]
    pub brake: Brake,
    /// What becomes of people and groups that a complete run no longer sees.
    #[serde(default)]
    pub leavers: Leavers,
    /// When the connection runs by itself and reads everything: a cron expression with five or six fields, UTC. None: only
    /// when asked.
    #[serde(default)]
    pub schedule: Option<String>,
    /// When it reads what changed since the last reading.
    #[serde(default)]
    pub changes_schedule: Option<String>,
    /// When it reads only who is there, to find who is gone: deletions, moves and entries that left the filter, of which
    /// readings of changes may not learn.
    #[serde(default)]
    pub presence_schedule: Option<String>,
    /// Runs of which a summary is kept, at most 500.
    #[serde(default = "default_runs_kept")]
    pub runs_kept: u32,
    /// Entries of the failure list at most, 100,000 or less. Those beyond are counted, and tried again by runs over everything.
    #[serde(default = "default_failures_listed")]
    pub failures_listed: u32,
}

/// Entries of a failure list at most: what a reading of changes tries again each time.
pub const FAILURES_LISTED_MAX: u32 = 100_000;

const fn default_failures_listed() -> u32 {
    10_000
}

/// Runs of which a summary is kept at most: what one list of them takes without growing slow.
pub const RUNS_KEPT_MAX: u32 = 500;

const fn default_runs_kept() -> u32 {
    50
}

/// The precedence of a connection that says nothing of it.
pub const PRECEDENCE: u32 = 100;

const fn default_precedence() -> u32 {
    PRECEDENCE
}

impl Record for Connection {
    const KIND: &'static str = "connection";
}

impl Connection {
    /// A connection of this kind with default settings.
    #[must_use]
    pub fn new(name: Slug, kind: ConnectionKind) -> Self {
        Self {
            name,
            kind,
            onboarding: Onboarding::default(),
            strictness: Strictness::default(),
            matching: Matching::default(),
            licences: BTreeSet::new(),
            roles: BTreeSet::new(),
            grantable_roles: BTreeSet::new(),
            owns_memberships: false,
            unknown_members: UnknownMembers::default(),
            unknown_grants: UnknownGrants::default(),
            unknown_extensions: UnknownExtensions::default(),
            precedence: default_precedence(),
            mapping: Vec::new(),
            grants: Vec::new(),
            missing_teams: MissingTeams::default(),
            ldap: None,
            oauth: None,
            brake: Brake::default(),
            leavers: Leavers::default(),
            schedule: None,
            changes_schedule: None,
            presence_schedule: None,
            runs_kept: default_runs_kept(),
            failures_listed: default_failures_listed(),
        }
    }
}

/// What a connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ConnectionKind {
    /// An identity provider pushes over SCIM 2.0.
    Scim,
    /// Usher pulls from a directory.
    Ldap,
}

/// How new people arrive (S003-21, S002-22).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Onboarding {
    /// Stored; somebody invites them later.
    Prepared,
    /// Invited at once.
    Invited,
    /// Able to work at once: they sign in through the identity provider.
    #[default]
    Active,
}

/// How a new identity finds a user who is already there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Matching {
    /// What is compared, in this order, after the connection's own external id.
    pub by: Vec<MatchBy>,
    /// What happens when a user of another source is found.
    pub adoption: Adoption,
}

impl Default for Matching {
    fn default() -> Self {
        Self {
            by: vec![MatchBy::UserName],
            adoption: Adoption::default(),
        }
    }
}

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MatchBy {
    /// The user name, caseless.
    UserName,
    /// An e-mail address in a domain that the organisation has verified, held by exactly one user.
    Email,
}

/// What happens when a match finds a user whom another connection or a person manages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Adoption {
    /// The identity is refused (SCIM: 409 uniqueness; a run: the failure list).
    #[default]
    Refuse,
    /// The user is linked to this connection as well. One who holds a role that administers waits for an administrator all
    /// the same.
    Adopt,
    /// The identity waits on the connection's review list until an administrator says that the two are the same person.
    Review,
}

/// What to do with a group member that is not known (`idp.md` section 9, refuse 8).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UnknownMembers {
    /// The known members are applied, the unknown one is skipped and noted.
    #[default]
    Skip,
    /// The whole request is refused.
    Refuse,
}

/// What to do with a value of `roles` or `entitlements` that the connection cannot grant: it names nothing in the
/// organisation, or a role that is not among the connection's `roles` and `grantable_roles`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UnknownGrants {
    /// It grants nothing and is noted. The client reads back what it wrote, or it would write it for ever.
    #[default]
    Ignore,
    /// The whole request is refused.
    Refuse,
}

/// What a lenient connection does with an extension object that no schema defines (`idp.md` section 9, accept 14). A strict
/// one refuses it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UnknownExtensions {
    /// It is left out and noted.
    #[default]
    Drop,
    /// It is stored as it was sent and shown again; no filter or sort knows it.
    Keep,
}

/// Where one attribute comes from. Exactly one of `from`, `value` and `expression` is set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttributeRule {
    /// The SCIM attribute: `userName`, `name.givenName`, `emails`, an extension's `urn:...:attribute`.
    pub to: String,
    /// The source's attribute, case ignored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// A constant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<serde_json::Value>,
    /// A CEL expression over `source` (attribute -> list of texts) that yields the value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expression: Option<String>,
    /// A CEL condition; without it the rule always counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
}

/// Licences, roles and teams for those to whom a condition applies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GrantRule {
    /// A CEL condition over `source`, `user` (the mapped attributes) and `groups` (names of the source's groups, nested
    /// ones included).
    pub when: String,
    /// Licences to give.
    #[serde(default)]
    pub licences: BTreeSet<Slug>,
    /// Roles to give; each must be in the connection's `roles` or `grantable_roles`.
    #[serde(default)]
    pub roles: BTreeSet<Slug>,
    /// Names of the organisation's groups to put the person into.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub teams: BTreeSet<String>,
    /// The smaller number is looked at first; equal numbers in the order of the list.
    #[serde(default = "default_priority")]
    pub priority: u32,
    /// Of the exclusive rules of one set only the first that applies counts.
    #[serde(default)]
    pub exclusive: bool,
    /// The set.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub set: String,
}

const fn default_priority() -> u32 {
    100
}

impl GrantRule {
    /// A rule with this condition that gives nothing yet.
    #[must_use]
    pub fn new(when: impl Into<String>) -> Self {
        Self {
            when: when.into(),
            licences: BTreeSet::new(),
            roles: BTreeSet::new(),
            teams: BTreeSet::new(),
            priority: default_priority(),
            exclusive: false,
            set: String::new(),
        }
    }
}

/// What to do with a team that a rule names and the organisation has not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MissingTeams {
    /// It is made, as a group of kind `team`.
    #[default]
    Create,
    /// The person is refused (SCIM: 400; a run: the failure list).
    Refuse,
}

/// Where and how a directory is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LdapSource {
    /// `ldaps://host[:port]` or `ldap://host[:port]`, tried in this order.
    pub urls: Vec<String>,
    /// Upgrade `ldap://` with StartTLS (RFC 4511 s4.14).
    #[serde(default)]
    pub start_tls: bool,
    /// Allow `ldap://` without TLS: passwords and people cross the network readable.
    #[serde(default)]
    pub allow_plain: bool,
    /// Certificates (PEM) to trust instead of the system's.
    #[serde(default)]
    pub ca_file: Option<String>,
    /// Who binds.
    pub bind_dn: String,
    /// The file whose first line is the password.
    #[serde(default)]
    pub bind_password_file: Option<String>,
    /// The environment variable that holds the password.
    #[serde(default)]
    pub bind_password_env: Option<String>,
    /// Which people are read.
    pub users: LdapSearch,
    /// Which groups are read; none when absent.
    #[serde(default)]
    pub groups: Option<LdapSearch>,
    /// The attribute with the lasting identifier; found from the server when absent.
    #[serde(default)]
    pub stable_id: Option<String>,
    /// Attributes of a group entry that hold members.
    #[serde(default = "member_attributes")]
    pub member_attributes: Vec<String>,
    /// Keep nested groups as nested groups, or put everyone below into the group above.
    #[serde(default)]
    pub nesting: Nesting,
    /// Whether readings of changes are prepared for and allowed.
    #[serde(default)]
    pub changes: ChangeReading,
    /// Changed entries of one reading of changes; more make it a reading of everything.
    #[serde(default = "changes_max")]
    pub changes_max: u32,
    /// Stay connected and read what changed as soon as the server says that something did (RFC 4533 refreshAndPersist).
    #[serde(default)]
    pub stay_connected: bool,
    /// Entries a page.
    #[serde(default = "page_size")]
    pub page_size: u32,
    /// Seconds to wait for one entry.
    #[serde(default = "entry_timeout_s")]
    pub entry_timeout_s: u64,
    /// Seconds that one run may read.
    #[serde(default = "run_timeout_s")]
    pub run_timeout_s: u64,
}

fn member_attributes() -> Vec<String> {
    ["member", "uniqueMember", "memberUid"].map(str::to_owned).to_vec()
}

const fn changes_max() -> u32 {
    20_000
}

const fn page_size() -> u32 {
    1_000
}

const fn entry_timeout_s() -> u64 {
    30
}

const fn run_timeout_s() -> u64 {
    3600
}

/// Whether a directory is asked what changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChangeReading {
    /// By the best means that the server offers; everything is read when there is none.
    #[default]
    Auto,
    /// Everything is read, always. For a load balancer in front of several servers, whose marks differ.
    Off,
}

/// One search (RFC 4511 s4.5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LdapSearch {
    /// The base entry's DN.
    pub base: String,
    /// An RFC 4515 filter.
    pub filter: String,
    /// `subtree` or `one`.
    #[serde(default)]
    pub scope: LdapScope,
}

/// How deep a search goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LdapScope {
    /// The whole subtree.
    #[default]
    Subtree,
    /// The level below the base.
    One,
}

/// What becomes of nested groups.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Nesting {
    /// Everyone below is a member of the group above; cycles are cut.
    #[default]
    Flatten,
    /// A nested group stays a member of its own.
    Keep,
}

/// When a run stops and waits for a person (design.md section 5). A class is held when **both** its count and its
/// percentage are passed; a run that sees nobody at all is always held when people were there before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Brake {
    /// Deletions that never brake.
    pub deletions: u32,
    /// Suspensions of people that never brake, and so many missing groups that are emptied.
    pub suspensions: u32,
    /// Removals of members from one group that never brake.
    pub removals_per_group: u32,
    /// People who lose one role, one licence or one team of the rules, which never brake.
    pub losses: u32,
    /// Changes of stable ids that never brake: newcomers with the name or e-mail address of somebody who is missing in the
    /// same run, as when a directory was rebuilt.
    pub id_changes: u32,
    /// Changes of user names, or of groups' names, that never brake.
    pub renames: u32,
    /// The part of the connection's people, or of a group's members, in per cent, that may go or change its name or id: for
    /// each class that has no percentage of its own.
    pub percent: u32,
    /// The part of people, or of groups, that may be deleted, in per cent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deletions_percent: Option<u32>,
    /// The part of people that may be suspended, in per cent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suspensions_percent: Option<u32>,
    /// The part of a group's members that may leave it, in per cent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub removals_per_group_percent: Option<u32>,
    /// The part of those who have a role, a licence or a team from the connection, that may lose it, in per cent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub losses_percent: Option<u32>,
    /// The part of people, or of groups, whose stable ids may change, in per cent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_changes_percent: Option<u32>,
    /// The part of people, or of groups, whose names may change, in per cent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub renames_percent: Option<u32>,
    /// The part of what the last good run read, in per cent, that may be missing from a whole reading; 100: any part but all.
    pub drop_percent: u32,
}

impl Default for Brake {
    fn default() -> Self {
        Self {
            deletions: 20,
            suspensions: 20,
            removals_per_group: 50,
            losses: 20,
            id_changes: 10,
            renames: 20,
            percent: 5,
            deletions_percent: None,
            suspensions_percent: None,
            removals_per_group_percent: None,
            losses_percent: None,
            id_changes_percent: None,
            renames_percent: None,
            drop_percent: 50,
        }
    }
}

impl Brake {
    /// What a class may count without braking, and the part of the whole, in per cent, that it may be.
    #[must_use]
    pub fn bounds(&self, class: BrakeClass) -> (u32, u32) {
        let (free, percent) = match class {
            BrakeClass::Deletions => (self.deletions, self.deletions_percent),
            BrakeClass::Suspensions => (self.suspensions, self.suspensions_percent),
            BrakeClass::Removals => (self.removals_per_group, self.removals_per_group_percent),
            BrakeClass::Losses => (self.losses, self.losses_percent),
            BrakeClass::IdChanges => (self.id_changes, self.id_changes_percent),
            BrakeClass::Renames => (self.renames, self.renames_percent),
        };
        (free, percent.unwrap_or(self.percent))
    }

    /// Whether `count` changes among `of` pass both bounds of their class, its count and its percentage.
    #[must_use]
    pub fn is_passed(&self, class: BrakeClass, count: u64, of: u64) -> bool {
        let (free, percent) = self.bounds(class);
        count > u64::from(free) && count.saturating_mul(100) > of.saturating_mul(u64::from(percent))
    }
}

/// What the brake judges by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BrakeClass {
    /// People, or groups, that are deleted or let go.
    Deletions,
    /// People who are suspended, or groups that are emptied because they are missing.
    Suspensions,
    /// Members who leave one group.
    Removals,
    /// People who lose one role, licence or team that the connection gives.
    Losses,
    /// Stable ids that are others under the same names.
    IdChanges,
    /// Names that change.
    Renames,
}

/// What becomes of people and groups that a complete run no longer sees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Leavers {
    /// Suspend after this many complete runs without them; at least 1. The connection's members leave a group then.
    pub suspend_after_runs: u32,
    /// Delete (or, when another source still has them, unlink) this many days after the suspension; `None`: never. A group is
    /// deleted at once without a period: an empty one would hold its name for ever.
    pub delete_after_days: Option<u32>,
}

impl Default for Leavers {
    fn default() -> Self {
        Self {
            suspend_after_runs: 1,
            delete_after_days: None,
        }
    }
}
