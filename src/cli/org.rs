//! `usher org`.

use axum::http::Method;
use clap::{Args, Subcommand};
use serde_json::json;

use super::failure::Failure;
use super::gateway::{Gateway, Payload, escaped};
use super::output::{self, cell};
use super::target::Target;

/// List, show and make organisations (tenants).
#[derive(Debug, Args)]
#[command(after_help = concat!(
    "Examples:\n",
    "  usher org list\n",
    "  usher org show acme --json\n",
    "  usher org create acme --name \"Acme Ltd\"\n\n",
    "An organisation is made with its roles, licences and connections by: usher apply FILE",
))]
pub struct Org {
    #[command(subcommand)]
    action: Action,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List organisations
    List,
    /// Show one, with how many users and groups it has
    Show {
        /// Its short name
        org: String,
    },
    /// Make one
    Create {
        /// Its short name, as in URLs
        org: String,
        /// Its name for people
        #[arg(long)]
        name: Option<String>,
    },
}

impl Org {
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
        let mut out = std::io::stdout();
        match &self.action {
            Action::List => {
                let items = gateway.list("/organisations", None).await?;
                if self.json {
                    return Ok(output::json(&mut out, &json!(items))?);
                }
                let rows: Vec<Vec<String>> = items
                    .iter()
                    .map(|org| vec![cell(&org["slug"]), cell(&org["name"]), cell(&org["created"])])
                    .collect();
                Ok(output::table(&mut out, &["ORG", "NAME", "CREATED"], &rows)?)
            }
            Action::Show { org } => {
                let path = format!("/organisations/{}", escaped(org));
                let shown = gateway.ask(Method::GET, &path, Payload::Empty).await?;
                Ok(output::record(&mut out, &shown, self.json)?)
            }
            Action::Create { org, name } => {
                let new = json!({ "slug": org, "name": name });
                let made = gateway.ask(Method::POST, "/organisations", Payload::Json(new)).await?;
                Ok(output::record(&mut out, &made, self.json)?)
            }
        }
    }
}
