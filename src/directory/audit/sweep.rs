//! Deleting what is old: entries of the log, and answers kept for idempotency keys.

use chrono::TimeDelta;

use crate::directory::idempotency::Remembered;
use crate::directory::{Directory, DirectoryError, keys};
use crate::model::clock::Timestamp;
use crate::model::id::OrganisationId;
use crate::model::record;
use crate::store::{Batch, Key, Scan};

use super::listed::millis;

/// Entries of one commit.
const PART: usize = 1_000;

impl Directory {
    /// Deletes entries of the log that are older than so many days, in bounded parts. How many there were.
    ///
    /// # Errors
    /// As the store's read and commit; what was deleted stays deleted.
    pub async fn sweep_audit(&self, organisation: OrganisationId, days: u32) -> Result<u64, DirectoryError> {
        let oldest = self.clock.now() - TimeDelta::days(i64::from(days));
        let end = keys::audit::audit_from(organisation, millis(oldest));
        let mut swept = 0;
        loop {
            let entries = self
                .store
                .scan(Scan::prefix(&keys::audit::audit(organisation), PART))
                .await?;
            let old: Vec<Key> = entries
                .into_iter()
                .map(|(key, _)| key)
                .filter(|key| *key < end)
                .collect();
            let part = old.len();
            self.delete_all(old).await?;
            swept += part as u64;
            if part < PART {
                return Ok(swept);
            }
        }
    }

    /// Deletes answers that were kept for idempotency keys and are over. How many there were.
    ///
    /// # Errors
    /// As [`Directory::sweep_audit`].
    pub async fn sweep_idempotency(&self, organisation: OrganisationId) -> Result<u64, DirectoryError> {
        let now: Timestamp = self.clock.now();
        let mut swept = 0;
        let mut scan = Scan::prefix(&keys::table(organisation, keys::Table::Idempotency), PART);
        loop {
            let entries = self.store.scan(scan.clone()).await?;
            let Some((last, _)) = entries.last() else {
                return Ok(swept);
            };
            scan = scan.after(last.clone());
            let is_over = |value: &[u8]| record::decode::<Remembered>(value).is_ok_and(|kept| kept.until <= now);
            let old = entries.iter().filter(|(_, stored)| is_over(&stored.value));
            let old: Vec<Key> = old.map(|(key, _)| key.clone()).collect();
            swept += old.len() as u64;
            self.delete_all(old).await?;
        }
    }

    async fn delete_all(&self, keys: Vec<Key>) -> Result<(), DirectoryError> {
        if keys.is_empty() {
            return Ok(());
        }
        let mut batch = Batch::new();
        for key in keys {
            batch.delete(key);
        }
        self.store.commit(batch).await?;
        Ok(())
    }
}
