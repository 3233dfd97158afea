//! What a person signs in with. One record a person, apart from the user record: it changes with every sign-in, and nothing
//! that shows users ever reads it.

use serde::{Deserialize, Serialize};

use super::clock::Timestamp;
use super::id::UserId;
use super::password_policy::{LockOut, PasswordPolicy, Strength};
use super::record::Record;

/// A person's credential.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credential {
    /// Whose.
    pub user: UserId,
    /// The password's argon2id hash; nobody without one signs in by password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
    /// Hashes of earlier passwords, the newest first; no more than the policy asks for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub previous: Vec<String>,
    /// When the password was set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set_at: Option<Timestamp>,
    /// What was asked of the password when it was set; unknown for one from before there were policies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strength: Option<Strength>,
    /// Whether the password must be changed before anything else.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub must_change: bool,
    /// Raised with each change of the password (X02-7): a login QR code and a session of an earlier one are worth nothing.
    #[serde(default)]
    pub version: u64,
    /// Wrong sign-ins since the last right one.
    #[serde(default)]
    pub failures: u32,
    /// Until when nobody is let in, whatever they know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locked_until: Option<Timestamp>,
    /// When the person last signed in, here or as a product reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_sign_in: Option<Timestamp>,
    /// The second factor, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub second_factor: Option<SecondFactor>,
    /// The link by which a forgotten password is set, if one is out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reset: Option<ResetLink>,
}

impl Record for Credential {
    const KIND: &'static str = "credential";
}

/// A second factor: time-based one-time passwords (RFC 6238), and recovery codes for the day the device is lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecondFactor {
    /// The shared secret, encrypted.
    pub sealed: String,
    /// When a first code showed that the device has the secret; until then no code is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed_at: Option<Timestamp>,
    /// The time step of the last code that was taken: RFC 6238 s5.2, a code opens once.
    #[serde(default)]
    pub last_step: u64,
    /// SHA-256 of the recovery codes that are left, hexadecimal.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recovery: Vec<String>,
}

/// A link by which a forgotten password is set, once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResetLink {
    /// SHA-256 of the secret, hexadecimal.
    pub secret_hash: String,
    /// From this instant on it is worth nothing.
    pub expires: Timestamp,
}

/// What must happen before a session opens anything else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Duty {
    /// The password must be changed.
    ChangePassword,
    /// A second factor must be set up.
    SetUpSecondFactor,
}

impl Credential {
    /// A person's credential before anything is known.
    #[must_use]
    pub const fn none(user: UserId) -> Self {
        Self {
            user,
            hash: None,
            previous: Vec::new(),
            set_at: None,
            strength: None,
            must_change: false,
            version: 0,
            failures: 0,
            locked_until: None,
            last_sign_in: None,
            second_factor: None,
            reset: None,
        }
    }

    /// The hashes of the last `count` passwords, the present one first.
    pub fn recent(&self, count: usize) -> impl Iterator<Item = &String> {
        self.hash.iter().chain(&self.previous).take(count)
    }

    /// Puts a new password in the place of the present one. Nothing of what was wrong before counts any more.
    pub fn replace(&mut self, hash: String, policy: &PasswordPolicy, now: Timestamp) {
        let kept = policy.history_kept().saturating_sub(1);
        self.previous.splice(0..0, self.hash.replace(hash));
        self.previous.truncate(kept);
        self.set_at = Some(now);
        self.strength = Some(policy.strength());
        self.version += 1;
        self.must_change = false;
        self.reset = None;
        self.unlock();
    }

    /// Counts a wrong sign-in. Answers until when nobody is let in, when that begins with it.
    pub fn fail(&mut self, lock_out: &LockOut, now: Timestamp) -> Option<Timestamp> {
        self.failures = self.failures.saturating_add(1);
        let until = now + lock_out.delay(self.failures)?;
        self.locked_until = Some(until);
        Some(until)
    }

    /// Forgets wrong sign-ins.
    pub const fn unlock(&mut self) {
        self.failures = 0;
        self.locked_until = None;
    }

    /// Whether nobody is let in at `now`.
    #[must_use]
    pub fn is_locked(&self, now: Timestamp) -> bool {
        self.locked_until.is_some_and(|until| now < until)
    }

    /// The second factor that a sign-in must show, once it was confirmed.
    #[must_use]
    pub fn confirmed_factor(&self) -> Option<&SecondFactor> {
        self.second_factor
            .as_ref()
            .filter(|factor| factor.confirmed_at.is_some())
    }

    /// Whether the password must be changed before anything else.
    #[must_use]
    pub fn must_change_now(&self, policy: &PasswordPolicy, now: Timestamp) -> bool {
        let is_too_old = self.set_at.is_some_and(|set_at| policy.is_too_old(set_at, now));
        self.hash.is_some() && (self.must_change || is_too_old)
    }
}

impl ResetLink {
    /// Whether it still opens at `now`.
    #[must_use]
    pub fn is_open(&self, now: Timestamp) -> bool {
        now < self.expires
    }
}
