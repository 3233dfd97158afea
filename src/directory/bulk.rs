//! The same for many people: planned in a rehearsal that plays it through, so that the plan says what would happen to each of them
//! and to the seats, in order (S000-10, S001-27, S001-28, S001-31, S001-33, S001-37, S003-28).
//!
//! A plan is exact because nothing is computed twice: the very operations that confirming runs are run on a [`Rehearsal`](crate::store::Rehearsal), each on
//! what those before it left.

mod effect;
mod step;

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest as _, Sha256};

use crate::model::bulk::BulkTask;
use crate::model::id::{JobId, OrganisationId, UserId};
use crate::model::job::{Effect, Job, JobItem, JobState, Outcome, SeatForecast, Tally, Task};
use crate::model::record;
use crate::model::slug::Slug;
use crate::model::user::User;

use super::authorise::{Demand, On};
use super::error::Denial;
use super::job::fingerprint;
use super::keys::{self, Count};
use super::unit::parse_counter;
use super::{Directory, DirectoryError, Permit, Principal};

pub(super) use effect::Standing;
pub(super) use step::{Step, take_step, targets};

/// Somebody who was named for a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// How: an identifier, or what somebody signs in by.
    pub text: String,
    /// The user of the organisation who was found by it.
    pub user: Option<UserId>,
}

/// What is planned so far.
struct Planning<'a> {
    directory: &'a Directory,
    /// The same directory, in which everything may happen.
    rehearsal: Directory,
    principal: &'a Principal,
    organisation: OrganisationId,
    task: &'a BulkTask,
    /// Items that are refused because no seat is free, by licence.
    without_seat: BTreeMap<Slug, u32>,
}

impl Directory {
    /// Plans a task for these people, in this order; who is named twice counts once. Nothing changes but that the plan is kept,
    /// until it is confirmed, discarded or too old.
    ///
    /// # Errors
    /// [`DirectoryError::InvalidValue`] for nobody and for too many; [`DirectoryError::NotFound`] for a group, role, licence or
    /// resource that does not exist; as the store's read and commit.
    pub async fn plan_bulk(
        &self,
        principal: &Principal,
        permit: &Permit,
        task: BulkTask,
        people: Vec<Named>,
    ) -> Result<Job, DirectoryError> {
        let organisation = permit.organisation();
        let limits = self.jobs.limits;
        self.check_items(people.len())?;
        let target = self.target_of(organisation, &task).await?;
        let mut planning = Planning {
            directory: self,
            rehearsal: self.rehearse(),
            principal,
            organisation,
            task: &task,
            without_seat: BTreeMap::new(),
        };
        let named = people.len();
        let mut items: Vec<JobItem> = Vec::with_capacity(named);
        let mut seen = BTreeSet::new();
        let mut planned = Tally::default();
        for person in people {
            let who = person.user.map_or_else(|| person.text.clone(), |user| user.to_string());
            if seen.insert(who) {
                let number = u32::try_from(items.len() + 1).unwrap_or(u32::MAX);
                let item = planning.play(number, person).await?;
                planned.add(&item.planned);
                items.push(item);
            }
        }
        let seats = planning.seats().await?;
        let mut warnings = warnings(&task, planned, &seats);
        if items.len() < named {
            warnings.push(format!("{} were named more than once", named - items.len()));
        }
        let id = JobId::new(self.clock.uuid());
        let now = self.clock.now();
        let job = Job {
            id,
            confirm: confirm(id, &task, &items),
            task: Task::Bulk(task),
            actor: permit.actor().clone(),
            state: JobState::Planned,
            items: u32::try_from(items.len()).unwrap_or(u32::MAX),
            planned,
            results: None,
            seats,
            warnings,
            target,
            created: now,
            expires: now + limits.plan_lives,
            confirmed: None,
            ended: None,
        };
        self.keep_job(permit, &job, &items).await?;
        Ok(job)
    }

    /// Refuses more people than a job may have, and none.
    ///
    /// # Errors
    /// [`DirectoryError::InvalidValue`].
    pub fn check_items(&self, many: usize) -> Result<(), DirectoryError> {
        let most = self.jobs.limits.items_max;
        let reason = match many {
            0 => "must name at least one".to_owned(),
            many if many > most => format!("{many} are too many, at most {most} at once: send them in parts"),
            _ => return Ok(()),
        };
        Err(DirectoryError::invalid("users", reason))
    }

