//! Mail: what is to be said to whom (S000-28, S003-23, S003-28), and the outbox that it waits in.
//!
//! What is said is a [`template`] filled in when the mail is sent. A [`QueuedMail`] holds what it needs until then, an address
//! and the secret in a link among it; the record goes when the mail has gone.

pub mod address;
pub mod language;
pub mod template;

use std::collections::BTreeMap;

use chrono::TimeDelta;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::clock::Timestamp;
use super::id::{InvitationId, MailId, UserId};
use super::record::Record;
pub use template::TemplateName;

/// The variable that holds a path of this gateway. Whoever delivers the mail puts the gateway's public address in front of it and
/// calls the result `link`.
pub const PATH: &str = "path";
/// The variable that holds the whole address which [`PATH`] leads to.
pub const LINK: &str = "link";
/// The longest e-mail address, in bytes (RFC 5321 s4.5.3.1.3, without the angle brackets).
pub const ADDRESS_BYTES_MAX: usize = 254;
/// The variables of one mail in bytes, names included.
pub const VARIABLES_BYTES_MAX: usize = 16 * 1024;

/// A mail to be sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Message {
    /// The address: `local@domain`.
    pub to: String,
    /// What it is about.
    pub template: TemplateName,
    /// The reader's language as SCIM's `preferredLanguage` says it (RFC 7643 s4.1.1); the organisation's, or English, when it is
    /// missing or has no wording.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// What the wording may refer to: [`TemplateName::variables`], and [`PATH`] for a link. One that is missing is empty.
    pub variables: BTreeMap<String, String>,
}

impl Message {
    /// A mail without variables.
    #[must_use]
    pub fn new(to: impl Into<String>, template: TemplateName) -> Self {
        Self {
            to: to.into(),
            template,
            language: None,
            variables: BTreeMap::new(),
        }
    }

    /// The same with a variable.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.variables.insert(name.to_owned(), value.into());
        self
    }

    /// The same in a language.
    #[must_use]
    pub fn in_language(mut self, language: Option<&str>) -> Self {
        self.language = language.map(str::to_owned);
        self
    }
}

/// Where a mail is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MailState {
    /// To be sent, now or again later.
    Queued,
    /// Given up: it waits for a person, who sends it again or discards it.
    Dead,
}

impl MailState {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Queued, Self::Dead];

    /// The word in answers and filters.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Dead => "dead",
        }
    }
}

/// A mail in the outbox. It is there until it was handed to a mail server, then it is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QueuedMail {
    /// Its identifier, and the left part of its `Message-ID`: a mail that is sent twice has one and the same (RFC 5322 s3.6.4).
    pub id: MailId,
    /// What is to be sent.
    pub message: Message,
    /// Whom it is about: the mail goes when the person is deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
    /// Who else is named in it: whoever invites a guest. The name goes when this person is erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub names: Option<UserId>,
    /// The invitation that it hands over, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invitation: Option<InvitationId>,
    /// Where it is.
    pub state: MailState,
    /// When it was written.
    pub created: Timestamp,
    /// Since when it is tried: `created`, or when a person last had it tried again.
    pub since: Timestamp,
    /// When it is tried next; of a dead mail, when it was tried last.
    pub due: Timestamp,
    /// How often it was tried since `since`.
    #[serde(default)]
    pub attempts: u32,
    /// What went wrong last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

impl Record for QueuedMail {
    const KIND: &'static str = "mail";
}

impl QueuedMail {
    /// Whom an erasure looks for in it.
    #[must_use]
    pub fn people(&self) -> Vec<UserId> {
        self.user.into_iter().chain(self.names).collect()
    }

    /// The instant `due` in milliseconds, as its key has it.
    #[must_use]
    pub fn due_ms(&self) -> u64 {
        u64::try_from(self.due.timestamp_millis()).unwrap_or_default()
    }
}

/// How long and how often a mail is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Seconds before the second attempt; each further pause is twice as long.
    pub first_s: u32,
    /// Seconds of the longest pause.
    pub longest_s: u32,
    /// Seconds after which a mail is given up.
    pub give_up_s: u32,
}

impl RetryPolicy {
    /// The pause after so many failed attempts (1 or more). `jitter` is a random number: pauses are between half and the whole of
    /// what was reckoned, so that mails which failed together do not come back together.
    #[must_use]
    pub fn pause(&self, attempts: u32, jitter: u32) -> TimeDelta {
        let doubled = 1_i64 << attempts.saturating_sub(1).min(20);
        let whole_ms = (i64::from(self.first_s) * 1000 * doubled).min(i64::from(self.longest_s) * 1000);
        let half_ms = whole_ms / 2;
        TimeDelta::milliseconds(half_ms + half_ms * i64::from(jitter) / i64::from(u32::MAX))
    }

    /// Whether it is time to give up a mail that is tried since then.
    #[must_use]
    pub fn gives_up(&self, since: Timestamp, now: Timestamp) -> bool {
        now - since >= TimeDelta::seconds(i64::from(self.give_up_s))
    }
}
