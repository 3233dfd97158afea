//! `[lists]`: how long a page of the admin API's lists is, and how much one may cost.

use serde::{Deserialize, Serialize};

use super::ConfigError;

/// The section.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ListsConfig {
    /// Items a page, unless the reader or a saved view says otherwise (S004-15).
    pub page_size: usize,
    /// Rows that a page in the list's own order looks at when it has a filter; it goes on with the next page.
    pub looked_at_max: usize,
    /// Rows that a page in another order looks at; a list with more matches is refused.
    pub sorted_max: usize,
    /// Rows that a page looks at for a person whose rights reach a part of them.
    pub reached_max: usize,
}

impl Default for ListsConfig {
    fn default() -> Self {
        Self {
            page_size: 100,
            looked_at_max: 20_000,
            sorted_max: 200_000,
            reached_max: 2_000,
        }
    }
}

impl ListsConfig {
    /// Checks the section.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`].
    pub fn validate(&self) -> Result<(), ConfigError> {
        for (field, value, most) in [
            ("lists.page_size", self.page_size, 1_000),
            ("lists.looked_at_max", self.looked_at_max, 10_000_000),
            ("lists.sorted_max", self.sorted_max, 10_000_000),
            ("lists.reached_max", self.reached_max, 1_000_000),
        ] {
            if !(1..=most).contains(&value) {
                let reason = format!("{value} is not between 1 and {most}");
                return Err(ConfigError::invalid(field, reason));
            }
        }
        Ok(())
    }
}
