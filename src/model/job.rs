//! Work on many people at once: planned, looked at, confirmed, done item by item (S001-31..38).
//!
//! A job is a head and its items, each a record of its own. Planning plays the whole job through on a copy in memory, so that the
//! items say what would happen to whom; confirming does it, and notes at each item what became of it.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::bulk::BulkTask;
use super::clock::Timestamp;
use super::event::Actor;
use super::id::{GroupId, JobId, ResourceId, UserId};
use super::import::ImportTask;
use super::lifecycle::State;
use super::record::Record;
use super::slug::Slug;

/// The head of a job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Job {
    /// Made by the server.
    pub id: JobId,
    /// What is done.
    pub task: Task,
    /// Who planned it: nobody else confirms it.
    pub actor: Actor,
    /// How far it has come.
    pub state: JobState,
    /// How many items it has, numbered from 1.
    pub items: u32,
    /// What the plan says, counted.
    pub planned: Tally,
    /// What became of the items so far, counted when the job ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub results: Option<Tally>,
    /// What becomes of the seats of every licence for which something changes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seats: Vec<SeatForecast>,
    /// What whoever confirms should know beside the items.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// Stands for the plan: the hexadecimal hash of it. Whoever confirms shows it.
    pub confirm: String,
    /// Stands for what the plan was made for (the group, the role, the licence) as it was then: a changed one needs a new plan.
    pub target: String,
    /// When it was planned.
    pub created: Timestamp,
    /// Until when it can be confirmed.
    pub expires: Timestamp,
    /// When it was confirmed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed: Option<Timestamp>,
    /// When it was done or discarded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
}

impl Record for Job {
    const KIND: &'static str = "job";
}

/// What a job does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Task {
    /// The same for many people.
    Bulk(BulkTask),
    /// People from a file.
    Import(ImportTask),
}

/// How far a job has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum JobState {
    /// Its items are being written: nothing can be done with it. What is left of a planning that was broken off.
    Drafted,
    /// Waits to be confirmed or discarded.
    Planned,
    /// Confirmed, and on its way.
    Running,
    /// Every item has a result.
    Done,
    /// Given up by whoever planned it; nothing was done.
    Discarded,
}

impl JobState {
    /// The word in answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Drafted => "drafted",
            Self::Planned => "planned",
            Self::Running => "running",
            Self::Done => "done",
            Self::Discarded => "discarded",
        }
    }
}

/// One item of a job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobItem {
    /// Its place, from 1.
    pub number: u32,
    /// Whom it is about; `None` when nobody was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
    /// How the caller named somebody who was not found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub named: Option<String>,
    /// The person's revision at the item's turn, when the job was played through: another one means another change came between.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<u64>,
    /// What the plan says.
    pub planned: Outcome,
    /// What changes for the person, as the plan says.
    #[serde(default, skip_serializing_if = "Effect::is_empty")]
    pub effect: Effect,
    /// What became of it, once it was its turn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Outcome>,
}

impl Record for JobItem {
    const KIND: &'static str = "job item";
}

/// What happens, or happened, to an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// Something changes.
    Change,
    /// Everything is as it is to be already.
    Nothing,
    /// It is not allowed, or not possible.
    Refused {
        /// Why, in words.
        reason: String,
    },
    /// The person has changed since the plan: nothing was done. Never part of a plan.
    Stale,
}

/// Outcomes, counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tally {
    /// Items for which something changes.
    pub change: u32,
    /// Items that are as they are to be.
    pub nothing: u32,
    /// Items that are refused.
    pub refused: u32,
    /// Items that were left because the person has changed since the plan.
    #[serde(default)]
    pub stale: u32,
}

impl Tally {
    /// Counts one more.
    pub fn add(&mut self, outcome: &Outcome) {
        let place = match outcome {
            Outcome::Change => &mut self.change,
            Outcome::Nothing => &mut self.nothing,
            Outcome::Refused { .. } => &mut self.refused,
            Outcome::Stale => &mut self.stale,
        };
        *place += 1;
    }

    /// How many were counted.
    #[must_use]
    pub const fn sum(&self) -> u32 {
        self.change + self.nothing + self.refused + self.stale
    }
}

/// Names in each list of an [`Effect`]: an item has to fit into a record.
pub const EFFECT_NAMES_MAX: usize = 50;

/// What an item changes for its person, whatever the reason: what follows from a link or a group's gifts is in it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Effect {
    /// The state afterwards, when it is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub becomes: Option<State>,
    /// Whether the person is made.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub created: bool,
    /// Whether the person's record goes for good.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
    /// Groups that the person comes into.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub joins: BTreeSet<GroupId>,
    /// Groups that the person leaves.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub leaves: BTreeSet<GroupId>,
    /// Roles for the whole organisation that the person is given.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub gains_roles: BTreeSet<Slug>,
    /// Roles for the whole organisation that the person loses.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub loses_roles: BTreeSet<Slug>,
    /// Licences that the person is given.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub gains_licences: BTreeSet<Slug>,
    /// Licences that the person loses.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub loses_licences: BTreeSet<Slug>,
    /// Licences of which the person takes a seat.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub takes_seats: BTreeSet<Slug>,
    /// Licences of which the person gives a seat back.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub frees_seats: BTreeSet<Slug>,
    /// Licences whose seats the person will wait for.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub waits_for: BTreeSet<Slug>,
    /// Resources that the person is given directly.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub gains_resources: BTreeSet<ResourceId>,
    /// Resources that were the person's directly, and go.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub loses_resources: BTreeSet<ResourceId>,
    /// Columns of an import whose empty cells take away what the person has.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub clears: BTreeSet<String>,
    /// Whether there is more than is named: each list is cut at [`EFFECT_NAMES_MAX`].
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub shortened: bool,
    /// What is in the way of the mail that the item sends: the invitation waits until it is put right.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub obstacle: Option<String>,
}

impl Effect {
    /// The same with lists that are no longer than they may be.
    #[must_use]
    pub fn shorten(mut self) -> Self {
        self.shortened |= cut(&mut self.joins) | cut(&mut self.leaves);
        self.shortened |= cut(&mut self.gains_resources) | cut(&mut self.loses_resources);
        for list in [
            &mut self.gains_roles,
            &mut self.loses_roles,
            &mut self.gains_licences,
            &mut self.loses_licences,
            &mut self.takes_seats,
            &mut self.frees_seats,
            &mut self.waits_for,
        ] {
            self.shortened |= cut(list);
        }
        self
    }

    /// Whether nothing changes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Cuts a list, and says whether there was more.
fn cut<T: Ord + Clone>(list: &mut BTreeSet<T>) -> bool {
    let first_left_out = list.iter().nth(EFFECT_NAMES_MAX).cloned();
    if let Some(first) = &first_left_out {
        drop(list.split_off(first));
    }
    first_left_out.is_some()
}

/// What a job means for the seats of one licence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SeatForecast {
    /// The licence.
    pub licence: Slug,
    /// Seats in all; `None` without a limit.
    pub limit: Option<u32>,
    /// Seats in use now.
    pub used: i64,
    /// Seats in use afterwards.
    pub used_after: i64,
    /// Seats that are free now; `None` without a limit.
    pub free: Option<i64>,
    /// People who wait for a seat now.
    pub waiting: i64,
    /// People who wait for one afterwards.
    pub waiting_after: i64,
    /// Items that are refused because no seat is free.
    pub refused: u32,
}
