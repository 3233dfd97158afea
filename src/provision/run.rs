//! One synchronisation run: lease, read, plan, brake, apply, remember.
//!
//! A run that is to read only what changed reads everything after all when that cannot be told, or when the brake would stop
//! it: what a person is asked to approve is always the plan of everything.

mod prepare;
mod preview;
mod remember;
mod report;

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;

pub use report::{Durations, Entries, Outcome, RunError, RunMode, RunReport, Tally};

use crate::directory::settings::OrganisationSettings;
use crate::directory::{Directory, DirectoryError, Permit, Principal, RetryLimits};
use crate::ldap::LdapUrl;
use crate::model::clock::Timestamp;
use crate::model::connection::{Connection, ConnectionKind};
use crate::model::custom_attribute::Bearer;
use crate::model::id::{OrganisationId, RunId};
use crate::model::slug::Slug;

use super::advice::Advice;
use super::apply::Applier;
use super::authority::Say;
use super::brake::{self, HoldReason};
use super::cursor::{self, Next};
use super::failure::Kind;
use super::failure::list::{self, List};
use super::held::{Hold, kept};
use super::history::RunSummary;
use super::lease::Claim;
use super::measure;
use super::person::Context;
use super::plan::{Plan, Planner};
use super::progress::{Progress, Report, Took, millis};
use super::reading::{Reading, WhyWhole};
use super::rehearse::Sink;
use super::roster::Learned;
use super::snapshot::{Snapshot, SnapshotError};
use super::state::{self, RunState};

/// How long one step of a run is tried again when other changes come first.
const STEP_RETRY: RetryLimits = RetryLimits {
    attempts_max: 1000,
    elapsed_max: Duration::from_secs(120),
};

/// Runs.
pub struct SyncRun;

impl SyncRun {
    /// Runs a connection once.
    ///
    /// # Errors
    /// [`RunError`]; a run that the brake stops is not an error but [`Outcome::Held`].
    pub async fn execute(
        directory: &Directory,
        organisation: OrganisationId,
        connection: &Slug,
        mode: RunMode,
        reading: Reading,
        report: Report,
    ) -> Result<RunReport, RunError> {
        let run = Running::of(directory, organisation, connection, reading, report).await?;
        match mode {
            RunMode::DryRun => run.plan_only().await,
            RunMode::Apply => run.leased().await,
        }
    }

    /// Tries one entry of the failure list again, or all of them, and reads nothing else.
    ///
    /// # Errors
    /// As [`SyncRun::execute`]; [`DirectoryError::NotFound`] for an entry that is not on the list.
    pub async fn retry(
        directory: &Directory,
        organisation: OrganisationId,
        connection: &Slug,
        only: Option<(Kind, String)>,
        report: Report,
    ) -> Result<RunReport, RunError> {
        if let Some((kind, id)) = &only
            && list::find(directory, organisation, connection, *kind, id)
                .await?
                .is_none()
        {
            return Err(DirectoryError::not_found("failure", id).into());
        }
        let mut run = Running::of(directory, organisation, connection, Reading::Failures, report).await?;
        run.only = only;
        run.leased().await
    }

    /// Plans a run and plays it through without changing anything: `sink` is told what each step changes.
    ///
    /// # Errors
    /// [`RunError`]; what the sink answers.
    pub async fn preview(
        directory: &Directory,
        organisation: OrganisationId,
        connection: &Slug,
        reading: Reading,
        report: Report,
        sink: &mut dyn Sink,
    ) -> Result<RunReport, RunError> {
        let run = Running::of(directory, organisation, connection, reading, report).await?;
        run.preview(sink).await
    }
}

/// A run at work.
struct Running<'a> {
    directory: &'a Directory,
    permit: Permit,
    settings: Arc<OrganisationSettings>,
    connection: Arc<Connection>,
    reading: Reading,
    /// The one entry that is tried again, when it is not all that failed.
    only: Option<(Kind, String)>,
    report: Report,
    id: RunId,
    started: Timestamp,
    clock: Instant,
}

