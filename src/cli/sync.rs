//! `usher sync`.

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;

use axum::http::Method;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use super::export;
use super::failure::Failure;
use super::gateway::{Gateway, Payload, escaped};
use super::output::{self, cell};
use super::plan;
use super::runs;
use super::target::Target;

/// Run a directory connection now: read, plan, and apply what changed.
///
/// Prints what the plan does to people, groups, memberships and seats. A plan that would remove too much is held: look at it
/// with --dry-run, then let it pass with --approve, or forget it with --discard.
#[derive(Debug, Args)]
#[command(after_help = concat!(
    "Examples:\n",
    "  usher sync directory --org acme --dry-run     show what would happen\n",
    "  usher sync directory --org acme\n",
    "  usher sync directory --org acme --history     the last runs\n",
    "  usher sync directory --org acme --failures    entries that were left as they are, and why\n",
    "  usher sync directory --org acme --retry       try those again, and read what changed\n",
    "  usher sync directory --org acme --held        the plan that waits, and why\n",
    "  usher sync directory --org acme --export plan.csv    all of its steps, for a spreadsheet; or plan.json\n",
    "  usher sync directory --org acme --approve 5f1c...\n\n",
    "Exit codes: 0 done, 1 failed and nothing was changed, 3 no gateway and no store can be reached,\n",
    "            4 the plan is held for a person",
))]
pub struct Sync {
    /// The connection's name
    name: String,
    /// The organisation's short name
    #[arg(long, env = "USHER_ORG", default_value = "default")]
    org: String,
    /// Read and plan, change nothing
    #[arg(long, conflicts_with_all = ["approve", "discard"])]
    dry_run: bool,
    /// Read only what changed since the last run; everything when that cannot be told
    #[arg(long, conflicts_with = "presence")]
    changes: bool,
    /// Read only who is there, to find who is gone or new
    #[arg(long)]
    presence: bool,
    /// Let the held plan with this hash pass, and run
    #[arg(long, value_name = "HASH", conflicts_with = "discard")]
    approve: Option<String>,
    /// Forget the held plan, and do not run
    #[arg(long)]
    discard: bool,
    /// Try the entries of the failure list again; reads what changed as well
    #[arg(long, conflicts_with = "presence")]
    retry: bool,
    /// Show the last runs, and do not run
    #[arg(long, group = "shown", conflicts_with_all = ["dry_run", "changes", "presence", "approve", "discard", "retry"])]
    history: bool,
    /// Show the entries that were left as they are, and do not run
    #[arg(long, group = "shown", conflicts_with_all = ["dry_run", "changes", "presence", "approve", "discard", "retry"])]
    failures: bool,
    /// Show the plan that is held, and do not run
    #[arg(long, group = "shown", conflicts_with_all = ["dry_run", "changes", "presence", "approve", "discard", "retry"])]
    held: bool,
    /// Write every step of the plan to a file and change nothing: JSON, or CSV where the name ends in .csv; "-" is the output
    #[arg(long, value_name = "FILE", group = "shown", conflicts_with_all = ["dry_run", "changes", "presence", "approve", "discard", "retry"])]
    export: Option<PathBuf>,
    /// Print the report as JSON; with --dry-run the whole plan is in it
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

impl Sync {
    /// Runs the connection.
    ///
    /// # Errors
    /// [`Failure::NeedsPerson`] when the plan is held.
    pub async fn run(self) -> Result<(), Failure> {
        let gateway = Gateway::find(&self.target).await?;
        let outcome = self.act(&gateway).await;
        gateway.close().await?;
        outcome
    }

    async fn act(&self, gateway: &Gateway) -> Result<(), Failure> {
        let connection = format!(
            "/organisations/{}/connections/{}",
            escaped(&self.org),
            escaped(&self.name)
        );
        if self.history || self.failures || self.held {
            let path = format!("{connection}/runs");
            let state = gateway.ask(Method::GET, &path, Payload::Empty).await?;
            return Ok(self.look(&state)?);
        }
        if self.discard {
            let answer = gateway
                .ask(Method::DELETE, &format!("{connection}/held"), Payload::Empty)
                .await?;
            return Ok(output::record(&mut std::io::stdout(), &answer, self.json)?);
        }
        if let Some(hash) = &self.approve {
            let path = format!("{connection}/held/approve");
            gateway
                .ask(Method::POST, &path, Payload::Json(json!({ "hash": hash })))
                .await?;
        }
        if let Some(file) = &self.export {
            let state = gateway
                .ask(Method::GET, &format!("{connection}/runs"), Payload::Empty)
                .await?;
            let report = self.read(gateway, &connection, "dry_run=true&reading=whole").await?;
            return export::write(file, &report, &state["held"]);
        }
        let reading = match (self.changes || self.retry, self.presence) {
            (true, _) => "changes",
            (_, true) => "presence",
            _ => "whole",
        };
        let manner = format!("dry_run={}&reading={reading}", self.dry_run);
        self.conclude(&self.read(gateway, &connection, &manner).await?)
    }

    /// One run, with its progress.
    async fn read(&self, gateway: &Gateway, connection: &str, manner: &str) -> Result<Value, Failure> {
        let bar = self.bar();
        let report = gateway
            .lines(Method::POST, &format!("{connection}/sync?{manner}"), |line| {
                if let Some(bar) = &bar {
                    advance(bar, &line["progress"]);
                }
                Ok(())
            })
            .await;
        if let Some(bar) = bar {
            bar.finish_and_clear();
        }
        report
    }

    /// What is remembered of earlier runs.
    fn look(&self, state: &Value) -> std::io::Result<()> {
        let out = &mut std::io::stdout();
        if self.history {
            runs::history(out, state, self.json)
        } else if self.failures {
            runs::failures(out, state, self.json)
        } else {
            runs::held(out, state, self.json)
        }
    }

    /// Only for people: a script reads no bar.
    fn bar(&self) -> Option<ProgressBar> {
        let is_wanted = !self.json && std::io::stderr().is_terminal();
        is_wanted.then(|| {
            let bar = ProgressBar::new_spinner();
            bar.enable_steady_tick(std::time::Duration::from_millis(120));
            bar
        })
    }

    fn conclude(&self, report: &Value) -> Result<(), Failure> {
        let mut out = std::io::stdout();
        if self.json {
            output::json(&mut out, report)?;
        } else {
            plan::show(&mut out, report)?;
        }
        out.flush()?;
        if report["outcome"] != "held" {
            return Ok(());
        }
        let hash = cell(&report["plan_hash"]);
        Err(Failure::NeedsPerson(format!(
            "the plan is held and nothing was changed; look at it with --export FILE, then let it pass with: \
             usher sync {} --org {} --approve {hash}",
            self.name, self.org
        )))
    }
}

fn advance(bar: &ProgressBar, progress: &Value) {
    let number = |name: &str| progress[name].as_u64().unwrap_or_default();
    match progress["phase"].as_str() {
        Some("reading") => bar.set_message(format!(
            "reading: {} people, {} groups",
            number("people"),
            number("groups")
        )),
        Some("planned") => bar.set_message(format!("planned: {} steps", number("steps"))),
        Some("applying") => {
            if bar.length() != Some(number("total")) {
                bar.set_length(number("total"));
                // The template is a constant: when it were wrong, the spinner goes on.
                if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} applied, {eta} left") {
                    bar.set_style(style);
                }
            }
            bar.set_position(number("done"));
        }
        _ => {}
    }
}
