//! Opening the store that the configuration names.

use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::sync::Arc;

use crate::config::{Engine, StoreConfig};
use crate::store::sled::{OpenError, SledSettings, SledStore};
use crate::store::{MemoryStore, Store};

use super::ServeError;

/// The store's folder inside the data folder.
pub const STORE: &str = "store";

/// Makes the data folder, for its owner only; one that is there stays as it is.
///
/// # Errors
/// [`ServeError::Data`].
pub fn make_data_folder(data: &Path) -> Result<(), ServeError> {
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(data);
    made.map_err(|source| ServeError::Data {
        path: data.to_owned(),
        source,
    })
}

/// Opens the store, making it when there is none.
///
/// # Errors
/// [`OpenError`]: locked, not writable, damaged.
pub fn store(config: &StoreConfig) -> Result<Arc<dyn Store>, OpenError> {
    Ok(match config.engine {
        Engine::Memory => Arc::new(MemoryStore::new()),
        Engine::Sled => {
            let settings = SledSettings {
                cache_bytes: config.cache_mib * 1024 * 1024,
                ..SledSettings::default()
            };
            Arc::new(SledStore::open(&config.data.join(STORE), settings)?)
        }
    })
}
