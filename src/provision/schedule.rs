//! Runs that nobody asks for: every directory with a `schedule`, at its times (UTC), one run of a connection at a time.

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use croner::parser::{CronParser, Seconds};
use tokio::task::JoinSet;
use tracing::{error, info, warn};

use crate::directory::{Directory, DirectoryError, Principal};
use crate::model::clock::Timestamp;
use crate::model::connection::ConnectionKind;
use crate::model::id::OrganisationId;
use crate::model::slug::Slug;

use super::lease::{self, EndBrokenOff};
use super::logged::unnamed;
use super::progress::silent;
use super::reading::Reading;
use super::run::{Outcome, RunError, RunMode, RunReport, SyncRun};
use super::watch::Watches;

/// How often the settings and the clock are looked at: how late a run may begin.
const LOOK: Duration = Duration::from_secs(1);

/// A schedule that is no cron expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("schedule {text:?}: {reason}; write five or six cron fields, for example \"*/15 * * * *\"")]
pub struct ScheduleError {
    /// The text.
    pub text: String,
    /// What is wrong.
    pub reason: String,
}

/// The first time after `after` that a schedule names; `None` when it names none any more.
///
/// # Errors
/// [`ScheduleError`] for a text that is no cron expression of five or six fields (the sixth, in front, is seconds).
pub fn next(text: &str, after: Timestamp) -> Result<Option<Timestamp>, ScheduleError> {
    let parser = CronParser::builder().seconds(Seconds::Optional).build();
    let schedule = parser.parse(text).map_err(|error| ScheduleError {
        text: text.to_owned(),
        reason: error.to_string(),
    })?;
    Ok(schedule.find_next_occurrence(&after, false).ok())
}

/// One connection of one organisation.
pub type Place = (OrganisationId, Slug);

/// Runs every scheduled connection until it is told to stop, and those that stay connected whenever they hear of a change.
pub struct Scheduler {
    directory: Directory,
    times: HashMap<(Place, Reading), Time>,
    /// What is at work.
    running: HashMap<Place, Reading>,
    /// What is to run as soon as the connection is free.
    waiting: HashMap<Place, Reading>,
    watches: Watches,
}

/// When a connection runs next, by which expression.
struct Time {
    schedule: String,
    next: Option<Timestamp>,
}

impl Scheduler {
    /// A scheduler over this directory. Nothing runs before its first time comes: a restart is no reason to run, except for
    /// what it broke off ([`Scheduler::making_up_for`]).
    #[must_use]
    pub fn new(directory: Directory) -> Self {
        Self {
            watches: Watches::new(directory.clone()),
            directory,
            times: HashMap::new(),
            running: HashMap::new(),
            waiting: HashMap::new(),
        }
    }

    /// Runs these connections as soon as it is started: [`broken_off`].
    #[must_use]
    pub fn making_up_for(mut self, broken_off: Vec<Place>) -> Self {
        for place in broken_off {
            self.wait(place, Reading::Whole);
        }
        self
    }

