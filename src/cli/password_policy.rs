//! `usher password-policy`.

use axum::http::Method;
use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::failure::Failure;
use super::gateway::{Gateway, Payload, escaped};
use super::output;
use super::target::Target;

/// Show and change what an organisation asks of passwords and sign-ins.
#[derive(Debug, Args)]
#[command(after_help = concat!(
    "Examples:\n",
    "  usher password-policy show --org acme\n",
    "  usher password-policy impact --org acme --min-length 12 --mfa administrators\n",
    "  usher password-policy set --org acme --min-length 12 --mfa administrators\n\n",
    "What is not given stays as it is. Lock-out and sessions are declared in an organisation file: usher apply FILE",
))]
pub struct PasswordPolicy {
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
    /// Show the policy
    Show,
    /// Show how many people it touches, or would touch with other settings
    Impact(Criteria),
    /// Change it
    Set {
        #[command(flatten)]
        criteria: Criteria,
        /// How many of the last passwords are not taken again
        #[arg(long)]
        history: Option<u32>,
        /// Whether a password that an administrator set must be changed at the next sign-in
        #[arg(long)]
        change_after_set: Option<bool>,
    },
}

/// What passwords and people are held to.
#[derive(Debug, Args)]
struct Criteria {
    /// Whether criteria are asked at all
    #[arg(long)]
    enabled: Option<bool>,
    /// Characters at least
    #[arg(long)]
    min_length: Option<u32>,
    /// Whether an upper-case letter is needed
    #[arg(long)]
    upper: Option<bool>,
    /// Whether a lower-case letter is needed
    #[arg(long)]
    lower: Option<bool>,
    /// Whether a digit is needed
    #[arg(long)]
    digit: Option<bool>,
    /// Whether a symbol is needed
    #[arg(long)]
    symbol: Option<bool>,
    /// Whether login names must not be inside
    #[arg(long)]
    not_user_name: Option<bool>,
    /// Days after which a password must be changed; 0 for never
    #[arg(long)]
    max_age_days: Option<u32>,
    /// Who needs a second factor: off, administrators or all
    #[arg(long)]
    mfa: Option<String>,
}

impl Criteria {
    /// What was given.
    fn given(&self) -> Map<String, Value> {
        let all = [
            ("enabled", json!(self.enabled)),
            ("min_length", json!(self.min_length)),
            ("upper", json!(self.upper)),
            ("lower", json!(self.lower)),
            ("digit", json!(self.digit)),
            ("symbol", json!(self.symbol)),
            ("not_user_name", json!(self.not_user_name)),
            ("max_age_days", json!(self.max_age_days)),
            ("mfa", json!(self.mfa)),
        ];
        let given = all.into_iter().filter(|(_, value)| !value.is_null());
        given.map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

impl PasswordPolicy {
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
        let path = format!("/organisations/{}/password-policy", escaped(&self.org));
        let shown = match &self.action {
            Action::Show => gateway.ask(Method::GET, &path, Payload::Empty).await?,
            Action::Impact(criteria) => {
                let given = criteria.given();
                let query: Vec<String> = given
                    .iter()
                    .map(|(name, value)| format!("{name}={}", escaped(&output::cell(value))))
                    .collect();
                let path = format!("{path}/impact?{}", query.join("&"));
                gateway.ask(Method::GET, &path, Payload::Empty).await?
            }
            Action::Set {
                criteria,
                history,
                change_after_set,
            } => {
                let mut policy = gateway.ask(Method::GET, &path, Payload::Empty).await?;
                if let Some(members) = policy.as_object_mut() {
                    // What the policy says in words is derived from it.
                    members.remove("criteria");
                    members.extend(criteria.given());
                    let further = [
                        ("history", json!(history)),
                        ("change_after_set", json!(change_after_set)),
                    ];
                    let further = further.into_iter().filter(|(_, value)| !value.is_null());
                    members.extend(further.map(|(name, value)| (name.to_owned(), value)));
                }
                gateway.ask(Method::PUT, &path, Payload::Json(policy)).await?
            }
        };
        Ok(output::record(&mut std::io::stdout(), &shown, self.json)?)
    }
}
