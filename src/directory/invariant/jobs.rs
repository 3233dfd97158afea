//! Items belong to a job, a job has all its items, and one that is done has a result for each. Rows of files belong to items.

use async_trait::async_trait;

use crate::directory::DirectoryError;
use crate::directory::keys::{self, Table};
use crate::directory::verify::Report;
use crate::model::id::{JobId, OrganisationId};
use crate::model::job::{Job, JobItem, JobState, Task};
use crate::store::{Key, Versioned};

use super::{Entry, Invariant, View, readable};

/// The invariant.
pub struct Jobs;

#[async_trait]
impl Invariant for Jobs {
    fn name(&self) -> &'static str {
        "jobs"
    }

    async fn verify(&self, view: &View<'_>, report: &mut Report) -> Result<(), DirectoryError> {
        let organisation = view.organisation;
        let mut pages = view.under(&keys::table(organisation, Table::Job));
        while let Some(entries) = pages.next(report).await? {
            let wanted = |key: &Key, stored: &Versioned| beside(organisation, key, stored);
            for entry in view.together(entries, wanted).await? {
                let broken = match keys::job_of(&entry.key) {
                    Some(_) => judge_item(&entry),
                    None => judge_head(&entry),
                };
                if let Some(what) = broken {
                    view.broken(report, self.name(), &entry.key, what).await;
                }
            }
        }
        let mut pages = view.under(&keys::table(organisation, Table::ImportRow));
        while let Some(entries) = pages.next(report).await? {
            let wanted = |key: &Key, _: &Versioned| {
                let job = keys::import_of(key);
                job.map(|id| keys::job(organisation, id)).into_iter().collect()
            };
            for entry in view.together(entries, wanted).await? {
                if let Some(what) = judge_row(&entry) {
                    view.broken(report, self.name(), &entry.key, what).await;
                }
            }
        }
        Ok(())
    }
}

/// A row of an imported file belongs to an item of a job that is an import.
fn judge_row(entry: &Entry) -> Option<&'static str> {
    let Some(head) = readable::<Job>(entry.others.first().and_then(Option::as_ref)) else {
        return Some("belongs to no job");
    };
    let is_item = keys::last_number(&entry.key).is_some_and(|number| (1..=u64::from(head.items)).contains(&number));
    match head.task {
        Task::Import(_) if is_item => None,
        Task::Import(_) => Some("is more than its job has items"),
        Task::Bulk(_) => Some("belongs to a job that imports nothing"),
    }
}

/// Of an item its head; of a head its first and its last item.
fn beside(organisation: OrganisationId, key: &Key, stored: &Versioned) -> Vec<Key> {
    if let Some(id) = keys::job_of(key) {
        return vec![keys::job(organisation, id)];
    }
    let Some(job) = readable::<Job>(Some(stored)) else {
        return Vec::new();
    };
    let item = |number| keys::job_item(organisation, job.id, number);
    vec![item(1), item(job.items)]
}

fn judge_item(entry: &Entry) -> Option<&'static str> {
    let Some(item) = readable::<JobItem>(Some(&entry.value)) else {
        return Some("is no item of a job");
    };
    if keys::last_number(&entry.key) != Some(u64::from(item.number)) {
        return Some("is not the item that its key says");
    }
    let Some(head) = readable::<Job>(entry.others.first().and_then(Option::as_ref)) else {
        return Some("belongs to no job");
    };
    match (head.state, &item.result) {
        _ if item.number > head.items => Some("is more than its job has items"),
        (JobState::Done, None) => Some("has no result, and its job is done"),
        (JobState::Planned | JobState::Discarded, Some(_)) => Some("has a result, and its job was not confirmed"),
        _ => None,
    }
}

fn judge_head(entry: &Entry) -> Option<&'static str> {
    let Some(job) = readable::<Job>(Some(&entry.value)) else {
        return Some("is no job");
    };
    if keys::last_uuid(&entry.key).map(JobId::new) != Some(job.id) {
        return Some("is not the job that its key says");
    }
    // A plan that was broken off may lack what it would have had.
    if job.state == JobState::Drafted {
        return None;
    }
    let results = job.results.map(|results| results.sum());
    match job.state {
        _ if entry.others.iter().any(Option::is_none) => Some("lacks items"),
        _ if job.planned.sum() != job.items => Some("has another number of items than were planned"),
        JobState::Done if results != Some(job.items) => Some("is done without a result for each item"),
        _ => None,
    }
}
