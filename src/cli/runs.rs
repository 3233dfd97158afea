//! What is remembered of a connection's runs, as people read it: the history, the failure list, the held plan.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::output::{self, cell, table};
use crate::provision::advice::Advice;
use crate::provision::brake::HoldReason;
use crate::provision::held::HeldPlan;
use crate::provision::held::kept::{How, InsteadOf};
use crate::provision::history::{Ended, RunSummary};
use crate::provision::run::Entries;

/// The runs that are kept, newest first, a line each.
///
/// # Errors
/// As the writer.
pub fn history(out: &mut dyn Write, state: &Value, as_json: bool) -> io::Result<()> {
    if as_json {
        return output::json(out, &state["runs"]);
    }
    let runs: Vec<RunSummary> = serde_json::from_value(state["runs"].clone()).unwrap_or_default();
    let rows: Vec<Vec<String>> = runs.iter().map(row).collect();
    let heading = [
        "STARTED", "READING", "OUTCOME", "PEOPLE", "GROUPS", "MEMBERS", "CHANGED", "SKIPPED", "FAILED", "MS", "NOTES",
    ];
    table(out, &heading, &rows)
}

fn row(run: &RunSummary) -> Vec<String> {
    let mut notes = times(run);
    notes.extend(run.held.iter().map(HoldReason::to_string));
    notes.extend(
        run.why_whole
            .iter()
            .map(|why| format!("everything was read because {why}")),
    );
    notes.extend(run.error.clone());
    if run.dangling > 0 {
        notes.push(format!("{} members without an entry", run.dangling));
    }
    notes.extend(run.advice.iter().map(advised));
    let numbers = [
        run.read.people,
        run.read.groups,
        run.entries.memberships.read,
        run.changed,
        run.unchanged,
        run.failed.people + run.failed.groups,
        run.duration.total_ms,
    ];
    let mut cells = vec![
        run.started.format("%F %T").to_string(),
        run.reading.to_string(),
        run.outcome.as_str().to_owned(),
    ];
    cells.extend(numbers.map(|number| number.to_string()));
    cells.push(notes.join("; "));
    cells
}

/// What an applied run that took a while spent its time on.
fn times(run: &RunSummary) -> Vec<String> {
    const WHILE_MS: u64 = 1_000;
    if run.duration.total_ms < WHILE_MS || run.outcome != Ended::Finished {
        return Vec::new();
    }
    let Entries {
        people,
        groups,
        memberships,
    } = run.entries;
    vec![format!(
        "{} ms for people, {} for groups, {} for memberships",
        people.ms, groups.ms, memberships.ms
    )]
}

/// A sentence and its cure.
#[must_use]
pub fn advised(advice: &Advice) -> String {
    format!("{advice}: {}", advice.cure())
}

/// The entries that the last runs left as they are, with the reason.
///
/// # Errors
/// As the writer.
pub fn failures(out: &mut dyn Write, list: &[Value], total: u64, as_json: bool) -> io::Result<()> {
    if as_json {
        return output::json(out, &json!({ "total": total, "failures": list }));
    }
    let row = |item: &Value| {
        ["kind", "name", "external_id", "since", "text"]
            .map(|name| cell(&item[name]))
            .to_vec()
    };
    let rows: Vec<Vec<String>> = list.iter().map(row).collect();
    table(out, &["KIND", "NAME", "EXTERNAL ID", "SINCE", "REASON"], &rows)?;
    let unlisted = total.saturating_sub(list.len() as u64);
    if unlisted > 0 {
        writeln!(
            out,
            "and {unlisted} more, which are not listed: a run over everything tries them again"
        )?;
    }
    Ok(())
}

/// The plan that waits for a person.
///
/// # Errors
/// As the writer.
pub fn held(out: &mut dyn Write, state: &Value, as_json: bool) -> io::Result<()> {
    if as_json {
        return output::json(out, &state["held"]);
    }
    let held: Option<HeldPlan> = serde_json::from_value(state["held"].clone()).unwrap_or_default();
    let Some(held) = held else {
        return writeln!(out, "no plan is held");
    };
    writeln!(out, "plan   {}\nsince  {}", held.hash, held.since.format("%F %T UTC"))?;
    if let Some(approved) = held.approved {
        writeln!(
            out,
            "       approved {}: the next run may apply it",
            approved.format("%F %T UTC")
        )?;
    }
    for reason in &held.reasons {
        writeln!(out, "why    {reason}")?;
    }
    instead_of(out, &state["held"])?;
    writeln!(out)?;
    super::plan::classes(out, &state["held"]["classes"])
}

/// How a held plan stands to the one that was held, or approved, before it.
///
/// # Errors
/// As the writer.
pub fn instead_of(out: &mut dyn Write, held: &Value) -> io::Result<()> {
    let before: Option<InsteadOf> = serde_json::from_value(held["instead_of"].clone()).unwrap_or_default();
    let Some(before) = before else { return Ok(()) };
    let was = match before.approved {
        Some(_) => "approved",
        None => "held before",
    };
    writeln!(
        out,
        "not    {}, which was {was}: {} steps are new, {} are gone, {} would change something else",
        before.hash, before.new, before.gone, before.changed
    )?;
    for example in &before.examples {
        let how = match example.how {
            How::New => "new",
            How::Gone => "gone",
            How::Changed => "other",
        };
        writeln!(out, "       {how:6} {:16} {}", example.action, example.name)?;
    }
    let shown = before.examples.len() as u64;
    let more = (before.new + before.gone + before.changed).saturating_sub(shown);
    match more {
        0 => Ok(()),
        more => writeln!(out, "       and {more} more"),
    }
}
