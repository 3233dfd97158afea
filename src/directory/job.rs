//! Jobs: work on many people that was planned, is confirmed or discarded, and is done item by item.
//!
//! Each item is done in one commit with the note of its result, so that it is done once, whatever is confirmed twice, breaks off or
//! begins again.

pub mod import;
mod run;
mod sweep;

use std::collections::BTreeSet;

use chrono::TimeDelta;
use parking_lot::Mutex;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use crate::model::event::{Actor, EventKind};
use crate::model::id::{JobId, OrganisationId};
use crate::model::job::{Job, JobItem, JobState, Task};
use crate::model::record;
use crate::store::Key;

use super::error::Denial;
use super::keys;
use super::stretch::Stretch;
use super::{Directory, DirectoryError, Operation, Permit, Unit, bulk};

/// The bounds of jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JobLimits {
    /// Items of one job.
    pub items_max: usize,
    /// How long a plan can be confirmed.
    pub plan_lives: TimeDelta,
    /// How long a job is kept after it was planned.
    pub kept: TimeDelta,
}

impl Default for JobLimits {
    fn default() -> Self {
        Self {
            items_max: 1000,
            plan_lives: TimeDelta::hours(1),
            kept: TimeDelta::days(30),
        }
    }
}

/// The bounds, and the jobs that this process is doing.
#[derive(Debug, Default)]
pub(super) struct Jobs {
    pub(super) limits: JobLimits,
    busy: Mutex<BTreeSet<JobId>>,
}

impl Jobs {
    pub(super) fn new(limits: JobLimits) -> Self {
        Self {
            limits,
            busy: Mutex::default(),
        }
    }
}

/// Why a job is not confirmed or discarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum JobRefusal {
    /// The caller saw another plan.
    #[error("confirm is not the one of this plan: look at the job, and send the confirm that it shows")]
    AnotherPlan,
    /// The plan is too old.
    #[error("the plan is too old to be confirmed: plan again and look at what would happen now")]
    Expired,
    /// The group, role, licence or resource is another one by now.
    #[error("what the plan is about has changed since: plan again and look at what would happen now")]
    TargetChanged,
    /// It was given up.
    #[error("the job was discarded: plan again")]
    Discarded,
    /// It was confirmed.
    #[error("the job was confirmed already: it cannot be discarded")]
    Confirmed,
}

impl Directory {
    /// A job; `None` when there is none, or none that is planned to the end.
    ///
    /// # Errors
    /// As the store's read.
    pub async fn find_job(&self, organisation: OrganisationId, id: JobId) -> Result<Option<Job>, DirectoryError> {
        let stored = self.store.get(keys::job(organisation, id)).await?;
        let job: Option<Job> = stored.map(|stored| record::decode(&stored.value)).transpose()?;
        Ok(job.filter(|job| job.state != JobState::Drafted))
    }

    /// Jobs that `keep` wants, the newest first, behind one or in front of it; fewer than `limit` only at the end. Jobs go after a
    /// while, so that there are never very many.
    ///
    /// # Errors
    /// As the store's read.
    pub async fn list_jobs(
        &self,
        organisation: OrganisationId,
        along: Stretch<JobId>,
        limit: usize,
        keep: impl Fn(&Job) -> bool + Send,
    ) -> Result<Vec<Job>, DirectoryError> {
        let prefix = keys::jobs(organisation);
        let along = along.reversed();
        let mut scan = along.scan(&prefix, limit, |id| keys::job(organisation, id));
        let mut jobs = Vec::new();
        loop {
            let found = self.store.scan(scan.clone()).await?;
            for (_, stored) in &found {
                let job: Job = record::decode(&stored.value)?;
                if job.state != JobState::Drafted && keep(&job) {
                    jobs.push(job);
                }
            }
            match found.last() {
                Some((last, _)) if jobs.len() < limit => scan = scan.after(last.clone()),
                _ => break,
            }
        }
        jobs.truncate(limit);
        Ok(jobs)
    }

    /// Items of a job in order, those behind a number or in front of it.
    ///
    /// # Errors
    /// As the store's read.
    pub async fn job_items(
        &self,
        organisation: OrganisationId,
        id: JobId,
        along: impl Into<Stretch<u32>> + Send,
        limit: usize,
    ) -> Result<Vec<JobItem>, DirectoryError> {
        let prefix = keys::job_items(organisation, id);
        let scan = along.into().scan(&prefix, limit, |number| keys::job_item(organisation, id, number));
        let found = self.store.scan(scan).await?;
        let items = found.iter().map(|(_, stored)| Ok(record::decode(&stored.value)?));
        items.collect()
    }
}

/// Confirms a plan that was seen (S001-35): `confirm` is the plan's own. Confirmed again, it answers the job as it is.
pub struct ConfirmJob<'a> {
    /// Which.
    pub id: JobId,
    /// What stands for the plan.
    pub confirm: &'a str,
}

