//! What a rehearsal holds back: the newest changes as they are, and the others packed.
//!
//! A run over 100,000 people changes some hundred megabytes. Changes lie open up to [`Limits::open_bytes_max`]; then they become a
//! pack, and several packs of one size become one of the next, so that there are never many to look into.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use crate::store::{Direction, Key, StoreError, Version, Versioned};

use super::packed::{Change, Pack, Packer};

/// Packs of one size that become one of the next.
const PACKS_OF_A_SIZE: usize = 4;
/// What an open change takes beside key and value, roughly.
const CHANGE_BYTES: usize = 128;
/// Of the bytes that lie open, what one block of a pack holds before compression.
const BLOCKS_OF_A_PACK: usize = 1024;

/// How much lies open.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Bytes of keys and values.
    pub(super) open_bytes_max: usize,
}

impl Limits {
    fn block_bytes(self) -> usize {
        self.open_bytes_max / BLOCKS_OF_A_PACK
    }
}

type Open = BTreeMap<Key, Option<Versioned>>;

/// Everything that is held back.
#[derive(Default)]
pub(super) struct Held {
    /// The newest changes.
    open: Open,
    open_bytes: usize,
    /// Those before them.
    closed: Closed,
    pub(super) commits: u64,
}

/// What changes no more, and is shared with whoever packs it: the newest first.
#[derive(Clone, Default)]
pub(super) struct Closed {
    /// Changes that are being packed.
    packing: Option<Arc<Open>>,
    /// Packs with their sizes: how often each was made of several.
    packs: Arc<Vec<(Arc<Pack>, u32)>>,
}

impl Held {
    /// Takes changes that were made by one commit.
    pub(super) fn extend(&mut self, version: Version, changes: impl Iterator<Item = (Key, Option<bytes::Bytes>)>) {
        for (key, value) in changes {
            let change = value.map(|value| Versioned { value, version });
            let bytes = |change: &Option<Versioned>| change.as_ref().map_or(0, |found| found.value.len());
            self.open_bytes += bytes(&change);
            let key_bytes = key.as_bytes().len() + CHANGE_BYTES;
            match self.open.insert(key, change) {
                Some(before) => self.open_bytes -= bytes(&before),
                None => self.open_bytes += key_bytes,
            }
        }
    }

    /// The newest change of a key that lies open; otherwise what is closed, to look there.
    pub(super) fn find_open(&self, key: &Key) -> Result<Option<Versioned>, Closed> {
        match self.open.get(key) {
            Some(change) => Ok(change.clone()),
            None => Err(self.closed.clone()),
        }
    }

    /// Closes what lies open, once it is too much. Answers what is to be packed then, by [`Closed::packed`].
    pub(super) fn close(&mut self, limits: Limits) -> Option<Closed> {
        if self.open_bytes <= limits.open_bytes_max {
            return None;
        }
        self.open_bytes = 0;
        self.closed.packing = Some(Arc::new(std::mem::take(&mut self.open)));
        Some(self.closed.clone())
    }

    /// Puts what was packed in the place of what was closed.
    pub(super) fn replace_closed(&mut self, packed: Closed) {
        self.closed = packed;
    }

    /// Bytes that are held, roughly.
    pub(super) fn bytes(&self) -> usize {
        self.open_bytes + self.closed.packs.iter().map(|(pack, _)| pack.bytes()).sum::<usize>()
    }

    /// The changes in a range, each key once, from either end.
    pub(super) fn within(
        &self,
        range: &(Bound<Key>, Bound<Key>),
        direction: Direction,
    ) -> Result<Merge<'_>, StoreError> {
        let mut sources: Vec<Source<'_>> = vec![Source::open(&self.open, range, direction)];
        sources.extend(self.closed.sources(range, direction));
        Merge::new(sources, direction)
    }
}

impl Closed {
    /// The last word on a key: the outer `None` says that there is none.
    pub(super) fn find(&self, key: &Key) -> Result<Option<Option<Versioned>>, StoreError> {
        if let Some(change) = self.packing.as_ref().and_then(|packing| packing.get(key)) {
            return Ok(Some(change.clone()));
        }
        for (pack, _) in self.packs.iter() {
            if let Some(change) = pack.find(key)? {
                return Ok(Some(change));
            }
        }
        Ok(None)
    }

