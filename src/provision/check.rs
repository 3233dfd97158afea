//! Everything in a connection's settings that can be judged before it is stored: rules, directory, schedule.

use thiserror::Error;

use crate::model::connection::{Connection, RUNS_KEPT_MAX};
use crate::model::custom_attribute::CustomSchema;
use crate::model::oauth::OAuthError;

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
    /// How many runs are kept.
    #[error("runs_kept: {0} is more than {RUNS_KEPT_MAX}")]
    RunsKept(u32),
    /// How the client proves itself.
    #[error(transparent)]
    OAuth(#[from] OAuthError),
}

/// Every fault in a connection's settings, found without the network and without secrets. Ask before they are stored. `own` are the attributes that the
/// organisation defines for its users.
#[must_use]
pub fn faults(connection: &Connection, own: Option<&CustomSchema>) -> Vec<SettingsError> {
    let rules = mapping::check(connection, own).err().map(SettingsError::from);
    let directory = connection
        .ldap
        .as_ref()
        .and_then(|directory| source::check(directory).err());
    // Only the form of the schedule is judged, so any instant will do.
    let times = [
        &connection.schedule,
        &connection.changes_schedule,
        &connection.presence_schedule,
    ];
    let times = times
        .into_iter()
        .flatten()
        .filter_map(|text| schedule::next(text, chrono::DateTime::UNIX_EPOCH).err())
        .map(SettingsError::from);
    let client = connection.oauth.as_ref().and_then(|client| client.check().err());
    rules
        .into_iter()
        .chain(directory.map(SettingsError::from))
        .chain(times)
        .chain((connection.runs_kept > RUNS_KEPT_MAX).then_some(SettingsError::RunsKept(connection.runs_kept)))
        .chain(client.map(SettingsError::from))
        .collect()
}
