//! The event feed: every commit's events, in order, without gaps.

use std::ops::Bound;

use crate::model::event::Event;
use crate::model::id::OrganisationId;
use crate::model::record;
use super::stretch::Stretch;
use super::{Directory, DirectoryError, keys};

/// An event with its number.
#[derive(Debug, Clone, PartialEq)]
pub struct NumberedEvent {
    /// Its place in the organisation's log; the first is 1.
    pub number: u64,
    /// What happened.
    pub event: Event,
}

impl Directory {
    /// The events after number `after`, at most `limit` of them, oldest first.
    ///
    /// # Errors
    /// As the store's read.
    pub async fn events_after(
        &self,
        organisation: OrganisationId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<NumberedEvent>, DirectoryError> {
        self.browse_events(organisation, Stretch::On(Some(after)), limit).await
    }

    /// The same, or those in front of a number, the nearest first.
    ///
    /// # Errors
    /// As the store's read.
    pub async fn browse_events(
        &self,
        organisation: OrganisationId,
        along: Stretch<u64>,
        limit: usize,
    ) -> Result<Vec<NumberedEvent>, DirectoryError> {
        let prefix = keys::events(organisation);
        let mut scan = along.scan(&prefix, limit, |number| keys::event(organisation, number));
        // The log's own key is the counter of its last number, and a prefix of the entries: it is left out.
        if scan.start == Bound::Included(prefix) {
            scan.start = Bound::Excluded(keys::event(organisation, 0));
        }
        let entries = self.store.scan(scan).await?;
        entries
            .iter()
            .map(|(key, stored)| {
                let number = keys::last_number(key)
                    .ok_or_else(|| DirectoryError::Corrupt(format!("event key {key} has no number")))?;
                Ok(NumberedEvent {
                    number,
                    event: record::decode(&stored.value)?,
                })
            })
            .collect()
    }
}
