//! Finding users and groups (RFC 7644 s3.4.2): an index narrows the candidates where one can, the filter always decides.
//!
//! What no index narrows is read in chunks, in the order of creation, within a budget: past it the answer is `tooMany`.
//!
//! A page says where it ended ([`Next`]). The page after it continues behind that place and not at a number, so that no
//! entry that stays is missed or doubled when others come and go, and a walk over all pages costs one reading in total.

pub(super) mod candidates;
mod edges;
mod listed;
mod named;
mod plain;
mod resource;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::model::filter::ResolvedFilter;
use crate::model::id::{GroupId, OrganisationId};
use crate::model::membership::Member;
use crate::model::slug::Slug;
use crate::model::sort::{SortBy, SortKey, SortOrder};
use crate::store::{Found, Read, SCAN_ENTRIES_MAX, Scan};

use super::{Directory, DirectoryError, keys};
pub use listed::{Listed, Matches};
pub use resource::{Indexed, Queryable, StoredGroup};

/// A question about users or groups.
#[derive(Debug, Clone, Copy)]
pub struct Query<'a> {
    /// Which; `None` for all.
    pub filter: Option<&'a ResolvedFilter>,
    /// In which order; `None` for that of creation.
    pub sort: Option<Sort<'a>>,
    /// Where the page begins.
    pub start: Start<'a>,
    /// At most this many; 0 answers the number of results only.
    pub count: usize,
    /// Whose `externalId` is meant.
    pub connection: Option<&'a Slug>,
    /// Whether the groups of each result are read too.
    pub with_groups: bool,
    /// The most records that may be read.
    pub budget: QueryBudget,
    /// Whether indexes may narrow what is read. The answer is the same without them (a test compares).
    pub indexes: bool,
}

/// An order other than that of creation.
#[derive(Debug, Clone, Copy)]
pub struct Sort<'a> {
    /// By which attribute.
    pub by: &'a SortBy,
    /// Which end first.
    pub order: SortOrder,
}

/// Where a page begins.
#[derive(Debug, Clone, Copy)]
pub enum Start<'a> {
    /// At this result, counted from 1 (RFC 7644 s3.4.2.4).
    Index(u64),
    /// Behind the page that ended here.
    After(&'a Continuation),
    /// In front of the page that begins here: the place is that page's first result (RFC 9865, `previousCursor`).
    Before(&'a Continuation),
}

/// What is remembered of the pages before.
#[derive(Debug, Clone)]
pub struct Continuation {
    /// The number of the first result of the page to come, counted from 1.
    pub index: u64,
    /// Matches in all, as the first page counted them.
    pub total: u64,
    /// Where the last page ended.
    pub next: Next,
}

/// The end of a page that is not the last.
#[derive(Debug, Clone)]
pub struct Next {
    /// Its last result.
    pub place: Place,
    /// The results still to come, when they had to be listed to find the page.
    pub walk: Option<Walk>,
}

/// A place among the results: it stays where it is when others come and go.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Place {
    /// The resource.
    pub id: Uuid,
    /// What it is sorted by, in a sorted query.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<SortKey>,
}

/// Every match as it was listed for the first page, and how far the walk has come.
#[derive(Debug, Clone)]
pub struct Walk {
    /// The matches in order.
    pub ids: Arc<[Uuid]>,
    /// The first one that has not been looked at.
    pub at: usize,
}

/// How much one query may read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueryBudget {
    /// Records.
    pub records: usize,
}

impl Default for QueryBudget {
    fn default() -> Self {
        Self { records: 200_000 }
    }
}

/// A page of results.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// Matches in all.
    pub total: u64,
    /// The ones of this page.
    pub resources: Vec<T>,
    /// The groups of each of them, when the query asks for them.
    pub groups: Vec<Vec<GroupId>>,
    /// Where it ended; `None` when it is the last.
    pub next: Option<Next>,
    /// Its first result; `None` when it is known to be the first page, and when it is empty.
    pub first: Option<Place>,
}

/// Records read in one round trip of a scan.
const CHUNK: usize = 500;

impl Directory {
    /// Answers a query.
    ///
    /// # Errors
    /// [`DirectoryError::TooMany`] past the budget; as the store's read.
    pub async fn query<R: Queryable>(
        &self,
        organisation: OrganisationId,
        query: Query<'_>,
    ) -> Result<Page<R>, DirectoryError> {
        let page = if query.filter.is_none() && query.sort.is_none() {
            self.page_of_all(organisation, query).await?
        } else {
            self.page_of_matches(organisation, query).await?
        };
        if matches!(query.start, Start::Before(_)) && page.resources.is_empty() && query.count > 0 {
            // All that was in front has gone: what is now the first page is what the client looks for.
            let start = Start::Index(1);
            return Box::pin(self.query(organisation, Query { start, ..query })).await;
        }
        Ok(page)
    }

    /// The groups of a page's resources, where they were not read with the records.
    async fn missing_groups<R: Queryable>(
        &self,
        organisation: OrganisationId,
        query: Query<'_>,
        resources: &[R],
        known: Vec<Option<Vec<GroupId>>>,
    ) -> Result<Vec<Vec<GroupId>>, DirectoryError> {
        if !query.with_groups || resources.is_empty() {
            return Ok(Vec::new());
        }
        if let Some(all) = known.into_iter().collect::<Option<Vec<_>>>()
            && all.len() == resources.len()
        {
            return Ok(all);
        }
        let scans = resources
            .iter()
            .map(|resource| Read::Scan(groups_of(organisation, resource.member())));
        let found = self.store.read(scans.collect()).await?;
        Ok(found.into_iter().map(group_ids).collect())
    }
}

impl Query<'_> {
    /// The matches in all, as this page can tell. A page that continues reports what the first one counted, so that the
    /// client goes on; the last one knows.
    fn total(&self, counted: u64, shown: usize, is_last: bool) -> u64 {
        match self.start {
            Start::Index(_) => counted,
            Start::Before(behind) => behind.total.max(shown as u64),
            Start::After(before) => {
                let seen = before.index - 1 + shown as u64;
                if is_last {
                    seen
                } else {
                    before.total.max(counted).max(seen + 1)
                }
            }
        }
    }
}

fn groups_of(organisation: OrganisationId, member: Member) -> Scan {
    Scan::prefix(&keys::member_groups(organisation, member), SCAN_ENTRIES_MAX)
}

fn group_ids(found: Found) -> Vec<GroupId> {
    found
        .into_entries()
        .iter()
        .filter_map(|(key, _)| keys::last_uuid(key))
        .map(GroupId::new)
        .collect()
}

fn too_many(budget: QueryBudget) -> DirectoryError {
    let reason = format!(
        "more than {} records would be read: narrow the filter with userName, externalId, emails.value, displayName or id",
        budget.records
    );
    DirectoryError::TooMany { reason }
}
