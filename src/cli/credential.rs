//! What `usher user` does with what a user signs in with.

use std::io::Write as _;

use axum::http::Method;
use clap::Subcommand;
use serde_json::{Value, json};

use super::failure::Failure;
use super::gateway::{Gateway, Payload, escaped};
use super::output::{self, cell};
use super::prompt;

/// The actions.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Set a password, read from standard input or asked for at the terminal; sessions end
    SetPassword {
        /// Whose
        user: String,
        /// It must be changed at the next sign-in; else as the password policy says
        #[arg(long, conflicts_with = "keep")]
        must_change: bool,
        /// It need not be changed at the next sign-in
        #[arg(long)]
        keep: bool,
    },
    /// Make a link by which the user sets a new password, and print its secret once
    ResetLink {
        /// Whose
        user: String,
        /// Mail it to the user instead
        #[arg(long)]
        mail: bool,
    },
    /// Let a user in again after too many wrong sign-ins
    Unlock {
        /// Whom
        user: String,
    },
    /// Show what is known of how a user signs in
    Credential {
        /// Whose
        user: String,
    },
    /// Take the second factor away, for a lost device
    RemoveSecondFactor {
        /// Whose
        user: String,
    },
    /// List a user's sessions
    Sessions {
        /// Whose
        user: String,
    },
    /// End a user's sessions: one, or all
    EndSessions {
        /// Whose
        user: String,
        /// Only this one
        #[arg(long, value_name = "ID")]
        session: Option<String>,
    },
    /// Note that the product let the user in by single sign-on
    SignedIn {
        /// Whom
        user: String,
    },
}

impl Action {
    /// Runs the action; `users` is the path of the organisation's users.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn run(&self, gateway: &Gateway, users: &str, as_json: bool) -> Result<(), Failure> {
        let (method, user, below) = match self {
            Self::SetPassword { user, .. } => (Method::POST, user, "password"),
            Self::ResetLink { user, .. } => (Method::POST, user, "reset-link"),
            Self::Unlock { user } => (Method::POST, user, "unlock"),
            Self::Credential { user } => (Method::GET, user, "credential"),
            Self::RemoveSecondFactor { user } => (Method::DELETE, user, "second-factor"),
            Self::Sessions { user } => (Method::GET, user, "sessions"),
            Self::EndSessions { user, .. } => (Method::DELETE, user, "sessions"),
            Self::SignedIn { user } => (Method::POST, user, "signed-in"),
        };
        let mut path = format!("{users}/{}/{below}", escaped(user));
        if let Self::EndSessions {
            session: Some(session), ..
        } = self
        {
            path = format!("{path}/{}", escaped(session));
        }
        let payload = match self {
            Self::SetPassword { must_change, keep, .. } => {
                let must_change = (*must_change || *keep).then_some(*must_change);
                let password = prompt::password(user)?;
                Payload::Json(json!({ "password": password.as_str(), "must_change": must_change }))
            }
            Self::ResetLink { mail: true, .. } => Payload::Json(json!({ "channel": "email" })),
            _ => Payload::Empty,
        };
        let answer = gateway.ask(method, &path, payload).await?;
        self.print(user, &answer, as_json)
    }

    fn print(&self, user: &str, answer: &Value, as_json: bool) -> Result<(), Failure> {
        let mut out = std::io::stdout();
        match self {
            Self::Sessions { .. } if !as_json => {
                let items = answer["items"].as_array().into_iter().flatten();
                let columns = ["id", "created", "last_used", "expires", "second_factor"];
                let rows: Vec<Vec<String>> = items
                    .map(|session| columns.iter().map(|column| cell(&session[*column])).collect())
                    .collect();
                let heading = ["SESSION", "CREATED", "LAST USED", "EXPIRES", "SECOND FACTOR"];
                Ok(output::table(&mut out, &heading, &rows)?)
            }
            Self::RemoveSecondFactor { .. } if as_json => Ok(output::json(&mut out, &json!({ "removed": true }))?),
            Self::RemoveSecondFactor { .. } => Ok(writeln!(out, "{user} has no second factor any more")?),
            Self::EndSessions { .. } if answer.is_null() => {
                Ok(output::record(&mut out, &json!({ "ended": 1 }), as_json)?)
            }
            _ => Ok(output::record(&mut out, answer, as_json)?),
        }
    }
}
