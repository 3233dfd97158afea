//! Wording of mails: one template for each event and language, in the language of Jinja, a small and bounded part of it.
//!
//! A template says `{{ variable }}`, `{{ variable | filter }}` and `{% if variable %} .. {% elif .. %} .. {% else %} .. {% endif %}`,
//! nothing else: no loops and no assignments, so that what comes out is not much longer than what went in. Every variable
//! is a text and is always there, empty when there is nothing to say. In the HTML part values are escaped, whatever the template says.

mod builtin;
mod render;
mod syntax;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use builtin::{builtin, english};
pub use render::{Rendered, render};

use super::language;
use crate::model::record::Record;

/// The longest subject template, in bytes.
pub const SUBJECT_BYTES_MAX: usize = 500;
/// The longest text or HTML template, in bytes.
pub const PART_BYTES_MAX: usize = 64 * 1024;
/// The longest part that is sent, in bytes.
pub const RENDERED_BYTES_MAX: usize = 256 * 1024;

/// What a mail is about. Each has a built-in wording in English, Dutch and German.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TemplateName {
    /// A person may come in (S003-28).
    Invitation,
    /// A person has asked for a new password (S003-23).
    PasswordReset,
    /// A guest may come in (X03-12).
    GuestInvitation,
    /// Somebody was wrong many times who tried to sign in as the reader (X02-13).
    SignInWarning,
    /// An administrator has set the reader's password (X02-8).
    PasswordSet,
}

/// What a template may refer to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// What it says.
    pub meaning: &'static str,
    /// What a preview shows.
    pub sample: &'static str,
}

const fn variable(name: &'static str, meaning: &'static str, sample: &'static str) -> Variable {
    Variable { name, meaning, sample }
}

const ORGANISATION: Variable = variable("organisation", "the organisation's name", "Acme");
const DISPLAY_NAME: Variable = variable(
    "display_name",
    "the reader's name; the user name when there is none",
    "Ada Lovelace",
);
const USER_NAME: Variable = variable("user_name", "what the reader signs in with", "ada");
const EXPIRES: Variable = variable("expires", "when the link ends, in UTC", "2030-01-31 12:00 UTC");
const INVITATION_LINK: Variable = variable(
    "link",
    "where the reader accepts",
    "https://usher.example/invitations/SAMPLE",
);
const RESET_LINK: Variable = variable(
    "link",
    "where the reader sets a new password",
    "https://usher.example/password-reset/SAMPLE",
);
const FAILURES: Variable = variable("failures", "how many wrong sign-ins there were in a row", "10");
const AT: Variable = variable("at", "when it was, in UTC", "2030-01-31 12:00 UTC");
const INVITER: Variable = variable("inviter", "who invites", "Charles Babbage");

impl TemplateName {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Invitation,
        Self::PasswordReset,
        Self::GuestInvitation,
        Self::SignInWarning,
        Self::PasswordSet,
    ];

    /// The name in addresses and files.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Invitation => "invitation",
            Self::PasswordReset => "password-reset",
            Self::GuestInvitation => "guest-invitation",
            Self::SignInWarning => "sign-in-warning",
            Self::PasswordSet => "password-set",
        }
    }

    /// What its wording may refer to.
    #[must_use]
    pub const fn variables(self) -> &'static [Variable] {
        match self {
            Self::Invitation => &[ORGANISATION, DISPLAY_NAME, USER_NAME, INVITATION_LINK, EXPIRES],
            Self::PasswordReset => &[ORGANISATION, DISPLAY_NAME, USER_NAME, RESET_LINK, EXPIRES],
            Self::GuestInvitation => &[ORGANISATION, DISPLAY_NAME, INVITER, INVITATION_LINK, EXPIRES],
            Self::SignInWarning => &[ORGANISATION, DISPLAY_NAME, USER_NAME, FAILURES, AT],
            Self::PasswordSet => &[ORGANISATION, DISPLAY_NAME, USER_NAME, AT],
        }
    }
}

impl fmt::Display for TemplateName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// There is no template of this name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("is not a template: use invitation, password-reset, guest-invitation, sign-in-warning or password-set")]
pub struct NotATemplate;

