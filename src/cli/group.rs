//! `usher group`.

use std::io::Write as _;

use axum::http::Method;
use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::choosing::{Choosing, Listed};
use super::failure::Failure;
use super::gateway::{Gateway, Payload, escaped, tried};
use super::group_edit::{First, Said, take_away};
use super::group_settings;
use super::output::{self, cell};
use super::target::Target;
use crate::model::list::List;

/// Make, change, list and delete groups; put members in and take them out.
#[derive(Debug, Args)]
#[command(after_help = concat!(
    "Examples:\n",
    "  usher group list --org acme --filter 'kind eq \"team\"' --sort members --descending\n",
    "  usher group create Support --kind team --link support --org acme\n",
    "  usher group add Support ada@example.com grace@example.com --org acme\n",
    "  usher group role Support operator ada@example.com --org acme\n",
    "  usher group give Support --role agent --licence pro --org acme\n",
    "  usher group tree --org acme --json\n\n",
    "GROUP is a name or an identifier, USER a user name or an identifier.",
))]
pub struct Group {
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
    /// List groups with how many members each has
    List {
        /// Only those that have this text in their name, code or link
        #[arg(long, value_name = "TEXT")]
        find: Option<String>,
        #[command(flatten)]
        choosing: Box<Choosing>,
    },
    /// Show one
    Show {
        /// Which
        group: String,
    },
    /// Show the tree: each group with its code and what lies below it
    Tree {
        /// Only this group and what lies below it
        #[arg(long, value_name = "GROUP")]
        below: Option<String>,
        /// Disabled groups as well
        #[arg(long)]
        inactive: bool,
    },
    /// Make one
    Create {
        /// Its name
        name: String,
        #[command(flatten)]
        said: Said,
        #[command(flatten)]
        first: First,
        /// Make none: say what would be made, or what is wrong with it
        #[arg(long)]
        dry_run: bool,
    },
    /// Change one; what is not named stays
    Update {
        /// Which
        group: String,
        /// Another name
        #[arg(long)]
        name: Option<String>,
        #[command(flatten)]
        said: Said,
        /// Take away: parent, link, avatar, or an attribute of the organisation's own
        #[arg(long, value_name = "NAME")]
        unset: Vec<String>,
    },
    /// Let a group's rights sleep; nothing is taken away
    Disable {
        /// Which
        group: String,
    },
    /// Put a group's rights in force again
    Enable {
        /// Which
        group: String,
    },
    /// Delete one for good; members lose what they had because of it
    Delete {
        /// Which
        group: String,
        /// Do it: there is no way back
        #[arg(long)]
        yes: bool,
    },
    /// List the members of one, with the reasons why they are in it and their roles in it
    Members {
        /// Which
        group: String,
        #[command(flatten)]
        choosing: Box<Choosing>,
    },
    /// Put users, or other groups, into one
    Add {
        /// Into which
        group: String,
        /// Whom
        #[arg(value_name = "USER")]
        users: Vec<String>,
        /// A group that becomes a member
        #[arg(long = "group", value_name = "GROUP")]
        groups: Vec<String>,
    },
    /// Take a user, or a nested group, out of one; whoever a connection holds in it stays
    Remove {
        /// Out of which
        group: String,
        /// Whom
        member: String,
        /// Also for reasons of connections: the next word of the identity provider may bring the member back
        #[arg(long)]
        managed: bool,
    },
    /// Give members a role in one group, or take it
    Role {
        /// In which
        group: String,
        /// The role's short name
        role: String,
        /// Whose
        #[arg(value_name = "USER", required = true)]
        users: Vec<String>,
        /// Take it
        #[arg(long)]
        take: bool,
    },
    /// Change which roles and licences all members are given
    Give {
        /// Which
        group: String,
        /// A role's short name
        #[arg(long, value_name = "ROLE")]
        role: Vec<String>,
        /// A licence's short name
        #[arg(long, value_name = "LICENCE")]
        licence: Vec<String>,
        /// Take them
        #[arg(long)]
        take: bool,
    },
    /// List the resources that members have because of one
    Resources {
        /// Which
        group: String,
    },
    #[command(flatten)]
    Settings(group_settings::Action),
}

