//! Everything in a connection's settings that can be judged before it is stored: rules, directory, schedule.

use thiserror::Error;

use crate::model::connection::{Connection, ConnectionKind, FAILURES_LISTED_MAX, RUNS_KEPT_MAX};
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
    /// How many entries a failure list has.
    #[error("failures_listed: {0} is more than {FAILURES_LISTED_MAX}")]
    FailuresListed(u32),
    /// A part that is more than the whole: nothing would ever pass it.
    #[error("{place}: {value} is more than 100; it is a part in per cent, so write 0 to 100")]
    Percent {
        /// The setting.
        place: &'static str,
        /// What it is.
        value: u32,
    },
    /// Nobody is missing before the first run without them.
    #[error("leavers.suspend_after_runs: is 0; write 1 to suspend in the first complete run without the person")]
    SuspendAfterRuns,
    /// Longer than anybody means.
    #[error("leavers.delete_after_days: {0} is more than {DAYS_MAX}; leave it out where nobody is ever to be deleted")]
    DeleteAfterDays(u32),
    /// A setting of connections that read a directory, where nothing is read.
    #[error("{place}: a connection of kind \"scim\" reads nothing by itself; take it out")]
    ReadsNothing {
        /// The setting.
        place: &'static str,
    },
    /// How the client proves itself.
    #[error(transparent)]
    OAuth(#[from] OAuthError),
}

/// Days until somebody is deleted at most: a hundred years.
const DAYS_MAX: u32 = 36_500;

/// Numbers that cannot be meant.
fn limits(connection: &Connection) -> impl Iterator<Item = SettingsError> {
    let (brake, leavers) = (&connection.brake, &connection.leavers);
    let percentages = [
        ("brake.percent", Some(brake.percent)),
        ("brake.drop_percent", Some(brake.drop_percent)),
        ("brake.deletions_percent", brake.deletions_percent),
        ("brake.suspensions_percent", brake.suspensions_percent),
        ("brake.removals_per_group_percent", brake.removals_per_group_percent),
        ("brake.losses_percent", brake.losses_percent),
        ("brake.id_changes_percent", brake.id_changes_percent),
        ("brake.renames_percent", brake.renames_percent),
    ];
    let percentages = percentages.into_iter();
    let percentages = percentages.filter_map(|(place, value)| Some((place, value.filter(|value| *value > 100)?)));
    let schedules = [
        ("schedule", connection.schedule.is_some()),
        ("changes_schedule", connection.changes_schedule.is_some()),
        ("presence_schedule", connection.presence_schedule.is_some()),
    ];
    let reads_nothing = connection.kind == ConnectionKind::Scim;
    let schedules = schedules
        .into_iter()
        .filter(move |(_, is_set)| *is_set && reads_nothing);
    let days = leavers.delete_after_days.filter(|days| *days > DAYS_MAX);
    percentages
        .map(|(place, value)| SettingsError::Percent { place, value })
        .chain((leavers.suspend_after_runs == 0).then_some(SettingsError::SuspendAfterRuns))
        .chain(days.map(SettingsError::DeleteAfterDays))
        .chain(schedules.map(|(place, _)| SettingsError::ReadsNothing { place }))
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
        .chain(
            (connection.failures_listed > FAILURES_LISTED_MAX)
                .then_some(SettingsError::FailuresListed(connection.failures_listed)),
        )
        .chain(limits(connection))
        .chain(client.map(SettingsError::from))
        .collect()
}
