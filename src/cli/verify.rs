//! `usher verify`.

use std::io::Write as _;

use axum::http::Method;
use clap::Args;
use serde_json::{Value, json};

use super::failure::Failure;
use super::gateway::{Gateway, escaped};
use super::output::cell;
use super::target::Target;

/// Check every invariant over the store: checksums, names, edges, seats, counters, events.
///
/// Works beside a running gateway. Prints each violation with its place as it is found.
#[derive(Debug, Args)]
#[command(after_help = concat!(
    "Examples:\n",
    "  usher verify\n",
    "  usher verify --org acme --json\n\n",
    "Exit codes: 0 nothing is broken, 1 could not be finished, 3 no gateway and no store can be reached,\n",
    "            4 something is broken",
))]
pub struct Verify {
    /// Only this organisation; else everything, with each record's checksum
    #[arg(long)]
    org: Option<String>,
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

impl Verify {
    /// Verifies.
    ///
    /// # Errors
    /// [`Failure::NeedsPerson`] when something is broken.
    pub async fn run(self) -> Result<(), Failure> {
        let path = match &self.org {
            Some(org) => format!("/organisations/{}/verify", escaped(org)),
            None => "/verify".to_owned(),
        };
        let gateway = Gateway::find(&self.target).await?;
        let verdict = gateway.lines(Method::GET, &path, |finding| self.show(&finding)).await;
        gateway.close().await?;
        self.conclude(&verdict?)
    }

    fn show(&self, finding: &Value) -> Result<(), Failure> {
        let mut out = std::io::stdout();
        if self.json {
            return Ok(writeln!(out, "{finding}")?);
        }
        let violation = &finding["violation"];
        if violation.is_null() {
            return Ok(writeln!(out, "note: {}", cell(&finding["note"]))?);
        }
        let text = ["invariant", "place", "what"].map(|name| cell(&violation[name]));
        Ok(writeln!(out, "broken: {}: {} {}", text[0], text[1], text[2])?)
    }

    fn conclude(&self, summary: &Value) -> Result<(), Failure> {
        let mut out = std::io::stdout();
        if self.json {
            writeln!(out, "{}", json!({ "done": summary }))?;
        }
        match summary["violations"].as_u64() {
            Some(0) if self.json => Ok(()),
            Some(0) => Ok(writeln!(
                out,
                "nothing is broken: {} checks, {} records",
                cell(&summary["checks"]),
                cell(&summary["records"])
            )?),
            _ => Err(Failure::NeedsPerson(format!(
                "the store has {} violations: keep a copy of the data folder and restore a backup, or ask for help with \
                 the lines above",
                cell(&summary["violations"])
            ))),
        }
    }
}
