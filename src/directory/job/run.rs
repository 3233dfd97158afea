//! Doing a confirmed job, item by item.

use serde_json::json;

use crate::directory::bulk;
use crate::directory::{Directory, DirectoryError, Operation, Permit, Principal, Unit, keys};
use crate::model::bulk::BulkTask;
use crate::model::event::EventKind;
use crate::model::id::{JobId, OrganisationId, UserId};
use crate::model::job::{Job, JobItem, JobState, Outcome, Tally, Task};
use crate::model::record;

use super::{ITEMS_AT_ONCE, item_key};

/// One turn at a job: no other in this process is at it meanwhile.
struct Turn<'a> {
    directory: &'a Directory,
    id: JobId,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.directory.jobs.busy.lock().remove(&self.id);
    }
}

impl Directory {
    /// Does what is left of a confirmed job. Every item is done with the rights of `principal` as they are at its turn. Nothing
    /// happens when the job is not confirmed, is done, or this process is at it already; the answer is the job as it is.
    ///
    /// # Errors
    /// [`DirectoryError::NotFound`]; what is no answer to one item but a fault of the store: then the rest is left for the next
    /// call.
    pub async fn run_job(
        &self,
        principal: &Principal,
        organisation: OrganisationId,
        id: JobId,
    ) -> Result<Job, DirectoryError> {
        let missing = || DirectoryError::not_found("job", id);
        let job = self.find_job(organisation, id).await?.ok_or_else(missing)?;
        if job.state != JobState::Running || !self.jobs.busy.lock().insert(id) {
            return Ok(job);
        }
        let _turn = Turn { directory: self, id };
        let system = Principal::system().administer(organisation)?;
        let mut after = None;
        loop {
            let items = self.job_items(organisation, id, after, ITEMS_AT_ONCE).await?;
            let Some(last) = items.last() else { break };
            after = Some(last.number);
            let (due, idle): (Vec<_>, Vec<_>) = items
                .iter()
                .filter(|item| item.result.is_none())
                .partition(|item| item.planned == Outcome::Change);
            // What the plan leaves alone is left alone, also when it could be done by now: nobody has seen that.
            let idle: Vec<_> = idle
                .into_iter()
                .map(|item| (item.number, item.planned.clone()))
                .collect();
            self.note(&system, id, idle).await?;
            for item in due {
                let done = match (&job.task, item.user) {
                    (Task::Bulk(task), Some(user)) => {
                        let turn = (item.number, user);
                        self.do_item(principal, &system, (id, task), turn).await
                    }
                    (Task::Bulk(_), None) => continue,
                    (Task::Import(task), _) => self.do_row(principal, organisation, (id, task), item).await,
                };
                if let Err(error) = done {
                    let refused = bulk::refused(error)?;
                    self.note(&system, id, vec![(item.number, refused)]).await?;
                }
            }
        }
        self.run(&system, &EndJob(id)).await
    }

    async fn do_item(
        &self,
        principal: &Principal,
        system: &Permit,
        (job, task): (JobId, &BulkTask),
        (number, user): (u32, UserId),
    ) -> Result<Outcome, DirectoryError> {
        let named = user.to_string();
        let permit = self
            .authorise_item(principal, system.organisation(), task, (user, &named))
            .await?;
        let item = DoItem {
            job,
            number,
            user,
            task,
        };
        self.run(&permit.within_job(job), &item).await
    }

    async fn note(&self, permit: &Permit, job: JobId, results: Vec<(u32, Outcome)>) -> Result<(), DirectoryError> {
        if results.is_empty() {
            return Ok(());
        }
        self.run(permit, &NoteResults { job, results }).await
    }
}

/// Does one item and notes its result, in one commit.
struct DoItem<'a> {
    job: JobId,
    number: u32,
    user: UserId,
    task: &'a BulkTask,
}

#[async_trait::async_trait]
impl Operation for DoItem<'_> {
    type Outcome = Outcome;

    async fn attempt(&self, unit: &mut Unit) -> Result<Outcome, DirectoryError> {
        let key = keys::job_item(unit.organisation(), self.job, self.number);
        let item: Option<JobItem> = unit.find(&key).await?;
        let mut item = item.ok_or_else(|| DirectoryError::not_found("job item", self.number))?;
        // Somebody else came first: another process, or an attempt whose answer was lost.
        if let Some(result) = item.result {
            return Ok(result);
        }
        let user = unit.find_user(self.user).await?;
        let result = if user.map(|user| user.revision) == item.revision {
            bulk::take_step(unit, self.task, self.user).await?;
            if unit.is_unchanged() {
                Outcome::Nothing
            } else {
                Outcome::Change
            }
        } else {
            Outcome::Stale
        };
        item.result = Some(result.clone());
        unit.put(key, &item);
        Ok(result)
    }
}

/// Notes results of items that nothing was done for.
struct NoteResults {
    job: JobId,
    results: Vec<(u32, Outcome)>,
}

#[async_trait::async_trait]
impl Operation for NoteResults {
    type Outcome = ();

    async fn attempt(&self, unit: &mut Unit) -> Result<(), DirectoryError> {
        let organisation = unit.organisation();
        let key = |number: u32| keys::job_item(organisation, self.job, number);
        unit.fetch(self.results.iter().map(|(number, _)| key(*number))).await?;
        for (number, result) in &self.results {
            let item: Option<JobItem> = unit.find(&key(*number)).await?;
            if let Some(mut item) = item.filter(|item| item.result.is_none()) {
                item.result = Some(result.clone());
                unit.put(item_key(organisation, self.job, &item), &item);
            }
        }
        Ok(())
    }
}

/// Ends a job whose items all have results.
struct EndJob(JobId);

#[async_trait::async_trait]
impl Operation for EndJob {
    type Outcome = Job;

    async fn attempt(&self, unit: &mut Unit) -> Result<Job, DirectoryError> {
        let organisation = unit.organisation();
        let key = keys::job(organisation, self.0);
        let job: Option<Job> = unit.find(&key).await?;
        let mut job = job.ok_or_else(|| DirectoryError::not_found("job", self.0))?;
        if job.state != JobState::Running {
            return Ok(job);
        }
        let mut tally = Tally::default();
        let mut scan = crate::store::Scan::prefix(&keys::job_items(organisation, self.0), ITEMS_AT_ONCE);
        loop {
            let found = unit.scan(scan.clone()).await?;
            for (_, stored) in &found {
                let item: JobItem = record::decode(&stored.value)?;
                if let Some(result) = &item.result {
                    tally.add(result);
                }
            }
            match found.last() {
                Some((last, _)) => scan = scan.after(last.clone()),
                None => break,
            }
        }
        // A result is never taken back, so this cannot become less.
        if tally.sum() == job.items {
            job.state = JobState::Done;
            job.results = Some(tally);
            job.ended = Some(unit.now());
            unit.put(key, &job);
            unit.event(EventKind::JobDone, job.id, json!(tally));
        }
        Ok(job)
    }
}
