//! `[log]`: what is logged, to standard error.

use serde::{Deserialize, Serialize};
use tracing_subscriber::EnvFilter;

use super::ConfigError;

/// The section.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogConfig {
    /// The form of a line.
    pub format: LogFormat,
    /// A level (`error`, `warn`, `info`, `debug`, `trace`), or several with modules: `info,usher::ldap=debug`.
    pub level: String,
}

/// The form of a line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            format: LogFormat::default(),
            level: "info".to_owned(),
        }
    }
}

impl LogConfig {
    /// Checks the section.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`].
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.filter().map(|_| ())
    }

    /// The level as a filter.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] when it names no level.
    pub fn filter(&self) -> Result<EnvFilter, ConfigError> {
        EnvFilter::try_new(&self.level).map_err(|_| {
            let reason = format!(
                "{:?} is not a level: use error, warn, info, debug or trace, such as \"info,usher::ldap=debug\"",
                self.level
            );
            ConfigError::invalid("log.level", reason)
        })
    }
}
