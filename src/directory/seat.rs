//! The seat ledger: who holds which seat, one rule for every door (S003-3, X02-4).
//!
//! Seats are taken at the state change, not at the door: every write of a user passes [`settle`], which brings the seats
//! in line with the person's state. The pool's counter is bounded in the commit itself, so two racers never both take the
//! last seat. A freed seat goes to the first who waits, in the same commit.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use crate::model::clock::Timestamp;
use crate::model::event::EventKind;
use crate::model::id::UserId;
use crate::model::licence::{Licence, Seat, SeatClaim, WhenFull};
use crate::model::slug::Slug;
use crate::model::user::User;
use crate::store::Key;

use super::keys::{self, Count, Table};
use super::refusal::Refused;
use super::{DirectoryError, Unit};

/// What becomes of a change that needs a seat which is not free and which the licence refuses then.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Missed {
    /// The change is refused: whoever asked for it does without it, or asks for something else.
    #[default]
    Refuses,
    /// The person goes without and is put into the queue. What a group gives reaches people whom nobody asked for one by one:
    /// one of them without a seat stops neither the others nor the rest of what that one is given.
    Queues,
}

/// Brings the seats of a user in line with the claims and the state in `after`.
///
/// # Errors
/// [`DirectoryError::SeatsExhausted`] when a needed seat is not free and the licence refuses then, unless the unit has those who
/// miss a seat put into the queue; [`DirectoryError::InvalidValue`] for a licence that the organisation does not have.
pub async fn settle(unit: &mut Unit, before: Option<&User>, after: &mut User) -> Result<(), DirectoryError> {
    let mut claims = std::mem::take(&mut after.licences);
    claims.retain(|_, claim| !claim.origins.is_empty());
    let mut given_up: BTreeMap<Slug, SeatClaim> = BTreeMap::new();
    for (key, claim) in before.into_iter().flat_map(|user| &user.licences) {
        if !claims.contains_key(key) {
            given_up.insert(key.clone(), claim.clone());
        }
    }
    let mut wanted = Vec::new();
    for (key, claim) in &mut claims {
        let licence = load_licence(unit, key).await?;
        let previous = before.and_then(|user| user.licences.get(key));
        // The stored seat is the truth; what a caller put into the claim is not.
        claim.seat = previous.map_or(Seat::Unneeded, |claim| claim.seat.clone());
        let asks_anew = unit.missed == Missed::Refuses && previous.is_some_and(|previous| claim.asks_anew(previous));
        match (licence.needs_seat(&after.facts, &after.roles), &claim.seat) {
            (true, Seat::Unneeded) => wanted.push(licence),
            (true, Seat::Refused(_)) if asks_anew => {
                given_up.insert(key.clone(), claim.clone());
                claim.seat = Seat::Unneeded;
                wanted.push(licence);
            }
            (false, Seat::Held(_) | Seat::Waiting(_) | Seat::Refused(_) | Seat::Fallback { .. }) => {
                given_up.insert(key.clone(), claim.clone());
                claim.seat = Seat::Unneeded;
            }
            (true, _) | (false, Seat::Unneeded) => {}
        }
    }
    // Seats are given back before others are taken: the person's own turn in a queue may be the one that comes.
    release(unit, &given_up, after.id, &mut claims).await?;
    for licence in wanted {
        let seat = match take(unit, &licence, after.id).await {
            Ok(seat) => seat,
            Err(error) => {
                unit.refused = Refused::of(&error, before.map(|user| user.id), &after.user_name);
                return Err(error);
            }
        };
        if let Some(claim) = claims.get_mut(&licence.key) {
            claim.seat = seat;
        }
    }
    after.licences = claims;
    Ok(())
}

/// Gives back every seat of a user who is deleted.
///
/// # Errors
/// As the store's read.
pub async fn release_all(unit: &mut Unit, user: &User) -> Result<(), DirectoryError> {
    release(unit, &user.licences, user.id, &mut BTreeMap::new()).await
}

/// Gives seats that have become free by a raised limit to those who wait, at most `most` of them. True when more may follow.
///
/// # Errors
/// As the store's read.
pub async fn promote_waiting(unit: &mut Unit, licence: &Licence, most: usize) -> Result<bool, DirectoryError> {
    let pool = keys::count(unit.organisation(), &Count::Seats(licence.key.clone()));
    for _ in 0..most {
        let used = unit.counter(&pool).await?;
        if licence.ceiling().is_some_and(|ceiling| used >= ceiling) {
            return Ok(false);
        }
        let Some(Next::Other(next)) = first_waiting(unit, &licence.key, None).await? else {
            return Ok(false);
        };
        promote(unit, &licence.key, next);
        rely_near_threshold(unit, licence, &pool).await?;
        unit.count(pool.clone(), 1, licence.ceiling());
        note_thresholds(unit, licence, (used, licence.limit), used + 1);
    }
    Ok(true)
}

