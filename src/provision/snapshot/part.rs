//! Reading what changed, and as much around it as it touches: the groups that name somebody who came, those that held
//! somebody who left, and the groups above and inside them.
//!
//! The result is a snapshot of a part: the planner compares it with the model as it does a whole one, and everything that is
//! not in it stays as it is. Whatever cannot be told from a part makes a [`WhyWhole`].

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Instant;

use thiserror::Error;
use uuid::Uuid;

use crate::directory::{Directory, DirectoryError};
use crate::ldap::changes::{ChangeError, Cursor, read_by_ids, read_changes, read_presence};
use crate::ldap::{
    Capability, Complete, ConnectError, Connection as LdapConnection, Entry, LdapUrl, Query, ReadError, StableId,
    StableIdKind,
};
use crate::model::connection::{Connection, LdapSource};
use crate::model::id::OrganisationId;
use crate::provision::authority::Say;
use crate::provision::failure::Kind;
use crate::provision::logged::unnamed;
use crate::provision::mapping::Mapping;
use crate::provision::progress::{Progress, Report, Took, millis};
use crate::provision::reading::WhyWhole;
use crate::provision::roster::Learned;
use crate::provision::source;

use super::apart::apart;
use super::follow::{Follower, ReadPeople, names_of};
use super::names::dn_name;
use super::reach::Memory;
use super::rosters::Rosters;
use super::touched::{Around, GroupReader};
use super::whole::{failed, group_query, is_lost};
use super::{Extent, Proof, Snapshot, SnapshotError, complete, groups, people};

/// What a part is measured from.
#[derive(Debug, Clone)]
pub enum From {
    /// Where the readings of people and of groups ended.
    Changes {
        /// People.
        users: Box<Cursor>,
        /// Groups, when they are read.
        groups: Option<Box<Cursor>>,
    },
    /// Who is known.
    Presence,
    /// Nothing: only the entries to look at again are read ([`PartReader::is_retry`]).
    Failures,
}

/// Why there is no part.
#[derive(Debug, Error)]
pub enum PartError {
    /// Everything has to be read.
    #[error("everything has to be read: {0}")]
    Whole(WhyWhole),
    /// The directory cannot be read now.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// The store cannot be read now.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
}

impl std::convert::From<ConnectError> for PartError {
    fn from(error: ConnectError) -> Self {
        Self::Snapshot(error.into())
    }
}

impl std::convert::From<source::SourceError> for PartError {
    fn from(error: source::SourceError) -> Self {
        Self::Snapshot(error.into())
    }
}

/// What changed, and where the next reading goes on.
#[derive(Debug)]
pub struct Part {
    /// What was read.
    pub snapshot: Snapshot,
    /// The server that was read.
    pub server: LdapUrl,
    /// Where it ended; `None` when identifiers were compared.
    pub cursors: Option<(Cursor, Option<Cursor>)>,
    /// The entries that were looked at: what an earlier run noted of them is settled.
    pub settled: BTreeSet<(Kind, String)>,
    /// What groups hold, as far as it changed.
    pub(in crate::provision) learned: Learned,
    /// How long reading took.
    pub took: Took,
}

/// Reads a part.
pub struct PartReader {
    /// The model.
    pub directory: Directory,
    /// Whose.
    pub organisation: OrganisationId,
    /// The connection.
    pub connection: Arc<Connection>,
    /// Its rules.
    pub mapping: Arc<Mapping>,
    /// What it has the say over.
    pub say: Say,
    /// Who is told how far it is.
    pub report: Report,
    /// Entries to look at again because they failed.
    pub retry: Vec<(Kind, String)>,
    /// Whether nothing else is looked at.
    pub is_retry: bool,
    /// Whether the last whole reading left behind what the groups of the source hold.
    pub knows_groups: bool,
}

/// What one reading said of people or of groups.
#[derive(Default)]
pub(super) struct Heard {
    pub(super) gone: BTreeSet<String>,
    pub(super) read: BTreeSet<String>,
    cursor: Option<Cursor>,
    unidentified: Vec<(Kind, String)>,
    lacks_ids: bool,
    referrals: u64,
    sees_deletions: Option<bool>,
}

