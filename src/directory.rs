//! Use-cases and rules: authorise, load, decide, commit. Knows no engine and no transport.

pub mod accept;
pub mod administering;
pub mod administrator;
mod attribute_edit;
pub mod audit;
pub mod authorise;
pub mod authority;
pub mod browse;
pub mod bulk;
pub mod connection;
pub mod correlation;
pub mod cost_centre;
pub mod credential;
pub mod custom_attribute;
pub mod declare;
pub mod delete;
pub mod effective;
pub mod eligibility;
pub mod error;
pub mod events;
pub mod first_start;
pub mod grant;
pub mod group;
pub mod group_default;
pub mod group_edit;
pub mod group_gives;
pub mod group_members;
mod group_policy;
mod group_purge;
pub mod group_tree;
pub mod guest;
pub mod hashing;
pub mod idempotency;
pub mod invariant;
pub mod invitation;
pub mod job;
pub mod journal;
pub mod keys;
pub mod licence;
pub mod licence_deletion;
pub mod link;
pub mod local;
pub mod membership;
pub mod oauth;
pub mod organisation;
pub mod outbox;
pub mod password;
pub mod permission;
pub mod privacy;
pub mod query;
pub mod reachable;
pub mod refusal;
mod rehearsal;
pub mod resource;
pub mod resource_assign;
pub mod resource_read;
pub mod resource_type;
pub mod review;
pub mod role;
pub mod role_assignment;
pub mod role_deletion;
pub mod role_edit;
pub mod role_effect;
pub mod role_impact;
pub mod role_link;
pub mod role_link_work;
pub mod role_seat;
pub mod role_set;
pub mod sealing;
pub mod seat;
pub mod second_factor;
mod security_mail;
pub mod select;
pub mod session;
pub mod settings;
pub mod sign_in;
pub mod source_group;
pub mod stretch;
pub mod suspend;
pub mod tables;
mod takeover;
pub mod tally;
pub mod template;
pub mod token;
pub mod unit;
pub mod upgrade;
pub mod user;
pub mod verify;
pub mod view;

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;

pub use authorise::{Permit, Principal};
pub use correlation::Correlation;
pub use error::DirectoryError;
pub use unit::Unit;

use crate::model::clock::Clock;
use crate::store::{Key, SCAN_ENTRIES_MAX, Scan, Store, StoreError, Versioned};
use hashing::{HashCost, Hashing};
use journal::Journal;
use refusal::Refusals;
use sealing::SealingKey;
use select::ListLimits;
use settings::Settings;

/// How often and how long a change is tried again when another change came first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryLimits {
    /// At most this many attempts.
    pub attempts_max: u32,
    /// No new attempt after this long.
    pub elapsed_max: Duration,
}

impl Default for RetryLimits {
    fn default() -> Self {
        Self {
            attempts_max: 64,
            elapsed_max: Duration::from_secs(10),
        }
    }
}

/// The internal model over a store: every adapter calls it, none has rules of its own.
#[derive(Clone)]
pub struct Directory {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    settings: Arc<Settings>,
    journal: Arc<Journal>,
    /// Rung by a commit that gives the mailer something to do.
    bell: Arc<tokio::sync::Notify>,
    hashing: Arc<Hashing>,
    sealing: Arc<SealingKey>,
    refusals: Arc<Refusals>,
    jobs: Arc<job::Jobs>,
    retry: RetryLimits,
    lists: ListLimits,
    /// Bytes that a rehearsal holds back as they are.
    rehearsed_open_bytes_max: usize,
    /// Mails outside of the store, which an erasure must reach.
    kept_mails: Arc<dyn privacy::KeptMails>,
}

/// A change: what is read, decided and written together. It may be attempted several times, so it changes nothing but
/// its unit.
#[async_trait]
pub trait Operation: Sync {
    /// What the caller learns.
    type Outcome: Send;

    /// Reads through the unit, decides, and leaves the writes in it.
    ///
    /// # Errors
    /// A [`DirectoryError`] ends the operation: nothing is written.
    async fn attempt(&self, unit: &mut Unit) -> Result<Self::Outcome, DirectoryError>;
}

