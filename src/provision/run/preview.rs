//! A run that is played through instead of applied.

use crate::directory::DirectoryError;
use crate::provision::failure::Failure;
use crate::provision::held::HeldPlan;
use crate::provision::held::kept::{InsteadOf, Keeper, Kept, Place};
use crate::provision::lease::Claim;
use crate::provision::plan::Plan;
use crate::provision::rehearse::{Player, Sink};
use crate::provision::snapshot::Snapshot;
use crate::provision::state;

use super::{Outcome, RunError, RunReport, Running, STEP_RETRY, millis};

impl Running<'_> {
    /// Plans, and tells what each step would change. What fails only when it is played is among the report's failures.
    pub(super) async fn preview(&self, sink: &mut dyn Sink) -> Result<RunReport, RunError> {
        let (mut report, rest) = self.summary(self.prepare().await?, Outcome::Planned);
        let failures = self.play(&rest.snapshot, &report.plan, sink).await?;
        report.failures.extend(failures);
        report.duration.total_ms = millis(self.clock);
        Ok(report)
    }

    /// Keeps what a plan that the brake stops would change, unless it is kept already.
    pub(super) async fn keep(
        &self,
        snapshot: &Snapshot,
        report: &RunReport,
        lease: &Claim,
    ) -> Result<Option<(Kept, Option<InsteadOf>)>, RunError> {
        if report.held.is_empty() {
            return Ok(None);
        }
        let before = state::held(self.directory, self.permit.organisation(), &self.connection.name).await?;
        let is_kept = |held: &HeldPlan| held.hash == report.plan_hash && held.kept.is_some();
        if before.as_ref().is_some_and(is_kept) {
            return Ok(None);
        }
        let mut keeper = Keeper::begin(self.place(lease, &report.plan_hash), before).await?;
        self.play(snapshot, &report.plan, &mut keeper).await?;
        Ok(Some(keeper.end().await?))
    }

    /// Where what a plan would change is kept.
    pub(super) fn place<'s>(&'s self, lease: &'s Claim, hash: &'s str) -> Place<'s> {
        Place {
            directory: self.directory,
            permit: &self.permit,
            lease,
            connection: &self.connection.name,
            hash,
        }
    }

    /// Plays a plan through. Answers the failures that it does not foresee.
    pub(super) async fn play(
        &self,
        snapshot: &Snapshot,
        plan: &Plan,
        sink: &mut dyn Sink,
    ) -> Result<Vec<Failure>, DirectoryError> {
        let patient = self.directory.clone().with_retry(STEP_RETRY);
        let player = Player {
            directory: &patient,
            permit: &self.permit,
            context: self.context(),
            snapshot,
            plan,
            run: self.id.uuid(),
            report: &self.report,
        };
        player.play(sink).await
    }
}