impl Heard {
    pub(super) fn note(&mut self, kind: Kind, complete: &Complete) {
        self.lacks_ids |= !complete.proves_absence();
        // Each search of the same tree counts them anew.
        self.referrals = self.referrals.max(complete.referrals());
        let dns = complete.unidentified_dns().iter();
        self.unidentified.extend(dns.map(|dn| (kind, dn.clone())));
    }
}

/// Groups that were read, and those of them that do not name everybody.
type Found = (BTreeMap<String, Entry>, BTreeMap<String, bool>);

impl PartReader {
    /// Reads a part.
    ///
    /// # Errors
    /// [`PartError`]; there is no part of a part.
    pub async fn read(self, from: From) -> Result<Part, PartError> {
        // A panic on some entry must end as a failed run.
        let read = apart(move || async move { self.read_here(from).await });
        read.await.unwrap_or_else(|| Err(SnapshotError::Crashed.into()))
    }

    /// All of it from one server, the first of the list that lasts to the end. At another one a mark may be worth nothing:
    /// then everything is read.
    async fn read_here(&self, from: From) -> Result<Part, PartError> {
        let directory = self.connection.ldap.as_ref().ok_or(SnapshotError::NoDirectory)?;
        let mut settings = source::settings(directory)?;
        let mut lost: Option<SnapshotError> = None;
        loop {
            let ldap = match LdapConnection::open(&settings).await {
                Ok(ldap) => ldap,
                // That nobody else answers is less than why the one that answered was lost.
                Err(error) => return Err(lost.unwrap_or_else(|| error.into()).into()),
            };
            let server = ldap.url().clone();
            let error = match self.read_from(directory, ldap, &from).await {
                Err(PartError::Snapshot(error)) if is_lost(&error) => error,
                outcome => return outcome,
            };
            settings.urls.retain(|url| *url != server);
            if settings.urls.is_empty() {
                return Err(lost.unwrap_or(error).into());
            }
            let reason = unnamed(&error);
            tracing::warn!(%server, error = reason, "the server was lost while it was read; beginning again with the next");
            lost.get_or_insert(error);
        }
    }

    async fn read_from(
        &self,
        directory: &LdapSource,
        mut ldap: LdapConnection,
        from: &From,
    ) -> Result<Part, PartError> {
        let kind = self.stable_id(directory, &mut ldap).await?;
        let (user_cursor, group_cursor) = match from {
            From::Changes { users, groups } => (Some(users.as_ref()), groups.as_deref()),
            From::Presence | From::Failures => (None, None),
        };
        let query = source::users(directory, &self.mapping, kind)?;
        let mut people = ReadPeople::new(&self.mapping);
        let mut take = |entry: Entry| people.take(entry);
        let begun = Instant::now();
        let users = self.hear(&mut ldap, &query, Kind::User, user_cursor, &mut take).await?;
        let people_ms = millis(begun);
        let begun = Instant::now();
        let mut heard = vec![users];
        let (mut found, mut rosters) = (None, None);
        if let Some(group_query) = group_query(directory, kind)? {
            // Cursors without groups are from before groups were read; their settings differ, so this is never met.
            if matches!(from, From::Changes { .. }) && group_cursor.is_none() {
                return Err(PartError::Whole(WhyWhole::NoMark));
            }
            let queries = (&query, &group_query);
            let (groups, around, known) = self
                .groups(directory, &mut ldap, queries, group_cursor, &mut people, &mut heard[0])
                .await?;
            heard.push(groups);
            for (id, names) in around.named {
                people.collector.know(&id, names.into());
            }
            found = Some((around.entries, around.open));
            rosters = known;
        }
        let server = ldap.url().clone();
        ldap.close().await;
        (self.report)(Progress::Reading {
            people: people.called.len() as u64,
            groups: found.as_ref().map_or(0, |(entries, _)| entries.len() as u64),
        });
        let collected = people.collector.finish();
        let names_of = match rosters.as_ref().filter(|_| self.mapping.needs_groups()) {
            Some(rosters) => names_of(rosters, &collected, &people.called).await?,
            None => HashMap::new(),
        };
        let part = self.part(server, directory, heard, collected, (found, names_of));
        let groups_ms = millis(begun);
        Ok(Part {
            took: Took { people_ms, groups_ms },
            learned: rosters.map_or(Learned::Nothing, Rosters::learned),
            ..part
        })
    }