#[async_trait::async_trait]
impl Operation for ConfirmJob<'_> {
    type Outcome = Job;

    async fn attempt(&self, unit: &mut Unit) -> Result<Job, DirectoryError> {
        let mut job = load_own(unit, self.id).await?;
        if job.confirm != self.confirm {
            return Err(JobRefusal::AnotherPlan.into());
        }
        match job.state {
            JobState::Running | JobState::Done => return Ok(job),
            JobState::Discarded => return Err(JobRefusal::Discarded.into()),
            JobState::Planned | JobState::Drafted => {}
        }
        if unit.now() >= job.expires {
            return Err(JobRefusal::Expired.into());
        }
        let (word, targets) = match &job.task {
            Task::Bulk(task) => (task.as_str(), bulk::targets(unit.organisation(), task)),
            Task::Import(_) => ("import", Vec::new()),
        };
        let mut target = Vec::new();
        for key in targets {
            target.push(unit.bytes(&key).await?);
        }
        if fingerprint(target.iter().map(Option::as_deref)) != job.target {
            return Err(JobRefusal::TargetChanged.into());
        }
        job.state = JobState::Running;
        job.confirmed = Some(unit.now());
        unit.put(keys::job(unit.organisation(), job.id), &job);
        let data = json!({ "operation": word, "items": job.items });
        unit.event(EventKind::JobConfirmed, job.id, data);
        Ok(job)
    }
}

/// Gives a plan up, to make another one (S001-34): it cannot be confirmed any more. Discarded again, nothing happens.
pub struct DiscardJob(
    /// Which.
    pub JobId,
);

#[async_trait::async_trait]
impl Operation for DiscardJob {
    type Outcome = Job;

    async fn attempt(&self, unit: &mut Unit) -> Result<Job, DirectoryError> {
        let mut job = load_own(unit, self.0).await?;
        match job.state {
            JobState::Discarded => return Ok(job),
            JobState::Running | JobState::Done => return Err(JobRefusal::Confirmed.into()),
            JobState::Planned | JobState::Drafted => {}
        }
        job.state = JobState::Discarded;
        job.ended = Some(unit.now());
        unit.put(keys::job(unit.organisation(), job.id), &job);
        Ok(job)
    }
}

/// A job of the one who acts.
async fn load_own(unit: &mut Unit, id: JobId) -> Result<Job, DirectoryError> {
    let found: Option<Job> = unit.find(&keys::job(unit.organisation(), id)).await?;
    let found = found.filter(|job| job.state != JobState::Drafted);
    let job = found.ok_or_else(|| DirectoryError::not_found("job", id))?;
    if is_same(&job.actor, unit.actor()) {
        return Ok(job);
    }
    // A person learns of no other's jobs.
    Err(match unit.actor().user {
        Some(_) => DirectoryError::not_found("job", id),
        None => DirectoryError::Denied(Denial::AnothersPlan),
    })
}

/// Whether two are the same party: the same person, whatever the session; the same token, whatever the program; the gateway itself.
#[must_use]
pub fn is_same(one: &Actor, other: &Actor) -> bool {
    match (one.user, other.user) {
        (None, None) => one.token == other.token && (one.token.is_some() || one.door == other.door),
        (one, other) => one == other,
    }
}

/// Stands for stored values as they are.
pub(super) fn fingerprint<'a>(values: impl Iterator<Item = Option<&'a [u8]>>) -> String {
    let mut hash = Sha256::new();
    for value in values {
        let value = value.unwrap_or_default();
        hash.update((value.len() as u64).to_be_bytes());
        hash.update(value);
    }
    hash.finalize()
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// The keys of a job's items, for a commit.
fn item_key(organisation: OrganisationId, id: JobId, item: &JobItem) -> Key {
    keys::job_item(organisation, id, item.number)
}

/// Items written in one commit, which has to hold them however long the lists of their effects are.
const ITEMS_AT_ONCE: usize = 100;

/// Writes the head of a job, the items beside it in parts.
struct PutJob<'a> {
    job: &'a Job,
    items: &'a [JobItem],
}

#[async_trait::async_trait]
impl Operation for PutJob<'_> {
    type Outcome = ();

    async fn attempt(&self, unit: &mut Unit) -> Result<(), DirectoryError> {
        let organisation = unit.organisation();
        for item in self.items {
            unit.put(item_key(organisation, self.job.id, item), item);
        }
        unit.put(keys::job(organisation, self.job.id), self.job);
        Ok(())
    }
}

impl Directory {
    /// Keeps a plan. Its head says that it is whole only when it is.
    pub(super) async fn keep_job(&self, permit: &Permit, job: &Job, items: &[JobItem]) -> Result<(), DirectoryError> {
        let draft = Job {
            state: JobState::Drafted,
            ..job.clone()
        };
        let drafting = permit.clone().within_job(job.id);
        for items in items.chunks(ITEMS_AT_ONCE) {
            self.run(&drafting, &PutJob { job: &draft, items }).await?;
        }
        self.run(permit, &PutJob { job, items: &[] }).await
    }
}
