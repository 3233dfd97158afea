//! Why a file cannot be read or written.

use thiserror::Error;

/// A file that cannot be read or written. Each message names the cure.
#[derive(Debug, Error)]
pub enum SheetError {
    /// The file has the mark of UTF-16.
    #[error("the file is UTF-16: save it as \"CSV UTF-8\", or as XLSX")]
    Utf16,
    /// A byte that no UTF-8 text has.
    #[error("line {line} is not UTF-8: save the file as \"CSV UTF-8\", or as XLSX")]
    NotUtf8 {
        /// The line, from 1.
        line: usize,
    },
    /// A workbook of before 2007, or another compound file.
    #[error("the file is an old workbook (.xls): save it as XLSX, or as \"CSV UTF-8\"")]
    OldWorkbook,
    /// There is no row of column names.
    #[error("the file is empty: its first row must name the columns")]
    Empty,
    /// A column name is missing or there twice.
    #[error("column {column} of the first row: {reason}")]
    Heading {
        /// The column, from 1.
        column: usize,
        /// What is wrong.
        reason: String,
    },
    /// More rows than are taken at once.
    #[error("the file has more than {most} rows: send it in parts")]
    TooManyRows {
        /// The bound.
        most: usize,
    },
    /// More columns than any table of ours has.
    #[error("the file has more than {most} columns: leave out those that are not needed")]
    TooManyColumns {
        /// The bound.
        most: usize,
    },
    /// An XLSX file that unpacks to more than is read.
    #[error("the workbook unpacks to more than {most} bytes: save the one sheet that is needed as CSV")]
    TooLarge {
        /// The bound.
        most: u64,
    },
    /// A row that is not CSV.
    #[error("line {line} is not CSV: {reason}")]
    Row {
        /// The line, from 1.
        line: u64,
        /// What is wrong.
        reason: String,
    },
    /// Not a workbook, or a damaged one.
    #[error("the file is not a workbook that can be read: {reason}")]
    Workbook {
        /// What is wrong.
        reason: String,
    },
    /// Something that the format cannot hold.
    #[error("the file cannot be written: {reason}; ask for CSV, or for fewer columns")]
    Unwritable {
        /// What.
        reason: String,
    },
}
