//! A plan played through, to see all that it changes: by the very code that applies it, on a rehearsal of the store.
//!
//! So the differences hold what no plan knows: who gets a seat that somebody else gives up, what groups and links of roles give, what
//! fails at the last moment. People come first. Groups are played on top of what that came to, so what they give people is told apart.
//!
//! Nothing of what was played is forgotten before the end, however large the plan is: the rehearsal packs it ([`Rehearsal`]), and
//! tells what changed from there.

mod effect;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use uuid::Uuid;

use crate::directory::keys;
use crate::directory::link::Link;
use crate::directory::{Directory, DirectoryError, Permit};
use crate::model::custom_attribute::Bearer;
use crate::model::group::Group;
use crate::model::id::{GroupId, UserId};
use crate::model::record::{self, Record};
use crate::model::user::User;
use crate::store::{Key, Rehearsal};

use super::apply::{Applied, Applier};
use super::difference::{Difference, Names};
use super::failure::{Failure, FailureReason, Kind};
use super::lease::{Claim, EndBrokenOff};
use super::person::Context;
use super::plan::{GroupStep, PersonStep, Plan};
use super::progress::{Progress, Report};
use super::snapshot::Snapshot;

/// Records of one read.
const CHUNK: usize = 500;

/// Who is told the differences, in the order in which they are found.
#[async_trait]
pub trait Sink: Send {
    /// Takes some more.
    ///
    /// # Errors
    /// Ends the rehearsal.
    async fn take(&mut self, differences: Vec<Difference>) -> Result<(), DirectoryError>;
}

/// Plays a plan through.
pub(super) struct Player<'a> {
    pub(super) directory: &'a Directory,
    pub(super) permit: &'a Permit,
    pub(super) context: Context<'a>,
    pub(super) snapshot: &'a Snapshot,
    pub(super) plan: &'a Plan,
    /// The run, for the lease that is played too.
    pub(super) run: Uuid,
    pub(super) report: &'a Report,
}

/// Two states of the model, and what is known of the names in them.
struct Telling<'a> {
    before: &'a Directory,
    after: &'a Directory,
    groups: BTreeMap<GroupId, String>,
    reasons: BTreeMap<(Kind, String), FailureReason>,
    failures: Vec<Failure>,
}

