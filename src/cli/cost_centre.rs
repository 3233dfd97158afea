//! `usher cost-centre`.

use std::io::Write as _;

use axum::http::Method;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::choosing::{Choosing, Listed};
use super::failure::Failure;
use super::gateway::{Gateway, Payload, escaped};
use super::output::{self, cell};
use super::target::Target;
use crate::model::list::List;

/// Who pays for seats: cost centres, made and changed.
#[derive(Debug, Args)]
#[command(after_help = concat!(
    "Examples:\n",
    "  usher cost-centre list --org acme\n",
    "  usher cost-centre set sales --name Sales --org acme\n",
    "  usher licence charge pro ada@example.com --cost-centre sales --org acme\n\n",
    "One is the default: it pays for every seat that is not charged to another.",
))]
pub struct CostCentre {
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
    /// List cost centres, and how many seats each pays for
    List {
        #[command(flatten)]
        choosing: Box<Choosing>,
    },
    /// Make a cost centre, or change it
    Set {
        /// Its short name
        centre: String,
        /// Its name for people
        #[arg(long)]
        name: String,
        /// It is the default from now on; the default stays the default without this
        #[arg(long)]
        default: bool,
    },
    /// Delete a cost centre that no seat is charged to
    Delete {
        /// Its short name
        centre: String,
    },
}

/// The columns of the list.
const COLUMNS: [&str; 4] = ["key", "name", "default", "seats"];

impl CostCentre {
    /// Runs the action.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn run(self) -> Result<(), Failure> {
        let gateway = Gateway::find(&self.target).await?;
        let outcome = self.act(&gateway).await;
        gateway.close().await?;
        outcome
    }

    async fn act(&self, gateway: &Gateway) -> Result<(), Failure> {
        let centres = format!("/organisations/{}/cost-centres", escaped(&self.org));
        let one = |centre: &str| format!("{centres}/{}", escaped(centre));
        let mut out = std::io::stdout();
        match &self.action {
            Action::List { choosing } => {
                let listed = Listed {
                    gateway,
                    organisation: &format!("/organisations/{}", escaped(&self.org)),
                    list: List::CostCentres,
                    json: self.json,
                };
                let row = |item: &Value| COLUMNS.iter().map(|name| cell(&item[*name])).collect();
                let heading = &["CENTRE", "NAME", "DEFAULT", "SEATS"];
                choosing.print(listed, &centres, &[], (heading, &row)).await
            }
            Action::Set { centre, name, default } => {
                let known = gateway.list(&centres, None).await?;
                let is_default = known
                    .iter()
                    .any(|known| known["key"] == *centre && known["default"] == true);
                let payload = Payload::Json(json!({ "name": name, "default": *default || is_default }));
                let answer = gateway.ask(Method::PUT, &one(centre), payload).await?;
                Ok(output::record(&mut out, &answer, self.json)?)
            }
            Action::Delete { centre } => {
                gateway.ask(Method::DELETE, &one(centre), Payload::Empty).await?;
                if self.json {
                    return Ok(output::json(&mut out, &json!({ "deleted": centre }))?);
                }
                Ok(writeln!(out, "cost centre {centre} is deleted")?)
            }
        }
    }
}
