//! `usher group`.

use axum::http::Method;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::failure::Failure;
use super::gateway::{Gateway, Payload, escaped};
use super::output::{self, cell};
use super::target::Target;

/// List groups and their members.
#[derive(Debug, Args)]
#[command(after_help = concat!(
    "Examples:\n",
    "  usher group list --org acme\n",
    "  usher group show Engineering --org acme\n",
    "  usher group members Engineering --org acme --json\n\n",
    "GROUP is a name or an identifier. Members come from connections: see usher sync.",
))]
pub struct Group {
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
    /// List groups with how many members each has
    List {
        /// At most this many
        #[arg(long)]
        limit: Option<usize>,
    },
    /// Show one
    Show {
        /// Which
        group: String,
    },
    /// List the members of one, with the reasons why they are in it
    Members {
        /// Which
        group: String,
        /// At most this many
        #[arg(long)]
        limit: Option<usize>,
    },
}

/// How an item is shown in a table.
type Row = fn(&Value) -> Vec<String>;

impl Group {
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
        let groups = format!("/organisations/{}/groups", escaped(&self.org));
        let (items, heading, row): (_, &[&str], Row) = match &self.action {
            Action::Show { group } => {
                let path = format!("{groups}/{}", escaped(group));
                let shown = gateway.ask(Method::GET, &path, Payload::Empty).await?;
                return Ok(output::record(&mut std::io::stdout(), &shown, self.json)?);
            }
            Action::List { limit } => {
                let items = gateway.list(&groups, *limit).await?;
                (items, &["GROUP", "KIND", "MEMBERS", "ID"], group_row)
            }
            Action::Members { group, limit } => {
                let path = format!("{groups}/{}/members", escaped(group));
                let items = gateway.list(&path, *limit).await?;
                (items, &["KIND", "ID", "BECAUSE OF", "SINCE"], member_row)
            }
        };
        let mut out = std::io::stdout();
        if self.json {
            return Ok(output::json(&mut out, &json!(items))?);
        }
        let rows: Vec<Vec<String>> = items.iter().map(row).collect();
        Ok(output::table(&mut out, heading, &rows)?)
    }
}

fn group_row(group: &Value) -> Vec<String> {
    ["display_name", "kind", "members", "id"]
        .map(|name| cell(&group[name]))
        .to_vec()
}

fn member_row(member: &Value) -> Vec<String> {
    let origins = member["origins"].as_array().into_iter().flatten();
    let origins: Vec<String> = origins.map(cell).collect();
    vec![
        cell(&member["kind"]),
        cell(&member["id"]),
        origins.join(","),
        cell(&member["since"]),
    ]
}