    /// What stands for the group, role, licence or resource of a task as it is now.
    async fn target_of(&self, organisation: OrganisationId, task: &BulkTask) -> Result<String, DirectoryError> {
        let stored = self.store.get_many(targets(organisation, task)).await?;
        for ((kind, name), stored) in step::target_names(task).into_iter().zip(&stored) {
            if stored.is_none() {
                return Err(DirectoryError::not_found(kind, name));
            }
        }
        let values = stored
            .iter()
            .map(|stored| stored.as_ref().map(|found| found.value.as_ref()));
        Ok(fingerprint(values))
    }

    /// May do this to this person: what the request for one would demand. A person who may not see somebody learns nothing of
    /// them: the answer is that nobody is there.
    ///
    /// # Errors
    /// As [`Directory::authorise`]; [`DirectoryError::NotFound`] for somebody who is not in view.
    pub async fn authorise_item(
        &self,
        principal: &Principal,
        organisation: OrganisationId,
        task: &BulkTask,
        (user, named): (UserId, &str),
    ) -> Result<Permit, DirectoryError> {
        if principal.user().is_some() {
            let see = Demand {
                action: "user.view",
                on: On::User(user),
            };
            match self.authorise(principal, organisation, Some(see)).await {
                Err(DirectoryError::Denied(Denial::NoRight)) => {
                    return Err(DirectoryError::not_found("user", named));
                }
                other => other?,
            };
        }
        let mut demands = step::demands(task, user).into_iter();
        let permit = self.authorise(principal, organisation, demands.next()).await?;
        for demand in demands {
            self.authorise(principal, organisation, Some(demand)).await?;
        }
        Ok(permit)
    }
}

impl Planning<'_> {
    /// Plays one item.
    async fn play(&mut self, number: u32, person: Named) -> Result<JobItem, DirectoryError> {
        let mut item = JobItem {
            number,
            user: person.user,
            named: None,
            revision: None,
            planned: Outcome::Nothing,
            effect: Effect::default(),
            result: None,
        };
        let done = match person.user {
            Some(user) => self.play_for(user, &person.text, &mut item).await,
            None => Err(DirectoryError::not_found("user", &person.text)),
        };
        item.planned = match done {
            Ok(true) => Outcome::Change,
            Ok(false) => Outcome::Nothing,
            Err(error) => {
                if let DirectoryError::SeatsExhausted { licence, .. } = &error {
                    *self.without_seat.entry(licence.clone()).or_default() += 1;
                }
                if let DirectoryError::NotFound { kind: "user", .. } = &error {
                    item.user = None;
                    item.named = Some(person.text);
                }
                refused(error)?
            }
        };
        Ok(item)
    }

    /// Plays the step of one person, and says whether anything changed.
    async fn play_for(&self, user: UserId, named: &str, item: &mut JobItem) -> Result<bool, DirectoryError> {
        let (rehearsal, organisation, task) = (&self.rehearsal, self.organisation, self.task);
        let permit = rehearsal
            .authorise_item(self.principal, organisation, task, (user, named))
            .await?;
        let before = rehearsal.standing(organisation, user).await?;
        item.revision = before.revision();
        let changed = rehearsal.run(&permit, &Step { task, user }).await?;
        if changed {
            item.effect = before
                .turns_into(&rehearsal.standing(organisation, user).await?)
                .shorten();
            if matches!(task, BulkTask::Invite | BulkTask::Resend) {
                item.effect.obstacle = rehearsal.obstacle(organisation, user).await?;
            }
        }
        Ok(changed)
    }

    /// What became of the seats in the rehearsal.
    async fn seats(&self) -> Result<Vec<SeatForecast>, DirectoryError> {
        self.directory
            .seat_forecast(&self.rehearsal, self.organisation, &self.without_seat)
            .await
    }
}

