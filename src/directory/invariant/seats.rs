//! Who needs a seat has one or waits, who needs none has none; a licence's queue holds exactly those who wait; no licence gives
//! more seats than it may, unless the limit was lowered since; nobody waits while a seat is free.

use async_trait::async_trait;

use crate::directory::DirectoryError;
use crate::directory::keys::{self, Count, Table};
use crate::directory::unit::parse_counter;
use crate::directory::verify::Report;
use crate::model::event::{Event, EventKind};
use crate::model::id::{OrganisationId, UserId};
use crate::model::licence::{Licence, Seat, SeatClaim};
use crate::model::role_link::{is_given, is_linked};
use crate::model::slug::Slug;
use crate::model::user::User;
use crate::store::{Found, Key, Read, Scan, Versioned};

use super::{Entry, Invariant, PATIENCE, View, readable};

/// The invariant.
pub struct Seats;

#[async_trait]
impl Invariant for Seats {
    fn name(&self) -> &'static str {
        "seats"
    }

    async fn verify(&self, view: &View<'_>, report: &mut Report) -> Result<(), DirectoryError> {
        self.claims(view, report).await?;
        self.queues(view, report).await?;
        self.ceilings(view, report).await?;
        self.idle(view, report).await
    }
}

/// Between two looks at a queue that does not move: a raised limit is followed by promotions in commits of their own.
const LOOK_AGAIN: std::time::Duration = std::time::Duration::from_millis(50);

impl Seats {
    async fn claims(&self, view: &View<'_>, report: &mut Report) -> Result<(), DirectoryError> {
        let organisation = view.organisation;
        let mut pages = view.under(&keys::table(organisation, Table::User));
        while let Some(entries) = pages.next(report).await? {
            let wanted = |_: &Key, stored: &Versioned| {
                readable::<User>(Some(stored)).map_or_else(Vec::new, |user| {
                    let claims = user.licences.iter();
                    claims
                        .flat_map(|(key, claim)| behind(organisation, key, claim, user.id))
                        .collect()
                })
            };
            for entry in view.together(entries, wanted).await? {
                for what in judge(&entry) {
                    view.broken(report, self.name(), &entry.key, what).await;
                }
            }
        }
        Ok(())
    }

    async fn queues(&self, view: &View<'_>, report: &mut Report) -> Result<(), DirectoryError> {
        let organisation = view.organisation;
        let mut pages = view.under(&keys::table(organisation, Table::Waiting));
        while let Some(entries) = pages.next(report).await? {
            let user = |key: &Key, _: &Versioned| {
                keys::last_uuid(key).map_or_else(Vec::new, |id| vec![keys::user(organisation, UserId::new(id))])
            };
            for entry in view.together(entries, user).await? {
                let user = readable::<User>(entry.others.first().and_then(Option::as_ref));
                let waits = user.is_some_and(|user| {
                    let mut claims = user.licences.iter();
                    claims.any(|(key, claim)| place(organisation, key, claim, user.id).as_ref() == Some(&entry.key))
                });
                if !waits {
                    let what = "is a place in a queue, and its user does not wait there";
                    view.broken(report, self.name(), &entry.key, what).await;
                }
            }
        }
        Ok(())
    }

    async fn ceilings(&self, view: &View<'_>, report: &mut Report) -> Result<(), DirectoryError> {
        let organisation = view.organisation;
        let mut pages = view.under(&keys::table(organisation, Table::Licence));
        while let Some(entries) = pages.next(report).await? {
            let pool = |_: &Key, stored: &Versioned| {
                let licence = readable::<Licence>(Some(stored));
                let seats = licence.map(|licence| keys::count(organisation, &Count::Seats(licence.key)));
                seats.into_iter().collect()
            };
            for entry in view.together(entries, pool).await? {
                let Some(licence) = readable::<Licence>(Some(&entry.value)) else {
                    continue;
                };
                let used = entry.others.first().and_then(Option::as_ref);
                let used = used.and_then(|stored| parse_counter(&entry.key, &stored.value).ok());
                let Some((used, ceiling)) = used.zip(licence.ceiling()).filter(|(used, ceiling)| used > ceiling) else {
                    continue;
                };
                if !self.was_larger(view, report, &licence).await? {
                    let what = format!("gives {used} seats and may give {ceiling}");
                    view.broken(report, self.name(), &entry.key, what).await;
                }
            }
        }
        Ok(())
    }

    /// Licences with a free seat that somebody waits for.
    async fn idle(&self, view: &View<'_>, report: &mut Report) -> Result<(), DirectoryError> {
        let mut pages = view.under(&keys::table(view.organisation, Table::Licence));
        while let Some(entries) = pages.next(report).await? {
            for (key, _) in entries {
                if let Some(what) = stuck(view, &key).await? {
                    view.broken(report, self.name(), &key, what).await;
                }
            }
        }
        Ok(())
    }

