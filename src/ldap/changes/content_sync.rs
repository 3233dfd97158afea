//! Content synchronisation, `refreshOnly` (RFC 4533 section 3.3).
//!
//! The synchronisation itself asks for ids alone; the changed entries are then read by id, in pages. So memory stays
//! bounded although a synchronisation cannot be paged, long attributes are completed, and the filter is applied by the
//! one search that all methods share.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use ldap3::controls::RefreshMode;
use ldap3::{Ldap, ResultEntry};
use tokio::time::timeout;

use super::cursor::Mark;
use super::lookup::{read_by_dn, reading_of_ids};
use super::sync_message::{self, Done, Info, State, SyncUuid};
use super::{ChangeError, Found, FullReadReason, read_bounded};
use crate::ldap::connection::{Connection, ReadLimits};
use crate::ldap::entry::{Entry, RawEntry};
use crate::ldap::filter::Filter;
use crate::ldap::read_error::{NoMarkReason, ReadError};
use crate::ldap::result_code::{PROTOCOL_ERROR, SUCCESS, SYNC_REFRESH_REQUIRED, UNWILLING_TO_PERFORM};
use crate::ldap::search::base_object::read_base_object;
use crate::ldap::search::{Query, Scope};
use crate::ldap::stable_id::{StableId, StableIdKind};

/// OpenLDAP's change sequence number of an entry, which orders changes as its cookies do.
pub(super) const ENTRY_CSN: &str = "entryCSN";

/// In the root DSE of 389-DS: the oldest change in its retro changelog.
const FIRST_CHANGE_NUMBER: &str = "firstchangenumber";

/// Entries that are called changed and not found by their ids, of which the names are asked for one by one.
const ASKED_BY_NAME_MAX: usize = 100;

/// A cookie, from a synchronisation of the base alone: no server binds its cookies to the scope. 389-DS binds them to the
/// filter, OpenLDAP does not, so the filter is that of 389-DS ([`filter_for`]).
pub(super) async fn mark(connection: &mut Connection, query: &Query) -> Result<Mark, ReadError> {
    let narrow = Query {
        scope: Scope::BaseObject,
        filter: Filter::everything(),
        ..query.clone()
    };
    let refresh = match refresh(connection, &narrow, None).await {
        Ok(refresh) => refresh,
        Err(ChangeError::Read(error)) => return Err(error),
        // Only an answer to a request without a cookie, which such an answer does not fit.
        Err(ChangeError::FullReadRequired(_)) => return Err(NoMarkReason::Cookie.into()),
    };
    let cookie = refresh.done.cookie.filter(|cookie| says_where(cookie));
    let cookie = cookie.ok_or(NoMarkReason::Cookie)?;
    let named = named_by(&cookie);
    match query.stable_id == named {
        true => Ok(Mark::ContentSync { cookie }),
        false => Err(NoMarkReason::StableId { named }.into()),
    }
}

/// Which attribute the server's `syncUUID` is: 389-DS puts `nsUniqueId` there.
fn named_by(cookie: &[u8]) -> StableIdKind {
    match is_of_389(cookie) {
        true => StableIdKind::NsUniqueId,
        false => StableIdKind::EntryUuid,
    }
}

/// The filter to synchronise with. OpenLDAP names what left the filter among what is gone. 389-DS says nothing of it, so
/// there everything below the base is synchronised, and what changed is looked up with the filter.
pub(super) fn filter_for(query: &Query, cookie: &[u8]) -> Filter {
    match is_of_389(cookie) {
        true => Filter::everything(),
        false => query.filter.clone(),
    }
}

/// Whether a cookie says where a synchronisation stands. OpenLDAP takes one without change sequence numbers, `rid=000`, for
/// none and sends everything.
fn says_where(cookie: &[u8]) -> bool {
    !cookie.is_empty() && (!is_of_openldap(cookie) || csn_floor(cookie).is_some())
}

fn is_of_openldap(cookie: &[u8]) -> bool {
    [&b"rid="[..], b"sid=", b"csn="]
        .iter()
        .any(|start| cookie.starts_with(start))
}

/// 389-DS writes `host:port#binddn:base:filter#number`, OpenLDAP `rid=000,csn=...`, with more of `#` within.
fn is_of_389(cookie: &[u8]) -> bool {
    let text = String::from_utf8_lossy(cookie);
    let number = text.rsplit('#').next().unwrap_or_default();
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    !is_of_openldap(cookie) && is_number && text.matches('#').count() >= 2
}

