//! One run of a connection at a time, and one of each of the gateway's own jobs, whatever the number of nodes: a lease in the
//! store.
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
use crate::model::id::OrganisationId;
use crate::model::record::{self, Record};
use crate::model::slug::Slug;

/// How long a run's lease is good for without renewal, in seconds.
const RUN_TERM_S: u32 = 60;
/// The same for a job of the gateway, which another node takes over soon.
const JOB_TERM_S: u32 = 20;
/// How often a lease is renewed in its term.
const RENEWALS: u32 = 4;

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
    /// Whether the owner gave it back: a run that did not was broken off with its process.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_released: bool,
}

impl Record for Lease {
    const KIND: &'static str = "lease";
}

/// A run's hold on its connection, or a node's on a job.
#[derive(Debug, Clone)]
pub struct Claim {
    /// The connection or the job.
    name: String,
    is_job: bool,
    owner: Uuid,
    is_lost: Arc<AtomicBool>,
}

impl Claim {
    /// A run's claim on a connection of the organisation that its permit is for.
    #[must_use]
    pub fn new(connection: &Slug, owner: Uuid) -> Self {
        Self {
            name: connection.to_string(),
            is_job: false,
            owner,
            is_lost: Arc::new(AtomicBool::new(false)),
        }
    }

    /// A node's claim on a job of the gateway. Changes of any organisation can rely on it.
    #[must_use]
    pub fn of_gateway(job: &str, owner: Uuid) -> Self {
        Self {
            name: job.to_owned(),
            is_job: true,
            owner,
            is_lost: Arc::new(AtomicBool::new(false)),
        }
    }

    fn term_s(&self) -> u32 {
        if self.is_job { JOB_TERM_S } else { RUN_TERM_S }
    }

    fn expires(&self, now: Timestamp) -> Timestamp {
        now + TimeDelta::seconds(i64::from(self.term_s()))
    }

    /// Takes the lease; the present owner when somebody else has it.
    ///
    /// # Errors
    /// As [`Directory::run`].
    pub async fn acquire(&self, directory: &Directory, permit: &Permit) -> Result<Result<(), Lease>, DirectoryError> {
        let acquired = directory.run(permit, &Acquire(self)).await?;
        if acquired.is_ok() {
            self.is_lost.store(false, Ordering::Release);
        }
        Ok(acquired)
    }

    /// Renews the lease until the returned guard is dropped.
    pub fn keep(&self, directory: &Directory, permit: &Permit) -> tokio::task::JoinSet<()> {
        let (claim, directory, permit) = (self.clone(), directory.clone(), permit.clone());
        let renewal = Duration::from_secs(u64::from(self.term_s() / RENEWALS));
        let mut keeping = tokio::task::JoinSet::new();
        keeping.spawn(async move {
            loop {
                tokio::time::sleep(renewal).await;
                // A store that does not answer for a moment is asked again; the term covers several tries.
                if let Ok(false) = directory.run(&permit, &Renew(&claim)).await {
                    claim.is_lost.store(true, Ordering::Release);
                    return;
                }
            }
        });
        keeping
    }

    /// Whether another owner was seen.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        self.is_lost.load(Ordering::Acquire)
    }

    /// Makes a change depend on the lease.
    ///
    /// # Errors
    /// [`DirectoryError::Contended`] when another run has taken over.
    pub async fn relied_on(&self, unit: &mut Unit) -> Result<(), DirectoryError> {
        let key = self.key(unit);
        let lease: Option<Lease> = unit.find(&key).await?;
        if lease.is_some_and(|lease| lease.owner == self.owner) {
            return Ok(());
        }
        self.is_lost.store(true, Ordering::Release);
        Err(DirectoryError::Contended {
            key: format!("lease of {}", self.name),
        })
    }

    /// Gives the lease back.
    ///
    /// # Errors
    /// As [`Directory::run`].
    pub async fn release(&self, directory: &Directory, permit: &Permit) -> Result<(), DirectoryError> {
        directory.run(permit, &Release(self)).await
    }

    /// Where the lease is stored.
    #[must_use]
    pub fn key(&self, unit: &Unit) -> crate::store::Key {
        let organisation = if self.is_job {
            keys::GATEWAY
        } else {
            unit.organisation()
        };
        keys::run_named(organisation, &self.name, "lease")
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
            expires: self.0.expires(unit.now()),
            fence,
            is_released: false,
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
        lease.expires = self.0.expires(unit.now());
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
            lease.is_released = true;
            unit.put(key, &lease);
        }
        Ok(())
    }
}

/// The lease of a connection's run that was not given back: the run is at work, or was broken off with its process.
///
/// # Errors
/// As the store's read.
pub async fn unreleased(
    directory: &Directory,
    organisation: OrganisationId,
    connection: &Slug,
) -> Result<Option<Lease>, DirectoryError> {
    let stored = directory
        .store()
        .get(keys::run(organisation, connection, "lease"))
        .await?;
    let lease: Option<Lease> = stored.map(|stored| record::decode(&stored.value)).transpose()?;
    Ok(lease.filter(|lease| !lease.is_released))
}

/// Ends such a lease before its time. Only for a process that knows that no other has the store open: the run is no more.
pub struct EndBrokenOff(pub Slug);

#[async_trait::async_trait]
impl Operation for EndBrokenOff {
    type Outcome = ();

    async fn attempt(&self, unit: &mut Unit) -> Result<(), DirectoryError> {
        let key = keys::run(unit.organisation(), &self.0, "lease");
        let lease: Option<Lease> = unit.find(&key).await?;
        if let Some(mut lease) = lease.filter(|lease| !lease.is_released && lease.expires > unit.now()) {
            lease.expires = unit.now();
            unit.put(key, &lease);
        }
        Ok(())
    }
}
