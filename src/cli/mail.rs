//! `usher mail`.

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
use crate::config::{Config, Overrides};
use crate::delivery::letter;
use crate::delivery::transport::Transport;
use crate::model::clock::{Clock as _, SystemClock};
use crate::model::id::MailId;
use crate::model::mail::template::Rendered;

/// Look after mail that waits or was given up, and try the mail server out.
#[derive(Debug, Args)]
#[command(after_help = concat!(
    "Examples:\n",
    "  usher mail list --org acme\n",
    "  usher mail list --dead --org acme      what was given up, and why\n",
    "  usher mail retry --all --org acme\n",
    "  usher mail test --to you@example.com --config /etc/usher.toml\n\n",
    "Mail that was handed over is not kept: a list shows what still waits.",
))]
pub struct Mail {
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
    /// List mails that wait, the oldest first
    List {
        /// Those that were given up
        #[arg(long)]
        dead: bool,
        #[command(flatten)]
        choosing: Box<Choosing>,
    },
    /// Try a mail now, or all that were given up
    Retry {
        /// Which
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        mail: Option<String>,
        /// All that were given up
        #[arg(long)]
        all: bool,
    },
    /// Remove a mail that is not to be sent any more
    Discard {
        /// Which
        mail: String,
    },
    /// Send a mail as the configuration says, past the outbox, and say what the mail server answered
    Test {
        /// To whom
        #[arg(long, value_name = "ADDRESS")]
        to: String,
    },
}

impl Mail {
    /// Runs the action.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn run(self) -> Result<(), Failure> {
        if let Action::Test { to } = &self.action {
            return self.test(to).await;
        }
        let gateway = Gateway::find(&self.target).await?;
        let outcome = self.act(&gateway).await;
        gateway.close().await?;
        outcome
    }

    async fn act(&self, gateway: &Gateway) -> Result<(), Failure> {
        let outbox = format!("/organisations/{}/outbox", escaped(&self.org));
        let mut out = std::io::stdout();
        match &self.action {
            Action::List { dead, choosing } => {
                let state = if *dead { "dead" } else { "queued" };
                let listed = Listed {
                    gateway,
                    organisation: &format!("/organisations/{}", escaped(&self.org)),
                    list: List::Mails,
                    json: self.json,
                };
                let heading = &["MAIL", "ABOUT", "TO", "NEXT", "ATTEMPTS", "FAILURE"];
                let more = [("state", Some(state))];
                choosing.print(listed, &outbox, &more, (heading, &row)).await
            }
            Action::Retry { mail: Some(mail), .. } => {
                let path = format!("{outbox}/{}/retry", escaped(mail));
                let answer = gateway.ask(Method::POST, &path, Payload::Empty).await?;
                Ok(output::record(&mut out, &answer, self.json)?)
            }
            Action::Retry { mail: None, .. } => {
                let path = format!("{outbox}/retry");
                let answer = gateway.ask(Method::POST, &path, Payload::Empty).await?;
                Ok(output::record(&mut out, &answer, self.json)?)
            }
            Action::Discard { mail } => {
                let path = format!("{outbox}/{}", escaped(mail));
                gateway.ask(Method::DELETE, &path, Payload::Empty).await?;
                if self.json {
                    return Ok(output::json(&mut out, &json!({ "discarded": mail }))?);
                }
                Ok(writeln!(out, "{mail} is discarded")?)
            }
            Action::Test { to } => self.test(to).await,
        }
    }

    async fn test(&self, to: &str) -> Result<(), Failure> {
        let overrides = Overrides {
            listen: None,
            data: self.target.data.clone(),
        };
        let config = Config::load(self.target.config.as_deref(), overrides)?;
        let transport = Transport::new(&config.mail, &config.store.data).map_err(|e| Failure::Usage(e.to_string()))?;
        let rendered = Rendered {
            subject: "A mail from usher".to_owned(),
            text: "This mail was sent by: usher mail test\n".to_owned(),
            html: None,
        };
        let id = MailId::new(SystemClock.uuid());
        let letter = letter::write(id, &config.mail.sender()?, to, rendered, SystemClock.now())
            .map_err(|error| Failure::Usage(error.to_string()))?;
        let file = transport.hand_over(id, Vec::new(), letter).await.map_err(|refused| {
            let host = config.mail.host.as_deref().unwrap_or("the data folder");
            let port = config.mail.server_port();
            Failure::failed(format!(
                "{host} port {port} did not take the mail: {refused}; look at [mail]"
            ))
        })?;
        let said = match file {
            Some(file) => format!(
                "there is no mail.host in the configuration: the mail is in {}",
                file.display()
            ),
            None => "the mail server took the mail".to_owned(),
        };
        let mut out = std::io::stdout();
        if self.json {
            return Ok(output::json(&mut out, &json!({ "mail": id, "said": said }))?);
        }
        Ok(writeln!(out, "{said}")?)
    }
}

fn row(mail: &Value) -> Vec<String> {
    ["id", "template", "to", "due", "attempts", "failure"]
        .map(|name| cell(&mail[name]))
        .to_vec()
}
