//! HTTPS (IPSIE AL1, Transport Security): TLS 1.2 and 1.3 with the library's cipher suites, all of them with forward secrecy
//! and authenticated encryption. A renewed certificate is taken up without a restart.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use parking_lot::RwLock;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{InconsistentKeys, ServerConfig};
use thiserror::Error;
use tokio::signal::unix::{SignalKind, signal};
use tokio_rustls::TlsAcceptor;

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Why HTTPS cannot be spoken. Each message is one sentence with the place and the cure.
#[derive(Debug, Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("setting server.{setting}: {} cannot be read: {source}; name a readable PEM file", path.display())]
    Unreadable {
        /// `tls_certificate` or `tls_key`.
        setting: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file does not hold what it should.
    #[error("setting server.{setting}: {} holds no {wanted} in PEM form ({reason})", path.display())]
    Missing {
        /// `tls_certificate` or `tls_key`.
        setting: &'static str,
        /// The file.
        path: PathBuf,
        /// What it should hold.
        wanted: &'static str,
        /// What the parser says.
        reason: String,
    },
    /// Key and certificate are not a pair.
    #[error(
        "setting server.tls_key: {} does not belong to the first certificate in {}; name the key that it was made with",
        key.display(),
        certificate.display()
    )]
    Mismatch {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
    /// The library refuses them.
    #[error("the certificate in {} and its key cannot be used: {source}", path.display())]
    Refused {
        /// The certificate's file.
        path: PathBuf,
        /// What it says.
        source: rustls::Error,
    },
}

/// The present certificate, and where later ones come from.
#[derive(Debug)]
pub struct Certificate {
    chain: PathBuf,
    key: PathBuf,
    current: RwLock<Arc<CertifiedKey>>,
}

/// What tells one state of the files from another.
type Stamp = [Option<(SystemTime, u64)>; 2];

impl Certificate {
    /// Reads the two files.
    ///
    /// # Errors
    /// [`TlsError`].
    pub fn load(chain: &Path, key: &Path) -> Result<Arc<Self>, TlsError> {
        Ok(Arc::new(Self {
            chain: chain.to_owned(),
            key: key.to_owned(),
            current: RwLock::new(Arc::new(read(chain, key)?)),
        }))
    }

    /// What makes TLS of a connection.
    ///
    /// # Errors
    /// [`TlsError::Refused`].
    pub fn acceptor(self: &Arc<Self>) -> Result<TlsAcceptor, TlsError> {
        let versions = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
        let builder = versions.map_err(|source| self.refused(source))?;
        let mut config = builder.with_no_client_auth().with_cert_resolver(self.clone());
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }

    /// Takes up other files when they change, and at SIGHUP. Files that cannot be used leave the present certificate in
    /// place. Never ends.
    pub async fn follow(self: Arc<Self>) {
        let mut hangup = match signal(SignalKind::hangup()) {
            Ok(hangup) => hangup,
            Err(error) => return tracing::error!(%error, "the certificate's files are not followed"),
        };
        let mut known = self.stamp();
        loop {
            let is_asked = tokio::select! {
                asked = hangup.recv() => asked.is_some(),
                () = tokio::time::sleep(LOOK_EVERY) => false,
            };
            let present = self.stamp();
            if is_asked || present != known {
                known = present;
                self.take_up();
            }
        }
    }

    fn take_up(&self) {
        match read(&self.chain, &self.key) {
            Ok(renewed) => {
                *self.current.write() = Arc::new(renewed);
                tracing::info!(certificate = %self.chain.display(), "the certificate was read again");
            }
            Err(error) => tracing::error!(%error, "the certificate stays as it is"),
        }
    }

    fn stamp(&self) -> Stamp {
        [&self.chain, &self.key].map(|path| {
            let found = std::fs::metadata(path).ok()?;
            Some((found.modified().ok()?, found.len()))
        })
    }

    fn refused(&self, source: rustls::Error) -> TlsError {
        TlsError::Refused {
            path: self.chain.clone(),
            source,
        }
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.current.read()))
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn read(chain: &Path, key: &Path) -> Result<CertifiedKey, TlsError> {
    let missing = |setting, path: &Path, wanted| {
        let path = path.to_owned();
        move |error: pem::Error| TlsError::Missing {
            setting,
            path,
            wanted,
            reason: error.to_string(),
        }
    };
    let text = contents("tls_certificate", chain)?;
    let certificates: Result<Vec<CertificateDer<'static>>, pem::Error> =
        CertificateDer::pem_slice_iter(&text).collect();
    let certificates = certificates.and_then(|found| {
        if found.is_empty() {
            Err(pem::Error::NoItemsFound)
        } else {
            Ok(found)
        }
    });
    let certificates = certificates.map_err(missing("tls_certificate", chain, "certificate"))?;
    let text = zeroize::Zeroizing::new(contents("tls_key", key)?);
    let private = PrivateKeyDer::from_pem_slice(&text).map_err(missing("tls_key", key, "private key"))?;
    CertifiedKey::from_der(certificates, private, &provider()).map_err(|source| match source {
        rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => TlsError::Mismatch {
            certificate: chain.to_owned(),
            key: key.to_owned(),
        },
        source => TlsError::Refused {
            path: chain.to_owned(),
            source,
        },
    })
}

fn contents(setting: &'static str, path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|source| TlsError::Unreadable {
        setting,
        path: path.to_owned(),
        source,
    })
}
