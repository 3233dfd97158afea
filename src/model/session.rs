//! Sessions: what a person has after signing in.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use super::clock::Timestamp;
use super::id::{TokenId, UserId};
use super::password_policy::SessionLimits;
use super::record::Record;

/// A session. Whether it is still good is derived from it, the user and the credential, never stored: a sweeper that is late
/// changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Session {
    /// The public half of its token.
    pub id: TokenId,
    /// Who signed in.
    pub user: UserId,
    /// SHA-256 of the secret half, hexadecimal.
    pub secret_hash: String,
    /// When the person signed in.
    pub created: Timestamp,
    /// When it was last used, to a tenth of the time that it may idle.
    pub seen: Timestamp,
    /// From this instant on it is worth nothing.
    pub expires: Timestamp,
    /// The version of the password that it was opened with (X02-7).
    pub version: u64,
    /// Whether a second factor was shown.
    #[serde(default)]
    pub second_factor: bool,
}

impl Record for Session {
    const KIND: &'static str = "session";
}

impl Session {
    /// When it ends unless it is used.
    #[must_use]
    pub fn ends(&self, limits: &SessionLimits) -> Timestamp {
        let longest = self.created + limits.lifetime();
        self.expires.min(longest).min(self.seen + limits.idle())
    }

    /// Whether it is over at `now`, or a newer password made it worthless.
    #[must_use]
    pub fn has_ended(&self, limits: &SessionLimits, version: u64, now: Timestamp) -> bool {
        now >= self.ends(limits) || self.version != version
    }

    /// Whether its last use is so long ago that another is worth writing down: ten times in the time that it may idle.
    #[must_use]
    pub fn is_stale(&self, limits: &SessionLimits, now: Timestamp) -> bool {
        now - self.seen >= (limits.idle() / 10).max(TimeDelta::seconds(1))
    }
}
