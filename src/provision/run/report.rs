//! What a run did, or why it failed.

use serde::Serialize;
use thiserror::Error;

use crate::directory::DirectoryError;
use crate::model::clock::Timestamp;
use crate::model::id::RunId;
use crate::model::slug::Slug;
use crate::provision::advice::Advice;
use crate::provision::apply::Applied;
use crate::provision::brake::HoldReason;
use crate::provision::failure::{Failure, FailureReason, Kind};
use crate::provision::mapping::MappingError;
use crate::provision::plan::{Classes, GroupStep, Numbers, Plan, SeatForecast};
use crate::provision::reading::{Reading, WhyWhole};
use crate::provision::snapshot::SnapshotError;

/// What a run may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RunMode {
    /// Read and plan; write nothing, not even the lease.
    DryRun,
    /// All of it.
    Apply,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The plan was made and not applied.
    Planned,
    /// The brake stopped it: nothing was changed, a person has to approve the plan.
    Held,
    /// The plan was applied; single entries may have failed.
    Finished,
}

/// What a run did.
#[derive(Debug, Clone, Serialize)]
pub struct RunReport {
    /// The run.
    pub run: RunId,
    /// The connection.
    pub connection: Slug,
    /// How it ended.
    pub outcome: Outcome,
    /// The server that was read, of those in the settings.
    pub server: String,
    /// What was read.
    pub reading: Reading,
    /// Why everything was read, when less was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why_whole: Option<WhyWhole>,
    /// When it began.
    pub started: Timestamp,
    /// How long it took, and how much of that reading, planning and applying did.
    pub duration: Durations,
    /// What the directory holds.
    pub read: Numbers,
    /// What was planned, by class.
    pub classes: Classes,
    /// What became of the entries, of people and of groups.
    pub entries: Entries,
    /// Steps that were applied.
    pub changed: u64,
    /// Entries that were as before.
    pub unchanged: u64,
    /// Seats as the plan saw them.
    pub seats: Vec<SeatForecast>,
    /// Entries that were left as they are, with the reason.
    pub failures: Vec<Failure>,
    /// Group members without an entry.
    pub dangling: u64,
    /// References to other servers, counted and not followed.
    pub referrals: u64,
    /// What would better be set otherwise, as far as the reading showed it.
    pub advice: Vec<Advice>,
    /// The plan's hash: what is approved when the run was held.
    pub plan_hash: String,
    /// What the brake says; in a dry run, what it would say.
    pub held: Vec<HoldReason>,
    /// The plan itself.
    #[serde(skip)]
    pub plan: Plan,
}

impl RunReport {
    /// Adds what application did.
    pub(super) fn finish(&mut self, applied: Applied) {
        self.changed = applied.changed;
        let refused = applied.failures.iter().map(|failure| match failure.reason {
            FailureReason::MembersMissing { count } => count,
            _ => 0,
        });
        self.entries = Entries::of(&self.plan);
        let Entries {
            people: of_people,
            groups: of_groups,
            memberships,
        } = &mut self.entries;
        of_people.ms += applied.took.people_ms;
        of_groups.ms += applied.took.groups_ms;
        memberships.ms += applied.memberships_ms;
        memberships.changed = applied.memberships;
        memberships.failed += refused.sum::<u64>();
        self.failures.extend(applied.failures);
        // A step that was not applied is a failure that the plan did not foresee.
        let failed = |kind| self.failures.iter().filter(|failure| failure.kind == kind).count() as u64;
        let [people, groups] = [failed(Kind::User), failed(Kind::Group)];
        let unforeseen = |now: u64, tally: &Tally| now.saturating_sub(tally.failed);
        let steps = [self.plan.people.len() as u64, self.plan.groups.len() as u64];
        self.entries.people.changed = steps[0].saturating_sub(unforeseen(people, &self.entries.people));
        self.entries.groups.changed = steps[1].saturating_sub(unforeseen(groups, &self.entries.groups));
        self.entries.people.failed = people;
        self.entries.groups.failed = groups;
    }
}

/// What became of the entries of a run, and of the memberships in groups, by what they are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entries {
    /// People.
    pub people: Tally,
    /// Groups.
    pub groups: Tally,
    /// Memberships.
    #[serde(default)]
    pub memberships: Tally,
}

/// What became of entries of one kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tally {
    /// Read from the directory.
    pub read: u64,
    /// Steps that were applied; those of leavers, who were not read, are among them.
    pub changed: u64,
    /// Skipped, because they are as before.
    pub skipped: u64,
    /// Left as they are; the failures say why.
    pub failed: u64,
    /// Milliseconds that reading, comparing and applying them took. Memberships are read and compared with their groups, so
    /// theirs are those of applying.
    #[serde(default)]
    pub ms: u64,
}

impl Entries {
    /// Before anything is applied.
    pub(super) fn of(plan: &Plan) -> Self {
        let failed = |kind| plan.failures.iter().filter(|failure| failure.kind == kind).count() as u64;
        let tally = |read, skipped, kind, ms| Tally {
            read,
            changed: 0,
            skipped,
            failed: failed(kind),
            ms,
        };
        let sum = |of: fn(&GroupStep) -> u64| plan.groups.iter().map(of).sum::<u64>();
        let (added, missing) = (sum(|step| step.add.len() as u64), sum(|step| step.missing));
        Self {
            people: tally(plan.read.people, plan.skipped.people, Kind::User, plan.took.people_ms),
            groups: tally(plan.read.groups, plan.skipped.groups, Kind::Group, plan.took.groups_ms),
            memberships: Tally {
                read: plan.members_read,
                changed: 0,
                skipped: plan.members_read.saturating_sub(added + missing),
                failed: missing,
                ms: 0,
            },
        }
    }
}

/// Milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Durations {
    /// From lease to report.
    pub total_ms: u64,
    /// Reading and mapping.
    pub reading_ms: u64,
    /// Comparing.
    pub planning_ms: u64,
    /// Applying.
    pub applying_ms: u64,
}

/// Why a run failed. Nothing was changed, except by [`RunError::Interrupted`] and [`RunError::Crashed`].
#[derive(Debug, Error)]
pub enum RunError {
    /// The organisation has no such connection.
    #[error("connection {0} does not exist in this organisation")]
    NoConnection(Slug),
    /// It is no directory.
    #[error("connection {0} is not of kind ldap; its identity provider pushes by itself")]
    NotADirectory(Slug),
    /// Another run is at work.
    #[error("another run of connection {connection} is at work, at the latest until {until}")]
    Busy {
        /// The connection.
        connection: Slug,
        /// When its lease ends unless it is renewed.
        until: Timestamp,
    },
    /// A rule is wrong.
    #[error("connection {connection}: {error}")]
    Mapping {
        /// The connection.
        connection: Slug,
        /// The rule and the cure.
        error: MappingError,
    },
    /// The directory could not be read completely.
    #[error("connection {connection}: {error}")]
    Snapshot {
        /// The connection.
        connection: Slug,
        /// What happened.
        error: SnapshotError,
    },
    /// The store failed before anything was changed.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// The store failed, or another run took over, while changes were applied. Every entry is whole; the next run goes on.
    #[error("the run was interrupted; what was applied stays, the next run goes on: {0}")]
    Interrupted(#[source] DirectoryError),
    /// A fault of the gateway ended the run. Every entry is whole; the next run goes on.
    #[error("the run crashed, which is a fault of the gateway; what was applied stays, the next run goes on")]
    Crashed,
}
