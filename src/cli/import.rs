//! `usher import`.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use axum::http::Method;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::choosing::{Choosing, Listed};
use super::failure::Failure;
use super::gateway::{Gateway, Payload, escaped};
use super::output::{self, cell};
use super::tables::{Format, Separator, check_output, save, word};
use super::target::Target;
use crate::model::list::List;

/// Make and change people from a CSV or XLSX file
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = concat!(
        "Examples:\n",
        "  usher import template --org acme --format xlsx --output people.xlsx\n",
        "  usher import people.xlsx --org acme --dry-run       what every row would do, and the seats\n",
        "  usher import people.csv --org acme --update --invite\n",
        "  usher import people.csv --org acme --update --clear-empty --dry-run\n",
        "  usher import result IMPORT --org acme > result.csv\n\n",
        "Without --dry-run a file is done when none of its rows is refused; with --partly the good rows are done.\n",
        "Exit code 4: rows were refused, or went another way than planned.",
    )
)]
pub struct Import {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    plan: Plan,
    /// The organisation's short name
    #[arg(long, env = "USHER_ORG", default_value = "default", global = true)]
    org: String,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Args)]
struct Plan {
    /// The file
    #[arg(required = true)]
    file: Option<PathBuf>,
    /// Say what would happen and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Change people who are there as well; their rows are refused otherwise
    #[arg(long)]
    update: bool,
    /// Invite people by mail unless their row says otherwise; they are prepared otherwise
    #[arg(long)]
    invite: bool,
    /// An empty cell takes away what the person has; it says nothing otherwise. Groups, roles and licences stay
    #[arg(long, requires = "update")]
    clear_empty: bool,
    /// Do the good rows although others are refused
    #[arg(long)]
    partly: bool,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Write the columns of a file, with an example
    Template(Written),
    /// List imports, the newest first
    List {
        #[command(flatten)]
        choosing: Box<Choosing>,
    },
    /// Show one with its rows
    Show {
        /// Which
        import: String,
    },
    /// Do what a plan says
    Confirm {
        /// Which
        import: String,
        /// What the plan showed as confirm
        confirm: String,
    },
    /// Give a plan up
    Discard {
        /// Which
        import: String,
    },
    /// Write what became of each row
    Result {
        /// Which
        import: String,
        #[command(flatten)]
        written: Written,
    },
}

#[derive(Debug, Args)]
struct Written {
    /// The kind of file
    #[arg(long, value_enum, default_value_t = Format::Csv)]
    format: Format,
    /// Of CSV: what stands between two cells
    #[arg(long, value_enum, default_value_t = Separator::Comma)]
    separator: Separator,
    /// Begin CSV with a byte order mark, for older spreadsheets
    #[arg(long)]
    bom: bool,
    /// Where to, readable by its owner alone; standard output unless told
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Between two looks at an import that goes on.
const PAUSE: Duration = Duration::from_millis(500);

impl Import {
    /// Runs the action.
    ///
    /// # Errors
    /// [`Failure`]; [`Failure::NeedsPerson`] when rows are refused, or went another way than their plan said.
    pub async fn run(self) -> Result<(), Failure> {
        let gateway = Gateway::find(&self.target).await?;
        let asking = Asking {
            imports: format!("/organisations/{}/imports", escaped(&self.org)),
            gateway: &gateway,
            json: self.json,
        };
        let outcome = match self.action {
            Some(action) => asking.act(action).await,
            None => asking.import(self.plan).await,
        };
        gateway.close().await?;
        outcome
    }
}

struct Asking<'a> {
    imports: String,
    gateway: &'a Gateway,
    json: bool,
}