async fn load_licence(unit: &mut Unit, key: &Slug) -> Result<Licence, DirectoryError> {
    let stored = unit
        .find::<Licence>(&keys::named(unit.organisation(), Table::Licence, key))
        .await?;
    stored.ok_or_else(|| {
        DirectoryError::invalid(
            "licence",
            format!("\"{key}\" is not a licence of this organisation: declare it first"),
        )
    })
}

/// Takes a seat, or does what the licence says when none is free.
async fn take(unit: &mut Unit, licence: &Licence, user: UserId) -> Result<Seat, DirectoryError> {
    let now = unit.now();
    if is_free(unit, licence).await? {
        let in_turn = licence.when_full == WhenFull::Wait || unit.missed == Missed::Queues;
        if in_turn && somebody_waits(unit, &licence.key).await? {
            return take_in_turn(unit, licence, user).await;
        }
        take_from_pool(unit, licence, user).await?;
        return Ok(Seat::Held(now));
    }
    match &licence.when_full {
        WhenFull::Refuse | WhenFull::Overage(_) if unit.missed == Missed::Refuses => {
            Err(exhausted(unit, licence).await?)
        }
        WhenFull::Refuse | WhenFull::Overage(_) | WhenFull::Wait => queue_up(unit, licence, user).await,
        WhenFull::Fallback(other) => {
            let fallback = load_licence(unit, other).await?;
            // Whoever waits for the other licence's seats comes first.
            let is_free = is_free(unit, &fallback).await? && !somebody_waits(unit, &fallback.key).await?;
            match (is_free, unit.missed) {
                (true, _) => {}
                (false, Missed::Refuses) => return Err(exhausted(unit, &fallback).await?),
                (false, Missed::Queues) => return queue_up(unit, licence, user).await,
            }
            take_from_pool(unit, &fallback, user).await?;
            Ok(Seat::Fallback {
                licence: fallback.key,
                since: now,
            })
        }
    }
}

/// No seat is free: the person goes to the end of the queue.
async fn queue_up(unit: &mut Unit, licence: &Licence, user: UserId) -> Result<Seat, DirectoryError> {
    // "No seat is free" is relied on: a seat that frees at the same time is a conflict, not a missed turn.
    unit.bytes(&keys::count(unit.organisation(), &Count::Seats(licence.key.clone())))
        .await?;
    let now = unit.now();
    queue(unit, &licence.key, now, user, 1);
    tell_queued(unit, licence, user).await
}

/// The seat of somebody who has gone into the queue, told.
async fn tell_queued(unit: &mut Unit, licence: &Licence, user: UserId) -> Result<Seat, DirectoryError> {
    let now = unit.now();
    if licence.when_full == WhenFull::Wait {
        unit.event(EventKind::SeatWaiting, user, json!({ "licence": licence.key }));
        return Ok(Seat::Waiting(now));
    }
    let used = unit
        .counter(&keys::count(unit.organisation(), &Count::Seats(licence.key.clone())))
        .await?;
    let data = json!({ "licence": licence.key, "used": used, "limit": licence.ceiling(), "user": user });
    unit.event(EventKind::SeatRefused, &licence.key, data);
    Ok(Seat::Refused(now))
}

/// Seats are free and somebody waits: a raised limit is being handed out. The newcomer goes to the end of the queue and hands a
/// seat to its first, so that nobody overtakes and the queue moves on whatever became of the handing out.
async fn take_in_turn(unit: &mut Unit, licence: &Licence, user: UserId) -> Result<Seat, DirectoryError> {
    let now = unit.now();
    queue(unit, &licence.key, now, user, 1);
    let seat = match first_waiting(unit, &licence.key, Some((user, true))).await? {
        Some(Next::Other(next)) => {
            promote(unit, &licence.key, next);
            tell_queued(unit, licence, user).await?
        }
        Some(Next::Settled) | None => {
            queue(unit, &licence.key, now, user, -1);
            unit.event(EventKind::SeatTaken, user, json!({ "licence": licence.key }));
            Seat::Held(now)
        }
    };
    count_in(unit, licence, user).await?;
    Ok(seat)
}

