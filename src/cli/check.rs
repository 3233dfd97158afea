//! `usher check`.

use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;

use super::failure::Failure;
use super::output::faults;
use crate::config::{Config, Overrides};
use crate::delivery::transport::Transport;
use crate::provision::organisation_file;
use crate::server::tls::Certificate;

/// Check configuration without starting anything.
///
/// Reads a gateway configuration, organisation files, or both, and says what is wrong in them, with the line and the cure.
/// Whether an organisation file fits what is stored already is shown by `usher apply --dry-run`.
#[derive(Debug, Args)]
#[command(after_help = concat!(
    "Examples:\n",
    "  usher check --config /etc/usher.toml\n",
    "  usher check --org-file acme.toml --org-file globex.toml\n\n",
    "Exit codes: 0 nothing wrong, 2 something is wrong",
))]
#[group(required = true, multiple = true)]
pub struct Check {
    /// The gateway's configuration file
    #[arg(long, value_name = "FILE", env = "USHER_CONFIG")]
    config: Option<PathBuf>,
    /// An organisation file; may be given several times
    #[arg(long = "org-file", value_name = "FILE")]
    org_files: Vec<PathBuf>,
}

impl Check {
    /// Checks.
    ///
    /// # Errors
    /// [`Failure::Usage`] with everything that is wrong.
    pub fn run(self) -> Result<(), Failure> {
        let mut out = std::io::stdout();
        if let Some(file) = &self.config {
            let config = Config::load(Some(file), Overrides::default())?;
            if let (Some(chain), Some(key)) = (&config.server.tls_certificate, &config.server.tls_key) {
                Certificate::load(chain, key).map_err(|error| Failure::Usage(error.to_string()))?;
            }
            Transport::check(&config.mail).map_err(|error| Failure::Usage(error.to_string()))?;
            writeln!(out, "{}: nothing wrong", file.display())?;
        }
        let mut wrong = Vec::new();
        for file in &self.org_files {
            let text = std::fs::read_to_string(file)
                .map_err(|error| Failure::Usage(format!("organisation file {}: {error}", file.display())))?;
            match organisation_file::parse(&text) {
                Ok(_) => writeln!(out, "{}: nothing wrong", file.display())?,
                Err(found) => wrong.push(faults(file, &found)),
            }
        }
        if wrong.is_empty() {
            Ok(())
        } else {
            Err(Failure::Usage(wrong.join("\n")))
        }
    }
}
