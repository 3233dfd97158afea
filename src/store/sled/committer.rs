//! The committer: one thread that takes batches from one queue, in groups.
//!
//! A group is judged batch by batch, becomes one sled batch, is applied, flushed and synced, and only then answered. While one
//! group is synced the next one gathers in the queue, so the number of syncs follows the disk and not the number of
//! writers. There is no artificial delay: a single writer's batch goes out at once.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use std::{io, mem};

use parking_lot::{Condvar, Mutex};
use tokio::sync::oneshot;

use super::group::Group;
use super::head::Head;
use super::state::{Shared, panic_message, unavailable};
use super::watermark::Watermark;
use crate::store::{Batch, Committed, StoreError};

/// A group holds at most this many batches (rule A3).
pub const GROUP_COMMITS_MAX: usize = 100;

/// A group's batches add up to at most this many bytes, unless it is a single larger batch (rule A3).
pub const GROUP_BYTES_MAX: usize = 128 * 1024;

/// The queue counts as idle after this long without a batch; the watermark is written then.
pub const IDLE: Duration = Duration::from_millis(50);

/// While commits come without a pause, the watermark is written this often.
pub const WATERMARK_EVERY: Duration = Duration::from_secs(1);

/// A batch that waits for its turn.
pub(super) struct Job {
    pub(super) batch: Batch,
    pub(super) answer: oneshot::Sender<Result<Committed, StoreError>>,
}

/// The batches that wait. It is as long as there are callers that wait for an answer.
#[derive(Default)]
pub(super) struct Queue {
    state: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Default)]
struct Waiting {
    jobs: VecDeque<Job>,
    closed: bool,
    refused: Option<String>,
}

/// What the queue has for the committer.
enum Next {
    Group(Vec<Job>),
    Idle,
    Closed,
}

impl Queue {
    pub(super) fn push(&self, job: Job) -> Result<(), StoreError> {
        let mut waiting = self.state.lock();
        if waiting.closed {
            return Err(StoreError::Closed);
        }
        if let Some(reason) = &waiting.refused {
            return Err(unavailable(reason.clone()));
        }
        waiting.jobs.push_back(job);
        drop(waiting);
        self.changed.notify_one();
        Ok(())
    }

    /// What is queued is still done; nothing comes after it.
    pub(super) fn close(&self) {
        self.state.lock().closed = true;
        self.changed.notify_one();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.state.lock().closed
    }

    /// Answers all that wait, and all that come, with this reason.
    pub(super) fn refuse(&self, reason: String) {
        let mut waiting = self.state.lock();
        let jobs = mem::take(&mut waiting.jobs);
        waiting.refused = Some(reason.clone());
        drop(waiting);
        for job in jobs {
            answer(job.answer, Err(unavailable(reason.clone())));
        }
    }

    /// Waits for batches; [`Next::Idle`] when `patience` is given and has passed.
    fn next(&self, patience: Option<Duration>) -> Next {
        let mut waiting = self.state.lock();
        loop {
            if !waiting.jobs.is_empty() {
                return Next::Group(waiting.take_group());
            }
            if waiting.closed {
                return Next::Closed;
            }
            match patience {
                None => self.changed.wait(&mut waiting),
                Some(patience) => {
                    let timeout = self.changed.wait_for(&mut waiting, patience);
                    if timeout.timed_out() && waiting.jobs.is_empty() && !waiting.closed {
                        return Next::Idle;
                    }
                }
            }
        }
    }
}

impl Waiting {
    fn take_group(&mut self) -> Vec<Job> {
        let mut group = Vec::new();
        let mut bytes = 0;
        while group.len() < GROUP_COMMITS_MAX {
            let Some(job) = self.jobs.front() else { break };
            bytes += job.batch.bytes();
            if !group.is_empty() && bytes > GROUP_BYTES_MAX {
                break;
            }
            group.extend(self.jobs.pop_front());
        }
        group
    }
}

/// The thread.
pub(super) struct Committer(JoinHandle<()>);

