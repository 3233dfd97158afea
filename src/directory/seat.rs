//! The seat ledger: who holds which seat, one rule for every door (S003-3, X02-4).
//!
//! Seats are taken at the state change, not at the door: every write of a user passes [`settle`], which brings the seats
//! in line with the person's state. The pool's counter is bounded in the commit itself, so two racers never both take the
//! last seat. A freed seat goes to the first who waits, in the same commit.

use serde_json::json;

use crate::model::clock::Timestamp;
use crate::model::event::EventKind;
use crate::model::id::UserId;
use crate::model::licence::{Licence, Seat, SeatClaim, WhenFull};
use crate::model::slug::Slug;
use crate::model::user::User;
use crate::store::Scan;

use super::keys::{self, Count, Table};
use super::{DirectoryError, Unit};

/// Brings the seats of a user in line with the claims and the state in `after`.
///
/// # Errors
/// [`DirectoryError::SeatsExhausted`] when a needed seat is not free and the licence refuses then;
/// [`DirectoryError::InvalidValue`] for a licence that the organisation does not have.
pub async fn settle(unit: &mut Unit, before: Option<&User>, after: &mut User) -> Result<(), DirectoryError> {
    let mut claims = std::mem::take(&mut after.licences);
    claims.retain(|_, claim| !claim.origins.is_empty());
    if let Some(before) = before {
        for (key, claim) in &before.licences {
            if !claims.contains_key(key) {
                release(unit, key, claim, after.id).await?;
            }
        }
    }
    for (key, claim) in &mut claims {
        let licence = load_licence(unit, key).await?;
        let previous = before.and_then(|user| user.licences.get(key));
        // The stored seat is the truth; what a caller put into the claim is not.
        claim.seat = previous.map_or(Seat::Unneeded, |claim| claim.seat.clone());
        match (licence.needs_seat(&after.facts), &claim.seat) {
            (true, Seat::Unneeded) => claim.seat = take(unit, &licence, after.id).await?,
            (false, Seat::Held(_) | Seat::Waiting(_) | Seat::Fallback { .. }) => {
                release(unit, key, claim, after.id).await?;
                claim.seat = Seat::Unneeded;
            }
            (true, _) | (false, Seat::Unneeded) => {}
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
    for (key, claim) in &user.licences {
        release(unit, key, claim, user.id).await?;
    }
    Ok(())
}

/// Gives seats that have become free by a raised limit to those who wait, at most `most` of them. True when more wait and
/// may have one.
///
/// # Errors
/// As the store's read.
pub async fn promote_waiting(unit: &mut Unit, licence: &Licence, most: usize) -> Result<bool, DirectoryError> {
    let organisation = unit.organisation();
    let pool = keys::count(organisation, &Count::Seats(licence.key.clone()));
    let queue = unit
        .scan(Scan::prefix(&keys::queue(organisation, &licence.key), most + 1))
        .await?;
    let waiting: Vec<UserId> = queue
        .iter()
        .filter_map(|(key, _)| keys::last_uuid(key))
        .map(UserId::new)
        .collect();
    for user in waiting.iter().take(most) {
        let used = unit.counter(&pool).await?;
        if licence.ceiling().is_some_and(|ceiling| used >= ceiling) {
            return Ok(false);
        }
        promote(unit, &licence.key, *user).await?;
        unit.count(pool.clone(), 1, licence.ceiling());
    }
    Ok(waiting.len() > most)
}

async fn load_licence(unit: &mut Unit, key: &Slug) -> Result<Licence, DirectoryError> {
    let stored = unit
        .find::<Licence>(&keys::named(unit.organisation(), Table::Licence, key))
        .await?;
    stored.ok_or_else(|| {
        DirectoryError::invalid(
            "licence",
            format!("{key:?} is not a licence of this organisation: declare it first"),
        )
    })
}

/// Takes a seat, or does what the licence says when none is free.
async fn take(unit: &mut Unit, licence: &Licence, user: UserId) -> Result<Seat, DirectoryError> {
    let now = unit.now();
    if take_from_pool(unit, licence, user).await? {
        return Ok(Seat::Held(now));
    }
    match &licence.when_full {
        WhenFull::Refuse | WhenFull::Overage(_) => Err(exhausted(unit, licence).await?),
        WhenFull::Wait => {
            // "No seat is free" is relied on: a seat that frees at the same time is a conflict, not a missed turn.
            unit.bytes(&keys::count(unit.organisation(), &Count::Seats(licence.key.clone())))
                .await?;
            queue(unit, &licence.key, now, user, 1);
            unit.event(EventKind::SeatWaiting, user, json!({ "licence": licence.key }));
            Ok(Seat::Waiting(now))
        }
        WhenFull::Fallback(other) => {
            let fallback = load_licence(unit, other).await?;
            if take_from_pool(unit, &fallback, user).await? {
                Ok(Seat::Fallback {
                    licence: fallback.key,
                    since: now,
                })
            } else {
                Err(exhausted(unit, &fallback).await?)
            }
        }
    }
}

/// True when a seat was free. The bound is part of the commit: a racer who comes second is sent back to decide again.
async fn take_from_pool(unit: &mut Unit, licence: &Licence, user: UserId) -> Result<bool, DirectoryError> {
    let pool = keys::count(unit.organisation(), &Count::Seats(licence.key.clone()));
    let used = unit.counter(&pool).await?;
    let ceiling = licence.ceiling();
    if ceiling.is_some_and(|ceiling| used >= ceiling) {
        return Ok(false);
    }
    unit.count(pool, 1, ceiling);
    unit.event(
        EventKind::SeatTaken,
        user,
        json!({ "licence": licence.key, "used": used + 1 }),
    );
    if licence.limit.is_some_and(|limit| used >= i64::from(limit)) {
        unit.event(
            EventKind::SeatOverage,
            user,
            json!({ "licence": licence.key, "limit": licence.limit }),
        );
    }
    Ok(true)
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

/// Gives back one seat, or the place in the queue.
async fn release(unit: &mut Unit, key: &Slug, claim: &SeatClaim, user: UserId) -> Result<(), DirectoryError> {
    if let Seat::Waiting(since) = claim.seat {
        queue(unit, key, since, user, -1);
        return Ok(());
    }
    let Some(pool) = claim.pool(key).cloned() else {
        return Ok(());
    };
    unit.event(EventKind::SeatFreed, user, json!({ "licence": pool }));
    let counter = keys::count(unit.organisation(), &Count::Seats(pool.clone()));
    let licence = load_licence(unit, &pool).await?;
    // A pool that is over its limit (the limit was lowered) shrinks first.
    let used = unit.counter(&counter).await?;
    let is_over = licence.ceiling().is_some_and(|ceiling| used > ceiling);
    let next = if is_over {
        None
    } else {
        first_waiting(unit, &pool, user).await?
    };
    match next {
        Some(next) => promote(unit, &pool, next).await?,
        None => unit.count(counter, -1, None),
    }
    Ok(())
}

/// The first of a queue who is not `leaving`. "Nobody waits" is relied on: whoever queues up at the same time conflicts.
async fn first_waiting(unit: &mut Unit, pool: &Slug, leaving: UserId) -> Result<Option<UserId>, DirectoryError> {
    let organisation = unit.organisation();
    let length = keys::count(organisation, &Count::Waiting(pool.clone()));
    if unit.bytes(&length).await?.is_none_or(|stored| stored.as_ref() == b"0") {
        return Ok(None);
    }
    let queue = unit.scan(Scan::prefix(&keys::queue(organisation, pool), 2)).await?;
    let ids = queue
        .iter()
        .filter_map(|(key, _)| keys::last_uuid(key))
        .map(UserId::new);
    Ok(ids.into_iter().find(|waiting| *waiting != leaving))
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

/// Turns a waiting claim into a held one. The record is relied on, so that two freed seats never go to one person.
async fn promote(unit: &mut Unit, pool: &Slug, user: UserId) -> Result<(), DirectoryError> {
    let now = unit.now();
    let mut promoted = unit.load_user(user).await?;
    let Some(claim) = promoted.licences.get_mut(pool) else {
        return Err(DirectoryError::Corrupt(format!(
            "user {user} waits for licence {pool} without a claim"
        )));
    };
    let Seat::Waiting(since) = claim.seat else {
        return Err(DirectoryError::Contended {
            key: format!("queue of licence {pool}"),
        });
    };
    claim.seat = Seat::Held(now);
    promoted.last_modified = now.max(promoted.last_modified);
    promoted.revision += 1;
    queue(unit, pool, since, user, -1);
    unit.put(keys::user(unit.organisation(), user), &promoted);
    unit.event(EventKind::SeatTaken, user, json!({ "licence": pool, "promoted": true }));
    Ok(())
}