    /// The groups that changed, the people whom that concerns, and the groups around both.
    async fn groups<'s>(
        &'s self,
        directory: &'s LdapSource,
        ldap: &mut LdapConnection,
        (users, groups): (&Query, &Query),
        cursor: Option<&Cursor>,
        people: &mut ReadPeople<'_>,
        heard: &mut Heard,
    ) -> Result<(Heard, Around, Option<Rosters<'s>>), PartError> {
        let mut entries: BTreeMap<String, Entry> = BTreeMap::new();
        let mut take = |entry: Entry| drop(entries.insert(entry.stable_id.as_str().to_owned(), entry));
        let changed = self.hear(ldap, groups, Kind::Group, cursor, &mut take).await?;
        let follower = Follower {
            memory: self.memory(),
            users,
            groups,
            member_attributes: &directory.member_attributes,
            needs_groups: self.mapping.needs_groups(),
            knows_groups: self.knows_groups,
            limit: directory.changes_max,
        };
        let mut followed = follower.follow(ldap, people, heard, &changed.gone, entries).await?;
        let reader = GroupReader {
            memory: self.memory(),
            users,
            groups,
            member_attributes: &directory.member_attributes,
            called: &people.called,
            gone_people: &heard.gone,
            gone_groups: &changed.gone,
        };
        let entries = std::mem::take(&mut followed.entries);
        let around = reader.read(ldap, entries, &followed).await?;
        Ok((changed, around, followed.rosters))
    }

    /// Everything that was heard, as a snapshot.
    fn part(
        &self,
        server: LdapUrl,
        directory: &LdapSource,
        heard: Vec<Heard>,
        collected: people::Collected,
        (entries, names_of): (Option<Found>, HashMap<u32, Vec<String>>),
    ) -> Part {
        let found = entries.map(|(entries, open)| {
            let mut collector = groups::Collector::new(&collected, &directory.member_attributes);
            entries.into_values().for_each(|entry| collector.add(entry));
            let mut found = collector.finish(directory.nesting, false);
            found.open(&open);
            found.names_of = names_of;
            found
        });
        let mut proof = Proof {
            unidentified: Vec::new(),
            proves_absence: true,
            referrals: 0,
            sees_deletions: None,
        };
        // What was asked for again and did not come is not in the reading any more.
        let mut settled: BTreeSet<_> = self.retry.iter().cloned().collect();
        let (mut gone, mut cursors) = (Vec::new(), Vec::new());
        for (kind, heard) in [Kind::User, Kind::Group].into_iter().zip(heard) {
            proof.unidentified.extend(heard.unidentified);
            proof.proves_absence &= !heard.lacks_ids;
            proof.referrals += heard.referrals;
            if let Some(sees) = heard.sees_deletions {
                proof.sees_deletions = Some(sees && proof.sees_deletions.unwrap_or(true));
            }
            settled.extend(heard.read.iter().chain(&heard.gone).map(|id| (kind, id.clone())));
            gone.push(heard.gone.difference(&heard.read).cloned().collect());
            cursors.push(heard.cursor);
        }
        let mut gone = gone.into_iter();
        let extent = Extent::Part {
            gone_people: gone.next().unwrap_or_default(),
            gone_groups: gone.next().unwrap_or_default(),
        };
        let mut cursors = cursors.into_iter();
        let users = cursors.next().flatten();
        Part {
            snapshot: complete(proof, extent, collected, found, &self.mapping, &self.say),
            server,
            cursors: users.map(|users| (users, cursors.next().flatten())),
            settled,
            learned: Learned::Nothing,
            took: Took::default(),
        }
    }

    async fn stable_id(&self, directory: &LdapSource, ldap: &mut LdapConnection) -> Result<StableIdKind, PartError> {
        if let Some(kind) = source::stable_id(directory)? {
            return Ok(kind);
        }
        let capability = Capability::read(ldap).await;
        Ok(capability.map_err(|error| failed("the root DSE", error))?.stable_id())
    }

    fn memory(&self) -> Memory<'_> {
        Memory {
            directory: &self.directory,
            organisation: self.organisation,
            connection: &self.connection.name,
        }
    }

    /// Listens to one reading: of changes, of who is there, or of one after the other when the server cannot say who is gone.
    async fn hear(
        &self,
        ldap: &mut LdapConnection,
        query: &Query,
        kind: Kind,
        cursor: Option<&Cursor>,
        take: &mut (dyn FnMut(Entry) + Send),
    ) -> Result<Heard, PartError> {
        let what = match kind {
            Kind::User => "people",
            Kind::Group => "groups",
        };
        let failed = |error| PartError::from(failed(what, error));
        let mut heard = Heard::default();
        let mut is_whole_answer = self.is_retry;
        if let Some(cursor) = cursor {
            let changed = read_changes(ldap, query, cursor, |entry| {
                heard.read.insert(entry.stable_id.as_str().to_owned());
                take(entry);
                ControlFlow::Continue(())
            });
            let changed = changed.await.map_err(|error| match error {
                ChangeError::FullReadRequired(reason) => PartError::Whole(reason.into()),
                ChangeError::Read(error) => failed(error),
            })?;
            heard.gone = changed.gone().iter().map(|id| id.as_str().to_owned()).collect();
            heard.lacks_ids |= changed.unidentified() > 0;
            heard.referrals = changed.referrals();
            heard.sees_deletions = Some(changed.sees_deletions());
            heard.cursor = Some(changed.cursor().clone());
            is_whole_answer = !changed.needs_presence_pass();
        }
        let mut wanted: Vec<StableId> = Vec::new();
        if !is_whole_answer {
            let (unlike, complete) = self.compare(ldap, query, kind, &mut heard).await?;
            heard.note(kind, &complete);
            wanted = unlike;
        }
        let again = self
            .retry
            .iter()
            .filter(|(of, id)| *of == kind && !heard.gone.contains(id));
        wanted.extend(again.filter_map(|(_, id)| StableId::parse(query.stable_id, id).ok()));
        wanted.retain(|id| !heard.read.contains(id.as_str()));
        wanted.sort();
        wanted.dedup();
        let complete = read_by_ids(ldap, query, &wanted, |entry| {
            heard.read.insert(entry.stable_id.as_str().to_owned());
            take(entry);
            ControlFlow::Continue(())
        });
        let complete = complete.await.map_err(failed)?;
        heard.note(kind, &complete);
        Ok(heard)
    }

    /// Compares who is there with who is known: those to read, and those who are gone.
    async fn compare(
        &self,
        ldap: &mut LdapConnection,
        query: &Query,
        kind: Kind,
        heard: &mut Heard,
    ) -> Result<(Vec<StableId>, Complete), PartError> {
        let mut there: BTreeMap<String, (StableId, Uuid)> = BTreeMap::new();
        let complete = read_presence(ldap, query, |id, dn| {
            there.insert(id.as_str().to_owned(), (id, Uuid::from_u128(dn_name(dn))));
            ControlFlow::Continue(())
        });
        let complete = complete.await.map_err(|error| failed("who is there", error))?;
        let links = self.memory().all_links(kind).await?;
        // An answer that holds nobody, or far fewer than are known, is for the brake, which judges whole runs.
        let seen = links.iter().filter(|(_, link)| link.is_seen());
        let (now, known) = (there.len() as u64, seen.count() as u64);
        let (lost, few) = (known.saturating_sub(now), u64::from(self.connection.brake.drop_percent));
        if known > 0 && (now == 0 || lost * 100 > known * few) {
            return Err(PartError::Whole(WhyWhole::Brake));
        }
        for (id, link) in links {
            let is_as_it_was = |(_, dn): &(StableId, Uuid)| link.is_seen() && link.names.contains(dn);
            match there.get(&id) {
                None if complete.proves_absence() => drop(heard.gone.insert(id)),
                Some(found) if is_as_it_was(found) => drop(there.remove(&id)),
                None | Some(_) => {}
            }
        }
        let limit = self
            .connection
            .ldap
            .as_ref()
            .map_or(0, |directory| directory.changes_max);
        if there.len() > limit as usize {
            return Err(PartError::Whole(WhyWhole::TooMany { limit }));
        }
        Ok((there.into_values().map(|(id, _)| id).collect(), complete))
    }
}

/// A reading that failed, of people or of groups.
pub(super) fn unread(what: &'static str) -> impl Fn(ReadError) -> PartError {
    move |error| PartError::from(failed(what, error))
}