impl Group {
    /// Runs the action.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn run(self) -> Result<(), Failure> {
        if let Action::Delete { group, yes: false } = &self.action {
            let what = format!("deleting {group:?} cannot be undone: repeat the command with --yes");
            return Err(Failure::Usage(what));
        }
        let gateway = Gateway::find(&self.target).await?;
        let asking = Asking {
            groups: format!("/organisations/{}/groups", escaped(&self.org)),
            gateway: &gateway,
            json: self.json,
        };
        let outcome = asking.act(self.action).await;
        gateway.close().await?;
        outcome
    }
}

struct Asking<'a> {
    groups: String,
    gateway: &'a Gateway,
    json: bool,
}

/// How an item is shown in a table.
type Row = fn(&Value) -> Vec<String>;

impl Asking<'_> {
    fn listed(&self, list: List) -> Listed<'_> {
        Listed {
            gateway: self.gateway,
            organisation: self.groups.trim_end_matches("/groups"),
            list,
            json: self.json,
        }
    }

    async fn act(&self, action: Action) -> Result<(), Failure> {
        match action {
            Action::List { find, choosing } => {
                let listed = self.listed(List::Groups);
                let heading = &["GROUP", "KIND", "MEMBERS", "ID"];
                let more = [("q", find.as_deref())];
                choosing.print(listed, &self.groups, &more, (heading, &group_row)).await
            }
            Action::Show { group } => self.record(Method::GET, &self.one(&group), Payload::Empty).await,
            Action::Tree { below, inactive } => self.tree(below, inactive).await,
            Action::Create {
                name,
                said,
                first,
                dry_run,
            } => {
                let mut document = said.document();
                document.insert("display_name".to_owned(), json!(name));
                first.add_to(&mut document);
                let payload = Payload::Json(Value::Object(document));
                let path = tried(self.groups.clone(), dry_run);
                self.record(Method::POST, &path, payload).await
            }
            Action::Update {
                group,
                name,
                said,
                unset,
            } => {
                let mut document: Map<String, Value> = said.document();
                document.extend(name.map(|name| ("display_name".to_owned(), json!(name))));
                take_away(&mut document, unset)?;
                let payload = Payload::Json(Value::Object(document));
                self.record(Method::PATCH, &self.one(&group), payload).await
            }
            Action::Disable { group } => {
                let path = format!("{}/disable", self.one(&group));
                self.record(Method::POST, &path, Payload::Empty).await
            }
            Action::Enable { group } => {
                let path = format!("{}/enable", self.one(&group));
                self.record(Method::POST, &path, Payload::Empty).await
            }
            Action::Delete { group, .. } => {
                self.gateway
                    .ask(Method::DELETE, &self.one(&group), Payload::Empty)
                    .await?;
                Ok(writeln!(std::io::stdout(), "deleted {group}")?)
            }
            Action::Settings(settings) => {
                let (method, path, payload) = settings.request(&self.groups);
                self.record(method, &path, payload).await
            }
            Action::Resources { group } => {
                let path = format!("{}/resources", self.one(&group));
                let items = self.gateway.list(&path, None).await?;
                self.table(&items, &["TYPE", "NAME", "ENABLED", "ID"], resource_row)
            }
            members => self.act_on_members(members).await,
        }
    }

    async fn act_on_members(&self, action: Action) -> Result<(), Failure> {
        match action {
            Action::Members { group, choosing } => {
                let path = format!("{}/members", self.one(&group));
                let heading = &["KIND", "ID", "BECAUSE OF", "ROLES", "SINCE"];
                let listed = self.listed(List::Members);
                choosing.print(listed, &path, &[], (heading, &member_row)).await
            }
            Action::Add { group, users, groups } => {
                let path = format!("{}/members", self.one(&group));
                let payload = Payload::Json(json!({ "users": users, "groups": groups }));
                self.record(Method::POST, &path, payload).await
            }
            Action::Remove { group, member, managed } => {
                let path = format!("{}/members/{}?managed={managed}", self.one(&group), escaped(&member));
                let done = self.gateway.ask(Method::DELETE, &path, Payload::Empty).await?;
                output::record(&mut std::io::stdout(), &done, self.json)?;
                match done["staying"].as_array().and_then(|staying| staying.first()) {
                    Some(staying) => Err(Failure::NeedsPerson(format!(
                        "{member} stays in {group} because of {}: take the role away, or add --managed for a connection",
                        names(&staying["origins"])
                    ))),
                    None => Ok(()),
                }
            }
            Action::Role {
                group,
                role,
                users,
                take,
            } => {
                let path = format!("{}/roles/{}", self.one(&group), escaped(&role));
                let method = if take { Method::DELETE } else { Method::POST };
                self.record(method, &path, Payload::Json(json!({ "users": users })))
                    .await
            }
            Action::Give {
                group,
                role,
                licence,
                take,
            } => {
                let path = format!("{}/gives", self.one(&group));
                let change = json!({ "roles": role, "licences": licence });
                let payload = json!({ (if take { "remove" } else { "add" }): change });
                self.record(Method::POST, &path, Payload::Json(payload)).await
            }
            // Everything else is handled before.
            _ => Ok(()),
        }
    }

    fn one(&self, group: &str) -> String {
        format!("{}/{}", self.groups, escaped(group))
    }

    async fn record(&self, method: Method, path: &str, payload: Payload) -> Result<(), Failure> {
        let shown = self.gateway.ask(method, path, payload).await?;
        Ok(output::record(&mut std::io::stdout(), &shown, self.json)?)
    }

    fn table(&self, items: &[Value], heading: &[&str], row: Row) -> Result<(), Failure> {
        let mut out = std::io::stdout();
        if self.json {
            return Ok(output::json(&mut out, &json!(items))?);
        }
        let rows: Vec<Vec<String>> = items.iter().map(row).collect();
        Ok(output::table(&mut out, heading, &rows)?)
    }

    async fn tree(&self, below: Option<String>, inactive: bool) -> Result<(), Failure> {
        let below = below
            .map(|group| format!("&below={}", escaped(&group)))
            .unwrap_or_default();
        let path = format!("{}/tree?inactive={inactive}{below}", self.groups);
        let tree = self.gateway.ask(Method::GET, &path, Payload::Empty).await?;
        let mut out = std::io::stdout();
        if self.json {
            return Ok(output::json(&mut out, &tree["items"])?);
        }
        let mut rows = Vec::new();
        lay_out(&tree["items"], 0, &mut rows);
        Ok(output::table(&mut out, &["GROUP", "CODE", "KIND", "ID"], &rows)?)
    }
}

