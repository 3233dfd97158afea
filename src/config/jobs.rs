//! `[jobs]`: the bounds of work on many people at once.

use serde::{Deserialize, Serialize};

use super::ConfigError;

/// The section.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct JobsConfig {
    /// People that one plan may be for.
    pub items_max: usize,
    /// Minutes for which a plan can be confirmed.
    pub plan_minutes: u32,
    /// Days for which plans and results are kept.
    pub kept_days: u32,
}

impl Default for JobsConfig {
    fn default() -> Self {
        Self {
            items_max: 1000,
            plan_minutes: 60,
            kept_days: 30,
        }
    }
}

impl JobsConfig {
    /// Checks the section.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`].
    pub fn validate(&self) -> Result<(), ConfigError> {
        for (field, value, most) in [
            ("jobs.items_max", self.items_max as u64, 10_000),
            ("jobs.plan_minutes", u64::from(self.plan_minutes), 7 * 24 * 60),
            ("jobs.kept_days", u64::from(self.kept_days), 3_660),
        ] {
            if !(1..=most).contains(&value) {
                return Err(ConfigError::invalid(
                    field,
                    format!("{value} is not between 1 and {most}"),
                ));
            }
        }
        Ok(())
    }
}
