//! Licences and their seats (S003-3, S003-8, X02-4, X03-8).

use std::collections::{BTreeMap, BTreeSet};

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
    /// Who holds none of these roles needs no seat; without any, everyone who is meant to have the licence does (X02-4).
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub required_for_roles: BTreeSet<Slug>,
    /// What a seat opens in the product: keys that only the product understands.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub features: BTreeSet<String>,
    /// Percentages of the limit, 1 to 100: an event tells when so much comes into use.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub thresholds: BTreeSet<u8>,
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
    /// A licence without a limit.
    #[must_use]
    pub fn new(key: Slug, name: String) -> Self {
        Self {
            key,
            name,
            limit: None,
            consumes_from: Step::default(),
            when_full: WhenFull::default(),
            required_for_roles: BTreeSet::new(),
            features: BTreeSet::new(),
            thresholds: BTreeSet::new(),
        }
    }

    /// Whether a person with these facts and roles needs a seat of this licence. A suspended person needs none: reactivation
    /// takes one again.
    #[must_use]
    pub fn needs_seat(&self, facts: &Facts, roles: &BTreeMap<Slug, Origins>) -> bool {
        !facts.is_suspended() && facts.step() >= self.consumes_from && self.concerns(roles)
    }

    /// Whether seats of this licence are for people with these roles.
    #[must_use]
    pub fn concerns(&self, roles: &BTreeMap<Slug, Origins>) -> bool {
        self.required_for_roles.is_empty() || self.required_for_roles.iter().any(|role| roles.contains_key(role))
    }

    /// The thresholds that are reached when the use of a limit goes from one state to another, and were not before. Without a
    /// limit there are none.
    pub fn crossed(&self, (before, limit_before): (i64, Option<u32>), after: i64) -> impl Iterator<Item = u8> {
        let reaches = |percent: u8, used: i64, limit: Option<u32>| {
            limit.is_some_and(|limit| used * 100 >= i64::from(percent) * i64::from(limit) && used > 0)
        };
        let limit = self.limit;
        let reached = move |percent: &u8| reaches(*percent, after, limit) && !reaches(*percent, before, limit_before);
        self.thresholds.iter().copied().filter(reached)
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
    /// Who pays for the seat; the default cost centre when none is named (X03-10).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_centre: Option<Slug>,
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
    /// Missed since then: a group gives the licence, or a role that needs it, to people who are there already, and the licence
    /// refuses when it is full. Whoever misses a seat stands in the queue for one and is not held up otherwise.
    Refused(Timestamp),
    /// Held from another licence's pool (policy `fallback`).
    Fallback {
        /// The licence whose seat it is.
        licence: Slug,
        /// Held since then.
        since: Timestamp,
    },
}

impl Seat {
    /// The word in lists and filters.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Unneeded => "unneeded",
            Self::Held(_) => "held",
            Self::Waiting(_) => "waiting",
            Self::Refused(_) => "refused",
            Self::Fallback { .. } => "fallback",
        }
    }

    /// Since when it is queued for: whoever waits, and whoever was refused what a group gives.
    #[must_use]
    pub const fn queued_since(&self) -> Option<Timestamp> {
        match self {
            Self::Waiting(since) | Self::Refused(since) => Some(*since),
            Self::Unneeded | Self::Held(_) | Self::Fallback { .. } => None,
        }
    }
}

impl SeatClaim {
    /// Whether the person waits for this seat, and comes in only with it.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        matches!(self.seat, Seat::Waiting(_))
    }

    /// Whether the person has a place in the queue for this seat.
    #[must_use]
    pub fn is_queued(&self) -> bool {
        self.seat.queued_since().is_some()
    }

    /// Whether somebody who was refused the seat before asks for it anew: there is a reason that was not there then.
    #[must_use]
    pub fn asks_anew(&self, before: &Self) -> bool {
        matches!(before.seat, Seat::Refused(_)) && !self.origins.is_subset(&before.origins)
    }

    /// Since when the seat is held or waited for.
    #[must_use]
    pub fn since(&self) -> Option<Timestamp> {
        match self.seat {
            Seat::Held(since) | Seat::Waiting(since) | Seat::Refused(since) | Seat::Fallback { since, .. } => {
                Some(since)
            }
            Seat::Unneeded => None,
        }
    }

    /// The pool that the seat is taken from, when one is held.
    #[must_use]
    pub fn pool<'a>(&'a self, licence: &'a Slug) -> Option<&'a Slug> {
        match &self.seat {
            Seat::Held(_) => Some(licence),
            Seat::Fallback { licence, .. } => Some(licence),
            Seat::Unneeded | Seat::Waiting(_) | Seat::Refused(_) => None,
        }
    }
}