impl FromStr for TemplateName {
    type Err = NotATemplate;

    fn from_str(text: &str) -> Result<Self, NotATemplate> {
        let mut all = Self::ALL.into_iter();
        all.find(|name| name.as_str() == text).ok_or(NotATemplate)
    }
}

/// An organisation's own wording of a mail in one language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailTemplate {
    /// What the mail is about.
    pub name: TemplateName,
    /// The language as a tag (RFC 5646), lower case: `de`, `pt-br`.
    pub language: String,
    /// The subject line.
    pub subject: String,
    /// The part for readers of plain text.
    pub text: String,
    /// The part for readers of HTML; the mail has none when it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub html: Option<String>,
}

impl Record for MailTemplate {
    const KIND: &'static str = "template";
}

/// A part of a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// The subject line.
    Subject,
    /// Plain text.
    Text,
    /// HTML: values are escaped.
    Html,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Subject => "subject",
            Self::Text => "text",
            Self::Html => "html",
        })
    }
}

/// Why a template cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TemplateError {
    /// The language is no language tag.
    #[error("language: {0:?} is not a language tag in lower case, such as \"de\" or \"pt-br\"")]
    Language(String),
    /// A part is too long, or empty.
    #[error("{part}: {bytes} bytes, use 1 to {limit}")]
    Length {
        /// Which.
        part: Part,
        /// Its bytes.
        bytes: usize,
        /// The most.
        limit: usize,
    },
    /// It refers to something that the event does not have.
    #[error("{part}, line {line}: there is no variable {name:?}; there are {known}")]
    UnknownVariable {
        /// In which part.
        part: Part,
        /// In which line of it.
        line: usize,
        /// What.
        name: String,
        /// What there is.
        known: String,
    },
    /// It uses something that templates do not have.
    #[error(
        "{part}, line {line}: {found:?} cannot be used in a template; use {{{{ variable }}}}, filters and {{% if %}}"
    )]
    Unsupported {
        /// In which part.
        part: Part,
        /// In which line of it.
        line: usize,
        /// What.
        found: String,
    },
    /// It is not what the template language says.
    #[error("{part}, line {line}: {reason}")]
    Syntax {
        /// In which part.
        part: Part,
        /// In which line of it.
        line: usize,
        /// What is wrong there.
        reason: String,
    },
    /// What comes out of it is too long.
    #[error("{part}: what comes out is longer than {RENDERED_BYTES_MAX} bytes")]
    TooLong {
        /// Which.
        part: Part,
    },
}

impl MailTemplate {
    /// The parts with their sources.
    pub fn parts(&self) -> impl Iterator<Item = (Part, &str)> {
        let html = self.html.as_deref().map(|html| (Part::Html, html));
        [(Part::Subject, self.subject.as_str()), (Part::Text, self.text.as_str())]
            .into_iter()
            .chain(html)
    }

    /// Checks that it can be filled in, whatever the values.
    ///
    /// # Errors
    /// [`TemplateError`] for the first fault.
    pub fn check(&self) -> Result<(), TemplateError> {
        if language::tag(&self.language).as_ref() != Some(&self.language) {
            return Err(TemplateError::Language(self.language.clone()));
        }
        for (part, source) in self.parts() {
            let limit = if part == Part::Subject {
                SUBJECT_BYTES_MAX
            } else {
                PART_BYTES_MAX
            };
            if source.trim().is_empty() || source.len() > limit {
                return Err(TemplateError::Length {
                    part,
                    bytes: source.len(),
                    limit,
                });
            }
            syntax::check(self.name, part, source)?;
        }
        self.preview().map(drop)
    }

    /// The mail with the samples of its variables.
    ///
    /// # Errors
    /// As [`render()`].
    pub fn preview(&self) -> Result<Rendered, TemplateError> {
        let samples = self.name.variables().iter();
        render(
            self,
            &samples
                .map(|variable| (variable.name.to_owned(), variable.sample.to_owned()))
                .collect(),
        )
    }
}
