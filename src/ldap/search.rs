//! Reading everything under a base: paged, streamed, and complete or failed.

pub(crate) mod base_object;
mod paging;

use std::collections::HashSet;
use std::ops::ControlFlow;

use ldap3::controls::RawControl;
use ldap3::{Ldap, LdapResult};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::connection::{Connection, ReadLimits};
use super::dn::{Dn, DnKey};
use super::entry::{Entry, RawEntry};
use super::filter::{Filter, is_attribute_description};
use super::range;
use super::read_error::{IncompleteReason, ReadError};
use super::result_code::SUCCESS;
use super::stable_id::{StableIdError, StableIdKind};
use base_object::read_base_object;

/// Entries between the reading task and the caller. A slow caller slows the reading, it does not fill the memory.
const QUEUE: usize = 64;
/// Pages in a row without a new entry before a server is taken to go in circles. Empty pages are legal (RFC 2696
/// section 3), but not for ever.
const BARREN_PAGES_MAX: u32 = 1000;
/// Asks for no attribute at all (RFC 4511 section 4.5.1.8).
const NO_ATTRIBUTES: &str = "1.1";
/// How many unidentified entries and referral URLs are kept as examples.
const EXAMPLES_MAX: usize = 20;

/// How far below the base to look (RFC 4511 section 4.5.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Scope {
    /// The base itself.
    BaseObject,
    /// The entries directly below the base.
    SingleLevel,
    /// The base and everything below it.
    WholeSubtree,
}

impl From<Scope> for ldap3::Scope {
    fn from(scope: Scope) -> Self {
        match scope {
            Scope::BaseObject => Self::Base,
            Scope::SingleLevel => Self::OneLevel,
            Scope::WholeSubtree => Self::Subtree,
        }
    }
}

/// What to read.
#[derive(Clone, Debug)]
pub struct Query {
    /// The distinguished name to start from.
    pub base: String,
    /// How far below it to look.
    pub scope: Scope,
    /// Which entries to take.
    pub filter: Filter,
    /// Which attributes to take; none means all user attributes. Operational ones must be named. The stable id's
    /// attribute is added.
    pub attributes: Vec<String>,
    /// What identifies an entry at this server.
    pub stable_id: StableIdKind,
}

impl Query {
    /// Catches what a server would answer with silence.
    pub(crate) fn check(&self) -> Result<(), ReadError> {
        Dn::parse(&self.base)?;
        // All user attributes, all operational attributes (RFC 3673).
        let is_known = |name: &String| name == "*" || name == "+" || is_attribute_description(name);
        match self.attributes.iter().find(|name| !is_known(name)) {
            Some(name) => Err(ReadError::AttributeName { name: name.clone() }),
            None => Ok(()),
        }
    }

    /// All attributes to name in the request.
    pub(crate) fn requested(&self) -> Vec<String> {
        let mut requested = self.attributes.clone();
        if requested.is_empty() {
            // RFC 4511 section 4.5.1.8.
            requested.push("*".to_owned());
        }
        let stable_id = self.stable_id.attribute();
        if !requested
            .iter()
            .any(|attribute| attribute.eq_ignore_ascii_case(stable_id))
        {
            requested.push(stable_id.to_owned());
        }
        requested
    }
}

/// Proof that a reading got everything that the server has for the query and the account. Only the paged reader of this
/// module makes one.
///
/// It does not prove that the server answers rightly: a missing right or a filter that matches nothing also gives
/// success and few entries. Judging the count against the last run is the caller's part.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Complete {
    tally: Tally,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Tally {
    entries: u64,
    pages: u32,
    referrals: u64,
    referral_urls: Vec<String>,
    duplicates: u64,
    unidentified: u64,
    unidentified_dns: Vec<String>,
}

impl Complete {
    /// Entries handed out, each stable id once.
    pub fn entries(&self) -> u64 {
        self.tally.entries
    }

    /// Pages read, at least one.
    pub fn pages(&self) -> u32 {
        self.tally.pages
    }

    /// References to other servers. They are counted and not followed: the bind password would go there.
    pub fn referrals(&self) -> u64 {
        self.tally.referrals
    }

    /// The first 20 of them.
    pub fn referral_urls(&self) -> &[String] {
        &self.tally.referral_urls
    }

    /// Entries left out because their stable id had come before.
    pub fn duplicates(&self) -> u64 {
        self.tally.duplicates
    }

    /// Entries left out because they have no usable stable id.
    pub fn unidentified(&self) -> u64 {
        self.tally.unidentified
    }

    /// The names of the first 20 of them.
    pub fn unidentified_dns(&self) -> &[String] {
        &self.tally.unidentified_dns
    }

    /// Whether a stable id that was not handed out is really absent. False when an entry had no usable id: it may be
    /// the very one that is missed.
    pub fn proves_absence(&self) -> bool {
        self.tally.unidentified == 0
    }
}

