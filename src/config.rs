//! The gateway's configuration: a TOML file with one table per section, defaults in code, checked as a whole.
//!
//! A value comes from, in this order: a flag, the environment (`USHER_LISTEN`, `USHER_DATA`), the file, the default. No file
//! is needed. What belongs to one organisation is not here but in its organisation file (`provision::organisation_file`).

pub mod jobs;
pub mod lists;
pub mod log;
pub mod mail;
pub mod scim;
pub mod server;
pub mod sheets;
pub mod sign_in;
pub mod store;

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use jobs::JobsConfig;
pub use lists::ListsConfig;
pub use log::{LogConfig, LogFormat};
pub use mail::MailConfig;
pub use scim::ScimConfig;
pub use server::ServerConfig;
pub use sheets::SheetsConfig;
pub use sign_in::SignInConfig;
pub use store::{Engine, StoreConfig};

use crate::model::position::{self, Position};

/// The whole configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where and how the gateway listens.
    pub server: ServerConfig,
    /// Where the data is.
    pub store: StoreConfig,
    /// The bounds of the SCIM service.
    pub scim: ScimConfig,
    /// Where mail goes.
    pub mail: MailConfig,
    /// What signing in costs.
    pub sign_in: SignInConfig,
    /// The bounds of work on many people at once.
    pub jobs: JobsConfig,
    /// Tables as files.
    pub sheets: SheetsConfig,
    /// The pages of the admin API's lists.
    pub lists: ListsConfig,
    /// What is logged.
    pub log: LogConfig,
}

/// What a flag or the environment says instead of the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overrides {
    /// Instead of `server.listen`.
    pub listen: Option<String>,
    /// Instead of `store.data`.
    pub data: Option<PathBuf>,
}

/// A configuration that cannot be used. Each message is one sentence with the place and the cure.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("configuration file {}: {source}; give the path of a readable TOML file", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file is not TOML, or has a field or type that is not known.
    #[error("configuration file {}, {position}: {reason}; see config/usher.example.toml", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Where.
        position: Position,
        /// What is wrong there.
        reason: String,
    },
    /// A value cannot be used.
    #[error("setting {field}: {reason}")]
    Invalid {
        /// The field's path, `server.listen`.
        field: &'static str,
        /// What is wrong and what would be right.
        reason: String,
    },
}

impl ConfigError {
    /// Shorthand for a value that cannot be used.
    pub fn invalid(field: &'static str, reason: impl Into<String>) -> Self {
        Self::Invalid {
            field,
            reason: reason.into(),
        }
    }
}

impl Config {
    /// The configuration of this file, or the defaults, with what flags and the environment say; checked.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn load(file: Option<&Path>, overrides: Overrides) -> Result<Self, ConfigError> {
        let mut config = match file {
            None => Self::default(),
            Some(path) => {
                let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable {
                    path: path.to_owned(),
                    source,
                })?;
                Self::parse(path, &text)?
            }
        };
        if let Some(listen) = overrides.listen {
            config.server.listen = listen;
        }
        if let Some(data) = overrides.data {
            config.store.data = data;
        }
        config.validate()?;
        Ok(config)
    }

    fn parse(path: &Path, text: &str) -> Result<Self, ConfigError> {
        toml::from_str(text).map_err(|error| ConfigError::Syntax {
            path: path.to_owned(),
            position: Position::of(text, error.span()),
            reason: position::one_line(error.message()),
        })
    }

    /// Checks every section.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] for the first value that cannot be used.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.server.validate()?;
        self.scim.validate()?;
        self.store.validate()?;
        self.mail.validate()?;
        self.sign_in.validate()?;
        self.jobs.validate()?;
        self.sheets.validate()?;
        self.lists.validate()?;
        self.log.validate()
    }
}
