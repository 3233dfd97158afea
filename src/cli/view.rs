//! `usher view`.

use std::io::Write as _;

use axum::http::Method;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::failure::Failure;
use super::gateway::{Gateway, Payload, escaped};
use super::output::{self, cell};
use super::target::Target;
use crate::model::list::List;

/// Keep filters, orders and columns of lists for next time.
#[derive(Debug, Args)]
#[command(after_help = concat!(
    "Examples:\n",
    "  usher view save users Leavers --state suspended --sort last_modified --descending --org acme\n",
    "  usher view save users Sales --filter 'attributes.department eq \"Sales\"' --columns user_name,state\n",
    "  usher user list --view Sales --org acme\n",
    "  usher view reset users --org acme                drops every view of the list\n\n",
    "LIST is users, groups, members, roles, role-holders, licences, licence-holders, resources,\n",
    "resource-assignments, invitations, guests, guest-links or audit. VIEW is a name or an identifier. Views kept with\n",
    "an administrator token are everyone's.",
))]
pub struct View {
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
    /// List views
    List {
        /// Of this list only
        list: Option<List>,
    },
    /// Show one
    Show {
        /// Of which list
        list: List,
        /// Which
        view: String,
    },
    /// Keep a view, or put another in the place of the one of that name
    Save {
        /// Of which list
        list: List,
        /// What it is called
        view: String,
        #[command(flatten)]
        says: Says,
    },
    /// Drop one
    Delete {
        /// Of which list
        list: List,
        /// Which
        view: String,
    },
    /// Drop every one of a list
    Reset {
        /// Of which list
        list: List,
    },
}

/// What a view says.
#[derive(Debug, Args)]
struct Says {
    /// Only what satisfies this SCIM filter
    #[arg(long, value_name = "FILTER")]
    filter: Option<String>,
    /// Only what is in this state
    #[arg(long)]
    state: Option<String>,
    /// Only what has this text in its name
    #[arg(long, value_name = "TEXT")]
    find: Option<String>,
    /// In the order of this column
    #[arg(long, value_name = "COLUMN")]
    sort: Option<String>,
    /// The greatest first
    #[arg(long, requires = "sort")]
    descending: bool,
    /// The columns to show
    #[arg(long, value_name = "COLUMN", value_delimiter = ',')]
    columns: Vec<String>,
    /// Items a page
    #[arg(long, value_name = "ITEMS")]
    page_size: Option<u16>,
    /// For everyone, also when a person keeps it
    #[arg(long)]
    shared: bool,
}

impl View {
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
        let views = format!("/organisations/{}/views", escaped(&self.org));
        let mut out = std::io::stdout();
        match &self.action {
            Action::List { list } => {
                let path = list.map_or_else(|| views.clone(), |list| format!("{views}?list={list}"));
                let items = gateway.list(&path, None).await?;
                if self.json {
                    return Ok(output::json(&mut out, &json!(items))?);
                }
                let names = ["list", "name", "shared", "filter", "state", "sort"];
                let row = |view: &Value| names.iter().map(|name| cell(&view[*name])).collect();
                let rows: Vec<Vec<String>> = items.iter().map(row).collect();
                let heading = ["LIST", "VIEW", "SHARED", "FILTER", "STATE", "SORT"];
                Ok(output::table(&mut out, &heading, &rows)?)
            }
            Action::Show { list, view } => {
                let found = find(gateway, &views, *list, view).await?;
                Ok(output::record(&mut out, &found, self.json)?)
            }
            Action::Save { list, view, says } => {
                let known = find(gateway, &views, *list, view).await.ok();
                let mut document = says.document(*list, view);
                let (method, path) = match &known {
                    Some(known) if !says.shared || known["shared"] == json!(true) => {
                        document["shared"] = known["shared"].clone();
                        document["name"] = known["name"].clone();
                        (Method::PUT, format!("{views}/{}", cell(&known["id"])))
                    }
                    Some(_) | None => (Method::POST, views),
                };
                let kept = gateway.ask(method, &path, Payload::Json(document)).await?;
                Ok(output::record(&mut out, &kept, self.json)?)
            }
            Action::Delete { list, view } => {
                let found = find(gateway, &views, *list, view).await?;
                let path = format!("{views}/{}", cell(&found["id"]));
                gateway.ask(Method::DELETE, &path, Payload::Empty).await?;
                Ok(writeln!(out, "deleted {view}")?)
            }
            Action::Reset { list } => {
                let path = format!("{views}?list={list}");
                let answer = gateway.ask(Method::DELETE, &path, Payload::Empty).await?;
                Ok(output::record(&mut out, &answer, self.json)?)
            }
        }
    }
}

/// The view of this name or identifier.
async fn find(gateway: &Gateway, views: &str, list: List, named: &str) -> Result<Value, Failure> {
    let items = gateway.list(&format!("{views}?list={list}"), None).await?;
    let is_it = |view: &Value| {
        let name = view["name"].as_str().unwrap_or_default();
        name.to_lowercase() == named.trim().to_lowercase() || view["id"].as_str() == Some(named)
    };
    let found = items.into_iter().find(is_it);
    found.ok_or_else(|| Failure::failed(format!("view {named:?} of {list} does not exist")))
}

impl Says {
    fn document(&self, list: List, name: &str) -> Value {
        json!({
            "name": name,
            "list": list,
            "shared": self.shared,
            "filter": self.filter,
            "state": self.state,
            "q": self.find,
            "sort": self.sort,
            "descending": self.descending,
            "columns": self.columns,
            "page_size": self.page_size,
        })
    }
}
