//! Logging. Lines go to standard error; they carry identifiers and numbers, never personal data and never a secret.

use std::io::IsTerminal as _;

use crate::config::{ConfigError, LogConfig, LogFormat};

/// Sends this process's log where and as the configuration says. The first call counts.
///
/// # Errors
/// [`ConfigError`] when the level cannot be understood.
pub fn start(config: &LogConfig) -> Result<(), ConfigError> {
    let builder = tracing_subscriber::fmt()
        .with_env_filter(config.filter()?)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    // A log that was started before (a test in the same process) stays.
    let _is_first = match config.format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    }
    .is_ok();
    Ok(())
}
