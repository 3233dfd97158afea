//! Why an edge exists. An edge (a membership, a role, a seat) lives until its last origin is gone.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::id::GroupId;
use super::slug::Slug;

/// One reason for an edge. Written as `direct`, `default`, `home`, `connection:NAME`, `role:NAME`, `group:ID`, `rule:NAME`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Origin {
    /// A person put it there, in the console, the API or the command line.
    Direct,
    /// The organisation gives it to everyone.
    Default,
    /// A connection's identity provider or directory says so.
    Connection(Slug),
    /// The user holds this role.
    Role(Slug),
    /// The user is in this group.
    Group(GroupId),
    /// A rule of this connection says so.
    Rule(Slug),
    /// The group is the user's home group (S004-35).
    Home,
}

/// The reasons for one edge.
pub type Origins = BTreeSet<Origin>;

/// The text names no origin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an origin")]
pub struct NotAnOrigin(String);

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Direct => f.write_str("direct"),
            Self::Default => f.write_str("default"),
            Self::Home => f.write_str("home"),
            Self::Connection(name) => write!(f, "connection:{name}"),
            Self::Role(role) => write!(f, "role:{role}"),
            Self::Group(group) => write!(f, "group:{group}"),
            Self::Rule(connection) => write!(f, "rule:{connection}"),
        }
    }
}

impl FromStr for Origin {
    type Err = NotAnOrigin;

    fn from_str(text: &str) -> Result<Self, NotAnOrigin> {
        let bad = || NotAnOrigin(text.to_owned());
        match text.split_once(':') {
            None if text == "direct" => Ok(Self::Direct),
            None if text == "default" => Ok(Self::Default),
            None if text == "home" => Ok(Self::Home),
            Some(("connection", name)) => name.parse().map(Self::Connection).map_err(|_| bad()),
            Some(("role", name)) => name.parse().map(Self::Role).map_err(|_| bad()),
            Some(("rule", name)) => name.parse().map(Self::Rule).map_err(|_| bad()),
            Some(("group", id)) => id.parse().map(Self::Group).map_err(|_| bad()),
            _ => Err(bad()),
        }
    }
}

impl TryFrom<String> for Origin {
    type Error = NotAnOrigin;

    fn try_from(text: String) -> Result<Self, NotAnOrigin> {
        text.parse()
    }
}

impl From<Origin> for String {
    fn from(origin: Origin) -> Self {
        origin.to_string()
    }
}
