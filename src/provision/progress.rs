//! How far a run is: for progress bars and for lines of JSON.

use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;

/// A step forward. Numbers only, no personal data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "phase", rename_all = "snake_case")]
pub enum Progress {
    /// Entries read so far.
    Reading {
        /// People.
        people: u64,
        /// Groups.
        groups: u64,
    },
    /// The plan is made.
    Planned {
        /// Steps to apply.
        steps: u64,
    },
    /// Steps of a dry run, or of a plan that is held, played through so far.
    Comparing {
        /// So many are done.
        done: u64,
        /// So many there are.
        total: u64,
    },
    /// Steps applied, or failed, so far.
    Applying {
        /// So many are done.
        done: u64,
        /// So many there are.
        total: u64,
    },
}

/// Who is told. Called often, from the run's own task: it must return at once.
pub type Report = Arc<dyn Fn(Progress) + Send + Sync>;

/// Milliseconds that reading and comparing took, by class. Groups are read and compared together with their members.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Took {
    /// People.
    pub people_ms: u64,
    /// Groups.
    pub groups_ms: u64,
}

/// Milliseconds since then.
pub(super) fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// Tells nobody.
#[must_use]
pub fn silent() -> Report {
    Arc::new(|_| {})
}
