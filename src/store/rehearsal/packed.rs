//! Changes that a rehearsal holds back, packed: in key order, in compressed blocks, of which only the first keys lie open.
//!
//! A pack never changes. Whoever looks for a key opens one block, and none where the filter knows that the key is not here.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{Read as _, Write as _};
use std::ops::{Bound, RangeBounds as _};

use bytes::{Buf as _, BufMut as _, Bytes};
use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;

use crate::store::{Direction, Key, StoreError, Version, Versioned};

/// A key, and the last word on it: `None` where it was deleted.
pub(super) type Change = (Key, Option<Versioned>);

/// Bits of the filter for each key: about one look in a hundred opens a block for nothing.
const FILTER_BITS: usize = 10;
/// Bits of the filter that each key sets.
const FILTER_PROBES: u64 = 5;

/// Changes that are packed together.
pub(super) struct Pack {
    blocks: Vec<Block>,
    filter: Filter,
    changes: usize,
}

struct Block {
    first: Key,
    deflated: Box<[u8]>,
}

/// Makes a pack of changes that come in key order, each key once.
pub(super) struct Packer {
    block_bytes: usize,
    open: Vec<u8>,
    first: Option<Key>,
    pack: Pack,
}

impl Packer {
    /// A pack of so many changes at most, in blocks of about so many bytes before compression.
    pub(super) fn new(changes_max: usize, block_bytes: usize) -> Self {
        Self {
            block_bytes,
            open: Vec::with_capacity(block_bytes),
            first: None,
            pack: Pack {
                blocks: Vec::new(),
                filter: Filter::new(changes_max),
                changes: 0,
            },
        }
    }

    /// Takes the next change.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when it cannot be compressed.
    pub(super) fn push(&mut self, (key, change): &Change) -> Result<(), StoreError> {
        if self.first.is_none() {
            // Not a slice of something larger, which would live as long.
            self.first = Some(Key::new(key.as_bytes().to_vec()));
        }
        self.pack.filter.note(key);
        self.pack.changes += 1;
        // Lengths are below the contract's bounds, which fit 32 bits.
        self.open.put_u32(key.as_bytes().len() as u32);
        self.open.put_slice(key.as_bytes());
        match change {
            None => self.open.put_u64(0),
            Some(found) => {
                self.open.put_u64(found.version.0);
                self.open.put_u32(found.value.len() as u32);
                self.open.put_slice(&found.value);
            }
        }
        match self.open.len() >= self.block_bytes {
            true => self.close_block(),
            false => Ok(()),
        }
    }

    /// The pack of all that came.
    ///
    /// # Errors
    /// As [`Packer::push`].
    pub(super) fn finish(mut self) -> Result<Pack, StoreError> {
        self.close_block()?;
        Ok(self.pack)
    }

    fn close_block(&mut self) -> Result<(), StoreError> {
        let Some(first) = self.first.take() else { return Ok(()) };
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
        let deflated = encoder.write_all(&self.open).and_then(|()| encoder.finish());
        let deflated = deflated.map_err(|error| StoreError::Unavailable {
            engine: "rehearsal",
            reason: error.to_string(),
        })?;
        self.pack.blocks.push(Block {
            first,
            deflated: deflated.into_boxed_slice(),
        });
        self.open.clear();
        Ok(())
    }
}

impl Pack {
    /// How many changes there are.
    pub(super) fn changes(&self) -> usize {
        self.changes
    }

    /// Bytes that the pack takes, roughly.
    pub(super) fn bytes(&self) -> usize {
        let block = |block: &Block| block.deflated.len() + block.first.as_bytes().len();
        self.filter.0.len() * 8 + self.blocks.iter().map(block).sum::<usize>()
    }

    /// The change of a key, if there is one here: the outer `None` says that there is none.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when a block cannot be read back.
    pub(super) fn find(&self, key: &Key) -> Result<Option<Option<Versioned>>, StoreError> {
        if !self.filter.may_have(key) {
            return Ok(None);
        }
        let Some(place) = self.blocks.partition_point(|block| block.first <= *key).checked_sub(1) else {
            return Ok(None);
        };
        let opened = self.blocks[place].open()?;
        Ok(opened
            .into_iter()
            .find(|(found, _)| found == key)
            .map(|(_, change)| change))
    }

