//! People who are in the snapshot: new, changed, or as they were.

use std::collections::{HashMap, HashSet};

use futures_util::future::BoxFuture;

use crate::directory::keys::{self, Unique, fold};
use crate::directory::membership::{claim_licence, withdraw_origin};
use crate::directory::user::parse_uuid;
use crate::directory::{DirectoryError, Operation, Unit};
use crate::model::connection::{MatchBy, Onboarding};
use crate::model::id::UserId;
use crate::model::lifecycle::Facts;
use crate::model::origin::Origin;
use crate::model::user::User;
use crate::provision::authority::{self, Extent};
use crate::provision::failure::{Failure, FailureReason, Kind};
use crate::provision::flight::Flight;
use crate::provision::matching::{self, Match};
use crate::provision::person::{Context, Person, set_active};

use super::linked::Links;
use super::seats::Ledger;
use super::{CHUNK, PersonAction, PersonStep, Plan, Planner};

/// Matches looked up at the same time.
const LOOKUPS: usize = 64;

/// A person with the user as planned, before seats are asked for.
struct Candidate {
    index: u32,
    action: PersonAction,
    before: Option<Box<User>>,
    after: User,
}

impl Planner<'_> {
    pub(super) async fn people(
        &self,
        known: &Links,
        ledger: &mut Ledger,
        plan: &mut Plan,
    ) -> Result<(), DirectoryError> {
        let refused = self.duplicates(known, plan);
        let (mut changed, mut new) = (Vec::new(), Vec::new());
        for (index, (person, link)) in (0_u32..).zip(self.snapshot.people().iter().zip(&known.entries)) {
            match link {
                _ if !person.is_usable() || refused.contains(&index) => {}
                Some(link) if link.is_unchanged => plan.unchanged += 1,
                Some(link) => changed.push((index, UserId::new(link.id))),
                None => new.push(index),
            }
        }
        let mut candidates = Vec::new();
        let mut freed = HashSet::new();
        for part in changed.chunks(CHUNK) {
            let ids: Vec<UserId> = part.iter().map(|(_, id)| *id).collect();
            for ((index, _), before) in part.iter().zip(self.load_users(&ids).await?) {
                // A link whose user is gone is stale for a moment; the next run sees it gone or made anew.
                let Some(before) = before else { continue };
                let candidate = self.changed(*index, before);
                if candidate.action == PersonAction::Rename {
                    freed.extend(candidate.before.as_ref().map(|before| before.id));
                }
                candidates.push(candidate);
            }
        }
        let leaving = plan.people.iter().filter(|step| step.action == PersonAction::Delete);
        freed.extend(leaving.filter_map(|step| step.user));
        self.refuse_taken_names(&mut candidates, &freed, plan).await?;
        for part in new.chunks(CHUNK) {
            candidates.extend(self.new(part, &freed, plan).await?);
        }
        candidates.sort_by_key(|candidate| (candidate.action, candidate.index));
        for candidate in candidates {
            self.settle(candidate, ledger, plan);
        }
        Ok(())
    }

    /// Of several entries with one name the one that is as it was keeps it, then one that is known, then the first.
    fn duplicates(&self, known: &Links, plan: &mut Plan) -> HashSet<u32> {
        let people = self.snapshot.people();
        let usable = people.iter().zip(0_u32..).filter(|(person, _)| person.is_usable());
        let mut holders: HashMap<String, Vec<u32>> = HashMap::with_capacity(people.len());
        for (person, index) in usable {
            holders.entry(fold(&person.user_name)).or_default().push(index);
        }
        let mut refused = HashSet::new();
        for mut same in holders.into_values().filter(|same| same.len() > 1) {
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

    fn changed(&self, index: u32, before: User) -> Candidate {
        let person = &self.snapshot.people()[index as usize];
        let after = preview(self.context, &before, &self.snapshot.person(person));
        let name = &self.context.connection.name;
        let blocks = |user: &User| {
            let own = crate::model::lifecycle::Block::Connection(name.clone());
            user.facts.suspended_by.contains(&own)
        };
        let action = match (blocks(&before), blocks(&after)) {
            (false, true) => PersonAction::Suspend,
            (true, false) => PersonAction::Reactivate,
            _ if fold(&before.user_name) != fold(&after.user_name) => PersonAction::Rename,
            _ if is_same(&before, &after) => PersonAction::Refresh,
            _ => PersonAction::Update,
        };
        Candidate {
            index,
            action,
            before: Some(Box::new(before)),
            after,
        }
    }

    /// Those who would take a name that somebody keeps are left out.
    async fn refuse_taken_names(
        &self,
        candidates: &mut Vec<Candidate>,
        freed: &HashSet<UserId>,
        plan: &mut Plan,
    ) -> Result<(), DirectoryError> {
        let organisation = self.permit.organisation();
        let renamed: Vec<usize> = (0..candidates.len())
            .filter(|place| {
                let candidate = &candidates[*place];
                let before = candidate.before.as_ref().map(|before| fold(&before.user_name));
                before.is_some_and(|before| before != fold(&candidate.after.user_name))
            })
            .collect();
        let mut refused = HashSet::new();
        for part in renamed.chunks(CHUNK) {
            let name = |place: &usize| fold(&candidates[*place].after.user_name);
            let wanted = part
                .iter()
                .map(|place| keys::unique(organisation, Unique::UserName, &name(place)));
            let holders = self.directory.store().get_many(wanted.collect()).await?;
            for (place, holder) in part.iter().zip(holders) {
                let holder = holder.and_then(|holder| parse_uuid(&holder.value)).map(UserId::new);
                if let Some(holder) = holder.filter(|holder| !freed.contains(holder)) {
                    refused.insert(candidates[*place].index);
                    plan.failures
                        .push(self.failure(candidates[*place].index, taken("userName", Some(holder))));
                }
            }
        }
        candidates.retain(|candidate| !refused.contains(&candidate.index));
        Ok(())
    }

    /// Entries that the connection does not know yet.
    async fn new(
        &self,
        part: &[u32],
        freed: &HashSet<UserId>,
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
                candidates.push(self.created(*index));
            }
        }
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
        found.sort_by_key(|(index, _)| *index);
        let mut adopted = HashSet::new();
        for (index, (found, holder)) in found {
            match found {
                // Two entries with one e-mail address: the first is the user, the other is not.
                Match::Adopted(before) if !adopted.insert(before.id) => {
                    plan.failures
                        .push(self.failure(index, taken("emails", Some(before.id))));
                }
                Match::Adopted(before) => {
                    let person = self.snapshot.person(&people[index as usize]);
                    candidates.push(Candidate {
                        index,
                        action: PersonAction::Adopt,
                        after: preview(self.context, &before, &person),
                        before: Some(before),
                    });
                }
                Match::Refused { user, .. } if freed.contains(&user) => candidates.push(self.created(index)),
                Match::Refused { user, attribute } => {
                    plan.failures.push(self.failure(index, taken(attribute, Some(user))));
                }
                Match::Nobody => match holder.filter(|holder| !freed.contains(holder)) {
                    Some(holder) => plan.failures.push(self.failure(index, taken("userName", Some(holder)))),
                    None => candidates.push(self.created(index)),
                },
                // Linked since the links were read.
                Match::Known(_) => plan.failures.push(self.failure(index, FailureReason::Outdated)),
            }
        }
        Ok(candidates)
    }

    fn look_up(&self, index: u32) -> BoxFuture<'_, Result<(u32, (Match, Option<UserId>)), DirectoryError>> {
        Box::pin(async move {
            let lookup = Lookup {
                context: self.context,
                person: self.snapshot.person(&self.snapshot.people()[index as usize]),
            };
            Ok((index, self.directory.run(self.permit, &lookup).await?))
        })
    }

    fn created(&self, index: u32) -> Candidate {
        let person = self.snapshot.person(&self.snapshot.people()[index as usize]);
        let mut after = preview(self.context, &nobody(self.now), &person);
        match self.context.connection.onboarding {
            Onboarding::Prepared => {}
            Onboarding::Active => after.facts.activated_at = Some(self.now),
            Onboarding::Invited if after.is_active() => after.facts.invited_at = Some(self.now),
            Onboarding::Invited => {}
        }
        Candidate {
            index,
            action: PersonAction::Create,
            before: None,
            after,
        }
    }

    fn settle(&self, candidate: Candidate, ledger: &mut Ledger, plan: &mut Plan) {
        let person = &self.snapshot.people()[candidate.index as usize];
        match ledger.settle(candidate.before.as_deref(), &candidate.after) {
            Err(reason) => plan.failures.push(self.failure(candidate.index, reason)),
            Ok(()) => plan.people.push(PersonStep {
                action: candidate.action,
                external_id: person.external_id.to_string(),
                name: person.user_name.to_string(),
                user: candidate.before.map(|before| before.id),
                index: Some(candidate.index),
                hash: Some(person.hash()),
            }),
        }
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

/// Looks for the user of an entry as the application will, and changes nothing. Also says who holds the name.
struct Lookup<'a> {
    context: Context<'a>,
    person: Person,
}

