//! Keys of the rows of imported files: the items of a job have them beside themselves.

use super::{Builder, Table};
use crate::model::id::{JobId, OrganisationId};
use crate::store::Key;

/// The row of an item.
#[must_use]
pub fn import_row(organisation: OrganisationId, job: JobId, number: u32) -> Key {
    Builder::of(organisation, Table::ImportRow)
        .uuid(job.uuid())
        .number(u64::from(number))
        .key()
}

/// The rows of a job, in the order of its items.
#[must_use]
pub fn import_rows(organisation: OrganisationId, job: JobId) -> Key {
    Builder::of(organisation, Table::ImportRow).uuid(job.uuid()).key()
}

/// The job of a row; `None` for any other key.
#[must_use]
pub fn import_of(key: &Key) -> Option<JobId> {
    let (tag, rest) = key.as_bytes().get(17..)?.split_first()?;
    if *tag != Table::ImportRow as u8 || rest.len() != 24 {
        return None;
    }
    uuid::Uuid::from_slice(rest.get(..16)?).ok().map(JobId::new)
}
