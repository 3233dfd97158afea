//! `usher licence`.

mod delete;
mod set;

use axum::http::Method;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::choosing::{Choosing, Listed};
use super::failure::Failure;
use super::gateway::{Gateway, Payload, escaped};
use super::output::{self, cell};
use super::target::Target;
use crate::model::list::List;
use delete::Holders;
use set::Changes;

/// Show licences, their limits, and who holds or waits for a seat; give and take them.
#[derive(Debug, Args)]
#[command(after_help = concat!(
    "Examples:\n",
    "  usher licence list --org acme\n",
    "  usher licence holders pro --org acme --json\n",
    "  usher licence holders pro --org acme --filter 'seat eq \"refused\"' --sort since\n",
    "  usher licence forecast --org acme\n",
    "  usher licence assign pro ada@example.com --org acme\n",
    "  usher licence set pro --limit 40 --org acme\n",
    "  usher licence delete pro --holders take --org acme      shows what it would mean, and how to confirm\n\n",
    "Limits may be declared in an organisation file as well: usher apply FILE",
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
    List {
        /// Only what has this text in its name
        #[arg(long, value_name = "TEXT")]
        find: Option<String>,
        #[command(flatten)]
        choosing: Box<Choosing>,
    },
    /// List everyone who is meant to have a licence, with the state of the seat
    Holders {
        /// The licence's short name
        licence: String,
        /// Only those in this state
        #[arg(long)]
        state: Option<String>,
        #[command(flatten)]
        choosing: Box<Choosing>,
    },
    /// Make a licence, or change what is given
    Set {
        /// The licence's short name
        licence: String,
        #[command(flatten)]
        changes: Changes,
    },
    /// Delete a licence; one that people have or wait for, or that groups give, once it is confirmed
    Delete {
        /// The licence's short name
        licence: String,
        /// What becomes of those who have it or wait for it
        #[arg(long, value_enum, default_value_t)]
        holders: Holders,
        /// The confirmation that was shown with the impact
        #[arg(long, value_name = "CODE")]
        confirm: Option<String>,
    },
    /// Give somebody a licence directly
    Assign {
        /// The licence's short name
        licence: String,
        /// Whom: a user name or an identifier
        user: String,
        /// Who pays: a cost centre's short name; the default one when none is named
        #[arg(long, value_name = "CENTRE")]
        cost_centre: Option<String>,
    },
    /// Have somebody's seat paid for by another cost centre
    Charge {
        /// The licence's short name
        licence: String,
        /// Whose seat: a user name or an identifier
        user: String,
        /// A cost centre's short name; the default one when none is named
        #[arg(long, value_name = "CENTRE")]
        cost_centre: Option<String>,
    },
    /// Show who would need a seat beyond those in use, against what is free
    Forecast {
        #[command(flatten)]
        choosing: Box<Choosing>,
    },
    /// List cost centres, and how many seats each pays for
    CostCentres {
        #[command(flatten)]
        choosing: Box<Choosing>,
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

    fn listed<'a>(&self, gateway: &'a Gateway, organisation: &'a str, list: List) -> Listed<'a> {
        Listed {
            gateway,
            organisation,
            list,
            json: self.json,
        }
    }

    async fn act(&self, gateway: &Gateway) -> Result<(), Failure> {
        let organisation = format!("/organisations/{}", escaped(&self.org));
        let licences = format!("{organisation}/licences");
        match &self.action {
            Action::List { find, choosing } => {
                let listed = self.listed(gateway, &organisation, List::Licences);
                let heading = &["LICENCE", "NAME", "LIMIT", "USED", "WAITING", "WHEN FULL"];
                let more = [("q", find.as_deref())];
                choosing.print(listed, &licences, &more, (heading, &licence_row)).await
            }
            Action::Holders {
                licence,
                state,
                choosing,
            } => {
                let path = format!("{licences}/{}/holders", escaped(licence));
                let listed = self.listed(gateway, &organisation, List::LicenceHolders);
                let heading = &["USER", "STATE", "SEAT", "SINCE", "BECAUSE", "COST CENTRE", "ID"];
                let more = [("state", state.as_deref())];
                choosing.print(listed, &path, &more, (heading, &holder_row)).await
            }
            Action::Forecast { choosing } => {
                let path = format!("{licences}/forecast");
                let listed = self.listed(gateway, &organisation, List::LicenceForecast);
                let heading = FORECAST.map(str::to_uppercase);
                let heading = heading.each_ref().map(String::as_str);
                let row = |item: &Value| columns(item, &FORECAST);
                choosing.print(listed, &path, &[], (&heading, &row)).await
            }
            Action::CostCentres { choosing } => {
                let path = format!("{organisation}/cost-centres");
                let listed = self.listed(gateway, &organisation, List::CostCentres);
                let row = |item: &Value| columns(item, &CENTRES);
                choosing
                    .print(listed, &path, &[], (&["CENTRE", "NAME", "DEFAULT", "SEATS"], &row))
                    .await
            }
            Action::Set { licence, changes } => {
                let known = gateway.list(&licences, None).await?;
                let known = known.iter().find(|known| known["key"] == *licence);
                let payload = Payload::Json(changes.whole(licence, known)?);
                let path = format!("{licences}/{}", escaped(licence));
                let answer = gateway.ask(Method::PUT, &path, payload).await?;
                Ok(output::record(&mut std::io::stdout(), &answer, self.json)?)
            }
            Action::Delete {
                licence,
                holders,
                confirm,
            } => {
                let path = format!("{licences}/{}", escaped(licence));
                delete::delete(gateway, &path, (*holders, confirm.as_deref()), self.json).await
            }
            Action::Assign { .. } | Action::Free { .. } | Action::Charge { .. } => self.change(gateway).await,
        }
    }
}

