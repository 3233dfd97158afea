//! What an organisation asks of passwords, of a second factor and of whoever signs in (S002-22..27, S004-28, X02-13).
//!
//! Everything here is pure: [`PasswordPolicy::check`] names each criterion with whether a password meets it, so that a page
//! can show the list and tick it off. Whether a password was used before needs the stored hashes, and is judged in
//! `directory::password`.

use std::fmt;

use chrono::TimeDelta;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization as _;

use super::clock::Timestamp;
use super::user::User;

/// Previous passwords that a policy may ask to be kept.
pub const HISTORY_MAX: u32 = 24;

/// A login name shorter than this many characters may stand inside a password: "al" is in too many words.
const NAME_CHARS_MIN: usize = 3;

/// The policy. Each number's bounds are in [`PasswordPolicy::validate`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PasswordPolicy {
    /// Whether the criteria are asked at all (the slider of S002-25). `max_bytes` holds in any case.
    pub enabled: bool,
    /// Characters at least (S002-23).
    pub min_length: u32,
    /// Bytes at most: a bound on the work of hashing.
    pub max_bytes: u32,
    /// Whether an upper-case letter is needed.
    pub upper: bool,
    /// Whether a lower-case letter is needed.
    pub lower: bool,
    /// Whether a digit is needed.
    pub digit: bool,
    /// Whether a symbol is needed: what is neither letter, digit nor white space.
    pub symbol: bool,
    /// Whether a password must not hold a login name of the person.
    pub not_user_name: bool,
    /// The last so many passwords are not taken again; 0 for no memory.
    pub history: u32,
    /// Days after which a password must be changed; 0 for never.
    pub max_age_days: u32,
    /// Whether a password that an administrator set must be changed at the next sign-in, unless the request says otherwise.
    pub change_after_set: bool,
    /// Hours that a link to set a forgotten password is good for.
    pub reset_hours: u32,
    /// Who needs a second factor.
    pub mfa: Mfa,
    /// What repeated wrong sign-ins lead to.
    pub lock_out: LockOut,
    /// Of what a person is warned by mail.
    pub warnings: Warnings,
    /// How long a session lasts.
    pub session: SessionLimits,
}

/// Who needs a second factor to sign in (S002-27).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Mfa {
    /// Nobody; whoever has one uses it.
    #[default]
    Off,
    /// Whoever holds a role that administers.
    Administrators,
    /// Everyone.
    All,
}

/// What repeated wrong sign-ins of one person lead to: a delay that grows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LockOut {
    /// Wrong sign-ins in a row until the first delay; 0 for none ever.
    pub attempts: u32,
    /// Seconds of the first delay.
    pub first_delay_s: u32,
    /// How many times longer each further delay is.
    pub growth: u32,
    /// Seconds of the longest delay.
    pub max_delay_s: u32,
}

/// Of what a person is warned by mail, where there is an address. Nobody whose data are restricted is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Warnings {
    /// Wrong sign-ins in a row after which the person is told, once until somebody comes in; 0 for never.
    pub failed_sign_ins: u32,
    /// Whether the person is told that somebody else has set another password.
    pub password_set: bool,
}

/// How long a session lasts (X02-13).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SessionLimits {
    /// Minutes without a request after which it ends.
    pub idle_minutes: u32,
    /// Hours after which it ends in any case.
    pub lifetime_hours: u32,
}

impl Default for PasswordPolicy {
    fn default() -> Self {
        Self {
            enabled: true,
            min_length: 8,
            max_bytes: 1024,
            upper: false,
            lower: false,
            digit: false,
            symbol: false,
            not_user_name: false,
            history: 0,
            max_age_days: 0,
            change_after_set: true,
            reset_hours: 24,
            mfa: Mfa::Off,
            lock_out: LockOut::default(),
            warnings: Warnings::default(),
            session: SessionLimits::default(),
        }
    }
}

impl Default for Warnings {
    fn default() -> Self {
        Self {
            failed_sign_ins: 10,
            password_set: true,
        }
    }
}

impl Default for LockOut {
    fn default() -> Self {
        Self {
            attempts: 5,
            first_delay_s: 60,
            growth: 2,
            max_delay_s: 3_600,
        }
    }
}

impl Default for SessionLimits {
    fn default() -> Self {
        Self {
            idle_minutes: 10,
            lifetime_hours: 12,
        }
    }
}

/// What a password is judged by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CriterionKey {
    /// Enough characters.
    Length,
    /// Not too many bytes.
    Bytes,
    /// An upper-case letter.
    Upper,
    /// A lower-case letter.
    Lower,
    /// A digit.
    Digit,
    /// A symbol.
    Symbol,
    /// No login name inside.
    NotUserName,
    /// None of the last passwords.
    History,
}

