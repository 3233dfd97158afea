//! How far a run is: for progress bars and for lines of JSON.

use std::sync::Arc;

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

/// Tells nobody.
#[must_use]
pub fn silent() -> Report {
    Arc::new(|_| {})
}