    /// Runs until `shutdown` is ready. A run at work is broken off then: what it has applied stays, and its lease ends.
    pub async fn run(mut self, shutdown: impl Future<Output = ()> + Send) {
        let mut shutdown = std::pin::pin!(shutdown);
        let mut runs: JoinSet<()> = JoinSet::new();
        let mut places = HashMap::new();
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = &mut shutdown => return,
                Some(ended) = runs.join_next_with_id() => {
                    // A run that panicked has an id too, so its place is never blocked for ever.
                    let id = match &ended { Ok((id, ())) => *id, Err(crash) => crash.id() };
                    if let Err(crash) = ended {
                        error!(error = unnamed(&crash), "a synchronisation run crashed; nothing more of it is applied");
                    }
                    if let Some(place) = places.remove(&id) {
                        self.ended(&place);
                    }
                }
                place = self.watches.heard() => self.wait(place, Reading::Changes),
                _ = look.tick() => self.look().await,
            }
            for (place, reading) in self.free() {
                let task = runs.spawn(run_once(self.directory.clone(), place.clone(), reading));
                places.insert(task.id(), place);
            }
        }
    }

    async fn look(&mut self) {
        let now = self.directory.clock().now();
        if let Err(error) = self.note_due(now).await {
            warn!(%error, "the schedules cannot be read; trying again");
        }
    }

    /// The connections whose time has come, each at most once until [`Scheduler::ended`] is told. Changed settings count from
    /// the next call on. A time that passed while as much was being read is left out; one for more comes next.
    ///
    /// # Errors
    /// As the store's read.
    pub async fn due(&mut self, now: Timestamp) -> Result<Vec<(Place, Reading)>, DirectoryError> {
        self.note_due(now).await?;
        Ok(self.free())
    }

    async fn note_due(&mut self, now: Timestamp) -> Result<(), DirectoryError> {
        let mut seen = HashSet::new();
        let mut watched = HashMap::new();
        for organisation in self.directory.list_organisations().await? {
            for connection in organisation.connections.values() {
                if connection.kind != ConnectionKind::Ldap {
                    continue;
                }
                let place = (organisation.organisation.id, connection.name.clone());
                let schedules = [
                    (Reading::Whole, &connection.schedule),
                    (Reading::Presence, &connection.presence_schedule),
                    (Reading::Changes, &connection.changes_schedule),
                ];
                for (reading, schedule) in schedules {
                    let Some(schedule) = schedule else { continue };
                    seen.insert((place.clone(), reading));
                    let is_covered = self.running.get(&place).is_some_and(|running| running.covers(reading));
                    if self.is_time(&place, reading, schedule, now) && !is_covered {
                        self.wait(place.clone(), reading);
                    }
                }
                let stays = connection
                    .ldap
                    .as_ref()
                    .is_some_and(|directory| directory.stay_connected);
                if stays {
                    watched.insert(place, Arc::clone(connection));
                }
            }
        }
        self.times.retain(|time, _| seen.contains(time));
        self.watches.follow(watched);
        Ok(())
    }

    /// Notes that a connection is to run; the larger reading does for the smaller one.
    fn wait(&mut self, place: Place, reading: Reading) {
        let waiting = self.waiting.entry(place).or_insert(reading);
        if reading.covers(*waiting) {
            *waiting = reading;
        }
    }

    /// What waits and may run now.
    fn free(&mut self) -> Vec<(Place, Reading)> {
        let free = self
            .waiting
            .iter()
            .filter(|(place, _)| !self.running.contains_key(*place));
        let free: Vec<(Place, Reading)> = free.map(|(place, reading)| (place.clone(), *reading)).collect();
        for (place, reading) in &free {
            self.waiting.remove(place);
            self.running.insert(place.clone(), *reading);
        }
        free
    }

    /// Frees a connection for its next run.
    pub fn ended(&mut self, place: &Place) {
        self.running.remove(place);
    }

    fn is_time(&mut self, place: &Place, reading: Reading, schedule: &str, now: Timestamp) -> bool {
        let key = (place.clone(), reading);
        let known = self.times.get(&key).filter(|time| time.schedule == schedule);
        let is_time = known.is_some_and(|time| time.next.is_some_and(|next| next <= now));
        if known.is_none() || is_time {
            let next = next(schedule, now).unwrap_or_else(|error| {
                warn!(organisation = %place.0, connection = %place.1, %error, "the connection does not run by itself");
                None
            });
            let schedule = schedule.to_owned();
            self.times.insert(key, Time { schedule, next });
        }
        is_time
    }
}

/// The connections whose run was broken off with the process before this one; their leases end. Call it before anything can run,
/// and only where no other process has the store open.
///
/// # Errors
/// As the store's read, and as [`Directory::run`].
pub async fn broken_off(directory: &Directory) -> Result<Vec<Place>, DirectoryError> {
    let mut places = Vec::new();
    for organisation in directory.list_organisations().await? {
        let id = organisation.organisation.id;
        let directories = organisation.connections.values();
        for connection in directories.filter(|connection| connection.kind == ConnectionKind::Ldap) {
            let name = &connection.name;
            if lease::unreleased(directory, id, name).await?.is_none() {
                continue;
            }
            let permit = Principal::ldap(id, name.clone()).provision(id)?;
            directory.run(&permit, &EndBrokenOff(name.clone())).await?;
            info!(organisation = %id, connection = %name, "a synchronisation run was broken off by the last end; it is made up for now");
            places.push((id, name.clone()));
        }
    }
    Ok(places)
}

async fn run_once(directory: Directory, place: Place, reading: Reading) {
    let (organisation, connection) = &place;
    let outcome = SyncRun::execute(&directory, *organisation, connection, RunMode::Apply, reading, silent()).await;
    log(*organisation, connection, &outcome);
}

/// One line for each run: numbers and names of connections, never of people.
pub fn log(organisation: OrganisationId, connection: &Slug, outcome: &Result<RunReport, RunError>) {
    match outcome {
        Ok(report) if report.outcome == Outcome::Held => warn!(
            %organisation,
            %connection,
            plan = report.plan_hash,
            reasons = report.held.len(),
            "the synchronisation run is held and waits for a person; nothing was changed"
        ),
        Ok(report) => info!(
            %organisation,
            %connection,
            reading = report.reading.as_str(),
            why_whole = report.why_whole.as_ref().map(unnamed),
            people = report.read.people,
            groups = report.read.groups,
            changed = report.changed,
            unchanged = report.unchanged,
            failed = report.failures.len(),
            referrals = report.referrals,
            duration_ms = report.duration.total_ms,
            "the synchronisation run is finished"
        ),
        Err(RunError::Interrupted(reason)) => error!(
            %organisation, %connection, error = unnamed(reason),
            "the synchronisation run was interrupted; what it applied stays, and the next one goes on"
        ),
        Err(RunError::Busy { until, .. }) => {
            info!(%organisation, %connection, %until, "another run of the connection is at work");
        }
        Err(RunError::Crashed) => error!(
            %organisation, %connection,
            "the synchronisation run crashed; what it applied stays, and the next one goes on"
        ),
        Err(failure) => {
            error!(%organisation, %connection, error = unnamed(failure), "the synchronisation run failed; nothing was changed");
        }
    }
}