/// The number of the last change that a cookie of 389-DS covers.
fn change_number_of_389(cookie: &[u8]) -> Option<u64> {
    let text = String::from_utf8_lossy(cookie);
    is_of_389(cookie)
        .then(|| text.rsplit('#').next()?.parse().ok())
        .flatten()
}

pub(super) async fn read_changes(
    connection: &mut Connection,
    query: &Query,
    cookie: &[u8],
    on_entry: &mut impl FnMut(Entry) -> ControlFlow<()>,
) -> Result<Found, ChangeError> {
    if !says_where(cookie) {
        return Err(FullReadReason::CookieForgotten.into());
    }
    let synchronised = Query {
        filter: filter_for(query, cookie),
        ..query.clone()
    };
    let refresh = refresh(connection, &synchronised, Some(cookie)).await?;
    let needs_presence_pass = refresh.is_present_phase(cookie);
    let synchronised_from = change_number_of_389(cookie);
    let cookie = match refresh.done.cookie {
        // OpenLDAP sends none when nothing changed.
        None => cookie.to_vec(),
        Some(nothing) if !says_where(&nothing) => return Err(FullReadReason::CookieForgotten.into()),
        Some(next) if form(&next) != form(cookie) => return Err(FullReadReason::CookieOfAnotherForm.into()),
        Some(next) if went_back(cookie, &next) => return Err(FullReadReason::CookieWentBack.into()),
        Some(next) => next,
    };
    check_log_reaches_back(connection, synchronised_from).await?;
    // What is called deleted is looked up like what is called changed: a server that errs takes nobody away who is there.
    let mut named = Vec::with_capacity(refresh.news.len());
    named.extend(
        refresh
            .news
            .keys()
            .map(|uuid| StableId::from_sync_uuid(query.stable_id, *uuid)),
    );
    let (complete, handed_out) = read_bounded(connection, reading_of_ids(query, &named), on_entry).await?;
    let is_missing = |id: &StableId| !handed_out.contains(&id.number());
    let missing = named.iter().zip(refresh.news.values()).filter(|(id, _)| is_missing(id));
    check_names(connection, query, missing).await?;
    // Called changed, but not in the query: it left the filter, or went while we asked.
    let gone = named.into_iter().filter(is_missing).collect();
    Ok(Found {
        complete,
        gone,
        mark: Mark::ContentSync { cookie },
        needs_presence_pass,
        sees_deletions: true,
    })
}

/// 389-DS answers from what its changelog still holds, and says nothing when the changes after the cookie were trimmed away.
/// Its root DSE names the first change that is left. It only grows, so asking afterwards covers what was sent.
async fn check_log_reaches_back(connection: &mut Connection, from: Option<u64>) -> Result<(), ChangeError> {
    let Some(from) = from else { return Ok(()) };
    let limits = connection.limits();
    let mut ldap = connection.start_reading()?;
    let wanted = vec![FIRST_CHANGE_NUMBER.to_owned()];
    let root_dse = read_base_object(&mut ldap, "", wanted, limits).await;
    let root_dse = connection.finish_reading(root_dse).await?;
    let first = root_dse.and_then(|entry| entry.attributes.text(FIRST_CHANGE_NUMBER)?.parse::<u64>().ok());
    match first {
        Some(first) if first > from.saturating_add(1) => Err(FullReadReason::ChangesTrimmed { from, first }.into()),
        _ => Ok(()),
    }
}

/// An entry that is called changed and is not found by its id went a moment ago, or has another id: then the server's ids
/// are worth nothing. Only OpenLDAP's entries are asked for again; of 389-DS many are called changed that are not in the query.
async fn check_names(
    connection: &mut Connection,
    query: &Query,
    missing: impl Iterator<Item = (&StableId, &News)>,
) -> Result<(), ChangeError> {
    for (place, (id, news)) in missing.enumerate() {
        let News::Changed { dn: Some(dn) } = news else { continue };
        let is_other = |entry: &Entry| entry.stable_id != *id;
        if place >= ASKED_BY_NAME_MAX || read_by_dn(connection, query, dn).await?.as_ref().is_some_and(is_other) {
            return Err(FullReadReason::WrongIds.into());
        }
    }
    Ok(())
}

