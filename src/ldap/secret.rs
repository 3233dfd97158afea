//! A bind password that does not show itself.

use std::path::{Path, PathBuf};
use std::{env, fmt, fs, io};

use thiserror::Error;
use zeroize::Zeroizing;

/// The longest password file that is read, in bytes; a longer file is not a password.
const FILE_BYTES_MAX: u64 = 64 * 1024;

/// Why a password could not be had.
#[derive(Debug, Error)]
pub enum SecretError {
    /// The environment has no such variable, or it is not UTF-8.
    #[error("environment variable \"{name}\" is not set to a text; set it to the bind password")]
    Environment {
        /// The variable.
        name: String,
    },
    /// The file cannot be read.
    #[error("password file \"{}\" cannot be read: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is longer than any password.
    #[error("password file \"{}\" is longer than 64 KiB; it must hold the password alone", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
    },
}

/// A password. `Debug` does not show it, and its memory is overwritten when it is dropped.
///
/// Best effort: the copies that `ldap3`, TLS and the kernel make are out of reach.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// A password that is at hand already.
    pub fn literal(password: impl Into<String>) -> Self {
        Self(Zeroizing::new(password.into()))
    }

    /// The content of the environment variable `name`.
    ///
    /// # Errors
    /// [`SecretError::Environment`].
    pub fn from_environment(name: &str) -> Result<Self, SecretError> {
        env::var(name)
            .map(Self::literal)
            .map_err(|_| SecretError::Environment { name: name.to_owned() })
    }

    /// The content of a file, without one line end at its end (editors and `echo` leave one).
    ///
    /// # Errors
    /// [`SecretError::File`], also for a file that is not UTF-8, and [`SecretError::TooLong`].
    pub fn from_file(path: &Path) -> Result<Self, SecretError> {
        let failed = |source| SecretError::File {
            path: path.to_owned(),
            source,
        };
        if fs::metadata(path).map_err(failed)?.len() > FILE_BYTES_MAX {
            return Err(SecretError::TooLong { path: path.to_owned() });
        }
        let content = Zeroizing::new(fs::read_to_string(path).map_err(failed)?);
        let line = content.strip_suffix('\n').unwrap_or(&content);
        Ok(Self::literal(line.strip_suffix('\r').unwrap_or(line)))
    }

    /// The password itself, for the bind and for nothing else.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(hidden)")
    }
}
