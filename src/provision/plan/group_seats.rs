//! Seats of people who leave groups that give licences, and of those who come into them.
//!
//! Application changes members when every person is written, and lets everybody leave before anybody comes in; so does this.
//! Who would get no seat is not added: the failure says so before.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::directory::DirectoryError;
use crate::model::id::{GroupId, UserId};
use crate::model::licence::{Seat, SeatClaim};
use crate::model::membership::Member;
use crate::model::origin::{Origin, Origins};
use crate::model::slug::Slug;
use crate::model::user::User;
use crate::provision::failure::{Failure, FailureReason, Kind};

use super::claims::Claims;
use super::seats::Ledger;
use super::teams::Teams;
use super::{CHUNK, GroupAction, GroupStep, PersonAction, PersonStep, Plan, PlannedMember, Planner};

/// What a group gives, and whom it goes on giving it to.
#[derive(Debug, Clone, Default)]
pub(super) struct Gives {
    pub(super) licences: BTreeSet<Slug>,
    /// Of the members who lose this connection's reason, those whom another reason keeps.
    pub(super) stay: BTreeSet<Member>,
    /// The source calls the group as it did.
    pub(super) is_named_so: bool,
}

/// A person in a plan.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Who {
    Known(UserId),
    New(Arc<str>),
}

/// Claims of people as the plan leaves them.
struct Paper<'a> {
    planner: &'a Planner<'a>,
    teams: &'a mut Teams,
    by_user: HashMap<UserId, &'a PersonStep>,
    by_id: HashMap<&'a str, &'a PersonStep>,
    /// Those whom several groups concern.
    kept: HashMap<Who, Option<Claims>>,
}

impl Planner<'_> {
    /// Takes and gives back the seats, and takes out of the steps whom no seat is left for.
    pub(super) async fn seats_of_groups(
        &self,
        ledger: &mut Ledger,
        teams: &mut Teams,
        plan: &mut Plan,
    ) -> Result<(), DirectoryError> {
        let Plan {
            people,
            groups,
            failures,
            ..
        } = plan;
        let giving: Vec<&mut GroupStep> = groups.iter_mut().filter(|step| step.gives.is_some()).collect();
        if giving.is_empty() {
            return Ok(());
        }
        let mut paper = Paper {
            planner: self,
            teams,
            by_user: people.iter().filter_map(|step| Some((step.user?, step))).collect(),
            by_id: people.iter().map(|step| (step.external_id.as_str(), step)).collect(),
            kept: several(&giving),
        };
        paper.let_leave(&giving, ledger).await?;
        for step in giving {
            let short = paper.let_in(step, ledger).await?;
            for (licence, count) in short {
                step.missing += count;
                failures.push(Failure {
                    kind: Kind::Group,
                    external_id: Some(step.external_id.clone()),
                    name: Some(step.name.clone()),
                    reason: FailureReason::MembersWithoutSeat { licence, count },
                });
            }
        }
        // Nothing but what cannot be done yet: nothing to do.
        groups.retain(|step| {
            let is_named_so = step.gives.as_ref().is_none_or(|gives| gives.is_named_so);
            let is_idle = step.action == GroupAction::Keep && step.add.is_empty() && step.remove.is_empty();
            !(is_idle && is_named_so && step.gives.is_some() && step.missing > 0)
        });
        Ok(())
    }
}

/// Plays one arrival through. The licence of which there is no seat, if the person is refused.
fn enter(
    ledger: &mut Ledger,
    paper: &mut Paper<'_>,
    who: Who,
    before: Claims,
    gives: &Gives,
    group: GroupId,
) -> Option<Slug> {
    let mut after = before.clone();
    for licence in &gives.licences {
        let unclaimed = || SeatClaim {
            origins: Origins::new(),
            seat: Seat::Unneeded,
            cost_centre: None,
        };
        let claim = after.licences.entry(licence.clone()).or_insert_with(unclaimed);
        claim.origins.insert(Origin::Group(group));
    }
    let mut path = [before, after];
    let refused = match ledger.follow(&mut path) {
        Ok(()) => None,
        Err(FailureReason::NoSeat { licence, .. }) => Some(licence),
        // Nothing else is ever said of a seat.
        Err(_) => gives.licences.first().cloned(),
    };
    if refused.is_none() {
        paper.note(who, path);
    }
    refused
}

