//! The key that secrets of second factors are encrypted with: from the environment, or a file of the data folder that only
//! its owner may read. It is not in the store, so that a copy of the store alone tells nothing; a backup needs both.

use std::path::Path;

use crate::config::SignInConfig;
use crate::directory::sealing::SealingKey;
use crate::model::clock::{Clock as _, SystemClock};

use super::{ServeError, private_file};

/// The file's name.
pub const FILE: &str = "secret.key";

/// The key that the configuration names, or the data folder's own; one is made when there is none.
///
/// # Errors
/// [`ServeError::Data`] when the file cannot be read or made; [`ServeError::Key`] when what is there is no key.
pub fn load(config: &SignInConfig, data: &Path) -> Result<SealingKey, ServeError> {
    if let Some(name) = &config.key_env {
        let text = std::env::var(name).map_err(|_| ServeError::Key {
            place: format!("environment variable {name}"),
            reason: "is not set".to_owned(),
        })?;
        return parse(&text, format!("environment variable {name}"));
    }
    let path = data.join(FILE);
    let failed = |source| ServeError::Data {
        path: path.clone(),
        source,
    };
    match std::fs::read_to_string(&path) {
        Ok(text) => parse(&text, path.display().to_string()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let key = SealingKey::new(SystemClock.secret());
            private_file::replace(&path, key.text().as_bytes()).map_err(failed)?;
            Ok(key)
        }
        Err(error) => Err(failed(error)),
    }
}

fn parse(text: &str, place: String) -> Result<SealingKey, ServeError> {
    SealingKey::parse(text).map_err(|error| ServeError::Key {
        place,
        reason: error.to_string(),
    })
}