/// The rows of a tree, each as far to the right as it is deep.
fn lay_out(nodes: &Value, depth: usize, rows: &mut Vec<Vec<String>>) {
    for node in nodes.as_array().into_iter().flatten() {
        let name = format!("{}{}", "  ".repeat(depth), cell(&node["display_name"]));
        rows.push(vec![name, cell(&node["code"]), cell(&node["kind"]), cell(&node["id"])]);
        lay_out(&node["children"], depth + 1, rows);
    }
}

fn group_row(group: &Value) -> Vec<String> {
    ["display_name", "kind", "members", "id"]
        .map(|name| cell(&group[name]))
        .to_vec()
}

fn resource_row(resource: &Value) -> Vec<String> {
    ["type", "name", "enabled", "id"]
        .map(|name| cell(&resource[name]))
        .to_vec()
}

fn member_row(member: &Value) -> Vec<String> {
    let roles = member["roles"].as_object().into_iter().flatten();
    let roles: Vec<&str> = roles.map(|(role, _)| role.as_str()).collect();
    vec![
        cell(&member["kind"]),
        cell(&member["id"]),
        names(&member["origins"]),
        roles.join(","),
        cell(&member["since"]),
    ]
}

fn names(list: &Value) -> String {
    let names: Vec<String> = list.as_array().into_iter().flatten().map(cell).collect();
    names.join(",")
}
