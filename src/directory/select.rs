//! Walking a list by a [`Selection`]: filter, order and a place to go on from (S004-9, S004-14..16). One mechanism for every list
//! of the admin API, and for what works on many users at once.
//!
//! In the list's own order a page is read from its place on, and the work of one page is bounded: a page may be short and have a
//! place to go on from all the same. In another order every row is looked at, and no more of them are kept than the page needs.
//! Either way a place is a row and not a number, so that no row that stays is missed or doubled when others come and go.

mod groups;
mod users;

use std::cmp::Ordering;
use std::collections::BTreeSet;

use async_trait::async_trait;
use uuid::Uuid;

use crate::model::Object;
use crate::model::id::OrganisationId;
use crate::model::selection::{Place, Selection, SelectionError};
use crate::model::sort::{SortKey, SortOrder};

use super::query::{Indexed, Query, QueryBudget, Start, candidates};
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

    /// Some rows behind this one, `limit` or fewer.
    async fn read(
        &self,
        directory: &Directory,
        after: Option<&str>,
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
    /// The rows.
    pub rows: Vec<T>,
    /// Behind which row the list goes on; `None` at its end.
    pub next: Option<String>,
}

/// A page of what is meant.
#[derive(Debug, Clone, PartialEq)]
pub struct Selected<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Where to go on; `None` when there is no more. A page may be short, or empty, and have one.
    pub next: Option<Place>,
    /// How many are meant in all; `None` when nobody asked, and when there are more than the limits let it look at.
    pub total: Option<u64>,
}

impl<T> Selected<T> {
    const fn page(items: Vec<T>, next: Option<Place>) -> Self {
        Self {
            items,
            next,
            total: None,
        }
    }
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

    /// A page of the rows that are meant, behind this place.
    ///
    /// # Errors
    /// [`DirectoryError::InvalidValue`] for a place that the list did not give out; [`DirectoryError::TooMany`] for an order over
    /// more rows than the limits allow; as the store's read.
    pub async fn walk<R: Rows>(
        &self,
        rows: &R,
        selection: &Selection,
        after: Option<&Place>,
        limit: usize,
    ) -> Result<Selected<R::Row>, DirectoryError> {
        if let Some(place) = after
            && (!rows.is_place(&place.row) || place.key.is_some() != selection.order().is_some())
        {
            return Err(SelectionError::NotACursor(selection.cursor(place)).into());
        }
        let mut selected = match selection.order() {
            None => self.walk_on(rows, selection, after, limit).await?,
            Some((_, order)) => self.walk_sorted(rows, selection, *order, after, limit).await?,
        };
        if selection.is_counted() {
            selected.total = self.count_rows(rows, selection).await?;
        }
        Ok(selected)
    }

    /// How many rows are meant in all; `None` when that takes more than the limits allow.
    async fn count_rows<R: Rows>(&self, rows: &R, selection: &Selection) -> Result<Option<u64>, DirectoryError> {
        let most = if selection.reach().is_some() {
            self.lists.reached
        } else {
            self.lists.sorted
        };
        let (mut total, mut looked_at) = (0, 0);
        let mut at: Option<String> = None;
        loop {
            let part = rows.read(self, at.as_deref(), CHUNK).await?;
            let is_short = part.rows.len() < CHUNK;
            looked_at += part.rows.len();
            if looked_at > most {
                return Ok(None);
            }
            for (row, _) in self.matching(rows, selection, part.rows).await? {
                total += u64::from(rows.reaches(self, &row, selection).await?);
            }
            at = part.next;
            if at.is_none() {
                return Ok(Some(total));
            }
            if is_short {
                // The list itself reads no further at once.
                return Ok(None);
            }
        }
    }

    /// In the list's own order.
    async fn walk_on<R: Rows>(
        &self,
        rows: &R,
        selection: &Selection,
        after: Option<&Place>,
        limit: usize,
    ) -> Result<Selected<R::Row>, DirectoryError> {
        let limits = self.list_limits();
        let most = if selection.reach().is_some() {
            limits.reached
        } else {
            limits.looked_at
        };
        let is_narrowed = selection.filter().is_some() || selection.reach().is_some();
        let chunk = if is_narrowed { CHUNK.min(most) } else { limit + 1 };
        let mut at = after.map(|place| place.row.clone());
        let mut items: Vec<R::Row> = Vec::new();
        let mut looked_at = 0;
        loop {
            let part = rows.read(self, at.as_deref(), chunk).await?;
            // A list that stops before it has what was asked for has done as much as it may.
            let is_short = part.rows.len() < chunk;
            looked_at += part.rows.len();
            let matching = self.matching(rows, selection, part.rows).await?;
            for (row, _) in matching {
                if !rows.reaches(self, &row, selection).await? {
                    continue;
                }
                if items.len() == limit {
                    let row = items.last().map(|last| rows.place(last)).or(at);
                    let next = row.map(|row| Place { row, key: None });
                    return Ok(Selected::page(items, next));
                }
                items.push(row);
            }
            at = part.next;
            if at.is_none() || is_short || looked_at >= most {
                let next = at.map(|row| Place { row, key: None });
                return Ok(Selected::page(items, next));
            }
        }
    }

