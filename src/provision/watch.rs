//! Connections that stay connected: a change in the directory is read within moments of its happening.
//!
//! What the server says is taken as a notice only. The notice starts a run over what changed, with its cursor, its brake and
//! its lease like any other; a notice that is lost is made good by the next run of the schedule.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::directory::{Directory, DirectoryError};
use crate::ldap::changes::{Cursor, wait_for_changes};
use crate::ldap::{Capability, ConnectError, Connection as LdapConnection, LdapSettings, Query, ReadError};
use crate::model::connection::Connection;
use crate::model::custom_attribute::Bearer;

use super::authority::Say;
use super::cursor;
use super::logged::unnamed;
use super::mapping::{Mapping, MappingError};
use super::schedule::Place;
use super::source::{self, SourceError};

/// How long after a lost connection the first new one is tried; doubled each time.
const PAUSE_MIN: Duration = Duration::from_secs(1);
/// The longest pause.
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// Who heard of a change and was not asked yet. Hearing of it twice says nothing new.
#[derive(Default)]
struct Notices {
    places: Mutex<BTreeSet<Place>>,
    arrival: Notify,
}

impl Notices {
    fn add(&self, place: &Place) {
        self.places.lock().insert(place.clone());
        self.arrival.notify_one();
    }
}

/// Everyone who stays connected.
pub(super) struct Watches {
    directory: Directory,
    following: HashMap<Place, (Arc<Connection>, JoinSet<()>)>,
    notices: Arc<Notices>,
}

/// Why a watch ended.
#[derive(Debug, thiserror::Error)]
enum WatchError {
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error(transparent)]
    Mapping(#[from] MappingError),
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    #[error("the connection has no ldap section")]
    NoDirectory,
}

impl Watches {
    pub(super) fn new(directory: Directory) -> Self {
        Self {
            directory,
            following: HashMap::new(),
            notices: Arc::default(),
        }
    }

    /// The next connection that heard of a change.
    pub(super) async fn heard(&self) -> Place {
        loop {
            let next = self.notices.places.lock().pop_first();
            match next {
                Some(place) => return place,
                None => self.notices.arrival.notified().await,
            }
        }
    }

    /// Follows exactly these. One whose settings changed begins anew.
    pub(super) fn follow(&mut self, wanted: HashMap<Place, Arc<Connection>>) {
        self.following.retain(|place, (connection, _)| {
            wanted
                .get(place)
                .is_some_and(|wanted| Arc::ptr_eq(wanted, connection) || wanted == connection)
        });
        for (place, connection) in wanted {
            if self.following.contains_key(&place) {
                continue;
            }
            let mut task = JoinSet::new();
            let watch = Watch {
                directory: self.directory.clone(),
                place: place.clone(),
                connection: Arc::clone(&connection),
                notices: Arc::clone(&self.notices),
            };
            task.spawn(watch.for_ever());
            self.following.insert(place, (connection, task));
        }
    }
}

struct Watch {
    directory: Directory,
    place: Place,
    connection: Arc<Connection>,
    notices: Arc<Notices>,
}

impl Watch {
    async fn for_ever(self) {
        let mut pause = PAUSE_MIN;
        let mut told: Option<String> = None;
        loop {
            let begun = std::time::Instant::now();
            match self.once().await {
                Ok(()) => {
                    told = None;
                    tracing::info!(organisation = %self.place.0, connection = %self.place.1, "the directory ended the wait for changes; waiting anew");
                }
                Err(error) => {
                    let error = unnamed(&error);
                    // What goes on for a night is one line, not a thousand.
                    if told.as_ref() == Some(&error) {
                        tracing::debug!(organisation = %self.place.0, connection = %self.place.1, error, "still cannot wait for changes");
                    } else {
                        tracing::warn!(organisation = %self.place.0, connection = %self.place.1, error, "cannot wait for changes; trying again, and the schedules go on");
                        told = Some(error);
                    }
                }
            }
            if begun.elapsed() > PAUSE_MAX {
                pause = PAUSE_MIN;
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    /// Waits on one connection each for people and groups, until one of them ends.
    async fn once(&self) -> Result<(), WatchError> {
        let directory = self.connection.ldap.as_ref().ok_or(WatchError::NoDirectory)?;
        let settings = source::settings(directory)?;
        let organisation = self.directory.load_organisation(self.place.0).await?;
        let own = organisation.custom(Bearer::User);
        let mapping = Mapping::compile(&self.connection, own)?;
        let mut ldap = LdapConnection::open(&settings).await?;
        let kind = match source::stable_id(directory)? {
            Some(kind) => kind,
            None => Capability::read(&mut ldap).await?.stable_id(),
        };
        ldap.close().await;
        let cursors = cursor::load(&self.directory, self.place.0, &self.place.1).await?;
        let made_with = cursor::fingerprint(&self.connection, own, &Say::of(&self.connection, &organisation));
        let is_good = |cursors: &cursor::Cursors| cursors.settings == made_with;
        let cursors = cursors.filter(is_good);
        if cursors.is_none() {
            // Whatever happened before this wait began is not heard of.
            self.notice();
        }
        let (users, groups) = match cursors {
            Some(cursors) => (Some(cursors.users), cursors.groups),
            None => (None, None),
        };
        let query = source::users(directory, &mapping, kind)?;
        let people = self.wait(&settings, query, users);
        let Some(searched) = &directory.groups else {
            return people.await;
        };
        let teams = self.wait(&settings, source::groups(directory, searched, kind)?, groups);
        tokio::select! {
            ended = people => ended,
            ended = teams => ended,
        }
    }

    async fn wait(&self, settings: &LdapSettings, query: Query, cursor: Option<Cursor>) -> Result<(), WatchError> {
        let mut ldap = LdapConnection::open(settings).await?;
        Ok(wait_for_changes(&mut ldap, &query, cursor.as_ref(), || self.notice()).await?)
    }

    fn notice(&self) {
        self.notices.add(&self.place);
    }
}
