//! Handing mails over: to a mail server (RFC 5321), or to a folder.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::transport::smtp::{self, PoolConfig};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use thiserror::Error;

use super::folder;
use crate::config::mail::{MailConfig, MailTls};
use crate::model::id::{MailId, UserId};

/// Connections to the mail server at once.
pub const CONNECTIONS: u32 = 4;

/// The longest password file that is read, in bytes.
const PASSWORD_BYTES_MAX: usize = 64 * 1024;

/// What was said about a refused mail is kept up to so many characters.
const REASON_CHARS_MAX: usize = 300;

/// Why mail cannot be handed over at all. Each message is one sentence with the place and the cure.
#[derive(Debug, Error)]
pub enum TransportError {
    /// The environment has no password.
    #[error("mail.password_env: environment variable {0:?} is not set to a text; set it to the mail server's password")]
    Environment(String),
    /// The password file cannot be read.
    #[error("mail.password_file: {} cannot be read: {source}; it must hold the password alone", path.display())]
    PasswordFile {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file with the authority cannot be used.
    #[error("mail.ca_file: {} cannot be used: {reason}; it must hold certificates in PEM form", path.display())]
    Authority {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// TLS cannot be prepared.
    #[error("mail.tls: {0}; install the system's ca-certificates package or set mail.ca_file")]
    Tls(smtp::Error),
    /// The folder cannot be made.
    #[error("data folder: {} cannot be made: {source}; name a writable folder with --data", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// A mail that was not taken.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{reason}")]
pub struct Refused {
    /// What was said. May hold the address: for administrators, not for the log.
    pub reason: String,
    /// The mail server's reply code (RFC 5321 s4.2), if it replied.
    pub code: Option<u16>,
    /// Whether another attempt is of no use.
    pub is_final: bool,
}

/// Where mails go.
pub enum Transport {
    /// To a mail server.
    Smtp(Box<AsyncSmtpTransport<Tokio1Executor>>),
    /// Into a folder.
    Folder(PathBuf),
}

impl Transport {
    /// What the configuration says. Nothing is sent, and the mail server is not asked yet.
    ///
    /// # Errors
    /// [`TransportError`].
    pub fn new(config: &MailConfig, data: &Path) -> Result<Self, TransportError> {
        if let Some(host) = &config.host {
            return Ok(Self::Smtp(Box::new(smtp_to(config, host)?)));
        }
        let path = data.join(folder::FOLDER);
        match folder::make(&path) {
            Ok(()) => Ok(Self::Folder(path)),
            Err(source) => Err(TransportError::Folder { path, source }),
        }
    }

    /// Checks that what the configuration names is there: passwords and certificates. Makes nothing.
    ///
    /// # Errors
    /// [`TransportError`].
    pub fn check(config: &MailConfig) -> Result<(), TransportError> {
        let host = config.host.as_deref();
        host.map_or(Ok(()), |host| smtp_to(config, host).map(drop))
    }

    /// Takes a mail back that was withdrawn while it was handed over: a file goes, and a mail server has it.
    pub async fn take_back(&self, id: MailId) {
        if let Self::Folder(folder) = self {
            let folder = folder.clone();
            let gone = tokio::task::spawn_blocking(move || folder::remove(&folder, id)).await;
            if let Err(error) = gone.map_err(io::Error::other).flatten() {
                tracing::error!(mail.id = %id, %error, "the file of a withdrawn mail cannot be deleted: delete it");
            }
        }
    }

    /// Hands a mail over; `about` are the people whom it is about or names. A file's path is answered.
    ///
    /// # Errors
    /// [`Refused`].
    pub async fn hand_over(&self, id: MailId, about: Vec<UserId>, mail: Message) -> Result<Option<PathBuf>, Refused> {
        match self {
            Self::Smtp(smtp) => match smtp.send(mail).await {
                Ok(_) => Ok(None),
                Err(error) => Err(refused(&error)),
            },
            Self::Folder(folder) => {
                let (folder, bytes) = (folder.clone(), mail.formatted());
                let written = tokio::task::spawn_blocking(move || folder::write(&folder, id, &about, &bytes)).await;
                let written = written.map_err(io::Error::other).flatten();
                written.map(Some).map_err(|error| Refused {
                    reason: format!("the file cannot be written: {error}"),
                    code: None,
                    is_final: false,
                })
            }
        }
    }
}

fn smtp_to(config: &MailConfig, host: &str) -> Result<AsyncSmtpTransport<Tokio1Executor>, TransportError> {
    let tls = match config.tls {
        MailTls::Required => Tls::Wrapper(parameters(config, host)?),
        MailTls::Starttls => Tls::Required(parameters(config, host)?),
        MailTls::None => Tls::None,
    };
    let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host)
        .port(config.server_port())
        .tls(tls)
        .timeout(Some(config.timeout()))
        .pool_config(PoolConfig::new().max_size(CONNECTIONS));
    if let (Some(username), Some(password)) = (&config.username, password(config)?) {
        builder = builder.credentials(Credentials::new(username.clone(), password));
    }
    Ok(builder.build())
}

fn parameters(config: &MailConfig, host: &str) -> Result<TlsParameters, TransportError> {
    let mut builder = TlsParameters::builder(host.to_owned());
    if let Some(path) = &config.ca_file {
        let unusable = |reason: String| TransportError::Authority {
            path: path.clone(),
            reason,
        };
        let pem = fs::read(path).map_err(|error| unusable(error.to_string()))?;
        let authority = Certificate::from_pem(&pem).map_err(|error| unusable(error.to_string()))?;
        builder = builder
            .certificate_store(CertificateStore::None)
            .add_root_certificate(authority);
    }
    builder.build_rustls().map_err(TransportError::Tls)
}

fn password(config: &MailConfig) -> Result<Option<String>, TransportError> {
    if let Some(name) = &config.password_env {
        let password = env::var(name).map_err(|_| TransportError::Environment(name.clone()))?;
        return Ok(Some(password));
    }
    let Some(path) = &config.password_file else {
        return Ok(None);
    };
    let failed = |source| TransportError::PasswordFile {
        path: path.clone(),
        source,
    };
    let text = fs::read_to_string(path).map_err(failed)?;
    if text.len() > PASSWORD_BYTES_MAX {
        return Err(failed(io::Error::other("longer than 64 KiB")));
    }
    // Editors and `echo` leave one line end.
    let text = text.strip_suffix('\n').unwrap_or(&text);
    Ok(Some(text.strip_suffix('\r').unwrap_or(text).to_owned()))
}

fn refused(error: &smtp::Error) -> Refused {
    let code = error.status().map(u16::from);
    // RFC 5321 s4.2.1: 5yz is final. What is wrong with our own settings (sign-in and encryption, RFC 4954 s6) can be put
    // right, and the mail goes then.
    let is_about_us = matches!(code, Some(502 | 503 | 530 | 534 | 535 | 538));
    let mut words = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(deeper) = cause {
        let said = deeper.to_string();
        if !words.contains(&said) {
            words = format!("{words}: {said}");
        }
        cause = deeper.source();
    }
    Refused {
        reason: words.chars().take(REASON_CHARS_MAX).collect(),
        code,
        is_final: error.is_permanent() && !is_about_us,
    }
}
