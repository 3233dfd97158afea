//! Licences and their seats (S003-3, S003-8, X02-4, X03-8).

use serde::{Deserialize, Serialize};

use super::clock::Timestamp;
use super::lifecycle::{Facts, Step};
use super::origin::Origins;
use super::record::Record;
use super::slug::Slug;

/// A kind of seat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Licence {
    /// Its short name.
    pub key: Slug,
    /// Its name for people.
    pub name: String,
    /// How many seats there are; `None` for as many as wanted.
    #[serde(default)]
    pub limit: Option<u32>,
    /// From which step on a person holds a seat.
    #[serde(default)]
    pub consumes_from: Step,
    /// What happens when no seat is free.
    #[serde(default)]
    pub when_full: WhenFull,
}

impl Record for Licence {
    const KIND: &'static str = "licence";
}

/// What happens when no seat is free (design.md section 4).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WhenFull {
    /// The change is refused.
    #[default]
    Refuse,
    /// The person is stored without a seat and promoted in order when one frees.
    Wait,
    /// The person gets a seat of another licence, and is refused when that is full too.
    Fallback(Slug),
    /// Seats are given beyond the limit, up to this many in all, with an alert.
    Overage(u32),
}

impl Licence {
    /// Whether a person with these facts needs a seat of this licence. A suspended person needs none: reactivation takes
    /// one again.
    #[must_use]
    pub fn needs_seat(&self, facts: &Facts) -> bool {
        !facts.is_suspended() && facts.step() >= self.consumes_from
    }

    /// The most seats that may ever be held, overage included; `None` for no bound.
    #[must_use]
    pub fn ceiling(&self) -> Option<i64> {
        let limit = i64::from(self.limit?);
        Some(match self.when_full {
            WhenFull::Overage(total) => limit.max(i64::from(total)),
            WhenFull::Refuse | WhenFull::Wait | WhenFull::Fallback(_) => limit,
        })
    }
}

/// A licence that a person is meant to have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeatClaim {
    /// Why; never empty in the store.
    pub origins: Origins,
    /// Whether a seat is held.
    pub seat: Seat,
}

/// The state of one person's seat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Seat {
    /// None is needed yet (the person has not come far enough, or is suspended).
    Unneeded,
    /// Held since then.
    Held(Timestamp),
    /// Waiting since then.
    Waiting(Timestamp),
    /// Held from another licence's pool (policy `fallback`).
    Fallback {
        /// The licence whose seat it is.
        licence: Slug,
        /// Held since then.
        since: Timestamp,
    },
}

impl SeatClaim {
    /// Whether the person waits for this seat.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        matches!(self.seat, Seat::Waiting(_))
    }

    /// The pool that the seat is taken from, when one is held.
    #[must_use]
    pub fn pool<'a>(&'a self, licence: &'a Slug) -> Option<&'a Slug> {
        match &self.seat {
            Seat::Held(_) => Some(licence),
            Seat::Fallback { licence, .. } => Some(licence),
            Seat::Unneeded | Seat::Waiting(_) => None,
        }
    }
}
