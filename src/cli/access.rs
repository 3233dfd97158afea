//! `usher access`.

use axum::http::Method;
use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::failure::Failure;
use super::gateway::{Gateway, Payload, escaped};
use super::output::{self, cell};
use super::target::Target;

/// Whose data a user sees, by area: groups, reports, audio, scoring.
#[derive(Debug, Args)]
#[command(after_help = concat!(
    "Examples:\n",
    "  usher access show ada@example.com --org acme\n",
    "  usher access set ada@example.com report list --group North --group South --org acme\n",
    "  usher access set ada@example.com audio none --org acme\n\n",
    "USER is a user name or an identifier. Each area is saved by itself.",
))]
pub struct Access {
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
    /// Show what a user sees of every area
    Show {
        /// Whom
        user: String,
    },
    /// Say what a user sees of one area
    Set {
        /// Whom
        user: String,
        /// Of what
        #[arg(value_enum)]
        area: Area,
        /// How much
        #[arg(value_enum)]
        mode: Mode,
        /// A group of the list, by name or identifier
        #[arg(long, value_name = "GROUP")]
        group: Vec<String>,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Area {
    /// Groups in lists and filters
    Group,
    /// Reports
    Report,
    /// Recordings to listen to
    Audio,
    /// Conversations to score
    Scoring,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Mode {
    /// Nothing
    None,
    /// Only what is assigned to the user
    Assigned,
    /// The groups that the user is in
    Own,
    /// The groups that are named, and what lies below them
    List,
    /// Everything
    All,
}

impl Access {
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
        let of = |user: &str| format!("/organisations/{}/users/{}/access", escaped(&self.org), escaped(user));
        let answer = match &self.action {
            Action::Show { user } => gateway.ask(Method::GET, &of(user), Payload::Empty).await?,
            Action::Set {
                user,
                area,
                mode,
                group,
            } => {
                let path = format!("{}/{}", of(user), word(*area));
                let seen = json!({ "mode": word(*mode), "groups": group });
                gateway.ask(Method::PUT, &path, Payload::Json(seen)).await?
            }
        };
        let mut out = std::io::stdout();
        if self.json {
            return Ok(output::json(&mut out, &answer)?);
        }
        let rows: Vec<Vec<String>> = answer.as_object().into_iter().flatten().map(row).collect();
        Ok(output::table(&mut out, &["AREA", "SEES", "GROUPS"], &rows)?)
    }
}

fn word(value: impl ValueEnum) -> String {
    let named = value.to_possible_value();
    named.map_or_else(String::new, |value| value.get_name().to_owned())
}

fn row((area, seen): (&String, &Value)) -> Vec<String> {
    let groups = seen["groups"].as_array().into_iter().flatten();
    let groups: Vec<String> = groups.map(cell).collect();
    vec![area.clone(), cell(&seen["mode"]), groups.join(",")]
}
