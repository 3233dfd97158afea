//! Keys of what is kept about a connection: its runs, its review list, its request journal.

use super::{Builder, Table};
use crate::model::id::OrganisationId;
use crate::model::slug::Slug;
use crate::store::Key;

/// A record about a connection's runs: `what` is a word such as `state`, `lease`, `held`.
#[must_use]
pub fn run(organisation: OrganisationId, connection: &Slug, what: &str) -> Key {
    run_named(organisation, connection.as_str(), what)
}

/// The same for a connection that is given by its name, or for a job of the gateway itself.
#[must_use]
pub fn run_named(organisation: OrganisationId, name: &str, what: &str) -> Key {
    Builder::of(organisation, Table::Run).text(name).text(what).key()
}

/// All of a connection's review list.
#[must_use]
pub fn reviews(organisation: OrganisationId, connection: &Slug) -> Key {
    run(organisation, connection, "review")
}

/// One identity of a connection's review list.
#[must_use]
pub fn review(organisation: OrganisationId, connection: &Slug, id: &str) -> Key {
    Builder::of(organisation, Table::Run)
        .text(connection.as_str())
        .text("review")
        .text(id)
        .key()
}

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
