//! Groups: their records, and who comes in and who leaves.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use crate::directory::keys::{self, Unique, fold};
use crate::directory::link::Link;
use crate::directory::user::parse_uuid;
use crate::directory::{DirectoryError, membership::member_uuid};
use crate::model::group::Group;
use crate::model::id::{GroupId, UserId};
use crate::model::membership::Member;
use crate::model::record;
use crate::provision::failure::{Failure, FailureReason, Kind};
use crate::provision::matching::{GroupVerdict, judge_group};
use crate::provision::snapshot::SnapshotGroup;

use super::group_seats::Gives;
use super::leavers::Grace;
use super::linked::Links;
use super::present::Present;
use super::{CHUNK, GroupAction, GroupStep, PersonAction, Plan, PlannedMember, Planner};

/// How the members of the snapshot's groups stand in the model.
struct Standing<'a> {
    people: &'a Links,
    groups: &'a Links,
    /// Entries that this plan makes or adopts.
    new_people: HashSet<u32>,
    new_groups: HashSet<u32>,
    /// Those whose entries were read but cannot be used. Such an entry may have lost the very attribute by which its
    /// groups name it, so nobody of these leaves a group.
    failing: HashSet<Member>,
    /// Those who were read or are gone: nobody else comes into an open group, or leaves one.
    concerned: BTreeSet<Member>,
}

