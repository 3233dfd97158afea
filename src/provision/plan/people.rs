//! People who are in the snapshot: new, changed, or as they were.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use futures_util::future::BoxFuture;

use crate::directory::DirectoryError;
use crate::directory::keys::{self, Unique, fold};
use crate::directory::user::parse_uuid;
use crate::model::connection::{MatchBy, Onboarding};
use crate::model::id::{GroupId, UserId};
use crate::model::lifecycle::Step;
use crate::model::user::User;
use crate::provision::failure::{Failure, FailureReason, Kind};
use crate::provision::flight::Flight;
use crate::provision::matching::Match;

use super::claims::{self, Claims};
use super::linked::Links;
use super::losses::Losses;
use super::preview::{Lookup, is_same, nobody, preview};
use super::seats::Ledger;
use super::teams::Teams;
use super::unique::{Taken, Wish};
use super::{CHUNK, PersonAction, PersonStep, Plan, Planner};

/// Matches looked up at the same time.
const LOOKUPS: usize = 64;

/// A person's part of the plan, before seats are asked for.
struct Candidate {
    index: u32,
    action: PersonAction,
    user: Option<UserId>,
    /// The user name becomes another one.
    is_renamed: bool,
    /// What the person claims, step by step; empty for a new user, whose claims are worked out when they are needed.
    path: Vec<Claims>,
    /// The groups that rules have put the person into so far.
    teams: BTreeSet<GroupId>,
    /// What nobody else may have; empty for a new user, as the path is.
    wishes: Vec<Wish>,
}

/// What the look-up of one entry found.
struct Looked {
    index: u32,
    found: Match,
    /// Who holds the user name, whatever the policy compares.
    holder: Option<UserId>,
}

