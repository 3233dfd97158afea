//! What is kept of each run of a connection: numbers and reasons, no names of people. The oldest go when there are too many.
//!
//! Each summary is a record of its own; a list beside them says which there are. A summary is written in the same commit as
//! what the run remembers, so the history and the state never contradict each other.

use serde::{Deserialize, Serialize};

use crate::directory::{Directory, DirectoryError, Unit, keys};
use crate::model::clock::Timestamp;
use crate::model::id::{OrganisationId, RunId};
use crate::model::record::{self, Record};
use crate::model::slug::Slug;

use super::advice::Advice;
use super::brake::HoldReason;
use super::failure::{Failure, Kind};
use super::plan::{Classes, Numbers};
use super::reading::{Reading, WhyWhole};
use super::run::{Durations, Entries, Outcome, RunReport};

/// Characters kept of an error.
const ERROR_CHARACTERS_MAX: usize = 2_000;

/// What is kept of one run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunSummary {
    /// The run.
    pub run: RunId,
    /// How it ended.
    pub outcome: Ended,
    /// When it began.
    pub started: Timestamp,
    /// The server that it read; unknown of a failed run, and of one by an earlier release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// What it read; of a failed run, what it was asked to read.
    pub reading: Reading,
    /// Why it read everything, when less was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why_whole: Option<WhyWhole>,
    /// How long it took.
    pub duration: Durations,
    /// Entries read.
    pub read: Numbers,
    /// Steps planned, by class.
    pub classes: Classes,
    /// What became of the entries, of people and of groups.
    #[serde(default)]
    pub entries: Entries,
    /// Steps applied.
    pub changed: u64,
    /// Entries skipped, because they were as before.
    pub unchanged: u64,
    /// Entries left as they are, which are in the failure list.
    pub failed: Numbers,
    /// Group members without an entry.
    pub dangling: u64,
    /// References to other servers, not followed.
    pub referrals: u64,
    /// What the run would have an operator set otherwise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub advice: Vec<Advice>,
    /// Why it was held.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held: Vec<HoldReason>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// The plan was applied; single entries may have failed.
    Finished,
    /// The brake stopped it; nothing was changed.
    Held,
    /// It did not come to its end.
    Failed,
}

impl Ended {
    /// The word in answers and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::Held => "held",
            Self::Failed => "failed",
        }
    }
}

impl Record for RunSummary {
    const KIND: &'static str = "run summary";
}

impl RunSummary {
    /// What is kept of a run that came to a report.
    #[must_use]
    pub fn of(report: &RunReport) -> Self {
        Self {
            run: report.run,
            outcome: match report.outcome {
                Outcome::Held => Ended::Held,
                Outcome::Finished | Outcome::Planned => Ended::Finished,
            },
            started: report.started,
            server: Some(report.server.clone()),
            reading: report.reading,
            why_whole: report.why_whole.clone(),
            duration: report.duration,
            read: report.read,
            classes: report.classes.clone(),
            entries: report.entries,
            changed: report.changed,
            unchanged: report.unchanged,
            failed: by_kind(&report.failures),
            dangling: report.dangling,
            referrals: report.referrals,
            advice: report.advice.clone(),
            held: match report.outcome {
                Outcome::Held => report.held.clone(),
                Outcome::Finished | Outcome::Planned => Vec::new(),
            },
            error: None,
        }
    }

    /// What is kept of a run that failed.
    #[must_use]
    pub fn of_failure(run: RunId, started: Timestamp, reading: Reading, total_ms: u64, error: &str) -> Self {
        Self {
            run,
            outcome: Ended::Failed,
            started,
            server: None,
            reading,
            why_whole: None,
            duration: Durations {
                total_ms,
                ..Durations::default()
            },
            read: Numbers::default(),
            classes: Classes::default(),
            entries: Entries::default(),
            changed: 0,
            unchanged: 0,
            failed: Numbers::default(),
            dangling: 0,
            referrals: 0,
            advice: Vec::new(),
            held: Vec::new(),
            error: Some(error.chars().take(ERROR_CHARACTERS_MAX).collect()),
        }
    }
}

/// Failures, counted for people and for groups.
fn by_kind(failures: &[Failure]) -> Numbers {
    let count = |kind: Kind| failures.iter().filter(|failure| failure.kind == kind).count() as u64;
    Numbers {
        people: count(Kind::User),
        groups: count(Kind::Group),
    }
}

/// Which summaries there are, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RunList {
    runs: Vec<RunId>,
}

impl Record for RunList {
    const KIND: &'static str = "run list";
}

/// The runs of a connection that are kept, the newest first.
///
/// # Errors
/// As the store's read.
pub async fn load(
    directory: &Directory,
    organisation: OrganisationId,
    connection: &Slug,
) -> Result<Vec<RunSummary>, DirectoryError> {
    let list = directory.store().get(list_key(organisation, connection)).await?;
    let Some(list) = list else { return Ok(Vec::new()) };
    let list: RunList = record::decode(&list.value)?;
    let wanted = list
        .runs
        .iter()
        .rev()
        .map(|run| run_key(organisation, connection, *run));
    let found = directory.store().get_many(wanted.collect()).await?;
    found
        .into_iter()
        // One that a later run has just pushed out is not missed.
        .flatten()
        .map(|stored| Ok(record::decode(&stored.value)?))
        .collect()
}

/// Adds a summary, and deletes the oldest above `keep`.
///
/// # Errors
/// As the store's read.
pub(super) async fn note(
    unit: &mut Unit,
    connection: &Slug,
    keep: u32,
    summary: &RunSummary,
) -> Result<(), DirectoryError> {
    let organisation = unit.organisation();
    let key = list_key(organisation, connection);
    let mut list: RunList = unit.find(&key).await?.unwrap_or_default();
    list.runs.push(summary.run);
    let surplus = list.runs.len().saturating_sub(keep as usize);
    let gone: Vec<RunId> = list.runs.drain(..surplus).collect();
    if !gone.contains(&summary.run) {
        unit.put(run_key(organisation, connection, summary.run), summary);
    }
    for run in gone.into_iter().filter(|run| *run != summary.run) {
        unit.delete(run_key(organisation, connection, run));
    }
    unit.put(key, &list);
    Ok(())
}

fn list_key(organisation: OrganisationId, connection: &Slug) -> crate::store::Key {
    keys::run(organisation, connection, "history")
}

fn run_key(organisation: OrganisationId, connection: &Slug, run: RunId) -> crate::store::Key {
    keys::run(organisation, connection, &format!("run {}", run.uuid()))
}
