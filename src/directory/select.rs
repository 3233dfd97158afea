//! Walking a list by a [`Selection`]: filter, order and a place to go on from (S004-9, S004-14..16). One mechanism for every list
//! of the admin API, and for what works on many users at once.
//!
//! In the list's own order a page is read from its place on, and the work of one page is bounded: a page may be short and have a
//! place to go on from all the same. In another order every row is looked at, and no more of them are kept than the page needs.
//! Either way a place is a row and not a number, so that no row that stays is missed or doubled when others come and go. A list is
//! read in both directions: the page in front of another, and the last one, cost what the page behind and the first one cost.

mod groups;
mod users;
mod walk;

use std::collections::BTreeSet;

use async_trait::async_trait;
use uuid::Uuid;

use crate::model::Object;
use crate::model::id::OrganisationId;
use crate::model::selection::{Place, Selection, SelectionError};

use super::query::{Indexed, Query, QueryBudget, Start, candidates};
use super::stretch::Stretch;
use super::{Directory, DirectoryError};

pub use groups::CountedGroup;

/// How much one page of a list may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListLimits {
    /// Items a page, unless somebody says otherwise.
    pub page_size: usize,
    /// Rows that a page in the list's own order looks at when it has a filter. It goes on with the next page.
    pub looked_at: usize,
    /// Rows that a page in another order looks at. A list with more matches than that is refused: the filter has to narrow it.
    pub sorted: usize,
    /// Rows whose reach is asked for one page: each costs the reading of the groups above.
    pub reached: usize,
}

impl Default for ListLimits {
    fn default() -> Self {
        Self {
            page_size: 100,
            looked_at: 20_000,
            sorted: 200_000,
            reached: 2_000,
        }
    }
}

/// Rows read at once while a filter is put to them.
const CHUNK: usize = 500;

/// A list as it is read: rows in an order of their own.
#[async_trait]
pub trait Rows: Send + Sync {
    /// A row.
    type Row: Send + Sync;

    /// Some rows behind a place or in front of it, the nearest first, `limit` or fewer.
    async fn read(
        &self,
        directory: &Directory,
        along: Stretch<&str>,
        limit: usize,
    ) -> Result<Part<Self::Row>, DirectoryError>;

    /// What names a row among the others: the rows are in the order of this text.
    fn place(&self, row: &Self::Row) -> String;

    /// Whether a text can name a row at all.
    fn is_place(&self, text: &str) -> bool;

    /// The rows as filters and orders see them.
    async fn shown(
        &self,
        directory: &Directory,
        rows: &[Self::Row],
        selection: &Selection,
    ) -> Result<Vec<Object>, DirectoryError>;

    /// Whether the reader's rights reach a row.
    async fn reaches(
        &self,
        _directory: &Directory,
        _row: &Self::Row,
        _selection: &Selection,
    ) -> Result<bool, DirectoryError> {
        Ok(true)
    }
}

/// Rows that were read.
#[derive(Debug, Clone, PartialEq)]
pub struct Part<T> {
    /// The rows, in the direction in which they were read.
    pub rows: Vec<T>,
    /// From which row on the list goes on in that direction; `None` at its end.
    pub next: Option<String>,
}

/// Which page of a list is asked for.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Turn {
    /// The first.
    #[default]
    First,
    /// The one behind this place.
    Next(Place),
    /// The one in front of this place; the first one when nothing is in front of it any more.
    Previous(Place),
    /// The last, as long as any other.
    Last,
}

impl From<Option<&Place>> for Turn {
    /// The page behind a place; the first without one.
    fn from(after: Option<&Place>) -> Self {
        after.map_or(Self::First, |place| Self::Next(place.clone()))
    }
}

impl Turn {
    /// Where the page begins or ends.
    #[must_use]
    pub const fn place(&self) -> Option<&Place> {
        match self {
            Self::First | Self::Last => None,
            Self::Next(place) | Self::Previous(place) => Some(place),
        }
    }

    /// Whether the page is read towards the beginning of the list.
    #[must_use]
    pub const fn is_back(&self) -> bool {
        matches!(self, Self::Previous(_) | Self::Last)
    }
}

/// A page of what is meant.
#[derive(Debug, Clone, PartialEq)]
pub struct Selected<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Where to go on; `None` when there is no more. A page may be short, or empty, and have one.
    pub next: Option<Place>,
    /// Where to go back from; `None` when nothing is in front. As with `next`, a page may be short and have one.
    pub previous: Option<Place>,
    /// How many are meant in all; `None` when nobody asked, and when there are more than the limits let it look at.
    pub total: Option<u64>,
}

impl From<SelectionError> for DirectoryError {
    fn from(error: SelectionError) -> Self {
        Self::invalid(error.parameter(), error.to_string())
    }
}

impl Directory {
    /// How much one page of a list may cost.
    #[must_use]
    pub fn list_limits(&self) -> ListLimits {
        self.lists
    }

    /// The rows that can be meant at all, by their names and by what an index answers of the filter; `None` when nothing narrows
    /// the list. The filter still decides.
    async fn narrowed<I: Indexed>(
        &self,
        organisation: OrganisationId,
        selection: &Selection,
    ) -> Result<Option<BTreeSet<Uuid>>, DirectoryError> {
        let named = selection.named().cloned();
        let Some(filter) = selection.filter() else {
            return Ok(named);
        };
        let query = Query {
            filter: Some(filter),
            sort: None,
            start: Start::Index(1),
            count: 0,
            connection: None,
            with_groups: false,
            budget: QueryBudget {
                records: self.lists.sorted,
            },
            indexes: true,
        };
        let found = candidates::of::<I>(self, organisation, filter, query).await?;
        Ok(match (named, found) {
            (Some(named), Some(found)) => Some(found.into_iter().filter(|id| named.contains(id)).collect()),
            (None, Some(found)) => Some(found.into_iter().collect()),
            (named, None) => named,
        })
    }
}

/// Why an order over more rows than the limits allow is refused.
#[must_use]
pub fn too_many_to_sort(most: usize) -> DirectoryError {
    let reason = format!(
        "more than {most} rows would have to be put in order: narrow the list with a filter, or leave sort out"
    );
    DirectoryError::TooMany { reason }
}
