//! The second factor: time-based one-time passwords (RFC 6238) and recovery codes (S002-27).
//!
//! A device gets the secret, and shows by a first code that it has it; only then a code is asked for. Each code opens once
//! (RFC 6238 s5.2): the step of the last one is part of the credential, on which every sign-in relies, so that of two that
//! show the same code at once one is refused.

use serde_json::Value;
use totp_rs::{Builder, Secret, Totp};
use zeroize::Zeroizing;

use crate::model::clock::{Clock, Timestamp};
use crate::model::credential::{Credential, SecondFactor};
use crate::model::event::EventKind;
use crate::model::id::{OrganisationId, UserId};
use crate::model::session::Session;
use crate::model::user::User;

use super::keys::credential as keys;
use super::password::impact::needs_second_factor;
use super::sealing::SealingKey;
use super::session::LiveSession;
use super::token::hash;
use super::{Directory, DirectoryError, Operation, Permit, Unit};

/// Bytes of a secret: what RFC 4226 s4 recommends.
const SECRET_BYTES: usize = 20;
/// Recovery codes made at once.
const RECOVERY_CODES: usize = 10;
/// Random bytes of a recovery code: too many to guess, so that a fast hash is enough.
const RECOVERY_BYTES: usize = 10;

/// What a device is given.
pub struct Enrolment {
    /// For typing in: base32.
    pub secret: Zeroizing<String>,
    /// For a QR code: `otpauth://totp/...`.
    pub url: Zeroizing<String>,
}

/// What a person shows beside the password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code<'a> {
    /// Six digits of the device.
    OneTime(&'a str),
    /// One of the recovery codes, which is used up by it.
    Recovery(&'a str),
}

impl SecondFactor {
    /// Takes a code, if it is right and was not taken before.
    ///
    /// # Errors
    /// [`DirectoryError::Corrupt`] when the secret cannot be decrypted.
    fn take(&mut self, code: Code<'_>, place: &str, key: &SealingKey, now: Timestamp) -> Result<bool, DirectoryError> {
        match code {
            Code::OneTime(digits) => {
                let secret = key.open(&self.sealed, place).map_err(unreadable)?;
                let step = totp(&secret, "-", "-")?.check(digits.trim(), seconds(now));
                // RFC 6238 s5.2: the second attempt of a code is refused, and so is an earlier one.
                let Some(step) = step.filter(|step| *step > self.last_step) else {
                    return Ok(false);
                };
                self.last_step = step;
                Ok(true)
            }
            Code::Recovery(text) => {
                let hashed = recovery_hash(text);
                let found = self.recovery.iter().position(|known| *known == hashed);
                if let Some(at) = found {
                    self.recovery.remove(at);
                }
                Ok(found.is_some())
            }
        }
    }
}

impl Unit {
    /// Takes a code of a confirmed second factor; the credential is changed, not stored.
    pub(super) fn take_code(
        &self,
        credential: &mut Credential,
        code: Code<'_>,
        key: &SealingKey,
    ) -> Result<bool, DirectoryError> {
        let place = place(self.organisation(), credential.user);
        let now = self.now();
        match &mut credential.second_factor {
            Some(factor) if factor.confirmed_at.is_some() => factor.take(code, &place, key, now),
            _ => Ok(false),
        }
    }
}

struct Begin<'a> {
    user: UserId,
    sealed: &'a str,
}

#[async_trait::async_trait]
impl Operation for Begin<'_> {
    type Outcome = User;

    async fn attempt(&self, unit: &mut Unit) -> Result<User, DirectoryError> {
        let user = unit.load_user(self.user).await?;
        let mut credential = unit.find_credential(&user).await?;
        if credential.confirmed_factor().is_some() {
            return Err(DirectoryError::invalid(
                "second_factor",
                "is set up already: remove it before setting up another",
            ));
        }
        credential.second_factor = Some(SecondFactor {
            sealed: self.sealed.to_owned(),
            confirmed_at: None,
            last_step: 0,
            recovery: Vec::new(),
        });
        unit.put_credential(&credential);
        Ok(user)
    }
}

struct Confirm<'a> {
    session: &'a Session,
    code: &'a str,
    hashes: &'a [String],
    key: &'a SealingKey,
}