impl Licence {
    /// Gives, takes or charges a licence, and prints whose it is or was.
    async fn change(&self, gateway: &Gateway) -> Result<(), Failure> {
        let (method, path, payload) = match &self.action {
            Action::Assign {
                licence,
                user,
                cost_centre,
            } => {
                let given = json!({ "licence": licence, "cost_centre": cost_centre });
                (Method::POST, self.of_user(user), Payload::Json(given))
            }
            Action::Charge {
                licence,
                user,
                cost_centre,
            } => {
                let path = format!("{}/{}/cost-centre", self.of_user(user), escaped(licence));
                (Method::PUT, path, Payload::Json(json!({ "cost_centre": cost_centre })))
            }
            Action::Free { licence, user } => {
                let path = format!("{}/{}", self.of_user(user), escaped(licence));
                (Method::DELETE, path, Payload::Empty)
            }
            Action::List { .. }
            | Action::Holders { .. }
            | Action::Forecast { .. }
            | Action::CostCentres { .. }
            | Action::Delete { .. }
            | Action::Set { .. } => return Ok(()),
        };
        let answer = gateway.ask(method, &path, payload).await?;
        Ok(output::record(&mut std::io::stdout(), &answer, self.json)?)
    }

    /// The address of somebody's licences.
    fn of_user(&self, user: &str) -> String {
        format!("/organisations/{}/users/{}/licences", escaped(&self.org), escaped(user))
    }
}

/// The columns of a forecast.
const FORECAST: [&str; 9] = [
    "licence",
    "limit",
    "used",
    "free",
    "prepared",
    "waiting",
    "refused",
    "suspended",
    "short",
];
/// The columns of cost centres.
const CENTRES: [&str; 4] = ["key", "name", "default", "seats"];

fn columns(item: &Value, members: &[&str]) -> Vec<String> {
    members.iter().map(|member| cell(&item[*member])).collect()
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
        cell(&holder["seat"]),
        cell(&holder["since"]),
        cell(&holder["origins"]),
        cell(&holder["cost_centre"]),
        cell(&holder["id"]),
    ]
}
