//! Turning the pages of a list.

use std::cmp::Ordering;

use crate::directory::stretch::Stretch;
use crate::directory::{Directory, DirectoryError};
use crate::model::selection::{Place, Selection, SelectionError};
use crate::model::sort::{SortKey, SortOrder};

use super::{CHUNK, Rows, Selected, Turn, too_many_to_sort};

/// Rows in the direction in which they were read, each with its place, and from where on there is more in that direction.
type Found<T> = (Vec<(Place, T)>, Option<Place>);

impl Directory {
    /// A page of the rows that are meant.
    ///
    /// # Errors
    /// [`DirectoryError::InvalidValue`] for a place that the list did not give out; [`DirectoryError::TooMany`] for an order over
    /// more rows than the limits allow; as the store's read.
    pub async fn walk<R: Rows>(
        &self,
        rows: &R,
        selection: &Selection,
        turn: impl Into<Turn> + Send,
        limit: usize,
    ) -> Result<Selected<R::Row>, DirectoryError> {
        let turn = turn.into();
        if let Some(place) = turn.place()
            && (!rows.is_place(&place.row) || place.key.is_some() != selection.order().is_some())
        {
            return Err(SelectionError::NotACursor(selection.cursor(place)).into());
        }
        let mut selected = self.turn(rows, selection, &turn, limit).await?;
        if matches!(turn, Turn::Previous(_)) && selected.items.is_empty() && selected.previous.is_none() {
            // All that was in front has gone: what is now the first page is what the reader looks for.
            selected = self.turn(rows, selection, &Turn::First, limit).await?;
        }
        if selection.is_counted() {
            selected.total = self.count_rows(rows, selection).await?;
        }
        Ok(selected)
    }

    async fn turn<R: Rows>(
        &self,
        rows: &R,
        selection: &Selection,
        turn: &Turn,
        limit: usize,
    ) -> Result<Selected<R::Row>, DirectoryError> {
        let (mut found, more) = match selection.order() {
            None => self.walk_on(rows, selection, turn, limit).await?,
            Some((_, order)) => self.walk_sorted(rows, selection, *order, turn, limit).await?,
        };
        // Of an empty page both ends are where reading stopped: nothing on the way was meant.
        let start = found.first().map(|(place, _)| place.clone()).or_else(|| more.clone());
        let (next, previous) = match turn {
            Turn::First => (more, None),
            Turn::Next(_) => (more, start),
            Turn::Previous(_) => (start, more),
            Turn::Last => (None, more),
        };
        if turn.is_back() {
            found.reverse();
        }
        Ok(Selected {
            items: found.into_iter().map(|(_, row)| row).collect(),
            next,
            previous,
            total: None,
        })
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
            let part = rows.read(self, Stretch::On(at.as_deref()), CHUNK).await?;
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
        turn: &Turn,
        limit: usize,
    ) -> Result<Found<R::Row>, DirectoryError> {
        let limits = self.list_limits();
        let most = if selection.reach().is_some() {
            limits.reached
        } else {
            limits.looked_at
        };
        let is_narrowed = selection.filter().is_some() || selection.reach().is_some();
        let chunk = if is_narrowed { CHUNK.min(most) } else { limit + 1 };
        let place = |row| Place { row, key: None };
        let mut at = turn.place().map(|place| place.row.clone());
        let mut items: Vec<(Place, R::Row)> = Vec::new();
        let mut looked_at = 0;
        loop {
            let part = rows.read(self, along(turn, at.as_deref()), chunk).await?;
            // A list that stops before it has what was asked for has done as much as it may.
            let is_short = part.rows.len() < chunk;
            looked_at += part.rows.len();
            let matching = self.matching(rows, selection, part.rows).await?;
            for (row, _) in matching {
                if !rows.reaches(self, &row, selection).await? {
                    continue;
                }
                if items.len() == limit {
                    let more = items.last().map(|(last, _)| last.clone());
                    return Ok((items, more.or_else(|| at.map(place))));
                }
                items.push((place(rows.place(&row)), row));
            }
            at = part.next;
            if at.is_none() || is_short || looked_at >= most {
                return Ok((items, at.map(place)));
            }
        }
    }

    /// In another order: every row is looked at, and those that may be on the page are kept.
    async fn walk_sorted<R: Rows>(
        &self,
        rows: &R,
        selection: &Selection,
        order: SortOrder,
        turn: &Turn,
        limit: usize,
    ) -> Result<Found<R::Row>, DirectoryError> {
        let limits = self.list_limits();
        let from = turn.place();
        let from = from.map(|place| (place.key.clone().unwrap_or_default(), place.row.clone()));
        let mut page = Page::new(order, turn.is_back(), limit + 1);
        let mut at: Option<String> = None;
        let (mut looked_at, mut asked) = (0, 0);
        loop {
            let part = rows.read(self, Stretch::On(at.as_deref()), CHUNK).await?;
            looked_at += part.rows.len().max(1);
            if looked_at > limits.sorted {
                return Err(too_many_to_sort(limits.sorted));
            }
            for (row, key) in self.matching(rows, selection, part.rows).await? {
                let ranked = (key.unwrap_or_default(), rows.place(&row));
                let is_behind = from.as_ref().is_none_or(|from| page.order(&ranked, from).is_gt());
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
        let more = kept.last().filter(|_| has_more).map(|(place, _)| place.clone());
        Ok((kept, more))
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

/// What is read of the list for a page.
const fn along<'a>(turn: &Turn, at: Option<&'a str>) -> Stretch<&'a str> {
    if turn.is_back() {
        Stretch::Back(at)
    } else {
        Stretch::On(at)
    }
}

/// What a row is ranked by: its key, then its place.
type Ranked = (SortKey, String);

/// The first rows of an order, as far as they are known.
struct Page<T> {
    order: SortOrder,
    /// Whether the order is taken from its end.
    is_back: bool,
    wanted: usize,
    kept: Vec<(Ranked, T)>,
    /// The last row that can still be on the page, once there are enough.
    worst: Option<Ranked>,
}

impl<T> Page<T> {
    const fn new(order: SortOrder, is_back: bool, wanted: usize) -> Self {
        Self {
            order,
            is_back,
            wanted,
            kept: Vec::new(),
            worst: None,
        }
    }

    fn order(&self, left: &Ranked, right: &Ranked) -> Ordering {
        ordering((self.order, self.is_back), left, right)
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
        let manner = (self.order, self.is_back);
        self.kept.sort_by(|(left, _), (right, _)| ordering(manner, left, right));
        self.kept.truncate(self.wanted);
        if self.kept.len() == self.wanted {
            self.worst = self.kept.last().map(|(ranked, _)| ranked.clone());
        }
    }

    fn finish(mut self) -> Vec<(Place, T)> {
        self.tidy();
        let rows = self.kept.into_iter();
        rows.map(|((key, row), item)| (Place { row, key: Some(key) }, item)).collect()
    }
}

/// By the key, then in the list's own order; or all of that from its end.
fn ordering((order, is_back): (SortOrder, bool), left: &Ranked, right: &Ranked) -> Ordering {
    let ordering = left.0.compare(&right.0, order).then_with(|| left.1.cmp(&right.1));
    if is_back { ordering.reverse() } else { ordering }
}