impl Player<'_> {
    /// Plays everything, and tells what changes. Answers the failures that the plan did not foresee.
    ///
    /// # Errors
    /// As the store's read; what the sink answers.
    pub(super) fn play<'s>(&'s self, sink: &'s mut dyn Sink) -> BoxFuture<'s, Result<Vec<Failure>, DirectoryError>> {
        Box::pin(self.play_here(sink))
    }

    async fn play_here(&self, sink: &mut dyn Sink) -> Result<Vec<Failure>, DirectoryError> {
        let first = Arc::new(self.directory.rehearsal());
        let people = self.directory.rehearse_on(Arc::clone(&first));
        let claim = self.claim(&people).await?;
        let told = Arc::clone(self.report);
        let report: Report = Arc::new(move |progress| told(comparing(progress)));
        let mut telling = Telling {
            before: self.directory,
            after: &people,
            groups: BTreeMap::new(),
            reasons: BTreeMap::new(),
            failures: Vec::new(),
        };
        let applier = self.applier(&people, &claim, &report, 0);
        self.people(&applier, &mut telling, sink).await?;
        let second = Arc::new(Rehearsal::upon(Arc::clone(&first)));
        let all = self.directory.rehearse_on(Arc::clone(&second));
        let applier = self.applier(&all, &claim, &report, self.plan.people.len() as u64);
        let mut applied = Applied::default();
        applier.groups(&mut applied).await?;
        telling.note(applied);
        telling.after = &all;
        let layers = [first.as_ref(), second.as_ref()];
        for step in &self.plan.groups {
            let difference = self.group(step, layers, &mut telling).await?;
            sink.take(difference.in_parts()).await?;
        }
        self.effects(&people, layers, &mut telling, sink).await?;
        Ok(telling.failures)
    }

    fn applier<'s>(&'s self, directory: &'s Directory, lease: &'s Claim, report: &'s Report, done: u64) -> Applier<'s> {
        Applier {
            directory,
            permit: self.permit,
            context: self.context,
            snapshot: self.snapshot,
            plan: self.plan,
            lease,
            report,
            done: AtomicU64::new(done),
            moved: AtomicU64::new(0),
        }
    }

    /// The run's hold on the connection, in the rehearsal alone: a run that is at work is not disturbed.
    async fn claim(&self, rehearsed: &Directory) -> Result<Claim, DirectoryError> {
        let name = &self.context.connection.name;
        rehearsed.run(self.permit, &EndBrokenOff(name.clone())).await?;
        let claim = Claim::new(name, self.run);
        let acquired = claim.acquire(rehearsed, self.permit).await?;
        debug_assert!(acquired.is_ok(), "nobody else is in a rehearsal");
        Ok(claim)
    }

    async fn people(
        &self,
        applier: &Applier<'_>,
        telling: &mut Telling<'_>,
        sink: &mut dyn Sink,
    ) -> Result<(), DirectoryError> {
        applier.make_teams().await?;
        let mut applied = Applied::default();
        let waiting = applier.people(&self.plan.people, Vec::new(), &mut applied).await?;
        applier.rest_of_people(waiting, &mut applied).await?;
        telling.note(applied);
        // Only now: whoever comes last may be what brings somebody else a seat.
        self.tell(&self.plan.people, telling, sink).await
    }

    async fn tell(
        &self,
        steps: &[PersonStep],
        telling: &mut Telling<'_>,
        sink: &mut dyn Sink,
    ) -> Result<(), DirectoryError> {
        for part in steps.chunks(CHUNK) {
            let ids = self.users_of(part, telling.after).await?;
            let before: Vec<Option<User>> = self.read(telling.before, &ids, keys::user).await?;
            let after: Vec<Option<User>> = self.read(telling.after, &ids, keys::user).await?;
            self.learn(telling, &teams_of(&before) | &teams_of(&after)).await?;
            let mut differences = Vec::new();
            for (step, (before, after)) in part.iter().zip(before.iter().zip(&after)) {
                let difference = Difference {
                    kind: Kind::User,
                    action: step.action.as_str().to_owned(),
                    name: step.name.clone(),
                    external_id: Some(step.external_id.clone()),
                    id: before.as_ref().map(|user| user.id.uuid()),
                    changes: self.names(telling).of_user(before.as_ref(), after.as_ref()),
                    failure: telling.reasons.get(&(Kind::User, step.external_id.clone())).cloned(),
                    part: 0,
                };
                differences.extend(difference.in_parts());
            }
            sink.take(differences).await?;
        }
        Ok(())
    }

    /// The users of steps: those who are new by the links that the rehearsal left. One who is not there is the nil identifier.
    async fn users_of(&self, steps: &[PersonStep], after: &Directory) -> Result<Vec<UserId>, DirectoryError> {
        let (organisation, connection) = (self.permit.organisation(), &self.context.connection.name);
        let new = steps.iter().filter(|step| step.user.is_none());
        let links = new.map(|step| keys::link(organisation, connection, Kind::User.link_tag(), &step.external_id));
        let mut found = after.store().get_many(links.collect()).await?.into_iter();
        let mut users = Vec::with_capacity(steps.len());
        for step in steps {
            users.push(match step.user {
                Some(user) => user,
                None => match found.next().flatten() {
                    Some(stored) => UserId::new(record::decode::<Link>(&stored.value)?.id),
                    None => UserId::new(Uuid::nil()),
                },
            });
        }
        Ok(users)
    }

    async fn group(
        &self,
        step: &GroupStep,
        layers: [&Rehearsal; 2],
        telling: &mut Telling<'_>,
    ) -> Result<Difference, DirectoryError> {
        let id = self.group_of(step, telling).await?;
        let mut difference = Difference {
            kind: Kind::Group,
            action: step.action.as_str().to_owned(),
            name: step.name.clone(),
            external_id: Some(step.external_id.clone()),
            id: step.group.map(GroupId::uuid),
            changes: Vec::new(),
            failure: telling.reasons.get(&(Kind::Group, step.external_id.clone())).cloned(),
            part: 0,
        };
        if let Some(id) = id {
            let (before, after) = (
                self.read::<Group, _>(telling.before, &[id], keys::group)
                    .await?
                    .pop()
                    .flatten(),
                self.read::<Group, _>(telling.after, &[id], keys::group)
                    .await?
                    .pop()
                    .flatten(),
            );
            difference.changes = self.names(telling).of_group(before.as_ref(), after.as_ref());
            difference.changes.extend(self.members(id, layers, telling).await?);
        }
        Ok(difference)
    }

    /// The group of a step: one that is new by the link that the rehearsal left.
    async fn group_of(&self, step: &GroupStep, telling: &Telling<'_>) -> Result<Option<GroupId>, DirectoryError> {
        if step.group.is_some() {
            return Ok(step.group);
        }
        let (organisation, connection) = (self.permit.organisation(), &self.context.connection.name);
        let link = keys::link(organisation, connection, Kind::Group.link_tag(), &step.external_id);
        let found = telling.after.store().get(link).await?;
        let link: Option<Link> = found.map(|found| record::decode(&found.value)).transpose()?;
        Ok(link.map(|link| GroupId::new(link.id)))
    }

    fn names<'s>(&'s self, telling: &'s Telling<'_>) -> Names<'s> {
        Names {
            connection: &self.context.connection.name,
            custom: self.context.organisation.custom(Bearer::User),
            groups: &telling.groups,
        }
    }

    /// Learns the names of groups: as they will be, or as they were.
    async fn learn(&self, telling: &mut Telling<'_>, mut unknown: BTreeSet<GroupId>) -> Result<(), DirectoryError> {
        unknown.retain(|id| !telling.groups.contains_key(id));
        let unknown: Vec<GroupId> = unknown.into_iter().collect();
        for part in unknown.chunks(CHUNK) {
            let before: Vec<Option<Group>> = self.read(telling.before, part, keys::group).await?;
            let after: Vec<Option<Group>> = self.read(telling.after, part, keys::group).await?;
            let known = before.into_iter().chain(after).flatten();
            telling.groups.extend(known.map(|group| (group.id, group.display_name)));
        }
        Ok(())
    }

    /// Records by identifier, in the order of the question.
    async fn read<R: Record, I: Copy>(
        &self,
        directory: &Directory,
        ids: &[I],
        key: fn(crate::model::id::OrganisationId, I) -> Key,
    ) -> Result<Vec<Option<R>>, DirectoryError> {
        let wanted = ids.iter().map(|id| key(self.permit.organisation(), *id)).collect();
        let found = directory.store().get_many(wanted).await?.into_iter();
        let records = found.map(|found| found.map(|found| record::decode(&found.value)).transpose());
        Ok(records.collect::<Result<_, _>>()?)
    }
}

impl Telling<'_> {
    fn note(&mut self, applied: Applied) {
        for failure in applied.failures {
            if let Some(id) = &failure.external_id {
                self.reasons.insert((failure.kind, id.clone()), failure.reason.clone());
            }
            self.failures.push(failure);
        }
    }
}

/// The groups that people are in by rule or by home.
fn teams_of(users: &[Option<User>]) -> BTreeSet<GroupId> {
    let users = users.iter().flatten();
    let teams = users.flat_map(|user| user.rule_teams.values().flatten().chain(&user.home_group));
    teams.copied().collect()
}

/// What is applied in a rehearsal is only compared.
const fn comparing(progress: Progress) -> Progress {
    match progress {
        Progress::Applying { done, total } => Progress::Comparing { done, total },
        other => other,
    }
}