impl Directory {
    /// A directory over this store, with passwords hashed at the default cost.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        let sealing = Arc::new(SealingKey::new(clock.secret()));
        Self {
            store,
            clock,
            settings: Arc::default(),
            journal: Arc::default(),
            bell: Arc::default(),
            hashing: Arc::default(),
            sealing,
            refusals: Arc::default(),
            jobs: Arc::default(),
            retry: RetryLimits::default(),
            lists: ListLimits::default(),
            rehearsed_open_bytes_max: crate::store::rehearsal::OPEN_BYTES_MAX,
            kept_mails: Arc::new(privacy::NoneKept),
        }
    }

    /// The same directory with other retry limits.
    #[must_use]
    pub fn with_retry(mut self, retry: RetryLimits) -> Self {
        self.retry = retry;
        self
    }

    /// The same directory, whose rehearsals pack what is more than so many bytes
    /// ([`OPEN_BYTES_MAX`](crate::store::rehearsal::OPEN_BYTES_MAX)). What they answer does not depend on it.
    #[must_use]
    pub fn with_rehearsals(mut self, open_bytes_max: usize) -> Self {
        self.rehearsed_open_bytes_max = open_bytes_max;
        self
    }

    /// The same directory with these bounds of work on many people at once.
    #[must_use]
    pub fn with_jobs(mut self, limits: job::JobLimits) -> Self {
        self.jobs = Arc::new(job::Jobs::new(limits));
        self
    }

    /// The same directory with other limits for one page of a list.
    #[must_use]
    pub fn with_list_limits(mut self, lists: ListLimits) -> Self {
        self.lists = lists;
        self
    }

    /// The same directory with passwords hashed at this cost.
    #[must_use]
    pub fn with_hashing(mut self, cost: HashCost) -> Self {
        self.hashing = Arc::new(Hashing::new(cost));
        self
    }

    /// The same directory with secrets encrypted with this key. Without it, one that ends with the process is used.
    #[must_use]
    pub fn with_sealing_key(mut self, key: SealingKey) -> Self {
        self.sealing = Arc::new(key);
        self
    }

    /// The same directory, with mails kept here after they left the outbox.
    #[must_use]
    pub fn with_kept_mails(mut self, kept: Arc<dyn privacy::KeptMails>) -> Self {
        self.kept_mails = kept;
        self
    }

    /// Where passwords are hashed.
    #[must_use]
    pub fn hashing(&self) -> &Hashing {
        &self.hashing
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> &dyn Clock {
        self.clock.as_ref()
    }

    /// The store, for reading and for its health.
    #[must_use]
    pub fn store(&self) -> &dyn Store {
        self.store.as_ref()
    }

    /// Hands over every entry under a prefix, read in large parts. Entries that change meanwhile come as they are when they are
    /// read.
    ///
    /// # Errors
    /// As the store's read; what `on_entry` answers.
    pub async fn for_each_under(
        &self,
        prefix: &Key,
        mut on_entry: impl FnMut(&Key, &Versioned) -> Result<(), DirectoryError> + Send,
    ) -> Result<(), DirectoryError> {
        let mut scan = Scan::prefix(prefix, SCAN_ENTRIES_MAX);
        loop {
            let found = self.store.scan(scan.clone()).await?;
            for (key, stored) in &found {
                on_entry(key, stored)?;
            }
            match found.last() {
                Some((last, _)) if found.len() == SCAN_ENTRIES_MAX => scan = scan.after(last.clone()),
                _ => return Ok(()),
            }
        }
    }

    /// Runs an operation: attempt, commit, and again when another change came first.
    ///
    /// # Errors
    /// What the operation answers, or [`DirectoryError::Contended`] when the retries are spent.
    pub async fn run<O: Operation + ?Sized>(
        &self,
        permit: &Permit,
        operation: &O,
    ) -> Result<O::Outcome, DirectoryError> {
        let (outcome, leaves_work) = self.commit(permit, operation).await?;
        if leaves_work {
            self.follow_up(permit, None).await?;
        }
        Ok(outcome)
    }

    /// Runs an operation, and leaves the work on links that it may leave behind to others.
    pub(in crate::directory) async fn run_only<O: Operation + ?Sized>(
        &self,
        permit: &Permit,
        operation: &O,
    ) -> Result<O::Outcome, DirectoryError> {
        Ok(self.commit(permit, operation).await?.0)
    }

    /// Attempts until committed. Answers also whether work on links is left behind.
    async fn commit<O: Operation + ?Sized>(
        &self,
        permit: &Permit,
        operation: &O,
    ) -> Result<(O::Outcome, bool), DirectoryError> {
        let started = Instant::now();
        let mut attempt = 0;
        loop {
            attempt += 1;
            let mut unit = Unit::new(self, permit);
            let outcome = match operation.attempt(&mut unit).await {
                Ok(outcome) => outcome,
                Err(error) => {
                    if let Some(refused) = unit.refused.take() {
                        drop(unit);
                        self.tell_refusal(permit, &refused).await;
                    }
                    return Err(error);
                }
            };
            let leaves_work = unit.leaves_link_work();
            match unit.commit().await {
                Ok(()) => return Ok((outcome, leaves_work)),
                Err(StoreError::Conflict { .. } | StoreError::LimitReached { .. })
                    if attempt < self.retry.attempts_max && started.elapsed() < self.retry.elapsed_max =>
                {
                    tokio::time::sleep(pause(attempt)).await;
                }
                Err(StoreError::Conflict { key } | StoreError::LimitReached { key, .. }) => {
                    return Err(DirectoryError::Contended { key: key.to_string() });
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// A random pause that grows with the attempts, at most 64 ms, so that racing writers part.
fn pause(attempt: u32) -> Duration {
    Duration::from_micros(rand::random_range(0..=500 * u64::from(attempt.min(128))))
}
