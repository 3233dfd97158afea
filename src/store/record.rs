//! Keys, versions and the questions and answers of [`super::Store::read`].

use std::fmt;
use std::ops::Bound;

use bytes::Bytes;

/// An ordered byte key. Compared byte by byte; cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Bytes);

impl Key {
    /// A key of these bytes.
    pub fn new(bytes: impl Into<Bytes>) -> Self {
        Self(bytes.into())
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The first key after every key that starts with this one; `None` when there is none (all bytes 0xff).
    #[must_use]
    pub fn prefix_end(&self) -> Option<Self> {
        let mut end = self.0.to_vec();
        while let Some(last) = end.pop() {
            if last < 0xff {
                end.push(last + 1);
                return Some(Self::new(end));
            }
        }
        None
    }
}

/// Printable bytes as they are, the others as `\xNN`: fit for messages and logs.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.escape_ascii())
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// The number of the commit that wrote a value. Grows with every commit; never zero for a stored value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(pub u64);

/// A value with the version of the commit that wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versioned {
    /// The bytes as they were put.
    pub value: Bytes,
    /// The commit that put them.
    pub version: Version,
}

/// The order of a scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Smallest key first.
    Forward,
    /// Largest key first.
    Backward,
}

/// A bounded range of keys to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scan {
    /// Where the range starts, in key order (whatever the direction).
    pub start: Bound<Key>,
    /// Where it ends, in key order.
    pub end: Bound<Key>,
    /// Which end is read first.
    pub direction: Direction,
    /// At most this many entries, and never more than [`super::SCAN_ENTRIES_MAX`].
    pub limit: usize,
}

impl Scan {
    /// Every key that starts with `prefix`, in order.
    #[must_use]
    pub fn prefix(prefix: &Key, limit: usize) -> Self {
        Self {
            start: Bound::Included(prefix.clone()),
            end: prefix.prefix_end().map_or(Bound::Unbounded, Bound::Excluded),
            direction: Direction::Forward,
            limit,
        }
    }

    /// The same range, only what comes after `key`.
    #[must_use]
    pub fn after(mut self, key: Key) -> Self {
        match self.direction {
            Direction::Forward => self.start = Bound::Excluded(key),
            Direction::Backward => self.end = Bound::Excluded(key),
        }
        self
    }

    /// The range as two bounds that are in order; `None` when no key can be in it.
    #[must_use]
    pub fn range(&self) -> Option<(Bound<Key>, Bound<Key>)> {
        if let (Bound::Included(first) | Bound::Excluded(first), Bound::Included(last) | Bound::Excluded(last)) =
            (&self.start, &self.end)
        {
            let both_included = matches!((&self.start, &self.end), (Bound::Included(_), Bound::Included(_)));
            if first > last || (first == last && !both_included) {
                return None;
            }
        }
        Some((self.start.clone(), self.end.clone()))
    }

    /// The same range from its other end.
    #[must_use]
    pub fn backward(mut self) -> Self {
        self.direction = Direction::Backward;
        self
    }
}

/// One question of a read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Read {
    /// One key.
    Get(Key),
    /// A bounded range.
    Scan(Scan),
}

/// The answer to one [`Read`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// To [`Read::Get`].
    Value(Option<Versioned>),
    /// To [`Read::Scan`], in the scan's direction.
    Entries(Vec<(Key, Versioned)>),
}

impl Found {
    /// The value of a point read; `None` for a scan's answer.
    #[must_use]
    pub fn into_value(self) -> Option<Versioned> {
        match self {
            Self::Value(value) => value,
            Self::Entries(_) => None,
        }
    }

    /// The entries of a scan; empty for a point read's answer.
    #[must_use]
    pub fn into_entries(self) -> Vec<(Key, Versioned)> {
        match self {
            Self::Entries(entries) => entries,
            Self::Value(_) => Vec::new(),
        }
    }
}

/// What a commit was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// The commit's number: the version of everything it put.
    pub version: Version,
    /// The sequence number of each [`super::Write::Append`], in the batch's order.
    pub appended: Vec<u64>,
}

/// Whether an engine makes progress.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// Reads and commits are answered.
    Ready,
    /// A commit has made no progress for this long (rule A3).
    Stalled {
        /// Milliseconds since the last progress.
        stalled_ms: u64,
    },
    /// The engine hit a storage error and acknowledges nothing any more (rule A7).
    Failed {
        /// What went wrong, for the operator.
        reason: String,
    },
}