/// One criterion, and whether a password meets it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Criterion {
    /// For programs.
    pub key: CriterionKey,
    /// For people: what a password must do, such as "have at least 8 characters".
    pub text: String,
    /// The number in `text`, for who says it in another language.
    #[serde(skip)]
    pub number: Option<u32>,
    /// Whether the password does.
    pub met: bool,
}

/// What was asked of a password when it was set. Nothing of the password itself: not even its length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Strength {
    /// Characters at least.
    pub min_length: u32,
    /// An upper-case letter.
    pub upper: bool,
    /// A lower-case letter.
    pub lower: bool,
    /// A digit.
    pub digit: bool,
    /// A symbol.
    pub symbol: bool,
    /// No login name inside.
    pub not_user_name: bool,
}

/// A policy that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {value} is not between {least} and {most}")]
pub struct PolicyError {
    /// The setting, such as `lock_out.growth`.
    pub field: &'static str,
    /// What it is.
    pub value: u32,
    /// The smallest that can be used.
    pub least: u32,
    /// The largest.
    pub most: u32,
}

impl PasswordPolicy {
    /// Checks every number.
    ///
    /// # Errors
    /// [`PolicyError`] for the first that is out of its bounds.
    pub fn validate(&self) -> Result<(), PolicyError> {
        let (lock_out, session) = (&self.lock_out, &self.session);
        for (field, value, least, most) in [
            ("min_length", self.min_length, 1, 256),
            ("max_bytes", self.max_bytes, 64, 4_096),
            ("history", self.history, 0, HISTORY_MAX),
            ("max_age_days", self.max_age_days, 0, 3_650),
            ("reset_hours", self.reset_hours, 1, 720),
            ("lock_out.attempts", lock_out.attempts, 0, 1_000),
            ("lock_out.first_delay_s", lock_out.first_delay_s, 1, 86_400),
            ("lock_out.growth", lock_out.growth, 1, 10),
            (
                "lock_out.max_delay_s",
                lock_out.max_delay_s,
                lock_out.first_delay_s,
                604_800,
            ),
            ("warnings.failed_sign_ins", self.warnings.failed_sign_ins, 0, 1_000),
            ("session.idle_minutes", session.idle_minutes, 1, 10_080),
            ("session.lifetime_hours", session.lifetime_hours, 1, 8_760),
        ] {
            if !(least..=most).contains(&value) {
                return Err(PolicyError {
                    field,
                    value,
                    least,
                    most,
                });
            }
        }
        Ok(())
    }

    /// Every criterion that can be judged from the password and the person's login names alone, in the order in which a page
    /// shows them. An empty password shows the list with what it does not meet.
    #[must_use]
    pub fn check(&self, password: &str, names: &[&str]) -> Vec<Criterion> {
        let strength = self.strength();
        let any = |wanted: fn(char) -> bool| password.chars().any(wanted);
        let bytes = usize::try_from(self.max_bytes).unwrap_or(usize::MAX);
        let long_enough = password.chars().count() >= usize::try_from(strength.min_length).unwrap_or(usize::MAX);
        let characters = match strength.min_length {
            1 => "not be empty".to_owned(),
            least => format!("have at least {least} characters"),
        };
        let asked = [
            (true, CriterionKey::Length, characters, long_enough),
            (
                true,
                CriterionKey::Bytes,
                format!("have at most {} bytes", self.max_bytes),
                password.len() <= bytes,
            ),
            (
                strength.upper,
                CriterionKey::Upper,
                "have an upper-case letter".to_owned(),
                any(char::is_uppercase),
            ),
            (
                strength.lower,
                CriterionKey::Lower,
                "have a lower-case letter".to_owned(),
                any(char::is_lowercase),
            ),
            (
                strength.digit,
                CriterionKey::Digit,
                "have a digit".to_owned(),
                any(char::is_numeric),
            ),
            (
                strength.symbol,
                CriterionKey::Symbol,
                "have a symbol, such as a full stop or a dash".to_owned(),
                any(is_symbol),
            ),
            (
                strength.not_user_name,
                CriterionKey::NotUserName,
                "not have a login name inside".to_owned(),
                !names.iter().any(|name| holds_name(password, name)),
            ),
        ];
        asked
            .into_iter()
            .filter(|(is_asked, ..)| *is_asked)
            .map(|(_, key, text, met)| Criterion {
                key,
                text,
                number: match key {
                    CriterionKey::Length => Some(strength.min_length),
                    CriterionKey::Bytes => Some(self.max_bytes),
                    _ => None,
                },
                met,
            })
            .collect()
    }

