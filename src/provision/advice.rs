//! What an operator should set otherwise: said by a trial of a connection and by its runs.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::connection::{ChangeReading, Connection};

/// Something that works, and could work better. Its sentence says what is the case, [`Advice::cure`] what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "advice", rename_all = "snake_case", deny_unknown_fields)]
pub enum Advice {
    /// Nothing makes the connection run by itself.
    NoSchedule,
    /// Only changes are read, and never everything.
    NoWholeSchedule,
    /// Readings of changes do not learn who was deleted, and nothing else looks for them often.
    NoPresenceSchedule,
    /// Changes are to be read by schedule or at once, and `changes` is `off`.
    ChangesOff,
    /// The connection is to stay connected, and the server cannot say when something changes.
    CannotStayConnected,
    /// Parts of the tree are on other servers.
    Referrals {
        /// How many references there are.
        count: u64,
    },
}

impl Advice {
    /// A word for scripts.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::NoSchedule => "no_schedule",
            Self::NoWholeSchedule => "no_whole_schedule",
            Self::NoPresenceSchedule => "no_presence_schedule",
            Self::ChangesOff => "changes_off",
            Self::CannotStayConnected => "cannot_stay_connected",
            Self::Referrals { .. } => "referrals",
        }
    }

    /// What to do.
    #[must_use]
    pub const fn cure(&self) -> &'static str {
        match self {
            Self::NoSchedule => "set schedule, for example \"15 3 * * *\"",
            Self::NoWholeSchedule => {
                "set schedule, for example \"15 3 * * *\": only a reading of everything finds what others miss"
            }
            Self::NoPresenceSchedule => "set presence_schedule, for example \"0 * * * *\"",
            Self::ChangesOff => "set changes = \"auto\", or take changes_schedule and stay_connected away",
            Self::CannotStayConnected => {
                "use a server with content synchronisation (RFC 4533), or set changes_schedule instead of stay_connected"
            }
            Self::Referrals { .. } => "make a connection of its own for each such server",
        }
    }

    /// What the schedules of a connection leave open. `sees_deletions`: whether a reading of changes learns who was deleted;
    /// `None` where nobody knows.
    #[must_use]
    pub fn on_schedules(connection: &Connection, sees_deletions: Option<bool>) -> Vec<Self> {
        let ldap = connection.ldap.as_ref();
        let stays = ldap.is_some_and(|directory| directory.stay_connected);
        let reads_changes = stays || connection.changes_schedule.is_some();
        let mut advice = Vec::new();
        if connection.schedule.is_none() {
            advice.push(match reads_changes || connection.presence_schedule.is_some() {
                true => Self::NoWholeSchedule,
                false => Self::NoSchedule,
            });
        }
        if reads_changes && ldap.is_some_and(|directory| directory.changes == ChangeReading::Off) {
            advice.push(Self::ChangesOff);
        } else if reads_changes && sees_deletions == Some(false) && connection.presence_schedule.is_none() {
            advice.push(Self::NoPresenceSchedule);
        }
        advice
    }

    /// What a run shows. `sees_deletions` as in [`Advice::on_schedules`], of the reading that was made.
    #[must_use]
    pub fn on_run(connection: &Connection, sees_deletions: Option<bool>, referrals: u64) -> Vec<Self> {
        let is_blind = sees_deletions == Some(false) && connection.presence_schedule.is_none();
        let presence = is_blind.then_some(Self::NoPresenceSchedule);
        let elsewhere = (referrals > 0).then_some(Self::Referrals { count: referrals });
        presence.into_iter().chain(elsewhere).collect()
    }
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSchedule => f.write_str("the connection runs only when it is asked to"),
            Self::NoWholeSchedule => f.write_str("nothing makes the connection read everything now and then"),
            Self::NoPresenceSchedule => f.write_str(
                "readings of changes do not show who was deleted or moved away, only a reading of everything does",
            ),
            Self::ChangesOff => {
                f.write_str("changes are to be read and changes = \"off\" forbids it: everything is read each time")
            }
            Self::CannotStayConnected => {
                f.write_str("stay_connected is set and the server cannot say when something changes")
            }
            Self::Referrals { count } => {
                write!(
                    f,
                    "{count} references to other servers were not followed; who is there is not read"
                )
            }
        }
    }
}