impl Planner<'_> {
    pub(super) async fn groups(&self, people: &Links, known: &Links, plan: &mut Plan) -> Result<(), DirectoryError> {
        let new = plan
            .people
            .iter()
            .filter(|step| matches!(step.action, PersonAction::Create | PersonAction::Adopt));
        let mut standing = Standing {
            people,
            groups: known,
            new_people: new.filter_map(|step| step.index).collect(),
            new_groups: HashSet::new(),
            failing: self.failing(people, known),
            concerned: self.concerned(people),
        };
        let refused = self.refused_groups(known, plan);
        let mut records = self.known_groups(known, &standing, &refused, plan).await?;
        let fresh: Vec<u32> = (0_u32..)
            .zip(&known.entries)
            .filter(|(index, link)| link.is_none() && !refused.contains(index))
            .map(|(index, _)| index)
            .collect();
        for part in fresh.chunks(CHUNK) {
            self.new_groups(part, &mut records, plan).await?;
        }
        let made = records
            .iter()
            .filter(|(_, action, _)| matches!(action, GroupAction::Create | GroupAction::Adopt));
        standing.new_groups = made.map(|(index, _, _)| *index).collect();
        for (index, action, group) in records {
            let entry = &self.snapshot.groups()[index as usize];
            let mut step = self.group_step(entry, action, group.as_ref(), &standing).await?;
            step.index = Some(index);
            let is_named_so = known.entries[index as usize].is_some_and(|link| link.has_same_names);
            if let Some(gives) = &mut step.gives {
                gives.is_named_so = is_named_so;
            }
            if step.missing > 0 {
                let count = step.missing;
                plan.failures
                    .push(self.group_failure(index, FailureReason::MembersMissing { count }));
            }
            let is_unfinished = step.missing > 0 || step.hash.is_none();
            // Nothing but what cannot be done yet: nothing to do.
            let is_idle = action == GroupAction::Keep && step.add.is_empty() && step.remove.is_empty();
            if is_unfinished && is_idle && is_named_so {
                continue;
            }
            plan.groups.push(step);
        }
        self.missing_groups(known, plan).await
    }

    /// Groups that are known and have changed, with what happens to their records.
    async fn known_groups(
        &self,
        known: &Links,
        standing: &Standing<'_>,
        refused: &HashSet<u32>,
        plan: &mut Plan,
    ) -> Result<Vec<(u32, GroupAction, Option<Group>)>, DirectoryError> {
        let mut changed = Vec::new();
        for (index, (entry, link)) in (0_u32..).zip(self.snapshot.groups().iter().zip(&known.entries)) {
            let Some(link) = link.filter(|_| !refused.contains(&index)) else {
                continue;
            };
            // A member who is made anew has to come in, though the source's group is as it was.
            let has_new = entry.people.iter().any(|person| standing.new_people.contains(person));
            if link.is_unchanged && !has_new {
                plan.skipped.groups += 1;
            } else {
                changed.push((index, GroupId::new(link.id)));
            }
        }
        let mut records = Vec::new();
        for part in changed.chunks(CHUNK) {
            let ids: Vec<GroupId> = part.iter().map(|(_, id)| *id).collect();
            for ((index, _), group) in part.iter().zip(self.load_groups(&ids).await?) {
                let Some(group) = group else { continue };
                let name = &self.snapshot.groups()[*index as usize].name;
                let action = if group.display_name == **name {
                    GroupAction::Keep
                } else {
                    GroupAction::Rename
                };
                records.push((*index, action, Some(group)));
            }
        }
        let is_renamed = |(_, action, _): &&(u32, GroupAction, Option<Group>)| *action == GroupAction::Rename;
        plan.renames.groups = records.iter().filter(is_renamed).count() as u64;
        let own: HashSet<GroupId> = records
            .iter()
            .filter_map(|(_, _, group)| Some(group.as_ref()?.id))
            .collect();
        let renamed: Vec<u32> = records
            .iter()
            .filter(|(_, action, _)| *action == GroupAction::Rename)
            .map(|(index, _, _)| *index)
            .collect();
        for part in renamed.chunks(CHUNK) {
            for (index, holder) in part.iter().zip(self.group_name_holders(part).await?) {
                // A group of this plan may be the holder: itself in another case, or one that is renamed away first.
                if holder.is_some_and(|holder| !own.contains(&holder)) {
                    plan.failures.push(self.group_failure(*index, taken()));
                    records.retain(|(place, _, _)| place != index);
                }
            }
        }
        Ok(records)
    }

    async fn new_groups(
        &self,
        part: &[u32],
        records: &mut Vec<(u32, GroupAction, Option<Group>)>,
        plan: &mut Plan,
    ) -> Result<(), DirectoryError> {
        let holders = self.group_name_holders(part).await?;
        let ids: Vec<GroupId> = holders.iter().flatten().copied().collect();
        let held = self.load_groups(&ids).await?.into_iter().flatten();
        let mut held: HashMap<GroupId, Group> = held.map(|group| (group.id, group)).collect();
        for (index, holder) in part.iter().zip(holders) {
            let Some(group) = holder.and_then(|holder| held.remove(&holder)) else {
                match holder {
                    None => records.push((*index, GroupAction::Create, None)),
                    Some(_) => plan.failures.push(self.group_failure(*index, taken())),
                }
                continue;
            };
            match self.adoption(*index, &group).await? {
                GroupVerdict::Adopt => records.push((*index, GroupAction::Adopt, Some(group))),
                GroupVerdict::Refuse => plan.failures.push(self.group_failure(*index, taken())),
                GroupVerdict::Review(question) => {
                    plan.failures
                        .push(self.group_failure(*index, FailureReason::review(&question)));
                    plan.questions.push(*question);
                }
            }
        }
        Ok(())
    }

    /// Whether the connection may link a group that has the name already.
    async fn adoption(&self, index: u32, group: &Group) -> Result<GroupVerdict, DirectoryError> {
        let entry = &self.snapshot.groups()[index as usize];
        if group.external_ids.contains_key(&self.context.connection.name) {
            return Ok(GroupVerdict::Refuse);
        }
        let verdict = judge_group(self.context, group, Some(&entry.external_id), &entry.name);
        let Some(question) = verdict.question().cloned() else {
            return Ok(verdict);
        };
        let said = self.directory.verdicts(self.permit.organisation(), &[question]).await?;
        Ok(verdict.after(said.into_iter().next().flatten()))
    }

    /// Who comes in and who leaves. The connection counts only those whom it holds in the group itself, unless it owns
    /// memberships by policy.
    async fn group_step(
        &self,
        entry: &SnapshotGroup,
        action: GroupAction,
        group: Option<&Group>,
        standing: &Standing<'_>,
    ) -> Result<GroupStep, DirectoryError> {
        let present = match group {
            Some(group) if entry.is_open() => self.present_of(group.id, &standing.concerned).await?,
            Some(group) => self.present(group.id).await?,
            None => Present::default(),
        };
        let gives = group.and_then(|group| gives(group, &present));
        let present = present.members;
        let (mut wanted, mut add, mut missing) = (BTreeSet::new(), Vec::new(), 0);
        let people = entry.people.iter().map(|index| {
            let id = &self.snapshot.people()[*index as usize].external_id;
            let link = standing.people.entries[*index as usize];
            let is_new = standing.new_people.contains(index);
            (
                link.map(|link| Member::User(UserId::new(link.id))),
                is_new.then(|| PlannedMember::Person(Arc::clone(id))),
            )
        });
        let nested = entry.groups.iter().map(|index| {
            let id = &self.snapshot.groups()[*index as usize].external_id;
            let link = standing.groups.entries[*index as usize];
            let is_new = standing.new_groups.contains(index);
            (
                link.map(|link| Member::Group(GroupId::new(link.id))),
                is_new.then(|| PlannedMember::Group(Arc::clone(id))),
            )
        });
        for (known, new) in people.chain(nested) {
            match (known, new) {
                (Some(member), _) => {
                    wanted.insert(member);
                }
                (None, Some(planned)) => add.push(planned),
                (None, None) => missing += 1,
            }
        }
        if entry.is_open() {
            // Of groups it names all.
            wanted.retain(|member| matches!(member, Member::Group(_)) || standing.concerned.contains(member));
        }
        let known: Vec<Member> = wanted.difference(&present).copied().collect();
        add.splice(0..0, known.into_iter().map(PlannedMember::Known));
        let proves_absence = self.snapshot.proves_absence();
        let (remove, kept): (Vec<Member>, Vec<Member>) = present
            .difference(&wanted)
            .partition(|member| proves_absence && !standing.failing.contains(member));
        Ok(GroupStep {
            action,
            external_id: entry.external_id.to_string(),
            name: entry.name.to_string(),
            group: group.map(|group| group.id),
            add,
            remove,
            present: present.len() as u64,
            missing,
            // Those who are kept for now are asked about again; of an open group the hash says nothing.
            hash: (kept.is_empty() && !entry.is_open()).then(|| entry.hash()),
            index: None,
            gives,
        })
    }

    async fn missing_groups(&self, known: &Links, plan: &mut Plan) -> Result<(), DirectoryError> {
        if !self.snapshot.proves_absence() {
            return Ok(());
        }
        let name = &self.context.connection.name;
        for links in known.missing.chunks(CHUNK) {
            let ids: Vec<GroupId> = links.iter().map(|link| GroupId::new(link.id)).collect();
            for (link, group) in links.iter().zip(self.load_groups(&ids).await?) {
                let Some(group) = group else { continue };
                let Some(external_id) = group.external_ids.get(name) else {
                    continue;
                };
                let Some(mut action) = self.missing_action(link, &group) else {
                    continue;
                };
                let mut remove = BTreeSet::new();
                let mut given = None;
                if action != GroupAction::Miss {
                    let present = self.present(group.id).await?;
                    given = gives(&group, &present);
                    remove = present.members;
                    // Whoever put the others in still wants the group.
                    if present.has_others && action == GroupAction::Delete {
                        action = GroupAction::Unlink;
                    }
                }
                plan.groups.push(GroupStep {
                    action,
                    external_id: external_id.clone(),
                    name: group.display_name.clone(),
                    group: Some(group.id),
                    add: Vec::new(),
                    present: remove.len() as u64,
                    remove: remove.into_iter().collect(),
                    missing: 0,
                    hash: None,
                    index: None,
                    gives: given,
                });
            }
        }
        Ok(())
    }

    /// What becomes of a group that is missing once more. One that another source knows, or that gives roles or licences,
    /// outlives this source.
    fn missing_action(&self, link: &Link, group: &Group) -> Option<GroupAction> {
        debug_assert_eq!(link.id, member_uuid(Member::Group(group.id)));
        let has_period = self.context.connection.leavers.delete_after_days.is_some();
        match self.grace(link) {
            Grace::Missed => return Some(GroupAction::Miss),
            Grace::Begins if has_period => return Some(GroupAction::Empty),
            Grace::Runs if has_period => return None,
            // Without a period nothing is waited for: an empty group would hold its name for ever.
            Grace::Begins | Grace::Runs | Grace::Over => {}
        }
        let gives = !group.grants_roles.is_empty() || !group.grants_licences.is_empty();
        Some(if gives || group.held_by().len() > 1 {
            GroupAction::Unlink
        } else {
            GroupAction::Delete
        })
    }

    /// Groups that cannot be used: without a name, or with one that another group has.
    fn refused_groups(&self, known: &Links, plan: &mut Plan) -> HashSet<u32> {
        let groups = self.snapshot.groups();
        let mut holders: HashMap<String, u32> = HashMap::with_capacity(groups.len());
        let is_usable = |index: &u32| groups[*index as usize].is_usable();
        let (mut order, unnamed): (Vec<u32>, Vec<u32>) = (0..groups.len() as u32).partition(is_usable);
        let mut refused: HashSet<u32> = unnamed.into_iter().collect();
        order.sort_by_key(|index| {
            let link = known.entries[*index as usize];
            (!link.is_some_and(|link| link.is_unchanged), link.is_none(), *index)
        });
        for index in order {
            let holder = *holders.entry(fold(&groups[index as usize].name)).or_insert(index);
            if holder != index {
                refused.insert(index);
                let reason = FailureReason::Duplicate {
                    attribute: "displayName".to_owned(),
                    with: groups[holder as usize].external_id.to_string(),
                };
                plan.failures.push(self.group_failure(index, reason));
            }
        }
        refused
    }

    async fn group_name_holders(&self, part: &[u32]) -> Result<Vec<Option<GroupId>>, DirectoryError> {
        let organisation = self.permit.organisation();
        let wanted = part.iter().map(|index| {
            let name = fold(&self.snapshot.groups()[*index as usize].name);
            keys::unique(organisation, Unique::GroupName, &name)
        });
        let found = self.directory.store().get_many(wanted.collect()).await?;
        let ids = found
            .into_iter()
            .map(|found| parse_uuid(&found?.value).map(GroupId::new));
        Ok(ids.collect())
    }

    pub(super) async fn load_groups(&self, ids: &[GroupId]) -> Result<Vec<Option<Group>>, DirectoryError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let organisation = self.permit.organisation();
        let wanted = ids.iter().map(|id| keys::group(organisation, *id)).collect();
        let found = self.directory.store().get_many(wanted).await?;
        let groups = found
            .into_iter()
            .map(|found| found.map(|found| record::decode(&found.value)).transpose());
        Ok(groups.collect::<Result<_, _>>()?)
    }

    fn group_failure(&self, index: u32, reason: FailureReason) -> Failure {
        let group = &self.snapshot.groups()[index as usize];
        Failure {
            kind: Kind::Group,
            external_id: Some(group.external_id.to_string()),
            name: Some(group.name.to_string()),
            reason,
        }
    }
}

/// What a group gives that takes seats.
fn gives(group: &Group, present: &Present) -> Option<Gives> {
    (!group.grants_licences.is_empty()).then(|| Gives {
        licences: group.grants_licences.clone(),
        stay: present.stay.clone(),
        is_named_so: true,
    })
}

fn taken() -> FailureReason {
    FailureReason::Taken {
        attribute: "displayName".to_owned(),
        by: None,
    }
}
