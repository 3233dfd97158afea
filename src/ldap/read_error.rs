//! Why a reading is not complete. None of these may be taken for "nothing is there".

use std::time::Duration;

use ldap3::{LdapError, LdapResult};
use thiserror::Error;

use super::dn::DnError;
use super::entry::DecodeError;
use super::guard::frame::FrameError;
use super::guard::seconds;
use super::result_code::{self, cure, name};
use super::stable_id::{StableIdError, StableIdKind};

/// A failed reading. Everything that was handed out before it is to be thrown away.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The base is no distinguished name. Nothing was sent.
    #[error("base: {0}")]
    Base(#[from] DnError),
    /// An attribute to read is no name. Nothing was sent: servers ignore such names, and its values would look empty.
    #[error("attributes: \"{name}\" is not the name of an attribute; check for blanks and the spelling")]
    AttributeName {
        /// The name as given.
        name: String,
    },
    /// The connection ended before the server said that it was done.
    #[error("the connection was lost: {reason}")]
    ConnectionLost {
        /// What is known about it.
        reason: String,
    },
    /// The server sent what it must not send; the connection was closed.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The server fell silent.
    #[error("no answer for {}; check the server's load or raise entry_timeout", seconds(*.after))]
    Timeout {
        /// The limit that passed.
        after: Duration,
    },
    /// The whole reading took too long.
    #[error("the reading took more than {}; narrow the filter or raise run_timeout", seconds(*.after))]
    Deadline {
        /// The limit that passed.
        after: Duration,
    },
    /// The base is not there, or the reading account may not see it.
    #[error(
        "base \"{base}\" does not exist for the reading account (the server knows \"{matched}\"); {}",
        cure(result_code::NO_SUCH_OBJECT)
    )]
    NoSuchObject {
        /// What was asked for.
        base: String,
        /// The part of it that exists.
        matched: String,
    },
    /// The server stopped at its limit for the reading account.
    #[error("the server stopped at a limit ({} \"{text}\"); {}", name(*.code), cure(*.code))]
    SizeLimit {
        /// `sizeLimitExceeded` or `adminLimitExceeded`.
        code: u32,
        /// The server's text.
        text: String,
    },
    /// The base is held elsewhere. Referrals are not followed: the bind password would go there.
    #[error("the server refers to {}; {}", .urls.join(" "), cure(result_code::REFERRAL))]
    Referral {
        /// Where it points.
        urls: Vec<String>,
    },
    /// Any other result code than success.
    #[error("the server answered {code} {} \"{text}\"; {}", name(*.code), cure(*.code))]
    ResultCode {
        /// The code.
        code: u32,
        /// The server's text.
        text: String,
    },
    /// An entry cannot be read.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The server said "success", but what it sent cannot be everything.
    #[error("the server reported success, but the reading is incomplete: {0}")]
    Incomplete(#[from] IncompleteReason),
    /// Not one entry had a stable id.
    #[error(
        "none of {entries} entries has a usable {attribute} ({reason}); give the reading account the right to read it, or choose another stable id"
    )]
    NoStableId {
        /// The attribute asked for.
        attribute: &'static str,
        /// How many entries came.
        entries: u64,
        /// What was wrong with the first.
        reason: StableIdError,
    },
    /// The server does not say where it stands, so that changes could be read from there on.
    #[error("changes cannot be read from this server: {0}")]
    NoMark(#[from] NoMarkReason),
    /// The protocol library failed on what the server sent.
    #[error("the reading failed inside the protocol library; the server sent something unexpected")]
    Crashed,
    /// The caller asked to stop.
    #[error("the reading was stopped by its caller")]
    Stopped,
}

