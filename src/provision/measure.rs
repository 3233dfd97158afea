//! What runs count for `/metrics`. Labels are names of organisations and connections, never of people.

use std::time::Duration;

use metrics::{counter, histogram};

use crate::model::slug::Slug;

use super::history::{Ended, RunSummary};
use super::reading::Reading;
use super::run::{Entries, RunError, RunReport};

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
    let place = Place {
        organisation,
        connection,
    };
    place.entries("people", "read", summary.read.people);
    place.entries("groups", "read", summary.read.groups);
    place.entries("people", "failed", summary.failed.people);
    place.entries("groups", "failed", summary.failed.groups);
    place.entries("memberships", "read", summary.entries.memberships.read);
    place.entries("memberships", "failed", summary.entries.memberships.failed);
    if summary.outcome == Ended::Finished {
        place.applied(&summary);
    }
}

/// Whose run it was.
struct Place {
    organisation: String,
    connection: String,
}

impl Place {
    /// What an applied run did, by class.
    fn applied(&self, summary: &RunSummary) {
        let classes = &summary.classes;
        for (action, count) in &classes.people {
            self.step("people", action.as_str(), *count);
        }
        for (action, count) in &classes.groups {
            self.step("groups", action.as_str(), *count);
        }
        self.step("memberships", "add", classes.members_added);
        self.step("memberships", "remove", classes.members_removed);
        self.entries("people", "planned", classes.people.values().sum());
        self.entries("groups", "planned", classes.groups.values().sum());
        self.entries(
            "memberships",
            "planned",
            classes.members_added + classes.members_removed,
        );
        let Entries {
            people,
            groups,
            memberships,
        } = summary.entries;
        for (class, tally) in [("people", people), ("groups", groups), ("memberships", memberships)] {
            self.entries(class, "changed", tally.changed);
            self.entries(class, "unchanged", tally.skipped);
            histogram!(
                "usher_sync_class_seconds",
                "organisation" => self.organisation.clone(), "connection" => self.connection.clone(), "class" => class,
            )
            .record(Duration::from_millis(tally.ms));
        }
    }

    fn entries(&self, class: &'static str, result: &'static str, count: u64) {
        counter!(
            "usher_sync_entries_total",
            "organisation" => self.organisation.clone(), "connection" => self.connection.clone(),
            "class" => class, "result" => result,
        )
        .increment(count);
    }

    fn step(&self, class: &'static str, action: &'static str, count: u64) {
        counter!(
            "usher_sync_steps_total",
            "organisation" => self.organisation.clone(), "connection" => self.connection.clone(),
            "class" => class, "action" => action,
        )
        .increment(count);
    }
}
