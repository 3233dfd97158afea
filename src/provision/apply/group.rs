//! Groups: first every record, so that nested groups are there, then the members in parts.

mod beside;

use std::sync::atomic::Ordering;
use std::time::Instant;

use futures_util::future::BoxFuture;

use crate::directory::link::Link;
use crate::directory::{DirectoryError, Operation, Unit, keys};
use crate::model::id::{GroupId, UserId};
use crate::model::membership::Member;
use crate::model::origin::Origin;
use crate::model::record;
use crate::provision::failure::{Failure, FailureReason, Kind};
use crate::provision::flight::Flight;
use crate::provision::lease::Claim;
use crate::provision::person::Context;
use crate::provision::plan::{GroupAction, GroupStep, PlannedMember};
use crate::provision::progress::millis;
use crate::provision::snapshot::SnapshotGroup;
use crate::provision::team::{self, MemberStep, Team};

use super::{Applied, Applier, GROUPS_IN_FLIGHT, IN_FLIGHT, MEMBERS, Trouble};
use beside::{Finish, MembersChange, StillLinked};

impl Applier<'_> {
    pub(in crate::provision) async fn groups(&self, applied: &mut Applied) -> Result<(), DirectoryError> {
        let begun = Instant::now();
        // A group that goes gives its members up first; one that comes has to be there first.
        let (going, staying): (Vec<&GroupStep>, Vec<&GroupStep>) =
            self.plan.groups.iter().partition(|step| is_going(step.action));
        for step in going {
            let outcome = self.leaving_group(step).await;
            self.note(step, outcome, applied)?;
        }
        let mut ready = Vec::new();
        for part in staying.chunk_by(|one, other| one.action == other.action) {
            let mut steps = part.iter().copied();
            let mut flight = Flight::new(IN_FLIGHT);
            loop {
                while flight.has_room()
                    && let Some(step) = steps.next()
                {
                    flight.start(self.staying_group(step));
                }
                let Some((step, outcome)) = flight.next().await else {
                    break;
                };
                match outcome {
                    Ok(Some(group)) => ready.push((step, group)),
                    Ok(None) => self.note(step, Ok(()), applied)?,
                    Err(trouble) => self.note(step, Err(trouble), applied)?,
                }
            }
        }
        applied.took.groups_ms = millis(begun);
        let begun = Instant::now();
        let ready = self.let_leave(ready, applied).await?;
        // Where a group gives seats, it is the same people each time who get them: one group after the other.
        let (seating, others): (Vec<_>, Vec<_>) = ready.into_iter().partition(|(step, _)| step.takes_seats());
        for (ready, room) in [(others, GROUPS_IN_FLIGHT), (seating, 1)] {
            let mut ready = ready.into_iter();
            let mut flight = Flight::new(room);
            loop {
                while flight.has_room()
                    && let Some((step, group)) = ready.next()
                {
                    flight.start(self.group_members(step, group));
                }
                let Some((step, outcome)) = flight.next().await else {
                    break;
                };
                self.note(step, outcome, applied)?;
            }
        }
        applied.memberships_ms = millis(begun);
        self.directory.purge_groups(self.permit.organisation()).await
    }

    /// Everybody leaves before anybody comes in: seats are free then. Answers the groups that go on.
    async fn let_leave<'a>(
        &'a self,
        ready: Vec<(&'a GroupStep, GroupId)>,
        applied: &mut Applied,
    ) -> Result<Vec<(&'a GroupStep, GroupId)>, DirectoryError> {
        let (leaving, mut staying): (Vec<_>, Vec<_>) = ready.into_iter().partition(|(step, _)| !step.remove.is_empty());
        let mut leaving = leaving.into_iter();
        let mut flight = Flight::new(GROUPS_IN_FLIGHT);
        loop {
            while flight.has_room()
                && let Some((step, group)) = leaving.next()
            {
                flight.start(self.leaving_members(step, group));
            }
            let Some((step, outcome)) = flight.next().await else {
                break;
            };
            match outcome {
                Ok(group) => staying.push((step, group)),
                Err(trouble) => self.note(step, Err(trouble), applied)?,
            }
        }
        staying.sort_by(|(one, _), (other, _)| (one.action, &one.external_id).cmp(&(other.action, &other.external_id)));
        Ok(staying)
    }

    fn leaving_members<'a>(
        &'a self,
        step: &'a GroupStep,
        group: GroupId,
    ) -> BoxFuture<'a, (&'a GroupStep, Result<GroupId, Trouble>)> {
        Box::pin(async move {
            for part in step.remove.chunks(MEMBERS) {
                if let Err(trouble) = self.change(group, MemberStep::Remove(part.to_vec())).await {
                    return (step, Err(trouble));
                }
            }
            (step, Ok(group))
        })
    }

    fn staying_group<'a>(
        &'a self,
        step: &'a GroupStep,
    ) -> BoxFuture<'a, (&'a GroupStep, Result<Option<GroupId>, Trouble>)> {
        Box::pin(async move { (step, self.record(step).await) })
    }

    fn group_members<'a>(
        &'a self,
        step: &'a GroupStep,
        group: GroupId,
    ) -> BoxFuture<'a, (&'a GroupStep, Result<(), Trouble>)> {
        Box::pin(async move { (step, self.members(step, group).await) })
    }

    fn note(
        &self,
        step: &GroupStep,
        outcome: Result<(), Trouble>,
        applied: &mut Applied,
    ) -> Result<(), DirectoryError> {
        match outcome {
            Ok(()) => applied.changed += 1,
            Err(Trouble::Run(error)) => return Err(error),
            Err(Trouble::Entry(reason)) => applied.failures.push(Failure {
                kind: Kind::Group,
                external_id: Some(step.external_id.clone()),
                name: Some(step.name.clone()),
                reason,
            }),
        }
        self.advance();
        Ok(())
    }

    async fn leaving_group(&self, step: &GroupStep) -> Result<(), Trouble> {
        if let (GroupAction::Unlink | GroupAction::Empty, Some(group)) = (step.action, step.group) {
            // Nobody is taken out of a group that has changed hands since the plan was made.
            let ask = StillLinked {
                context: self.context,
                lease: self.lease,
                step,
            };
            let is_linked = self.directory.run(self.permit, &ask).await;
            if !is_linked.map_err(|error| self.trouble(error))? {
                return Err(Trouble::Entry(FailureReason::Outdated));
            }
            for part in step.remove.chunks(MEMBERS) {
                self.change(group, MemberStep::Remove(part.to_vec())).await?;
            }
        }
        self.record(step).await?;
        if step.action == GroupAction::Delete {
            self.moved.fetch_add(step.remove.len() as u64, Ordering::Relaxed);
        }
        Ok(())
    }

    /// The record's part of a step. The group, when members are to follow.
    async fn record(&self, step: &GroupStep) -> Result<Option<GroupId>, Trouble> {
        let change = RecordChange {
            context: self.context,
            lease: self.lease,
            step,
            entry: step.index.map(|index| &self.snapshot.groups()[index as usize]),
        };
        match self.directory.run(self.permit, &change).await {
            Ok(Ok(group)) => Ok(group),
            Ok(Err(reason)) => Err(Trouble::Entry(reason)),
            Err(error) => Err(self.trouble(error)),
        }
    }

    async fn members(&self, step: &GroupStep, group: GroupId) -> Result<(), Trouble> {
        let mut missing = step.missing;
        for part in step.add.chunks(MEMBERS) {
            let members = self.resolve(part).await.map_err(|error| self.trouble(error))?;
            missing += (part.len() - members.len()) as u64;
            missing += self.add(group, members).await?;
        }
        // The hash says "all of this is done", so it is not remembered before that is true.
        let finish = Finish {
            context: self.context,
            lease: self.lease,
            step,
            group,
            is_whole: missing == 0,
        };
        let finished = self.directory.run(self.permit, &finish).await;
        finished.map_err(|error| self.trouble(error))?;
        // What the plan foresaw is listed already.
        match missing - step.missing {
            0 => Ok(()),
            count => Err(Trouble::Entry(FailureReason::MembersMissing { count })),
        }
    }

    /// Adds members; one who is refused (no seat of a licence that the group gives) does not stop the others. Answers how
    /// many were.
    async fn add(&self, group: GroupId, members: Vec<Member>) -> Result<u64, Trouble> {
        let together = self.change(group, MemberStep::Add(members.clone())).await;
        match together {
            Err(Trouble::Entry(_)) if members.len() > 1 => {}
            Err(Trouble::Entry(_)) => return Ok(1),
            Err(trouble) => return Err(trouble),
            Ok(unknown) => return Ok(unknown),
        }
        let mut refused = 0;
        for member in members {
            match self.change(group, MemberStep::Add(vec![member])).await {
                Ok(unknown) => refused += unknown,
                Err(Trouble::Entry(_)) => refused += 1,
                Err(trouble) => return Err(trouble),
            }
        }
        Ok(refused)
    }

    async fn change(&self, group: GroupId, change: MemberStep) -> Result<u64, Trouble> {
        let (MemberStep::Add(members) | MemberStep::Remove(members) | MemberStep::Replace(members)) = &change;
        let count = members.len() as u64;
        let change = MembersChange {
            context: self.context,
            lease: self.lease,
            group,
            change,
        };
        let unknown = self.directory.run(self.permit, &change).await;
        let unknown = unknown.map_err(|error| self.trouble(error))?;
        self.moved.fetch_add(count.saturating_sub(unknown), Ordering::Relaxed);
        Ok(unknown)
    }

    /// Planned members as members; those who did not come about are left out.
    async fn resolve(&self, part: &[PlannedMember]) -> Result<Vec<Member>, DirectoryError> {
        let (organisation, connection) = (self.permit.organisation(), &self.context.connection.name);
        let mut members = Vec::with_capacity(part.len());
        let mut wanted = Vec::new();
        let mut kinds = Vec::new();
        for planned in part {
            let (tag, id) = match planned {
                PlannedMember::Known(member) => {
                    members.push(*member);
                    continue;
                }
                PlannedMember::Person(id) => (b'u', id),
                PlannedMember::Group(id) => (b'g', id),
            };
            wanted.push(keys::link(organisation, connection, tag, id));
            kinds.push(tag);
        }
        if wanted.is_empty() {
            return Ok(members);
        }
        let found = self.directory.store().get_many(wanted).await?;
        for (tag, found) in kinds.into_iter().zip(found) {
            let Some(found) = found else { continue };
            let link: Link = record::decode(&found.value)?;
            members.push(if tag == b'u' {
                Member::User(UserId::new(link.id))
            } else {
                Member::Group(GroupId::new(link.id))
            });
        }
        Ok(members)
    }
}