    /// In another order: every row is looked at, and those that may be on the page are kept.
    async fn walk_sorted<R: Rows>(
        &self,
        rows: &R,
        selection: &Selection,
        order: SortOrder,
        after: Option<&Place>,
        limit: usize,
    ) -> Result<Selected<R::Row>, DirectoryError> {
        let limits = self.list_limits();
        let after = after.map(|place| (place.key.clone().unwrap_or_default(), place.row.clone()));
        let mut page = Page::new(order, limit + 1);
        let mut at: Option<String> = None;
        let (mut looked_at, mut asked) = (0, 0);
        loop {
            let part = rows.read(self, at.as_deref(), CHUNK).await?;
            looked_at += part.rows.len().max(1);
            if looked_at > limits.sorted {
                return Err(too_many_to_sort(limits.sorted));
            }
            for (row, key) in self.matching(rows, selection, part.rows).await? {
                let ranked = (key.unwrap_or_default(), rows.place(&row));
                let is_behind = after.as_ref().is_none_or(|after| page.order(&ranked, after).is_gt());
                if !is_behind || !page.may_take(&ranked) {
                    continue;
                }
                if selection.reach().is_some() {
                    asked += 1;
                    if asked > limits.looked_at {
                        return Err(too_many_to_sort(limits.looked_at));
                    }
                }
                if rows.reaches(self, &row, selection).await? {
                    page.take(ranked, row);
                }
            }
            at = part.next;
            if at.is_none() {
                break;
            }
        }
        let mut kept = page.finish();
        let has_more = kept.len() > limit;
        kept.truncate(limit);
        let next = kept.last().filter(|_| has_more).map(|((key, row), _)| Place {
            row: row.clone(),
            key: Some(key.clone()),
        });
        let items = kept.into_iter().map(|(_, row)| row).collect();
        Ok(Selected::page(items, next))
    }

    /// The rows that satisfy the filter, each with what it is sorted by.
    async fn matching<R: Rows>(
        &self,
        rows: &R,
        selection: &Selection,
        read: Vec<R::Row>,
    ) -> Result<Vec<(R::Row, Option<SortKey>)>, DirectoryError> {
        if selection.filter().is_none() && selection.order().is_none() {
            return Ok(read.into_iter().map(|row| (row, None)).collect());
        }
        let shown = rows.shown(self, &read, selection).await?;
        let judged = read.into_iter().zip(shown);
        let kept = judged.filter(|(_, shown)| selection.matches(shown));
        Ok(kept.map(|(row, shown)| (row, selection.key(&shown))).collect())
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

/// What a row is ranked by: its key, then its place.
type Ranked = (SortKey, String);

/// The first rows of an order, as far as they are known.
struct Page<T> {
    order: SortOrder,
    wanted: usize,
    kept: Vec<(Ranked, T)>,
    /// The last row that can still be on the page, once there are enough.
    worst: Option<Ranked>,
}

impl<T> Page<T> {
    const fn new(order: SortOrder, wanted: usize) -> Self {
        Self {
            order,
            wanted,
            kept: Vec::new(),
            worst: None,
        }
    }

    /// By the key, then in the list's own order.
    fn order(&self, left: &Ranked, right: &Ranked) -> Ordering {
        left.0.compare(&right.0, self.order).then_with(|| left.1.cmp(&right.1))
    }

    fn may_take(&self, ranked: &Ranked) -> bool {
        self.worst
            .as_ref()
            .is_none_or(|worst| self.order(ranked, worst).is_lt())
    }

    fn take(&mut self, ranked: Ranked, row: T) {
        self.kept.push((ranked, row));
        // Sorted now and then rather than each time; never more than four pages are kept.
        if self.kept.len() >= self.wanted * 4 {
            self.tidy();
        }
    }

    fn tidy(&mut self) {
        let order = self.order;
        self.kept.sort_by(|((left, left_place), _), ((right, right_place), _)| {
            left.compare(right, order).then_with(|| left_place.cmp(right_place))
        });
        self.kept.truncate(self.wanted);
        if self.kept.len() == self.wanted {
            self.worst = self.kept.last().map(|(ranked, _)| ranked.clone());
        }
    }

    fn finish(mut self) -> Vec<(Ranked, T)> {
        self.tidy();
        self.kept
    }
}
