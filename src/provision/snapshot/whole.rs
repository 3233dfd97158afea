//! Reading everything.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Instant;

use crate::ldap::changes::{ChangeMethod, Cursor, mark, read_tree};
use crate::ldap::result_code::{BUSY, UNAVAILABLE};
use crate::ldap::{
    Capability, Complete, ConnectError, Connection as LdapConnection, LdapSettings, LdapUrl, Query, ReadError,
    StableIdKind, read_all,
};
use crate::model::connection::{ChangeReading, Connection, LdapSource};
use crate::provision::authority::Say;
use crate::provision::failure::Kind;
use crate::provision::logged::unnamed;
use crate::provision::mapping::Mapping;
use crate::provision::progress::{Progress, Report, Took, millis};
use crate::provision::roster::Learned;
use crate::provision::source;

use super::apart::apart;
use super::{Extent, Proof, Snapshot, SnapshotError, complete, groups, people};

/// Reads everything.
pub struct WholeReader {
    /// The connection.
    pub connection: Arc<Connection>,
    /// Its rules.
    pub mapping: Arc<Mapping>,
    /// What it has the say over.
    pub say: Say,
    /// Who is told how far it is.
    pub report: Report,
    /// Whether to ask the server where it stands first, so that later readings can go on from there.
    pub marks: bool,
}

/// Everything, and where it was read.
#[derive(Debug)]
pub struct Whole {
    /// What was read.
    pub snapshot: Snapshot,
    /// The server that was read.
    pub server: LdapUrl,
    /// Where the server stood before the reading of people and of groups: what changed meanwhile is read again. `None`
    /// when nobody asked, or when the server does not say.
    pub marks: Option<(Cursor, Option<Cursor>)>,
    /// What the groups hold, if later readings will ask.
    pub(in crate::provision) learned: Learned,
    /// How long reading took.
    pub took: Took,
}

impl WholeReader {
    /// Reads people and groups, each on a connection of its own: some servers allow one paged reading per connection.
    ///
    /// # Errors
    /// [`SnapshotError`]; there is no snapshot of a half.
    pub async fn read(self) -> Result<Whole, SnapshotError> {
        // A panic on some entry must end as a failed run.
        let read = apart(move || async move { self.read_here().await });
        read.await.unwrap_or(Err(SnapshotError::Crashed))
    }

    /// All of it from one server, the first of the list that lasts to the end: of two servers one may be ahead of the other,
    /// and people of the one and groups of the other are no directory.
    async fn read_here(&self) -> Result<Whole, SnapshotError> {
        let directory = self.connection.ldap.as_ref().ok_or(SnapshotError::NoDirectory)?;
        let mut settings = source::settings(directory)?;
        let mut lost = None;
        loop {
            let first = match LdapConnection::open(&settings).await {
                Ok(first) => first,
                // That nobody else answers is less than why the one that answered was lost.
                Err(error) => return Err(lost.unwrap_or_else(|| error.into())),
            };
            let server = first.url().clone();
            let error = match self.read_from(directory, &settings, first).await {
                Err(error) if is_lost(&error) => error,
                outcome => return outcome,
            };
            settings.urls.retain(|url| *url != server);
            if settings.urls.is_empty() {
                return Err(lost.unwrap_or(error));
            }
            let reason = unnamed(&error);
            tracing::warn!(%server, error = reason, "the server was lost while it was read; beginning again with the next");
            lost.get_or_insert(error);
        }
    }

    async fn read_from(
        &self,
        directory: &LdapSource,
        settings: &LdapSettings,
        mut first: LdapConnection,
    ) -> Result<Whole, SnapshotError> {
        let settings = LdapSettings {
            urls: vec![first.url().clone()],
            ..settings.clone()
        };
        let capability = Capability::read(&mut first).await;
        let capability = capability.map_err(|error| failed("the root DSE", error))?;
        let kind = source::stable_id(directory)?.unwrap_or_else(|| capability.stable_id());
        let query = source::users(directory, &self.mapping, kind)?;
        let group_query = group_query(directory, kind)?;
        let marks = match capability.change_method() {
            Some(method) if self.marks && directory.changes == ChangeReading::Auto => {
                try_marks(&settings, &query, group_query.as_ref(), method).await
            }
            _ => None,
        };
        let begun = Instant::now();
        let mut collected = people::Collector::new(&self.mapping);
        let mut count = 0;
        let people = read_all(&mut first, &query, |entry| {
            collected.add(entry);
            count += 1;
            if count % 500 == 0 {
                (self.report)(Progress::Reading {
                    people: count,
                    groups: 0,
                });
            }
            ControlFlow::Continue(())
        });
        let people_read = people.await.map_err(|error| failed("people", error))?;
        let server = first.url().clone();
        first.close().await;
        let collected = collected.finish();
        let people_ms = millis(begun);
        let begun = Instant::now();
        let mut readings = vec![(Kind::User, people_read)];
        let mut found = None;
        if let Some(query) = &group_query {
            let (read, groups) = self.read_groups(directory, &settings, query, &collected).await?;
            readings.push((Kind::Group, read));
            found = Some(groups);
        }
        (self.report)(Progress::Reading {
            people: count,
            groups: found.as_ref().map_or(0, |found| found.groups.len() as u64),
        });
        let readings: Vec<_> = readings.iter().map(|(kind, complete)| (*kind, complete)).collect();
        let proof = Proof::of(&readings);
        let rosters = found.as_mut().and_then(|found| found.rosters.take());
        Ok(Whole {
            learned: rosters.map_or(Learned::Needless, Learned::All),
            snapshot: complete(proof, Extent::Whole, collected, found, &self.mapping, &self.say),
            server,
            marks,
            took: Took {
                people_ms,
                groups_ms: millis(begun),
            },
        })
    }

