//! `usher review`.

use axum::http::Method;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::choosing::{Choosing, Listed};
use super::failure::Failure;
use super::gateway::{Gateway, Payload, escaped};
use super::output::{self, cell};
use super::target::Target;
use crate::model::list as lists;

/// Decide whether identities of a connection are people or groups who are there already.
///
/// A connection whose matching.adoption is "review" links nobody by name or e-mail before an administrator approves it.
#[derive(Debug, Args)]
#[command(after_help = concat!(
    "Examples:\n",
    "  usher review list entra --org acme\n",
    "  usher review approve entra 3f0c... --org acme    the next request or run links the two\n",
    "  usher review reject entra 3f0c... --org acme     refused until it is withdrawn",
))]
pub struct Review {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show who waits, and what was decided
    List(List),
    /// They are the same: the next request or run links them
    Approve(Decide),
    /// They are not the same: refuse the identity until this is withdrawn
    Reject(Decide),
    /// Take a decision back: the identity waits again
    Withdraw(Decide),
}

#[derive(Debug, Args)]
struct List {
    /// The connection's name
    connection: String,
    #[command(flatten)]
    choosing: Box<Choosing>,
    #[command(flatten)]
    place: Where,
}

#[derive(Debug, Args)]
struct Decide {
    /// The connection's name
    connection: String,
    /// The identity's name on the list
    id: String,
    #[command(flatten)]
    place: Where,
}

#[derive(Debug, Args)]
struct Where {
    /// The organisation's short name
    #[arg(long, env = "USHER_ORG", default_value = "default")]
    org: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

impl Review {
    /// Shows the list, or decides.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn run(self) -> Result<(), Failure> {
        match self.command {
            Command::List(list) => list.run().await,
            Command::Approve(decide) => decide.run(json!("approved")).await,
            Command::Reject(decide) => decide.run(json!("rejected")).await,
            Command::Withdraw(decide) => decide.run(Value::Null).await,
        }
    }
}

impl Where {
    fn path(&self, connection: &str) -> String {
        format!(
            "/organisations/{}/connections/{}/reviews",
            escaped(&self.org),
            escaped(connection)
        )
    }
}

impl List {
    async fn run(self) -> Result<(), Failure> {
        let path = self.place.path(&self.connection);
        let gateway = Gateway::find(&self.place.target).await?;
        let listed = Listed {
            gateway: &gateway,
            organisation: &format!("/organisations/{}", escaped(&self.place.org)),
            list: lists::List::Reviews,
            json: self.place.json,
        };
        let heading = &["ID", "KIND", "NAME", "EXTERNAL ID", "FOUND", "BY", "SINCE", "DECISION"];
        let printed = self.choosing.print(listed, &path, &[], (heading, &row)).await;
        gateway.close().await?;
        printed
    }
}

fn row(review: &Value) -> Vec<String> {
    let mut cells = ["id", "kind", "name", "external_id", "found", "matched", "since"]
        .map(|name| cell(&review[name]))
        .to_vec();
    let decision = &review["decision"]["verdict"];
    cells.push(if decision.is_null() {
        "waits".to_owned()
    } else {
        cell(decision)
    });
    cells
}

impl Decide {
    async fn run(self, verdict: Value) -> Result<(), Failure> {
        let path = self.place.path(&self.connection);
        let gateway = Gateway::find(&self.place.target).await?;
        let payload = Payload::Json(json!({ "id": self.id, "verdict": verdict }));
        let answer = gateway.ask(Method::POST, &path, payload).await;
        gateway.close().await?;
        Ok(output::record(&mut std::io::stdout(), &answer?, self.place.json)?)
    }
}