/// Whether a seat of the pool is free, overage included.
async fn is_free(unit: &mut Unit, licence: &Licence) -> Result<bool, DirectoryError> {
    let pool = keys::count(unit.organisation(), &Count::Seats(licence.key.clone()));
    let used = unit.counter(&pool).await?;
    Ok(licence.ceiling().is_none_or(|ceiling| used < ceiling))
}

/// Whether anyone is in the queue. The answer is relied on: who queues up, or has a turn, at the same time is a conflict.
async fn somebody_waits(unit: &mut Unit, pool: &Slug) -> Result<bool, DirectoryError> {
    let length = keys::count(unit.organisation(), &Count::Waiting(pool.clone()));
    unit.bytes(&length).await?;
    Ok(unit.counter(&length).await? > 0)
}

/// Takes a seat that [`is_free`].
async fn take_from_pool(unit: &mut Unit, licence: &Licence, user: UserId) -> Result<(), DirectoryError> {
    let used = count_in(unit, licence, user).await?;
    unit.event(
        EventKind::SeatTaken,
        user,
        json!({ "licence": licence.key, "used": used }),
    );
    Ok(())
}

/// Counts a seat in, and answers how many are in use then. The bound is part of the commit: a racer who comes second is sent
/// back to decide again.
async fn count_in(unit: &mut Unit, licence: &Licence, user: UserId) -> Result<i64, DirectoryError> {
    let pool = keys::count(unit.organisation(), &Count::Seats(licence.key.clone()));
    let used = unit.counter(&pool).await?;
    rely_near_threshold(unit, licence, &pool).await?;
    unit.count(pool, 1, licence.ceiling());
    note_thresholds(unit, licence, (used, licence.limit), used + 1);
    if licence.limit.is_some_and(|limit| used >= i64::from(limit)) {
        unit.event(
            EventKind::SeatOverage,
            user,
            json!({ "licence": licence.key, "limit": licence.limit }),
        );
    }
    Ok(used + 1)
}

/// Seats that changes at the same moment may take between a reading of the counter and the commit. As near as that to a
/// threshold the counter is relied on, so that exactly one of them reaches it; farther away seats do not wait for each other.
const TAKEN_AT_ONCE_MAX: i64 = 256;

async fn rely_near_threshold(unit: &mut Unit, licence: &Licence, pool: &Key) -> Result<(), DirectoryError> {
    let used = unit.counter(pool).await?;
    let reached = licence.crossed((used, licence.limit), used + TAKEN_AT_ONCE_MAX).next();
    if reached.is_some() {
        unit.bytes(pool).await?;
    }
    Ok(())
}

/// Tells which thresholds the use of a licence has reached, when it goes from one state to another.
pub(super) fn note_thresholds(unit: &mut Unit, licence: &Licence, before: (i64, Option<u32>), used: i64) {
    for percent in licence.crossed(before, used).collect::<Vec<_>>() {
        let data = json!({ "percent": percent, "used": used, "limit": licence.limit });
        unit.event(EventKind::LicenceThreshold, &licence.key, data);
    }
}

async fn exhausted(unit: &mut Unit, licence: &Licence) -> Result<DirectoryError, DirectoryError> {
    let used = unit
        .counter(&keys::count(unit.organisation(), &Count::Seats(licence.key.clone())))
        .await?;
    let limit = licence.ceiling().unwrap_or(i64::MAX);
    Ok(DirectoryError::SeatsExhausted {
        licence: licence.key.clone(),
        used,
        limit,
    })
}

/// Gives back the seats of claims that are over, and their places in queues. `staying` are the claims the person keeps: one of
/// them that waits, and whose turn comes, takes the seat like anyone's.
async fn release(
    unit: &mut Unit,
    given_up: &BTreeMap<Slug, SeatClaim>,
    user: UserId,
    staying: &mut BTreeMap<Slug, SeatClaim>,
) -> Result<(), DirectoryError> {
    // The places go first, so that no seat is given to a claim that is over.
    for (key, claim) in given_up {
        if let Some(since) = claim.seat.queued_since() {
            queue(unit, key, since, user, -1);
        }
    }
    for (key, claim) in given_up {
        if let Some(pool) = claim.pool(key) {
            pass_on(unit, pool, user, staying).await?;
        }
    }
    Ok(())
}