/// Why a reading that the server called successful is not complete.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum IncompleteReason {
    /// RFC 2696 section 3: the answer to a paged search carries the control. Without it there may be more.
    #[error("page {page} ended without a paging control")]
    NoPagingControl {
        /// Counted from 1.
        page: u32,
    },
    /// The control cannot be read.
    #[error("page {page} ended with a malformed paging control")]
    MalformedPagingControl {
        /// Counted from 1.
        page: u32,
    },
    /// More entries than the page may hold: the server does not do what it says.
    #[error("page {page} has more than the {size} entries asked for")]
    PageTooLong {
        /// Counted from 1.
        page: u32,
        /// The page size.
        size: u32,
    },
    /// Page after page brings nothing new: the server goes in circles.
    #[error("{pages} pages in a row brought no new entry")]
    Stalled {
        /// How many.
        pages: u32,
    },
    /// A search for entries by their ids brought another one: ids are not lasting here, or the server mixes answers up.
    #[error(
        "\"{dn}\" came under an id that was not asked for; check that the server's ids are lasting, then run over everything"
    )]
    NotAskedFor {
        /// The entry.
        dn: String,
    },
    /// An entry from elsewhere in the tree: the server answers another question than was asked.
    #[error("\"{dn}\" came, which is not below the base; check what stands before the server, and its database")]
    OutsideBase {
        /// The entry.
        dn: String,
    },
    /// A synchronisation message is missing or cannot be read.
    #[error("content synchronisation sent {what}")]
    SyncMessage {
        /// What was wrong.
        what: &'static str,
    },
    /// The parts of a long attribute do not join.
    #[error("the values of {attribute} of \"{dn}\" do not join at {at}")]
    RangeGap {
        /// The entry.
        dn: String,
        /// The attribute.
        attribute: String,
        /// The first value that is missing.
        at: u64,
    },
    /// The entry vanished while its long attribute was read.
    #[error("\"{dn}\" vanished while its values were read")]
    RangeEntryGone {
        /// The entry.
        dn: String,
    },
}

/// What a server does not say.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum NoMarkReason {
    /// Content synchronisation ended without a cookie.
    #[error(
        "it gives no synchronisation cookie; see that the database of this base has been written to, or read fully"
    )]
    Cookie,
    /// Content synchronisation names entries by another attribute than the query does.
    #[error(
        "it names entries by {} in content synchronisation; set stable_id to that, or read by another method",
        .named.attribute()
    )]
    StableId {
        /// The attribute.
        named: StableIdKind,
    },
    /// The root DSE has no `highestCommittedUSN`.
    #[error("it shows no highestCommittedUSN; it is no Active Directory")]
    HighestCommittedUsn,
    /// The domain controller's own settings cannot be read.
    #[error("it does not show its invocationId; give the reading account the right to read {settings:?}")]
    InvocationId {
        /// The DN of the domain controller's settings, `dsServiceName` of the root DSE.
        settings: String,
    },
    /// Entries without a time of their last change.
    #[error(
        "{entries} of its entries, the first {dn:?}, show no modifyTimestamp; give the reading account the right to read it"
    )]
    ModifyTimestamp {
        /// How many.
        entries: u64,
        /// The first of them.
        dn: String,
    },
    /// It cannot tell at once when something changes.
    #[error("it cannot be waited on; read changes at intervals")]
    Notice,
}

impl ReadError {
    /// What a failed operation of the library means; `entry_timeout` is the limit it ran under.
    pub(crate) fn from_library(error: LdapError, entry_timeout: Duration) -> Self {
        match error {
            LdapError::Timeout { .. } => Self::Timeout { after: entry_timeout },
            LdapError::LdapResult { result } => Self::from_result(result, ""),
            error => Self::ConnectionLost {
                reason: error.to_string(),
            },
        }
    }

    /// What a result other than success means, in answer to a search from `base`.
    pub(crate) fn from_result(result: LdapResult, base: &str) -> Self {
        let LdapResult {
            rc: code,
            matched,
            text,
            refs,
            ..
        } = result;
        match code {
            result_code::SIZE_LIMIT_EXCEEDED | result_code::ADMIN_LIMIT_EXCEEDED => Self::SizeLimit { code, text },
            result_code::REFERRAL => Self::Referral { urls: refs },
            result_code::NO_SUCH_OBJECT => Self::NoSuchObject {
                base: base.to_owned(),
                matched,
            },
            _ => Self::ResultCode { code, text },
        }
    }
}
