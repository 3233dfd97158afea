//! The seats of a plan: the ledger of [`crate::directory::seat`], played through on paper.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::directory::DirectoryError;
use crate::directory::keys::{self, Count};
use crate::directory::unit::parse_counter;
use crate::model::licence::{Licence, Seat, SeatClaim, WhenFull};
use crate::model::lifecycle::Facts;
use crate::model::origin::Origins;
use crate::model::slug::Slug;
use crate::model::user::User;
use crate::provision::failure::FailureReason;

use super::Planner;

/// What becomes of one licence's seats.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeatForecast {
    /// The licence.
    pub licence: Slug,
    /// Seats in use before the run.
    pub used: i64,
    /// Seats in all, overage included; `None` for no bound.
    pub limit: Option<i64>,
    /// Seats that the plan asks for.
    pub needed: i64,
    /// Seats that the plan gives back.
    pub freed: i64,
    /// People who ask for a seat and get none.
    pub short: i64,
}

/// What the ledger needs to know of a user: a plan of 100,000 people holds no 100,000 users.
#[derive(Debug, Clone, Default)]
pub(super) struct Claims {
    licences: BTreeMap<Slug, SeatClaim>,
    facts: Facts,
    roles: BTreeMap<Slug, Origins>,
}

impl Claims {
    pub(super) fn of(user: &User) -> Self {
        Self {
            licences: user.licences.clone(),
            facts: user.facts.clone(),
            roles: user.roles.clone(),
        }
    }
}

pub(super) struct Ledger {
    pools: BTreeMap<Slug, Pool>,
}

struct Pool {
    licence: Licence,
    forecast: SeatForecast,
    free: Option<i64>,
    waiting: i64,
}

impl Ledger {
    pub(super) async fn load(planner: &Planner<'_>) -> Result<Self, DirectoryError> {
        let organisation = planner.permit.organisation();
        let licences = &planner.context.organisation.licences;
        let counters: Vec<_> = licences
            .keys()
            .flat_map(|key| [Count::Seats(key.clone()), Count::Waiting(key.clone())])
            .map(|count| keys::count(organisation, &count))
            .collect();
        let stored = planner.directory.store().get_many(counters.clone()).await?;
        let mut numbers = Vec::with_capacity(stored.len());
        for (key, found) in counters.iter().zip(stored) {
            numbers.push(found.map_or(Ok(0), |found| parse_counter(key, &found.value))?);
        }
        let pools = licences.iter().zip(numbers.chunks(2)).map(|((key, licence), numbers)| {
            let (used, waiting) = (numbers[0], numbers[1]);
            let limit = licence.ceiling();
            let pool = Pool {
                licence: licence.clone(),
                forecast: SeatForecast {
                    licence: key.clone(),
                    used,
                    limit,
                    needed: 0,
                    freed: 0,
                    short: 0,
                },
                free: limit.map(|limit| limit - used),
                waiting,
            };
            (key.clone(), pool)
        });
        Ok(Self { pools: pools.collect() })
    }

    /// The licences that the plan touches.
    pub(super) fn forecasts(self) -> Vec<SeatForecast> {
        let forecasts = self.pools.into_values().map(|pool| pool.forecast);
        forecasts
            .filter(|forecast| forecast.needed + forecast.freed + forecast.short > 0)
            .collect()
    }

    /// Everything that a leaving person gives back.
    pub(super) fn release(&mut self, user: &User) {
        for (key, claim) in &user.licences {
            if let Some(pool) = claim.pool(key) {
                self.give_back(pool);
            }
        }
    }

    /// Plays a change through: seats that end are given back, seats that begin are taken.
    ///
    /// # Errors
    /// The reason why the change would be refused; nothing is taken then.
    pub(super) fn settle(&mut self, before: &Claims, after: &Claims) -> Result<(), FailureReason> {
        let mut asked = Vec::new();
        let mut ended = Vec::new();
        for (key, claim) in &after.licences {
            let held = before.licences.get(key);
            let licence = self.pools.get(key).map(|pool| &pool.licence);
            let is_needed = !claim.origins.is_empty()
                && licence.is_some_and(|licence| licence.needs_seat(&after.facts, &after.roles));
            match held {
                None
                | Some(SeatClaim {
                    seat: Seat::Unneeded, ..
                }) if is_needed => asked.push(key.clone()),
                Some(held) if !is_needed => ended.extend(held.pool(key).cloned()),
                _ => {}
            }
        }
        for (key, claim) in &before.licences {
            if !after.licences.contains_key(key) {
                ended.extend(claim.pool(key).cloned());
            }
        }
        for pool in &ended {
            self.give_back(pool);
        }
        let mut taken = Vec::new();
        for licence in asked {
            match self.take(&licence) {
                Ok(pool) => taken.push(pool),
                Err(reason) => {
                    // The whole change is refused, so what it would have freed stays in use too.
                    for pool in taken.into_iter().flatten() {
                        self.untake(&pool);
                    }
                    for pool in &ended {
                        self.keep(pool);
                    }
                    return Err(reason);
                }
            }
        }
        Ok(())
    }

    /// The pool that a seat comes from; `None` when the person waits.
    fn take(&mut self, licence: &Slug) -> Result<Option<Slug>, FailureReason> {
        let Some(pool) = self.pools.get_mut(licence) else {
            return Ok(None);
        };
        pool.forecast.needed += 1;
        if pool.licence.when_full == WhenFull::Wait && pool.waiting > 0 && pool.take() {
            // The newcomer queues up, and the first of the queue has the seat.
            return Ok(None);
        }
        if pool.take() {
            return Ok(Some(licence.clone()));
        }
        match pool.licence.when_full.clone() {
            WhenFull::Wait => {
                pool.waiting += 1;
                Ok(None)
            }
            WhenFull::Fallback(other) if self.pools.get_mut(&other).is_some_and(Pool::take_unwaited) => Ok(Some(other)),
            WhenFull::Fallback(_) | WhenFull::Refuse | WhenFull::Overage(_) => {
                let Some(pool) = self.pools.get_mut(licence) else {
                    return Ok(None);
                };
                pool.forecast.short += 1;
                let limit = pool.forecast.limit.unwrap_or(i64::MAX);
                Err(FailureReason::NoSeat {
                    licence: licence.clone(),
                    used: limit - pool.free.unwrap_or(0),
                    limit,
                })
            }
        }
    }

    fn untake(&mut self, pool: &Slug) {
        if let Some(pool) = self.pools.get_mut(pool) {
            pool.free = pool.free.map(|free| free + 1);
        }
    }

    fn give_back(&mut self, pool: &Slug) {
        if let Some(pool) = self.pools.get_mut(pool) {
            pool.forecast.freed += 1;
            // A freed seat goes to the first who waits.
            if pool.waiting > 0 {
                pool.waiting -= 1;
            } else {
                pool.free = pool.free.map(|free| free + 1);
            }
        }
    }

    fn keep(&mut self, pool: &Slug) {
        if let Some(pool) = self.pools.get_mut(pool) {
            pool.forecast.freed -= 1;
            pool.free = pool.free.map(|free| free - 1);
        }
    }
}

impl Pool {
    /// Takes a seat that nobody waits for.
    fn take_unwaited(&mut self) -> bool {
        self.waiting == 0 && self.take()
    }

    fn take(&mut self) -> bool {
        match &mut self.free {
            None => true,
            Some(free) if *free > 0 => {
                *free -= 1;
                true
            }
            Some(_) => false,
        }
    }
}