    /// Whether the log tells of an earlier, larger limit, or of another policy with this one. Asked only when it matters: the
    /// log is long.
    async fn was_larger(&self, view: &View<'_>, report: &Report, licence: &Licence) -> Result<bool, DirectoryError> {
        let now = licence.limit.map(u64::from);
        let mut declared: u32 = 0;
        let mut pages = view.under(&keys::events(view.organisation));
        while let Some(entries) = pages.next(report).await? {
            let events = entries.iter().filter_map(|(_, stored)| readable::<Event>(Some(stored)));
            for event in events {
                if event.kind != EventKind::LicenceUpdated || event.subject != licence.key.as_str() {
                    continue;
                }
                let limit = event.data.get("limit").and_then(serde_json::Value::as_u64);
                declared += u32::from(limit == now);
                if limit.is_none_or(|limit| now.is_some_and(|now| limit > now)) || declared > 1 {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }
}

/// What is wrong when the first of a licence's queue does not change although a seat is free. Each look is at one state; with
/// another first one in the next look, a change is under way and nothing is said.
async fn stuck(view: &View<'_>, key: &Key) -> Result<Option<String>, DirectoryError> {
    let mut seen: Option<Key> = None;
    let mut what = None;
    for look in 0..PATIENCE {
        if look > 0 {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        let Some((first, told)) = free_and_wanted(view, key).await? else {
            return Ok(None);
        };
        if seen.replace(first.clone()).is_some_and(|seen| seen != first) {
            return Ok(None);
        }
        what = Some(told);
    }
    Ok(what)
}

/// The first place in a licence's queue and what is wrong with it, when the licence has a free seat.
async fn free_and_wanted(view: &View<'_>, key: &Key) -> Result<Option<(Key, String)>, DirectoryError> {
    let Some(licence) = readable::<Licence>(view.get_many(vec![key.clone()]).await?.first().and_then(Option::as_ref))
    else {
        return Ok(None);
    };
    let reads = vec![
        Read::Get(key.clone()),
        Read::Get(keys::count(view.organisation, &Count::Seats(licence.key.clone()))),
        Read::Scan(Scan::prefix(&keys::queue(view.organisation, &licence.key), 1)),
    ];
    let mut found = view.store.read(reads).await?.into_iter();
    let stored = found.next().and_then(Found::into_value);
    let used = found.next().and_then(Found::into_value);
    let queue = found.next().map(Found::into_entries).unwrap_or_default();
    let Some((licence, (first, _))) = readable::<Licence>(stored.as_ref()).zip(queue.into_iter().next()) else {
        return Ok(None);
    };
    let used = used.map_or(Some(0), |used| parse_counter(key, &used.value).ok());
    let Some(used) = used.filter(|used| licence.ceiling().is_none_or(|ceiling| *used < ceiling)) else {
        return Ok(None);
    };
    let may = licence
        .ceiling()
        .map_or_else(|| "any number".to_owned(), |ceiling| ceiling.to_string());
    let told = format!("gives {used} seats of {may}, and somebody waits for one: apply the licence again");
    Ok(Some((first, told)))
}

/// What a claim rests on: its licence, the licence that stands in, its place in the queue, its cost centre.
fn behind(organisation: OrganisationId, key: &Slug, claim: &SeatClaim, user: UserId) -> [Key; 4] {
    let licence = |key: &Slug| keys::named(organisation, Table::Licence, key);
    let pool = claim.pool(key).unwrap_or(key);
    let queue = place(organisation, key, claim, user);
    let centre = claim.cost_centre.as_ref();
    let centre = centre.map(|centre| keys::named(organisation, Table::CostCentre, centre));
    [
        licence(key),
        licence(pool),
        queue.unwrap_or_else(|| licence(key)),
        centre.unwrap_or_else(|| licence(key)),
    ]
}

/// The place in the queue of a claim that waits, or that was refused what a group gives.
fn place(organisation: OrganisationId, key: &Slug, claim: &SeatClaim, user: UserId) -> Option<Key> {
    let since_ms = claim.seat.queued_since()?.timestamp_millis().unsigned_abs();
    Some(keys::waiting(organisation, key, since_ms, user))
}

fn judge(entry: &Entry) -> Vec<String> {
    let Some(user) = readable::<User>(Some(&entry.value)) else {
        return Vec::new();
    };
    let mut broken = Vec::new();
    for ((key, claim), behind) in user.licences.iter().zip(entry.others.chunks(4)) {
        let [licence, pool, queue, centre] = behind else {
            continue;
        };
        let Some(licence) = readable::<Licence>(licence.as_ref()) else {
            broken.push(format!("has licence {key}, which does not exist"));
            continue;
        };
        if claim.origins.is_empty() {
            broken.push(format!("has licence {key} for no reason"));
        }
        if centre.is_none() {
            broken.push(format!(
                "has licence {key} charged to a cost centre that does not exist"
            ));
        }
        if pool.is_none() {
            broken.push(format!(
                "has a seat in place of licence {key}, of a licence that does not exist"
            ));
        }
        if queue.is_none() {
            broken.push(format!("waits for licence {key} and has no place in its queue"));
        }
        match (licence.needs_seat(&user.facts, &user.roles), &claim.seat) {
            (true, Seat::Unneeded) => broken.push(format!("needs a seat of licence {key} and has none")),
            (false, Seat::Held(_) | Seat::Waiting(_) | Seat::Refused(_) | Seat::Fallback { .. }) => {
                broken.push(format!("needs no seat of licence {key} and has one, or waits for one"));
            }
            (true, Seat::Refused(_))
                if !claim.origins.iter().any(|origin| is_given(origin) || is_linked(origin))
                    && licence.required_for_roles.is_empty() =>
            {
                broken.push(format!("misses a seat of licence {key}, which no group or role gives"));
            }
            (true, Seat::Held(_) | Seat::Waiting(_) | Seat::Refused(_) | Seat::Fallback { .. })
            | (false, Seat::Unneeded) => {}
        }
    }
    broken
}
