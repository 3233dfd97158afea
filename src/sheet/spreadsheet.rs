//! The rows of an XLSX file. A small file can unpack to a very large one, and a cell can lie anywhere: both are bounded before
//! they cost memory.

use std::io::{Cursor, Read as _};

use calamine::{DataRef, ExcelDateTime, Reader as _, Xlsx, XlsxError};

use super::SheetError;
use super::reading::Bounds;

/// The rows of the first sheet with their numbers, from 1. Rows without a cell are left out.
pub(super) fn rows(bytes: &[u8], bounds: Bounds) -> Result<Vec<(u64, Vec<String>)>, SheetError> {
    check_unpacked(bytes, bounds)?;
    let mut workbook = Xlsx::new(Cursor::new(bytes)).map_err(damaged)?;
    let Some(first) = workbook.sheet_names().first().cloned() else {
        return Err(SheetError::Empty);
    };
    let mut cells = workbook.worksheet_cells_reader(&first).map_err(damaged)?;
    let mut rows: Vec<(u64, Vec<String>)> = Vec::new();
    while let Some(cell) = cells.next_cell().map_err(damaged)? {
        let text = text(cell.get_value());
        if text.trim().is_empty() {
            continue;
        }
        let (row, column) = cell.get_position();
        let (number, column) = (u64::from(row) + 1, column as usize);
        if column >= bounds.columns {
            return Err(SheetError::TooManyColumns { most: bounds.columns });
        }
        if rows.last().is_none_or(|(last, _)| *last != number) {
            // The heading is one more.
            if rows.len() > bounds.rows {
                return Err(SheetError::TooManyRows { most: bounds.rows });
            }
            rows.push((number, Vec::new()));
        }
        if let Some((_, cells)) = rows.last_mut() {
            if cells.len() <= column {
                cells.resize(column + 1, String::new());
            }
            cells[column] = text;
        }
    }
    Ok(rows)
}

/// Unpacks every part of the file once, to nowhere: what its directory says of their sizes may be wrong.
fn check_unpacked(bytes: &[u8], bounds: Bounds) -> Result<(), SheetError> {
    let workbook = |error: &dyn std::fmt::Display| SheetError::Workbook {
        reason: error.to_string(),
    };
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(|error| workbook(&error))?;
    let mut left = bounds.unpacked_bytes;
    for at in 0..archive.len() {
        let part = archive.by_index(at).map_err(|error| workbook(&error))?;
        let unpacked =
            std::io::copy(&mut part.take(left + 1), &mut std::io::sink()).map_err(|error| workbook(&error))?;
        left = left.checked_sub(unpacked).ok_or(SheetError::TooLarge {
            most: bounds.unpacked_bytes,
        })?;
    }
    Ok(())
}

fn damaged(error: XlsxError) -> SheetError {
    SheetError::Workbook {
        reason: error.to_string(),
    }
}

/// A value as people see it: whole numbers without a point, days as `2026-01-31`.
fn text(value: &DataRef<'_>) -> String {
    match value {
        DataRef::Empty | DataRef::Error(_) => String::new(),
        DataRef::Int(number) => number.to_string(),
        // The text of a floating-point number has no point where it is whole.
        DataRef::Float(number) => number.to_string(),
        DataRef::Bool(flag) => flag.to_string(),
        DataRef::String(text) | DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => text.clone(),
        DataRef::SharedString(text) => (*text).to_owned(),
        DataRef::DateTime(instant) if instant.is_datetime() => instant_text(instant),
        DataRef::DateTime(duration) => duration.as_f64().to_string(),
    }
}

fn instant_text(instant: &ExcelDateTime) -> String {
    let (year, month, day, hour, minute, second, _) = instant.to_ymd_hms_milli();
    if (hour, minute, second) == (0, 0, 0) {
        format!("{year:04}-{month:02}-{day:02}")
    } else {
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}
