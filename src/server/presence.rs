//! `<data>/gateway.json`: where the running gateway is, for the command line.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{ServeError, private_file};

/// The file's name.
pub const FILE: &str = "gateway.json";

/// What the file says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// The gateway's address as this machine reaches it.
    pub url: String,
    /// Its process.
    pub pid: u32,
    /// The file with its certificate, when it speaks HTTPS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_certificate: Option<PathBuf>,
}

impl Address {
    /// What the data folder says; `None` when no gateway has announced itself there.
    ///
    /// # Errors
    /// The system's; [`io::ErrorKind::InvalidData`] for a file that says nothing.
    pub fn find(data: &Path) -> io::Result<Option<Self>> {
        match std::fs::read(data.join(FILE)) {
            Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// A gateway that has said where it is.
pub struct Presence {
    path: PathBuf,
}

impl Presence {
    /// Writes the file. One that a killed gateway left behind is replaced: the store's lock says who is alive.
    ///
    /// # Errors
    /// [`ServeError::Data`].
    pub fn announce(data: &Path, url: &str, certificate: Option<&Path>) -> Result<Self, ServeError> {
        let path = data.join(FILE);
        let address = Address {
            url: url.to_owned(),
            pid: std::process::id(),
            // Whoever reads it may stand in another folder.
            tls_certificate: certificate.map(|file| std::path::absolute(file).unwrap_or_else(|_| file.to_owned())),
        };
        let written = serde_json::to_vec_pretty(&address)
            .map_err(io::Error::from)
            .and_then(|json| private_file::replace(&path, &json));
        match written {
            Ok(()) => Ok(Self { path }),
            Err(source) => Err(ServeError::Data { path, source }),
        }
    }

    /// Removes the file.
    pub fn withdraw(self) {
        if let Err(error) = std::fs::remove_file(&self.path) {
            tracing::warn!(%error, file = %self.path.display(), "the gateway's address could not be withdrawn");
        }
    }
}