#[async_trait::async_trait]
impl Operation for Confirm<'_> {
    type Outcome = ();

    async fn attempt(&self, unit: &mut Unit) -> Result<(), DirectoryError> {
        let user = unit.load_user(self.session.user).await?;
        let mut credential = unit.find_credential(&user).await?;
        let (now, place) = (unit.now(), place(unit.organisation(), user.id));
        let waiting = credential
            .second_factor
            .as_mut()
            .filter(|factor| factor.confirmed_at.is_none());
        let Some(factor) = waiting else {
            return Err(DirectoryError::invalid(
                "second_factor",
                "is not being set up: ask for a secret first",
            ));
        };
        if !factor.take(Code::OneTime(self.code), &place, self.key, now)? {
            return Err(wrong_code());
        }
        factor.confirmed_at = Some(now);
        factor.recovery = self.hashes.to_vec();
        unit.put_credential(&credential);
        let key = keys::session(unit.organisation(), self.session.id);
        if let Some(session) = unit.find::<Session>(&key).await? {
            let second_factor = true;
            unit.put(
                key,
                &Session {
                    second_factor,
                    ..session
                },
            );
        }
        unit.event(EventKind::SecondFactorConfirmed, user.id, Value::Null);
        Ok(())
    }
}

/// What a person does with a second factor that they have.
#[derive(Clone, Copy)]
enum Change<'a> {
    NewRecoveryCodes(&'a [String]),
    Remove,
}

struct ChangeFactor<'a> {
    user: UserId,
    code: Code<'a>,
    change: Change<'a>,
    key: &'a SealingKey,
}

#[async_trait::async_trait]
impl Operation for ChangeFactor<'_> {
    /// Whether the code was right. A wrong one is counted, so it must be committed too.
    type Outcome = bool;

    async fn attempt(&self, unit: &mut Unit) -> Result<bool, DirectoryError> {
        let user = unit.load_user(self.user).await?;
        let mut credential = unit.find_credential(&user).await?;
        if credential.confirmed_factor().is_none() {
            return Err(DirectoryError::not_found("second factor of user", self.user));
        }
        if credential.is_locked(unit.now()) {
            return Ok(false);
        }
        if !unit.take_code(&mut credential, self.code, self.key)? {
            let policy = unit.password_policy().await?;
            unit.count_failure(&policy, &user, &mut credential).await?;
            return Ok(false);
        }
        match self.change {
            Change::NewRecoveryCodes(hashes) => {
                if let Some(factor) = &mut credential.second_factor {
                    factor.recovery = hashes.to_vec();
                }
            }
            Change::Remove => {
                credential.second_factor = None;
                unit.event(EventKind::SecondFactorRemoved, user.id, Value::Null);
            }
        }
        unit.put_credential(&credential);
        Ok(true)
    }
}

/// Takes a user's second factor away, as an administrator: for a lost device.
pub struct RemoveSecondFactor(
    /// Whose.
    pub UserId,
);

#[async_trait::async_trait]
impl Operation for RemoveSecondFactor {
    type Outcome = ();

    async fn attempt(&self, unit: &mut Unit) -> Result<(), DirectoryError> {
        unit.not_oneself(self.0)?;
        let user = unit.load_user(self.0).await?;
        unit.may_take_over(&user).await?;
        let mut credential = unit.find_credential(&user).await?;
        if credential.second_factor.take().is_none() {
            return Err(DirectoryError::not_found("second factor of user", self.0));
        }
        unit.put_credential(&credential);
        unit.event(EventKind::SecondFactorRemoved, user.id, Value::Null);
        Ok(())
    }
}

impl Directory {
    /// Gives a person's device a secret. Nothing is asked for before a code confirms it; asking again gives another secret.
    ///
    /// # Errors
    /// [`DirectoryError::InvalidValue`] while a confirmed one is there; as the store's commit.
    pub async fn begin_second_factor(&self, live: &LiveSession) -> Result<Enrolment, DirectoryError> {
        live.may_set_up_factor()?;
        let organisation = live.settings.organisation.id;
        let secret = Zeroizing::new(self.clock.secret());
        let secret = &secret[..SECRET_BYTES];
        let place = place(organisation, live.user.id);
        let sealed = self
            .sealing
            .seal(secret, &place, &self.clock.secret())
            .map_err(unreadable)?;
        let begin = Begin {
            user: live.user.id,
            sealed: &sealed,
        };
        let user = self.run(&live.permit(), &begin).await?;
        let shown = totp(secret, &live.settings.organisation.name, &user.user_name)?;
        let url = shown.to_url().map_err(|error| unusable(&error))?;
        Ok(Enrolment {
            secret: Zeroizing::new(shown.secret().to_base32()),
            url: Zeroizing::new(url),
        })
    }