impl Asking<'_> {
    async fn act(&self, action: Action) -> Result<(), Failure> {
        match action {
            Action::Template(written) => self.save(&format!("{}/template", self.imports), &written).await,
            Action::Result { import, written } => self.save(&format!("{}/result", self.one(&import)), &written).await,
            Action::List { choosing } => self.list(&choosing).await,
            Action::Show { import } => {
                let shown = self
                    .gateway
                    .ask(Method::GET, &self.one(&import), Payload::Empty)
                    .await?;
                self.print(&shown, false).await
            }
            Action::Confirm { import, confirm } => self.confirm(&import, &confirm).await,
            Action::Discard { import } => {
                self.gateway
                    .ask(Method::DELETE, &self.one(&import), Payload::Empty)
                    .await?;
                Ok(writeln!(std::io::stdout(), "discarded {import}")?)
            }
        }
    }

    fn one(&self, import: &str) -> String {
        format!("{}/{}", self.imports, escaped(import))
    }

    async fn save(&self, path: &str, written: &Written) -> Result<(), Failure> {
        check_output(written.format, written.output.as_deref())?;
        let (format, separator) = (word(written.format), word(written.separator));
        let path = format!("{path}?format={format}&separator={separator}&bom={}", written.bom);
        save(self.gateway, &path, written.output.as_deref()).await
    }

    async fn import(&self, plan: Plan) -> Result<(), Failure> {
        let file = plan.file.unwrap_or_default();
        let content = std::fs::read(&file).map_err(|error| Failure::failed(format!("{}: {error}", file.display())))?;
        let mode = if plan.update { "create_and_update" } else { "create" };
        let empty = if plan.clear_empty { "clear" } else { "keep" };
        let path = format!(
            "{}?mode={mode}&invite={}&empty_cells={empty}",
            self.imports, plan.invite
        );
        let planned = self.gateway.ask(Method::POST, &path, Payload::Bytes(content)).await?;
        let (id, confirm) = (cell(&planned["id"]), cell(&planned["confirm"]));
        let refused = planned["planned"]["refused"].as_u64().unwrap_or_default();
        if plan.dry_run || (refused > 0 && !plan.partly) {
            self.print(&planned, true).await?;
            if !self.json {
                let line = format!("\nnothing was changed; do the good rows with: usher import confirm {id} {confirm}");
                writeln!(std::io::stdout(), "{line}")?;
            }
            return match refused {
                0 => Ok(()),
                _ => Err(Failure::NeedsPerson(format!(
                    "{refused} rows are refused: put them right, or do the others with --partly"
                ))),
            };
        }
        self.confirm(&id, &confirm).await
    }

    /// Confirms, and waits until every row has a result.
    async fn confirm(&self, import: &str, confirm: &str) -> Result<(), Failure> {
        let path = format!("{}/confirm", self.one(import));
        let payload = Payload::Json(json!({ "confirm": confirm }));
        let mut done = self.gateway.ask(Method::POST, &path, payload).await?;
        while done["state"] == "running" {
            tokio::time::sleep(PAUSE).await;
            done = self.gateway.ask(Method::GET, &self.one(import), Payload::Empty).await?;
        }
        self.print(&done, false).await?;
        let count = |part: &str| done["results"][part].as_u64().unwrap_or_default();
        match count("refused") + count("stale") {
            0 => Ok(()),
            bad => Err(Failure::NeedsPerson(format!(
                "{bad} rows were not done: see usher import result {import}"
            ))),
        }
    }

    async fn list(&self, choosing: &Choosing) -> Result<(), Failure> {
        let row = |import: &Value| {
            ["id", "created", "state", "rows"]
                .map(|name| cell(&import[name]))
                .to_vec()
        };
        let listed = Listed {
            gateway: self.gateway,
            organisation: self.imports.trim_end_matches("/imports"),
            list: List::Imports,
            json: self.json,
        };
        let heading = &["ID", "PLANNED", "STATE", "ROWS"];
        choosing.print(listed, &self.imports, &[], (heading, &row)).await
    }

    /// Prints an import with its rows; of a plan, those that are refused.
    async fn print(&self, import: &Value, refused_only: bool) -> Result<(), Failure> {
        let path = format!("{}/rows", self.one(&cell(&import["id"])));
        let mut rows = self.gateway.list(&path, None).await?;
        let mut out = std::io::stdout();
        if self.json {
            let mut shown = import.clone();
            shown["items"] = json!(rows);
            return Ok(output::json(&mut out, &shown)?);
        }
        let clearing = cleared(&rows);
        if refused_only {
            rows.retain(|row| row["planned"] == "refused");
        }
        let row = |row: &Value| {
            ["line", "user_name", "planned", "result", "column", "reason"]
                .map(|name| cell(&row[name]))
                .to_vec()
        };
        let rows: Vec<Vec<String>> = rows.iter().map(row).collect();
        if !rows.is_empty() {
            let heading = ["LINE", "USER NAME", "PLANNED", "RESULT", "COLUMN", "REASON"];
            output::table(&mut out, &heading, &rows)?;
            writeln!(out)?;
        }
        let planned = &import["planned"];
        let [create, update, nothing, refused] =
            ["create", "update", "nothing", "refused"].map(|name| cell(&planned[name]));
        writeln!(
            out,
            "{} {}: {create} to create, {update} to update, {nothing} as they are, {refused} refused",
            cell(&import["state"]),
            cell(&import["id"]),
        )?;
        for (column, people) in clearing {
            writeln!(out, "takes away {column} of {people} people")?;
        }
        for seat in import["seats"].as_array().into_iter().flatten() {
            let [licence, limit, used, after, refused] =
                ["licence", "limit", "used", "used_after", "refused"].map(|name| cell(&seat[name]));
            writeln!(
                out,
                "seats of {licence}: {used} in use, {after} afterwards, limit {limit}, rows without a seat {refused}"
            )?;
        }
        let texts = |name: &str| import[name].as_array().cloned().unwrap_or_default();
        for warning in texts("warnings") {
            writeln!(out, "warning: {}", cell(&warning))?;
        }
        let ignored: Vec<String> = texts("ignored_columns").iter().map(cell).collect();
        if !ignored.is_empty() {
            writeln!(out, "columns that nobody writes were left out: {}", ignored.join(", "))?;
        }
        Ok(())
    }
}

/// The columns whose empty cells take something away, each of how many people.
fn cleared(rows: &[Value]) -> BTreeMap<String, usize> {
    let columns = rows
        .iter()
        .flat_map(|row| row["effect"]["clears"].as_array().into_iter().flatten());
    let mut cleared = BTreeMap::new();
    for column in columns {
        *cleared.entry(cell(column)).or_default() += 1;
    }
    cleared
}
