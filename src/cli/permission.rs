//! `usher permission`.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use axum::http::Method;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::choosing::{Choosing, Listed};
use super::failure::Failure;
use super::gateway::{Gateway, Payload, escaped};
use super::output::{self, cell};
use super::target::Target;
use crate::model::list::List;

/// The catalogue of permissions, and permissions given without a role.
#[derive(Debug, Args)]
#[command(after_help = concat!(
    "Examples:\n",
    "  usher permission list --org acme\n",
    "  usher permission grant mia \"call.make;visibility=same-room\" --org acme\n",
    "  usher permission revoke mia \"call.make;visibility=same-room\" --org acme\n",
    "  usher permission defaults --org acme\n\n",
    "A permission is an action, with @self, @group, @subtree or @organisation and ;name=value behind it. For more than one\n",
    "person a role is the better way: usher role. The catalogue is declared by usher apply.",
))]
pub struct Permission {
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
    /// List the catalogue
    List {
        #[command(flatten)]
        choosing: Box<Choosing>,
    },
    /// Show what everyone and every guest may do
    Defaults,
    /// Make a permission of the catalogue, or replace it, from a JSON file
    Put {
        /// The file: key, name, area, parent, reaches, implies, parameters and so on
        file: PathBuf,
    },
    /// Take a permission out of the catalogue
    Delete {
        /// Which
        permission: String,
    },
    /// Say what everyone and every guest may do, from a JSON file
    SetDefaults {
        /// The file: the lists everyone and guests
        file: PathBuf,
    },
    /// Show what a user was given without a role
    Of {
        /// Whom
        user: String,
    },
    /// Give a permission to a user
    Grant {
        /// To whom
        user: String,
        /// Which
        permission: String,
    },
    /// Take back a permission that was given this way
    Revoke {
        /// From whom
        user: String,
        /// Which, exactly as it was given
        permission: String,
    },
}

impl Permission {
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
        let org = format!("/organisations/{}", escaped(&self.org));
        let of = |user: &str| format!("{org}/users/{}/permissions", escaped(user));
        let (method, path, payload) = match &self.action {
            Action::List { choosing } => {
                let listed = Listed {
                    gateway,
                    organisation: &org,
                    list: List::Permissions,
                    json: self.json,
                };
                let heading = &["PERMISSION", "AREA", "CONTAINED IN", "IMPLIES", "NEEDS", "NAME"];
                let path = format!("{org}/permissions");
                return choosing.print(listed, &path, &[], (heading, &row)).await;
            }
            Action::Defaults => (Method::GET, format!("{org}/default-permissions"), Payload::Empty),
            Action::Put { file } => {
                let document = read(file)?;
                let key = document["key"].as_str().unwrap_or_default().to_owned();
                let path = format!("{org}/permissions/{}", escaped(&key));
                (Method::PUT, path, Payload::Json(document))
            }
            Action::Delete { permission } => {
                let path = format!("{org}/permissions/{}", escaped(permission));
                (Method::DELETE, path, Payload::Empty)
            }
            Action::SetDefaults { file } => {
                let path = format!("{org}/default-permissions");
                (Method::PUT, path, Payload::Json(read(file)?))
            }
            Action::Of { user } => (Method::GET, of(user), Payload::Empty),
            Action::Grant { user, permission } => {
                let wanted = json!({ "permission": permission });
                (Method::POST, of(user), Payload::Json(wanted))
            }
            Action::Revoke { user, permission } => {
                let path = format!("{}?permission={}", of(user), escaped(permission));
                (Method::DELETE, path, Payload::Empty)
            }
        };
        let answer = gateway.ask(method, &path, payload).await?;
        let mut out = std::io::stdout();
        let items = answer["items"].as_array().into_iter().flatten();
        match &self.action {
            _ if self.json => Ok(output::json(&mut out, answer.get("items").unwrap_or(&answer))?),
            Action::Delete { permission } => Ok(writeln!(out, "permission {permission} is deleted")?),
            Action::Defaults | Action::SetDefaults { .. } | Action::Put { .. } => {
                Ok(output::record(&mut out, &answer, false)?)
            }
            Action::List { .. } | Action::Of { .. } | Action::Grant { .. } | Action::Revoke { .. } => {
                let rows: Vec<Vec<String>> = items.map(|permission| vec![cell(permission)]).collect();
                output::table(&mut out, &["PERMISSION"], &rows)?;
                if let Some(advice) = answer["advice"]["text"].as_str() {
                    writeln!(out, "{advice}")?;
                }
                Ok(())
            }
        }
    }
}

fn read(file: &Path) -> Result<Value, Failure> {
    let wrong = |reason: String| Failure::Usage(format!("permission file {}: {reason}", file.display()));
    let text = std::fs::read_to_string(file).map_err(|error| wrong(error.to_string()))?;
    serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))
}

fn row(permission: &Value) -> Vec<String> {
    let implied = permission["implies"].as_array().into_iter().flatten();
    let implied: Vec<String> = implied.map(cell).collect();
    vec![
        cell(&permission["key"]),
        cell(&permission["area"]),
        cell(&permission["parent"]),
        implied.join(","),
        cell(&permission["requires_feature"]),
        cell(&permission["name"]),
    ]
}
