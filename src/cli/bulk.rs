//! `usher bulk`.

use std::io::Write as _;
use std::time::Duration;

use axum::http::Method;
use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::choosing::{Choosing, Listed};
use super::failure::Failure;
use super::gateway::{Gateway, Payload, escaped};
use super::output::{self, cell};
use super::target::Target;
use crate::model::list::List;

/// Do the same for many people: see what would happen first, then confirm it.
#[derive(Debug, Args)]
#[command(after_help = concat!(
    "Examples:\n",
    "  usher bulk plan add-to-group --group North ada grace alan --org acme\n",
    "  usher bulk plan give-role --role operator --group North ada grace --org acme\n",
    "  usher bulk plan assign-licence --licence seat ada grace --org acme\n",
    "  usher bulk plan invite --state prepared --org acme\n",
    "  usher bulk confirm JOB CONFIRM --org acme          JOB and CONFIRM are shown by the plan\n",
    "  usher bulk show JOB --org acme                     what became of each\n\n",
    "Nothing changes before confirm. USER is an identifier or what somebody signs in by.",
))]
pub struct Bulk {
    #[command(subcommand)]
    action: Action,
    /// The organisation's short name
    #[arg(long, env = "USHER_ORG", default_value = "default", global = true)]
    org: String,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Show what would happen to each, and to the seats
    Plan(Plan),
    /// List plans and what was done, the newest first
    List {
        #[command(flatten)]
        choosing: Box<Choosing>,
    },
    /// Show one, with what became of each
    Show {
        /// Which
        job: String,
    },
    /// Do what a plan says; exit code 4 when something went another way
    Confirm {
        /// Which
        job: String,
        /// What the plan showed as confirm
        confirm: String,
    },
    /// Give a plan up
    Discard {
        /// Which
        job: String,
    },
}

#[derive(Debug, Args)]
struct Plan {
    /// What to do to each
    #[arg(value_enum)]
    operation: Operation,
    /// For whom, in the order in which they have their turn
    #[arg(value_name = "USER", required_unless_present_any = ["filter", "state", "find", "view"])]
    users: Vec<String>,
    /// Everybody who satisfies this filter (RFC 7644 section 3.4.2.2), as in: usher user list --filter
    #[arg(long, conflicts_with = "users")]
    filter: Option<String>,
    /// Everybody in this state
    #[arg(long, conflicts_with = "users")]
    state: Option<String>,
    /// Everybody who is found by this text
    #[arg(long, value_name = "TEXT", conflicts_with = "users")]
    find: Option<String>,
    /// Everybody in this saved view
    #[arg(long, conflicts_with = "users")]
    view: Option<String>,
    /// The group, by name or identifier
    #[arg(long)]
    group: Option<String>,
    /// The role; with --group, one that is held in the group
    #[arg(long)]
    role: Option<String>,
    /// The licence
    #[arg(long)]
    licence: Option<String>,
    /// Who pays for the licence's seat
    #[arg(long)]
    cost_centre: Option<String>,
    /// The resource, as TYPE:NAME or by identifier
    #[arg(long)]
    resource: Option<String>,
    /// Of move: the product takes what they did before along
    #[arg(long)]
    take_history: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Operation {
    AddToGroup,
    RemoveFromGroup,
    GiveRole,
    WithdrawRole,
    AssignLicence,
    FreeLicence,
    Invite,
    Resend,
    RevokeInvitation,
    Suspend,
    Reactivate,
    /// Make --group their home group
    Move,
    AssignResource,
    WithdrawResource,
    /// Delete them for good
    Delete,
}

impl Plan {
    fn document(self) -> Value {
        let name = self.operation.to_possible_value();
        let name = name.map(|value| value.get_name().replace('-', "_"));
        let mut document = json!({ "operation": name, "users": self.users });
        let parts = [
            ("group", self.group),
            ("role", self.role),
            ("licence", self.licence),
            ("cost_centre", self.cost_centre),
            ("resource", self.resource),
            ("filter", self.filter),
            ("state", self.state),
            ("q", self.find),
            ("view", self.view),
        ];
        for (name, part) in parts {
            if let Some(part) = part {
                document[name] = json!(part);
            }
        }
        if self.take_history {
            document["take_history"] = json!(true);
        }
        document
    }
}

/// Between two looks at a job that goes on.
const PAUSE: Duration = Duration::from_millis(500);

impl Bulk {
    /// Runs the action.
    ///
    /// # Errors
    /// [`Failure`]; [`Failure::NeedsPerson`] when a confirmed item went another way than its plan said.
    pub async fn run(self) -> Result<(), Failure> {
        let gateway = Gateway::find(&self.target).await?;
        let asking = Asking {
            jobs: format!("/organisations/{}/bulk", escaped(&self.org)),
            gateway: &gateway,
            json: self.json,
        };
        let outcome = asking.act(self.action).await;
        gateway.close().await?;
        outcome
    }
}

struct Asking<'a> {
    jobs: String,
    gateway: &'a Gateway,
    json: bool,
}

