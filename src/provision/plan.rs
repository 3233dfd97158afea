//! What a run is going to do: the difference between a complete snapshot and the model, before anything is touched.
//!
//! A plan is exactly what `apply.rs` does. Entries that would fail are foreseen here, with the reason, and are not
//! attempted. Its [`Plan::hash`] names it: a person approves a plan by it, and another plan has another hash.

mod claims;
mod group_seats;
mod groups;
mod id_changes;
mod leavers;
mod linked;
mod losses;
mod people;
mod present;
mod preview;
mod seats;
mod table;
mod teams;
mod unique;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::directory::{Directory, DirectoryError, Permit};
use crate::model::clock::Timestamp;
use crate::model::id::{GroupId, UserId};
use crate::model::membership::Member;
use crate::model::review::Question;
use crate::model::slug::Slug;

use super::failure::{Failure, Kind};
use super::person::Context;
use super::progress::{Took, millis};
use super::snapshot::{Dangling, Extent, Snapshot};

pub use id_changes::IdChange;
pub use losses::{Given, Loss};
pub(super) use preview::emails;
pub use seats::SeatForecast;
pub use teams::TeamForecast;

/// Keys of one read.
const CHUNK: usize = 500;

/// The plan of one run.
#[derive(Debug, Clone, Serialize)]
pub struct Plan {
    /// The connection.
    pub connection: Slug,
    /// Whether everything was read. If not, the rest is as it was.
    pub is_whole: bool,
    /// People and groups that were read.
    pub read: Numbers,
    /// People and groups that the connection was linked to before.
    pub linked: Numbers,
    /// Entries that are as they were.
    pub unchanged: u64,
    /// The same, told apart.
    pub skipped: Numbers,
    /// What happens to people, in the order of application.
    pub people: Vec<PersonStep>,
    /// What happens to groups.
    pub groups: Vec<GroupStep>,
    /// Teams that rules put people into, or no longer do.
    pub teams: Vec<TeamForecast>,
    /// Roles, licences and teams that people lose who stay.
    pub losses: Vec<Loss>,
    /// What becomes of the seats.
    pub seats: Vec<SeatForecast>,
    /// People and groups whose names change.
    pub renames: Numbers,
    /// Newcomers who look like somebody who is missing.
    pub id_changes: Vec<IdChange>,
    /// Entries that will be left as they are.
    pub failures: Vec<Failure>,
    /// Failures that an administrator has to decide about, as they come on the review list.
    #[serde(skip)]
    pub(super) questions: Vec<Question>,
    /// Group members without an entry.
    pub dangling: Dangling,
    /// False when some entry had no usable id: then nobody is taken to be gone.
    pub proves_absence: bool,
    /// Members of the groups that were read.
    #[serde(skip)]
    pub(super) members_read: u64,
    /// How long reading and comparing took.
    #[serde(skip)]
    pub(super) took: Took,
}

/// A number of people and of groups.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Numbers {
    /// People.
    pub people: u64,
    /// Groups.
    pub groups: u64,
}

/// What happens to one person. The order is the order of application: what frees names and seats comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PersonAction {
    /// Gone for long enough, and no other source has the person: deleted for good.
    Delete,
    /// Gone for long enough, but another source has the person: only the link goes.
    Unlink,
    /// Not seen for long enough: suspended.
    SuspendMissing,
    /// Not seen, but not for long enough yet: noted.
    Miss,
    /// The source has switched the account off.
    Suspend,
    /// Attributes, licences or roles change, and the user name with them.
    Rename,
    /// Attributes, licences or roles change.
    Update,
    /// The source has switched the account on again, or the person is back.
    Reactivate,
    /// Nothing visible changes; only what the connection remembers.
    Refresh,
    /// A user of another source, or of none, is linked to this connection as well.
    Adopt,
    /// A new user.
    Create,
}

/// One person's part of a plan.
#[derive(Debug, Clone, Serialize)]
pub struct PersonStep {
    /// What happens.
    pub action: PersonAction,
    /// The source's identifier.
    pub external_id: String,
    /// The user name as it will be, for people who read the plan.
    pub name: String,
    /// The user, unless it is a new one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
    /// Place in the snapshot, for those who are in it.
    #[serde(skip)]
    pub(super) index: Option<u32>,
    /// The hash of the entry, for those who are in it.
    #[serde(skip)]
    pub(super) hash: Option<String>,
    /// Gets no seat of a licence of its own pool: waits, or falls back to another licence.
    #[serde(skip)]
    pub(super) is_short: bool,
}

/// What happens to one group's record. Members are told apart from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupAction {
    /// Not seen for long enough: deleted.
    Delete,
    /// Not seen for long enough, but something else keeps the group: the connection's members and link go.
    Unlink,
    /// Not seen for long enough: the connection's members leave. The group stays for a period, and they come back with it.
    Empty,
    /// Not seen, but not for long enough yet: noted.
    Miss,
    /// The name changes.
    Rename,
    /// Only members change, or nothing visible.
    Keep,
    /// A group of another source, or of none, is linked to this connection as well.
    Adopt,
    /// A new group.
    Create,
}

/// One group's part of a plan.
#[derive(Debug, Clone, Serialize)]
pub struct GroupStep {
    /// What happens to its record.
    pub action: GroupAction,
    /// The source's identifier.
    pub external_id: String,
    /// The name as it will be.
    pub name: String,
    /// The group, unless it is a new one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<GroupId>,
    /// Members who come in.
    pub add: Vec<PlannedMember>,
    /// Members who lose this connection's reason to be in it.
    pub remove: Vec<Member>,
    /// Members whom this connection holds in the group now.
    pub present: u64,
    /// Members of the source's group who are not among the users, because they failed themselves.
    pub missing: u64,
    /// The hash of the entry, for those that are in the snapshot and of which nothing is left for a later run.
    #[serde(skip)]
    pub(super) hash: Option<String>,
    /// Place in the snapshot, for those that are in it.
    #[serde(skip)]
    pub(super) index: Option<u32>,
    /// What the group gives its members, when that takes seats.
    #[serde(skip)]
    gives: Option<group_seats::Gives>,
}