    /// The groups, with what each names where a later reading will ask.
    async fn read_groups(
        &self,
        directory: &LdapSource,
        settings: &LdapSettings,
        query: &Query,
        collected: &people::Collected,
    ) -> Result<(Complete, groups::Found), SnapshotError> {
        let mut collector = groups::Collector::new(collected, &directory.member_attributes);
        if self.mapping.needs_groups() || !collected.by_primary_group.is_empty() {
            collector.keep_rosters();
        }
        let mut second = LdapConnection::open(settings).await?;
        let read = read_all(&mut second, query, |entry| {
            collector.add(entry);
            ControlFlow::Continue(())
        });
        let read = read.await.map_err(|error| failed("groups", error))?;
        second.close().await;
        Ok((read, collector.finish(directory.nesting, self.mapping.needs_groups())))
    }
}

/// The reading of groups, when the connection has one.
pub(super) fn group_query(directory: &LdapSource, kind: StableIdKind) -> Result<Option<Query>, SnapshotError> {
    let searched = directory.groups.as_ref();
    let query = searched.map(|searched| source::groups(directory, searched, kind));
    Ok(query.transpose()?)
}

pub(super) fn failed(what: &'static str, error: ReadError) -> SnapshotError {
    SnapshotError::Read { what, error }
}

/// Where the server stands with people, and with groups if they are read: with both or with neither.
async fn try_marks(
    settings: &LdapSettings,
    users: &Query,
    groups: Option<&Query>,
    method: ChangeMethod,
) -> Option<(Cursor, Option<Cursor>)> {
    let users = try_mark(settings, users, method).await;
    match (users, groups) {
        (Some(users), Some(query)) => {
            let groups = try_mark(settings, query, method).await;
            groups.map(|groups| (users, Some(groups)))
        }
        (users, None) => users.map(|users| (users, None)),
        (None, Some(_)) => None,
    }
}

/// Whether another server may do what this one could not: it went away, fell silent, or says that it cannot work now.
pub(super) fn is_lost(error: &SnapshotError) -> bool {
    match error {
        SnapshotError::Connect(ConnectError::Servers { .. }) => true,
        SnapshotError::Read { error, .. } => matches!(
            error,
            ReadError::ConnectionLost { .. }
                | ReadError::Timeout { .. }
                | ReadError::ResultCode {
                    code: BUSY | UNAVAILABLE,
                    ..
                }
        ),
        _ => false,
    }
}

/// Of the server that is read: one that is ahead of it would leave out what lies between the two. On a connection of its own, because one that failed is spent. OpenLDAP offers content synchronisation for all its databases
/// when one has it, so time stamps are asked for when the server refuses. A connection that was lost says nothing about what
/// the server can do: then there is no mark, and the next reading is a whole one too.
async fn try_mark(settings: &LdapSettings, query: &Query, method: ChangeMethod) -> Option<Cursor> {
    let mut methods = vec![method];
    if method == ChangeMethod::ContentSync {
        methods.push(ChangeMethod::ModifyTimestamp);
    }
    for method in methods {
        let mut connection = LdapConnection::open(settings).await.ok()?;
        let tree = read_tree(&mut connection, query).await;
        if let Err(error) = &tree {
            let error = unnamed(error);
            tracing::info!(error, "organisational units cannot be followed on this server");
            connection = LdapConnection::open(settings).await.ok()?;
        }
        match mark(&mut connection, query, method).await {
            Ok(cursor) => {
                connection.close().await;
                return Some(match tree {
                    Ok(tree) => cursor.with_tree(tree),
                    Err(_) => cursor,
                });
            }
            Err(error) => {
                let is_refusal = matches!(error, ReadError::NoMark(_) | ReadError::ResultCode { .. });
                let error = unnamed(&error);
                tracing::info!(%method, error, "changes cannot be read from this server by this method");
                if !is_refusal {
                    return None;
                }
            }
        }
    }
    None
}
