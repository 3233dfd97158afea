//! What `usher user create` and `usher user update` write, as a JSON document.

use clap::Args;
use serde_json::{Map, Value, json};

use crate::cli::failure::Failure;

/// Attributes on the command line.
#[derive(Debug, Default, Args)]
pub struct Written {
    /// The first name
    #[arg(long, value_name = "TEXT")]
    given_name: Option<String>,
    /// The last name
    #[arg(long, value_name = "TEXT")]
    family_name: Option<String>,
    /// The name to show
    #[arg(long, value_name = "TEXT")]
    display_name: Option<String>,
    /// An e-mail address; the first is the primary one. On update, these replace all
    #[arg(long, value_name = "ADDRESS")]
    email: Vec<String>,
    /// Something else to sign in by: an e-mail address or a telephone number as email:ADDRESS, mobile:NUMBER or user_name:NAME. On
    /// update, these replace all
    #[arg(long, value_name = "KIND:VALUE")]
    login: Vec<String>,
    /// Another name; the first is the one that SCIM clients see. On update, these replace all
    #[arg(long, value_name = "TEXT")]
    nickname: Vec<String>,
    /// A word that people are sorted by. On update, these replace all
    #[arg(long, value_name = "TEXT")]
    label: Vec<String>,
    /// The country of telephone numbers that name none, as +49
    #[arg(long, value_name = "PREFIX")]
    country_prefix: Option<String>,
    /// A SCIM attribute as text: title=Engineer, name.middleName=Byron, or with the URN of its schema in front of the name
    #[arg(long, value_name = "NAME=TEXT")]
    set: Vec<String>,
    /// A SCIM attribute to take away
    #[arg(long, value_name = "NAME")]
    unset: Vec<String>,
    /// A SCIM attribute as JSON: phoneNumbers='[{"value":"+49 30 1234"}]'
    #[arg(long, value_name = "NAME=JSON")]
    set_json: Vec<String>,
}

impl Written {
    /// Everything but the user name, as members of the document.
    ///
    /// # Errors
    /// [`Failure::Usage`] for an option that cannot be read.
    pub fn members(&self) -> Result<Map<String, Value>, Failure> {
        let mut members = Map::new();
        let attributes = self.attributes()?;
        if !attributes.is_empty() {
            members.insert("attributes".to_owned(), attributes.into());
        }
        let mut logins = Vec::new();
        for login in &self.login {
            let (kind, value) = login.split_once(':').ok_or_else(|| {
                Failure::Usage(format!(
                    "--login {login:?}: write email:ADDRESS, mobile:NUMBER or user_name:NAME"
                ))
            })?;
            logins.push(json!({ "kind": kind, "value": value }));
        }
        for (name, values) in [
            ("login_ids", logins),
            ("nicknames", self.nickname.iter().map(|name| json!(name)).collect()),
            ("labels", self.label.iter().map(|label| json!(label)).collect()),
        ] {
            if !values.is_empty() {
                members.insert(name.to_owned(), values.into());
            }
        }
        if let Some(prefix) = &self.country_prefix {
            members.insert("country_prefix".to_owned(), json!(prefix));
        }
        Ok(members)
    }

    /// The SCIM attributes.
    fn attributes(&self) -> Result<Map<String, Value>, Failure> {
        let mut attributes = Map::new();
        let named = [
            ("name.givenName", &self.given_name),
            ("name.familyName", &self.family_name),
            ("displayName", &self.display_name),
        ];
        for (name, text) in named {
            if let Some(text) = text {
                put(&mut attributes, name, json!(text));
            }
        }
        if !self.email.is_empty() {
            let first = |at: usize| at == 0;
            let emails = self.email.iter().enumerate();
            let emails: Vec<Value> = emails
                .map(|(at, email)| json!({ "value": email, "type": "work", "primary": first(at) }))
                .collect();
            put(&mut attributes, "emails", json!(emails));
        }
        for text in &self.set {
            let (name, value) = split("--set", text)?;
            put(&mut attributes, name, json!(value));
        }
        for text in &self.set_json {
            let (name, value) = split("--set-json", text)?;
            let value = serde_json::from_str(value)
                .map_err(|error| Failure::Usage(format!("--set-json {name}: the value is not JSON: {error}")))?;
            put(&mut attributes, name, value);
        }
        for name in &self.unset {
            put(&mut attributes, name, Value::Null);
        }
        Ok(attributes)
    }
}

fn split<'a>(option: &str, text: &'a str) -> Result<(&'a str, &'a str), Failure> {
    text.split_once('=')
        .filter(|(name, _)| !name.is_empty())
        .ok_or_else(|| Failure::Usage(format!("{option} {text:?}: write NAME=VALUE")))
}

/// Puts a value at `name`, `name.part` or `urn:...:name.part`.
fn put(attributes: &mut Map<String, Value>, path: &str, value: Value) {
    let (urn, name) = match path.rsplit_once(':') {
        Some((urn, name)) => (Some(urn), name),
        None => (None, path),
    };
    let parts: Vec<&str> = urn.into_iter().chain(name.splitn(2, '.')).collect();
    put_at(attributes, &parts, value);
}

fn put_at(place: &mut Map<String, Value>, path: &[&str], value: Value) {
    let [first, rest @ ..] = path else { return };
    let value = if rest.is_empty() {
        value
    } else {
        let mut inner = match place.remove(*first) {
            Some(Value::Object(inner)) => inner,
            _ => Map::new(),
        };
        put_at(&mut inner, rest, value);
        Value::Object(inner)
    };
    place.insert((*first).to_owned(), value);
}