/// Reads everything that `query` asks for and hands each entry once to `on_entry`, page by page.
///
/// Memory does not grow with the directory, except by 16 bytes for each stable id seen. `on_entry` may break off, which
/// is [`ReadError::Stopped`]. The entries are of no use before this returns `Ok`: an error may follow the last one.
///
/// # Errors
/// Every [`ReadError`]; afterwards the connection is spent.
pub async fn read_all(
    connection: &mut Connection,
    query: &Query,
    on_entry: impl FnMut(Entry) -> ControlFlow<()>,
) -> Result<Complete, ReadError> {
    query.check()?;
    read(connection, Reading::of(query), on_entry).await
}

/// One or several searches that make one reading: all but the filter is the same.
#[derive(Clone, Debug)]
pub(crate) struct Reading {
    pub(crate) base: String,
    pub(crate) scope: Scope,
    /// Searched one after the other; an entry that several match is handed out once.
    pub(crate) filters: Vec<Filter>,
    /// All attributes to name in the request, the stable id's among them.
    pub(crate) requested: Vec<String>,
    pub(crate) stable_id: StableIdKind,
    /// The ids that the filters ask for, when they ask for ids: an entry with another one is an error.
    pub(crate) only: Option<HashSet<u128>>,
    /// Sent along with the paging control.
    pub(crate) controls: Vec<RawControl>,
}

impl Reading {
    /// What `query` asks for.
    pub(crate) fn of(query: &Query) -> Self {
        Self {
            base: query.base.clone(),
            scope: query.scope,
            filters: vec![query.filter.clone()],
            requested: query.requested(),
            stable_id: query.stable_id,
            only: None,
            controls: Vec::new(),
        }
    }

    /// The stable ids alone of what `query` asks for.
    pub(crate) fn ids_of(query: &Query) -> Self {
        Self {
            requested: vec![query.stable_id.attribute().to_owned()],
            ..Self::of(query)
        }
    }
}

/// Reads `reading` to its end, under the rules of [`read_all`].
pub(crate) async fn read(
    connection: &mut Connection,
    reading: Reading,
    on_entry: impl FnMut(Entry) -> ControlFlow<()>,
) -> Result<Complete, ReadError> {
    let limits = connection.limits();
    let ldap = connection.start_reading()?;
    let after = limits.run_timeout;
    let outcome = timeout(after, read_in_task(ldap, reading, limits, on_entry)).await;
    connection
        .finish_reading(outcome.unwrap_or(Err(ReadError::Deadline { after })))
        .await
}

/// Runs the reader in a task of its own: the library panics on some answers, and a panic must end as an error.
async fn read_in_task(
    ldap: Ldap,
    reading: Reading,
    limits: ReadLimits,
    mut on_entry: impl FnMut(Entry) -> ControlFlow<()>,
) -> Result<Complete, ReadError> {
    let (sender, mut receiver) = mpsc::channel(QUEUE);
    let reader = Reader {
        ldap,
        base: DnKey::of(&reading.base),
        reading,
        limits,
        sender,
        seen: HashSet::new(),
        first_reason: None,
        is_base_checked: false,
        tally: Tally::default(),
    };
    // A set aborts its task when this future is dropped, be it by the deadline or by the caller.
    let mut task = JoinSet::new();
    task.spawn(reader.read());
    while let Some(entry) = receiver.recv().await {
        if on_entry(entry).is_break() {
            return Err(ReadError::Stopped);
        }
    }
    match task.join_next().await {
        Some(Ok(outcome)) => outcome,
        Some(Err(_)) | None => Err(ReadError::Crashed),
    }
}

struct Reader {
    ldap: Ldap,
    base: DnKey,
    reading: Reading,
    limits: ReadLimits,
    sender: mpsc::Sender<Entry>,
    seen: HashSet<u128>,
    first_reason: Option<StableIdError>,
    is_base_checked: bool,
    tally: Tally,
}

impl Reader {
    /// The only place that makes a [`Complete`]: after a last page that ended with `Ok(None)`, success, and a paging
    /// control with an empty cookie; or with nothing at all.
    async fn read(mut self) -> Result<Complete, ReadError> {
        for filter in std::mem::take(&mut self.reading.filters) {
            self.read_pages(&filter).await?;
        }
        match self.first_reason {
            Some(reason) if self.tally.entries == 0 => Err(ReadError::NoStableId {
                attribute: self.reading.stable_id.attribute(),
                entries: self.tally.unidentified,
                reason,
            }),
            _ => Ok(Complete { tally: self.tally }),
        }
    }

