//! Reading a list from a place on, towards its end or back towards its beginning (S004-16).

use std::cmp::Ordering;

use crate::store::{Key, Scan};

/// Which rows of a list are read, the nearest to the place first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stretch<T> {
    /// Those behind this place; from the beginning without one.
    On(Option<T>),
    /// Those in front of this place; from the end without one.
    Back(Option<T>),
}

impl<T> From<Option<T>> for Stretch<T> {
    /// Those behind a place.
    fn from(after: Option<T>) -> Self {
        Self::On(after)
    }
}

impl<T> Stretch<T> {
    /// The same with a place that is written otherwise; one that says nothing is none.
    pub fn and_then<U>(self, read: impl FnOnce(T) -> Option<U>) -> Stretch<U> {
        match self {
            Self::On(at) => Stretch::On(at.and_then(read)),
            Self::Back(at) => Stretch::Back(at.and_then(read)),
        }
    }

    /// Whether it leads to the beginning.
    #[must_use]
    pub const fn is_back(&self) -> bool {
        matches!(self, Self::Back(_))
    }

    /// The same of a list that is the other way round: the newest first.
    #[must_use]
    pub fn reversed(self) -> Self {
        match self {
            Self::On(at) => Self::Back(at),
            Self::Back(at) => Self::On(at),
        }
    }

    /// The keys under a prefix, from the key of the place on.
    pub fn scan(self, prefix: &Key, limit: usize, key: impl FnOnce(T) -> Key) -> Scan {
        let (scan, at) = match self {
            Self::On(at) => (Scan::prefix(prefix, limit), at),
            Self::Back(at) => (Scan::prefix(prefix, limit).backward(), at),
        };
        match at {
            Some(at) => scan.after(key(at)),
            None => scan,
        }
    }

    /// The rows of a list that is held whole and in order, at most so many, and whether more come behind them.
    pub fn of<R>(self, all: &[R], limit: usize, compare: impl Fn(&R, &T) -> Ordering) -> (Vec<&R>, bool) {
        match self {
            Self::On(at) => {
                let start = at.map_or(0, |at| all.partition_point(|row| compare(row, &at).is_le()));
                let end = all.len().min(start.saturating_add(limit));
                (all[start..end].iter().collect(), end < all.len())
            }
            Self::Back(at) => {
                let end = at.map_or(all.len(), |at| all.partition_point(|row| compare(row, &at).is_lt()));
                let start = end.saturating_sub(limit);
                (all[start..end].iter().rev().collect(), start > 0)
            }
        }
    }
}
