//! `usher role`.

use std::io::Write as _;
use std::path::PathBuf;

use axum::http::Method;
use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::choosing::{Choosing, Listed};
use super::failure::Failure;
use super::gateway::{Gateway, Payload, escaped};
use super::output::{self, cell};
use super::target::Target;
use crate::model::list::List;

/// List, compare, give, make and delete roles.
#[derive(Debug, Args)]
#[command(after_help = concat!(
    "Examples:\n",
    "  usher role list --org acme\n",
    "  usher role matrix --org acme                          what each role permits, side by side\n",
    "  usher role assign manager ada@example.com --org acme\n",
    "  usher role link telephony Support --org acme          its holders are in the group from now on\n",
    "  usher role delete telephony --org acme                shows what it would mean, and how to confirm\n\n",
    "A role for put is a JSON file with key, name, scope, permissions, includes, group_permissions and so on.",
))]
pub struct Role {
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
    /// List roles with how many people hold each
    List {
        /// Only what has this text in its name
        #[arg(long, value_name = "TEXT")]
        find: Option<String>,
        #[command(flatten)]
        choosing: Box<Choosing>,
    },
    /// Show one
    Show {
        /// Which
        role: String,
    },
    /// Show what every role permits, side by side
    Matrix,
    /// List who holds one, with the reasons
    Holders {
        /// Which
        role: String,
        /// Only those in this state
        #[arg(long)]
        state: Option<String>,
        #[command(flatten)]
        choosing: Box<Choosing>,
    },
    /// Show what giving a role to a user would change, or taking it from one who was given it
    Effect {
        /// Which
        role: String,
        /// Whose, by user name or identifier
        user: String,
    },
    /// Give a role to a user
    Assign {
        /// Which
        role: String,
        /// To whom, by user name or identifier
        user: String,
    },
    /// Take a role from a user that was given this way
    Withdraw {
        /// Which
        role: String,
        /// From whom
        user: String,
    },
    /// Put the holders of a role into a group from now on
    Link {
        /// Which
        role: String,
        /// The group, by name or identifier
        group: String,
    },
    /// Take back such a link; whoever is in the group for no other reason leaves it
    Unlink {
        /// Which
        role: String,
        /// The group
        group: String,
    },
    /// Have a group give the role: its members hold it from now on
    GiveBy {
        /// Which
        role: String,
        /// The group
        group: String,
        /// No longer
        #[arg(long)]
        take: bool,
    },
    /// Make a role, or replace it, from a JSON file
    Put {
        /// The file
        file: PathBuf,
        /// Whoever is given the role as well: a user name or an identifier
        #[arg(long, value_name = "USER")]
        assign: Vec<String>,
    },
    /// Delete a role; without --confirm, show what that would mean
    Delete {
        /// Which
        role: String,
        /// What becomes of the groups that it is linked to
        #[arg(long, value_enum, default_value_t)]
        linked_groups: LinkedGroups,
        /// The confirmation that was shown with the impact
        #[arg(long, value_name = "CODE")]
        confirm: Option<String>,
    },
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum LinkedGroups {
    /// Memberships because of the role alone end
    #[default]
    DropMemberships,
    /// The groups are disabled as well
    DisableGroups,
    /// The groups are deleted as well
    DeleteGroups,
}

impl Role {
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
        let one = |role: &str| format!("{org}/roles/{}", escaped(role));
        let held = |role: &str, user: &str| format!("{org}/users/{}/roles/{}", escaped(user), escaped(role));
        let linked = |role: &str, group: &str| format!("{}/groups/{}", one(role), escaped(group));
        let (method, path) = match &self.action {
            Action::List { find, choosing } => {
                let listed = self.listed(gateway, &org, List::Roles);
                let heading = &["ROLE", "NAME", "SCOPE", "HOLDERS", "AT MOST", "BUILT IN", "ASSIGNABLE"];
                let (path, more) = (format!("{org}/roles"), [("q", find.as_deref())]);
                return choosing.print(listed, &path, &more, (heading, &role_row)).await;
            }
            Action::Matrix => return self.matrix(gateway, &format!("{org}/roles/matrix")).await,
            Action::Holders { role, state, choosing } => {
                let listed = self.listed(gateway, &org, List::RoleHolders);
                let heading = &["USER", "STATE", "BECAUSE OF", "ID"];
                let (path, more) = (format!("{}/holders", one(role)), [("state", state.as_deref())]);
                return choosing.print(listed, &path, &more, (heading, &holder_row)).await;
            }
            Action::Put { file, assign } => return self.put(gateway, &org, file, assign).await,
            Action::Delete {
                role,
                linked_groups,
                confirm,
            } => {
                return self
                    .delete(gateway, &one(role), *linked_groups, confirm.as_deref())
                    .await;
            }
            Action::Show { role } => (Method::GET, one(role)),
            Action::Effect { role, user } => (Method::GET, held(role, user)),
            Action::Assign { role, user } => (Method::PUT, held(role, user)),
            Action::Withdraw { role, user } => (Method::DELETE, held(role, user)),
            Action::Link { role, group } => (Method::PUT, linked(role, group)),
            Action::Unlink { role, group } => (Method::DELETE, linked(role, group)),
            Action::GiveBy { role, group, take } => {
                let path = format!("{}/given-by/{}", one(role), escaped(group));
                (if *take { Method::DELETE } else { Method::PUT }, path)
            }
        };
        let answer = gateway.ask(method, &path, Payload::Empty).await?;
        Ok(output::record(&mut std::io::stdout(), &answer, self.json)?)
    }