    /// Page by page until the server says that there is no more.
    async fn read_pages(&mut self, filter: &Filter) -> Result<(), ReadError> {
        let (first, received) = (self.tally.pages + 1, self.received());
        let mut cookie = Vec::new();
        let mut barren = 0;
        loop {
            let before = self.tally.entries + self.tally.unidentified;
            self.tally.pages += 1;
            let result = self.read_page(filter, cookie).await?;
            cookie = match paging::cookie(&result, self.tally.pages) {
                Err(IncompleteReason::NoPagingControl { page }) if page == first && self.received() == received => {
                    return self.check_base().await;
                }
                cookie => cookie?,
            };
            if cookie.is_empty() {
                return Ok(());
            }
            let is_barren = self.tally.entries + self.tally.unidentified == before;
            barren = if is_barren { barren + 1 } else { 0 };
            if barren >= BARREN_PAGES_MAX {
                return Err(IncompleteReason::Stalled { pages: barren }.into());
            }
        }
    }

    /// How much the server has sent that is no result.
    fn received(&self) -> u64 {
        let Tally {
            entries,
            duplicates,
            unidentified,
            referrals,
            ..
        } = self.tally;
        entries + duplicates + unidentified + referrals
    }

    /// 389-DS answers a paged search that matches nothing without the control, and one below a base that does not exist as
    /// well, with success; only an unpaged search of that base tells. That nobody is there is for the caller to judge.
    async fn check_base(&mut self) -> Result<(), ReadError> {
        if !self.is_base_checked {
            let nothing = vec![NO_ATTRIBUTES.to_owned()];
            read_base_object(&mut self.ldap, &self.reading.base, nothing, self.limits).await?;
            self.is_base_checked = true;
        }
        Ok(())
    }

    /// One page to its end. `Ok` only when the server said success.
    async fn read_page(&mut self, filter: &Filter, cookie: Vec<u8>) -> Result<LdapResult, ReadError> {
        let entry_timeout = self.limits.entry_timeout;
        let failed = |error| ReadError::from_library(error, entry_timeout);
        let size = self.limits.page_size;
        let mut controls = paging::request(size, cookie);
        controls.extend(self.reading.controls.iter().cloned());
        self.ldap.with_timeout(entry_timeout).with_controls(controls);
        let (base, scope) = (self.reading.base.as_str(), self.reading.scope.into());
        let requested = self.reading.requested.clone();
        let search = self.ldap.streaming_search(base, scope, filter.as_str(), requested);
        let mut stream = search.await.map_err(failed)?;
        let mut partial = Vec::new();
        let mut on_page = 0;
        // Only Ok(None) is the end. An error here must not be followed by `finish`, which may still hold the success
        // of an earlier page.
        while let Some(item) = stream.next().await.map_err(failed)? {
            if item.is_ref() {
                self.note_referral(item);
                continue;
            }
            if item.is_intermediate() {
                continue;
            }
            on_page += 1;
            if on_page > size {
                return Err(IncompleteReason::PageTooLong {
                    page: self.tally.pages,
                    size,
                }
                .into());
            }
            let entry = RawEntry::decode(item)?;
            match entry.ranges.is_empty() {
                true => self.hand_out(entry).await?,
                // Completed after the page: a second search in the middle of a page upsets some servers.
                false => partial.push(entry),
            }
        }
        let result = stream.finish().await;
        if result.rc != SUCCESS {
            return Err(ReadError::from_result(result, &self.reading.base));
        }
        for mut entry in partial {
            range::complete(&mut self.ldap, &mut entry, self.limits).await?;
            self.hand_out(entry).await?;
        }
        Ok(result)
    }

    async fn hand_out(&mut self, entry: RawEntry) -> Result<(), ReadError> {
        let only = self.reading.only.as_ref();
        match entry.identify(self.reading.stable_id) {
            Ok(entry) if !entry.dn_key.is_within(&self.base) => {
                return Err(IncompleteReason::OutsideBase { dn: entry.dn }.into());
            }
            Ok(entry) if only.is_some_and(|ids| !ids.contains(&entry.stable_id.number())) => {
                return Err(IncompleteReason::NotAskedFor { dn: entry.dn }.into());
            }
            Ok(entry) if self.seen.insert(entry.stable_id.number()) => {
                self.tally.entries += 1;
                // Nobody listens any more only when the caller has stopped.
                self.sender.send(entry).await.map_err(|_| ReadError::Stopped)?;
            }
            Ok(_) => self.tally.duplicates += 1,
            Err((dn, reason)) => {
                self.first_reason.get_or_insert(reason);
                self.tally.unidentified += 1;
                if self.tally.unidentified_dns.len() < EXAMPLES_MAX {
                    self.tally.unidentified_dns.push(dn);
                }
            }
        }
        Ok(())
    }

    fn note_referral(&mut self, item: ldap3::ResultEntry) {
        self.tally.referrals += 1;
        let room = EXAMPLES_MAX.saturating_sub(self.tally.referral_urls.len());
        let uris = item.0.expect_constructed().unwrap_or_default().into_iter();
        let uris = uris.filter_map(|uri| uri.expect_primitive().and_then(|uri| String::from_utf8(uri).ok()));
        self.tally.referral_urls.extend(uris.take(room));
    }
}
