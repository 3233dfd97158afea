//! Readings for what a reading of changes leaves open: who is still there, and how single entries are now.

use std::ops::ControlFlow;

use tokio::time::timeout;

use crate::ldap::connection::Connection;
use crate::ldap::dn::Dn;
use crate::ldap::entry::Entry;
use crate::ldap::filter::Filter;
use crate::ldap::range;
use crate::ldap::read_error::ReadError;
use crate::ldap::search::base_object::read_matching;
use crate::ldap::search::{Complete, Query, Reading, Scope, read};
use crate::ldap::stable_id::StableId;

/// How many ids one search asks for. Some servers grow slow over filters of thousands of parts.
const IDS_PER_SEARCH: usize = 100;

/// Reads the stable id and the name of everything in `query`: the cheap pass that finds out who is gone.
///
/// # Errors
/// As [`crate::ldap::read_all`].
pub async fn read_presence(
    connection: &mut Connection,
    query: &Query,
    mut on_id: impl FnMut(StableId, &str) -> ControlFlow<()>,
) -> Result<Complete, ReadError> {
    query.check()?;
    read(connection, Reading::ids_of(query), |entry| {
        on_id(entry.stable_id, &entry.dn)
    })
    .await
}

/// Reads those of the entries with these `ids` that are in the scope and filter of `query` now. An id that is not handed
/// out is not in the query. The attribute of the stable id should be indexed on the server.
///
/// # Errors
/// As [`crate::ldap::read_all`].
pub async fn read_by_ids(
    connection: &mut Connection,
    query: &Query,
    ids: &[StableId],
    on_entry: impl FnMut(Entry) -> ControlFlow<()>,
) -> Result<Complete, ReadError> {
    query.check()?;
    read(connection, reading_of_ids(query, ids), on_entry).await
}

/// `(&(filter)(|(entryUUID=..)..))` for each so many ids.
pub(super) fn reading_of_ids(query: &Query, ids: &[StableId]) -> Reading {
    let filters = ids.chunks(IDS_PER_SEARCH).map(|chunk| {
        let any = Filter::any(chunk.iter().map(StableId::filter));
        Filter::all([any, query.filter.clone()])
    });
    Reading {
        filters: filters.collect(),
        only: Some(ids.iter().map(StableId::number).collect()),
        ..Reading::of(query)
    }
}

/// Reads the entry named `dn` if it is in the scope and filter of `query`; otherwise `None`. A name outside the base is
/// answered without asking the server.
///
/// # Errors
/// As [`crate::ldap::read_all`]; an entry without a usable stable id is [`ReadError::NoStableId`].
pub async fn read_by_dn(connection: &mut Connection, query: &Query, dn: &str) -> Result<Option<Entry>, ReadError> {
    query.check()?;
    let wanted = Dn::parse(dn)?;
    let base = Dn::parse(&query.base)?;
    let is_in_scope = match query.scope {
        Scope::BaseObject => wanted.normalised() == base.normalised(),
        Scope::SingleLevel => wanted
            .parent()
            .is_some_and(|parent| parent.normalised() == base.normalised()),
        Scope::WholeSubtree => wanted.is_within(&base),
    };
    if !is_in_scope {
        return Ok(None);
    }
    let limits = connection.limits();
    let mut ldap = connection.start_reading()?;
    let reading = async {
        let found = read_matching(&mut ldap, dn, &query.filter, query.requested(), limits).await;
        let mut entry = match found {
            Ok(Some(entry)) => entry,
            Ok(None) | Err(ReadError::NoSuchObject { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        range::complete(&mut ldap, &mut entry, limits).await?;
        match entry.identify(query.stable_id) {
            Ok(entry) => Ok(Some(entry)),
            Err((_, reason)) => Err(ReadError::NoStableId {
                attribute: query.stable_id.attribute(),
                entries: 1,
                reason,
            }),
        }
    };
    let after = limits.run_timeout;
    let outcome = timeout(after, reading).await;
    connection
        .finish_reading(outcome.unwrap_or(Err(ReadError::Deadline { after })))
        .await
}
