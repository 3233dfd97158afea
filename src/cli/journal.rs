//! `usher journal`.

use clap::Args;
use serde_json::{Value, json};

use super::failure::Failure;
use super::gateway::{Gateway, escaped};
use super::output::{self, cell};
use super::target::Target;

/// Show what a connection's client asked, what was tolerated, and what was refused and why.
#[derive(Debug, Args)]
#[command(after_help = concat!(
    "Examples:\n",
    "  usher journal entra --org acme                the last requests, newest first\n",
    "  usher journal entra --org acme --limit 1000 --json\n\n",
    "The journal keeps the last requests of each connection (scim.journal_entries_max), without secrets and with values masked.",
))]
pub struct Journal {
    /// The connection's name
    connection: String,
    /// At most this many requests
    #[arg(long, default_value_t = 50)]
    limit: usize,
    #[command(flatten)]
    target: Target,
    /// The organisation's short name
    #[arg(long, env = "USHER_ORG", default_value = "default")]
    org: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Journal {
    /// Shows the journal.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn run(self) -> Result<(), Failure> {
        let gateway = Gateway::find(&self.target).await?;
        let outcome = self.show(&gateway).await;
        gateway.close().await?;
        outcome
    }

    async fn show(&self, gateway: &Gateway) -> Result<(), Failure> {
        let path = format!(
            "/organisations/{}/connections/{}/journal",
            escaped(&self.org),
            escaped(&self.connection)
        );
        let items = gateway.list(&path, Some(self.limit)).await?;
        let mut out = std::io::stdout();
        if self.json {
            return Ok(output::json(&mut out, &json!(items))?);
        }
        let rows: Vec<Vec<String>> = items.iter().map(row).collect();
        let heading = ["AT", "METHOD", "PATH", "STATUS", "MS", "NOTES"];
        Ok(output::table(&mut out, &heading, &rows)?)
    }
}

fn row(entry: &Value) -> Vec<String> {
    let rules = entry["normalised"].as_array().into_iter().flatten();
    let mut notes: Vec<String> = rules.map(|rule| cell(&rule["what"])).collect();
    if let Some(detail) = entry["refusal"]["detail"].as_str() {
        notes.push(format!("refused: {detail}"));
    }
    let mut cells = ["at", "method", "path", "status", "duration_ms"]
        .map(|name| cell(&entry[name]))
        .to_vec();
    cells.push(notes.join("; "));
    cells
}