/// Gives one seat of a pool from `user` to the first who waits for it, or back to the pool.
async fn pass_on(
    unit: &mut Unit,
    pool: &Slug,
    user: UserId,
    staying: &mut BTreeMap<Slug, SeatClaim>,
) -> Result<(), DirectoryError> {
    unit.event(EventKind::SeatFreed, user, json!({ "licence": pool }));
    let counter = keys::count(unit.organisation(), &Count::Seats(pool.clone()));
    let licence = load_licence(unit, pool).await?;
    // A pool that is over its limit (the limit was lowered) shrinks first.
    let used = unit.counter(&counter).await?;
    let is_over = licence.ceiling().is_some_and(|ceiling| used > ceiling);
    let next = if is_over {
        None
    } else {
        let waits_too = staying.get(pool).is_some_and(SeatClaim::is_queued);
        first_waiting(unit, pool, Some((user, waits_too))).await?
    };
    match next {
        Some(Next::Other(next)) => promote(unit, pool, next),
        Some(Next::Settled) => take_turn(unit, pool, user, staying),
        None => unit.count(counter, -1, None),
    }
    Ok(())
}

/// Who is first in a queue.
enum Next {
    /// The person whose seats are being settled: the record is still in the caller's hands.
    Settled,
    /// Somebody else, with the record as it is stored.
    Other(Box<User>),
}

/// The first of a queue as this unit leaves it so far. "Nobody waits" is relied on: whoever queues up at the same time
/// conflicts. So are the place and the record of whoever is passed over because they do not agree: when another commit came
/// between the two reads, this one is sent back to decide again.
///
/// `settled` is the person whose seats are being settled, and whether a claim that stays waits for this pool.
async fn first_waiting(
    unit: &mut Unit,
    pool: &Slug,
    settled: Option<(UserId, bool)>,
) -> Result<Option<Next>, DirectoryError> {
    let organisation = unit.organisation();
    let places = keys::queue(organisation, pool);
    let length = keys::count(organisation, &Count::Waiting(pool.clone()));
    let stored = unit.bytes(&length).await?;
    let is_empty = stored.is_none_or(|stored| stored.as_ref() == b"0");
    if is_empty && !unit.changed_under(&places).any(|(_, is_there)| is_there) {
        return Ok(None);
    }
    let mut passed = BTreeSet::new();
    while let Some(place) = unit.first_under(&places, &passed).await? {
        if unit.bytes(&place).await?.is_some()
            && let Some(id) = keys::last_uuid(&place).map(UserId::new)
        {
            match settled.filter(|(settled, _)| *settled == id) {
                Some((_, true)) => return Ok(Some(Next::Settled)),
                Some((_, false)) => {}
                None => {
                    let user = unit.find_user(id).await?;
                    let user = user.filter(|user| user.licences.get(pool).is_some_and(SeatClaim::is_queued));
                    if let Some(user) = user {
                        return Ok(Some(Next::Other(Box::new(user))));
                    }
                }
            }
        }
        passed.insert(place);
    }
    Ok(None)
}

/// Puts a user at the end of a queue, or takes the user out (`delta` -1).
fn queue(unit: &mut Unit, licence: &Slug, since: Timestamp, user: UserId, delta: i64) {
    let organisation = unit.organisation();
    let place = keys::waiting(organisation, licence, since.timestamp_millis().unsigned_abs(), user);
    if delta > 0 {
        unit.put_bytes(place, "");
    } else {
        unit.delete(place);
    }
    unit.count(keys::count(organisation, &Count::Waiting(licence.clone())), delta, None);
}

/// Turns the waiting claim of somebody else into a held one. The record was relied on when it was found, so that two freed
/// seats never go to one person.
fn promote(unit: &mut Unit, pool: &Slug, mut promoted: Box<User>) {
    let now = unit.now();
    let user = promoted.id;
    take_turn(unit, pool, user, &mut promoted.licences);
    promoted.last_modified = now.max(promoted.last_modified);
    promoted.revision += 1;
    unit.put(keys::user(unit.organisation(), user), &*promoted);
}

/// Turns the waiting claim among `claims` into a held one, and leaves the queue.
fn take_turn(unit: &mut Unit, pool: &Slug, user: UserId, claims: &mut BTreeMap<Slug, SeatClaim>) {
    let now = unit.now();
    let Some(claim) = claims.get_mut(pool) else { return };
    if let Some(since) = claim.seat.queued_since() {
        claim.seat = Seat::Held(now);
        queue(unit, pool, since, user, -1);
        unit.event(EventKind::SeatTaken, user, json!({ "licence": pool, "promoted": true }));
    }
}
