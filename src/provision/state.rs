//! What is remembered of a connection's runs: the last one, the last good one, and how many entries are on the failure list.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::directory::{Directory, DirectoryError, Operation, Unit, keys};
use crate::model::clock::Timestamp;
use crate::model::connection::Connection;
use crate::model::event::EventKind;
use crate::model::id::{OrganisationId, RunId};
use crate::model::record::{self, Record};
use crate::model::slug::Slug;

use super::cursor::Next;
use super::failure::list::{self, Count};
use super::history::{self, RunSummary};
use super::lease::Claim;
use super::plan::{Classes, Numbers};
use super::reading::Reading;
use super::run::{Durations, RunReport};

/// What is known of a connection's runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunState {
    /// The last run over everything that was applied: what the brake compares with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_good: Option<GoodRun>,
    /// The last run over what changed that was applied since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_changes: Option<GoodRun>,
    /// The last comparison of who is there that was applied since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_presence: Option<GoodRun>,
    /// What the last run over everything was made with ([`super::cursor::fingerprint`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<String>,
    /// The last run over everything left behind what the groups of the source hold, because rules look at them or people
    /// have primary groups.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub knows_groups: bool,
    /// A held plan was discarded since: the next run reads everything.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_discarded: bool,
    /// The last run that failed, if none was good since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<FailedRun>,
}

/// A run that was applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GoodRun {
    /// The run.
    pub run: RunId,
    /// When it began.
    pub started: Timestamp,
    /// How long it took.
    pub duration: Durations,
    /// What it read.
    pub read: Numbers,
    /// What it planned.
    pub classes: Classes,
    /// Steps that it applied.
    pub changed: u64,
    /// Entries that were as before.
    pub unchanged: u64,
    /// Entries that failed.
    pub failed: u64,
}

/// A run that changed nothing because it failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FailedRun {
    /// When it failed.
    pub at: Timestamp,
    /// What it said.
    pub error: String,
}

impl Record for RunState {
    const KIND: &'static str = "run state";
}

/// What is known of a connection's runs; `None` before the first.
///
/// # Errors
/// As the store's read.
pub async fn load(
    directory: &Directory,
    organisation: OrganisationId,
    connection: &Slug,
) -> Result<Option<RunState>, DirectoryError> {
    find(directory, organisation, connection, "state").await
}

/// The plan that waits for a person, if one does.
///
/// # Errors
/// As the store's read.
pub async fn held(
    directory: &Directory,
    organisation: OrganisationId,
    connection: &Slug,
) -> Result<Option<super::held::HeldPlan>, DirectoryError> {
    find(directory, organisation, connection, "held").await
}

async fn find<R: Record>(
    directory: &Directory,
    organisation: OrganisationId,
    connection: &Slug,
    what: &str,
) -> Result<Option<R>, DirectoryError> {
    let stored = directory.store().get(keys::run(organisation, connection, what)).await?;
    Ok(stored.map(|stored| record::decode(&stored.value)).transpose()?)
}

/// Remembers an applied run, forgets the plan that was held, and says so in the feed.
pub(super) struct Remember<'a> {
    pub(super) report: &'a RunReport,
    /// What it was made with.
    pub(super) settings: &'a str,
    pub(super) lease: &'a Claim,
    /// Where the next reading goes on.
    pub(super) next: &'a Next,
    /// Of a run over everything: whether what the groups hold is known now.
    pub(super) knows_groups: bool,
    /// How many entries are on the failure list now.
    pub(super) failures: &'a Count,
    /// How many runs the history keeps.
    pub(super) keep: u32,
}

#[async_trait::async_trait]
impl Operation for Remember<'_> {
    type Outcome = ();

    async fn attempt(&self, unit: &mut Unit) -> Result<(), DirectoryError> {
        self.lease.relied_on(unit).await?;
        let report = self.report;
        let (organisation, name) = (unit.organisation(), &report.connection);
        let good = GoodRun {
            run: report.run,
            started: report.started,
            duration: report.duration,
            read: report.read,
            classes: report.classes.clone(),
            changed: report.changed,
            unchanged: report.unchanged,
            failed: report.failures.len() as u64,
        };
        let key = keys::run(organisation, name, "state");
        let mut state: RunState = unit.find(&key).await?.unwrap_or_default();
        state.last_error = None;
        match report.reading {
            Reading::Whole => {
                state = RunState {
                    last_good: Some(good),
                    settings: Some(self.settings.to_owned()),
                    knows_groups: self.knows_groups,
                    ..RunState::default()
                }
            }
            Reading::Changes => state.last_changes = Some(good),
            Reading::Presence => state.last_presence = Some(good),
            // It says nothing of what is not on the list.
            Reading::Failures => {}
        }
        unit.put(key, &state);
        unit.put(list::count_key(organisation, name), self.failures);
        self.next.store(unit, name);
        history::note(unit, name, self.keep, &RunSummary::of(report)).await?;
        let held = keys::run(organisation, name, "held");
        if unit.bytes(&held).await?.is_some() {
            unit.delete(held);
        }
        let data = json!({
            "run": report.run,
            "reading": report.reading,
            "read": report.read,
            "changed": report.changed,
            "unchanged": report.unchanged,
            "failed": report.failures.len(),
        });
        unit.event(EventKind::SyncFinished, name, data);
        Ok(())
    }
}

/// Remembers that a run failed; the last good one stays what the brake compares with.
pub(super) struct RememberFailure<'a> {
    pub(super) connection: &'a Connection,
    pub(super) lease: &'a Claim,
    pub(super) summary: RunSummary,
}

#[async_trait::async_trait]
impl Operation for RememberFailure<'_> {
    type Outcome = ();

    async fn attempt(&self, unit: &mut Unit) -> Result<(), DirectoryError> {
        self.lease.relied_on(unit).await?;
        let name = &self.connection.name;
        let key = keys::run(unit.organisation(), name, "state");
        let mut state: RunState = unit.find(&key).await?.unwrap_or_default();
        state.last_error = Some(FailedRun {
            at: unit.now(),
            error: self.summary.error.clone().unwrap_or_default(),
        });
        unit.put(key, &state);
        history::note(unit, name, self.connection.runs_kept, &self.summary).await
    }
}