impl Planner<'_> {
    pub(super) async fn people(
        &self,
        known: &Links,
        ledger: &mut Ledger,
        teams: &mut Teams,
        plan: &mut Plan,
    ) -> Result<Losses, DirectoryError> {
        let mut losses = Losses::default();
        let refused = self.duplicates(known, plan);
        let (mut changed, mut new) = (Vec::new(), Vec::new());
        for (index, (person, link)) in (0_u32..).zip(self.snapshot.people().iter().zip(&known.entries)) {
            match link {
                _ if !person.is_usable() || refused.contains(&index) => {}
                Some(link) if link.is_unchanged => plan.skipped.people += 1,
                Some(link) => changed.push((index, UserId::new(link.id))),
                None => new.push(index),
            }
        }
        let mut candidates = Vec::new();
        let mut freed = HashSet::new();
        for part in changed.chunks(CHUNK) {
            let ids: Vec<UserId> = part.iter().map(|(_, id)| *id).collect();
            let users = part.iter().zip(self.load_users(&ids).await?);
            // A link whose user is gone is stale for a moment; the next run sees it gone or made anew.
            let users: Vec<(u32, User)> = users.filter_map(|((index, _), user)| Some((*index, user?))).collect();
            let names = |index: u32| &self.snapshot.grants(&self.snapshot.people()[index as usize]).teams;
            let asked: Vec<_> = users.iter().map(|(index, user)| (user, Some(names(*index)))).collect();
            let left = self.teams_left(teams, &asked).await?;
            for ((index, before), left) in users.iter().zip(left) {
                let candidate = self.changed(*index, before, &left, teams, &mut losses);
                if candidate.is_renamed {
                    freed.extend(candidate.user);
                }
                candidates.push(candidate);
            }
        }
        let leaving = plan.people.iter().filter(|step| step.action == PersonAction::Delete);
        freed.extend(leaving.filter_map(|step| step.user));
        plan.renames.people = candidates.iter().filter(|candidate| candidate.is_renamed).count() as u64;
        self.refuse_taken_names(&mut candidates, &freed, plan).await?;
        for part in new.chunks(CHUNK) {
            candidates.extend(self.newcomers(part, &freed, teams, plan).await?);
        }
        candidates.sort_by_key(|candidate| (candidate.action, candidate.index));
        let mut taken = Taken::default();
        for candidate in candidates {
            self.settle(candidate, &mut taken, ledger, teams, plan);
        }
        Ok(losses)
    }

    /// Of several entries with one name the one that is as it was keeps it, then one that is known, then the first.
    fn duplicates(&self, known: &Links, plan: &mut Plan) -> HashSet<u32> {
        let people = self.snapshot.people();
        let usable = people.iter().zip(0_u32..).filter(|(person, _)| person.is_usable());
        let mut first: HashMap<String, u32> = HashMap::with_capacity(people.len());
        // Hardly any name has a second holder, so only those that have one get a list.
        let mut holders: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for (person, index) in usable {
            match first.entry(fold(&person.user_name)) {
                Entry::Vacant(free) => {
                    free.insert(index);
                }
                Entry::Occupied(taken) => holders.entry(*taken.get()).or_default().push(index),
            }
        }
        drop(first);
        let mut refused = HashSet::new();
        for (first, mut same) in holders {
            same.push(first);
            same.sort_by_key(|index| {
                let link = known.entries[*index as usize];
                (!link.is_some_and(|link| link.is_unchanged), link.is_none(), *index)
            });
            let winner = &people[same[0] as usize];
            for index in &same[1..] {
                refused.insert(*index);
                plan.failures.push(self.failure(
                    *index,
                    FailureReason::Duplicate {
                        attribute: "userName".to_owned(),
                        with: winner.external_id.to_string(),
                    },
                ));
            }
        }
        plan.failures
            .sort_by(|one, other| one.external_id.cmp(&other.external_id));
        refused
    }

    fn changed(
        &self,
        index: u32,
        before: &User,
        left: &BTreeSet<GroupId>,
        teams: &Teams,
        losses: &mut Losses,
    ) -> Candidate {
        let (after, path) = self.written(index, before, left, teams);
        losses.note(before, &after, &self.context.connection.name);
        let gets_the_same = path.last().is_none_or(|last| last.licences == before.licences);
        let name = &self.context.connection.name;
        let blocks = |user: &User| {
            let own = crate::model::lifecycle::Block::Connection(name.clone());
            user.facts.suspended_by.contains(&own)
        };
        let is_renamed = fold(&before.user_name) != fold(&after.user_name);
        let action = match (blocks(before), blocks(&after)) {
            (false, true) => PersonAction::Suspend,
            (true, false) => PersonAction::Reactivate,
            _ if is_renamed => PersonAction::Rename,
            _ if gets_the_same && is_same(before, &after) => PersonAction::Refresh,
            _ => PersonAction::Update,
        };
        Candidate {
            index,
            action,
            user: Some(before.id),
            is_renamed,
            path,
            teams: self.teams_before(before),
            wishes: self.wishes(before, &after, false),
        }
    }

    /// A known person as the application writes one, without seats, and what the person claims on the way there.
    pub(super) fn written(
        &self,
        index: u32,
        before: &User,
        left: &BTreeSet<GroupId>,
        teams: &Teams,
    ) -> (User, Vec<Claims>) {
        let person = &self.snapshot.people()[index as usize];
        let mut after = preview(self.context, before, &self.snapshot.person(person));
        let is_back = !before.is_active() && after.is_active() && after.facts.step() == Step::Prepared;
        if is_back && self.context.connection.onboarding == Onboarding::Invited {
            after.facts.invited_at = Some(self.now);
        }
        let path = claims::path(before, &after, teams, &self.snapshot.grants(person).teams, left);
        (after, path)
    }

    fn teams_before(&self, user: &User) -> BTreeSet<GroupId> {
        user.rule_teams
            .get(&self.context.connection.name)
            .cloned()
            .unwrap_or_default()
    }

    /// Those who would take a name that somebody keeps are left out.
    async fn refuse_taken_names(
        &self,
        candidates: &mut Vec<Candidate>,
        freed: &HashSet<UserId>,
        plan: &mut Plan,
    ) -> Result<(), DirectoryError> {
        let organisation = self.permit.organisation();
        let renamed = candidates.iter().filter(|candidate| candidate.is_renamed);
        let renamed: Vec<u32> = renamed.map(|candidate| candidate.index).collect();
        let mut refused = HashSet::new();
        for part in renamed.chunks(CHUNK) {
            let name = |index: &u32| fold(&self.snapshot.people()[*index as usize].user_name);
            let wanted = part
                .iter()
                .map(|index| keys::unique(organisation, Unique::UserName, &name(index)));
            let holders = self.directory.store().get_many(wanted.collect()).await?;
            for (index, holder) in part.iter().zip(holders) {
                let holder = holder.and_then(|holder| parse_uuid(&holder.value)).map(UserId::new);
                if let Some(holder) = holder.filter(|holder| !freed.contains(holder)) {
                    refused.insert(*index);
                    plan.failures
                        .push(self.failure(*index, taken("userName", Some(holder))));
                }
            }
        }
        candidates.retain(|candidate| !refused.contains(&candidate.index));
        Ok(())
    }

    /// Entries that the connection does not know yet.
    async fn newcomers(
        &self,
        part: &[u32],
        freed: &HashSet<UserId>,
        teams: &Teams,
        plan: &mut Plan,
    ) -> Result<Vec<Candidate>, DirectoryError> {
        let organisation = self.permit.organisation();
        let people = self.snapshot.people();
        let wanted = part.iter().map(|index| {
            let name = fold(&people[*index as usize].user_name);
            keys::unique(organisation, Unique::UserName, &name)
        });
        let holders = self.directory.store().get_many(wanted.collect()).await?;
        let by_email = self.context.connection.matching.by.contains(&MatchBy::Email);
        let mut lookups = Vec::new();
        let mut candidates = Vec::new();
        for (index, holder) in part.iter().zip(holders) {
            if holder.is_some() || by_email {
                lookups.push(*index);
            } else {
                candidates.push(created(*index));
            }
        }
        let found = self.look_up_all(lookups).await?;
        let mut adopted = HashSet::new();
        for Looked { index, found, holder } in found {
            match found {
                // Two entries with one e-mail address: the first is the user, the other is not.
                Match::Adopted(before) if !adopted.insert(before.id) => {
                    plan.failures
                        .push(self.failure(index, taken("emails", Some(before.id))));
                }
                // Somebody who is deleted first is adopted by nobody.
                Match::Adopted(before) if freed.contains(&before.id) => candidates.push(created(index)),
                Match::Adopted(before) => {
                    candidates.push(self.adopted(index, &before, teams));
                }
                Match::Review(question) if freed.contains(&UserId::new(question.found)) => {
                    candidates.push(created(index))
                }
                Match::Review(question) => {
                    plan.failures
                        .push(self.failure(index, FailureReason::review(&question)));
                    plan.questions.push(*question);
                }
                Match::Refused { user, .. } if freed.contains(&user) => candidates.push(created(index)),
                Match::Refused { user, attribute } => {
                    plan.failures.push(self.failure(index, taken(attribute, Some(user))));
                }
                Match::Nobody => match holder.filter(|holder| !freed.contains(holder)) {
                    Some(holder) => plan.failures.push(self.failure(index, taken("userName", Some(holder)))),
                    None => candidates.push(created(index)),
                },
                // Linked since the links were read.
                Match::Known(_) => plan.failures.push(self.failure(index, FailureReason::Outdated)),
            }
        }
        Ok(candidates)
    }

    fn adopted(&self, index: u32, before: &User, teams: &Teams) -> Candidate {
        let person = self.snapshot.person(&self.snapshot.people()[index as usize]);
        let after = preview(self.context, before, &person);
        Candidate {
            index,
            action: PersonAction::Adopt,
            user: Some(before.id),
            is_renamed: false,
            path: claims::path(before, &after, teams, &person.grants.teams, &BTreeSet::new()),
            teams: self.teams_before(before),
            wishes: self.wishes(before, &after, false),
        }
    }

    /// In the order of the snapshot.
    async fn look_up_all(&self, lookups: Vec<u32>) -> Result<Vec<Looked>, DirectoryError> {
        let mut lookups = lookups.into_iter();
        let mut flight = Flight::new(LOOKUPS);
        let mut found = Vec::new();
        loop {
            while flight.has_room()
                && let Some(index) = lookups.next()
            {
                flight.start(self.look_up(index));
            }
            let Some(one) = flight.next().await else { break };
            found.push(one?);
        }
        found.sort_by_key(|looked| looked.index);
        Ok(found)
    }

    fn look_up(&self, index: u32) -> BoxFuture<'_, Result<Looked, DirectoryError>> {
        Box::pin(async move {
            let lookup = Lookup {
                context: self.context,
                person: self.snapshot.person(&self.snapshot.people()[index as usize]),
            };
            let (found, holder) = self.directory.run(self.permit, &lookup).await?;
            Ok(Looked { index, found, holder })
        })
    }

    fn settle(&self, candidate: Candidate, taken: &mut Taken, ledger: &mut Ledger, teams: &mut Teams, plan: &mut Plan) {
        let person = &self.snapshot.people()[candidate.index as usize];
        let names = &self.snapshot.grants(person).teams;
        let (mut path, mut wishes) = (candidate.path, candidate.wishes);
        if path.is_empty() {
            path = vec![Claims::default(), self.claims_of_new(candidate.index, teams)];
            wishes = self.wishes_of_new(candidate.index);
        }
        let allowed = taken.check(self, &wishes).and_then(|()| teams.check(self, names));
        match allowed.and_then(|()| ledger.follow(&mut path)) {
            Err(reason) => plan.failures.push(self.failure(candidate.index, reason)),
            Ok(()) => {
                if let (Some(user), Some(last)) = (candidate.user, path.last()) {
                    ledger.remember(user, last);
                }
                teams.note(&candidate.teams, names);
                taken.note(wishes, candidate.index);
                plan.people.push(PersonStep {
                    action: candidate.action,
                    external_id: person.external_id.to_string(),
                    name: person.user_name.to_string(),
                    user: candidate.user,
                    index: Some(candidate.index),
                    hash: Some(person.hash()),
                    is_short: path.last().is_some_and(Claims::is_short),
                });
            }
        }
    }

    pub(super) fn claims_of_new(&self, index: u32, teams: &Teams) -> Claims {
        let person = self.snapshot.person(&self.snapshot.people()[index as usize]);
        let mut after = preview(self.context, &nobody(self.now), &person);
        teams.claim(&mut after, &person.grants.teams);
        match self.context.connection.onboarding {
            Onboarding::Prepared => {}
            Onboarding::Active => after.facts.activated_at = Some(self.now),
            Onboarding::Invited if after.is_active() => after.facts.invited_at = Some(self.now),
            Onboarding::Invited => {}
        }
        Claims::of(&after)
    }

    fn failure(&self, index: u32, reason: FailureReason) -> Failure {
        let person = &self.snapshot.people()[index as usize];
        Failure {
            kind: Kind::User,
            external_id: Some(person.external_id.to_string()),
            name: Some(person.user_name.to_string()),
            reason,
        }
    }
}

fn created(index: u32) -> Candidate {
    Candidate {
        index,
        action: PersonAction::Create,
        user: None,
        is_renamed: false,
        path: Vec::new(),
        teams: BTreeSet::new(),
        wishes: Vec::new(),
    }
}

fn taken(attribute: &str, by: Option<UserId>) -> FailureReason {
    FailureReason::Taken {
        attribute: attribute.to_owned(),
        by,
    }
}
