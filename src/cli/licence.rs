//! `usher licence`.

use axum::http::Method;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::failure::Failure;
use super::gateway::{Gateway, Payload, escaped};
use super::output::{self, cell};
use super::target::Target;

/// Show licences, their limits, and who holds or waits for a seat; give and take them.
#[derive(Debug, Args)]
#[command(after_help = concat!(
    "Examples:\n",
    "  usher licence list --org acme\n",
    "  usher licence holders pro --org acme --json\n",
    "  usher licence assign pro ada@example.com --org acme\n\n",
    "Limits are declared in an organisation file and changed with: usher apply FILE",
))]
pub struct Licence {
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
    /// List licences with limit, use, and how many people wait
    List,
    /// List everyone who is meant to have a licence, with the state of the seat
    Holders {
        /// The licence's short name
        licence: String,
        /// At most this many
        #[arg(long)]
        limit: Option<usize>,
    },
    /// Give somebody a licence directly
    Assign {
        /// The licence's short name
        licence: String,
        /// Whom: a user name or an identifier
        user: String,
    },
    /// Take a directly given licence away
    Free {
        /// The licence's short name
        licence: String,
        /// From whom: a user name or an identifier
        user: String,
    },
}

impl Licence {
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
        let licences = format!("/organisations/{}/licences", escaped(&self.org));
        let mut out = std::io::stdout();
        let (items, heading, rows): (Vec<Value>, &[&str], Vec<Vec<String>>) = match &self.action {
            Action::List => {
                let mut answer = gateway.ask(Method::GET, &licences, Payload::Empty).await?;
                let items = answer["items"].as_array_mut().map(std::mem::take).unwrap_or_default();
                let rows = items.iter().map(licence_row).collect();
                (
                    items,
                    &["LICENCE", "NAME", "LIMIT", "USED", "WAITING", "WHEN FULL"],
                    rows,
                )
            }
            Action::Holders { licence, limit } => {
                let path = format!("{licences}/{}/holders", escaped(licence));
                let items = gateway.list(&path, *limit).await?;
                let rows = items.iter().map(holder_row).collect();
                (items, &["USER", "STATE", "SEAT", "ID"], rows)
            }
            Action::Assign { licence, user } => {
                let path = self.of_user(user);
                let given = Payload::Json(json!({ "licence": licence }));
                let answer = gateway.ask(Method::POST, &path, given).await?;
                return Ok(output::record(&mut out, &answer, self.json)?);
            }
            Action::Free { licence, user } => {
                let path = format!("{}/{}", self.of_user(user), escaped(licence));
                let answer = gateway.ask(Method::DELETE, &path, Payload::Empty).await?;
                return Ok(output::record(&mut out, &answer, self.json)?);
            }
        };
        if self.json {
            return Ok(output::json(&mut out, &json!(items))?);
        }
        Ok(output::table(&mut out, heading, &rows)?)
    }
}

impl Licence {
    /// The address of somebody's licences.
    fn of_user(&self, user: &str) -> String {
        format!("/organisations/{}/users/{}/licences", escaped(&self.org), escaped(user))
    }
}

fn licence_row(licence: &Value) -> Vec<String> {
    let limit = match &licence["limit"] {
        Value::Null => "none".to_owned(),
        limit => cell(limit),
    };
    vec![
        cell(&licence["key"]),
        cell(&licence["name"]),
        limit,
        cell(&licence["used"]),
        cell(&licence["waiting"]),
        cell(&licence["when_full"]),
    ]
}

fn holder_row(holder: &Value) -> Vec<String> {
    vec![
        cell(&holder["user_name"]),
        cell(&holder["state"]),
        cell(&holder["claim"]["seat"]),
        cell(&holder["id"]),
    ]
}
