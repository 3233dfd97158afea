//! What commands print: tables for people, JSON for scripts.

use std::io::{self, Write};
use std::path::Path;

use serde_json::Value;

use crate::provision::organisation_file::Fault;

/// A table with a heading, columns as wide as their widest cell. Says so when it is empty.
///
/// # Errors
/// As the writer.
pub fn table(out: &mut dyn Write, heading: &[&str], rows: &[Vec<String>]) -> io::Result<()> {
    if rows.is_empty() {
        return writeln!(out, "none");
    }
    let width = |column: usize| {
        let cells = rows
            .iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count());
        cells.chain([heading[column].len()]).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..heading.len()).map(width).collect();
    let mut line = |cells: &mut dyn Iterator<Item = &str>| {
        let padded: Vec<String> = cells
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        writeln!(out, "{}", padded.join("  ").trim_end())
    };
    line(&mut heading.iter().copied())?;
    for row in rows {
        line(&mut row.iter().map(String::as_str))?;
    }
    Ok(())
}

/// One JSON document, readable.
///
/// # Errors
/// As the writer.
pub fn json(out: &mut dyn Write, value: &Value) -> io::Result<()> {
    writeln!(out, "{value:#}")
}

/// A cell: texts as they are, nothing as `-`, everything else as JSON.
#[must_use]
pub fn cell(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

/// Everything that is wrong in a file, a line each.
#[must_use]
pub fn faults(file: &Path, faults: &[Fault]) -> String {
    let lines: Vec<String> = faults
        .iter()
        .map(|fault| format!("organisation file {}, {fault}", file.display()))
        .collect();
    lines.join("\n")
}

/// One record: its members a line each, or JSON.
///
/// # Errors
/// As the writer.
pub fn record(out: &mut dyn Write, value: &Value, as_json: bool) -> io::Result<()> {
    let Some(members) = value.as_object().filter(|_| !as_json) else {
        return json(out, value);
    };
    let width = members.keys().map(String::len).max().unwrap_or_default();
    for (name, member) in members {
        writeln!(out, "{name:<width$}  {}", cell(member))?;
    }
    Ok(())
}
