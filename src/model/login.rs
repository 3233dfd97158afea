//! Login ids: what a person types to sign in (S002-4..6, S003-5, S003-23). A person may have several: the user name, e-mail
//! addresses, mobile numbers. They are unique in the organisation over all kinds, caseless.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::locale::CountryPrefix;

/// Login ids of one person at most, the user name not counted.
pub const LOGIN_IDS_MAX: usize = 20;

/// The longest e-mail address in bytes (RFC 5321 section 4.5.3.1.3, without the angle brackets).
const ADDRESS_BYTES_MAX: usize = 254;

/// What kind of thing a login id is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LoginKind {
    /// A name of any form.
    UserName,
    /// An e-mail address.
    Email,
    /// A telephone number, kept in E.164.
    Mobile,
}

impl LoginKind {
    /// The word in answers and configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UserName => "user_name",
            Self::Email => "email",
            Self::Mobile => "mobile",
        }
    }
}

/// A login id beside the user name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LoginId {
    /// What it is.
    pub kind: LoginKind,
    /// As it was written; a mobile number in E.164.
    pub value: String,
}

/// The text is no login id of the kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum LoginProblem {
    /// There is nothing to type.
    #[error("is required and must not be blank")]
    Blank,
    /// It holds what nobody can see or type.
    #[error("must not hold control characters")]
    Control,
    /// It has not the form of an address.
    #[error("is not an e-mail address such as \"ada@example.com\"")]
    NotAnAddress,
    /// It is no number of any country's plan.
    #[error(
        "is not a telephone number: write it with its country, such as \"+49 151 23456789\", or set the organisation's \
         country_prefix"
    )]
    NotANumber,
}

impl LoginId {
    /// Reads a login id; `prefix` is the country of a number that does not name its own.
    ///
    /// # Errors
    /// [`LoginProblem`].
    pub fn parse(kind: LoginKind, text: &str, prefix: Option<&CountryPrefix>) -> Result<Self, LoginProblem> {
        let text = text.trim();
        if text.is_empty() {
            return Err(LoginProblem::Blank);
        }
        if text.chars().any(char::is_control) {
            return Err(LoginProblem::Control);
        }
        let value = match kind {
            LoginKind::UserName => text.to_owned(),
            LoginKind::Email if is_address(text) => text.to_owned(),
            LoginKind::Email => return Err(LoginProblem::NotAnAddress),
            LoginKind::Mobile => e164(text, prefix).ok_or(LoginProblem::NotANumber)?,
        };
        Ok(Self { kind, value })
    }
}

/// Whether a text has the form of an e-mail address: one `@`, something on both sides, no white space.
#[must_use]
pub fn is_address(text: &str) -> bool {
    let parts = text.rsplit_once('@');
    text.len() <= ADDRESS_BYTES_MAX
        && !text.contains(|c: char| c.is_whitespace() || c.is_control())
        && parts.is_some_and(|(local, domain)| !local.is_empty() && !local.contains('@') && domain.contains('.'))
}

/// A telephone number in E.164 (`+` and at most 15 digits); `None` when it is none.
#[must_use]
pub fn e164(text: &str, prefix: Option<&CountryPrefix>) -> Option<String> {
    let digits = digits(text)?;
    let number = if digits.starts_with('+') {
        phonelib::PhoneNumber::parse(&digits)
    } else if let Some(rest) = digits.strip_prefix("00") {
        phonelib::PhoneNumber::parse(&format!("+{rest}"))
    } else {
        let mut countries = phonelib::countries_by_calling_code(prefix?.number()).into_iter();
        phonelib::PhoneNumber::parse_with_country(&digits, countries.next()?.code)
    };
    number.map(|number| number.e164().to_owned())
}

/// The digits of a text that can be a telephone number, with the `+` in front if it has one.
fn digits(text: &str) -> Option<String> {
    let text = text.trim();
    let (plus, rest) = match text.strip_prefix('+') {
        Some(rest) => ("+", rest),
        None => ("", text),
    };
    let is_number = |c: char| c.is_ascii_digit() || matches!(c, ' ' | '-' | '.' | '/' | '(' | ')');
    let digits: String = rest.chars().filter(char::is_ascii_digit).collect();
    (rest.chars().all(is_number) && !digits.is_empty()).then(|| format!("{plus}{digits}"))
}

/// The form in which an international number in a user name is the same as one in another login id: `+` and its 8 to 15 digits
/// (ITU-T E.164 section 6). By form alone, so that it is the same for ever, whatever is known of numbering plans.
#[must_use]
pub fn dialled(user_name: &str) -> Option<String> {
    digits(user_name).filter(|digits| digits.starts_with('+') && (9..=16).contains(&digits.len()))
}

/// What people of an organisation sign in by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoginSettings {
    /// The kinds that are allowed. Without `user_name` a user name must be an e-mail address or a mobile number, of a kind
    /// that is (S003-5).
    #[serde(default = "all_kinds")]
    pub kinds: BTreeSet<LoginKind>,
    /// Whether every person must have an e-mail address (X02-12).
    #[serde(default)]
    pub email_required: bool,
}

fn all_kinds() -> BTreeSet<LoginKind> {
    BTreeSet::from([LoginKind::UserName, LoginKind::Email, LoginKind::Mobile])
}

impl Default for LoginSettings {
    fn default() -> Self {
        Self {
            kinds: all_kinds(),
            email_required: false,
        }
    }
}

impl LoginSettings {
    /// Which kind a user name is, by its form and by what is allowed; `None` when it is of none.
    #[must_use]
    pub fn kind_of_name(&self, user_name: &str, prefix: Option<&CountryPrefix>) -> Option<LoginKind> {
        let is = |kind| match kind {
            LoginKind::UserName => true,
            LoginKind::Email => is_address(user_name.trim()),
            LoginKind::Mobile => e164(user_name, prefix).is_some(),
        };
        self.kinds.iter().copied().find(|kind| is(*kind))
    }
}
