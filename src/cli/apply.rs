//! `usher apply`.

use std::io::Write as _;
use std::path::PathBuf;

use axum::http::Method;
use clap::Args;
use serde_json::Value;

use super::failure::Failure;
use super::gateway::{Gateway, Payload, escaped};
use super::output::{self, cell, faults};
use super::target::Target;
use crate::provision::organisation_file;

/// Bring an organisation to what a file declares: roles, licences with limits, connections with mapping.
///
/// All of it is applied, or nothing. Applying a file twice changes nothing the second time. What the file leaves out stays as
/// it is. The organisation is made when it does not exist.
#[derive(Debug, Args)]
#[command(after_help = concat!(
    "Examples:\n",
    "  usher apply acme.toml --dry-run     show what would change\n",
    "  usher apply acme.toml\n\n",
    "See config/organisation.example.toml.\n",
    "Exit codes: 0 applied or nothing to do, 1 refused, 2 the file is wrong, 3 no gateway and no store can be reached",
))]
pub struct Apply {
    /// The organisation file (TOML)
    file: PathBuf,
    /// Show what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

impl Apply {
    /// Applies the file.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn run(self) -> Result<(), Failure> {
        let text = std::fs::read_to_string(&self.file)
            .map_err(|error| Failure::Usage(format!("organisation file {}: {error}", self.file.display())))?;
        let file = organisation_file::parse(&text).map_err(|found| Failure::Usage(faults(&self.file, &found)))?;
        let org = escaped(file.declaration.organisation.slug.as_str());
        let path = format!("/organisations/{org}/apply?dry_run={}", self.dry_run);
        let gateway = Gateway::find(&self.target).await?;
        let answer = gateway.ask(Method::POST, &path, Payload::Text(text)).await;
        gateway.close().await?;
        Ok(self.show(&answer?)?)
    }

    fn show(&self, answer: &Value) -> std::io::Result<()> {
        let mut out = std::io::stdout();
        if self.json {
            return output::json(&mut out, answer);
        }
        let mut changed = 0;
        for change in answer["changes"].as_array().into_iter().flatten() {
            let outcome = cell(&change["outcome"]);
            changed += usize::from(outcome != "unchanged");
            let fields: Vec<String> = change["fields"].as_array().into_iter().flatten().map(cell).collect();
            let detail = if fields.is_empty() {
                String::new()
            } else {
                format!(": {}", fields.join(", "))
            };
            writeln!(out, "{outcome:<9}  {}{detail}", cell(&change["place"]))?;
        }
        match (changed, self.dry_run) {
            (0, _) => writeln!(out, "nothing to do: everything is as declared"),
            (changed, true) => writeln!(out, "dry run: {changed} would change, nothing was changed"),
            (changed, false) => writeln!(out, "applied: {changed} changed"),
        }
    }
}
