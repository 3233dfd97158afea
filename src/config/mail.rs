//! `[mail]`: where mail goes. Without a `host` it becomes files in the data folder.

use std::path::PathBuf;
use std::time::Duration;

use lettre::message::Mailbox;
use serde::{Deserialize, Serialize};

use super::ConfigError;
use crate::model::mail::RetryPolicy;

/// The section.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MailConfig {
    /// The mail server (SMTP submission, RFC 6409). Without it, mails are written as `.eml` files into `mail` in the data folder.
    pub host: Option<String>,
    /// Its port; 465 with `tls = "required"`, 587 with `starttls`, 25 with `none` when it is missing.
    pub port: Option<u16>,
    /// How the connection is protected.
    pub tls: MailTls,
    /// `tls = "none"` is meant: everybody on the way can read links and passwords.
    pub allow_plaintext: bool,
    /// PEM certificates of the authority that signed the mail server's own; the system's when it is missing.
    pub ca_file: Option<PathBuf>,
    /// Whom the gateway signs in as at the mail server; nobody when it is missing.
    pub username: Option<String>,
    /// The file that holds the password alone.
    pub password_file: Option<PathBuf>,
    /// The environment variable that holds the password.
    pub password_env: Option<String>,
    /// The sender: `Name <address>`. Needed with `host`.
    pub from: Option<String>,
    /// Seconds for each step of talking to the mail server.
    pub timeout_s: u64,
    /// Seconds before a mail is tried again; each further pause is twice as long.
    pub retry_first_s: u32,
    /// Seconds of the longest pause between two attempts.
    pub retry_longest_s: u32,
    /// Hours after which a mail is given up.
    pub give_up_hours: u32,
}

/// How the connection to the mail server is protected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MailTls {
    /// TLS from the first byte (RFC 8314 s3.3).
    Required,
    /// TLS after STARTTLS (RFC 3207); a server that does not offer it is not talked to.
    #[default]
    Starttls,
    /// None at all.
    None,
}

/// The sender when nobody is told by mail: files only.
const FROM: &str = "Usher <usher@localhost>";

impl Default for MailConfig {
    fn default() -> Self {
        Self {
            host: None,
            port: None,
            tls: MailTls::default(),
            allow_plaintext: false,
            ca_file: None,
            username: None,
            password_file: None,
            password_env: None,
            from: None,
            timeout_s: 30,
            retry_first_s: 30,
            retry_longest_s: 3600,
            give_up_hours: 72,
        }
    }
}

impl MailConfig {
    /// Checks the section.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`].
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.validate_server()?;
        self.validate_sign_in()?;
        if !(1..=600).contains(&self.timeout_s) {
            let reason = format!("{} is not between 1 and 600 seconds", self.timeout_s);
            return Err(ConfigError::invalid("mail.timeout_s", reason));
        }
        if self.retry_first_s == 0 || self.retry_longest_s < self.retry_first_s {
            let reason = format!(
                "{} and retry_longest_s {} are not pauses that grow: use 1 or more, and the longest not below the first",
                self.retry_first_s, self.retry_longest_s
            );
            return Err(ConfigError::invalid("mail.retry_first_s", reason));
        }
        if !(1..=24 * 30).contains(&self.give_up_hours) {
            let reason = format!("{} is not between 1 and 720 hours", self.give_up_hours);
            return Err(ConfigError::invalid("mail.give_up_hours", reason));
        }
        self.sender().map(drop)
    }

    fn validate_server(&self) -> Result<(), ConfigError> {
        if self
            .host
            .as_deref()
            .is_some_and(|host| host.is_empty() || host.contains([' ', ':', '/']))
        {
            let reason = "is not the name or address of a mail server, for example smtp.example.com";
            return Err(ConfigError::invalid("mail.host", reason));
        }
        if self.port == Some(0) {
            return Err(ConfigError::invalid("mail.port", "0 is no port, use 465 or 587"));
        }
        if self.tls == MailTls::None && !self.allow_plaintext {
            let reason = "\"none\" would let everybody on the way read the links in mails: use \"required\" or \
                          \"starttls\", or set allow_plaintext = true as well";
            return Err(ConfigError::invalid("mail.tls", reason));
        }
        if self.host.is_some() && self.from.is_none() {
            let reason = "is missing: a mail needs a sender, for example \"Acme <no-reply@acme.example>\"";
            return Err(ConfigError::invalid("mail.from", reason));
        }
        Ok(())
    }

    fn validate_sign_in(&self) -> Result<(), ConfigError> {
        let passwords = usize::from(self.password_file.is_some()) + usize::from(self.password_env.is_some());
        match (&self.username, passwords) {
            (None, 0) | (Some(_), 1) => Ok(()),
            (None, _) => {
                let reason = "is missing: a password needs the name that it belongs to";
                Err(ConfigError::invalid("mail.username", reason))
            }
            (Some(_), 0) => {
                let reason = "is missing: username needs password_file or password_env";
                Err(ConfigError::invalid("mail.password_file", reason))
            }
            (Some(_), _) => {
                let reason = "and password_env are both set: keep one of them";
                Err(ConfigError::invalid("mail.password_file", reason))
            }
        }
    }

    /// The sender of every mail.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`].
    pub fn sender(&self) -> Result<Mailbox, ConfigError> {
        let from = self.from.as_deref().unwrap_or(FROM);
        from.parse().map_err(|error| {
            let reason = format!("{from:?} is not a sender ({error}): write \"Acme <no-reply@acme.example>\"");
            ConfigError::invalid("mail.from", reason)
        })
    }

    /// The port of the mail server (RFC 8314 s3.3, RFC 6409 s3.1).
    #[must_use]
    pub fn server_port(&self) -> u16 {
        self.port.unwrap_or(match self.tls {
            MailTls::Required => 465,
            MailTls::Starttls => 587,
            MailTls::None => 25,
        })
    }

    /// For each step.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout_s)
    }

    /// How long and how often a mail is tried.
    #[must_use]
    pub fn retry(&self) -> RetryPolicy {
        RetryPolicy {
            first_s: self.retry_first_s,
            longest_s: self.retry_longest_s,
            give_up_s: self.give_up_hours * 3600,
        }
    }
}
