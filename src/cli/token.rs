//! `usher token`.

use std::io::Write as _;

use axum::http::Method;
use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::choosing::{Choosing, Listed};
use super::failure::Failure;
use super::gateway::{Gateway, Payload, escaped};
use super::output::{self, cell};
use super::target::Target;
use crate::model::list::List;

/// Issue, list and revoke tokens.
#[derive(Debug, Args)]
#[command(after_help = concat!(
    "Examples:\n",
    "  usher token issue --org acme --connection entra       for an identity provider\n",
    "  usher token issue --org acme --label dashboard        administers the organisation\n",
    "  usher token issue --org acme --user mia               does what mia may do\n",
    "  usher token issue --gateway                           administers the whole gateway\n",
    "  usher token issue --gateway --of acme --of beta       administers these two organisations\n",
    "  usher token list --org acme\n",
    "  usher token revoke 0198c5a2-... --org acme\n\n",
    "Two tokens of one connection may live at once: issue the new one, enter it, revoke the old one.",
))]
pub struct Token {
    #[command(subcommand)]
    action: Action,
    /// The organisation's short name
    #[arg(long, env = "USHER_ORG", default_value = "default", global = true)]
    org: String,
    /// The gateway's own tokens instead of an organisation's
    #[arg(long, global = true)]
    gateway: bool,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a token and print it, once
    Issue {
        /// The SCIM connection that it opens; without it, the organisation's administration
        #[arg(long)]
        connection: Option<String>,
        /// The person whose rights it has, by user name or identifier
        #[arg(long, conflicts_with = "connection")]
        user: Option<String>,
        /// An organisation that it administers, with --gateway: repeat it for each
        #[arg(long, value_name = "ORG")]
        of: Vec<String>,
        /// A note for people
        #[arg(long, default_value = "")]
        label: String,
        /// When it ends (RFC 3339, for example 2030-01-31T00:00:00Z); without it, never
        #[arg(long)]
        expires: Option<DateTime<Utc>>,
    },
    /// List tokens; their secrets are not stored
    List {
        #[command(flatten)]
        choosing: Box<Choosing>,
    },
    /// Make a token worthless at once
    Revoke {
        /// Its identifier
        id: String,
    },
}

impl Token {
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
        let tokens = if self.gateway {
            "/tokens".to_owned()
        } else {
            format!("/organisations/{}/tokens", escaped(&self.org))
        };
        let mut out = std::io::stdout();
        match &self.action {
            Action::Issue {
                connection,
                user,
                of,
                label,
                expires,
            } => {
                let mut new = json!({ "connection": connection, "user": user, "label": label, "expires": expires });
                if !of.is_empty() {
                    if !self.gateway {
                        let what = "--of: a token of several organisations is the gateway's: add --gateway";
                        return Err(Failure::Usage(what.to_owned()));
                    }
                    new["organisations"] = json!(of);
                }
                let made = gateway.ask(Method::POST, &tokens, Payload::Json(new)).await?;
                Ok(output::record(&mut out, &made, self.json)?)
            }
            Action::List { choosing } => {
                let heading = &["ID", "OPENS", "CONNECTION", "USER", "LABEL", "CREATED", "EXPIRES"];
                let listed = Listed {
                    gateway,
                    organisation: &format!("/organisations/{}", escaped(&self.org)),
                    list: List::Tokens,
                    json: self.json,
                };
                choosing.print(listed, &tokens, &[], (heading, &row)).await
            }
            Action::Revoke { id } => {
                let path = format!("{tokens}/{}", escaped(id));
                gateway.ask(Method::DELETE, &path, Payload::Empty).await?;
                if self.json {
                    return Ok(output::json(&mut out, &json!({ "revoked": id }))?);
                }
                Ok(writeln!(out, "token {id} is revoked")?)
            }
        }
    }
}

fn row(token: &Value) -> Vec<String> {
    ["id", "opens", "connection", "user", "label", "created", "expires"]
        .map(|name| cell(&token[name]))
        .to_vec()
}