    /// The same with everything packed. Takes a while: not for a thread that others wait for.
    pub(super) fn packed(mut self, limits: Limits) -> Result<Self, StoreError> {
        let Some(packing) = self.packing.take() else {
            return Ok(self);
        };
        let everything = (Bound::Unbounded, Bound::Unbounded);
        let mut packs = self.packs.to_vec();
        let open = Source::open(&packing, &everything, Direction::Forward);
        packs.insert(0, (Arc::new(pack(vec![open], packing.len(), limits)?), 0));
        drop(packing);
        loop {
            let size = packs[0].1;
            let same = packs.iter().take_while(|(_, other)| *other == size).count();
            if same < PACKS_OF_A_SIZE {
                self.packs = Arc::new(packs);
                return Ok(self);
            }
            let several = &packs[..same];
            let changes = several.iter().map(|(pack, _)| pack.changes()).sum();
            let sources = several
                .iter()
                .map(|(pack, _)| Source::packed(pack, &everything, Direction::Forward));
            let one = Arc::new(pack(sources.collect(), changes, limits)?);
            packs.splice(..same, [(one, size + 1)]);
        }
    }

    fn sources<'a>(
        &'a self,
        range: &(Bound<Key>, Bound<Key>),
        direction: Direction,
    ) -> impl Iterator<Item = Source<'a>> {
        let packing = self.packing.as_ref().map(|open| Source::open(open, range, direction));
        let packs = self
            .packs
            .iter()
            .map(move |(pack, _)| Source::packed(pack, range, direction));
        packing.into_iter().chain(packs)
    }
}

fn pack(sources: Vec<Source<'_>>, changes_max: usize, limits: Limits) -> Result<Pack, StoreError> {
    let mut merge = Merge::new(sources, Direction::Forward)?;
    let mut packer = Packer::new(changes_max, limits.block_bytes());
    while let Some(change) = merge.next()? {
        packer.push(&change)?;
    }
    packer.finish()
}

/// Changes in order, and the next of them.
struct Source<'a> {
    rest: Box<dyn Iterator<Item = Result<Change, StoreError>> + Send + 'a>,
    next: Option<Change>,
}

impl<'a> Source<'a> {
    fn open(open: &'a Open, range: &(Bound<Key>, Bound<Key>), direction: Direction) -> Self {
        let owned = |(key, change): (&Key, &Option<Versioned>)| Ok((key.clone(), change.clone()));
        let inside = open.range(range.clone());
        Self {
            rest: match direction {
                Direction::Forward => Box::new(inside.map(owned)),
                Direction::Backward => Box::new(inside.rev().map(owned)),
            },
            next: None,
        }
    }

    fn packed(pack: &'a Pack, range: &(Bound<Key>, Bound<Key>), direction: Direction) -> Self {
        Self {
            rest: Box::new(pack.within(range.clone(), direction)),
            next: None,
        }
    }
}

/// Several sources as one: of a key that is in more than one, the first source has the last word.
pub(super) struct Merge<'a> {
    sources: Vec<Source<'a>>,
    direction: Direction,
}

impl<'a> Merge<'a> {
    fn new(mut sources: Vec<Source<'a>>, direction: Direction) -> Result<Self, StoreError> {
        for source in &mut sources {
            source.next = source.rest.next().transpose()?;
        }
        Ok(Self { sources, direction })
    }

    /// The next change.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when a block cannot be read back.
    pub(super) fn next(&mut self) -> Result<Option<Change>, StoreError> {
        let heads = self.sources.iter().filter_map(|source| source.next.as_ref());
        let keys = heads.map(|(key, _)| key);
        let next = match self.direction {
            Direction::Forward => keys.min(),
            Direction::Backward => keys.max(),
        };
        let Some(key) = next.cloned() else { return Ok(None) };
        let mut found = None;
        for source in &mut self.sources {
            if source.next.as_ref().is_some_and(|(next, _)| *next == key) {
                let after = source.rest.next().transpose()?;
                let change = std::mem::replace(&mut source.next, after);
                found = found.or(change);
            }
        }
        Ok(found)
    }
}
