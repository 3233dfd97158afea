//! Whom to trust, and what went wrong when we do not.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{CertificateError, ClientConfig, RootCertStore};
use thiserror::Error;

use crate::ldap::url::Host;

/// Why the authorities to trust cannot be had.
#[derive(Debug, Error)]
pub enum TrustError {
    /// The file cannot be read, or is no PEM.
    #[error("ca_file: \"{}\" cannot be read as PEM certificates ({reason})", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the parser said.
        reason: String,
    },
    /// The file holds no certificate.
    #[error("ca_file: \"{}\" holds no certificate; it must hold the authority's certificate in PEM form", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The system has no authorities.
    #[error("the system has no trusted certificates; install its ca-certificates package or set ca_file")]
    NoSystemRoots,
    /// The TLS library refuses its own defaults.
    #[error("tls cannot be set up: {0}")]
    Setup(rustls::Error),
}

/// Why TLS with a server failed. There is never a fallback.
#[derive(Debug, Error)]
pub enum TlsError {
    /// Nobody we trust has signed the certificate.
    #[error(
        "the server's certificate is not signed by a trusted authority; set ca_file to the authority's certificate"
    )]
    Untrusted,
    /// The certificate is for another host.
    #[error(
        "the server's certificate does not name {host}; use a host name from the certificate or renew it with this one"
    )]
    WrongName {
        /// The host as configured.
        host: String,
    },
    /// The certificate's time has passed, or has not come.
    #[error("the server's certificate is not valid at this time; renew it, or check this machine's clock")]
    Expired,
    /// Any other fault of the certificate.
    #[error("the server's certificate is refused: {0:?}")]
    Certificate(CertificateError),
    /// The two sides found no common ground, or the other side does not speak TLS.
    #[error("the tls handshake failed ({0}); check that the port speaks tls 1.2 or later")]
    Handshake(io::Error),
    /// The host cannot be put in a certificate request.
    #[error("host {host} cannot be checked against a certificate")]
    Host {
        /// The host.
        host: String,
    },
}

/// The authorities to trust, read once for a connect.
#[derive(Debug)]
pub(crate) struct Trust {
    config: Arc<ClientConfig>,
}

impl Trust {
    /// The authorities in `ca_file` alone, or the system's.
    pub(crate) fn load(ca_file: Option<&Path>) -> Result<Self, TrustError> {
        let roots = match ca_file {
            Some(path) => roots_from_file(path)?,
            None => system_roots()?,
        };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider);
        let builder = builder
            .with_safe_default_protocol_versions()
            .map_err(TrustError::Setup)?;
        let config = builder.with_root_certificates(roots).with_no_client_auth();
        Ok(Self {
            config: Arc::new(config),
        })
    }

    pub(crate) fn client_config(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.config)
    }
}

impl TlsError {
    /// What a failed handshake with `host` means.
    pub(crate) fn from_handshake(error: io::Error, host: &Host) -> Self {
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        let Some(rustls::Error::InvalidCertificate(reason)) = inner else {
            return Self::Handshake(error);
        };
        match reason {
            CertificateError::UnknownIssuer | CertificateError::BadSignature => Self::Untrusted,
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                Self::WrongName { host: host.to_string() }
            }
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. } => Self::Expired,
            other => Self::Certificate(other.clone()),
        }
    }
}

/// What the certificate must name: a DNS name, or an IP address SAN.
pub(crate) fn server_name(host: &Host) -> Result<ServerName<'static>, TlsError> {
    match host {
        Host::Address(address) => Ok(ServerName::IpAddress((*address).into())),
        Host::Name(name) => ServerName::try_from(name.clone()).map_err(|_| TlsError::Host { host: host.to_string() }),
    }
}

fn roots_from_file(path: &Path) -> Result<RootCertStore, TrustError> {
    let failed = |reason: String| TrustError::File {
        path: path.to_owned(),
        reason,
    };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|error| failed(error.to_string()))? {
        let certificate = certificate.map_err(|error| failed(error.to_string()))?;
        roots.add(certificate).map_err(|error| failed(error.to_string()))?;
    }
    match roots.is_empty() {
        true => Err(TrustError::Empty { path: path.to_owned() }),
        false => Ok(roots),
    }
}

/// The system's store. A single damaged certificate in it must not empty it, so those that fail are left out.
fn system_roots() -> Result<RootCertStore, TrustError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    match roots.is_empty() {
        true => Err(TrustError::NoSystemRoots),
        false => Ok(roots),
    }
}
