//! What `usher group create` and `usher group update` say about a group.

use clap::Args;
use serde_json::{Map, Value, json};

use super::failure::Failure;

/// What is said of a group.
#[derive(Debug, Args)]
pub struct Said {
    /// The kind: group, team, unit or room
    #[arg(long)]
    kind: Option<String>,
    /// The group above, by name or identifier
    #[arg(long, value_name = "GROUP")]
    parent: Option<String>,
    /// The name in links
    #[arg(long)]
    link: Option<String>,
    /// The picture: an https:// or data: URL
    #[arg(long, value_name = "URL")]
    avatar: Option<String>,
    /// Whether everyone who is new becomes a member
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    default: Option<bool>,
    /// An attribute of the organisation's own
    #[arg(long, value_name = "NAME=VALUE", value_parser = assignment)]
    set: Vec<(String, Value)>,
}

impl Said {
    /// The members of the document that are named.
    pub fn document(self) -> Map<String, Value> {
        let texts = [
            ("kind", self.kind),
            ("parent", self.parent),
            ("link", self.link),
            ("avatar", self.avatar),
        ];
        let mut document: Map<String, Value> = texts
            .into_iter()
            .filter_map(|(name, text)| Some((name.to_owned(), json!(text?))))
            .collect();
        if let Some(is_default) = self.default {
            document.insert("is_default".to_owned(), json!(is_default));
        }
        if !self.set.is_empty() {
            document.insert("attributes".to_owned(), Value::Object(self.set.into_iter().collect()));
        }
        document
    }
}

/// What a new group begins with: all of it, or no group is made.
#[derive(Debug, Args)]
pub struct First {
    /// A first member: a user name or an identifier
    #[arg(long, value_name = "USER")]
    member: Vec<String>,
    /// A resource that is assigned to it: its identifier, or TYPE:NAME
    #[arg(long, value_name = "RESOURCE")]
    resource: Vec<String>,
}

impl First {
    /// Adds it to the document of a new group.
    pub fn add_to(self, document: &mut Map<String, Value>) {
        document.insert("users".to_owned(), json!(self.member));
        document.insert("resources".to_owned(), json!(self.resource));
    }
}

/// Members of a group's document that can be taken away.
const REMOVABLE: [&str; 3] = ["parent", "link", "avatar"];

/// Adds what is taken away to a merge patch: one of `parent`, `link` and `avatar`, or an attribute of the organisation's own.
///
/// # Errors
/// [`Failure::Usage`] for something that is set at the same time.
pub fn take_away(document: &mut Map<String, Value>, names: Vec<String>) -> Result<(), Failure> {
    for name in names {
        let (place, at) = if REMOVABLE.contains(&name.as_str()) {
            (&mut *document, name)
        } else {
            let attributes = document
                .entry("attributes")
                .or_insert_with(|| Value::Object(Map::new()));
            let Some(attributes) = attributes.as_object_mut() else {
                continue;
            };
            (attributes, name)
        };
        if place.contains_key(&at) {
            return Err(Failure::Usage(format!(
                "{at} is both set and taken away: say one of them"
            )));
        }
        place.insert(at, Value::Null);
    }
    Ok(())
}

/// `NAME=VALUE`; a value that is JSON is taken as it is, any other as text.
///
/// # Errors
/// What is missing.
pub fn assignment(text: &str) -> Result<(String, Value), String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE")?;
    let value = serde_json::from_str(value).unwrap_or_else(|_| json!(value));
    Ok((name.to_owned(), value))
}
