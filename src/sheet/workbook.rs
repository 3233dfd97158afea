//! XLSX as it is written. Texts are written as texts, so a spreadsheet calculates none of them.

use rust_xlsxwriter::{Format, Workbook, Worksheet, XlsxError};

use super::{Cell, SheetError};

/// Characters of a column at its widest.
const WIDTH_MAX: usize = 60;

/// One sheet of a workbook.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// Its name on the tab: 1 to 31 characters, none of `[]:*?/\`.
    pub name: String,
    /// The names of the columns.
    pub heading: Vec<String>,
    /// What is below them.
    pub rows: Vec<Vec<Cell>>,
}

/// A workbook of these sheets. The first row of each stays in sight.
///
/// # Errors
/// [`SheetError::Unwritable`] for what a workbook cannot hold: more than 1,048,576 rows or 32,767 characters in a cell.
pub fn write(pages: &[Page]) -> Result<Vec<u8>, SheetError> {
    let mut workbook = Workbook::new();
    let written = pages
        .iter()
        .try_for_each(|page| lay(workbook.add_worksheet(), page))
        .and_then(|()| workbook.save_to_buffer());
    written.map_err(|error| SheetError::Unwritable {
        reason: error.to_string(),
    })
}

fn lay(sheet: &mut Worksheet, page: &Page) -> Result<(), XlsxError> {
    let bold = Format::new().set_bold();
    sheet.set_name(&page.name)?;
    for (column, name) in (0u16..).zip(&page.heading) {
        sheet.write_string_with_format(0, column, name, &bold)?;
        let cells = page.rows.iter().filter_map(|row| row.get(usize::from(column)));
        let widest = cells.map(|cell| cell.text().chars().count()).max().unwrap_or_default();
        let width = widest.max(name.chars().count()).min(WIDTH_MAX) + 2;
        sheet.set_column_width(column, u16::try_from(width).unwrap_or(u16::MAX))?;
    }
    sheet.set_freeze_panes(1, 0)?;
    for (row, cells) in (1u32..).zip(&page.rows) {
        for (column, cell) in (0u16..).zip(cells) {
            match cell {
                Cell::Text(text) if text.is_empty() => {}
                Cell::Text(text) => {
                    sheet.write_string(row, column, text)?;
                }
                Cell::Number(number) => {
                    // Above 2^53 a spreadsheet rounds: such a number is an identifier, and goes as text.
                    match i32::try_from(*number) {
                        Ok(number) => sheet.write_number(row, column, number)?,
                        Err(_) => sheet.write_string(row, column, number.to_string())?,
                    };
                }
            }
        }
    }
    Ok(())
}