const fn is_going(action: GroupAction) -> bool {
    matches!(
        action,
        GroupAction::Delete | GroupAction::Unlink | GroupAction::Empty | GroupAction::Miss
    )
}

struct RecordChange<'a> {
    context: Context<'a>,
    lease: &'a Claim,
    step: &'a GroupStep,
    entry: Option<&'a SnapshotGroup>,
}

impl RecordChange<'_> {
    /// Whether somebody else has put a member into the group since the plan was made. Who does so while this is decided
    /// moves the group's mark, and the decision is made again.
    async fn has_members_of_others(&self, unit: &mut Unit, group: GroupId) -> Result<bool, DirectoryError> {
        let connection = self.context.connection;
        if connection.owns_memberships {
            return Ok(false);
        }
        unit.bytes(&keys::group_changes(unit.organisation(), group)).await?;
        let origin = Origin::Connection(connection.name.clone());
        let edges = unit.list_members(group).await?;
        Ok(edges
            .iter()
            .any(|(_, edge)| edge.origins.iter().any(|other| *other != origin)))
    }

    /// Remembers what the source calls the group, and which groups are inside it.
    async fn remember(&self, unit: &mut Unit, group: GroupId) -> Result<(), DirectoryError> {
        let (connection, external_id) = (&self.context.connection.name, &self.step.external_id);
        let tag = Kind::Group.link_tag();
        let key = keys::link(unit.organisation(), connection, tag, external_id);
        let known: Option<Link> = unit.find(&key).await?;
        let mut link = known.unwrap_or_else(|| Link::new(group.uuid()));
        if let Some(entry) = self.entry {
            link.names = entry.names();
            link.is_primary = entry.is_primary();
            link.below = entry.inside().iter().map(ToString::to_string).collect();
        }
        unit.remember_link(connection, tag, external_id, &link).await
    }
}

