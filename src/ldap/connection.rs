//! A bound connection to the first server of a list that works.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, LdapError, StdStream};
use thiserror::Error;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::guard::relay::RelayFault;
use super::guard::tls::{Trust, TrustError};
use super::guard::{self, Transport, TransportError, seconds};
use super::read_error::ReadError;
use super::result_code::{self, cure, name};
use super::settings::{LdapSettings, SettingsError, Tls};
use super::url::LdapUrl;

/// How long the driver task may take to end after its connection has.
const DRIVER_END: Duration = Duration::from_secs(2);

/// Why there is no connection.
#[derive(Debug, Error)]
pub enum ConnectError {
    /// The settings are wrong. Nothing was sent.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// There is nobody to trust. Nothing was sent.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// Every server was tried, or one said that trying others is of no use.
    #[error("no directory server can be used: {}", Attempt::list(.attempts))]
    Servers {
        /// What happened at each, in order. Never empty.
        attempts: Vec<Attempt>,
    },
}

/// A server that was tried in vain.
#[derive(Debug)]
pub struct Attempt {
    /// The server.
    pub url: LdapUrl,
    /// What happened.
    pub failure: ConnectFailure,
}

/// What happened at one server.
#[derive(Debug, Error)]
pub enum ConnectFailure {
    /// No protected connection came about.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The server refused the bind.
    #[error("the bind was refused with code {code} {} \"{text}\"; {}", name(*.code), cure(*.code))]
    BindRefused {
        /// LDAP result code.
        code: u32,
        /// The server's text.
        text: String,
    },
    /// The server did not answer the bind.
    #[error("no answer to the bind within {}; check the server or raise connect_timeout", seconds(*.after))]
    BindTimeout {
        /// The limit that passed.
        after: Duration,
    },
    /// The connection ended during the bind.
    #[error("the connection was lost during the bind: {reason}")]
    BindLost {
        /// What is known about it.
        reason: String,
    },
    /// The protocol library failed on what the server sent.
    #[error("the bind failed inside the protocol library; the server sent something unexpected")]
    Crashed,
}

impl Attempt {
    fn list(attempts: &[Self]) -> String {
        let lines: Vec<String> = attempts.iter().map(Self::to_string).collect();
        lines.join("; then ")
    }
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.url, self.failure)
    }
}

impl ConnectFailure {
    /// A wrong name or password is wrong everywhere, and trying it everywhere locks the account sooner.
    fn is_final(&self) -> bool {
        use result_code::{INAPPROPRIATE_AUTHENTICATION, INVALID_CREDENTIALS, INVALID_DN_SYNTAX};
        matches!(
            self,
            Self::BindRefused {
                code: INVALID_CREDENTIALS | INAPPROPRIATE_AUTHENTICATION | INVALID_DN_SYNTAX,
                ..
            }
        )
    }
}

/// A connection after a successful bind. One reading at a time, and none after a failed one: cookies and half-read
/// answers of the old reading would be in the way, so open a new connection.
#[derive(Debug)]
pub struct Connection {
    url: LdapUrl,
    bind_dn: String,
    ldap: Ldap,
    limits: ReadLimits,
    tls_version: Option<&'static str>,
    fault: Arc<OnceLock<RelayFault>>,
    driver: JoinHandle<Result<(), LdapError>>,
    relay: JoinHandle<()>,
    /// Set while a reading runs and when it fails; a dropped reading leaves it set.
    is_spent: bool,
}

/// The limits that a reading runs under.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReadLimits {
    pub(crate) entry_timeout: Duration,
    pub(crate) run_timeout: Duration,
    pub(crate) page_size: u32,
    pub(crate) changes_max: u32,
}

impl Connection {
    /// Tries the URLs in order and binds to the first that works.
    ///
    /// # Errors
    /// Wrong settings, no trusted authority, or one attempt per server with its cause and cure.
    pub async fn open(settings: &LdapSettings) -> Result<Self, ConnectError> {
        settings.validate()?;
        let ca_file = settings.ca_file.as_deref();
        let needs_trust = settings.urls.iter().any(|url| settings.tls(url) != Tls::Plain);
        // Without TLS nobody is asked for a certificate, so an empty system store must not be in the way.
        let trust = if needs_trust || ca_file.is_some() {
            Some(Trust::load(ca_file)?)
        } else {
            None
        };
        let mut attempts = Vec::new();
        for url in &settings.urls {
            match Self::open_url(settings, url, trust.as_ref()).await {
                Ok(connection) => return Ok(connection),
                Err(failure) => {
                    let is_final = failure.is_final();
                    attempts.push(Attempt {
                        url: url.clone(),
                        failure,
                    });
                    if is_final {
                        break;
                    }
                }
            }
        }
        Err(ConnectError::Servers { attempts })
    }

