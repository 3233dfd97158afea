//! `usher connection`.

use std::io::{self, Write};

use axum::http::Method;
use clap::{Args, Subcommand};
use serde_json::Value;

use super::choosing::{Choosing, Listed};
use super::failure::Failure;
use super::gateway::{Gateway, Payload, escaped};
use super::output::{self, cell};
use super::plan;
use super::sync;
use super::target::Target;
use crate::model::list::List;

/// List, show and test connections: the sources of people and groups.
///
/// A test changes nothing. It binds to the directory, reads the ids of everything that a run would read, and says what an
/// operator should put right, on the server or in the settings.
#[derive(Debug, Args)]
#[command(after_help = concat!(
    "Examples:\n",
    "  usher connection list --org acme\n",
    "  usher connection show corp --org acme          its settings, without secrets\n",
    "  usher connection failures corp --org acme      entries that were left as they are, and why\n",
    "  usher connection failures corp --org acme --retry\n",
    "  usher connection test corp --org acme          what works, what does not, what to do about it\n",
    "  usher connection test entra --org acme --json\n\n",
    "Exit codes: 0 it works (there may be advice), 1 the test found a failure,\n",
    "            3 no gateway and no store can be reached",
))]
pub struct Connection {
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
    /// List connections, with how many people each is linked to, and the plans that wait for a person
    List {
        #[command(flatten)]
        choosing: Box<Choosing>,
    },
    /// Show the settings of one
    Show {
        /// The connection's name
        name: String,
    },
    /// List the entries that runs left as they were, and why; or try them again
    ///
    /// With --retry, nothing else is read from the directory, and what works now is applied.
    Failures {
        /// The connection's name
        name: String,
        /// Try them again
        #[arg(long)]
        retry: bool,
        /// Only this person, by the source's identifier
        #[arg(long, value_name = "EXTERNAL ID", requires = "retry", conflicts_with = "group")]
        user: Option<String>,
        /// Only this group, by the source's identifier
        #[arg(long, value_name = "EXTERNAL ID", requires = "retry")]
        group: Option<String>,
    },
    /// Try one out
    Test {
        /// The connection's name
        name: String,
    },
}

impl Connection {
    /// Runs the action.
    ///
    /// # Errors
    /// [`Failure::Failed`] when a test found a failure.
    pub async fn run(self) -> Result<(), Failure> {
        let gateway = Gateway::find(&self.target).await?;
        let outcome = self.act(&gateway).await;
        gateway.close().await?;
        outcome
    }

    async fn act(&self, gateway: &Gateway) -> Result<(), Failure> {
        let connections = format!("/organisations/{}/connections", escaped(&self.org));
        let mut out = io::stdout();
        match &self.action {
            Action::List { choosing } => {
                let heading = &["NAME", "KIND", "ONBOARDING", "SCHEDULE", "LINKED", "HELD PLAN"];
                let listed = Listed {
                    gateway,
                    organisation: &format!("/organisations/{}", escaped(&self.org)),
                    list: List::Connections,
                    json: self.json,
                };
                choosing.print(listed, &connections, &[], (heading, &row)).await
            }
            Action::Show { name } => {
                let path = format!("{connections}/{}", escaped(name));
                let found = gateway.ask(Method::GET, &path, Payload::Empty).await?;
                Ok(output::record(&mut out, &found, self.json)?)
            }
            Action::Failures {
                name,
                retry,
                user,
                group,
            } => {
                let connection = format!("{connections}/{}", escaped(name));
                if !retry {
                    return sync::failures(gateway, &connection, self.json).await;
                }
                let only = match (user, group) {
                    (Some(id), _) => format!("?kind=user&external_id={}", escaped(id)),
                    (None, Some(id)) => format!("?kind=group&external_id={}", escaped(id)),
                    (None, None) => String::new(),
                };
                let path = format!("{connection}/failures/retry{only}");
                let report = gateway.lines(Method::POST, &path, |_| Ok(())).await?;
                match self.json {
                    true => output::json(&mut out, &report),
                    false => plan::show(&mut out, &report, None),
                }?;
                Ok(())
            }
            Action::Test { name } => {
                let path = format!("{connections}/{}/test", escaped(name));
                let report = gateway.lines(Method::POST, &path, |_| Ok(())).await?;
                if self.json {
                    output::json(&mut out, &report)?;
                } else {
                    show(&mut out, &report)?;
                }
                out.flush()?;
                if report["verdict"] == "failure" {
                    let what = format!("connection {name} does not work as it is; the lines marked FAILURE say why");
                    return Err(Failure::Failed(what));
                }
                Ok(())
            }
        }
    }
}

fn row(connection: &Value) -> Vec<String> {
    ["name", "kind", "onboarding", "schedule", "linked", "held"]
        .map(|name| cell(&connection[name]))
        .to_vec()
}

/// The findings a line each, with the cure below; then what a run would ask for.
fn show(out: &mut dyn Write, report: &Value) -> io::Result<()> {
    let findings = report["findings"].as_array();
    for finding in findings.into_iter().flatten() {
        let mark = match finding["verdict"].as_str() {
            Some("failure") => "FAILURE",
            Some("advice") => "advice",
            _ => "ok",
        };
        writeln!(
            out,
            "{mark:<8} {:<9}  {}",
            cell(&finding["place"]),
            cell(&finding["text"])
        )?;
        if let Some(cure) = finding["cure"].as_str() {
            writeln!(out, "{:<8} {:<9}  -> {cure}", "", "")?;
        }
    }
    for search in report["reads"].as_array().into_iter().flatten() {
        let attributes: Vec<String> = search["attributes"]
            .as_array()
            .into_iter()
            .flatten()
            .map(cell)
            .collect();
        writeln!(
            out,
            "\n{}: {} entries of {} ({}) by {}, identified by {}\n  attributes: {}",
            cell(&search["place"]),
            cell(&search["entries"]),
            cell(&search["base"]),
            cell(&search["scope"]),
            cell(&search["filter"]),
            cell(&search["stable_id"]),
            attributes.join(", ")
        )?;
    }
    Ok(())
}
