//! What a licence's people add up to: who will need a seat, and which cost centre pays for how many (X03-10).

use std::collections::BTreeMap;

use crate::model::id::OrganisationId;
use crate::model::licence::{Licence, Seat};
use crate::model::slug::Slug;

use super::keys::Count;
use super::{Directory, DirectoryError};

/// A licence's people, counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Seats in use, those given to stand in for another licence included.
    pub used: i64,
    /// Seats that are free, overage included; `None` for as many as wanted.
    pub free: Option<i64>,
    /// People who will need a seat once they have come far enough.
    pub below: u64,
    /// People who wait for a seat.
    pub waiting: u64,
    /// People who miss a seat: the licence refused what a group gives them.
    pub refused: u64,
    /// People who will need a seat once they are reactivated.
    pub suspended: u64,
    /// Seats held, by the cost centre that they are charged to; `None` is the default.
    pub charged: BTreeMap<Option<Slug>, u64>,
}

impl Tally {
    /// Seats that would be missing if everyone who is not suspended came in.
    #[must_use]
    pub fn short(&self) -> u64 {
        let needed = self.below + self.waiting + self.refused;
        let free = self.free.map(|free| u64::try_from(free).unwrap_or_default());
        free.map_or(0, |free| needed.saturating_sub(free))
    }
}

/// People read at once.
const CHUNK: usize = 500;

impl Directory {
    /// Counts a licence's people. The cost is their number; what changes meanwhile is counted as it is when it is read.
    ///
    /// # Errors
    /// As the store's read.
    pub async fn tally_licence(
        &self,
        organisation: OrganisationId,
        licence: &Licence,
    ) -> Result<Tally, DirectoryError> {
        let counts = [Count::Seats(licence.key.clone())];
        let used = self.browse_counts(organisation, &counts).await?;
        let used = used.first().copied().unwrap_or_default();
        let mut tally = Tally {
            used,
            free: licence.ceiling().map(|ceiling| (ceiling - used).max(0)),
            ..Tally::default()
        };
        let mut after = None;
        loop {
            let people = self.browse_holders(organisation, &licence.key, after, CHUNK).await?;
            for user in &people {
                let Some(claim) = user.licences.get(&licence.key) else {
                    continue;
                };
                match &claim.seat {
                    Seat::Held(_) | Seat::Fallback { .. } => {
                        *tally.charged.entry(claim.cost_centre.clone()).or_default() += 1;
                    }
                    Seat::Waiting(_) => tally.waiting += 1,
                    Seat::Refused(_) => tally.refused += 1,
                    Seat::Unneeded if !licence.concerns(&user.roles) => {}
                    Seat::Unneeded if user.facts.is_suspended() => tally.suspended += 1,
                    Seat::Unneeded => tally.below += 1,
                }
            }
            match people.last() {
                Some(last) => after = Some(last.id),
                None => return Ok(tally),
            }
        }
    }
}
