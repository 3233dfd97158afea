//! Invitations: the way a prepared user becomes active (S001-24, S003-28).

use serde::{Deserialize, Serialize};

use super::clock::Timestamp;
use super::id::{InvitationId, UserId};
use super::record::Record;

/// An invitation. Its secret is stored as a hash only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Invitation {
    /// Its public identifier.
    pub id: InvitationId,
    /// Who is invited.
    pub user: UserId,
    /// SHA-256 of the secret, hexadecimal.
    pub secret_hash: String,
    /// Where it is in its life. `Expired` is derived, never stored: a sweeper that is late changes nothing.
    pub state: InvitationState,
    /// When it was made.
    pub created: Timestamp,
    /// From this instant on it is worth nothing.
    pub expires: Timestamp,
}

impl Record for Invitation {
    const KIND: &'static str = "invitation";
}

/// An invitation's stored state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InvitationState {
    /// Made, not yet handed to anyone.
    Queued,
    /// Handed over: mailed, or shown to the administrator who asked for it.
    Sent,
    /// Used.
    Accepted,
    /// Withdrawn, or replaced by a later one.
    Revoked,
}

impl Invitation {
    /// Whether the secret still opens the door at `now`.
    #[must_use]
    pub fn is_open(&self, now: Timestamp) -> bool {
        matches!(self.state, InvitationState::Queued | InvitationState::Sent) && now < self.expires
    }
}
