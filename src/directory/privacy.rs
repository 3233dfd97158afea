//! What a person may ask of those who keep their data: to have it, to be forgotten, to be left alone (S000-32, GDPR articles 15, 17
//! and 18).
//!
//! Erasure goes further than deletion. Deleting a user takes the record away with its names, indexes, memberships, credential and mails;
//! erasing one also looks through every other record of the organisation. What becomes of those that mention the person is decided
//! table by table in [`super::tables`]. Mails that became files go by who they are about, and by whom they went to.
//! What the person was called before is taken from the audit entries about the person, which are masked last. Identifiers and
//! numbers stay, so that counts and histories stay right. An embedded store overwrites nothing at once: what was deleted stays in
//! its file until that part of the log is written anew, and backups that were made before keep what they have.

mod erase;
mod export;
mod mails;
mod noted;
mod restrict;
mod traces;

pub use erase::{Erased, Left};
pub use mails::KeptMails;
pub(super) use mails::NoneKept;
pub use noted::NoteExport;
pub use restrict::RestrictUser;
pub use traces::ERASED;
