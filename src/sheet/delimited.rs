//! CSV as it is written (RFC 4180): UTF-8, CRLF, quotes where they are needed.

use csv::{Terminator, WriterBuilder};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Cell, SheetError, cell};

/// What older spreadsheets need at the start of a file to read it as UTF-8.
pub const BOM: &str = "\u{feff}";

/// What stands between two cells.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Separator {
    /// `,`, as the RFC has it.
    #[default]
    Comma,
    /// `;`, as spreadsheets want it where the comma is in numbers.
    Semicolon,
    /// The tabulator.
    Tab,
}

impl Separator {
    /// The byte.
    #[must_use]
    pub const fn byte(self) -> u8 {
        match self {
            Self::Comma => b',',
            Self::Semicolon => b';',
            Self::Tab => b'\t',
        }
    }
}

/// Rows as CSV. What a spreadsheet would calculate has an apostrophe in front.
///
/// # Errors
/// [`SheetError::Unwritable`] when there is no memory for it.
pub fn rows(rows: &[Vec<Cell>], separator: Separator) -> Result<Vec<u8>, SheetError> {
    let unwritable = |reason: String| SheetError::Unwritable { reason };
    let mut writer = WriterBuilder::new()
        .delimiter(separator.byte())
        .terminator(Terminator::CRLF)
        .flexible(true)
        .from_writer(Vec::new());
    for row in rows {
        let written: Result<(), csv::Error> = row.iter().try_for_each(|one| match one {
            Cell::Text(text) => writer.write_field(cell::guarded(text).as_bytes()),
            // A number is no text that could be calculated.
            Cell::Number(number) => writer.write_field(number.to_string()),
        });
        written
            .and_then(|()| writer.write_record(None::<&[u8]>))
            .map_err(|error| unwritable(error.to_string()))?;
    }
    writer.into_inner().map_err(|error| unwritable(error.to_string()))
}
