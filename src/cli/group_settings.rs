//! What `usher group defaults`, `link` and `unlink` say about a group.

use axum::http::Method;
use clap::Subcommand;
use serde_json::{Map, Value, json};

use super::gateway::{Payload, escaped};

/// The actions.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Say what people get whose home group it is and who have none of their own; what is not named is taken away
    Defaults {
        /// Which
        group: String,
        /// The language, as de or pt-BR
        #[arg(long, value_name = "TAG")]
        language: Option<String>,
        /// The time zone, as Europe/Berlin
        #[arg(long, value_name = "ZONE")]
        timezone: Option<String>,
        /// The country of telephone numbers that name none, as +49
        #[arg(long, value_name = "PREFIX")]
        country_prefix: Option<String>,
    },
    /// Put the holders of a role into the group from now on: usher role link from the group's end
    Link {
        /// Which
        group: String,
        /// The role's short name
        role: String,
    },
    /// Take back such a link
    Unlink {
        /// Which
        group: String,
        /// The role's short name
        role: String,
    },
}

impl Action {
    /// The request, below the organisation's groups.
    #[must_use]
    pub fn request(self, groups: &str) -> (Method, String, Payload) {
        let linked = |group: &str, role: &str| format!("{groups}/{}/linked-roles/{}", escaped(group), escaped(role));
        match self {
            Self::Defaults {
                group,
                language,
                timezone,
                country_prefix,
            } => {
                let members = [
                    ("language", language),
                    ("timezone", timezone),
                    ("country_prefix", country_prefix),
                ];
                let named = members.into_iter();
                let document: Map<String, Value> = named
                    .filter_map(|(name, text)| Some((name.to_owned(), json!(text?))))
                    .collect();
                let path = format!("{groups}/{}/defaults", escaped(&group));
                (Method::PUT, path, Payload::Json(Value::Object(document)))
            }
            Self::Link { group, role } => (Method::PUT, linked(&group, &role), Payload::Empty),
            Self::Unlink { group, role } => (Method::DELETE, linked(&group, &role), Payload::Empty),
        }
    }
}
