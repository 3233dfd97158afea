//! `usher guest`.

use axum::http::Method;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::choosing::{Choosing, Listed};
use super::failure::Failure;
use super::gateway::{Gateway, Payload, escaped};
use super::output::{self, cell};
use super::target::Target;
use crate::model::list::List;

/// Make, list and shut out guests, and the links by which they join. Guests take no seat.
#[derive(Debug, Args)]
#[command(after_help = concat!(
    "Examples:\n",
    "  usher guest create \"Grace Hopper\" --org acme --email grace@example.org --channel lobby\n",
    "  usher guest link create \"Open day\" --org acme --channel lobby    prints the secret once\n",
    "  usher guest link disable ID --org acme                            who has joined stays",
))]
pub struct Guest {
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
    /// List guests
    List {
        /// Only what has this text in its name
        #[arg(long, value_name = "TEXT")]
        find: Option<String>,
        #[command(flatten)]
        choosing: Box<Choosing>,
    },
    /// Make a guest, and print the guest's secret once
    Create {
        /// What the guest is called
        name: String,
        /// An e-mail address
        #[arg(long, value_name = "ADDRESS")]
        email: Option<String>,
        /// A telephone number
        #[arg(long, value_name = "NUMBER")]
        mobile: Option<String>,
        /// A channel, room or session that the guest may enter
        #[arg(long, value_name = "KEY")]
        channel: Vec<String>,
        /// How the link is to reach the guest: link, qr, email, whatsapp or sms
        #[arg(long, default_value = "link")]
        delivery: String,
    },
    /// Shut a guest out
    Disable {
        /// The guest's identifier
        guest: String,
    },
    /// Delete a guest for good
    Delete {
        /// The guest's identifier
        guest: String,
        /// Do it: there is no way back
        #[arg(long)]
        yes: bool,
    },
    /// Links by which many guests join
    #[command(subcommand)]
    Link(LinkAction),
}

#[derive(Debug, Subcommand)]
enum LinkAction {
    /// List links
    List {
        /// Only what has this text in its name
        #[arg(long, value_name = "TEXT")]
        find: Option<String>,
        #[command(flatten)]
        choosing: Box<Choosing>,
    },
    /// Make a link, and print its secret once
    Create {
        /// What it is for
        name: String,
        /// A channel, room or session that those who join may enter
        #[arg(long, value_name = "KEY")]
        channel: Vec<String>,
        /// Guests who may join by it in all
        #[arg(long, default_value_t = 1000)]
        guests: u32,
        /// When it ends, as in 2030-01-31T12:00:00Z
        #[arg(long, value_name = "TIME")]
        expires: Option<String>,
    },
    /// Close a link; who has joined stays
    Disable {
        /// The link's identifier
        link: String,
    },
}

impl Guest {
    /// Runs the action.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn run(self) -> Result<(), Failure> {
        if let Action::Delete { guest, yes: false } = &self.action {
            let what = format!("deleting {guest:?} cannot be undone: repeat the command with --yes");
            return Err(Failure::Usage(what));
        }
        let gateway = Gateway::find(&self.target).await?;
        let outcome = self.act(&gateway).await;
        gateway.close().await?;
        outcome
    }

    async fn act(&self, gateway: &Gateway) -> Result<(), Failure> {
        let organisation = format!("/organisations/{}", escaped(&self.org));
        let (guests, links) = (format!("{organisation}/guests"), format!("{organisation}/guest-links"));
        let (method, path, payload) = match &self.action {
            Action::List { find, choosing } => {
                let (list, path) = (List::Guests, &guests);
                return self
                    .list(gateway, &organisation, (list, path, GUESTS), find.as_deref(), choosing)
                    .await;
            }
            Action::Link(LinkAction::List { find, choosing }) => {
                let (list, path) = (List::GuestLinks, &links);
                return self
                    .list(gateway, &organisation, (list, path, LINKS), find.as_deref(), choosing)
                    .await;
            }
            Action::Create {
                name,
                email,
                mobile,
                channel,
                delivery,
            } => {
                let document = json!({
                    "name": name, "email": email, "mobile": mobile, "channels": channel, "delivery": delivery,
                });
                (Method::POST, guests, Payload::Json(document))
            }
            Action::Disable { guest } => {
                let path = format!("{guests}/{}/disable", escaped(guest));
                (Method::POST, path, Payload::Empty)
            }
            Action::Delete { guest, .. } => {
                let path = format!("{guests}/{}", escaped(guest));
                (Method::DELETE, path, Payload::Empty)
            }
            Action::Link(LinkAction::Create {
                name,
                channel,
                guests,
                expires,
            }) => {
                let document = json!({ "name": name, "channels": channel, "limit": guests, "expires": expires });
                (Method::POST, links, Payload::Json(document))
            }
            Action::Link(LinkAction::Disable { link }) => {
                let path = format!("{links}/{}/disable", escaped(link));
                (Method::POST, path, Payload::Empty)
            }
        };
        let mut answer = gateway.ask(method, &path, payload).await?;
        if let Action::Delete { guest, .. } = &self.action {
            answer = json!({ "deleted": guest });
        }
        Ok(output::record(&mut std::io::stdout(), &answer, self.json)?)
    }

    async fn list(
        &self,
        gateway: &Gateway,
        organisation: &str,
        (list, path, columns): (List, &str, &[(&str, &str)]),
        find: Option<&str>,
        choosing: &Choosing,
    ) -> Result<(), Failure> {
        let listed = Listed {
            gateway,
            organisation,
            list,
            json: self.json,
        };
        let headings: Vec<&str> = columns.iter().map(|(heading, _)| *heading).collect();
        let row = |item: &Value| columns.iter().map(|(_, member)| cell(&item[*member])).collect();
        choosing.print(listed, path, &[("q", find)], (&headings, &row)).await
    }
}

/// Columns of guests: the heading and the member.
const GUESTS: &[(&str, &str)] = &[
    ("GUEST", "name"),
    ("E-MAIL", "email"),
    ("MOBILE", "mobile"),
    ("ENABLED", "enabled"),
    ("ID", "id"),
];

/// Columns of links.
const LINKS: &[(&str, &str)] = &[
    ("LINK", "name"),
    ("ENABLED", "enabled"),
    ("JOINED", "joined"),
    ("LIMIT", "limit"),
    ("ID", "id"),
];
