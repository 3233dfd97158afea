//! Active Directory's update sequence numbers (MS-ADTS section 3.1.1.1.9, `uSNChanged`).
//!
//! Each domain controller counts the writes to its own copy, so a number means something together with the controller's
//! `invocationId` alone. One reading is three searches, in this order: the ids of everything changed in the whole naming
//! context, the tombstones, then the changed entries in the query. What the first two name and the last does not is gone:
//! deleted, moved away or out of the filter. An entry that changes between the searches is in the last one, or in the
//! next reading.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use ldap3::controls::RawControl;
use ldap3::{Ldap, SearchOptions};
use uuid::Uuid;

use super::cursor::Mark;
use super::{ChangeError, Found, FullReadReason, read_bounded};
use crate::ldap::connection::{Connection, ReadLimits};
use crate::ldap::dn::Dn;
use crate::ldap::entry::{AttributeValue, Attributes, Entry};
use crate::ldap::filter::{Filter, FilterError};
use crate::ldap::read_error::{NoMarkReason, ReadError};
use crate::ldap::result_code::{INSUFFICIENT_ACCESS_RIGHTS, NO_SUCH_OBJECT, SIZE_LIMIT_EXCEEDED, SUCCESS};
use crate::ldap::search::base_object::read_base_object;
use crate::ldap::search::{Query, Reading, Scope, read};
use crate::ldap::stable_id::StableId;

/// LDAP_SERVER_SHOW_DELETED_OID (MS-ADTS section 3.1.1.3.4.1.14).
const SHOW_DELETED: &str = "1.2.840.113556.1.4.417";
/// Where tombstones live, below the root of a naming context (MS-ADTS section 6.1.1.4.2).
const DELETED_OBJECTS: &str = "CN=Deleted Objects";

/// Where a domain controller stands.
struct Standing {
    highest: u64,
    invocation_id: Uuid,
    naming_contexts: Vec<String>,
}

pub(super) async fn mark(connection: &mut Connection) -> Result<Mark, ReadError> {
    let standing = standing(connection).await?;
    Ok(Mark::UpdateSequence {
        highest: standing.highest,
        invocation_id: standing.invocation_id,
    })
}

pub(super) async fn read_changes(
    connection: &mut Connection,
    query: &Query,
    was: u64,
    invocation_id: Uuid,
    on_entry: &mut impl FnMut(Entry) -> ControlFlow<()>,
) -> Result<Found, ChangeError> {
    let standing = standing(connection).await?;
    if standing.invocation_id != invocation_id {
        let (was, is) = (invocation_id, standing.invocation_id);
        return Err(FullReadReason::InvocationIdChanged { was, is }.into());
    }
    let highest = standing.highest;
    if highest < was {
        return Err(FullReadReason::UsnWentBack { was, is: highest }.into());
    }
    let context = naming_context(&query.base, &standing.naming_contexts)?;
    let (mut named, sees_deletions) = (BTreeMap::new(), sees_tombstones(connection, &context).await?);
    let changed = changed_since(was);
    name_ids(connection, query, &context, changed.clone(), Vec::new(), &mut named).await?;
    let deleted = Filter::all([is_deleted(), changed.clone()]);
    name_ids(connection, query, &context, deleted, vec![show_deleted()], &mut named).await?;
    let reading = Reading {
        filters: vec![Filter::all([changed, query.filter.clone()])],
        ..Reading::of(query)
    };
    let (complete, handed_out) = read_bounded(connection, reading, on_entry).await?;
    named.retain(|number, _| !handed_out.contains(number));
    Ok(Found {
        complete,
        gone: named.into_values().collect(),
        mark: Mark::UpdateSequence { highest, invocation_id },
        needs_presence_pass: false,
        sees_deletions,
    })
}

pub(super) async fn sees_deletions(connection: &mut Connection, query: &Query) -> Result<bool, ReadError> {
    let standing = standing(connection).await?;
    let context = naming_context(&query.base, &standing.naming_contexts)?;
    sees_tombstones(connection, &context).await
}

/// `(uSNChanged>=was+1)`.
fn changed_since(was: u64) -> Filter {
    literal(Filter::at_least("uSNChanged", &was.saturating_add(1).to_string()))
}

fn is_deleted() -> Filter {
    literal(Filter::equals("isDeleted", "TRUE"))
}

/// A filter over an attribute that is named in this file, which is all that could be wrong with it. If it were, everything
/// would be read and nothing missed.
pub(super) fn literal(filter: Result<Filter, FilterError>) -> Filter {
    filter.unwrap_or_else(|_| Filter::everything())
}

fn show_deleted() -> RawControl {
    RawControl {
        ctype: SHOW_DELETED.to_owned(),
        crit: true,
        val: None,
    }
}

