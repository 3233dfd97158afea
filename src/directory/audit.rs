//! The audit log: what each commit changed, written in the same commit.
//!
//! There is one entry for a commit, however many records it changes, and an entry holds values only for what changed in place:
//! of a person or group that a connection creates, the record itself is the value. A deletion keeps no values of people. Secrets are
//! never in it.

mod changes;
mod listed;
mod mask;
mod sweep;
mod told;

pub use changes::{Commit, Written};
pub(super) use listed::is_about;
pub use listed::{AuditFilter, AuditPlace, ListedEntry};
pub(super) use mask::mask;
pub use mask::{MASK, is_secret};
