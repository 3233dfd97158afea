//! `usher resource`.

use std::io::Write as _;

use axum::http::Method;
use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::choosing::{Choosing, Listed};
use super::failure::Failure;
use super::gateway::{Gateway, Payload, escaped};
use super::group_edit::assignment;
use super::output::{self, cell};
use super::target::Target;
use crate::model::list::List;

/// Meeting types, rooms, channels, numbers: make them, and say who has them.
#[derive(Debug, Args)]
#[command(after_help = concat!(
    "Examples:\n",
    "  usher resource types --org acme\n",
    "  usher resource create meeting-type Intake --org acme\n",
    "  usher resource assign meeting-type:Intake --group North --user ada@example.com --org acme\n",
    "  usher resource assign number:+31201234567 --user ada@example.com --set mex=true --org acme\n",
    "  usher resource withdraw --group North meeting-type:Intake meeting-type:Demo --preview --org acme\n",
    "  usher resource of ada@example.com --org acme\n\n",
    "RESOURCE is TYPE:NAME or an identifier. Types are declared in an organisation file, see: usher apply",
))]
pub struct Resource {
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
    /// List types, with how many resources there are of each
    Types,
    /// List resources, with how many users and groups have each
    List {
        /// Of this type only
        #[arg(long = "type", value_name = "TYPE")]
        type_: Option<String>,
        /// Only those that have this text in their name
        #[arg(long, value_name = "TEXT")]
        find: Option<String>,
        #[command(flatten)]
        choosing: Box<Choosing>,
    },
    /// Show one
    Show {
        /// Which
        resource: String,
    },
    /// Make one
    Create {
        /// The type's short name
        #[arg(value_name = "TYPE")]
        type_: String,
        /// Its name, or number
        name: String,
        #[command(flatten)]
        said: Said,
    },
    /// Change one; what is not named stays
    Update {
        /// Which
        resource: String,
        /// Another name
        #[arg(long)]
        name: Option<String>,
        /// Whether anyone can have it
        #[arg(long, value_name = "BOOL")]
        enabled: Option<bool>,
        #[command(flatten)]
        said: Said,
        /// Take away: owner or expires
        #[arg(long, value_name = "NAME", value_parser = ["owner", "expires"])]
        unset: Vec<String>,
    },
    /// Delete one for good
    Delete {
        /// Which
        resource: String,
        /// Do it: there is no way back
        #[arg(long)]
        yes: bool,
    },
    /// List the users and groups that one is assigned to
    Assignments {
        /// Which
        resource: String,
        /// Only those that have this text in their name
        #[arg(long, value_name = "TEXT")]
        find: Option<String>,
        #[command(flatten)]
        choosing: Box<Choosing>,
    },
    /// Assign one, or change what the assignments say
    Assign {
        /// Which
        resource: String,
        #[command(flatten)]
        whom: Whom,
        /// What the assignment says
        #[arg(long, value_name = "NAME=VALUE", value_parser = assignment)]
        set: Vec<(String, Value)>,
    },
    /// Take one away; what comes through a group stays
    Unassign {
        /// Which
        resource: String,
        #[command(flatten)]
        whom: Whom,
    },
    /// Take several from one group at once, all of them or none
    Withdraw {
        /// From which group
        #[arg(long, value_name = "GROUP")]
        group: String,
        /// Which
        #[arg(required = true)]
        resources: Vec<String>,
        /// Show what would be taken and change nothing
        #[arg(long)]
        preview: bool,
    },
    /// List what a user has, with the reasons
    Of {
        /// Whom
        user: String,
    },
}

/// What is said of a resource.
#[derive(Debug, Args)]
struct Said {
    /// Whose it is
    #[arg(long, value_name = "USER")]
    owner: Option<String>,
    /// When it vanishes by itself, such as 2030-01-31T12:00:00Z
    #[arg(long, value_name = "INSTANT")]
    expires: Option<String>,
    /// A setting that the product reads
    #[arg(long, value_name = "NAME=VALUE", value_parser = assignment)]
    setting: Vec<(String, Value)>,
}