/// The ids of everything in `context` that matches `filter`.
async fn name_ids(
    connection: &mut Connection,
    query: &Query,
    context: &str,
    filter: Filter,
    controls: Vec<RawControl>,
    named: &mut BTreeMap<u128, StableId>,
) -> Result<(), ReadError> {
    let reading = Reading {
        base: context.to_owned(),
        scope: Scope::WholeSubtree,
        filters: vec![filter],
        controls,
        ..Reading::ids_of(query)
    };
    let outcome = read(connection, reading, |entry| {
        named.insert(entry.stable_id.number(), entry.stable_id);
        ControlFlow::Continue(())
    });
    outcome.await.map(|_| ())
}

/// The naming context that holds `base`: the closest one above it. The base itself when none is listed.
fn naming_context(base: &str, contexts: &[String]) -> Result<String, ReadError> {
    let parsed = Dn::parse(base)?;
    let above = contexts
        .iter()
        .filter_map(|context| Some((Dn::parse(context).ok()?, context)));
    let closest = above
        .filter(|(dn, _)| !dn.rdns().is_empty() && parsed.is_within(dn))
        .max_by_key(|(dn, _)| dn.rdns().len());
    Ok(closest.map_or_else(|| base.to_owned(), |(_, context)| context.clone()))
}

/// Whether the account sees tombstones: whether it sees one. A domain where nothing was deleted yet counts as one where
/// they are hidden, because servers show the container of what they hide (Samba), or not even that.
async fn sees_tombstones(connection: &mut Connection, context: &str) -> Result<bool, ReadError> {
    let limits = connection.limits();
    let mut ldap = connection.start_reading()?;
    let seen = find_tombstone(&mut ldap, context, limits).await;
    connection.finish_reading(seen).await
}

async fn find_tombstone(ldap: &mut Ldap, context: &str, limits: ReadLimits) -> Result<bool, ReadError> {
    let failed = |error| ReadError::from_library(error, limits.entry_timeout);
    let container = format!("{DELETED_OBJECTS},{context}");
    ldap.with_timeout(limits.entry_timeout)
        .with_controls(vec![show_deleted()])
        .with_search_options(SearchOptions::new().sizelimit(1));
    let filter = is_deleted();
    let search = ldap.streaming_search(&container, ldap3::Scope::OneLevel, filter.as_str(), vec!["objectGUID"]);
    let mut stream = search.await.map_err(failed)?;
    let mut is_seen = false;
    while let Some(item) = stream.next().await.map_err(failed)? {
        is_seen |= !item.is_ref() && !item.is_intermediate();
    }
    let result = stream.finish().await;
    match result.rc {
        SUCCESS | SIZE_LIMIT_EXCEEDED => Ok(is_seen),
        NO_SUCH_OBJECT | INSUFFICIENT_ACCESS_RIGHTS => Ok(false),
        _ => Err(ReadError::from_result(result, &container)),
    }
}

async fn standing(connection: &mut Connection) -> Result<Standing, ReadError> {
    let limits = connection.limits();
    let mut ldap = connection.start_reading()?;
    let standing = read_standing(&mut ldap, limits).await;
    connection.finish_reading(standing).await
}

async fn read_standing(ldap: &mut Ldap, limits: ReadLimits) -> Result<Standing, ReadError> {
    let wanted = ["highestCommittedUSN", "dsServiceName", "namingContexts"];
    let root_dse = attributes_of(ldap, "", &wanted, limits).await?;
    let highest = root_dse.text("highestcommittedusn").and_then(|usn| usn.parse().ok());
    let highest = highest.ok_or(NoMarkReason::HighestCommittedUsn)?;
    let settings = root_dse.text("dsservicename").unwrap_or_default().to_owned();
    let own = match settings.is_empty() {
        true => Attributes::default(),
        false => attributes_of(ldap, &settings, &["invocationId"], limits).await?,
    };
    let bytes = own.values("invocationid").first().map(AttributeValue::as_bytes);
    let invocation_id = bytes.and_then(|bytes| bytes.try_into().ok()).map(Uuid::from_bytes_le);
    Ok(Standing {
        highest,
        invocation_id: invocation_id.ok_or(NoMarkReason::InvocationId { settings })?,
        naming_contexts: root_dse.texts("namingcontexts").map(str::to_owned).collect(),
    })
}

/// The attributes of one entry; none when it is not there or may not be seen.
async fn attributes_of(
    ldap: &mut Ldap,
    dn: &str,
    wanted: &[&str],
    limits: ReadLimits,
) -> Result<Attributes, ReadError> {
    let wanted = wanted.iter().map(|name| (*name).to_owned()).collect();
    match read_base_object(ldap, dn, wanted, limits).await {
        Ok(entry) => Ok(entry.map(|entry| entry.attributes).unwrap_or_default()),
        Err(ReadError::NoSuchObject { .. }) => Ok(Attributes::default()),
        Err(error) => Err(error),
    }
}
