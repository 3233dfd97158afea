//! A run's report as people read it: people, groups, memberships, seats, what was left as it is.

use std::io::{self, Write};

use serde_json::Value;

use super::output::{cell, table};
use super::runs;
use crate::provision::advice::Advice;
use crate::provision::brake::HoldReason;
use crate::provision::failure::Failure;

/// Prints the report; in a dry run the differences were printed before it. Of long lists no more than so many lines.
///
/// # Errors
/// As the writer.
pub fn show(out: &mut dyn Write, report: &Value, lines_max: Option<usize>) -> io::Result<()> {
    let read = &report["read"];
    writeln!(
        out,
        "{} ({}) holds {} people and {} groups; {} entries are as before\n",
        cell(&report["connection"]),
        cell(&report["server"]),
        read["people"],
        read["groups"],
        report["unchanged"]
    )?;
    classes(out, &report["classes"])?;
    entries(out, report)?;
    seats(out, &report["seats"])?;
    others(out, report)?;
    failures(out, &report["failures"], lines_max)?;
    for reason in report["held"].as_array().into_iter().flatten() {
        match serde_json::from_value::<HoldReason>(reason.clone()) {
            Ok(known) => writeln!(out, "held: {known}")?,
            Err(_) => writeln!(out, "held: {reason}")?,
        }
    }
    let advice: Vec<Advice> = serde_json::from_value(report["advice"].clone()).unwrap_or_default();
    for advice in &advice {
        writeln!(out, "advice: {}", runs::advised(advice))?;
    }
    match report["outcome"].as_str() {
        Some("planned") => writeln!(out, "dry run: nothing was changed"),
        Some("finished") => writeln!(out, "done: {} changes were applied", report["changed"]),
        _ => Ok(()),
    }
}

/// How many steps of each kind.
///
/// # Errors
/// As the writer.
pub fn classes(out: &mut dyn Write, classes: &Value) -> io::Result<()> {
    let mut rows = Vec::new();
    for (what, counts) in [("people", &classes["people"]), ("groups", &classes["groups"])] {
        for (action, count) in counts.as_object().into_iter().flatten() {
            rows.push(vec![what.to_owned(), action.clone(), count.to_string()]);
        }
    }
    for (action, count) in [
        ("add", &classes["members_added"]),
        ("remove", &classes["members_removed"]),
    ] {
        if count.as_u64().is_some_and(|count| count > 0) {
            rows.push(vec!["memberships".to_owned(), action.to_owned(), count.to_string()]);
        }
    }
    if rows.is_empty() {
        return writeln!(out, "nothing to do: everything is as the directory says");
    }
    table(out, &["WHAT", "ACTION", "COUNT"], &rows)
}

/// What became of the entries, and how long it took; of a run that applied something.
fn entries(out: &mut dyn Write, report: &Value) -> io::Result<()> {
    if report["outcome"] != "finished" {
        return Ok(());
    }
    let row = |class: &str| {
        let tally = &report["entries"][class];
        let counts = ["read", "changed", "skipped", "failed", "ms"].map(|name| cell(&tally[name]));
        [&[class.to_owned()], counts.as_slice()].concat()
    };
    writeln!(out)?;
    let rows = ["people", "groups", "memberships"].map(row);
    table(out, &["CLASS", "READ", "CHANGED", "SKIPPED", "FAILED", "MS"], &rows)?;
    let duration = &report["duration"];
    writeln!(
        out,
        "{} ms: {} reading, {} planning, {} applying",
        duration["total_ms"], duration["reading_ms"], duration["planning_ms"], duration["applying_ms"]
    )
}

fn seats(out: &mut dyn Write, seats: &Value) -> io::Result<()> {
    let rows: Vec<Vec<String>> = seats
        .as_array()
        .into_iter()
        .flatten()
        .map(|seat| {
            ["licence", "used", "limit", "needed", "freed", "short", "after"]
                .map(|name| cell(&seat[name]))
                .to_vec()
        })
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    writeln!(out)?;
    table(
        out,
        &["LICENCE", "USED", "LIMIT", "NEEDED", "FREED", "SHORT", "AFTER"],
        &rows,
    )
}

/// Teams by rule, and newcomers who look like somebody who is missing.
fn others(out: &mut dyn Write, report: &Value) -> io::Result<()> {
    let teams = report["teams"].as_array().into_iter().flatten().map(|team| {
        let action = if team["is_new"] == true { "create" } else { "rule" };
        let members = format!("+{} -{}", team["add"], team["remove"]);
        vec![
            "team".to_owned(),
            action.to_owned(),
            cell(&team["name"]),
            String::new(),
            members,
        ]
    });
    let changes = report["id_changes"].as_array().into_iter().flatten().map(|change| {
        let named = [&change["name"], &change["external_id"]].map(cell);
        let kind = if change["kind"] == "group" { "group" } else { "person" };
        [
            &[kind.to_owned(), "id_changed".to_owned()],
            named.as_slice(),
            &[String::new()],
        ]
        .concat()
    });
    let rows: Vec<Vec<String>> = teams.chain(changes).collect();
    if rows.is_empty() {
        return Ok(());
    }
    writeln!(out)?;
    table(out, &["WHAT", "ACTION", "NAME", "EXTERNAL ID", "MEMBERS"], &rows)
}

fn failures(out: &mut dyn Write, failures: &Value, lines_max: Option<usize>) -> io::Result<()> {
    let all: Vec<Failure> = serde_json::from_value(failures.clone()).unwrap_or_default();
    if all.is_empty() {
        return writeln!(out);
    }
    writeln!(out, "\n{} entries are left as they are:", all.len())?;
    let shown = lines_max.unwrap_or(usize::MAX);
    for failure in all.iter().take(shown) {
        let name = failure
            .name
            .as_deref()
            .or(failure.external_id.as_deref())
            .unwrap_or("-");
        writeln!(out, "  {name}: {}", failure.reason)?;
    }
    if all.len() > shown {
        writeln!(out, "  and {} more: see them with --all", all.len() - shown)?;
    }
    writeln!(out)
}
