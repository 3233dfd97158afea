//! What becomes of jobs by itself: a confirmed one that was broken off goes on, an old one is removed.

use crate::directory::{Directory, DirectoryError, Operation, Principal, Unit, keys};
use crate::model::event::{Actor, Door};
use crate::model::id::{JobId, OrganisationId};
use crate::model::job::{Job, JobState};
use crate::model::record;
use crate::model::token::TokenGrant;
use crate::store::Scan;

use super::ITEMS_AT_ONCE;

impl Directory {
    /// Goes on with the jobs that were confirmed and are not done, with the rights that whoever confirmed them has now. Run at the
    /// start, and again every hour.
    ///
    /// # Errors
    /// As the store's read and commit.
    pub async fn resume_jobs(&self, organisation: OrganisationId) -> Result<u64, DirectoryError> {
        let mut resumed = 0;
        for job in self.jobs_in(organisation, JobState::Running).await? {
            let principal = self.principal_of(organisation, &job).await?;
            self.run_job(&principal, organisation, job.id).await?;
            resumed += 1;
        }
        Ok(resumed)
    }

    async fn jobs_in(&self, organisation: OrganisationId, state: JobState) -> Result<Vec<Job>, DirectoryError> {
        let mut jobs = Vec::new();
        self.for_each_under(&keys::jobs(organisation), |_, stored| {
            let job: Job = record::decode(&stored.value)?;
            if job.state == state {
                jobs.push(job);
            }
            Ok(())
        })
        .await?;
        Ok(jobs)
    }

    /// Whoever confirmed a job, as a caller.
    async fn principal_of(&self, organisation: OrganisationId, job: &Job) -> Result<Principal, DirectoryError> {
        let Actor { door, token, user, .. } = job.actor;
        if let Some(user) = user {
            return Ok(Principal::person(organisation, user, token));
        }
        if door == Door::System {
            return Ok(Principal::system());
        }
        let token = match token {
            Some(id) => self.find_token(id).await?,
            None => None,
        };
        let now = self.clock.now();
        let token = token.filter(|token| token.expires.is_none_or(|expires| now < expires));
        Ok(match token.map(|token| (token.id, token.grant.clone())) {
            Some((id, TokenGrant::Gateway)) => Principal::gateway_administrator(id),
            Some((id, TokenGrant::Organisation { organisation: own })) => {
                Principal::organisation_administrator(own, id)
            }
            Some((id, TokenGrant::Organisations { organisations })) => Principal::administrator_of(organisations, id),
            // The token is gone: nobody may do what is left. A guest is refused each item, with the reason.
            Some((_, TokenGrant::Connection { .. } | TokenGrant::Person { .. })) | None => {
                Principal::guest(organisation)
            }
        })
    }

    /// Removes jobs that are kept no longer, and what is left of plans that were broken off. Answers how many.
    ///
    /// # Errors
    /// As the store's read and commit.
    pub async fn sweep_jobs(&self, organisation: OrganisationId) -> Result<u64, DirectoryError> {
        let now = self.clock.now();
        let kept_until = now - self.jobs.limits.kept;
        let drafts_until = now - self.jobs.limits.plan_lives;
        let mut over: Vec<JobId> = Vec::new();
        self.for_each_under(&keys::jobs(organisation), |_, stored| {
            let job: Job = record::decode(&stored.value)?;
            let is_over = match job.state {
                JobState::Running => false,
                JobState::Drafted => job.created < drafts_until,
                JobState::Planned | JobState::Done | JobState::Discarded => job.created < kept_until,
            };
            if is_over {
                over.push(job.id);
            }
            Ok(())
        })
        .await?;
        for id in &over {
            self.remove_job(organisation, *id).await?;
        }
        Ok(over.len() as u64)
    }

    /// The items first, below a head that shows them no more; what is left when this is broken off is removed the next time.
    async fn remove_job(&self, organisation: OrganisationId, id: JobId) -> Result<(), DirectoryError> {
        let permit = Principal::system().administer(organisation)?;
        while !self.run(&permit, &RemoveSome(id)).await? {}
        Ok(())
    }
}

/// Removes some items of a job, and the head when none is left. Answers whether that was the rest.
struct RemoveSome(JobId);

#[async_trait::async_trait]
impl Operation for RemoveSome {
    type Outcome = bool;

    async fn attempt(&self, unit: &mut Unit) -> Result<bool, DirectoryError> {
        let organisation = unit.organisation();
        let head = keys::job(organisation, self.0);
        let Some(mut job) = unit.find::<Job>(&head).await? else {
            return Ok(true);
        };
        if job.state == JobState::Running {
            return Ok(true);
        }
        // The rows of an imported file first, so that none is left without its item.
        let mut found = unit
            .scan(Scan::prefix(&keys::import_rows(organisation, self.0), ITEMS_AT_ONCE))
            .await?;
        if found.is_empty() {
            let items = Scan::prefix(&keys::job_items(organisation, self.0), ITEMS_AT_ONCE);
            found = unit.scan(items).await?;
        }
        for (key, _) in &found {
            unit.delete(key.clone());
        }
        if found.is_empty() {
            unit.delete(head);
        } else if job.state != JobState::Drafted {
            job.state = JobState::Drafted;
            unit.put(head, &job);
        }
        Ok(found.is_empty())
    }
}
