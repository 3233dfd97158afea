//! What a person claims of the organisation's licences, from one state to the next.

use std::collections::{BTreeMap, BTreeSet};

use crate::directory::membership::withdraw_origin;
use crate::model::id::GroupId;
use crate::model::licence::{Licence, Seat, SeatClaim};
use crate::model::lifecycle::Facts;
use crate::model::origin::{Origin, Origins};
use crate::model::slug::Slug;
use crate::model::user::User;

use super::teams::Teams;

/// What the seat ledger needs to know of a user: a plan of 100,000 people holds no 100,000 users.
#[derive(Debug, Clone, Default)]
pub(super) struct Claims {
    pub(super) licences: BTreeMap<Slug, SeatClaim>,
    pub(super) facts: Facts,
    pub(super) roles: BTreeMap<Slug, Origins>,
}

impl Claims {
    pub(super) fn of(user: &User) -> Self {
        Self {
            licences: user.licences.clone(),
            facts: user.facts.clone(),
            roles: user.roles.clone(),
        }
    }

    /// Carries the seats over from the state before, as [`crate::directory::seat`] does. Answers the seats that end and the
    /// licences of which a seat is asked for.
    pub(super) fn follow<'l>(&mut self, before: &Self, licence: impl Fn(&Slug) -> Option<&'l Licence>) -> Movement {
        let mut movement = Movement::default();
        self.licences.retain(|_, claim| !claim.origins.is_empty());
        for (key, claim) in &before.licences {
            if !self.licences.contains_key(key) {
                movement.ended.push((key.clone(), claim.clone()));
            }
        }
        for (key, claim) in &mut self.licences {
            let previous = before.licences.get(key);
            claim.seat = previous.map_or(Seat::Unneeded, |claim| claim.seat.clone());
            let asks_anew = previous.is_some_and(|previous| claim.asks_anew(previous));
            let is_needed = licence(key).is_some_and(|licence| licence.needs_seat(&self.facts, &self.roles));
            match (is_needed, &claim.seat) {
                (true, Seat::Unneeded) => movement.asked.push(key.clone()),
                (true, Seat::Refused(_)) if asks_anew => {
                    movement.ended.push((key.clone(), claim.clone()));
                    movement.asked.push(key.clone());
                    claim.seat = Seat::Unneeded;
                }
                (false, Seat::Held(_) | Seat::Waiting(_) | Seat::Refused(_) | Seat::Fallback { .. }) => {
                    movement.ended.push((key.clone(), claim.clone()));
                    claim.seat = Seat::Unneeded;
                }
                (true, _) | (false, Seat::Unneeded) => {}
            }
        }
        movement
    }

    /// Notes what became of a seat that was asked for.
    pub(super) fn seat(&mut self, licence: &Slug, seat: Seat) {
        if let Some(claim) = self.licences.get_mut(licence) {
            claim.seat = seat;
        }
    }

    /// Whether a seat is waited for, or taken from another licence.
    pub(super) fn is_short(&self) -> bool {
        let mut seats = self.licences.values().map(|claim| &claim.seat);
        seats.any(|seat| matches!(seat, Seat::Waiting(_) | Seat::Fallback { .. }))
    }

    /// Takes away what a group gives.
    pub(super) fn leave(&mut self, group: GroupId) {
        for claim in self.licences.values_mut() {
            claim.origins.remove(&Origin::Group(group));
        }
        self.roles.retain(|_, origins| {
            origins.remove(&Origin::Group(group));
            !origins.is_empty()
        });
    }
}

/// Seats between two states of a person.
#[derive(Debug, Default)]
pub(super) struct Movement {
    /// Claims whose seats, or places in queues, are given up.
    pub(super) ended: Vec<(Slug, SeatClaim)>,
    /// Licences of which a seat is needed.
    pub(super) asked: Vec<Slug>,
}

/// The states of a person in the order in which application goes through them: as before, as written, in the teams that
/// rules put the person into, out of those that they no longer do.
pub(super) fn path(
    before: &User,
    written: &User,
    teams: &Teams,
    names: &BTreeSet<String>,
    left: &BTreeSet<GroupId>,
) -> Vec<Claims> {
    let mut path = vec![Claims::of(before), Claims::of(written)];
    let mut after = written.clone();
    teams.claim(&mut after, names);
    if after.licences != written.licences || after.roles != written.roles {
        path.push(Claims::of(&after));
    }
    if !left.is_empty() {
        left.iter()
            .for_each(|group| withdraw_origin(&mut after, &Origin::Group(*group)));
        path.push(Claims::of(&after));
    }
    path
}