    fn listed<'a>(&self, gateway: &'a Gateway, organisation: &'a str, list: List) -> Listed<'a> {
        Listed {
            gateway,
            organisation,
            list,
            json: self.json,
        }
    }

    async fn matrix(&self, gateway: &Gateway, path: &str) -> Result<(), Failure> {
        let answer = gateway.ask(Method::GET, path, Payload::Empty).await?;
        let mut out = std::io::stdout();
        if self.json {
            return Ok(output::json(&mut out, &answer)?);
        }
        let none = Vec::new();
        let roles = answer["roles"].as_array().unwrap_or(&none);
        let names: Vec<String> = roles.iter().map(|role| cell(&role["key"])).collect();
        let mut heading = vec!["PERMISSION"];
        heading.extend(names.iter().map(String::as_str));
        let rows = answer["permissions"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|permission| {
                let action = cell(&permission["action"]);
                let cells = roles.iter().map(|role| {
                    let both = [&role["cells"][&action], &role["linked_cells"][&action]];
                    let reaches = both.into_iter().filter_map(Value::as_array).flatten();
                    let reaches: Vec<String> = reaches.map(cell).collect();
                    match (reaches.is_empty(), role["administers"] == true) {
                        (true, true) => "all".to_owned(),
                        (true, false) => "-".to_owned(),
                        (false, _) => reaches.join(","),
                    }
                });
                std::iter::once(action.clone())
                    .chain(cells.collect::<Vec<_>>())
                    .collect()
            });
        Ok(output::table(&mut out, &heading, &rows.collect::<Vec<Vec<String>>>())?)
    }

    async fn put(
        &self,
        gateway: &Gateway,
        org: &str,
        file: &std::path::Path,
        assign: &[String],
    ) -> Result<(), Failure> {
        let roles = &format!("{org}/roles");
        let wrong = |reason: String| Failure::Usage(format!("role file {}: {reason}", file.display()));
        let text = std::fs::read_to_string(file).map_err(|error| wrong(error.to_string()))?;
        let mut role: Value = serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        let key = role["key"].as_str().map(str::to_owned);
        let key = key.ok_or_else(|| wrong("has no \"key\"".to_owned()))?;
        let listed = gateway.list(roles, None).await?;
        let is_there = listed.iter().any(|known| known["key"] == key);
        let (method, path) = if is_there {
            (Method::PUT, format!("{roles}/{}", escaped(&key)))
        } else {
            // Whoever gets a new role gets it in the same commit.
            role["users"] = json!(assign);
            (Method::POST, roles.to_owned())
        };
        let answer = gateway.ask(method, &path, Payload::Json(role)).await?;
        for user in assign.iter().filter(|_| is_there) {
            let held = format!("{org}/users/{}/roles/{}", escaped(user), escaped(&key));
            gateway.ask(Method::PUT, &held, Payload::Empty).await?;
        }
        Ok(output::record(&mut std::io::stdout(), &answer, self.json)?)
    }

    async fn delete(
        &self,
        gateway: &Gateway,
        role: &str,
        linked_groups: LinkedGroups,
        confirm: Option<&str>,
    ) -> Result<(), Failure> {
        let policy = match linked_groups {
            LinkedGroups::DropMemberships => "drop-memberships",
            LinkedGroups::DisableGroups => "disable-groups",
            LinkedGroups::DeleteGroups => "delete-groups",
        };
        let mut out = std::io::stdout();
        let (method, path) = match confirm {
            None => (Method::GET, format!("{role}/impact?linked_groups={policy}")),
            Some(code) => {
                let path = format!("{role}?linked_groups={policy}&confirm={}", escaped(code));
                (Method::DELETE, path)
            }
        };
        let impact = gateway.ask(method, &path, Payload::Empty).await?;
        output::record(&mut out, &impact, self.json)?;
        if confirm.is_none() && !self.json {
            let code = cell(&impact["confirm"]);
            writeln!(out, "nothing was deleted: repeat the command with --confirm {code}")?;
        }
        Ok(())
    }
}

fn role_row(role: &Value) -> Vec<String> {
    let members = [
        "key",
        "name",
        "scope",
        "holders",
        "max_holders",
        "built_in",
        "assignable",
    ];
    members.map(|name| cell(&role[name])).to_vec()
}

fn holder_row(user: &Value) -> Vec<String> {
    let origins = user["origins"].as_array().into_iter().flatten();
    let origins: Vec<String> = origins.map(cell).collect();
    vec![
        cell(&user["user_name"]),
        cell(&user["state"]),
        origins.join(","),
        cell(&user["id"]),
    ]
}
