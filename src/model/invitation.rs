//! Invitations: the way a prepared user becomes active (S001-24, S003-28).
//!
//! `queued -> sent -> opened -> accepted`, or `expired`, or `revoked`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::clock::Timestamp;
use super::id::{InvitationId, MailId, UserId};
use super::record::Record;

/// An invitation. Its secret is stored as a hash only; the outbox has it until the mail is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Invitation {
    /// Its public identifier.
    pub id: InvitationId,
    /// Who is invited.
    pub user: UserId,
    /// SHA-256 of the secret, hexadecimal.
    pub secret_hash: String,
    /// Where it is in its life, as far as it was told: see [`Invitation::state_at`].
    pub state: InvitationState,
    /// How it is handed over.
    #[serde(default)]
    pub channel: Channel,
    /// The mail that hands it over, while it waits in the outbox.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mail: Option<MailId>,
    /// Why it is not handed over, when that needs a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub obstacle: Option<Obstacle>,
    /// When it was made.
    pub created: Timestamp,
    /// When it was handed over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent: Option<Timestamp>,
    /// When the link was followed first. Programs that look at links before people do (mail scanners) count as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opened: Option<Timestamp>,
    /// When it was accepted, revoked or expired.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed: Option<Timestamp>,
    /// From this instant on it is worth nothing.
    pub expires: Timestamp,
}

impl Record for Invitation {
    const KIND: &'static str = "invitation";
}

/// How an invitation reaches the person.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    /// Usher sends a mail.
    Email,
    /// Whoever asked is shown the link and hands it over. What a stored invitation without a channel was.
    #[default]
    Link,
    /// The product hands the link over by SMS.
    Sms,
    /// The product hands the link over by WhatsApp.
    Whatsapp,
}

/// Why an invitation waits for a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Obstacle {
    /// It goes by mail, and the person has no e-mail address.
    NoEmail,
    /// The mail was given up or discarded: the outbox has more.
    Undeliverable,
}

/// An invitation's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum InvitationState {
    /// Made, not yet handed to anyone.
    Queued,
    /// Handed over: taken by a mail server, or shown to the administrator who asked for it.
    Sent,
    /// The link was followed.
    Opened,
    /// Used.
    Accepted,
    /// Not used in time.
    Expired,
    /// Withdrawn, or replaced by a later one.
    Revoked,
}

impl InvitationState {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Queued,
        Self::Sent,
        Self::Opened,
        Self::Accepted,
        Self::Expired,
        Self::Revoked,
    ];

    /// The word in answers and filters.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sent => "sent",
            Self::Opened => "opened",
            Self::Accepted => "accepted",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }

    /// Whether the secret still opens the door.
    #[must_use]
    pub const fn is_out(self) -> bool {
        matches!(self, Self::Queued | Self::Sent | Self::Opened)
    }
}

impl Invitation {
    /// Where it is in its life at `now`: a sweeper that is late changes nothing.
    #[must_use]
    pub fn state_at(&self, now: Timestamp) -> InvitationState {
        if self.state.is_out() && now >= self.expires {
            InvitationState::Expired
        } else {
            self.state
        }
    }

    /// Whether the secret still opens the door at `now`.
    #[must_use]
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.state_at(now).is_out()
    }

    /// The instant `expires` in milliseconds, as its key has it.
    #[must_use]
    pub fn expires_ms(&self) -> u64 {
        u64::try_from(self.expires.timestamp_millis()).unwrap_or_default()
    }
}
