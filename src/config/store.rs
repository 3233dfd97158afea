//! `[store]`: where the data is.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::ConfigError;

/// The section.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoreConfig {
    /// What keeps the data.
    pub engine: Engine,
    /// The data folder: the store, and the files by which the command line finds the gateway.
    pub data: PathBuf,
    /// Mebibytes of memory for what was read from the disk.
    pub cache_mib: u64,
}

/// What keeps the data.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// The embedded store in `<data>/store`.
    #[default]
    Sled,
    /// Nothing is kept: for trying things out.
    Memory,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self {
            engine: Engine::default(),
            data: PathBuf::from("./data"),
            cache_mib: 32,
        }
    }
}

impl StoreConfig {
    /// Checks the section.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`].
    pub fn validate(&self) -> Result<(), ConfigError> {
        if self.data.as_os_str().is_empty() {
            return Err(ConfigError::invalid(
                "store.data",
                "is empty: name a folder, for example ./data",
            ));
        }
        if !(8..=1024 * 1024).contains(&self.cache_mib) {
            let reason = format!("{} is not between 8 and 1048576 MiB", self.cache_mib);
            return Err(ConfigError::invalid("store.cache_mib", reason));
        }
        Ok(())
    }
}
