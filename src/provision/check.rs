//! Everything in a connection's settings that can be judged before it is stored: rules, directory, schedule.

use thiserror::Error;

use crate::model::connection::Connection;

use super::mapping::{self, MappingError};
use super::schedule::{self, ScheduleError};
use super::source::{self, SourceError};

/// Settings that cannot work. Each message names the setting and the cure.
#[derive(Debug, Error)]
pub enum SettingsError {
    /// A mapping or grant rule.
    #[error(transparent)]
    Mapping(#[from] MappingError),
    /// Where and how the directory is read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// When it is read.
    #[error(transparent)]
    Schedule(#[from] ScheduleError),
}

/// Checks a connection's settings without the network and without secrets. Call it before the settings are stored.
///
/// # Errors
/// The first [`SettingsError`].
pub fn check(connection: &Connection) -> Result<(), SettingsError> {
    mapping::check(connection)?;
    if let Some(directory) = &connection.ldap {
        source::check(directory)?;
    }
    if let Some(text) = &connection.schedule {
        // Only the form is judged, so any instant will do.
        schedule::next(text, chrono::DateTime::UNIX_EPOCH)?;
    }
    Ok(())
}
