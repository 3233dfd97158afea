//! Keys of work on many people at once.
//!
//! ```text
//! J 'h' id        -> Job
//! J 'i' id number -> JobItem
//! ```

use super::{Builder, Table};
use crate::model::id::{JobId, OrganisationId};
use crate::store::Key;

/// The head of a job.
#[must_use]
pub fn job(organisation: OrganisationId, id: JobId) -> Key {
    Builder::of(organisation, Table::Job).byte(b'h').uuid(id.uuid()).key()
}

/// The heads of all jobs, in the order in which they were planned.
#[must_use]
pub fn jobs(organisation: OrganisationId) -> Key {
    Builder::of(organisation, Table::Job).byte(b'h').key()
}

/// One item.
#[must_use]
pub fn job_item(organisation: OrganisationId, id: JobId, number: u32) -> Key {
    Builder::of(organisation, Table::Job)
        .byte(b'i')
        .uuid(id.uuid())
        .number(u64::from(number))
        .key()
}

/// The items of a job, in order.
#[must_use]
pub fn job_items(organisation: OrganisationId, id: JobId) -> Key {
    Builder::of(organisation, Table::Job).byte(b'i').uuid(id.uuid()).key()
}

/// The items of all jobs.
#[must_use]
pub fn all_job_items(organisation: OrganisationId) -> Key {
    Builder::of(organisation, Table::Job).byte(b'i').key()
}

/// The job of an [item](job_item); `None` for any other key.
#[must_use]
pub fn job_of(key: &Key) -> Option<JobId> {
    let (tag, rest) = key.as_bytes().get(17..)?.split_first()?;
    let (kind, rest) = rest.split_first()?;
    if *tag != Table::Job as u8 || *kind != b'i' || rest.len() != 24 {
        return None;
    }
    uuid::Uuid::from_slice(rest.get(..16)?).ok().map(JobId::new)
}