    async fn open_url(settings: &LdapSettings, url: &LdapUrl, trust: Option<&Trust>) -> Result<Self, ConnectFailure> {
        let Transport {
            stream,
            fault,
            relay,
            tls_version,
        } = guard::open(settings, url, trust).await?;
        let library = LdapConnSettings::new().set_std_stream(StdStream::Unix(stream));
        // The path of the URL is not used when a stream is given.
        let opened = LdapConnAsync::with_settings(library, "ldapi:///").await;
        let (driver, ldap) = opened.map_err(|error| ConnectFailure::BindLost {
            reason: error.to_string(),
        })?;
        let limits = ReadLimits {
            entry_timeout: settings.entry_timeout,
            run_timeout: settings.run_timeout,
            page_size: settings.page_size,
            changes_max: settings.changes_max,
        };
        let driver = tokio::spawn(driver.drive());
        let mut connection = Self {
            url: url.clone(),
            bind_dn: settings.bind_dn.clone(),
            ldap,
            limits,
            tls_version,
            fault,
            driver,
            relay,
            is_spent: false,
        };
        connection.bind(settings).await?;
        Ok(connection)
    }

    /// Simple bind (RFC 4513 section 5.1.3), in a task of its own because the library panics on a malformed answer.
    async fn bind(&mut self, settings: &LdapSettings) -> Result<(), ConnectFailure> {
        let after = settings.connect_timeout;
        let mut ldap = self.ldap.clone();
        let (bind_dn, password) = (settings.bind_dn.clone(), settings.bind_password.clone());
        let answer = tokio::spawn(async move {
            ldap.with_timeout(after);
            ldap.simple_bind(&bind_dn, password.expose()).await
        });
        match answer.await {
            Err(_) => Err(ConnectFailure::Crashed),
            Ok(Ok(result)) if result.rc == result_code::SUCCESS => Ok(()),
            Ok(Ok(result)) => Err(ConnectFailure::BindRefused {
                code: result.rc,
                text: result.text,
            }),
            Ok(Err(LdapError::Timeout { .. })) => Err(ConnectFailure::BindTimeout { after }),
            Ok(Err(error)) => match self
                .explain(ReadError::ConnectionLost {
                    reason: error.to_string(),
                })
                .await
            {
                ReadError::Crashed => Err(ConnectFailure::Crashed),
                other => Err(ConnectFailure::BindLost {
                    reason: other.to_string(),
                }),
            },
        }
    }

    /// The server that answered.
    pub fn url(&self) -> &LdapUrl {
        &self.url
    }

    /// The account that is bound, as it was named.
    pub fn bind_dn(&self) -> &str {
        &self.bind_dn
    }

    /// The version of TLS that protects it, `TLSv1_3`; none when nothing does.
    pub fn tls_version(&self) -> Option<&'static str> {
        self.tls_version
    }

    /// Whether a reading failed on it or was dropped, after which it takes no other.
    pub fn is_spent(&self) -> bool {
        self.is_spent
    }

    /// Says goodbye (RFC 4511 section 4.3). Dropping the connection also ends it, without a word.
    pub async fn close(mut self) {
        // A farewell that does not arrive changes nothing.
        let _ = timeout(DRIVER_END, self.ldap.unbind()).await;
    }

    pub(crate) fn limits(&self) -> ReadLimits {
        self.limits
    }

    /// A handle for one reading. Until [`Self::finish_reading`] the connection counts as spent.
    pub(crate) fn start_reading(&mut self) -> Result<Ldap, ReadError> {
        if self.is_spent {
            let reason = "an earlier reading on it failed or was dropped, open a new one".to_owned();
            return Err(ReadError::ConnectionLost { reason });
        }
        self.is_spent = true;
        Ok(self.ldap.clone())
    }

    /// Frees the connection for the next reading after a good one, and finds the cause of a bad one.
    pub(crate) async fn finish_reading<T>(&mut self, outcome: Result<T, ReadError>) -> Result<T, ReadError> {
        match outcome {
            Ok(value) => {
                self.is_spent = false;
                Ok(value)
            }
            Err(error) => Err(self.explain(error).await),
        }
    }

    /// The library only knows that the stream ended; the relay and the driver task know why.
    async fn explain(&mut self, error: ReadError) -> ReadError {
        let ReadError::ConnectionLost { .. } = error else {
            return error;
        };
        if let Ok(Err(crash)) = timeout(DRIVER_END, &mut self.driver).await
            && crash.is_panic()
        {
            return ReadError::Crashed;
        }
        match self.fault.get() {
            Some(RelayFault::Frame(fault)) => ReadError::Frame(*fault),
            Some(fault) => ReadError::ConnectionLost {
                reason: fault.to_string(),
            },
            None => error,
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
        self.relay.abort();
    }
}