impl Committer {
    pub(super) fn start(shared: Arc<Shared>) -> io::Result<Self> {
        let thread = std::thread::Builder::new()
            .name("store-committer".to_owned())
            .spawn(move || {
                // sled panics on damage that it meets while it writes; that must not leave callers without an answer.
                if let Err(panic) = catch_unwind(AssertUnwindSafe(|| run(&shared))) {
                    shared.fail(format!(
                        "the committer of the store in {} panicked: {}; restart, and restore a backup if it happens again",
                        shared.folder.display(),
                        panic_message(panic.as_ref())
                    ));
                }
            })?;
        Ok(Self(thread))
    }

    pub(super) fn join(self) {
        // The thread's panics are caught inside it.
        let _ = self.0.join();
    }
}

fn run(shared: &Shared) {
    let mut head = shared.applied.read().head.clone();
    let mut marked = head.commit;
    let mut marked_at = Instant::now();
    loop {
        let patience = (marked != head.commit).then_some(IDLE);
        let next = shared.queue.next(patience);
        let closing = matches!(next, Next::Closed);
        let idle = !matches!(next, Next::Group(_));
        if let Next::Group(jobs) = next {
            match shared.watched(|| commit_group(shared, &head, jobs)) {
                Ok(Some(advanced)) => head = advanced,
                Ok(None) => {}
                Err(reason) => return shared.fail(reason),
            }
        }
        if marked != head.commit && (idle || marked_at.elapsed() >= WATERMARK_EVERY) {
            let written = shared.watched(|| Watermark::of(&head).write(&shared.folder, shared.durability.as_ref()));
            if let Err(error) = written {
                return shared.fail(broken(shared, "writing the watermark", &error));
            }
            marked = head.commit;
            marked_at = Instant::now();
        }
        if closing {
            return;
        }
    }
}

/// Judges, applies, flushes, syncs and answers. The head afterwards, or `None` when nothing was written.
fn commit_group(shared: &Shared, head: &Head, jobs: Vec<Job>) -> Result<Option<Head>, String> {
    // A clone of the handle, so that judging does not hold readers' lock; only this thread writes.
    let Some(db) = shared.applied.read().db.clone() else {
        return Err("the store was released while it was written".to_owned());
    };
    let mut group = Group::new(&db, head.clone());
    let outcomes: Vec<_> = jobs
        .into_iter()
        .map(|job| (group.judge(&job.batch), job.answer))
        .collect();
    let advanced = if group.is_empty() {
        None
    } else {
        match persist(shared, &db, group) {
            Ok(head) => Some(head),
            Err(reason) => {
                for (_, waiting) in outcomes {
                    answer(waiting, Err(unavailable(reason.clone())));
                }
                return Err(reason);
            }
        }
    };
    for (outcome, waiting) in outcomes {
        answer(waiting, outcome);
    }
    Ok(advanced)
}

fn persist(shared: &Shared, db: &::sled::Db, group: Group<'_>) -> Result<Head, String> {
    let staged = group.stage();
    let head = staged.head.clone();
    {
        let mut applied = shared.applied.write();
        // First, so that a group which fails half way is in flight for ever and no reader trusts it.
        applied.in_flight = staged.changes.iter().map(|change| change.key.clone()).collect();
        applied.head = staged.head;
        db.apply_batch(staged.batch)
            .map_err(|error| broken(shared, "applying a group", &error))?;
        if let Some(scrubbing) = shared.scrubbing.lock().as_mut() {
            scrubbing.follow(&staged.changes);
        }
    }
    db.flush().map_err(|error| broken(shared, "flushing", &error))?;
    shared
        .durability
        .sync_data(&shared.file)
        .map_err(|error| broken(shared, "syncing the db file", &error))?;
    shared.durable.send_modify(|durable| durable.commit = head.commit);
    Ok(head)
}

fn broken(shared: &Shared, doing: &str, error: &dyn std::error::Error) -> String {
    format!(
        "{doing} in {} failed: {error}; nothing is acknowledged any more; make sure that the disk is well and has room, then restart",
        shared.folder.display()
    )
}

/// A caller that no longer waits is not an error: its batch was judged and written all the same.
fn answer(waiting: oneshot::Sender<Result<Committed, StoreError>>, outcome: Result<Committed, StoreError>) {
    let _ = waiting.send(outcome);
}
