//! A directory in which everything may happen and nothing did: plans, and forms that are tried out step by step (S004-18).

use std::sync::Arc;

use crate::store::{Key, Rehearsal};

use super::keys::Table;
use super::{Directory, tables};

impl Directory {
    /// The same directory over a [`Rehearsal`] of the store: whatever is done through it never happened. What it remembers and
    /// whom it wakes is its own.
    #[must_use]
    pub fn rehearse(&self) -> Self {
        self.rehearse_on(Arc::new(self.whole_rehearsal()))
    }

    /// The same on a rehearsal that the caller looks into.
    #[must_use]
    pub fn rehearse_on(&self, rehearsal: Arc<Rehearsal>) -> Self {
        Self {
            store: rehearsal,
            settings: Arc::default(),
            bell: Arc::default(),
            journal: Arc::default(),
            refusals: Arc::default(),
            ..self.clone()
        }
    }

    /// A rehearsal of the store for very many changes: it keeps no logs.
    #[must_use]
    pub fn rehearsal(&self) -> Rehearsal {
        self.whole_rehearsal().without(is_log)
    }

    fn whole_rehearsal(&self) -> Rehearsal {
        Rehearsal::new(Arc::clone(&self.store)).open_at_most(self.rehearsed_open_bytes_max)
    }
}

/// Whether a key is one of a log: the numbers that it counts by are kept.
fn is_log(key: &Key) -> bool {
    let is_entry = key.as_bytes().len() > tables::TABLE_AT + 1;
    match tables::of(key) {
        Some(Table::Audit) => true,
        Some(Table::Event) => is_entry,
        _ => false,
    }
}
