//! `usher user`.

pub mod given;
pub mod written;

use std::io::Write as _;

use axum::http::Method;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::choosing::{Choosing, Listed};
use super::credential;
use super::failure::Failure;
use super::gateway::{Gateway, Payload, escaped, tried};
use super::invitation::{Channel, word};
use super::output::{self, cell};
use super::rights;
use super::target::Target;
use crate::model::list::List;
use given::Given;
use written::Written;

/// Find, show, create, change, suspend, invite and delete users.
#[derive(Debug, Args)]
#[command(after_help = concat!(
    "Examples:\n",
    "  usher user list --org acme\n",
    "  usher user list --org acme --find ada\n",
    "  usher user list --org acme --state prepared --sort display_name\n",
    "  usher user list --org acme --filter 'roles eq \"manager\" and attributes.department eq \"Sales\"'\n",
    "  usher user show ada@example.com --org acme --json\n",
    "  usher user create ada@example.com --org acme --given-name Ada --email ada@example.com --licence pro --invite\n",
    "  usher user create ada@example.com --org acme --group Support --role agent --resource number:4930123\n",
    "  usher user update ada@example.com --org acme --set title=Countess --unset nickName\n",
    "  usher user suspend ada@example.com --org acme\n",
    "  usher user invite ada@example.com --org acme      prints the secret once\n",
    "  usher user explain ada@example.com meeting.plan --org acme\n",
    "  usher user set-password ada@example.com --org acme < password.txt\n\n",
    "USER is a login id of any kind, or an identifier.",
))]
pub struct User {
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
    /// List users in the order in which they came
    List {
        /// Only those whose user name is this, or whose e-mail address or display name starts with it
        #[arg(long, value_name = "TEXT")]
        find: Option<String>,
        /// Only those in this state: prepared, invited, enrolled, active, waiting or suspended
        #[arg(long)]
        state: Option<String>,
        #[command(flatten)]
        choosing: Box<Choosing>,
    },
    /// Show one
    Show {
        /// Whom
        user: String,
    },
    /// Make a user: prepared, or invited
    Create {
        /// The user name
        user: String,
        #[command(flatten)]
        written: Box<Written>,
        /// A licence, given directly
        #[arg(long, value_name = "LICENCE")]
        licence: Vec<String>,
        /// The home group: its identifier or name
        #[arg(long, value_name = "GROUP")]
        home: Option<String>,
        #[command(flatten)]
        given: Given,
        /// Make nobody: say what would be made, or what is wrong with it
        #[arg(long)]
        dry_run: bool,
    },
    /// Change or rename a user; what is not named stays
    Update {
        /// Whom
        user: String,
        /// Another user name
        #[arg(long, value_name = "NAME")]
        rename: Option<String>,
        #[command(flatten)]
        written: Box<Written>,
    },
    /// Move a user to another home group; what groups give follows, and a review of the permissions is pending
    Move {
        /// Whom
        user: String,
        /// The new home group: its identifier or name
        #[arg(long, value_name = "GROUP")]
        to: String,
        /// Tell the product to take what was done before along
        #[arg(long)]
        take_history: bool,
    },
    /// Note that the permissions of a user who was moved have been looked at
    ReviewPermissions {
        /// Whose
        user: String,
    },
    /// Block a user, whatever the connections say; seats are given back
    Suspend {
        /// Whom
        user: String,
    },
    /// Lift such a block; seats are taken again
    Reactivate {
        /// Whom
        user: String,
    },
    /// Make an invitation; an earlier one is revoked
    Invite {
        /// Whom
        user: String,
        /// How it reaches the person; by email where there is an address, else by link, when this is missing
        #[arg(long)]
        channel: Option<Channel>,
    },
    /// Withdraw the invitation that is out
    RevokeInvitation {
        /// Whose
        user: String,
    },
    /// List everything that a user may do, with the reasons
    Effective {
        /// Whose
        user: String,
    },
    /// Tell where a permission of a user comes from
    Explain {
        /// Whose
        user: String,
        /// Which, for example meeting.plan
        permission: String,
    },
    /// Tell whether a user can do something, and if not, why
    Eligibility {
        /// Who
        user: String,
        /// What, for example meeting.hold
        action: String,
        /// The group in which it is to be done
        #[arg(long)]
        group: Option<String>,
    },
    /// Delete a user for good
    Delete {
        /// Whom
        user: String,
        /// Do it: there is no way back
        #[arg(long)]
        yes: bool,
    },
    #[command(flatten)]
    Credential(credential::Action),
}

