//! One run of a connection at a time, whatever the number of nodes: a lease in the store.
//!
//! The holder renews it while it works. Every change of a run relies on the lease record itself, so a holder who was asleep
//! for too long cannot write after another has taken over: its commit conflicts, and the second look finds the new owner.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::directory::{Directory, DirectoryError, Operation, Permit, Unit, keys};
use crate::model::clock::Timestamp;
use crate::model::record::Record;
use crate::model::slug::Slug;

/// How long a lease is good for without renewal.
const TERM_S: i64 = 60;
/// How often it is renewed.
const RENEWAL: Duration = Duration::from_secs(15);

/// Who runs a connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lease {
    /// The run.
    pub owner: Uuid,
    /// Until when; after it another run may take over.
    pub expires: Timestamp,
    /// Raised by each new owner.
    pub fence: u64,
}

impl Record for Lease {
    const KIND: &'static str = "lease";
}

/// A run's hold on its connection.
#[derive(Debug, Clone)]
pub(super) struct Claim {
    connection: Slug,
    owner: Uuid,
    is_lost: Arc<AtomicBool>,
}

impl Claim {
    pub(super) fn new(connection: Slug, owner: Uuid) -> Self {
        Self {
            connection,
            owner,
            is_lost: Arc::new(AtomicBool::new(false)),
        }
    }

    /// Takes the lease; the present owner when somebody else has it.
    pub(super) async fn acquire(
        &self,
        directory: &Directory,
        permit: &Permit,
    ) -> Result<Result<(), Lease>, DirectoryError> {
        directory.run(permit, &Acquire(self)).await
    }

    /// Renews the lease until the returned guard is dropped.
    pub(super) fn keep(&self, directory: &Directory, permit: &Permit) -> tokio::task::JoinSet<()> {
        let (claim, directory, permit) = (self.clone(), directory.clone(), permit.clone());
        let mut keeping = tokio::task::JoinSet::new();
        keeping.spawn(async move {
            loop {
                tokio::time::sleep(RENEWAL).await;
                // A store that does not answer for a moment is asked again; the term covers several tries.
                if let Ok(false) = directory.run(&permit, &Renew(&claim)).await {
                    claim.is_lost.store(true, Ordering::Release);
                    return;
                }
            }
        });
        keeping
    }

    pub(super) fn is_lost(&self) -> bool {
        self.is_lost.load(Ordering::Acquire)
    }

    /// Makes a change depend on the lease.
    ///
    /// # Errors
    /// [`DirectoryError::Contended`] when another run has taken over.
    pub(super) async fn relied_on(&self, unit: &mut Unit) -> Result<(), DirectoryError> {
        let key = self.key(unit);
        let lease: Option<Lease> = unit.find(&key).await?;
        if lease.is_some_and(|lease| lease.owner == self.owner) {
            return Ok(());
        }
        self.is_lost.store(true, Ordering::Release);
        Err(DirectoryError::Contended {
            key: format!("lease of connection {}", self.connection),
        })
    }

    /// Gives the lease back.
    pub(super) async fn release(&self, directory: &Directory, permit: &Permit) -> Result<(), DirectoryError> {
        directory.run(permit, &Release(self)).await
    }

    pub(super) fn key(&self, unit: &Unit) -> crate::store::Key {
        keys::run(unit.organisation(), &self.connection, "lease")
    }
}

struct Acquire<'a>(&'a Claim);
struct Renew<'a>(&'a Claim);
struct Release<'a>(&'a Claim);

#[async_trait::async_trait]
impl Operation for Acquire<'_> {
    type Outcome = Result<(), Lease>;

    async fn attempt(&self, unit: &mut Unit) -> Result<Self::Outcome, DirectoryError> {
        let key = self.0.key(unit);
        let lease: Option<Lease> = unit.find(&key).await?;
        let fence = lease.as_ref().map_or(0, |lease| lease.fence) + 1;
        if let Some(lease) = lease.filter(|lease| lease.expires > unit.now() && lease.owner != self.0.owner) {
            return Ok(Err(lease));
        }
        let lease = Lease {
            owner: self.0.owner,
            expires: unit.now() + TimeDelta::seconds(TERM_S),
            fence,
        };
        unit.put(key, &lease);
        Ok(Ok(()))
    }
}

#[async_trait::async_trait]
impl Operation for Renew<'_> {
    type Outcome = bool;

    async fn attempt(&self, unit: &mut Unit) -> Result<bool, DirectoryError> {
        let key = self.0.key(unit);
        let lease: Option<Lease> = unit.find(&key).await?;
        let Some(mut lease) = lease.filter(|lease| lease.owner == self.0.owner) else {
            return Ok(false);
        };
        lease.expires = unit.now() + TimeDelta::seconds(TERM_S);
        unit.put(key, &lease);
        Ok(true)
    }
}

#[async_trait::async_trait]
impl Operation for Release<'_> {
    type Outcome = ();

    async fn attempt(&self, unit: &mut Unit) -> Result<(), DirectoryError> {
        let key = self.0.key(unit);
        let lease: Option<Lease> = unit.find(&key).await?;
        if let Some(mut lease) = lease.filter(|lease| lease.owner == self.0.owner) {
            // Kept, so that the fence only grows.
            lease.expires = unit.now();
            unit.put(key, &lease);
        }
        Ok(())
    }
}
