//! Does what a plan says, and nothing else: entry by entry, each one atomic, many in flight.
//!
//! Every change looks again at what it relies on, inside its own unit of work; an entry that has changed since the plan is
//! left for the next run. What fails is listed and stops nobody else. A run that is broken off leaves whole entries behind
//! it, and the next run simply plans the rest.

mod exchange;
mod group;
mod person;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use crate::directory::{Directory, DirectoryError, Permit};

use super::failure::{Failure, FailureReason, Kind};
use super::flight::Flight;
use super::lease::Claim;
use super::person::Context;
use super::plan::{PersonAction, PersonStep, Plan};
use super::progress::{Progress, Report, Took, millis};
use super::rule_teams::MakeTeams;
use super::snapshot::Snapshot;

/// Changes in flight: enough that a store's next group commit is full while it writes the last one.
const IN_FLIGHT: usize = 256;
/// Steps between two reports of progress.
const REPORTED: u64 = 50;
/// Groups whose members are changed at the same time.
const GROUPS_IN_FLIGHT: usize = 8;
/// Members of one change.
const MEMBERS: usize = 500;

/// Does a plan.
pub(super) struct Applier<'a> {
    pub(super) directory: &'a Directory,
    pub(super) permit: &'a Permit,
    pub(super) context: Context<'a>,
    pub(super) snapshot: &'a Snapshot,
    pub(super) plan: &'a Plan,
    pub(super) lease: &'a Claim,
    pub(super) report: &'a Report,
    pub(super) done: AtomicU64,
    /// Memberships that began or ended.
    pub(super) moved: AtomicU64,
}

/// What was done.
#[derive(Debug, Default)]
pub(super) struct Applied {
    pub(super) changed: u64,
    pub(super) failures: Vec<Failure>,
    /// Memberships that began or ended.
    pub(super) memberships: u64,
    pub(super) memberships_ms: u64,
    pub(super) took: Took,
}

/// Why one step was not done: a failure of its own, or the end of the run.
enum Trouble {
    Entry(FailureReason),
    Run(DirectoryError),
}

impl Applier<'_> {
    /// # Errors
    /// When the store fails or the lease is lost. Whole entries have been changed by then.
    pub(super) async fn apply(&self) -> Result<Applied, DirectoryError> {
        let mut applied = Applied::default();
        let begun = Instant::now();
        self.make_teams().await?;
        let waiting = self.people(&self.plan.people, Vec::new(), &mut applied).await?;
        self.rest_of_people(waiting, &mut applied).await?;
        applied.took.people_ms = millis(begun);
        self.groups(&mut applied).await?;
        applied.memberships = self.moved.load(Ordering::Relaxed);
        Ok(applied)
    }

    /// Steps of the plan that follow each other. Answers those that wait for a name or a seat, and are to be handed over with the
    /// next ones.
    pub(super) async fn people<'s>(
        &'s self,
        steps: &'s [PersonStep],
        mut waiting: Vec<&'s PersonStep>,
        applied: &mut Applied,
    ) -> Result<Vec<&'s PersonStep>, DirectoryError> {
        for now in steps.chunk_by(|one, other| stage(one.action) == stage(other.action)) {
            // Whoever gets no seat of their own comes after those who do: then it is the same people each time.
            let (short, seated): (Vec<_>, Vec<_>) = now.iter().partition(|step| step.is_short);
            for part in [seated, short].into_iter().filter(|part| !part.is_empty()) {
                waiting.extend(part);
                waiting = self.until_stuck(waiting, applied).await?;
                waiting = self.exchange_names(waiting, applied).await?;
            }
        }
        Ok(waiting)
    }

    /// Those who wait still when nobody gives anything up any more.
    pub(super) async fn rest_of_people<'s>(
        &'s self,
        waiting: Vec<&'s PersonStep>,
        applied: &mut Applied,
    ) -> Result<(), DirectoryError> {
        self.attempt_people(waiting, applied, false).await.map(|_| ())
    }

    /// Before many people want to come into the same new team at once.
    pub(super) async fn make_teams(&self) -> Result<(), DirectoryError> {
        let new = self.plan.teams.iter().filter(|team| team.is_new);
        let make = MakeTeams {
            context: self.context,
            lease: self.lease,
            teams: new.map(|team| team.name.as_str()).collect(),
        };
        match self
            .directory
            .run(self.permit, &make)
            .await
            .map_err(|error| self.trouble(error))
        {
            Err(Trouble::Run(error)) => Err(error),
            // Whoever needs a team that cannot be made fails by name.
            Ok(()) | Err(Trouble::Entry(_)) => Ok(()),
        }
    }

    /// Attempts steps for as long as one of them gives up a name that another waits for. Answers those that wait still.
    async fn until_stuck<'s>(
        &'s self,
        mut steps: Vec<&'s PersonStep>,
        applied: &mut Applied,
    ) -> Result<Vec<&'s PersonStep>, DirectoryError> {
        loop {
            let before = steps.len();
            steps = self.attempt_people(steps, applied, true).await?;
            if steps.is_empty() || steps.len() == before {
                return Ok(steps);
            }
        }
    }

    async fn attempt_people<'s>(
        &'s self,
        steps: Vec<&'s PersonStep>,
        applied: &mut Applied,
        keeps_taken: bool,
    ) -> Result<Vec<&'s PersonStep>, DirectoryError> {
        let mut again = Vec::new();
        let mut steps = steps.into_iter();
        let mut flight = Flight::new(IN_FLIGHT);
        loop {
            while flight.has_room()
                && let Some(step) = steps.next()
            {
                flight.start(self.person(step));
            }
            let Some((step, outcome)) = flight.next().await else {
                return Ok(again);
            };
            match outcome {
                Ok(()) => applied.changed += 1,
                Err(Trouble::Run(error)) => return Err(error),
                // Whoever gives a name or a seat up may be a moment later.
                Err(Trouble::Entry(FailureReason::Taken { .. } | FailureReason::NoSeat { .. })) if keeps_taken => {
                    again.push(step);
                    continue;
                }
                Err(Trouble::Entry(reason)) => applied.failures.push(Failure {
                    kind: Kind::User,
                    external_id: Some(step.external_id.clone()),
                    name: Some(step.name.clone()),
                    reason,
                }),
            }
            self.advance();
        }
    }

    fn advance(&self) {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        let total = self.plan.steps();
        if done == total || done.is_multiple_of(REPORTED) {
            (self.report)(Progress::Applying { done, total });
        }
    }

    /// Whether an error ends the run or only this entry.
    fn trouble(&self, error: DirectoryError) -> Trouble {
        match error {
            DirectoryError::Unavailable(_) | DirectoryError::Corrupt(_) => Trouble::Run(error),
            other if self.lease.is_lost() => Trouble::Run(other),
            other => Trouble::Entry(FailureReason::from(&other)),
        }
    }
}

/// What may be done at the same time. What frees names and seats comes before what takes them.
const fn stage(action: PersonAction) -> u8 {
    match action {
        PersonAction::Delete
        | PersonAction::Unlink
        | PersonAction::SuspendMissing
        | PersonAction::Miss
        | PersonAction::Suspend => 0,
        PersonAction::Rename => 1,
        PersonAction::Update | PersonAction::Reactivate | PersonAction::Refresh | PersonAction::Adopt => 2,
        PersonAction::Create => 3,
    }
}