impl Said {
    fn document(self) -> Map<String, Value> {
        let mut document = Map::new();
        document.extend(self.owner.map(|owner| ("owner".to_owned(), json!(owner))));
        document.extend(self.expires.map(|expires| ("expires".to_owned(), json!(expires))));
        if !self.setting.is_empty() {
            let settings = Value::Object(self.setting.into_iter().collect());
            document.insert("settings".to_owned(), settings);
        }
        document
    }
}

/// Users and groups.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
struct Whom {
    /// A user
    #[arg(long, value_name = "USER")]
    user: Vec<String>,
    /// A group
    #[arg(long, value_name = "GROUP")]
    group: Vec<String>,
}

/// How an item is shown in a table.
type Row = fn(&Value) -> Vec<String>;

impl Resource {
    /// Runs the action.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn run(self) -> Result<(), Failure> {
        if let Action::Delete { resource, yes: false } = &self.action {
            let what = format!("deleting {resource:?} cannot be undone: repeat the command with --yes");
            return Err(Failure::Usage(what));
        }
        let gateway = Gateway::find(&self.target).await?;
        let asking = Asking {
            organisation: format!("/organisations/{}", escaped(&self.org)),
            gateway: &gateway,
            json: self.json,
        };
        let outcome = asking.act(self.action).await;
        gateway.close().await?;
        outcome
    }
}

struct Asking<'a> {
    organisation: String,
    gateway: &'a Gateway,
    json: bool,
}

