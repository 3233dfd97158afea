//! What runs count for `/metrics`. Labels are names of organisations and connections, never of people.

use std::time::Duration;

use metrics::{counter, histogram};

use crate::model::slug::Slug;

use super::history::{Ended, RunSummary};
use super::reading::Reading;
use super::run::{RunError, RunReport};

/// Counts a run that held its connection's lease. A run that found another one at work is not counted.
pub(super) fn run(organisation: &Slug, connection: &Slug, asked: Reading, outcome: &Result<RunReport, RunError>) {
    let (organisation, connection) = (organisation.to_string(), connection.to_string());
    let summary = outcome.as_ref().ok().map(RunSummary::of);
    let ended = summary.as_ref().map_or(Ended::Failed, |summary| summary.outcome);
    let reading = summary.as_ref().map_or(asked, |summary| summary.reading);
    counter!(
        "usher_sync_runs_total",
        "organisation" => organisation.clone(), "connection" => connection.clone(),
        "reading" => reading.as_str(), "outcome" => ended.as_str(),
    )
    .increment(1);
    let Some(summary) = summary else { return };
    let duration = summary.duration;
    let phases = [
        ("reading", duration.reading_ms),
        ("planning", duration.planning_ms),
        ("applying", duration.applying_ms),
    ];
    for (phase, ms) in phases {
        histogram!(
            "usher_sync_phase_seconds",
            "organisation" => organisation.clone(), "connection" => connection.clone(), "phase" => phase,
        )
        .record(Duration::from_millis(ms));
    }
    let entries = |class: &'static str, result: &'static str, count: u64| {
        counter!(
            "usher_sync_entries_total",
            "organisation" => organisation.clone(), "connection" => connection.clone(),
            "class" => class, "result" => result,
        )
        .increment(count);
    };
    entries("people", "read", summary.read.people);
    entries("groups", "read", summary.read.groups);
    entries("people", "failed", summary.failed.people);
    entries("groups", "failed", summary.failed.groups);
    let memberships = summary.entries.memberships;
    entries("memberships", "read", memberships.read);
    entries("memberships", "failed", memberships.failed);
    if summary.outcome == Ended::Finished {
        let step = |class: &'static str, action: &'static str, count: u64| {
            counter!(
                "usher_sync_steps_total",
                "organisation" => organisation.clone(), "connection" => connection.clone(),
                "class" => class, "action" => action,
            )
            .increment(count);
        };
        for (action, count) in &summary.classes.people {
            step("people", action.as_str(), *count);
        }
        for (action, count) in &summary.classes.groups {
            step("groups", action.as_str(), *count);
        }
        step("memberships", "add", summary.classes.members_added);
        step("memberships", "remove", summary.classes.members_removed);
        entries("people", "planned", summary.classes.people.values().sum());
        entries("groups", "planned", summary.classes.groups.values().sum());
        entries(
            "memberships",
            "planned",
            summary.classes.members_added + summary.classes.members_removed,
        );
        let (people, groups) = (summary.entries.people, summary.entries.groups);
        entries("people", "changed", people.changed);
        entries("people", "unchanged", people.skipped);
        entries("groups", "changed", groups.changed);
        entries("groups", "unchanged", groups.skipped);
        entries("memberships", "changed", memberships.changed);
        entries("memberships", "unchanged", memberships.skipped);
        for (class, tally) in [("people", people), ("groups", groups), ("memberships", memberships)] {
            histogram!(
                "usher_sync_class_seconds",
                "organisation" => organisation.clone(), "connection" => connection.clone(), "class" => class,
            )
            .record(Duration::from_millis(tally.ms));
        }
    }
}