impl Asking<'_> {
    async fn act(&self, action: Action) -> Result<(), Failure> {
        match action {
            Action::Plan(plan) => {
                let payload = Payload::Json(plan.document());
                let job = self.gateway.ask(Method::POST, &self.jobs, payload).await?;
                let job = self.whole(job).await?;
                self.print(&job)?;
                if !self.json {
                    let (id, confirm) = (cell(&job["id"]), cell(&job["confirm"]));
                    writeln!(
                        std::io::stdout(),
                        "\nnothing was changed; do it with: usher bulk confirm {id} {confirm}"
                    )?;
                }
                Ok(())
            }
            Action::List { choosing } => self.list(&choosing).await,
            Action::Show { job } => {
                let job = self.gateway.ask(Method::GET, &self.one(&job), Payload::Empty).await?;
                self.print(&self.whole(job).await?)
            }
            Action::Confirm { job, confirm } => self.confirm(&job, &confirm).await,
            Action::Discard { job } => {
                let path = format!("{}/discard", self.one(&job));
                let job = self.gateway.ask(Method::POST, &path, Payload::Empty).await?;
                if self.json {
                    return Ok(output::json(&mut std::io::stdout(), &job)?);
                }
                Ok(writeln!(std::io::stdout(), "discarded {}", cell(&job["id"]))?)
            }
        }
    }

    fn one(&self, job: &str) -> String {
        format!("{}/{}", self.jobs, escaped(job))
    }

    /// Confirms, and waits until every item has a result.
    async fn confirm(&self, job: &str, confirm: &str) -> Result<(), Failure> {
        let path = format!("{}/confirm", self.one(job));
        let payload = Payload::Json(json!({ "confirm": confirm }));
        let mut done = self.gateway.ask(Method::POST, &path, payload).await?;
        while done["state"] == "running" {
            tokio::time::sleep(PAUSE).await;
            done = self.gateway.ask(Method::GET, &self.one(job), Payload::Empty).await?;
        }
        let done = self.whole(done).await?;
        self.print(&done)?;
        if done["results"] == done["planned"] {
            return Ok(());
        }
        let what = "some items went another way than planned: look at the results, and plan again for those people";
        Err(Failure::NeedsPerson(what.to_owned()))
    }

    /// A job with all of its items.
    async fn whole(&self, mut job: Value) -> Result<Value, Failure> {
        while let Some(next) = job["next"].as_str().map(str::to_owned) {
            let path = format!("{}?limit=1000&after={}", self.one(&cell(&job["id"])), escaped(&next));
            let mut page = self.gateway.ask(Method::GET, &path, Payload::Empty).await?;
            let more = page["items"].take();
            if let (Some(items), Value::Array(more)) = (job["items"].as_array_mut(), more) {
                items.extend(more);
            }
            job["next"] = page["next"].take();
        }
        Ok(job)
    }

    async fn list(&self, choosing: &Choosing) -> Result<(), Failure> {
        let row = |job: &Value| {
            vec![
                cell(&job["id"]),
                cell(&job["created"]),
                cell(&job["task"]["operation"]),
                cell(&job["state"]),
                cell(&job["count"]),
            ]
        };
        let listed = Listed {
            gateway: self.gateway,
            organisation: self.jobs.trim_end_matches("/bulk"),
            list: List::Jobs,
            json: self.json,
        };
        let heading = &["ID", "PLANNED", "OPERATION", "STATE", "PEOPLE"];
        choosing.print(listed, &self.jobs, &[], (heading, &row)).await
    }

    fn print(&self, job: &Value) -> Result<(), Failure> {
        let mut out = std::io::stdout();
        if self.json {
            return Ok(output::json(&mut out, job)?);
        }
        let items = job["items"].as_array().map_or(&[][..], Vec::as_slice);
        let rows: Vec<Vec<String>> = items.iter().map(row).collect();
        output::table(
            &mut out,
            &["PERSON", "PLAN", "RESULT", "WHAT CHANGES, OR WHY NOT"],
            &rows,
        )?;
        let seats = job["seats"].as_array().map_or(&[][..], Vec::as_slice);
        for seat in seats {
            writeln!(
                out,
                "licence {}: {} seats in use, {} afterwards, of {}",
                cell(&seat["licence"]),
                cell(&seat["used"]),
                cell(&seat["used_after"]),
                cell(&seat["limit"]),
            )?;
        }
        for warning in job["warnings"].as_array().into_iter().flatten() {
            writeln!(out, "note: {}", cell(warning))?;
        }
        let tally = |name: &str| {
            let tally = &job[name];
            let part = |name: &str| cell(&tally[name]);
            format!(
                "{} change, {} stay as they are, {} refused, {} changed since the plan",
                part("change"),
                part("nothing"),
                part("refused"),
                part("stale"),
            )
        };
        writeln!(
            out,
            "job {}, {}: {}",
            cell(&job["id"]),
            cell(&job["state"]),
            tally("planned")
        )?;
        if !job["results"].is_null() {
            writeln!(out, "results: {}", tally("results"))?;
        }
        Ok(())
    }
}

/// The person, the plan, the result, and what changes or why nothing does.
fn row(item: &Value) -> Vec<String> {
    let names = ["user_name", "named", "user"].map(|name| &item[name]);
    let person = names
        .into_iter()
        .find(|name| !name.is_null())
        .map_or_else(String::new, cell);
    let reasons = ["result", "planned"].map(|name| &item[name]["reason"]);
    let reason = reasons.into_iter().find(|reason| !reason.is_null());
    let effect = item["effect"].as_object().into_iter().flatten();
    let effect: Vec<String> = effect
        .map(|(name, value)| match value {
            Value::Array(list) => {
                let list: Vec<String> = list.iter().map(cell).collect();
                format!("{} {}", name.replace('_', " "), list.join(", "))
            }
            Value::Bool(_) => name.replace('_', " "),
            value => format!("{} {}", name.replace('_', " "), cell(value)),
        })
        .collect();
    vec![
        person,
        cell(&item["planned"]["outcome"]),
        cell(&item["result"]["outcome"]),
        reason.map_or_else(|| effect.join("; "), cell),
    ]
}
