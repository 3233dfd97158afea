//! Where pages ended: so that the next page continues there and does not count its way from the start again.
//!
//! Index paging (RFC 7644 s3.4.2.4) names pages by number. Between two pages of one walk others may come and go, and a number
//! then means another result. What is remembered here, for each token and query, is behind which result the page with that
//! number begins. It is a memory only, bounded in number, size and time: without it a page is found by counting.
//!
//! Nothing in a request for a numbered page says which of two parallel walks over the same query it belongs to. Where both
//! stand at that number, the one goes on whose client called itself the same and asked for pages of the same size and
//! content, and of those the one that has waited longest. A page is never made shorter to tell them apart: there are clients
//! that step by the size which they asked for, whatever they get (idp.md section 2). Two walks that even this does not tell
//! apart, and that do not take turns, should go by cursor (RFC 9865), which names the place.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Weak};

use chrono::TimeDelta;
use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::directory::query::{Continuation, Next, Place, Walk};
use crate::model::clock::Timestamp;

use super::access::Access;
use super::parameters::Parameters;

/// Queries whose walks are remembered at once.
const QUERIES_MAX: usize = 1_000;
/// Walks over one query that are remembered at once.
const SIDE_BY_SIDE_MAX: usize = 8;
/// Page ends that are remembered of one walk: a client may ask again for the last ones.
const ENDS_MAX: usize = 16;
/// Listed matches that are held for all walks together, 16 bytes each.
const LISTED_MAX: usize = 4_000_000;
/// How long after its last page a walk is remembered.
const REMEMBERED: TimeDelta = TimeDelta::minutes(10);
/// How long after its last page a walk may still go on: a client walks on at once or never.
const GUARDED: TimeDelta = TimeDelta::minutes(1);

/// One client's query, whatever page of it is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Fingerprint(pub(super) [u8; 32]);

impl Fingerprint {
    /// Of what decides which results come in which order.
    pub(super) fn of_results(access: &Access, endpoint: &str, parameters: &Parameters) -> Self {
        let organisation = access.organisation_id().to_string();
        let token = access.permit.actor().token.map(|token| token.to_string());
        Self::over(&[
            Some(endpoint),
            Some(&organisation),
            Some(access.connection.name.as_str()),
            token.as_deref(),
            parameters.filter.as_deref(),
            parameters.sort_by.as_deref(),
            parameters.sort_order.as_deref(),
            // A walk by cursor brings its place along and must not move those by number.
            parameters.cursor.as_ref().map(|_| "cursor"),
        ])
    }

    /// Of all that must stay the same from page to page (RFC 9865). Not the token: it may be exchanged during a walk.
    pub(super) fn of_request(access: &Access, endpoint: &str, parameters: &Parameters) -> Self {
        let organisation = access.organisation_id().to_string();
        Self::over(&[
            Some(endpoint),
            Some(&organisation),
            Some(access.connection.name.as_str()),
            parameters.filter.as_deref(),
            parameters.sort_by.as_deref(),
            parameters.sort_order.as_deref(),
            parameters.attributes.as_deref(),
            parameters.excluded_attributes.as_deref(),
            parameters.count.as_deref(),
        ])
    }

    /// Of what tells two clients of one token apart, as far as anything does. Not the address: a provider in the cloud comes
    /// from several in turn.
    pub(super) fn of_client(access: &Access, parameters: &Parameters) -> Self {
        Self::over(&[
            access.agent.as_deref(),
            parameters.count.as_deref(),
            parameters.attributes.as_deref(),
            parameters.excluded_attributes.as_deref(),
        ])
    }

    /// Each part with its length, so that no two lists of parts read the same.
    fn over(parts: &[Option<&str>]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            let length = part.map_or(u64::MAX, |part| part.len() as u64);
            hash.update(length.to_be_bytes());
            hash.update(part.unwrap_or_default());
        }
        Self(hash.finalize().into())
    }
}

/// The memory.
#[derive(Debug, Default)]
pub(super) struct Walks(Mutex<Memory>);

#[derive(Debug, Default)]
struct Memory {
    queries: HashMap<Fingerprint, Vec<Remembered>>,
    /// Walks begun so far.
    begun: u64,
}

/// Which of a client's walks over one query: two may go on side by side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct WalkId(u64);

#[derive(Debug)]
struct Remembered {
    id: WalkId,
    client: Fingerprint,
    /// The latest list of matches.
    listed: Option<Arc<[Uuid]>>,
    /// Newest last. The newest is where the walk stands.
    ends: VecDeque<End>,
    used: Timestamp,
    is_over: bool,
}

#[derive(Debug)]
struct End {
    /// The number of the first result behind it.
    index: u64,
    total: u64,
    place: Place,
    /// The list it is in, if that is still held, and how far it was read.
    listed: Weak<[Uuid]>,
    at: usize,
}

impl Remembered {
    fn stands_at(&self, index: u64) -> bool {
        !self.is_over && self.ends.back().is_some_and(|end| end.index == index)
    }

    /// Whether its client may still ask for the next page: a client walks on at once or never.
    fn is_guarded(&self, now: Timestamp) -> bool {
        !self.is_over && now - self.used <= GUARDED
    }
}