#[async_trait::async_trait]
impl Operation for Lookup<'_> {
    type Outcome = (Match, Option<UserId>);

    async fn attempt(&self, unit: &mut Unit) -> Result<Self::Outcome, DirectoryError> {
        let emails = emails(&self.person);
        let identity = matching::Keys {
            external_id: self.person.external_id.as_deref(),
            user_name: &self.person.user_name,
            emails: &emails,
        };
        let found = matching::find(unit, self.context.organisation, self.context.connection, identity).await?;
        Ok((found, unit.find_user_name(&self.person.user_name).await?))
    }
}

/// The addresses that a person is matched by.
pub(in crate::provision) fn emails(person: &Person) -> Vec<&str> {
    let emails = person.attributes.get("emails").and_then(serde_json::Value::as_array);
    let values = emails
        .into_iter()
        .flatten()
        .filter_map(|email| email.get("value")?.as_str());
    values.collect()
}

/// The user as [`crate::provision::person::update`] would leave it, without seats.
fn preview(context: Context<'_>, before: &User, person: &Person) -> User {
    let mut after = before.clone();
    let (connection, organisation) = (context.connection, context.organisation);
    authority::write_attributes(&mut after, connection, organisation, &person.attributes, Extent::Whole);
    authority::write_user_name(&mut after, connection, organisation, &person.user_name);
    set_active(&mut after, &connection.name, person.active);
    let origin = Origin::Connection(connection.name.clone());
    withdraw_origin(&mut after, &origin);
    for role in &person.grants.roles {
        after.roles.entry(role.clone()).or_default().insert(origin.clone());
    }
    for licence in &person.grants.licences {
        claim_licence(&mut after, licence, origin.clone());
    }
    after.licences.retain(|_, claim| !claim.origins.is_empty());
    after
}

/// Whether nothing differs that anyone sees.
fn is_same(before: &User, after: &User) -> bool {
    before.user_name == after.user_name
        && before.attributes == after.attributes
        && before.roles == after.roles
        && before.licences == after.licences
}

fn nobody(now: crate::model::clock::Timestamp) -> User {
    User {
        id: UserId::new(uuid::Uuid::nil()),
        user_name: String::new(),
        attributes: serde_json::Map::new(),
        external_ids: std::collections::BTreeMap::new(),
        facts: Facts::default(),
        password_hash: None,
        roles: std::collections::BTreeMap::new(),
        licences: std::collections::BTreeMap::new(),
        owners: std::collections::BTreeMap::new(),
        invitation: None,
        created: now,
        last_modified: now,
        revision: 0,
    }
}

fn taken(attribute: &str, by: Option<UserId>) -> FailureReason {
    FailureReason::Taken {
        attribute: attribute.to_owned(),
        by,
    }
}