    /// The criterion of the history, for a password that was compared with those that are kept; nothing without one.
    #[must_use]
    pub fn history_criterion(&self, met: bool) -> Option<Criterion> {
        let text = match self.history_kept() {
            0 => return None,
            1 => "not be the last password".to_owned(),
            many => format!("not be one of the last {many} passwords"),
        };
        Some(Criterion {
            key: CriterionKey::History,
            text,
            number: u32::try_from(self.history_kept()).ok(),
            met,
        })
    }

    /// How many of the last passwords, the present one among them, are not taken again.
    #[must_use]
    pub fn history_kept(&self) -> usize {
        let kept = if self.enabled { self.history } else { 0 };
        usize::try_from(kept.min(HISTORY_MAX)).unwrap_or_default()
    }

    /// What is asked of a new password.
    #[must_use]
    pub fn strength(&self) -> Strength {
        if !self.enabled {
            return Strength {
                min_length: 1,
                upper: false,
                lower: false,
                digit: false,
                symbol: false,
                not_user_name: false,
            };
        }
        Strength {
            min_length: self.min_length,
            upper: self.upper,
            lower: self.lower,
            digit: self.digit,
            symbol: self.symbol,
            not_user_name: self.not_user_name,
        }
    }

    /// Whether a password of that instant is too old at `now`.
    #[must_use]
    pub fn is_too_old(&self, set_at: Timestamp, now: Timestamp) -> bool {
        self.enabled && self.max_age_days > 0 && now - set_at >= TimeDelta::days(i64::from(self.max_age_days))
    }
}

impl Strength {
    /// Whether a password that met this certainly meets `other`.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self.min_length >= other.min_length
            && self.upper >= other.upper
            && self.lower >= other.lower
            && self.digit >= other.digit
            && self.symbol >= other.symbol
            && self.not_user_name >= other.not_user_name
    }
}

impl LockOut {
    /// How long nobody is let in after so many wrong sign-ins in a row; `None` when the next may follow at once.
    #[must_use]
    pub fn delay(&self, failures: u32) -> Option<TimeDelta> {
        if self.attempts == 0 || failures < self.attempts {
            return None;
        }
        let further = failures - self.attempts;
        let seconds = u64::from(self.growth)
            .checked_pow(further)
            .and_then(|times| times.checked_mul(u64::from(self.first_delay_s)))
            .unwrap_or(u64::MAX)
            .min(u64::from(self.max_delay_s));
        Some(TimeDelta::seconds(i64::try_from(seconds).unwrap_or(i64::MAX / 1_000)))
    }
}

impl SessionLimits {
    /// The time without a request after which a session ends.
    #[must_use]
    pub fn idle(&self) -> TimeDelta {
        TimeDelta::minutes(i64::from(self.idle_minutes))
    }

    /// The time after which a session ends in any case.
    #[must_use]
    pub fn lifetime(&self) -> TimeDelta {
        TimeDelta::hours(i64::from(self.lifetime_hours))
    }
}

impl fmt::Display for Criterion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "must {}", self.text)
    }
}

/// What is wrong with a password, in one sentence for the caller; `None` when every criterion is met.
#[must_use]
pub fn unmet(criteria: &[Criterion]) -> Option<String> {
    let wrong: Vec<String> = criteria
        .iter()
        .filter(|criterion| !criterion.met)
        .map(ToString::to_string)
        .collect();
    (!wrong.is_empty()).then(|| wrong.join("; "))
}

/// A password as it is hashed and compared: the same text typed on two keyboards is the same password (RFC 8265 s4.2.2:
/// other spaces become spaces, then Unicode normalisation form C).
#[must_use]
pub fn prepared(password: &str) -> String {
    let space = |c: char| {
        if c != ' ' && c.is_whitespace() && !c.is_control() {
            ' '
        } else {
            c
        }
    };
    password.chars().map(space).nfc().collect()
}

/// The names that a person signs in with, which a password should not hold.
#[must_use]
pub fn login_names(user: &User) -> Vec<&str> {
    let own = user.login_ids.iter().map(|login| login.value.as_str());
    std::iter::once(user.user_name.as_str())
        .chain(own)
        .chain(user.emails())
        .collect()
}

fn is_symbol(c: char) -> bool {
    !c.is_alphanumeric() && !c.is_whitespace() && !c.is_control()
}

/// Of an address, the part before the `@` counts as a name too.
fn holds_name(password: &str, name: &str) -> bool {
    let folded = |text: &str| -> String { text.trim().nfkc().flat_map(char::to_lowercase).collect() };
    let (password, name) = (folded(password), folded(name));
    let local = name.split('@').next().unwrap_or_default();
    [name.as_str(), local]
        .into_iter()
        .any(|name| name == password || (name.chars().count() >= NAME_CHARS_MIN && password.contains(name)))
}
