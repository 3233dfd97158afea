//! Tables as files: CSV (RFC 4180) and XLSX (ECMA-376). Rows in, bytes out, and bytes in, rows out; it knows neither people nor
//! stores.
//!
//! ```text
//! cells --delimited::rows--> CSV            (what a spreadsheet would calculate is written as text)
//! cells --workbook::write--> XLSX
//! bytes --reading::read----> Table          (CSV of three separators, or XLSX)
//! list  <-list::join/split-> one cell
//! ```

pub mod cell;
pub mod delimited;
mod error;
pub mod list;
pub mod reading;
mod spreadsheet;
pub mod workbook;

pub use cell::Cell;
pub use error::SheetError;