impl Paper<'_> {
    /// Plays through who leaves.
    async fn let_leave(&mut self, steps: &[&mut GroupStep], ledger: &mut Ledger) -> Result<(), DirectoryError> {
        for step in steps {
            let (Some(gives), Some(group)) = (&step.gives, step.group) else {
                continue;
            };
            let leaving = step.remove.iter().filter(|member| !gives.stay.contains(member));
            let leaving: Vec<Who> = leaving.filter_map(known).collect();
            for part in leaving.chunks(CHUNK) {
                for (who, claims) in self.of(part, ledger).await? {
                    let Some(before) = claims else { continue };
                    let mut after = before.clone();
                    after.leave(group);
                    let mut path = [before, after];
                    // Whoever gives up is never refused.
                    let _ = ledger.follow(&mut path);
                    self.note(who, path);
                }
            }
        }
        Ok(())
    }

    /// Plays through who comes in, and takes those out of the step for whom there is no seat. Answers how many, by licence.
    async fn let_in(
        &mut self,
        step: &mut GroupStep,
        ledger: &mut Ledger,
    ) -> Result<BTreeMap<Slug, u64>, DirectoryError> {
        let mut short = BTreeMap::new();
        let (Some(gives), Some(group)) = (&step.gives, step.group) else {
            return Ok(short);
        };
        let mut stays = Vec::with_capacity(step.add.len());
        for part in step.add.chunks(CHUNK) {
            let who: Vec<Who> = part.iter().filter_map(planned).collect();
            let mut found: HashMap<Who, Option<Claims>> = self.of(&who, ledger).await?.into_iter().collect();
            for member in part {
                let claims = planned(member).and_then(|who| Some((found.remove(&who)??, who)));
                let refused = claims.and_then(|(before, who)| enter(ledger, self, who, before, gives, group));
                match refused {
                    Some(licence) => *short.entry(licence).or_default() += 1,
                    None => stays.push(member.clone()),
                }
            }
        }
        step.add = stays;
        Ok(short)
    }

    /// What these people claim now; `None` for those who are gone.
    async fn of(&mut self, who: &[Who], ledger: &Ledger) -> Result<Vec<(Who, Option<Claims>)>, DirectoryError> {
        let planner = self.planner;
        let is_unread = |who: &&Who| self.kept.get(*who).is_none_or(Option::is_none);
        // An adopted person is planned by the source's identifier, and is there already.
        let user = |who: &Who| match who {
            Who::Known(user) => Some(*user),
            Who::New(id) => self.by_id.get(id.as_ref()).and_then(|step| step.user),
        };
        let users: Vec<UserId> = who.iter().filter(is_unread).filter_map(user).collect();
        let mut loaded: HashMap<UserId, User> = HashMap::new();
        for part in users.chunks(CHUNK) {
            let found = planner.load_users(part).await?.into_iter().flatten();
            loaded.extend(found.map(|user| (user.id, user)));
        }
        let asked: Vec<&User> = loaded.values().collect();
        let mut named = Vec::with_capacity(asked.len());
        for user in asked {
            let step = self.by_user.get(&user.id);
            let entry = step
                .and_then(|step| step.index)
                .map(|index| &planner.snapshot.people()[index as usize]);
            named.push((user, entry.map(|entry| &planner.snapshot.grants(entry).teams)));
        }
        let left = planner.teams_left(self.teams, &named).await?;
        let left: HashMap<UserId, _> = named.iter().map(|(user, _)| user.id).zip(left).collect();
        let claims = who.iter().map(|one| {
            if let Some(Some(kept)) = self.kept.get(one) {
                return (one.clone(), Some(kept.clone()));
            }
            let claims = match user(one) {
                Some(id) => loaded.get(&id).and_then(|user| {
                    let step = self.by_user.get(&id).copied();
                    self.known(user, step, &left[&id], ledger)
                }),
                None => self.fresh(one, ledger),
            };
            (one.clone(), claims)
        });
        Ok(claims.collect())
    }

    fn known(
        &self,
        user: &User,
        step: Option<&PersonStep>,
        left: &BTreeSet<GroupId>,
        ledger: &Ledger,
    ) -> Option<Claims> {
        let path = match step {
            None => return Some(Claims::of(user)),
            Some(step) if step.action == PersonAction::Delete => return None,
            Some(step) => match step.index {
                Some(index) => self.planner.written(index, user, left, self.teams).1,
                None => self.planner.left(user, step.action, left),
            },
        };
        Some(ledger.replay(Some(user.id), path))
    }

    /// Somebody whom the plan makes: what is claimed, with every seat that is needed.
    fn fresh(&self, who: &Who, ledger: &Ledger) -> Option<Claims> {
        let Who::New(id) = who else { return None };
        let index = self.by_id.get(id.as_ref())?.index?;
        let claims = self.planner.claims_of_new(index, self.teams);
        Some(ledger.replay(None, vec![Claims::default(), claims]))
    }

    fn note(&mut self, who: Who, path: [Claims; 2]) {
        if let Some(kept) = self.kept.get_mut(&who) {
            let [_, last] = path;
            *kept = Some(last);
        }
    }
}

/// Who is concerned by more than one of the steps: only their claims are kept from one to the next.
fn several(steps: &[&mut GroupStep]) -> HashMap<Who, Option<Claims>> {
    let mut seen: HashMap<Who, bool> = HashMap::new();
    for step in steps {
        for who in step
            .remove
            .iter()
            .filter_map(known)
            .chain(step.add.iter().filter_map(planned))
        {
            seen.entry(who).and_modify(|again| *again = true).or_insert(false);
        }
    }
    let several = seen.into_iter().filter(|(_, again)| *again);
    several.map(|(who, _)| (who, None)).collect()
}

fn known(member: &Member) -> Option<Who> {
    match member {
        Member::User(user) => Some(Who::Known(*user)),
        Member::Group(_) => None,
    }
}

fn planned(member: &PlannedMember) -> Option<Who> {
    match member {
        PlannedMember::Known(member) => known(member),
        PlannedMember::Person(id) => Some(Who::New(Arc::clone(id))),
        PlannedMember::Group(_) => None,
    }
}
