//! A plan that the brake stopped: kept by its hash until a person approves or discards it.
//!
//! Not the steps are kept but their name. The next run reads everything again and makes its plan anew; only when that is the
//! very plan that was approved does the brake let it pass.

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
use super::plan::{Classes, Numbers};
use super::run::RunReport;
use super::state::RunState;

/// What is kept of a held plan: no personal data.
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
        let was_held = unit.find::<HeldPlan>(&key).await?.is_some();
        if was_held {
            unit.delete(key);
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
        if same.is_none() {
            let record = HeldPlan {
                hash: report.plan_hash.clone(),
                since: unit.now(),
                reasons: report.held.clone(),
                classes: report.classes.clone(),
                read: report.read,
                approved: None,
            };
            unit.put(key, &record);
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
