//! Why a command ends with a code other than 0. The codes are part of the interface: scripts compare them.

use std::process::ExitCode;

use thiserror::Error;

use crate::config::ConfigError;
use crate::server::ServeError;

/// A command that did not simply succeed.
#[derive(Debug, Error)]
pub enum Failure {
    /// Code 1.
    #[error("{0}")]
    Failed(String),
    /// Code 2.
    #[error("{0}")]
    Usage(String),
    /// Code 3.
    #[error("{0}")]
    Unreachable(String),
    /// Code 4: the command did what it was asked, and a person must look at the result.
    #[error("{0}")]
    NeedsPerson(String),
}

impl Failure {
    /// Code 1.
    pub fn failed(what: impl Into<String>) -> Self {
        Self::Failed(what.into())
    }

    /// The exit code.
    #[must_use]
    pub fn code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Failed(_) => 1,
            Self::Usage(_) => 2,
            Self::Unreachable(_) => 3,
            Self::NeedsPerson(_) => 4,
        })
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::Usage(error.to_string())
    }
}

impl From<ServeError> for Failure {
    fn from(error: ServeError) -> Self {
        Self::Failed(error.to_string())
    }
}

/// Output that cannot be written.
impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::Failed(format!("the output cannot be written: {error}"))
    }
}