/// What is said about an entry. Of several sayings a change wins over a deletion.
#[derive(Clone, Debug, PartialEq, Eq)]
enum News {
    /// Added or modified, with its name where the server is OpenLDAP.
    Changed {
        dn: Option<String>,
    },
    Deleted,
}

/// What a synchronisation brought.
struct Refresh {
    news: BTreeMap<SyncUuid, News>,
    /// Whether a message named entries that are unchanged.
    names_present: bool,
    /// Whether an entry came that is not newer than the cookie: the server sends everything, not the changes.
    sends_unchanged: bool,
    done: Done,
}

impl Refresh {
    /// Whether the server leaves open who is gone.
    fn is_present_phase(&self, cookie: &[u8]) -> bool {
        // Section 3.3.2: without refreshDeletes the present phase ends here. 389-DS does not mean it.
        let says_present = !self.done.refresh_deletes && self.done.cookie.is_some() && !is_of_389(cookie);
        self.names_present || self.sends_unchanged || says_present
    }
}

/// One synchronisation to its end.
async fn refresh(connection: &mut Connection, query: &Query, cookie: Option<&[u8]>) -> Result<Refresh, ChangeError> {
    let limits = connection.limits();
    let mut ldap = connection.start_reading()?;
    let after = limits.run_timeout;
    let mut messages = Messages {
        csn_floor: cookie.and_then(csn_floor),
        changes_max: limits.changes_max as usize,
        news: BTreeMap::new(),
        names_present: false,
        sends_unchanged: false,
        is_too_many: false,
    };
    let outcome = timeout(after, messages.read(&mut ldap, query, cookie, limits)).await;
    let outcome = outcome.unwrap_or(Err(ReadError::Deadline { after }));
    match connection.finish_reading(outcome).await {
        Ok(Ok(done)) => Ok(Refresh {
            news: messages.news,
            names_present: messages.names_present,
            sends_unchanged: messages.sends_unchanged,
            done,
        }),
        Ok(Err(reason)) => Err(reason.into()),
        Err(ReadError::Stopped) if messages.is_too_many => Err(FullReadReason::TooManyChanges {
            limit: limits.changes_max,
        }
        .into()),
        Err(error) => Err(error.into()),
    }
}

/// The messages of one synchronisation, as far as they came.
struct Messages {
    /// The oldest change sequence number in an OpenLDAP cookie: what changed since is newer.
    csn_floor: Option<String>,
    changes_max: usize,
    news: BTreeMap<SyncUuid, News>,
    names_present: bool,
    sends_unchanged: bool,
    is_too_many: bool,
}

impl Messages {
    async fn read(
        &mut self,
        ldap: &mut Ldap,
        query: &Query,
        cookie: Option<&[u8]>,
        limits: ReadLimits,
    ) -> Result<Result<Done, FullReadReason>, ReadError> {
        let failed = |error| ReadError::from_library(error, limits.entry_timeout);
        let controls = sync_message::request(RefreshMode::RefreshOnly, cookie);
        ldap.with_timeout(limits.entry_timeout).with_controls(controls);
        let (base, filter) = (query.base.as_str(), query.filter.as_str());
        let search = ldap.streaming_search(base, query.scope.into(), filter, vec![ENTRY_CSN]);
        let mut stream = search.await.map_err(failed)?;
        // Only Ok(None) is the end, as in a paged reading.
        while let Some(item) = stream.next().await.map_err(failed)? {
            self.note(item)?;
            if self.news.len() > self.changes_max {
                self.is_too_many = true;
                return Err(ReadError::Stopped);
            }
        }
        let result = stream.finish().await;
        if result.rc == SUCCESS {
            return Ok(Ok(sync_message::done(&result.ctrls)?));
        }
        let text = result.text.clone();
        match result.rc {
            SYNC_REFRESH_REQUIRED => Ok(Err(FullReadReason::RefreshRequired { text })),
            UNWILLING_TO_PERFORM if cookie.is_some() => Ok(Err(FullReadReason::ProviderOlder { text })),
            PROTOCOL_ERROR if cookie.is_some() => Ok(Err(FullReadReason::CookieRefused { text })),
            _ => Err(ReadError::from_result(result, &query.base)),
        }
    }

