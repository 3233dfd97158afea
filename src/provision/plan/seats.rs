//! The seats of a plan: the ledger of [`crate::directory::seat`], played through on paper.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

use crate::directory::DirectoryError;
use crate::directory::keys::{self, Count};
use crate::directory::unit::parse_counter;
use crate::model::clock::Timestamp;
use crate::model::id::UserId;
use crate::model::licence::{Licence, Seat, SeatClaim, WhenFull};
use crate::model::slug::Slug;
use crate::model::user::User;
use crate::provision::failure::FailureReason;

use super::Planner;
use super::claims::Claims;

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
    /// Seats in use after the run: those that are freed go to people who wait before they are free.
    pub after: i64,
}

/// Seats on paper.
pub(super) struct Ledger {
    now: Timestamp,
    pools: BTreeMap<Slug, Pool>,
    /// Seats that people who were there got otherwise than from the licence's own pool.
    unusual: HashMap<UserId, Vec<(Slug, Seat)>>,
}

struct Pool {
    licence: Licence,
    used: i64,
    tally: Tally,
}

#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    in_use: i64,
    waiting: i64,
    needed: i64,
    freed: i64,
    short: i64,
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
            let pool = Pool {
                licence: licence.clone(),
                used,
                tally: Tally {
                    in_use: used,
                    waiting,
                    ..Tally::default()
                },
            };
            (key.clone(), pool)
        });
        Ok(Self {
            now: planner.now,
            pools: pools.collect(),
            unusual: HashMap::new(),
        })
    }

    /// The licences that the plan touches.
    pub(super) fn forecasts(self) -> Vec<SeatForecast> {
        let pools = self.pools.into_iter().map(|(licence, pool)| SeatForecast {
            licence,
            used: pool.used,
            limit: pool.licence.ceiling(),
            needed: pool.tally.needed,
            freed: pool.tally.freed,
            short: pool.tally.short,
            after: pool.tally.in_use,
        });
        pools
            .filter(|forecast| forecast.needed + forecast.freed + forecast.short > 0 || forecast.used != forecast.after)
            .collect()
    }

    /// Everything that a leaving person gives back.
    pub(super) fn release(&mut self, user: &User) {
        let ended: Vec<_> = user
            .licences
            .iter()
            .map(|(key, claim)| (key.clone(), claim.clone()))
            .collect();
        self.give_up(&ended);
    }

    /// Plays the states of a person through: seats that end are given back, seats that begin are taken, from each state to
    /// the next. The last is left with its seats.
    ///
    /// # Errors
    /// The reason why it would be refused; nothing is taken or freed then.
    pub(super) fn follow(&mut self, path: &mut [Claims]) -> Result<(), FailureReason> {
        let before: Vec<Tally> = self.pools.values().map(|pool| pool.tally).collect();
        for place in 1..path.len() {
            let (past, rest) = path.split_at_mut(place);
            let Err((licence, reason)) = self.settle(&past[place - 1], &mut rest[0]) else {
                continue;
            };
            // The whole change is refused, so what it would have freed stays in use too.
            for (pool, tally) in self.pools.values_mut().zip(before) {
                pool.tally = tally;
            }
            if let Some(pool) = self.pools.get_mut(&licence) {
                pool.tally.needed += 1;
                pool.tally.short += 1;
            }
            return Err(reason);
        }
        Ok(())
    }

    fn settle(&mut self, before: &Claims, after: &mut Claims) -> Result<(), (Slug, FailureReason)> {
        let movement = after.follow(before, |key| self.pools.get(key).map(|pool| &pool.licence));
        self.give_up(&movement.ended);
        for licence in movement.asked {
            let seat = self.take(&licence).map_err(|reason| (licence.clone(), reason))?;
            after.seat(&licence, seat);
        }
        Ok(())
    }

    /// Remembers what somebody who was there before has got, where it is not simply a seat of the licence.
    pub(super) fn remember(&mut self, user: UserId, claims: &Claims) {
        let unusual = claims.licences.iter().filter_map(|(key, claim)| match claim.seat {
            Seat::Waiting(_) | Seat::Fallback { .. } => Some((key.clone(), claim.seat.clone())),
            Seat::Held(_) | Seat::Refused(_) | Seat::Unneeded => None,
        });
        let unusual: Vec<_> = unusual.collect();
        if !unusual.is_empty() {
            self.unusual.insert(user, unusual);
        }
    }

    /// The last state of a path that was played through before, with its seats: nothing is taken or freed again.
    pub(super) fn replay(&self, user: Option<UserId>, mut path: Vec<Claims>) -> Claims {
        let unusual = user.and_then(|user| self.unusual.get(&user));
        for place in 1..path.len() {
            let (past, rest) = path.split_at_mut(place);
            let movement = rest[0].follow(&past[place - 1], |key| self.pools.get(key).map(|pool| &pool.licence));
            for licence in movement.asked {
                let seat = unusual.and_then(|unusual| unusual.iter().find(|(key, _)| *key == licence));
                let seat = seat.map_or(Seat::Held(self.now), |(_, seat)| seat.clone());
                rest[0].seat(&licence, seat);
            }
        }
        path.pop().unwrap_or_default()
    }

    /// The seat that a person gets.
    fn take(&mut self, licence: &Slug) -> Result<Seat, FailureReason> {
        let Some(pool) = self.pools.get_mut(licence) else {
            return Ok(Seat::Unneeded);
        };
        if pool.take() {
            pool.tally.needed += 1;
            // Where somebody waits already, the newcomer queues up and the first of the queue has the seat.
            let is_overtaken = pool.licence.when_full == WhenFull::Wait && pool.tally.waiting > 0;
            return Ok(if is_overtaken {
                Seat::Waiting(self.now)
            } else {
                Seat::Held(self.now)
            });
        }
        match pool.licence.when_full.clone() {
            WhenFull::Wait => {
                pool.tally.needed += 1;
                pool.tally.waiting += 1;
                Ok(Seat::Waiting(self.now))
            }
            WhenFull::Fallback(other) => {
                let Some(fallback) = self.pools.get_mut(&other) else {
                    return Ok(Seat::Unneeded);
                };
                if !fallback.take_unwaited() {
                    return Err(fallback.exhausted(&other));
                }
                fallback.tally.needed += 1;
                Ok(Seat::Fallback {
                    licence: other,
                    since: self.now,
                })
            }
            WhenFull::Refuse | WhenFull::Overage(_) => Err(pool.exhausted(licence)),
        }
    }

    fn give_up(&mut self, ended: &[(Slug, SeatClaim)]) {
        // The places in queues go first, so that no seat is given to a claim that is over.
        for (key, _) in ended.iter().filter(|(_, claim)| claim.is_queued()) {
            if let Some(pool) = self.pools.get_mut(key) {
                pool.tally.waiting -= 1;
            }
        }
        for (key, claim) in ended {
            if let Some(pool) = claim.pool(key).and_then(|pool| self.pools.get_mut(pool)) {
                pool.give_back();
            }
        }
    }
}

impl Pool {
    /// Takes a seat that nobody waits for.
    fn take_unwaited(&mut self) -> bool {
        self.tally.waiting == 0 && self.take()
    }

    fn take(&mut self) -> bool {
        let is_free = self.licence.ceiling().is_none_or(|ceiling| self.tally.in_use < ceiling);
        self.tally.in_use += i64::from(is_free);
        is_free
    }

    fn give_back(&mut self) {
        self.tally.freed += 1;
        // A pool that is over its limit shrinks first; otherwise a freed seat goes to the first who waits.
        let is_over = self
            .licence
            .ceiling()
            .is_some_and(|ceiling| self.tally.in_use > ceiling);
        if !is_over && self.tally.waiting > 0 {
            self.tally.waiting -= 1;
        } else {
            self.tally.in_use -= 1;
        }
    }

    fn exhausted(&self, licence: &Slug) -> FailureReason {
        FailureReason::NoSeat {
            licence: licence.clone(),
            used: self.tally.in_use,
            limit: self.licence.ceiling().unwrap_or(i64::MAX),
        }
    }
}
