//! Which page a query asks for, by index (RFC 7644 s3.4.2.4) or by cursor (RFC 9865), and how its answer leads to the others.

use serde_json::{Value, json};

use crate::directory::query::{Continuation, Next, Place, Start};
use crate::model::deviation::{Deviation, Strictness};
use crate::model::scim_type::ScimType;

use super::Scim;
use super::access::Access;
use super::cursor::Cursor;
use super::error::ScimError;
use super::paging::{Fingerprint, WalkId};
use super::parameters::Parameters;
use super::response::{LIST_SCHEMA, list};

/// Which page is asked for, and how the client walks.
pub(super) struct Asked {
    way: Way,
    /// At most this many results.
    pub(super) count: usize,
    by_cursor: bool,
    /// The walk that this page belongs to, when it is known.
    walk: Option<WalkId>,
    results: Fingerprint,
    request: Fingerprint,
    client: Fingerprint,
}

/// Where the page is.
enum Way {
    /// At this number, counted from 1.
    To(u64),
    /// Behind a page that is known.
    On(Continuation),
    /// In front of one.
    Back(Continuation),
}

impl Asked {
    /// Reads the paging parameters of a query of `endpoint`.
    ///
    /// # Errors
    /// `invalidSyntax`, `invalidValue`, `invalidCount`, `invalidCursor`, `expiredCursor`.
    pub(super) fn of(scim: &Scim, access: &Access, endpoint: &str, parameters: &Parameters) -> Result<Self, ScimError> {
        let by_cursor = parameters.cursor.is_some();
        if by_cursor && parameters.start_index.is_some() {
            if access.connection.strictness == Strictness::Strict {
                let detail = "a page is asked for by startIndex or by cursor, not by both";
                return Err(ScimError::bad_request(ScimType::InvalidCursor, detail));
            }
            access.journal("query", &[Deviation::IndexWithCursor]);
        }
        let mut asked = Self {
            way: Way::To(1),
            count: 0,
            by_cursor,
            walk: None,
            results: Fingerprint::of_results(access, endpoint, parameters),
            request: Fingerprint::of_request(access, endpoint, parameters),
            client: Fingerprint::of_client(access, parameters),
        };
        if let Some(cursor) = parameters.cursor.as_deref() {
            asked.count = parameters.page_by_cursor(scim, access)?;
            if !cursor.is_empty() {
                asked.follow(scim, cursor)?;
            }
        } else {
            let (index, count) = parameters.page(scim)?;
            let now = scim.directory().clock().now();
            let known = (index > 1).then(|| scim.walks().find(&asked.results, &asked.client, index, now));
            (asked.walk, asked.way) = match known.flatten() {
                Some((walk, before)) => (Some(walk), Way::On(before)),
                None => (None, Way::To(index)),
            };
            asked.count = count;
        }
        Ok(asked)
    }

    fn follow(&mut self, scim: &Scim, text: &str) -> Result<(), ScimError> {
        let now = scim.directory().clock().now();
        let cursor = Cursor::read(text, &self.request, now, scim.settings().cursor_timeout_s)?;
        let known = if cursor.is_back {
            scim.walks().list_with(&self.results, &cursor.place, now)
        } else {
            let found = scim.walks().find_at(&self.results, cursor.index, &cursor.place, now);
            self.walk = found.as_ref().map(|(walk, _)| *walk);
            found.and_then(|(_, before)| before.next.walk)
        };
        let way = Continuation {
            index: cursor.index,
            total: cursor.total,
            next: Next {
                place: cursor.place,
                walk: known,
            },
        };
        self.way = if cursor.is_back { Way::Back(way) } else { Way::On(way) };
        Ok(())
    }

    /// Where the page begins.
    pub(super) fn start(&self) -> Start<'_> {
        match &self.way {
            Way::To(index) => Start::Index(*index),
            Way::On(before) => Start::After(before),
            Way::Back(behind) => Start::Before(behind),
        }
    }

    /// The number of the page's first result.
    fn index(&self, shown: usize) -> u64 {
        match &self.way {
            Way::To(index) => *index,
            Way::On(before) => before.index,
            Way::Back(behind) => behind.index.saturating_sub(shown as u64).max(1),
        }
    }

    /// The list message for a page, which remembers where it ended. `first` and `next` are its ends, where others lie behind
    /// them.
    pub(super) fn answer(
        &self,
        scim: &Scim,
        total: u64,
        (first, next): (Option<Place>, Option<Next>),
        resources: Vec<Value>,
    ) -> Value {
        let now = scim.directory().clock().now();
        let index = if self.by_cursor && first.is_none() {
            1
        } else {
            self.index(resources.len())
        };
        let next = next.map(|next| Continuation {
            index: index + resources.len() as u64,
            total,
            next,
        });
        match (&next, self.walk) {
            (Some(next), walk) => scim.walks().remember(self.results, self.client, walk, next, now),
            (None, Some(walk)) => scim.walks().end(&self.results, walk),
            (None, None) => {}
        }
        if !self.by_cursor {
            return list(total, index, resources);
        }
        // RFC 9865: no startIndex, a nextCursor on every page but the last, a previousCursor on every page but the first.
        let mut body = json!({
            "schemas": [LIST_SCHEMA],
            "totalResults": total,
            "itemsPerPage": resources.len(),
            "Resources": resources,
        });
        let cursor = |index: u64, place: Place, is_back: bool| {
            let issued_ms = now.timestamp_millis();
            let cursor = Cursor {
                index,
                total,
                place,
                issued_ms,
                is_back,
            };
            Value::from(cursor.write(&self.request))
        };
        if let Some(first) = first {
            body["previousCursor"] = cursor(index, first, true);
        }
        if let Some(next) = next {
            body["nextCursor"] = cursor(next.index, next.next.place, false);
        }
        body
    }
}
