//! `[sheets]`: tables as files.

use serde::{Deserialize, Serialize};

use super::ConfigError;

/// The section.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SheetsConfig {
    /// Rows of an XLSX file, which is made in memory. CSV has no bound.
    pub workbook_rows_max: usize,
}

impl Default for SheetsConfig {
    fn default() -> Self {
        Self {
            workbook_rows_max: 50_000,
        }
    }
}

/// Rows that a sheet of the format holds, its first one not counted.
const FORMAT_ROWS_MAX: usize = 1_048_575;

impl SheetsConfig {
    /// Checks the section.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`].
    pub fn validate(&self) -> Result<(), ConfigError> {
        if (1..=FORMAT_ROWS_MAX).contains(&self.workbook_rows_max) {
            return Ok(());
        }
        let reason = format!("{} is not between 1 and {FORMAT_ROWS_MAX}", self.workbook_rows_max);
        Err(ConfigError::invalid("sheets.workbook_rows_max", reason))
    }
}