impl User {
    /// Runs the action.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn run(self) -> Result<(), Failure> {
        if let Action::Delete { user, yes: false } = &self.action {
            let what = format!("deleting {user:?} cannot be undone: repeat the command with --yes");
            return Err(Failure::Usage(what));
        }
        let gateway = Gateway::find(&self.target).await?;
        let outcome = self.act(&gateway).await;
        gateway.close().await?;
        outcome
    }

    async fn act(&self, gateway: &Gateway) -> Result<(), Failure> {
        let users = format!("/organisations/{}/users", escaped(&self.org));
        let one = |user: &str| format!("{users}/{}", escaped(user));
        let mut out = std::io::stdout();
        let mut payload = Payload::Empty;
        let (method, path) = match &self.action {
            Action::List { find, state, choosing } => {
                let more = [("q", find.as_deref()), ("state", state.as_deref())];
                let listed = Listed {
                    gateway,
                    organisation: &format!("/organisations/{}", escaped(&self.org)),
                    list: List::Users,
                    json: self.json,
                };
                let heading = &["USER", "NAME", "STATE", "LICENCES", "ID"];
                return choosing.print(listed, &users, &more, (heading, &row)).await;
            }
            Action::Effective { user } => return rights::effective(gateway, &one(user), self.json).await,
            Action::Explain { user, permission } => {
                return rights::explain(gateway, &one(user), permission, self.json).await;
            }
            Action::Eligibility { user, action, group } => {
                return rights::eligibility(gateway, &one(user), action, group.as_deref(), self.json).await;
            }
            Action::Show { user } => (Method::GET, one(user)),
            Action::Create { dry_run, .. } => {
                payload = Payload::Json(self.action.document()?);
                (Method::POST, tried(users, *dry_run))
            }
            Action::Update { user, .. } => {
                payload = Payload::Json(self.action.document()?);
                (Method::PATCH, one(user))
            }
            Action::Move { user, .. } => {
                payload = Payload::Json(self.action.document()?);
                (Method::POST, format!("{}/move", one(user)))
            }
            Action::ReviewPermissions { user } => (Method::POST, format!("{}/review-permissions", one(user))),
            Action::Suspend { user } => (Method::POST, format!("{}/suspend", one(user))),
            Action::Credential(action) => return action.run(gateway, &users, self.json).await,
            Action::Reactivate { user } => (Method::POST, format!("{}/reactivate", one(user))),
            Action::Invite { user, channel } => {
                payload =
                    Payload::Json(channel.map_or_else(|| json!({}), |channel| json!({ "channel": word(channel) })));
                (Method::POST, format!("{}/invite", one(user)))
            }
            Action::RevokeInvitation { user } => (Method::POST, format!("{}/revoke-invitation", one(user))),
            Action::Delete { user, .. } => (Method::DELETE, one(user)),
        };
        let answer = gateway.ask(method, &path, payload).await?;
        match (&self.action, answer) {
            (Action::Delete { user, .. }, _) if self.json => Ok(output::json(&mut out, &json!({ "deleted": user }))?),
            (Action::Delete { user, .. }, _) => Ok(writeln!(out, "{user} is deleted")?),
            (_, answer) => Ok(output::record(&mut out, &answer, self.json)?),
        }
    }
}

impl Action {
    /// What is sent for a user that is made or changed.
    fn document(&self) -> Result<Value, Failure> {
        Ok(match self {
            Self::Create {
                user,
                written,
                licence,
                home,
                given,
                dry_run: _,
            } => {
                let mut document = json!(written.members()?);
                document["user_name"] = json!(user);
                document["licences"] = json!(licence);
                document["home_group"] = json!(home);
                given.add_to(&mut document);
                document
            }
            Self::Update { rename, written, .. } => {
                let mut patch = json!(written.members()?);
                if let Some(name) = rename {
                    patch["user_name"] = json!(name);
                }
                patch
            }
            Self::Move { to, take_history, .. } => json!({ "to": to, "take_history": take_history }),
            _ => Value::Null,
        })
    }
}

fn row(user: &Value) -> Vec<String> {
    let licences = user["licences"].as_object();
    let licences: Vec<&str> = licences.into_iter().flatten().map(|(key, _)| key.as_str()).collect();
    vec![
        cell(&user["user_name"]),
        cell(&user["display_name"]),
        cell(&user["state"]),
        if licences.is_empty() {
            "-".to_owned()
        } else {
            licences.join(",")
        },
        cell(&user["id"]),
    ]
}
