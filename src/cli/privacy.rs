//! `usher privacy`.

use std::io::Write as _;

use axum::http::Method;
use clap::{Args, Subcommand};
use serde_json::json;

use super::failure::Failure;
use super::gateway::{Gateway, Payload, escaped};
use super::output::{self, cell};
use super::target::Target;

/// Hand a person's data over, erase it, or leave it alone.
#[derive(Debug, Args)]
#[command(after_help = concat!(
    "Examples:\n",
    "  usher privacy export ada@example.com --org acme > ada.json\n",
    "  usher privacy erase ada@example.com --org acme --confirm ada@example.com\n",
    "  usher privacy restrict ada@example.com --org acme\n\n",
    "USER is a user name or an identifier. Erase a person at the identity provider or directory first, or they come in again.",
))]
pub struct Privacy {
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
    /// Print everything that is held about a person, as JSON
    Export {
        /// Whose
        user: String,
    },
    /// Erase a person for good, from every record
    Erase {
        /// Whom
        user: String,
        /// The user name, typed once more: there is no way back
        #[arg(long, value_name = "USER NAME")]
        confirm: String,
        /// Another name, address or number of the person to look for; may be repeated
        #[arg(long = "also", value_name = "TEXT")]
        names: Vec<String>,
    },
    /// Keep a person's data and use it for nothing: no mails, no exports but the person's own
    Restrict {
        /// Whose
        user: String,
    },
    /// Use it again
    Unrestrict {
        /// Whose
        user: String,
    },
}

impl Privacy {
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
        let one =
            |user: &str, what: &str| format!("/organisations/{}/users/{}/{what}", escaped(&self.org), escaped(user));
        let mut out = std::io::stdout();
        match &self.action {
            Action::Export { user } => {
                let answer = gateway.ask(Method::GET, &one(user, "export"), Payload::Empty).await?;
                Ok(output::json(&mut out, &answer)?)
            }
            Action::Erase { user, confirm, names } => {
                let payload = Payload::Json(json!({ "confirm": confirm, "names": names }));
                let answer = gateway.ask(Method::POST, &one(user, "erase"), payload).await?;
                if self.json {
                    return Ok(output::json(&mut out, &answer)?);
                }
                writeln!(out, "{} is erased", cell(&answer["erased"]))?;
                if answer["looked_for"] == 0 {
                    writeln!(
                        out,
                        "no name of theirs is known any more, so only the identifier was looked for: give names with --also"
                    )?;
                }
                let left = answer["left"].as_array().into_iter().flatten();
                for left in left {
                    let named = if left["name"].is_null() {
                        &left["id"]
                    } else {
                        &left["name"]
                    };
                    let (table, id) = (cell(&left["table"]), cell(named));
                    writeln!(
                        out,
                        "still named in: {table} {id}; look at it, it is not the person's own"
                    )?;
                }
                Ok(())
            }
            Action::Restrict { user } | Action::Unrestrict { user } => {
                let restricted = matches!(self.action, Action::Restrict { .. });
                let payload = Payload::Json(json!({ "restricted": restricted }));
                let answer = gateway.ask(Method::PUT, &one(user, "restriction"), payload).await?;
                Ok(output::record(&mut out, &answer, self.json)?)
            }
        }
    }
}
