//! Jobs and their items, as lists show them.

use async_trait::async_trait;
use serde_json::{Value, json};

use crate::admin::caller::Administrator;
use crate::admin::listing::Browse;
use crate::directory::job::is_same;
use crate::directory::stretch::Stretch;
use crate::directory::{Directory, DirectoryError};
use crate::model::event::Actor;
use crate::model::id::{JobId, OrganisationId, UserId};
use crate::model::job::{Job, JobItem, Outcome};

/// Who reads of jobs: a person learns of their own only. They hold the data of people whom another person may not see.
pub(in crate::admin) struct Reader(Option<Actor>);

impl Reader {
    /// Whoever asks.
    pub(in crate::admin) fn of(caller: &Administrator) -> Self {
        Self(caller.principal.user().map(|_| caller.permit.actor().clone()))
    }

    /// Whether a job may be shown.
    pub(in crate::admin) fn may_see(&self, job: &Job) -> bool {
        self.0.as_ref().is_none_or(|person| is_same(&job.actor, person))
    }
}

/// Jobs that somebody may see, the newest first.
pub(in crate::admin) struct Jobs {
    pub(in crate::admin) organisation: OrganisationId,
    pub(in crate::admin) reader: Reader,
    /// A job as the list shows it; `None` for one that is not in this list.
    pub(in crate::admin) view: fn(&Job) -> Option<Value>,
}

#[async_trait]
impl Browse for Jobs {
    type Name = JobId;

    async fn browse(
        &self,
        directory: &Directory,
        along: Stretch<JobId>,
        limit: usize,
    ) -> Result<Vec<Value>, DirectoryError> {
        let is_listed = |job: &Job| self.reader.may_see(job) && (self.view)(job).is_some();
        let jobs = directory
            .list_jobs(self.organisation, along, limit, is_listed)
            .await?;
        Ok(jobs.iter().filter_map(self.view).collect())
    }
}

/// The items of a job, in their order.
pub(super) struct Items {
    pub(super) organisation: OrganisationId,
    pub(super) job: JobId,
}

#[async_trait]
impl Browse for Items {
    type Name = u32;

    const NAME: &'static str = "number";

    async fn browse(
        &self,
        directory: &Directory,
        along: Stretch<u32>,
        limit: usize,
    ) -> Result<Vec<Value>, DirectoryError> {
        let items = directory
            .job_items(self.organisation, self.job, along, limit)
            .await?;
        let ids: Vec<UserId> = items.iter().filter_map(|item| item.user).collect();
        let names = directory.user_names(self.organisation, &ids).await?;
        let shown = |item: &JobItem| {
            json!({
                "number": item.number,
                "user": item.user,
                "user_name": item.user.and_then(|user| names.get(&user)),
                "named": item.named,
                "planned": outcome(&item.planned),
                "effect": item.effect,
                "result": item.result.as_ref().map(outcome),
            })
        };
        Ok(items.iter().map(shown).collect())
    }
}

fn outcome(outcome: &Outcome) -> Value {
    match outcome {
        Outcome::Change => json!({ "outcome": "change" }),
        Outcome::Nothing => json!({ "outcome": "nothing" }),
        Outcome::Refused { reason } => json!({ "outcome": "refused", "reason": reason }),
        Outcome::Stale => json!({
            "outcome": "stale",
            "reason": "the person has changed since the plan: plan again for them",
        }),
    }
}