/// A member to add.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PlannedMember {
    /// Somebody who is there already.
    Known(Member),
    /// A person whom this plan makes or adopts, by external id.
    Person(Arc<str>),
    /// A group that this plan makes or adopts, by external id.
    Group(Arc<str>),
}

/// How many steps of each class.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Classes {
    /// People, by what happens to them.
    pub people: BTreeMap<PersonAction, u64>,
    /// Groups, by what happens to them.
    pub groups: BTreeMap<GroupAction, u64>,
    /// Memberships that begin.
    pub members_added: u64,
    /// Memberships that end.
    pub members_removed: u64,
}

/// What a plan is made from.
#[derive(Clone, Copy)]
pub(super) struct Planner<'a> {
    pub(super) directory: &'a Directory,
    pub(super) permit: &'a Permit,
    pub(super) context: Context<'a>,
    pub(super) snapshot: &'a Snapshot,
    /// People and groups that the connection is linked to, as far as it is known without counting: for partial snapshots.
    pub(super) linked: Numbers,
    pub(super) now: Timestamp,
}

impl Planner<'_> {
    /// Compares the snapshot with links and records. Reads only.
    ///
    /// # Errors
    /// As the store's read.
    pub(super) async fn plan(&self) -> Result<Plan, DirectoryError> {
        let members = self.snapshot.groups().iter();
        let mut plan = Plan {
            connection: self.context.connection.name.clone(),
            is_whole: *self.snapshot.extent() == Extent::Whole,
            read: Numbers {
                people: self.snapshot.people_read(),
                groups: self.snapshot.groups().len() as u64,
            },
            linked: Numbers::default(),
            unchanged: 0,
            skipped: Numbers::default(),
            people: Vec::new(),
            groups: Vec::new(),
            teams: Vec::new(),
            losses: Vec::new(),
            seats: Vec::new(),
            renames: Numbers::default(),
            id_changes: Vec::new(),
            failures: self.snapshot.failures().to_vec(),
            questions: Vec::new(),
            dangling: self.snapshot.dangling().clone(),
            proves_absence: self.snapshot.proves_absence(),
            members_read: members
                .map(|group| (group.people.len() + group.groups.len()) as u64)
                .sum(),
            took: Took::default(),
        };
        let begun = Instant::now();
        let known = self.links(Kind::User).await?;
        plan.linked.people = known.count;
        let mut ledger = seats::Ledger::load(self).await?;
        let mut teams = self.load_teams().await?;
        self.leavers(&known, &mut ledger, &mut teams, &mut plan).await?;
        let losses = self.people(&known, &mut ledger, &mut teams, &mut plan).await?;
        plan.teams = self.team_forecasts(&teams).await?;
        plan.losses = self.losses(&losses, &known, &teams).await?;
        self.people_id_changes(&known, &mut plan).await?;
        plan.took.people_ms = millis(begun);
        let begun = Instant::now();
        if self.snapshot.reads_groups() {
            let known_groups = self.links(Kind::Group).await?;
            plan.linked.groups = known_groups.count;
            self.groups(&known, &known_groups, &mut plan).await?;
            self.group_id_changes(&known_groups, &mut plan).await?;
        }
        plan.unchanged = plan.skipped.people + plan.skipped.groups;
        plan.people
            .sort_by(|one, other| (one.action, &one.external_id).cmp(&(other.action, &other.external_id)));
        plan.groups
            .sort_by(|one, other| (one.action, &one.external_id).cmp(&(other.action, &other.external_id)));
        self.seats_of_groups(&mut ledger, &mut teams, &mut plan).await?;
        plan.seats = ledger.forecasts();
        plan.took.groups_ms = millis(begun);
        Ok(plan)
    }
}

impl GroupStep {
    /// Whether members get seats by coming in.
    pub(super) fn takes_seats(&self) -> bool {
        self.gives.is_some()
    }
}

impl Plan {
    /// Steps to apply.
    #[must_use]
    pub fn steps(&self) -> u64 {
        (self.people.len() + self.groups.len()) as u64
    }

    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps() == 0
    }

    /// The number of steps of each class.
    #[must_use]
    pub fn classes(&self) -> Classes {
        let mut classes = Classes::default();
        for step in &self.people {
            *classes.people.entry(step.action).or_default() += 1;
        }
        for step in &self.groups {
            *classes.groups.entry(step.action).or_default() += 1;
            classes.members_added += step.add.len() as u64;
            classes.members_removed += step.remove.len() as u64;
        }
        classes
    }

    /// A name for exactly these steps: SHA-256, 64 hexadecimal digits. Time does not go into it, so the same directory and
    /// the same model give the same hash tomorrow.
    #[must_use]
    pub fn hash(&self) -> String {
        let mut hash = Sha256::new();
        let mut part = |text: &str| {
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text.as_bytes());
        };
        part(self.connection.as_str());
        for step in &self.people {
            part(&format!("{:?}", step.action));
            part(&step.external_id);
            part(step.hash.as_deref().unwrap_or_default());
        }
        for step in &self.groups {
            part(&format!("{:?}", step.action));
            part(&step.external_id);
            part(step.hash.as_deref().unwrap_or_default());
            part(&format!("{:?}{:?}", step.add, step.remove));
        }
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