    /// The changes in a range, from either end.
    pub(super) fn within(&self, range: (Bound<Key>, Bound<Key>), direction: Direction) -> Cursor<'_> {
        let starts_before = |bound: &Bound<Key>| match bound {
            Bound::Included(key) | Bound::Excluded(key) => self.blocks.partition_point(|block| block.first <= *key),
            Bound::Unbounded => 0,
        };
        // The block before the first that begins behind the start may reach into the range.
        let start = starts_before(&range.0).saturating_sub(1);
        let end = match &range.1 {
            Bound::Unbounded => self.blocks.len(),
            bound => starts_before(bound),
        };
        Cursor {
            blocks: self.blocks.get(start..end).unwrap_or_default(),
            range,
            direction,
            opened: VecDeque::new(),
        }
    }
}

impl Block {
    fn open(&self) -> Result<Vec<Change>, StoreError> {
        let mut bytes = Vec::new();
        let read = DeflateDecoder::new(&*self.deflated).read_to_end(&mut bytes);
        read.map_err(|error| self.damaged(&error.to_string()))?;
        let mut bytes = Bytes::from(bytes);
        let mut changes = Vec::new();
        while !bytes.is_empty() {
            changes.push(next(&mut bytes).ok_or_else(|| self.damaged("it ends in the middle of a change"))?);
        }
        Ok(changes)
    }

    fn damaged(&self, what: &str) -> StoreError {
        StoreError::Corrupt {
            engine: "rehearsal",
            key: self.first.clone(),
            what: what.to_owned(),
        }
    }
}

/// The change at the start of what is left.
fn next(bytes: &mut Bytes) -> Option<Change> {
    let key = text(bytes)?;
    if bytes.len() < 8 {
        return None;
    }
    let change = match bytes.get_u64() {
        0 => None,
        version => Some(Versioned {
            // Of its own, so that a small value does not keep the whole block.
            value: Bytes::copy_from_slice(&text(bytes)?),
            version: Version(version),
        }),
    };
    Some((Key::new(key.to_vec()), change))
}

fn text(bytes: &mut Bytes) -> Option<Bytes> {
    if bytes.len() < 4 {
        return None;
    }
    let length = bytes.get_u32() as usize;
    (length <= bytes.len()).then(|| bytes.split_to(length))
}

/// Goes through the changes of a pack that lie in a range.
pub(super) struct Cursor<'a> {
    blocks: &'a [Block],
    range: (Bound<Key>, Bound<Key>),
    direction: Direction,
    opened: VecDeque<Change>,
}

impl Iterator for Cursor<'_> {
    type Item = Result<Change, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.opened.is_empty() {
            let (block, rest) = match self.direction {
                Direction::Forward => self.blocks.split_first()?,
                Direction::Backward => self.blocks.split_last()?,
            };
            self.blocks = rest;
            match block.open() {
                Err(error) => return Some(Err(error)),
                Ok(opened) => {
                    let inside = opened.into_iter().filter(|(key, _)| self.range.contains(key));
                    self.opened = inside.collect();
                }
            }
        }
        let change = match self.direction {
            Direction::Forward => self.opened.pop_front(),
            Direction::Backward => self.opened.pop_back(),
        };
        change.map(Ok)
    }
}

/// Tells of most keys that are not in a pack that they are not (a Bloom filter).
struct Filter(Box<[u64]>);

impl Filter {
    fn new(keys_max: usize) -> Self {
        let words = (keys_max * FILTER_BITS).div_ceil(64).max(1);
        Self(vec![0; words].into_boxed_slice())
    }

    fn note(&mut self, key: &Key) {
        for (word, bit) in self.places(key) {
            self.0[word] |= bit;
        }
    }

    fn may_have(&self, key: &Key) -> bool {
        self.places(key).all(|(word, bit)| self.0[word] & bit != 0)
    }

    /// Words and bits of a key: two halves of one hash, combined.
    fn places(&self, key: &Key) -> impl Iterator<Item = (usize, u64)> + use<> {
        let mut hasher = DefaultHasher::new();
        key.as_bytes().hash(&mut hasher);
        let hash = hasher.finish();
        let (one, other, bits) = (hash >> 32, (hash & 0xffff_ffff) | 1, self.0.len() as u64 * 64);
        (0..FILTER_PROBES).map(move |probe| {
            let bit = one.wrapping_add(probe.wrapping_mul(other)) % bits;
            // Below the number of words, which is one of memory.
            ((bit / 64) as usize, 1 << (bit % 64))
        })
    }
}
