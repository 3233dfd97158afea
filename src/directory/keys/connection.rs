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

/// What plans of a connection that are held would change, part by part.
#[must_use]
pub fn held_parts(organisation: OrganisationId, connection: &Slug) -> Key {
    run(organisation, connection, "held parts")
}

/// The parts of the plan of this hash.
#[must_use]
pub fn held_plan_parts(organisation: OrganisationId, connection: &Slug, plan: &str) -> Key {
    held(organisation, connection, plan).key()
}

/// One part of a plan that is held.
#[must_use]
pub fn held_part(organisation: OrganisationId, connection: &Slug, plan: &str, number: u64) -> Key {
    held(organisation, connection, plan).number(number).key()
}

fn held(organisation: OrganisationId, connection: &Slug, plan: &str) -> Builder {
    Builder::of(organisation, Table::Run)
        .text(connection.as_str())
        .text("held parts")
        .text(plan)
}

/// All of a connection's failure list.
#[must_use]
pub fn failures(organisation: OrganisationId, connection: &Slug) -> Key {
    run(organisation, connection, FAILURE)
}

/// One entry of a failure list: `kind` is `u` or `g`, the identifier is the source's. An entry that has none is found by its name, under
/// `U` or `G`.
#[must_use]
pub fn failure(organisation: OrganisationId, connection: &Slug, kind: u8, id: &str) -> Key {
    Builder::of(organisation, Table::Run)
        .text(connection.as_str())
        .text(FAILURE)
        .byte(kind)
        .text(id)
        .key()
}

/// Whether a key is one of an entry of a failure list.
#[must_use]
pub fn is_failure(key: &Key) -> bool {
    let texts = key.as_bytes().get(TEXTS_AT..).unwrap_or_default();
    let mut texts = texts.split(|byte| *byte == 0);
    key.as_bytes().get(TEXTS_AT - 1) == Some(&(Table::Run as u8)) && texts.nth(1) == Some(FAILURE.as_bytes())
}

/// The word of entries of failure lists.
const FAILURE: &str = "failure";

/// Bytes of a key before the texts that name a connection and a record.
const TEXTS_AT: usize = 18;

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