impl Directory {
    /// What becomes of the seats in a rehearsal: only licences for which something changes, or is missing. `without_seat`: items that
    /// are refused because no seat is free, by licence.
    pub(super) async fn seat_forecast(
        &self,
        rehearsal: &Self,
        organisation: OrganisationId,
        without_seat: &BTreeMap<Slug, u32>,
    ) -> Result<Vec<SeatForecast>, DirectoryError> {
        let settings = self.load_organisation(organisation).await?;
        let mut forecasts = Vec::new();
        for licence in settings.licences.values() {
            let counts = [Count::Seats(licence.key.clone()), Count::Waiting(licence.key.clone())];
            let counts: Vec<_> = counts.iter().map(|what| keys::count(organisation, what)).collect();
            let before = self.numbers(&counts).await?;
            let after = rehearsal.numbers(&counts).await?;
            let refused = without_seat.get(&licence.key).copied().unwrap_or_default();
            if let ([used, waiting], [used_after, waiting_after]) = (before.as_slice(), after.as_slice())
                && (before != after || refused > 0)
            {
                forecasts.push(SeatForecast {
                    licence: licence.key.clone(),
                    limit: licence.limit,
                    used: *used,
                    used_after: *used_after,
                    free: licence.ceiling().map(|ceiling| (ceiling - used).max(0)),
                    waiting: *waiting,
                    waiting_after: *waiting_after,
                    refused,
                });
            }
        }
        Ok(forecasts)
    }

    /// The user names of these users; whoever is gone has none.
    ///
    /// # Errors
    /// As the store's read.
    pub async fn user_names(
        &self,
        organisation: OrganisationId,
        users: &[UserId],
    ) -> Result<BTreeMap<UserId, String>, DirectoryError> {
        let keys = users.iter().map(|user| keys::user(organisation, *user));
        let found = self.store.get_many(keys.collect()).await?;
        let names = found.into_iter().flatten().map(|stored| {
            let user: User = record::decode(&stored.value)?;
            Ok((user.id, user.user_name))
        });
        names.collect()
    }

    async fn numbers(&self, counters: &[crate::store::Key]) -> Result<Vec<i64>, DirectoryError> {
        let found = self.store.get_many(counters.to_vec()).await?;
        let numbers = counters.iter().zip(found).map(|(key, found)| match found {
            Some(found) => parse_counter(key, &found.value),
            None => Ok(0),
        });
        numbers.collect()
    }
}

/// What an error means for one item; an error again, when it is none of the item's but the store's.
///
/// # Errors
/// The error that was given.
pub(super) fn refused(error: DirectoryError) -> Result<Outcome, DirectoryError> {
    match error {
        DirectoryError::Unavailable(_) | DirectoryError::Contended { .. } => Err(error),
        // The rest goes on all the same. What is damaged is told by the verification, and not to everybody.
        DirectoryError::Corrupt(what) => {
            tracing::error!(what, "a stored record is damaged");
            let reason = "a stored record of the person is damaged: verify the store".to_owned();
            Ok(Outcome::Refused { reason })
        }
        other => Ok(Outcome::Refused {
            reason: other.to_string(),
        }),
    }
}

/// Stands for a plan: what is done, to whom, with which outcome.
fn confirm(id: JobId, task: &BulkTask, items: &[JobItem]) -> String {
    let mut hash = Sha256::new();
    hash.update(id.uuid().as_bytes());
    hash.update(serde_json::to_vec(task).unwrap_or_default());
    for item in items {
        hash.update(record::encode(item));
    }
    hash.finalize()
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn warnings(task: &BulkTask, planned: Tally, seats: &[SeatForecast]) -> Vec<String> {
    let mut warnings = Vec::new();
    if task.is_final() && planned.change > 0 {
        warnings.push(format!(
            "{} people are deleted for good: this cannot be taken back",
            planned.change
        ));
    }
    warnings.extend(seat_warnings(seats));
    warnings
}

/// What whoever confirms should know about the seats.
pub(super) fn seat_warnings(seats: &[SeatForecast]) -> Vec<String> {
    let mut warnings = Vec::new();
    for seat in seats {
        let licence = &seat.licence;
        if seat.refused > 0 {
            warnings.push(format!(
                "licence {licence} has too few seats: {} people are left out",
                seat.refused
            ));
        } else if seat.waiting_after > seat.waiting {
            let more = seat.waiting_after - seat.waiting;
            warnings.push(format!(
                "licence {licence} has too few seats: {more} more people will wait"
            ));
        } else if seat.limit.is_some_and(|limit| seat.used_after == i64::from(limit)) && seat.used_after > seat.used {
            warnings.push(format!("the last free seat of licence {licence} is taken"));
        }
        if seat.limit.is_some_and(|limit| seat.used_after > i64::from(limit)) && seat.used_after > seat.used {
            warnings.push(format!("licence {licence} is used beyond its limit"));
        }
    }
    warnings
}
