//! What an operator says about a directory, checked before the first byte is sent.

use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

use super::secret::Secret;
use super::url::{LdapUrl, Scheme};

/// The smallest `message_bytes_max`: below it an ordinary entry may not fit.
const MESSAGE_BYTES_FLOOR: usize = 64 * 1024;
/// The smallest `nesting_max`: a search result with a paging control nests 5 deep, a referral with controls less.
const NESTING_FLOOR: usize = 6;
/// The largest `page_size`: a page is queued in memory, and no known server gives more than 5,000 by default.
const PAGE_SIZE_CEILING: u32 = 100_000;
/// The largest `changes_max`: the ids of the changed entries are held in memory, some 150 bytes each.
const CHANGES_CEILING: u32 = 1_000_000;

/// Why settings are refused. Every message names the field and the cure.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum SettingsError {
    /// There is no server to ask.
    #[error("urls: no server is named; give at least one, for example ldaps://directory.example.com")]
    NoUrl,
    /// The bind would send the password readable to everyone on the way.
    #[error(
        "urls: {url} would send the bind password in the clear; use ldaps://, or set start_tls = true, \
         or set allow_plain = true in a laboratory"
    )]
    PlainRefused {
        /// The URL at fault.
        url: LdapUrl,
    },
    /// An empty name asks for an anonymous bind (RFC 4513 section 5.1.1).
    #[error("bind_dn: is blank, which asks for an anonymous bind; name the account that reads the directory")]
    BlankBindDn,
    /// An empty password asks for an unauthenticated bind, which many servers answer with success (RFC 4513 section 5.1.2).
    #[error("bind_password: is blank, which asks for an unauthenticated bind; give the account's password")]
    BlankPassword,
    /// Some servers end a password at a NUL.
    #[error("bind_password: holds a NUL character; check how the password was stored")]
    NulInPassword,
    /// A number that makes no sense.
    #[error("{field}: is {value}, but must be from {least} to {most}")]
    OutOfRange {
        /// The field.
        field: &'static str,
        /// What was given.
        value: u64,
        /// The smallest value allowed.
        least: u64,
        /// The largest value allowed.
        most: u64,
    },
    /// A wait of no time.
    #[error("{field}: is zero, so nothing could ever succeed; give a time")]
    ZeroTimeout {
        /// The field.
        field: &'static str,
    },
}

/// How the bytes to one server are protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls {
    /// TLS from the first byte (`ldaps://`).
    Ldaps,
    /// TLS after an upgrade that must succeed (RFC 4511 section 4.14).
    StartTls,
    /// None, for a laboratory.
    Plain,
}

/// How to reach and read one directory. Every field has a default except where and as whom.
#[derive(Clone, Debug)]
pub struct LdapSettings {
    /// Servers of the same directory, tried in this order at every connect.
    pub urls: Vec<LdapUrl>,
    /// Upgrade `ldap://` connections by StartTLS. Default: false, so that the choice is visible in the configuration.
    pub start_tls: bool,
    /// Let `ldap://` connections without StartTLS send the password readable. Default: false.
    pub allow_plain: bool,
    /// PEM file with the only authorities to trust. Default: none, and the system's are trusted.
    pub ca_file: Option<PathBuf>,
    /// The account that reads. Not parsed: Active Directory also takes `user@domain`.
    pub bind_dn: String,
    /// Its password.
    pub bind_password: Secret,
    /// For each address: TCP, StartTLS and TLS together; then again for the bind. Default: 5 s.
    pub connect_timeout: Duration,
    /// The longest silence within a search. Default: 30 s.
    pub entry_timeout: Duration,
    /// The longest time for one whole reading. Default: 1 h.
    pub run_timeout: Duration,
    /// Entries per page. Default: 500.
    pub page_size: u32,
    /// A reading of changes that meets more than this many entries gives way to a full reading, which is no slower then.
    /// Default: 20,000.
    pub changes_max: u32,
    /// The largest single LDAP message, in bytes. Default: 64 MiB, a group of about 700,000 members.
    pub message_bytes_max: usize,
    /// How deep a message may nest. Default: 16; the protocol itself needs 6.
    pub nesting_max: usize,
}

impl LdapSettings {
    /// Settings with every default.
    pub fn new(urls: Vec<LdapUrl>, bind_dn: impl Into<String>, bind_password: Secret) -> Self {
        Self {
            urls,
            start_tls: false,
            allow_plain: false,
            ca_file: None,
            bind_dn: bind_dn.into(),
            bind_password,
            connect_timeout: Duration::from_secs(5),
            entry_timeout: Duration::from_secs(30),
            run_timeout: Duration::from_secs(3600),
            page_size: 1_000,
            changes_max: 20_000,
            message_bytes_max: 64 * 1024 * 1024,
            nesting_max: 16,
        }
    }

    /// How the bytes to `url` are protected. [`Self::validate`] decides whether [`Tls::Plain`] is allowed.
    pub fn tls(&self, url: &LdapUrl) -> Tls {
        match url.scheme() {
            Scheme::Ldaps => Tls::Ldaps,
            Scheme::Ldap if self.start_tls => Tls::StartTls,
            Scheme::Ldap => Tls::Plain,
        }
    }

    /// Checks every field. [`super::Connection::open`] does so itself; call it to report mistakes at start-up.
    ///
    /// # Errors
    /// The first mistake, in the order of the fields.
    pub fn validate(&self) -> Result<(), SettingsError> {
        if self.urls.is_empty() {
            return Err(SettingsError::NoUrl);
        }
        if let Some(url) = self
            .urls
            .iter()
            .find(|url| self.tls(url) == Tls::Plain && !self.allow_plain)
        {
            return Err(SettingsError::PlainRefused { url: url.clone() });
        }
        if self.bind_dn.trim().is_empty() {
            return Err(SettingsError::BlankBindDn);
        }
        if self.bind_password.expose().contains('\0') {
            return Err(SettingsError::NulInPassword);
        }
        if self.bind_password.expose().trim().is_empty() {
            return Err(SettingsError::BlankPassword);
        }
        self.validate_limits()
    }

    fn validate_limits(&self) -> Result<(), SettingsError> {
        let timeouts = [
            ("connect_timeout", self.connect_timeout),
            ("entry_timeout", self.entry_timeout),
            ("run_timeout", self.run_timeout),
        ];
        if let Some((field, _)) = timeouts.into_iter().find(|(_, timeout)| timeout.is_zero()) {
            return Err(SettingsError::ZeroTimeout { field });
        }
        // A BER length of more than four bytes is refused by the guard, hence u32::MAX.
        let ranges = [
            ("page_size", u64::from(self.page_size), 1, u64::from(PAGE_SIZE_CEILING)),
            (
                "changes_max",
                u64::from(self.changes_max),
                1,
                u64::from(CHANGES_CEILING),
            ),
            (
                "message_bytes_max",
                self.message_bytes_max as u64,
                MESSAGE_BYTES_FLOOR as u64,
                u64::from(u32::MAX),
            ),
            ("nesting_max", self.nesting_max as u64, NESTING_FLOOR as u64, 64),
        ];
        match ranges
            .into_iter()
            .find(|(_, value, least, most)| value < least || value > most)
        {
            Some((field, value, least, most)) => Err(SettingsError::OutOfRange {
                field,
                value,
                least,
                most,
            }),
            None => Ok(()),
        }
    }
}
