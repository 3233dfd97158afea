//! Files that people send: CSV with a comma, a semicolon or a tabulator, or XLSX.

use std::collections::HashSet;

use csv::{ReaderBuilder, StringRecord};

use super::{SheetError, cell, spreadsheet};

/// What is read of a file at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Rows below the first.
    pub rows: usize,
    /// Columns.
    pub columns: usize,
    /// Bytes that a workbook unpacks to.
    pub unpacked_bytes: u64,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            rows: 5_000,
            columns: 200,
            unpacked_bytes: 64 * 1024 * 1024,
        }
    }
}

/// What a file holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    /// The names of the columns, trimmed.
    pub heading: Vec<String>,
    /// What is below them. Rows that are blank, or begin with `#`, are left out.
    pub rows: Vec<Row>,
}

/// One row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its line in the file, or its row in the sheet, from 1.
    pub number: u64,
    /// Its cells, trimmed, as many as the heading has.
    pub cells: Vec<String>,
    /// Whether there is something to the right of the last column.
    pub is_longer: bool,
}

/// Reads a file, whichever of the two it is.
///
/// # Errors
/// [`SheetError`].
pub fn read(bytes: &[u8], bounds: Bounds) -> Result<Table, SheetError> {
    match bytes {
        [b'P', b'K', 3, 4, ..] => gather(spreadsheet::rows(bytes, bounds)?, bounds),
        [0xD0, 0xCF, 0x11, 0xE0, ..] => Err(SheetError::OldWorkbook),
        [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] => Err(SheetError::Utf16),
        _ => gather(lines(text(bytes)?, bounds)?, bounds),
    }
}

/// The text without the mark that some programs put in front.
fn text(bytes: &[u8]) -> Result<&str, SheetError> {
    let bytes = bytes.strip_prefix(super::delimited::BOM.as_bytes()).unwrap_or(bytes);
    std::str::from_utf8(bytes).map_err(|error| {
        let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
        SheetError::NotUtf8 {
            line: before.iter().filter(|byte| **byte == b'\n').count() + 1,
        }
    })
}

fn lines(text: &str, bounds: Bounds) -> Result<Vec<(u64, Vec<String>)>, SheetError> {
    // A first line `sep=;` is a spreadsheet's own way to name the separator.
    let (named, rest, skipped) = match text.split_once('\n') {
        Some((first, rest)) => match first.trim_end().strip_prefix("sep=").map(str::as_bytes) {
            Some([separator]) => (Some(*separator), rest, 1),
            _ => (None, text, 0),
        },
        None => (None, text, 0),
    };
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(named.unwrap_or_else(|| separator(rest)))
        .from_reader(rest.as_bytes());
    let mut rows = Vec::new();
    let mut record = StringRecord::new();
    loop {
        let is_row = reader.read_record(&mut record).map_err(|error| SheetError::Row {
            line: skipped + error.position().map_or(0, csv::Position::line),
            reason: error.to_string(),
        })?;
        if !is_row {
            return Ok(rows);
        }
        if rows.len() > bounds.rows + REMARKS_MAX {
            return Err(SheetError::TooManyRows { most: bounds.rows });
        }
        let line = skipped + record.position().map_or(0, csv::Position::line);
        let cells = record.iter().map(|text| cell::unguarded(text).to_owned());
        rows.push((line, cells.collect()));
    }
}

/// Blank rows and remarks that a file may have beside its rows.
const REMARKS_MAX: usize = 1_000;

/// The separator that is in the first line most often, outside quotes.
fn separator(text: &str) -> u8 {
    let mut counts = [(b',', 0usize), (b';', 0), (b'\t', 0)];
    let mut is_quoted = false;
    for byte in text.bytes() {
        match byte {
            b'"' => is_quoted = !is_quoted,
            b'\n' if !is_quoted => break,
            _ if is_quoted => {}
            _ => {
                for (separator, count) in &mut counts {
                    *count += usize::from(*separator == byte);
                }
            }
        }
    }
    // Of equals the last one is taken: the comma has to be it.
    counts.reverse();
    counts
        .into_iter()
        .max_by_key(|(_, count)| *count)
        .map_or(b',', |(separator, _)| separator)
}

/// The first row that says something is the heading.
fn gather(rows: Vec<(u64, Vec<String>)>, bounds: Bounds) -> Result<Table, SheetError> {
    let mut table = Table::default();
    for (number, cells) in rows {
        let mut cells: Vec<String> = cells.iter().map(|text| text.trim().to_owned()).collect();
        let is_blank = cells.iter().all(String::is_empty);
        if is_blank || cells.first().is_some_and(|first| first.starts_with('#')) {
            continue;
        }
        if table.heading.is_empty() {
            table.heading = heading(cells, bounds)?;
            continue;
        }
        if table.rows.len() == bounds.rows {
            return Err(SheetError::TooManyRows { most: bounds.rows });
        }
        let width = table.heading.len();
        let is_longer = cells.iter().skip(width).any(|text| !text.is_empty());
        cells.resize(width, String::new());
        table.rows.push(Row {
            number,
            cells,
            is_longer,
        });
    }
    if table.heading.is_empty() {
        return Err(SheetError::Empty);
    }
    Ok(table)
}

fn heading(mut names: Vec<String>, bounds: Bounds) -> Result<Vec<String>, SheetError> {
    while names.last().is_some_and(String::is_empty) {
        names.pop();
    }
    if names.len() > bounds.columns {
        return Err(SheetError::TooManyColumns { most: bounds.columns });
    }
    let mut seen = HashSet::new();
    for (at, name) in names.iter().enumerate() {
        let reason = if name.is_empty() {
            "has no name".to_owned()
        } else if !seen.insert(name.to_lowercase()) {
            format!("{name:?} is there twice")
        } else {
            continue;
        };
        return Err(SheetError::Heading { column: at + 1, reason });
    }
    Ok(names)
}
