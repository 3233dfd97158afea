//! `usher sync`.

use std::io::{BufWriter, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use axum::http::Method;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use super::difference::{LINES_MAX, Printer};
use super::export::{self, Export};
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
    "  usher sync directory --org acme --dry-run     show all that would change, before and after\n",
    "  usher sync directory --org acme\n",
    "  usher sync directory --org acme --history     the last runs\n",
    "  usher sync directory --org acme --failures    entries that were left as they are, and why\n",
    "  usher sync directory --org acme --retry       try those again, and read what changed\n",
    "  usher sync directory --org acme --held        the plan that waits, and why\n",
    "  usher sync directory --org acme --export plan.csv    all that it would change, for a spreadsheet; or plan.json\n",
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
    /// Write all that the held plan would change to a file, as it was when it was held; of a new reading with --dry-run, and when no plan
    /// is held. JSON, or CSV where the name ends in .csv; "-" is the output
    #[arg(long, value_name = "FILE", group = "shown", conflicts_with_all = ["changes", "presence", "approve", "discard", "retry"])]
    export: Option<PathBuf>,
    /// Print every line of a dry run in a terminal as well, which gets the first hundred otherwise
    #[arg(long)]
    all: bool,
    /// Print the report as JSON; with --dry-run every difference is in it
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
        if self.failures {
            return failures(gateway, &connection, self.json).await;
        }
        if self.history || self.held {
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
            return self.export(gateway, &connection, file, &state["held"]).await;
        }
        let reading = match (self.changes || self.retry, self.presence) {
            (true, _) => "changes",
            (_, true) => "presence",
            _ => "whole",
        };
        let manner = format!("dry_run={}&reading={reading}", self.dry_run);
        if self.dry_run {
            return self.preview(gateway, &connection, &manner).await;
        }
        let report = self.read(gateway, &connection, &manner, |_| Ok(())).await?;
        self.conclude(gateway, &connection, &report).await
    }

    /// Everything that the plan which is held would change, as it was when it was held; of a dry run when none is, or when one is asked
    /// for.
    async fn export(&self, gateway: &Gateway, connection: &str, file: &Path, held: &Value) -> Result<(), Failure> {
        let mut export = Export::begin(file)?;
        if self.dry_run || held["kept"].is_null() {
            let take = |difference: &Value| export.difference(difference);
            let report = self
                .read(gateway, connection, "dry_run=true&reading=whole", take)
                .await?;
            let mut out = export.end(&report)?;
            return Ok(export::compare(&mut out, &report, held)?);
        }
        let mut after = String::new();
        loop {
            let path = format!("{connection}/held/differences?limit=1000{after}");
            let page = gateway.ask(Method::GET, &path, Payload::Empty).await?;
            for difference in page["items"].as_array().into_iter().flatten() {
                export.difference(difference)?;
            }
            match page["next"].as_str() {
                Some(next) => after = format!("&after={}", escaped(next)),
                None => break,
            }
        }
        let report = json!({
            "plan_hash": held["hash"], "held": held["reasons"], "read": held["read"], "classes": held["classes"],
            "seats": held["seats"],
        });
        let mut out = export.end(&report)?;
        Ok(export::say_kept(&mut out, held)?)
    }

    /// A dry run: every difference as it comes, then the report.
    async fn preview(&self, gateway: &Gateway, connection: &str, manner: &str) -> Result<(), Failure> {
        let lines_max = self.lines_max();
        let out = BufWriter::new(std::io::stdout());
        let mut printer = match self.json {
            true => Printer::json(out)?,
            false => Printer::lines(out, lines_max),
        };
        let report = self.read(gateway, connection, manner, |difference| {
            Ok(printer.difference(difference)?)
        });
        let report = report.await?;
        let (kept_back, mut out) = printer.end(&report)?;
        if self.json {
            return Ok(());
        }
        if kept_back > 0 {
            writeln!(
                out,
                "and {kept_back} more: see them with --all, or write them with --export FILE"
            )?;
        }
        writeln!(out)?;
        plan::show(&mut out, &report, lines_max)?;
        Ok(out.flush()?)
    }

    /// Lines of a list that are printed: a file or another program gets all of them.
    fn lines_max(&self) -> Option<usize> {
        let is_for_people = std::io::stdout().is_terminal() && !self.all;
        is_for_people.then_some(LINES_MAX)
    }

    /// One run, with its progress.
    async fn read(
        &self,
        gateway: &Gateway,
        connection: &str,
        manner: &str,
        mut take: impl FnMut(&Value) -> Result<(), Failure>,
    ) -> Result<Value, Failure> {
        let bar = self.bar();
        let report = gateway
            .lines(Method::POST, &format!("{connection}/sync?{manner}"), |line| {
                let mut told = || match line.get("difference") {
                    Some(difference) => take(difference),
                    None => Ok(()),
                };
                let Some(bar) = &bar else { return told() };
                advance(bar, &line["progress"]);
                // What is printed must not run into the bar.
                bar.suspend(told)
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

    async fn conclude(&self, gateway: &Gateway, connection: &str, report: &Value) -> Result<(), Failure> {
        let mut out = std::io::stdout();
        if self.json {
            output::json(&mut out, report)?;
        } else {
            plan::show(&mut out, report, self.lines_max())?;
        }
        out.flush()?;
        if report["outcome"] != "held" {
            return Ok(());
        }
        let hash = cell(&report["plan_hash"]);
        let state = gateway
            .ask(Method::GET, &format!("{connection}/runs"), Payload::Empty)
            .await?;
        runs::instead_of(&mut std::io::stderr(), &state["held"])?;
        Err(Failure::NeedsPerson(format!(
            "the plan is held and nothing was changed; look at it with --export FILE, then let it pass with: \
             usher sync {} --org {} --approve {hash}",
            self.name, self.org
        )))
    }
}

/// Prints the failure list of a connection.
///
/// # Errors
/// As [`Gateway::ask`].
pub(super) async fn failures(gateway: &Gateway, connection: &str, as_json: bool) -> Result<(), Failure> {
    let path = format!("{connection}/failures");
    let list = gateway.list(&path, None).await?;
    let head = gateway
        .ask(Method::GET, &format!("{path}?limit=1"), Payload::Empty)
        .await?;
    let total = head["total"].as_u64().unwrap_or_default();
    Ok(runs::failures(&mut std::io::stdout(), &list, total, as_json)?)
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
        Some("comparing") => bar.set_message(format!("playing through: {} of {}", number("done"), number("total"))),
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