#[async_trait::async_trait]
impl Operation for RecordChange<'_> {
    type Outcome = Result<Option<GroupId>, FailureReason>;

    async fn attempt(&self, unit: &mut Unit) -> Result<Self::Outcome, DirectoryError> {
        self.lease.relied_on(unit).await?;
        let connection = self.context.connection;
        let key = keys::link(unit.organisation(), &connection.name, b'g', &self.step.external_id);
        let link: Option<Link> = unit.find(&key).await?;
        let group = match self.step.group {
            Some(id) => unit.find_group(id).await?,
            None => None,
        };
        let team = Team {
            external_id: Some(self.step.external_id.clone()),
            display_name: self.step.name.clone(),
            attributes: group.as_ref().map(|group| group.attributes.clone()).unwrap_or_default(),
        };
        let is_linked = link.as_ref().map(|link| GroupId::new(link.id)) == self.step.group;
        match (self.step.action, group, link) {
            (GroupAction::Create, None, None) => {
                let group = team::create(unit, self.context, &team).await?;
                self.remember(unit, group.id).await?;
                Ok(Ok(Some(group.id)))
            }
            // Whether it may be adopted is looked at again there.
            (GroupAction::Adopt, Some(group), None) => {
                team::update(unit, self.context, &group, &team).await?;
                self.remember(unit, group.id).await?;
                Ok(Ok(Some(group.id)))
            }
            (GroupAction::Keep | GroupAction::Rename, Some(group), Some(_)) if is_linked => {
                team::update(unit, self.context, &group, &team).await?;
                self.remember(unit, group.id).await?;
                Ok(Ok(Some(group.id)))
            }
            (action @ (GroupAction::Miss | GroupAction::Empty), Some(_), Some(mut link)) if is_linked => {
                link.missed += 1;
                link.missing_since = (action == GroupAction::Empty).then(|| unit.now());
                // Until the group is back, nothing goes by its names.
                link.names.clear();
                let name = &connection.name;
                unit.remember_link(name, Kind::Group.link_tag(), &self.step.external_id, &link)
                    .await?;
                Ok(Ok(None))
            }
            (GroupAction::Delete, Some(group), Some(_)) if is_linked && group.held_by().len() == 1 => {
                if self.has_members_of_others(unit, group.id).await? {
                    return Ok(Err(FailureReason::Outdated));
                }
                team::remove(unit, self.context, &group).await?;
                Ok(Ok(None))
            }
            (GroupAction::Unlink, Some(group), Some(_)) if is_linked => {
                team::let_go(unit, self.context, &group).await?;
                Ok(Ok(None))
            }
            _ => Ok(Err(FailureReason::Outdated)),
        }
    }
}