impl Asking<'_> {
    async fn act(&self, action: Action) -> Result<(), Failure> {
        match action {
            Action::Types => {
                let path = format!("{}/resource-types", self.organisation);
                let items = self.gateway.list(&path, None).await?;
                self.print(&items, &["TYPE", "NAME", "RESOURCES"], |item| {
                    cells(item, &["key", "name", "resources"])
                })
            }
            Action::List { type_, find, choosing } => {
                let listed = self.listed(List::Resources);
                let path = format!("{}/resources", self.organisation);
                let more = [("type", type_.as_deref()), ("q", find.as_deref())];
                let heading = &["TYPE", "NAME", "USERS", "GROUPS", "ID"];
                let row = |item: &Value| cells(item, &["type", "name", "users", "groups", "id"]);
                choosing.print(listed, &path, &more, (heading, &row)).await
            }
            Action::Assignments {
                resource,
                find,
                choosing,
            } => {
                let path = format!("{}/assignments", self.one(&resource));
                let heading = &["KIND", "NAME", "SINCE", "ATTRIBUTES", "ID"];
                let row = |item: &Value| cells(item, &["kind", "subject", "since", "attributes", "id"]);
                let listed = self.listed(List::ResourceAssignments);
                choosing
                    .print(listed, &path, &[("q", find.as_deref())], (heading, &row))
                    .await
            }
            Action::Of { user } => {
                let path = format!("{}/users/{}/resources", self.organisation, escaped(&user));
                self.table(
                    &path,
                    None,
                    &["TYPE", "NAME", "BECAUSE OF", "ATTRIBUTES", "ID"],
                    |item| cells(item, &["type", "name", "origins", "attributes", "id"]),
                )
                .await
            }
            Action::Show { resource } => self.record(Method::GET, &self.one(&resource), Payload::Empty).await,
            change => self.change(change).await,
        }
    }

    async fn change(&self, action: Action) -> Result<(), Failure> {
        match action {
            Action::Create { type_, name, said } => {
                let mut document = said.document();
                document.insert("type".to_owned(), json!(type_));
                document.insert("name".to_owned(), json!(name));
                let path = format!("{}/resources", self.organisation);
                self.record(Method::POST, &path, Payload::Json(Value::Object(document)))
                    .await
            }
            Action::Update {
                resource,
                name,
                enabled,
                said,
                unset,
            } => {
                let mut document = said.document();
                document.extend(name.map(|name| ("name".to_owned(), json!(name))));
                document.extend(enabled.map(|enabled| ("enabled".to_owned(), json!(enabled))));
                document.extend(unset.into_iter().map(|name| (name, Value::Null)));
                let payload = Payload::Json(Value::Object(document));
                self.record(Method::PATCH, &self.one(&resource), payload).await
            }
            Action::Delete { resource, .. } => {
                let path = self.one(&resource);
                self.gateway.ask(Method::DELETE, &path, Payload::Empty).await?;
                Ok(writeln!(std::io::stdout(), "deleted {resource}")?)
            }
            Action::Assign { resource, whom, set } => {
                let attributes = Value::Object(set.into_iter().collect());
                let document = json!({ "users": whom.user, "groups": whom.group, "attributes": attributes });
                let path = format!("{}/assignments", self.one(&resource));
                self.record(Method::POST, &path, Payload::Json(document)).await
            }
            Action::Unassign { resource, whom } => {
                let users = whom.user.iter().map(|user| ("users", user));
                let groups = whom.group.iter().map(|group| ("groups", group));
                for (kind, subject) in users.chain(groups) {
                    let path = format!("{}/assignments/{kind}/{}", self.one(&resource), escaped(subject));
                    self.gateway.ask(Method::DELETE, &path, Payload::Empty).await?;
                    writeln!(std::io::stdout(), "took {resource} from {subject}")?;
                }
                Ok(())
            }
            Action::Withdraw {
                group,
                resources,
                preview,
            } => self.withdraw(&group, &resources, preview).await,
            // Everything else is handled before.
            _ => Ok(()),
        }
    }

    async fn withdraw(&self, group: &str, resources: &[String], preview: bool) -> Result<(), Failure> {
        let path = format!("{}/groups/{}/resources", self.organisation, escaped(group));
        let document = json!({ "resources": resources, "preview": preview });
        let shown = self.gateway.ask(Method::DELETE, &path, Payload::Json(document)).await?;
        let mut out = std::io::stdout();
        if self.json {
            return Ok(output::json(&mut out, &shown)?);
        }
        let (took, had) = match preview {
            true => ("would take", "would have"),
            false => ("took", "have"),
        };
        for resource in shown["removed"].as_array().into_iter().flatten() {
            let (type_, name) = (cell(&resource["type"]), cell(&resource["name"]));
            writeln!(out, "{took} {type_}:{name} from {group}")?;
        }
        let members = cell(&shown["members"]);
        Ok(writeln!(
            out,
            "{members} members {had} them no longer because of {group}"
        )?)
    }

    fn listed(&self, list: List) -> Listed<'_> {
        Listed {
            gateway: self.gateway,
            organisation: &self.organisation,
            list,
            json: self.json,
        }
    }

    fn one(&self, resource: &str) -> String {
        format!("{}/resources/{}", self.organisation, escaped(resource))
    }

    async fn record(&self, method: Method, path: &str, payload: Payload) -> Result<(), Failure> {
        let shown = self.gateway.ask(method, path, payload).await?;
        Ok(output::record(&mut std::io::stdout(), &shown, self.json)?)
    }

    async fn table(&self, path: &str, limit: Option<usize>, heading: &[&str], row: Row) -> Result<(), Failure> {
        let items = self.gateway.list(path, limit).await?;
        self.print(&items, heading, row)
    }

    fn print(&self, items: &[Value], heading: &[&str], row: Row) -> Result<(), Failure> {
        let mut out = std::io::stdout();
        if self.json {
            return Ok(output::json(&mut out, &json!(items))?);
        }
        let rows: Vec<Vec<String>> = items.iter().map(row).collect();
        Ok(output::table(&mut out, heading, &rows)?)
    }
}

fn cells(item: &Value, names: &[&str]) -> Vec<String> {
    names
        .iter()
        .map(|name| match &item[*name] {
            Value::Array(list) => list.iter().map(cell).collect::<Vec<_>>().join(","),
            value => cell(value),
        })
        .collect()
}