impl<'a> Running<'a> {
    async fn of(
        directory: &'a Directory,
        organisation: OrganisationId,
        connection: &Slug,
        reading: Reading,
        report: Report,
    ) -> Result<Self, RunError> {
        let settings = directory.load_organisation(organisation).await?;
        let found = settings.connections.get(connection).cloned();
        let found = found.ok_or_else(|| RunError::NoConnection(connection.clone()))?;
        if found.kind != ConnectionKind::Ldap {
            return Err(RunError::NotADirectory(connection.clone()));
        }
        let permit = Principal::ldap(organisation, connection.clone()).provision(organisation)?;
        Ok(Self {
            directory,
            permit,
            settings,
            connection: found,
            reading,
            only: None,
            report,
            id: RunId::new(directory.clock().uuid()),
            started: directory.clock().now(),
            clock: Instant::now(),
        })
    }
}

impl Running<'_> {
    async fn plan_only(&self) -> Result<RunReport, RunError> {
        let prepared = self.prepare().await?;
        Ok(self.summary(prepared, Outcome::Planned).0)
    }

    async fn leased(&self) -> Result<RunReport, RunError> {
        let claim = Claim::new(&self.connection.name, self.id.uuid());
        if let Err(other) = claim.acquire(self.directory, &self.permit).await? {
            return Err(RunError::Busy {
                connection: self.connection.name.clone(),
                until: other.expires,
            });
        }
        let keeping = claim.keep(self.directory, &self.permit);
        // A panic must not look like anything but a failed run, and must not leave the lease to run out.
        let outcome = AssertUnwindSafe(self.under(&claim)).catch_unwind().await;
        let outcome = outcome.unwrap_or(Err(RunError::Crashed));
        drop(keeping);
        if let Err(error) = &outcome {
            let text = error.to_string();
            let remember = state::RememberFailure {
                connection: &self.connection,
                lease: &claim,
                summary: RunSummary::of_failure(self.id, self.started, self.reading, millis(self.clock), &text),
            };
            // The failure itself is answered; that it could not be noted as well adds nothing.
            let _ = self.directory.run(&self.permit, &remember).await;
        }
        // A lease that cannot be given back runs out by itself.
        let _ = claim.release(self.directory, &self.permit).await;
        measure::run(
            &self.settings.organisation.slug,
            &self.connection.name,
            self.reading,
            &outcome,
        );
        outcome
    }

    async fn under(&self, claim: &Claim) -> Result<RunReport, RunError> {
        let (mut report, rest) = self.summary(self.prepare().await?, Outcome::Held);
        // Whom an administrator has to decide about does not depend on what becomes of the plan.
        let (name, questions) = (&self.connection.name, &report.plan.questions);
        self.directory.ask_for_reviews(&self.permit, name, questions).await?;
        let kept = self.keep(&rest.snapshot, &report, claim).await?;
        let hold = Hold {
            report: &report,
            lease: claim,
            keep: self.connection.runs_kept,
            kept: kept.as_ref(),
        };
        if !self.directory.run(&self.permit, &hold).await? {
            kept::sweep(self.place(claim, &report.plan_hash)).await?;
            return Ok(report);
        }
        let begun = Instant::now();
        // Nobody waits for an answer, as a client does: a step that a busy machine holds up is not given up like a request.
        let patient = self.directory.clone().with_retry(STEP_RETRY);
        let applier = Applier {
            directory: &patient,
            permit: &self.permit,
            context: self.context(),
            snapshot: &rest.snapshot,
            plan: &report.plan,
            lease: claim,
            report: &self.report,
            done: AtomicU64::new(0),
            moved: AtomicU64::new(0),
        };
        let applied = applier.apply().await.map_err(RunError::Interrupted)?;
        report.outcome = Outcome::Finished;
        report.finish(applied);
        report.duration.applying_ms = millis(begun);
        report.duration.total_ms = millis(self.clock);
        self.remember(&report, rest, claim).await?;
        Ok(report)
    }

    /// What this run is made with.
    fn fingerprint(&self) -> String {
        cursor::fingerprint(&self.connection, self.settings.custom(Bearer::User), &self.say())
    }

    fn say(&self) -> Say {
        Say::of(&self.connection, &self.settings)
    }

    fn unread(&self, error: SnapshotError) -> RunError {
        RunError::Snapshot {
            connection: self.connection.name.clone(),
            error,
        }
    }

    async fn plan(
        &self,
        snapshot: Snapshot,
        server: &LdapUrl,
        state: &RunState,
        (took, reading_ms): (Took, u64),
    ) -> Result<Prepared, RunError> {
        let begun = Instant::now();
        let last_good = state.last_good.as_ref().map(|good| good.read);
        let planner = Planner {
            directory: self.directory,
            permit: &self.permit,
            context: self.context(),
            snapshot: &snapshot,
            linked: last_good.unwrap_or_default(),
            now: self.started,
        };
        let mut plan = planner.plan().await?;
        plan.took.people_ms += took.people_ms;
        plan.took.groups_ms += took.groups_ms;
        (self.report)(Progress::Planned { steps: plan.steps() });
        Ok(Prepared {
            held: brake::judge(&plan, &self.connection.brake, last_good),
            hash: plan.hash(),
            plan,
            server: server.to_string(),
            snapshot,
            reading: self.reading,
            why_whole: None,
            next: Next::Keep,
            settled: None,
            learned: Learned::Nothing,
            listed: None,
            reading_ms,
            planning_ms: millis(begun),
        })
    }

    fn context(&self) -> Context<'_> {
        Context {
            organisation: &self.settings,
            connection: &self.connection,
        }
    }

    /// The report of a run of which nothing is applied yet, and what else is needed to apply it.
    fn summary(&self, prepared: Prepared, outcome: Outcome) -> (RunReport, Rest) {
        let (plan, snapshot) = (prepared.plan, prepared.snapshot);
        let report = RunReport {
            run: self.id,
            connection: self.connection.name.clone(),
            outcome,
            server: prepared.server,
            reading: prepared.reading,
            why_whole: prepared.why_whole,
            started: self.started,
            duration: Durations {
                total_ms: millis(self.clock),
                reading_ms: prepared.reading_ms,
                planning_ms: prepared.planning_ms,
                applying_ms: 0,
            },
            read: plan.read,
            classes: plan.classes(),
            entries: Entries::of(&plan),
            changed: 0,
            unchanged: plan.unchanged,
            seats: plan.seats.clone(),
            failures: plan.failures.clone(),
            dangling: plan.dangling.count,
            referrals: snapshot.referrals(),
            advice: Advice::on_run(&self.connection, snapshot.sees_deletions(), snapshot.referrals()),
            plan_hash: prepared.hash,
            held: prepared.held,
            plan,
        };
        let rest = Rest {
            snapshot,
            next: prepared.next,
            settled: prepared.settled,
            learned: prepared.learned,
            listed: prepared.listed,
        };
        (report, rest)
    }
}

/// What a report does not hold of a prepared run.
struct Rest {
    snapshot: Snapshot,
    next: Next,
    settled: Option<BTreeSet<(Kind, String)>>,
    learned: Learned,
    listed: Option<List>,
}

/// A run before its decision.
struct Prepared {
    /// What was read, and from which server.
    snapshot: Snapshot,
    server: String,
    reading: Reading,
    why_whole: Option<WhyWhole>,
    /// Where the next reading goes on.
    next: Next,
    /// The entries that were looked at, when it was not everything.
    settled: Option<BTreeSet<(Kind, String)>>,
    /// What was read of the groups themselves, for the next reading of changes.
    learned: Learned,
    /// The failure list, when it was read.
    listed: Option<List>,
    plan: Plan,
    hash: String,
    held: Vec<HoldReason>,
    reading_ms: u64,
    planning_ms: u64,
}
