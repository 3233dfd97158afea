//! Request journals.

use crate::model::id::OrganisationId;
use crate::model::slug::Slug;
use crate::store::Key;

use super::{Builder, Table};

/// The request journal of a connection.
#[must_use]
pub fn journal(organisation: OrganisationId, connection: &Slug) -> Key {
    Builder::of(organisation, Table::Journal)
        .text(connection.as_str())
        .key()
}

/// One entry of a request journal; identifiers are in the order of time.
#[must_use]
pub fn journal_entry(organisation: OrganisationId, connection: &Slug, id: uuid::Uuid) -> Key {
    Builder::of(organisation, Table::Journal)
        .text(connection.as_str())
        .uuid(id)
        .key()
}
