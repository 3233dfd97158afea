//! What a probe can find, each with a sentence and, where something should be done, a cure.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use crate::ldap::capability::Vendor;
use crate::ldap::changes::ChangeMethod;
use crate::ldap::connection::ConnectError;
use crate::ldap::read_error::ReadError;
use crate::ldap::result_code::{ADMIN_LIMIT_EXCEEDED, UNAVAILABLE_CRITICAL_EXTENSION};
use crate::ldap::url::LdapUrl;

/// How good a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Nothing to do.
    Good,
    /// It works, and could work better or safer.
    Advice,
    /// Nothing can be read before this is mended.
    Failure,
}

/// What a finding is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The server and the account.
    Server,
    /// The search for people.
    Users,
    /// The search for groups.
    Groups,
}

/// One thing that was tried.
#[derive(Debug)]
pub struct Finding {
    /// What it is about.
    pub place: Place,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of one trial.
#[derive(Debug)]
pub enum Outcome {
    /// No server could be bound to.
    Unreachable(ConnectError),
    /// This server answered and accepted the account.
    Bound {
        /// The server.
        url: LdapUrl,
        /// The account.
        bind_dn: String,
    },
    /// The connection is protected by this version of TLS.
    Encrypted {
        /// As the protocol names it, `TLSv1_3`.
        version: &'static str,
    },
    /// The password and everything read travels readable.
    Plain,
    /// What the server says that it is.
    Server {
        /// The kind.
        vendor: Vendor,
        /// Its own words.
        text: Option<String>,
    },
    /// The root DSE lists no paging.
    CannotPage,
    /// The trial could not be made at all.
    Failed(ReadError),
    /// Everything in the query can be read to its end.
    Reads {
        /// How many entries it has.
        entries: u64,
        /// The name of one of them.
        example: String,
    },
    /// The query has a base, and nothing in it.
    MatchesNothing,
    /// The server stops in the middle.
    SizeLimit {
        /// How many entries came before that.
        entries: u64,
        /// `sizeLimitExceeded` or `adminLimitExceeded`.
        code: u32,
        /// The server's text.
        text: String,
    },
    /// Entries that have no stable id, or none that the account may see.
    Unidentified {
        /// How many.
        entries: u64,
        /// The name of the first.
        example: String,
    },
    /// Parts of the tree that are on other servers.
    Referrals {
        /// How many.
        references: u64,
        /// The first.
        example: String,
    },
    /// A search for one value of this attribute is slow or refused.
    Unindexed {
        /// The attribute.
        attribute: String,
        /// How long it took; none when it was refused.
        took: Option<Duration>,
    },
    /// Attributes that something is made of, and that not one of the entries looked at shows.
    NotShown {
        /// What is made of them.
        what: String,
        /// Any of these would do.
        attributes: Vec<String>,
        /// How many entries were looked at.
        entries: u64,
        /// Nothing can be made of an entry without.
        is_required: bool,
    },
    /// Changes are read by this method.
    Changes(ChangeMethod),
    /// The best method that the server lists does not work here.
    NoChanges {
        /// The method.
        method: ChangeMethod,
        /// Why.
        reason: ReadError,
    },
    /// The account sees what was deleted.
    SeesDeletions,
    /// It does not, or nothing was deleted yet.
    MissesDeletions,
}

impl Outcome {
    /// How good it is.
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Bound { .. }
            | Self::Encrypted { .. }
            | Self::Server { .. }
            | Self::Reads { .. }
            | Self::Changes(ChangeMethod::ContentSync | ChangeMethod::UpdateSequence)
            | Self::SeesDeletions => Verdict::Good,
            Self::NotShown { is_required: true, .. } => Verdict::Failure,
            Self::Plain
            | Self::NotShown { .. }
            | Self::Unidentified { .. }
            | Self::Referrals { .. }
            | Self::Unindexed { .. }
            | Self::Changes(ChangeMethod::ModifyTimestamp)
            | Self::NoChanges { .. }
            | Self::MissesDeletions => Verdict::Advice,
            Self::Unreachable(_)
            | Self::CannotPage
            | Self::Failed(_)
            | Self::MatchesNothing
            | Self::SizeLimit { .. } => Verdict::Failure,
        }
    }

    /// A word for scripts, which stays as it is when the sentence is put in better words.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => "unreachable",
            Self::Bound { .. } => "bound",
            Self::Encrypted { .. } => "encrypted",
            Self::Plain => "plain",
            Self::Server { .. } => "server",
            Self::CannotPage => "cannot_page",
            Self::Failed(_) => "failed",
            Self::Reads { .. } => "reads",
            Self::MatchesNothing => "matches_nothing",
            Self::SizeLimit { .. } => "size_limit",
            Self::Unidentified { .. } => "unidentified",
            Self::Referrals { .. } => "referrals",
            Self::Unindexed { .. } => "unindexed",
            Self::NotShown { .. } => "not_shown",
            Self::Changes(_) => "changes",
            Self::NoChanges { .. } => "no_changes",
            Self::SeesDeletions => "sees_deletions",
            Self::MissesDeletions => "misses_deletions",
        }
    }

    /// What an operator can do. None where nothing is to be done, and where the sentence says it already.
    pub fn cure(&self) -> Option<&'static str> {
        match self {
            Self::Unreachable(_)
            | Self::Failed(_)
            | Self::Bound { .. }
            | Self::Encrypted { .. }
            | Self::Server { .. }
            | Self::Reads { .. }
            | Self::SeesDeletions
            | Self::Changes(ChangeMethod::ContentSync | ChangeMethod::UpdateSequence) => None,
            Self::Plain => Some("use ldaps://, or set start_tls = true"),
            Self::CannotPage => Some("use a server that knows the paged results control (RFC 2696)"),
            Self::MatchesNothing => Some(
                "check the base, the spelling of classes and attributes in the filter, and that the account may read them",
            ),
            Self::SizeLimit { code, .. } if *code == ADMIN_LIMIT_EXCEEDED => Some(
                "index the attributes of the filter, or raise the account's lookthrough limits, also for paged searches \
                 (389-DS: nsLookThroughLimit and nsPagedLookThroughLimit)",
            ),
            Self::SizeLimit { .. } => Some(
                "raise the account's size limit over all pages (OpenLDAP: limits ... size.prtotal=unlimited; 389-DS: \
                 nsSizeLimit and nsPagedSizeLimit)",
            ),
            Self::Unidentified { .. } => {
                Some("give the account the right to read the stable id; until then nobody can be known to be gone")
            }
            Self::Referrals { .. } => Some("they are not followed; make a connection of its own for each such server"),
            Self::Unindexed { .. } => {
                Some("index the attribute for equality on the server, and for ordering if it is a time")
            }
            Self::NotShown { .. } => Some(
                "let the account read the attribute, or map another one; where nobody has it, nothing is to be done",
            ),
            Self::Changes(ChangeMethod::ModifyTimestamp) => {
                Some("who is deleted is seen by the scheduled pass over the ids alone; run it often")
            }
            Self::NoChanges { reason, .. } => Some(match reason {
                ReadError::ResultCode {
                    code: UNAVAILABLE_CRITICAL_EXTENSION,
                    ..
                } => "add the syncprov overlay to the database of this base",
                _ => "changes are read by modifyTimestamp or not at all until this is mended",
            }),
            Self::MissesDeletions => Some(
                "let the account list and read the Deleted Objects container to see deletions at once; otherwise the \
                 scheduled pass over the ids finds them",
            ),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Server => "server",
            Self::Users => "users",
            Self::Groups => "groups",
        })
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(error) => write!(f, "{error}"),
            Self::Bound { url, bind_dn } => write!(f, "{url} accepts {bind_dn:?}"),
            Self::Encrypted { version } => write!(f, "the connection is protected by {version}"),
            Self::Plain => f.write_str("the connection is not protected, the password travels readable"),
            Self::Server { vendor, text } => {
                write!(f, "the server is {vendor}")?;
                text.as_ref().map_or(Ok(()), |text| write!(f, " ({text})"))
            }
            Self::CannotPage => f.write_str("the server does not list paged results, without which nothing is read"),
            Self::Failed(error) => write!(f, "{error}"),
            Self::Reads { entries, example } => write!(f, "{entries} entries match, one is {example:?}"),
            Self::MatchesNothing => f.write_str("nothing matches"),
            Self::SizeLimit { entries, code, text } => {
                write!(f, "the server stops after {entries} entries (code {code} {text:?})")
            }
            Self::Unidentified { entries, example } => {
                write!(f, "{entries} entries show no stable id, one is {example:?}")
            }
            Self::Referrals { references, example } => {
                write!(f, "{references} references to other servers, one is {example}")
            }
            Self::Unindexed { attribute, took } => match took {
                Some(took) => write!(f, "a search for one {attribute} takes {} ms", took.as_millis()),
                None => write!(
                    f,
                    "the server refuses to search for one {attribute}, which is not indexed"
                ),
            },
            Self::NotShown {
                what,
                attributes,
                entries,
                ..
            } => {
                let attributes = attributes.join(" or ");
                write!(
                    f,
                    "no entry of {entries} that were looked at shows {attributes}, for {what}"
                )
            }
            Self::Changes(method) => write!(f, "changes are read by {method}"),
            Self::NoChanges { method, reason } => write!(f, "changes cannot be read by {method}: {reason}"),
            Self::SeesDeletions => f.write_str("the account sees what was deleted"),
            Self::MissesDeletions => f.write_str("the account does not see what was deleted, or nothing was yet"),
        }
    }
}