impl Walks {
    /// The walk that comes to result `index`, and what was remembered of the page before: of several that stand there, one
    /// of this client before those of others, and the one that has waited longest.
    pub(super) fn find(
        &self,
        query: &Fingerprint,
        client: &Fingerprint,
        index: u64,
        now: Timestamp,
    ) -> Option<(WalkId, Continuation)> {
        let is_it = |end: &End| end.index == index;
        let order = |walk: &Remembered| (walk.client != *client, !walk.stands_at(index), walk.used);
        self.go_on(query, now, is_it, order)
    }

    /// The walk whose page ended at this place, in front of result `index`.
    pub(super) fn find_at(
        &self,
        query: &Fingerprint,
        index: u64,
        place: &Place,
        now: Timestamp,
    ) -> Option<(WalkId, Continuation)> {
        let is_it = |end: &End| end.index == index && end.place == *place;
        self.go_on(query, now, is_it, |walk| (!walk.stands_at(index), walk.used))
    }

    /// Goes on with the first walk, in this order, that has such an end.
    fn go_on<O: Ord>(
        &self,
        query: &Fingerprint,
        now: Timestamp,
        is_it: impl Fn(&End) -> bool,
        order: impl Fn(&Remembered) -> O,
    ) -> Option<(WalkId, Continuation)> {
        let mut memory = self.0.lock();
        let walks = memory.queries.get_mut(query)?;
        walks.retain(|walk| now - walk.used <= REMEMBERED);
        let has_it = |walk: &&mut Remembered| walk.ends.iter().any(&is_it);
        let walk = walks.iter_mut().filter(has_it).min_by_key(|walk| order(walk))?;
        walk.used = now;
        let end = walk.ends.iter().rev().find(|end| is_it(end))?;
        let list = end.listed.upgrade().map(|ids| Walk { ids, at: end.at });
        let before = Continuation {
            index: end.index,
            total: end.total,
            next: Next {
                place: end.place.clone(),
                walk: list,
            },
        };
        Some((walk.id, before))
    }

    /// The list of a walk in which `place` still stands, for walking back from there.
    pub(super) fn list_with(&self, query: &Fingerprint, place: &Place, now: Timestamp) -> Option<Walk> {
        let mut memory = self.0.lock();
        let walks = memory.queries.get_mut(query)?;
        walks.iter_mut().rev().find_map(|walk| {
            let ids = walk.listed.as_ref().filter(|_| now - walk.used <= REMEMBERED)?;
            let at = ids.iter().position(|id| *id == place.id)?;
            let ids = Arc::clone(ids);
            walk.used = now;
            Some(Walk { ids, at })
        })
    }

    /// Remembers where a page ended: of the walk that is `known`, or of a new one.
    pub(super) fn remember(
        &self,
        query: Fingerprint,
        client: Fingerprint,
        known: Option<WalkId>,
        next: &Continuation,
        now: Timestamp,
    ) {
        let mut memory = self.0.lock();
        memory.begun += 1;
        let new = WalkId(memory.begun);
        let walks = memory.queries.entry(query).or_default();
        for walk in walks.iter_mut().filter(|walk| !walk.is_guarded(now)) {
            walk.ends.retain(|end| end.index != next.index);
        }
        let at = walks.iter().position(|walk| Some(walk.id) == known);
        let mut walk = at.map_or_else(
            || Remembered {
                id: new,
                client,
                listed: None,
                ends: VecDeque::new(),
                used: now,
                is_over: false,
            },
            |at| walks.remove(at),
        );
        walk.used = now;
        let list = next.next.walk.as_ref();
        walk.listed = list.map(|walk| Arc::clone(&walk.ids));
        walk.ends.retain(|end| end.index != next.index);
        walk.ends.push_back(End {
            index: next.index,
            total: next.total,
            place: next.next.place.clone(),
            listed: list.map_or_else(
                || Weak::<[Uuid; 0]>::new() as Weak<[Uuid]>,
                |walk| Arc::downgrade(&walk.ids),
            ),
            at: list.map_or(0, |walk| walk.at),
        });
        if walk.ends.len() > ENDS_MAX {
            walk.ends.pop_front();
        }
        walks.push(walk);
        if walks.len() > SIDE_BY_SIDE_MAX {
            walks.remove(0);
        }
        memory.forget(now);
    }

    /// The walk has shown its last page.
    pub(super) fn end(&self, query: &Fingerprint, id: WalkId) {
        let mut memory = self.0.lock();
        let walks = memory.queries.get_mut(query).into_iter().flatten();
        for walk in walks.filter(|walk| walk.id == id) {
            walk.is_over = true;
        }
    }
}

impl Memory {
    /// Forgets old walks, and the longest unused queries while there is too much.
    fn forget(&mut self, now: Timestamp) {
        self.queries.retain(|_, walks| {
            walks.retain(|walk| now - walk.used <= REMEMBERED);
            !walks.is_empty()
        });
        let listed = |walks: &[Remembered]| -> usize {
            let lists = walks.iter().filter_map(|walk| walk.listed.as_ref());
            lists.map(|ids| ids.len()).sum()
        };
        let mut held: usize = self.queries.values().map(|walks| listed(walks)).sum();
        while self.queries.len() > QUERIES_MAX || held > LISTED_MAX {
            let used = |walks: &[Remembered]| walks.iter().map(|walk| walk.used).max();
            let oldest = self.queries.iter().min_by_key(|(_, walks)| used(walks));
            let oldest = oldest.map(|(query, _)| *query);
            let Some(gone) = oldest.and_then(|oldest| self.queries.remove(&oldest)) else {
                return;
            };
            held -= listed(&gone);
        }
    }
}
