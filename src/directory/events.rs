//! The event feed: every commit's events, in order, without gaps.

use crate::model::event::Event;
use crate::model::id::OrganisationId;
use crate::model::record;
use crate::store::Scan;

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
        // The log's own key is the counter of its last number, and a prefix of the entries: it is left out.
        let scan = Scan::prefix(&keys::events(organisation), limit).after(keys::event(organisation, after));
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
