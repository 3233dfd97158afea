//! `usher profile`.

use std::io::Write as _;

use clap::{Args, Subcommand};
use serde_json::json;

use super::failure::Failure;
use super::output;
use crate::provision::profile::{self, PROFILES};

/// Show the profiles that come with the gateway: what a kind of product needs of an organisation.
///
/// An organisation file names one with profile = "NAME" under `[organisation]`, and may change any part of it.
#[derive(Debug, Args)]
#[command(after_help = concat!(
    "Examples:\n",
    "  usher profile list\n",
    "  usher profile show default     print the file, to start one's own from",
))]
pub struct Profile {
    #[command(subcommand)]
    action: Action,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List profiles, with what each is for
    List,
    /// Print a profile's file
    Show {
        /// Its name
        name: String,
    },
}

impl Profile {
    /// Runs the action. Needs no gateway.
    ///
    /// # Errors
    /// [`Failure::Usage`] for a name that is no profile's.
    pub fn run(self) -> Result<(), Failure> {
        let mut out = std::io::stdout();
        match &self.action {
            Action::List if self.json => {
                let items = PROFILES.map(|profile| json!({ "name": profile.name, "summary": profile.summary() }));
                output::json(&mut out, &json!({ "items": items }))?;
            }
            Action::List => {
                for profile in PROFILES {
                    writeln!(out, "{:<11} {}", profile.name, profile.summary())?;
                }
            }
            Action::Show { name } => {
                let found = profile::Profile::find(name).ok_or_else(|| {
                    Failure::Usage(format!("{name:?} is not a profile: use one of {}", profile::names()))
                })?;
                if self.json {
                    output::json(&mut out, &json!({ "name": found.name, "file": found.text }))?;
                } else {
                    write!(out, "{}", found.text)?;
                }
            }
        }
        Ok(())
    }
}
