//! Why there is no list of changes.

use thiserror::Error;
use uuid::Uuid;

use super::cursor::CursorPart;
use crate::ldap::read_error::ReadError;

/// A reading of changes that came to nothing. What was handed out before it is to be thrown away.
#[derive(Debug, Error)]
pub enum ChangeError {
    /// The directory can be read, but not from this cursor on.
    #[error("a full reading is needed: {0}")]
    FullReadRequired(#[from] FullReadReason),
    /// The directory cannot be read now. The cursor stays good.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// Why a cursor is worth nothing.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum FullReadReason {
    /// The cursor was made for something else.
    #[error("the {part} is not the one that the last reading was made with")]
    CursorOfAnother {
        /// What differs.
        part: CursorPart,
    },
    /// `e-syncRefreshRequired` (RFC 4533 section 2.6): the server has forgotten that far back, or forgot everything.
    #[error("the server cannot continue from the last reading: {text}")]
    RefreshRequired {
        /// The server's text.
        text: String,
    },
    /// The server knows less than this cursor: its data are older, as after a restored backup.
    #[error(
        "the directory is older than the last reading of it ({text}); if a backup was restored, expect old data to come back"
    )]
    ProviderOlder {
        /// The server's text.
        text: String,
    },
    /// The server calls the cookie malformed.
    #[error("the server refused its own cookie: {text}")]
    CookieRefused {
        /// The server's text.
        text: String,
    },
    /// The server did not know its own cookie and answered with an empty one: what came was everything, not the changes.
    #[error("the server did not know its own cookie and began anew")]
    CookieForgotten,
    /// The server answered with a cookie that is not of the form of its last one.
    #[error("the server answered with a cookie of another form than its last one")]
    CookieOfAnotherForm,
    /// The server answered with a cookie that is older than the one that it was asked with.
    #[error("the server's cookie went back; if a backup was restored, expect old data to come back")]
    CookieWentBack,
    /// 389-DS: the changelog was trimmed, and changes after the last reading are not in it any more.
    #[error(
        "changes after number {from} are no longer in the server's changelog, which begins at {first}; keep it longer \
         (nsslapd-changelogmaxage of cn=Retro Changelog Plugin) or run more often"
    )]
    ChangesTrimmed {
        /// The last change that the last reading covered.
        from: u64,
        /// The first change that is left.
        first: u64,
    },
    /// An entry that is called changed is there under another stable id.
    #[error("the server named changed entries by ids that are not their own")]
    WrongIds,
    /// Another domain controller, or one whose database was restored: its update sequence numbers mean something else.
    #[error("the domain controller's invocation id was {was} and is {is}; its update sequence numbers start anew")]
    InvocationIdChanged {
        /// When the cursor was made.
        was: Uuid,
        /// Now.
        is: Uuid,
    },
    /// The counter of a domain controller never goes back, except when its disk does.
    #[error("the domain controller's highest update sequence number went back from {was} to {is}")]
    UsnWentBack {
        /// When the cursor was made.
        was: u64,
        /// Now.
        is: u64,
    },
    /// The names of everything below may be others, and no server says so entry by entry.
    #[error("an organisational unit or another container below the base was made, renamed, moved or removed")]
    TreeChanged,
    /// More changes than are worth following one by one.
    #[error("more than {limit} entries changed; raise changes_max if that is usual")]
    TooManyChanges {
        /// `changes_max`.
        limit: u32,
    },
}