    fn note(&mut self, item: ResultEntry) -> Result<(), ReadError> {
        if item.is_ref() {
            return Ok(());
        }
        if item.is_intermediate() {
            match sync_message::info(item)? {
                Some(Info::Deleted(uuids)) => uuids.into_iter().for_each(|uuid| self.note_deleted(uuid)),
                Some(Info::Present | Info::RefreshPresent { .. }) => self.names_present = true,
                Some(Info::RefreshDelete { .. } | Info::NewCookie) | None => {}
            }
            return Ok(());
        }
        let (state, uuid) = sync_message::state(&item.1)?;
        match state {
            State::Present => self.names_present = true,
            State::Delete => self.note_deleted(uuid),
            State::Add | State::Modify => {
                let entry = RawEntry::decode(item)?;
                let csn = entry.attributes.text(ENTRY_CSN);
                self.sends_unchanged |= self
                    .csn_floor
                    .as_deref()
                    .is_some_and(|floor| csn.is_none_or(|csn| csn <= floor));
                let dn = self.csn_floor.is_some().then_some(entry.dn);
                self.news.insert(uuid, News::Changed { dn });
            }
        }
        Ok(())
    }

    fn note_deleted(&mut self, uuid: SyncUuid) {
        self.news.entry(uuid).or_insert(News::Deleted);
    }
}

/// Whose form a cookie has; `None` of another server's.
fn form(cookie: &[u8]) -> Option<StableIdKind> {
    match (is_of_openldap(cookie), is_of_389(cookie)) {
        (true, _) => Some(StableIdKind::EntryUuid),
        (false, true) => Some(StableIdKind::NsUniqueId),
        (false, false) => None,
    }
}

/// Whether the server knows less than it did: 389-DS counts changes, OpenLDAP keeps a change sequence number for each server
/// (`time#count#server#modification`).
fn went_back(before: &[u8], after: &[u8]) -> bool {
    if is_of_389(before) {
        return change_number_of_389(after) < change_number_of_389(before);
    }
    let (before, after) = (String::from_utf8_lossy(before), String::from_utf8_lossy(after));
    let csns = |cookie: &str| -> BTreeMap<String, String> {
        let csns = cookie
            .split(',')
            .find_map(|part| part.strip_prefix("csn="))
            .unwrap_or_default();
        let server = |csn: &str| csn.split('#').nth(2).map(str::to_owned);
        let csns = csns.split(';').filter_map(|csn| Some((server(csn)?, csn.to_owned())));
        csns.collect()
    };
    let after = csns(&after);
    let mut before = csns(&before).into_iter();
    before.any(|(server, csn)| after.get(&server).is_some_and(|after| *after < csn))
}

/// The oldest of the change sequence numbers in `rid=000,csn=A;B`. They have a fixed form, so text order is their order.
fn csn_floor(cookie: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(cookie).ok()?;
    let csns = text.split(',').find_map(|part| part.strip_prefix("csn="))?;
    csns.split(';').min().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::{form, went_back};

    #[test]
    fn a_cookie_that_went_back_is_told_from_one_that_went_on() {
        let openldap = |times: &[(&str, u32)]| {
            let csns = times
                .iter()
                .map(|(time, server)| format!("{time}.000000Z#000000#{server:03}#000000"));
            format!("rid=000,csn={}", csns.collect::<Vec<_>>().join(";"))
        };
        let (old, new) = ("20260101000000", "20260101000001");
        let ds389 = |number: u32| format!("host:389#cn=sync:dc=x:(objectClass=*)#{number}");
        let table = [
            (openldap(&[(old, 0)]), openldap(&[(new, 0)]), false),
            (openldap(&[(new, 0)]), openldap(&[(old, 0)]), true),
            (openldap(&[(new, 0)]), openldap(&[(new, 0), (old, 1)]), false),
            (openldap(&[(new, 0), (new, 1)]), openldap(&[(new, 0), (old, 1)]), true),
            (ds389(9), ds389(10), false),
            (ds389(10), ds389(9), true),
            (ds389(10), ds389(10), false),
        ];
        for (before, after, expected) in table {
            assert_eq!(
                went_back(before.as_bytes(), after.as_bytes()),
                expected,
                "{before} {after}"
            );
            assert_eq!(form(before.as_bytes()), form(after.as_bytes()));
        }
        assert_ne!(form(openldap(&[(old, 0)]).as_bytes()), form(b"garbage"));
        assert_ne!(form(ds389(1).as_bytes()), form(openldap(&[(old, 0)]).as_bytes()));
    }
}
