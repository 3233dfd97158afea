//! A group of batches on its way into one sled batch.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::ENGINE;
use super::envelope::{seal, tree_key, unseal};
use super::head::{self, Head};
use super::state::read_error;
use crate::store::apply::{Judged, View, judge};
use crate::store::{Batch, Committed, Key, StoreError, Version, Versioned};

/// The batches of a group that were accepted so far, over the tree.
pub(super) struct Group<'a> {
    db: &'a ::sled::Db,
    head: Head,
    overlay: BTreeMap<Key, Pending>,
    accepted: usize,
}

/// A key that the group changes.
struct Pending {
    /// The checksum of what the tree holds.
    before: Option<u32>,
    after: Option<Versioned>,
}

/// A group that is ready to be applied.
pub(super) struct Staged {
    pub(super) batch: ::sled::Batch,
    pub(super) head: Head,
    pub(super) changes: Vec<Change>,
}

/// What becomes of one key's record, by checksum.
pub(super) struct Change {
    pub(super) key: Key,
    pub(super) before: Option<u32>,
    pub(super) after: Option<u32>,
}

impl<'a> Group<'a> {
    pub(super) fn new(db: &'a ::sled::Db, head: Head) -> Self {
        Self {
            db,
            head,
            overlay: BTreeMap::new(),
            accepted: 0,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.accepted == 0
    }

    /// Judges the batch against the tree and the batches before it, and takes it in when it holds.
    pub(super) fn judge(&mut self, batch: &Batch) -> Result<Committed, StoreError> {
        let Judged { changes, appended } = judge(batch, self)?;
        // Every record that is replaced is read before anything is taken in: damage refuses the batch as a whole.
        let mut before = Vec::with_capacity(changes.len());
        for key in changes.keys() {
            before.push(match self.overlay.get(key) {
                Some(pending) => pending.before,
                None => self.stored(key)?.map(|(_, checksum)| checksum),
            });
        }
        let mut digest = Sha256::new();
        let version = Version(self.head.commit + 1);
        for ((key, value), before) in changes.into_iter().zip(before) {
            chain_change(&mut digest, &key, value.as_deref());
            let after = value.map(|value| Versioned { value, version });
            self.overlay.insert(key, Pending { before, after });
        }
        self.head.advance(digest);
        self.accepted += 1;
        Ok(Committed { version, appended })
    }

    /// One sled batch for the whole group, the head included.
    pub(super) fn stage(mut self) -> Staged {
        let mut batch = ::sled::Batch::default();
        let mut changes = Vec::with_capacity(self.overlay.len());
        for (key, pending) in self.overlay {
            let after = match pending.after {
                Some(record) => {
                    let (bytes, checksum) = seal(&key, &record);
                    batch.insert(tree_key(&key), bytes);
                    Some(checksum)
                }
                None => {
                    if pending.before.is_some() {
                        batch.remove(tree_key(&key));
                    }
                    None
                }
            };
            let change = Change {
                key,
                before: pending.before,
                after,
            };
            change.count(&mut self.head.tally);
            changes.push(change);
        }
        batch.insert(head::KEY, self.head.to_bytes());
        Staged {
            batch,
            head: self.head,
            changes,
        }
    }

    fn stored(&self, key: &Key) -> Result<Option<(Versioned, u32)>, StoreError> {
        self.db
            .get(tree_key(key))
            .map_err(|error| read_error(key, &error))?
            .map(|stored| unseal(key, &stored))
            .transpose()
    }
}

impl View for Group<'_> {
    fn engine(&self) -> &'static str {
        ENGINE
    }

    fn look(&self, key: &Key) -> Result<Option<Versioned>, StoreError> {
        match self.overlay.get(key) {
            Some(pending) => Ok(pending.after.clone()),
            None => Ok(self.stored(key)?.map(|(record, _)| record)),
        }
    }
}

impl Change {
    /// Brings a tally of the records up to date with this change.
    pub(super) fn count(&self, tally: &mut head::Tally) {
        if let Some(before) = self.before {
            tally.subtract(before);
        }
        if let Some(after) = self.after {
            tally.add(after);
        }
    }
}

/// Takes a change into the chained hash. Lengths come first, so that no two histories write the same bytes.
fn chain_change(digest: &mut Sha256, key: &Key, value: Option<&[u8]>) {
    digest.update((key.as_bytes().len() as u64).to_be_bytes());
    digest.update(key.as_bytes());
    match value {
        Some(value) => {
            digest.update((value.len() as u64 + 1).to_be_bytes());
            digest.update(value);
        }
        None => digest.update(0_u64.to_be_bytes()),
    }
}