    /// Confirms a device by a first code. Answers the recovery codes, which are shown once.
    ///
    /// # Errors
    /// [`DirectoryError::InvalidValue`] for a wrong code, and when there is nothing to confirm; as the store's commit.
    pub async fn confirm_second_factor(&self, live: &LiveSession, code: &str) -> Result<Vec<String>, DirectoryError> {
        live.may_set_up_factor()?;
        let (codes, hashes) = recovery_codes(self.clock.as_ref());
        let confirm = Confirm {
            session: &live.session,
            code,
            hashes: &hashes,
            key: &self.sealing,
        };
        self.run(&live.permit(), &confirm).await?;
        Ok(codes)
    }

    /// Makes new recovery codes, for a code; earlier ones are worth nothing then.
    ///
    /// # Errors
    /// [`DirectoryError::InvalidValue`] for a wrong code, which is counted as a wrong sign-in; as the store's commit.
    pub async fn renew_recovery_codes(
        &self,
        live: &LiveSession,
        code: Code<'_>,
    ) -> Result<Vec<String>, DirectoryError> {
        let (codes, hashes) = recovery_codes(self.clock.as_ref());
        self.change_factor(live, code, Change::NewRecoveryCodes(&hashes))
            .await?;
        Ok(codes)
    }

    /// Takes the person's own second factor away, for a code.
    ///
    /// # Errors
    /// As [`Directory::renew_recovery_codes`]; [`DirectoryError::InvalidValue`] where the policy asks for one.
    pub async fn remove_second_factor(&self, live: &LiveSession, code: Code<'_>) -> Result<(), DirectoryError> {
        let policy = &live.settings.organisation.password_policy;
        if needs_second_factor(policy, &live.settings, &live.user) {
            let reason = "is asked for by the organisation's password policy: only an administrator takes it away";
            return Err(DirectoryError::invalid("second_factor", reason));
        }
        self.change_factor(live, code, Change::Remove).await
    }

    async fn change_factor(
        &self,
        live: &LiveSession,
        code: Code<'_>,
        change: Change<'_>,
    ) -> Result<(), DirectoryError> {
        live.may_set_up_factor()?;
        let operation = ChangeFactor {
            user: live.user.id,
            code,
            change,
            key: &self.sealing,
        };
        let permit: Permit = live.permit();
        if self.run(&permit, &operation).await? {
            Ok(())
        } else {
            Err(wrong_code())
        }
    }
}

fn wrong_code() -> DirectoryError {
    DirectoryError::invalid("code", "is wrong or was used before: wait for the next one")
}

/// Six digits, SHA-1, thirty seconds, one step of skew to both sides: what every authenticator app knows.
fn totp(secret: &[u8], issuer: &str, account: &str) -> Result<Totp, DirectoryError> {
    // The URL's own separator cannot stand in a name.
    let plain = |name: &str| name.replace(':', " ");
    Builder::new()
        .with_secret(secret.to_vec())
        .with_digits(6)
        .with_skew(1)
        .with_step_duration(30)
        .with_issuer(Some(plain(issuer)))
        .with_account_name(plain(account))
        .build()
        .map_err(|error| unusable(&error))
}

fn unusable(error: &totp_rs::TotpError) -> DirectoryError {
    DirectoryError::Corrupt(format!("a second factor cannot be used: {error}"))
}

fn unreadable(error: super::sealing::SealError) -> DirectoryError {
    DirectoryError::Corrupt(format!("the secret of a second factor {error}"))
}

/// Where a sealed secret belongs: nobody can move it to another person.
fn place(organisation: OrganisationId, user: UserId) -> String {
    format!("second factor {organisation} {user}")
}

fn seconds(now: Timestamp) -> u64 {
    u64::try_from(now.timestamp()).unwrap_or_default()
}

/// Codes for people, and their hashes.
fn recovery_codes(clock: &dyn Clock) -> (Vec<String>, Vec<String>) {
    let code = || {
        let random = clock.secret();
        let letters = Secret::from(random[..RECOVERY_BYTES].to_vec())
            .to_base32()
            .to_lowercase();
        let parts: Vec<&str> = [0..4, 4..8, 8..12, 12..16]
            .into_iter()
            .filter_map(|part| letters.get(part))
            .collect();
        parts.join("-")
    };
    let codes: Vec<String> = std::iter::repeat_with(code).take(RECOVERY_CODES).collect();
    let hashes = codes.iter().map(|code| recovery_hash(code)).collect();
    (codes, hashes)
}

/// People type them with and without dashes, in capitals or not.
fn recovery_hash(code: &str) -> String {
    let letters: String = code
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .collect();
    hash(letters.as_bytes())
}
