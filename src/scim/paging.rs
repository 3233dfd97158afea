//! Where pages ended: so that the next page continues there and does not count its way from the start again.
//!
//! Index paging (RFC 7644 s3.4.2.4) names pages by number. Between two pages of one walk others may come and go, and a number
//! then means another result. What is remembered here, for each token and query, is behind which result the page with that
//! number begins. It is a memory only, bounded in number, size and time: without it a page is found by counting.

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

/// Walks that are remembered at once.
const WALKS_MAX: usize = 1_000;
/// Page ends that are remembered of one walk: a client may ask again for the last ones.
const ENDS_MAX: usize = 32;
/// Listed matches that are held for all walks together, 16 bytes each.
const LISTED_MAX: usize = 4_000_000;
/// How long after its last page a walk is remembered.
const REMEMBERED: TimeDelta = TimeDelta::minutes(10);

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
pub(super) struct Walks(Mutex<HashMap<Fingerprint, Walker>>);

#[derive(Debug)]
struct Walker {
    /// The latest list of matches.
    listed: Option<Arc<[Uuid]>>,
    /// Newest last.
    ends: VecDeque<End>,
    used: Timestamp,
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

impl Walks {
    /// What was remembered of the page before result `index`.
    pub(super) fn find(&self, query: &Fingerprint, index: u64, now: Timestamp) -> Option<Continuation> {
        let mut walks = self.0.lock();
        let walker = walks.get_mut(query).filter(|walker| now - walker.used <= REMEMBERED)?;
        walker.used = now;
        let end = walker.ends.iter().rev().find(|end| end.index == index)?;
        let walk = end.listed.upgrade().map(|ids| Walk { ids, at: end.at });
        Some(Continuation {
            index,
            total: end.total,
            next: Next {
                place: end.place.clone(),
                walk,
            },
        })
    }

    /// The list that a cursor's place is in, if it is still held.
    pub(super) fn list(&self, query: &Fingerprint, index: u64, place: &Place, now: Timestamp) -> Option<Walk> {
        let found = self.find(query, index, now)?;
        found.next.walk.filter(|_| found.next.place == *place)
    }

    /// Remembers where a page ended.
    pub(super) fn remember(&self, query: Fingerprint, next: &Continuation, now: Timestamp) {
        let mut walks = self.0.lock();
        let walker = walks.entry(query).or_insert_with(|| Walker {
            listed: None,
            ends: VecDeque::new(),
            used: now,
        });
        walker.used = now;
        let walk = next.next.walk.as_ref();
        walker.listed = walk.map(|walk| Arc::clone(&walk.ids));
        walker.ends.retain(|end| end.index != next.index);
        walker.ends.push_back(End {
            index: next.index,
            total: next.total,
            place: next.next.place.clone(),
            listed: walk.map_or_else(
                || Weak::<[Uuid; 0]>::new() as Weak<[Uuid]>,
                |walk| Arc::downgrade(&walk.ids),
            ),
            at: walk.map_or(0, |walk| walk.at),
        });
        if walker.ends.len() > ENDS_MAX {
            walker.ends.pop_front();
        }
        forget(&mut walks, now);
    }
}

/// Forgets old walks, and the longest unused ones while there are too many.
fn forget(walks: &mut HashMap<Fingerprint, Walker>, now: Timestamp) {
    walks.retain(|_, walker| now - walker.used <= REMEMBERED);
    let listed = |walker: &Walker| walker.listed.as_ref().map_or(0, |ids| ids.len());
    let mut held: usize = walks.values().map(listed).sum();
    while walks.len() > WALKS_MAX || held > LISTED_MAX {
        let oldest = walks
            .iter()
            .min_by_key(|(_, walker)| walker.used)
            .map(|(query, _)| *query);
        let Some(gone) = oldest.and_then(|oldest| walks.remove(&oldest)) else {
            return;
        };
        held -= listed(&gone);
    }
}
