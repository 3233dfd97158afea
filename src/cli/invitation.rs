//! `usher invitation`.

use axum::http::Method;
use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::choosing::{Choosing, Listed};
use super::failure::Failure;
use super::gateway::{Gateway, Payload, escaped};
use super::output::{self, cell};
use super::target::Target;
use crate::model::list::List;

/// List invitations, send them, send them again, withdraw them.
#[derive(Debug, Args)]
#[command(after_help = concat!(
    "Examples:\n",
    "  usher invitation send ada@example.com grace@example.com --org acme\n",
    "  usher invitation send --all-prepared --org acme\n",
    "  usher invitation send ada@example.com --channel link      prints the link, to be handed over\n",
    "  usher invitation list --state queued --org acme\n",
    "  usher invitation resend 0197... --org acme\n",
    "  usher invitation revoke 0197... --org acme\n\n",
    "Exit codes of send: 0 everybody is invited, 4 somebody is not; the list says why",
))]
pub struct Invitation {
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

#[derive(Debug, Clone, Copy, ValueEnum)]
enum State {
    Queued,
    Sent,
    Opened,
    Accepted,
    Expired,
    Revoked,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Channel {
    Email,
    Link,
    Sms,
    Whatsapp,
}

/// The word of a choice on the command line.
pub(super) fn word(value: impl ValueEnum) -> String {
    // No variant is hidden, so each has a name.
    value
        .to_possible_value()
        .map(|value| value.get_name().to_owned())
        .unwrap_or_default()
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List invitations in the order in which they were made
    List {
        /// Only those in this state
        #[arg(long)]
        state: Option<State>,
        /// Only those of people with this text in their user name
        #[arg(long, value_name = "TEXT")]
        find: Option<String>,
        #[command(flatten)]
        choosing: Box<Choosing>,
    },
    /// Show one
    Show {
        /// Its identifier
        invitation: String,
    },
    /// Invite people; an earlier invitation is revoked
    Send {
        /// Whom: user names or identifiers
        #[arg(required_unless_present = "all_prepared", conflicts_with = "all_prepared")]
        users: Vec<String>,
        /// Everybody who is prepared
        #[arg(long)]
        all_prepared: bool,
        /// How it reaches them; all but email are handed over by whoever asks
        #[arg(long, default_value = "email")]
        channel: Channel,
    },
    /// Invite the person of an earlier invitation again
    Resend {
        /// The earlier invitation
        invitation: String,
        /// How it reaches the person, when not as before
        #[arg(long)]
        channel: Option<Channel>,
    },
    /// Withdraw an invitation
    Revoke {
        /// Which
        invitation: String,
    },
}

impl Invitation {
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
        let invitations = format!("/organisations/{}/invitations", escaped(&self.org));
        let mut out = std::io::stdout();
        let (path, payload) = match &self.action {
            Action::List { state, find, choosing } => {
                let listed = Listed {
                    gateway,
                    organisation: &format!("/organisations/{}", escaped(&self.org)),
                    list: List::Invitations,
                    json: self.json,
                };
                let state = state.map(word);
                let more = [("state", state.as_deref()), ("q", find.as_deref())];
                let heading = &["INVITATION", "USER", "STATE", "CHANNEL", "OBSTACLE", "EXPIRES"];
                return choosing.print(listed, &invitations, &more, (heading, &row)).await;
            }
            Action::Send {
                users,
                all_prepared,
                channel,
            } => {
                let asked = json!({ "users": users, "all_prepared": all_prepared, "channel": word(*channel) });
                return self.send(gateway, &format!("{invitations}/send"), asked).await;
            }
            Action::Show { invitation } => {
                let path = format!("{invitations}/{}", escaped(invitation));
                let shown = gateway.ask(Method::GET, &path, Payload::Empty).await?;
                return Ok(output::record(&mut out, &shown, self.json)?);
            }
            Action::Resend { invitation, channel } => {
                let way = channel.map_or_else(|| json!({}), |channel| json!({ "channel": word(channel) }));
                (
                    format!("{invitations}/{}/resend", escaped(invitation)),
                    Payload::Json(way),
                )
            }
            Action::Revoke { invitation } => (format!("{invitations}/{}/revoke", escaped(invitation)), Payload::Empty),
        };
        let answer = gateway.ask(Method::POST, &path, payload).await?;
        Ok(output::record(&mut out, &answer, self.json)?)
    }

    /// Asks until everybody was asked for: all who are prepared come in parts.
    async fn send(&self, gateway: &Gateway, path: &str, mut asked: Value) -> Result<(), Failure> {
        let mut items = Vec::new();
        loop {
            let mut answer = gateway.ask(Method::POST, path, Payload::Json(asked.clone())).await?;
            if let Some(more) = answer["items"].as_array_mut() {
                items.append(more);
            }
            match answer["next"].take() {
                Value::Null => break,
                next => asked["after"] = next,
            }
        }
        let mut out = std::io::stdout();
        if self.json {
            output::json(&mut out, &json!(items))?;
        } else {
            let rows: Vec<Vec<String>> = items.iter().map(sent_row).collect();
            output::table(&mut out, &["USER", "STATE", "OBSTACLE", "LINK"], &rows)?;
        }
        let left = items.iter().filter(|item| is_left(item)).count();
        if left == 0 {
            Ok(())
        } else {
            Err(Failure::NeedsPerson(format!(
                "{left} of {} are not on their way: the list says why",
                items.len()
            )))
        }
    }
}

fn is_left(item: &Value) -> bool {
    item.get("refused").is_some() || !item["obstacle"].is_null()
}

fn row(invitation: &Value) -> Vec<String> {
    let user = match &invitation["user_name"] {
        Value::Null => &invitation["user"],
        name => name,
    };
    let rest = ["state", "channel", "obstacle", "expires"].map(|name| cell(&invitation[name]));
    [cell(&invitation["id"]), cell(user)].into_iter().chain(rest).collect()
}

fn sent_row(item: &Value) -> Vec<String> {
    let user = match &item["user_name"] {
        Value::Null => &item["user"],
        name => name,
    };
    let (state, obstacle) = match item.get("refused") {
        Some(refused) => ("refused".to_owned(), cell(refused)),
        None => (cell(&item["state"]), cell(&item["obstacle"])),
    };
    let link = match &item["link"] {
        Value::Null => &item["secret"],
        link => link,
    };
    vec![cell(user), state, obstacle, cell(link)]
}
