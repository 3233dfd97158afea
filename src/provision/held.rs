//! A plan that the brake stopped: kept by its hash until a person approves or discards it.
//!
//! What the plan would change is kept beside its name ([`kept`]), so that a person sees what was held also when the directory has
//! changed since or does not answer. The next run reads everything again and makes its plan anew; only when that is the very plan that
//! was approved does the brake let it pass, and otherwise it says what is different.

pub mod kept;

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::directory::keys;
use crate::directory::{DirectoryError, Operation, Unit};
use crate::model::clock::Timestamp;
use crate::model::event::EventKind;
use crate::model::record::Record;
use crate::model::slug::Slug;

use super::brake::HoldReason;
use super::history::{self, RunSummary};
use super::plan::{Classes, Numbers, SeatForecast};
use super::run::RunReport;
use super::state::RunState;
use kept::{InsteadOf, Kept};

/// What is kept of a held plan beside its parts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeldPlan {
    /// The plan's hash: what is approved.
    pub hash: String,
    /// When it was first held.
    pub since: Timestamp,
    /// Why.
    pub reasons: Vec<HoldReason>,
    /// What it would do.
    pub classes: Classes,
    /// What was read.
    pub read: Numbers,
    /// When a person approved it, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved: Option<Timestamp>,
    /// What would become of the seats.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seats: Vec<SeatForecast>,
    /// How much of what it would change is kept; nothing, of a plan that an earlier release held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<Kept>,
    /// The plan that was held before it, and what is different.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead_of: Option<InsteadOf>,
}

impl Record for HeldPlan {
    const KIND: &'static str = "held plan";
}

/// Lets a held plan pass the brake at the next run. Needs an administrator's permit.
pub struct Approve {
    /// The connection.
    pub connection: Slug,
    /// The plan's hash, as shown to the person.
    pub hash: String,
}

/// Forgets a held plan. The next run reads everything and judges anew. Needs an administrator's permit.
pub struct Discard {
    /// The connection.
    pub connection: Slug,
}

#[async_trait::async_trait]
impl Operation for Approve {
    type Outcome = ();

    async fn attempt(&self, unit: &mut Unit) -> Result<(), DirectoryError> {
        let key = key(unit, &self.connection);
        let held: Option<HeldPlan> = unit.find(&key).await?;
        let Some(mut held) = held.filter(|held| held.hash == self.hash) else {
            return Err(DirectoryError::not_found("held plan", &self.hash));
        };
        held.approved.get_or_insert_with(|| unit.now());
        unit.put(key, &held);
        Ok(())
    }
}

#[async_trait::async_trait]
impl Operation for Discard {
    type Outcome = bool;

    async fn attempt(&self, unit: &mut Unit) -> Result<bool, DirectoryError> {
        let key = key(unit, &self.connection);
        let held: Option<HeldPlan> = unit.find(&key).await?;
        let was_held = held.is_some();
        if let Some(held) = held {
            unit.delete(key);
            kept::forget(unit, &self.connection, &held);
            let key = keys::run(unit.organisation(), &self.connection, "state");
            let mut state: RunState = unit.find(&key).await?.unwrap_or_default();
            state.is_discarded = true;
            unit.put(key, &state);
        }
        Ok(was_held)
    }
}

/// Holds a plan that the brake stops, unless a person approved exactly this one, and notes the run in the history in the same
/// commit. Answers whether the plan may be applied.
pub(super) struct Hold<'a> {
    pub(super) report: &'a RunReport,
    pub(super) lease: &'a super::lease::Claim,
    /// How many runs the history keeps.
    pub(super) keep: u32,
    /// What was kept of the plan a moment ago, unless it was kept before.
    pub(super) kept: Option<&'a (Kept, Option<InsteadOf>)>,
}

#[async_trait::async_trait]
impl Operation for Hold<'_> {
    type Outcome = bool;

    async fn attempt(&self, unit: &mut Unit) -> Result<bool, DirectoryError> {
        self.lease.relied_on(unit).await?;
        let report = self.report;
        let key = key(unit, &report.connection);
        let held: Option<HeldPlan> = unit.find(&key).await?;
        let same = held.filter(|held| held.hash == report.plan_hash);
        if report.held.is_empty() || same.as_ref().is_some_and(|held| held.approved.is_some()) {
            return Ok(true);
        }
        if same.is_none() || self.kept.is_some() {
            let (kept, instead_of) = self.kept.cloned().unzip();
            let record = HeldPlan {
                hash: report.plan_hash.clone(),
                since: same.as_ref().map_or_else(|| unit.now(), |same| same.since),
                reasons: report.held.clone(),
                classes: report.classes.clone(),
                read: report.read,
                approved: None,
                seats: report.seats.clone(),
                kept,
                instead_of: instead_of.flatten(),
            };
            unit.put(key, &record);
        }
        if same.is_none() {
            let data = json!({ "plan": report.plan_hash, "reasons": report.held });
            unit.event(EventKind::SyncHeld, &report.connection, data);
        }
        history::note(unit, &report.connection, self.keep, &RunSummary::of(report)).await?;
        Ok(false)
    }
}

pub(super) fn key(unit: &Unit, connection: &Slug) -> crate::store::Key {
    keys::run(unit.organisation(), connection, "held")
}
