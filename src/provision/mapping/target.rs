//! Which attributes of a user a mapping may write, and how a value takes their form (RFC 7643 sections 4.1 and 4.3).

use serde_json::{Map, Value};
use thiserror::Error;

use super::attributes::{CORE, CORE_ATTRIBUTES, ENTERPRISE, ENTERPRISE_ATTRIBUTES, Form};
use super::error::MappingReason;

/// The `type` of a value when the rule names none.
const DEFAULT_TYPE: &str = "work";

/// Why a text names no attribute that a mapping may write.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TargetError {
    /// No such attribute.
    #[error("{name:?} is no attribute that a mapping may write; use one of {known}")]
    Unknown {
        /// The name.
        name: String,
        /// The names that there are.
        known: String,
    },
    /// No such sub-attribute.
    #[error("{attribute} has no sub-attribute {name:?}; use one of {known}")]
    UnknownSub {
        /// The attribute.
        attribute: String,
        /// The name.
        name: String,
        /// The names that there are.
        known: String,
    },
    /// The organisation defines no such attribute.
    #[error(
        "{name:?} is no attribute of this organisation; declare it under [[user_attributes]] in the same file, or use one of {known}"
    )]
    Undeclared {
        /// The name.
        name: String,
        /// The names that there are.
        known: String,
    },
    /// A filter behind an attribute of one value, or in a form that is not understood.
    #[error("{text:?} is not understood; write for example phoneNumbers[type eq \"mobile\"].value")]
    Form {
        /// The text.
        text: String,
    },
}

/// An attribute to write: its place in the user and its form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    extension: Option<&'static str>,
    name: &'static str,
    form: Form,
    kind: Option<String>,
    sub: Option<&'static str>,
}

impl Target {
    /// Reads `displayName`, `name.givenName`, `emails`, `phoneNumbers[type eq "mobile"].value` or
    /// `urn:...:User:department`; case is ignored (RFC 7643 section 2.1).
    ///
    /// # Errors
    /// [`TargetError`] with the names that there are.
    pub fn parse(text: &str) -> Result<Self, TargetError> {
        let text = text.trim();
        let (extension, table, path) = match strip_urn(text, ENTERPRISE) {
            Some(path) => (Some(ENTERPRISE), ENTERPRISE_ATTRIBUTES, path),
            None => (None, CORE_ATTRIBUTES, strip_urn(text, CORE).unwrap_or(text)),
        };
        let form = || TargetError::Form { text: text.to_owned() };
        let (name, kind, sub) = match path.split_once('[') {
            None => match path.split_once('.') {
                Some((name, sub)) => (name, None, Some(sub)),
                None => (path, None, None),
            },
            Some((name, rest)) => {
                let (filter, rest) = rest.split_once(']').ok_or_else(form)?;
                let sub = match rest {
                    "" => None,
                    _ => Some(rest.strip_prefix('.').ok_or_else(form)?),
                };
                (name, Some(type_of(filter).ok_or_else(form)?), sub)
            }
        };
        let found = table.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        let Some((name, attribute_form)) = found.copied() else {
            let known: Vec<&str> = table.iter().map(|(known, _)| *known).collect();
            return Err(TargetError::Unknown {
                name: name.to_owned(),
                known: known.join(", "),
            });
        };
        if kind.is_some() && !matches!(attribute_form, Form::Several(_)) {
            return Err(form());
        }
        let sub = sub.map(|sub| find_sub(name, attribute_form, sub)).transpose()?;
        Ok(Self {
            extension,
            name,
            form: attribute_form,
            kind,
            sub,
        })
    }

    /// Whether this is the user's name, which is kept apart from the other attributes.
    #[must_use]
    pub fn is_user_name(&self) -> bool {
        self.name == "userName"
    }

    /// Whether this is `active`, which is kept apart from the other attributes.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.name == "active"
    }

    /// Whether binary values make sense here.
    #[must_use]
    pub fn takes_binary(&self) -> bool {
        self.name == "photos"
    }

    /// Whether values of several rules add up. Otherwise the first rule that has a value wins.
    #[must_use]
    pub fn is_several(&self) -> bool {
        matches!(self.form, Form::Several(_))
    }

    /// Brings values into the attribute's form and adds them to the user's attributes.
    ///
    /// # Errors
    /// [`MappingReason::Value`] for a value that does not fit.
    pub fn write(&self, attributes: &mut Map<String, Value>, values: Vec<Value>) -> Result<(), MappingReason> {
        let mut own = match self.extension {
            Some(urn) => match attributes.remove(urn) {
                Some(Value::Object(extension)) => extension,
                _ => Map::new(),
            },
            None => std::mem::take(attributes),
        };
        let outcome = self.write_into(&mut own, values);
        match self.extension {
            Some(_) if own.is_empty() => {}
            Some(urn) => {
                attributes.insert(urn.to_owned(), Value::Object(own));
            }
            None => *attributes = own,
        }
        outcome
    }

    fn write_into(&self, own: &mut Map<String, Value>, values: Vec<Value>) -> Result<(), MappingReason> {
        match self.form {
            Form::Text | Form::Boolean => {
                if own.contains_key(self.name) {
                    return Ok(());
                }
                let first = values
                    .into_iter()
                    .map(|value| self.scalar(value))
                    .find_map(Result::transpose);
                if let Some(value) = first.transpose()? {
                    own.insert(self.name.to_owned(), value);
                }
                Ok(())
            }
            Form::Complex(subs) => self.write_complex(own, subs, values),
            Form::Several(subs) => self.write_several(own, subs, values),
        }
    }

    fn write_complex(
        &self,
        own: &mut Map<String, Value>,
        subs: &'static [&'static str],
        values: Vec<Value>,
    ) -> Result<(), MappingReason> {
        let mut complex = match own.remove(self.name) {
            Some(Value::Object(complex)) => complex,
            _ => Map::new(),
        };
        let sub = self.sub.unwrap_or(subs[0]);
        for value in values {
            match value {
                Value::Object(members) if self.sub.is_none() => {
                    for (name, member) in known_members(members, subs) {
                        if let Some(text) = text_of(member)? {
                            complex.entry(name).or_insert(Value::String(text));
                        }
                    }
                }
                value => {
                    if let Some(text) = text_of(value)? {
                        complex.entry(sub).or_insert(Value::String(text));
                    }
                }
            }
        }
        if !complex.is_empty() {
            own.insert(self.name.to_owned(), Value::Object(complex));
        }
        Ok(())
    }

    fn write_several(
        &self,
        own: &mut Map<String, Value>,
        subs: &'static [&'static str],
        values: Vec<Value>,
    ) -> Result<(), MappingReason> {
        let mut items = match own.remove(self.name) {
            Some(Value::Array(items)) => items,
            _ => Vec::new(),
        };
        let kind = self.kind.as_deref().unwrap_or(DEFAULT_TYPE);
        for value in values {
            match value {
                Value::Object(members) if self.sub.is_none() => add_item(&mut items, subs, kind, members)?,
                value => {
                    let sub = self.sub.unwrap_or(subs[0]);
                    if let Some(text) = text_of(value)? {
                        add_text(&mut items, sub, kind, text);
                    }
                }
            }
        }
        if !items.is_empty() {
            own.insert(self.name.to_owned(), Value::Array(items));
        }
        Ok(())
    }

    /// A single value in the attribute's form; `None` when it is blank.
    fn scalar(&self, value: Value) -> Result<Option<Value>, MappingReason> {
        if self.form == Form::Text {
            return Ok(text_of(value)?.map(Value::String));
        }
        let unfit = |found| MappingReason::Value {
            found,
            wanted: "true or false",
        };
        match value {
            Value::Bool(flag) => Ok(Some(flag.into())),
            Value::Null => Ok(None),
            Value::String(text) => match text.trim().to_ascii_lowercase().as_str() {
                "" => Ok(None),
                "true" | "1" => Ok(Some(true.into())),
                "false" | "0" => Ok(Some(false.into())),
                _ => Err(unfit("another text")),
            },
            _ => Err(unfit("another kind of value")),
        }
    }
}

/// Ends a written user: exactly one e-mail address is the primary one, and nothing is left without its value.
pub fn finish(attributes: &mut Map<String, Value>) {
    for (name, form) in CORE_ATTRIBUTES {
        let Form::Several(subs) = form else { continue };
        let Some(Value::Array(items)) = attributes.get_mut(*name) else {
            continue;
        };
        if subs[0] == "value" {
            items.retain(|item| item.get("value").is_some());
        }
        if items.is_empty() {
            attributes.remove(*name);
        }
    }
    let Some(Value::Array(emails)) = attributes.get_mut("emails") else {
        return;
    };
    let primary = emails
        .iter()
        .position(|email| email.get("primary") == Some(&Value::Bool(true)));
    for (index, email) in emails.iter_mut().enumerate() {
        if let Some(email) = email.as_object_mut() {
            email.remove("primary");
            if index == primary.unwrap_or(0) {
                email.insert("primary".to_owned(), true.into());
            }
        }
    }
}

fn strip_urn<'a>(text: &'a str, urn: &str) -> Option<&'a str> {
    let head = text.get(..urn.len())?;
    let rest = text.get(urn.len()..)?.strip_prefix(':')?;
    head.eq_ignore_ascii_case(urn).then_some(rest)
}

/// The text of `type eq "text"`.
fn type_of(filter: &str) -> Option<String> {
    let mut words = filter.trim().splitn(3, ' ');
    let (name, operator, value) = (words.next()?, words.next()?, words.next()?.trim());
    let value = value.strip_prefix('"')?.strip_suffix('"')?;
    let fits = name.eq_ignore_ascii_case("type") && operator.eq_ignore_ascii_case("eq") && !value.is_empty();
    fits.then(|| value.to_owned())
}

fn find_sub(attribute: &'static str, form: Form, name: &str) -> Result<&'static str, TargetError> {
    let subs = match form {
        Form::Complex(subs) | Form::Several(subs) => subs,
        Form::Text | Form::Boolean => &[],
    };
    let found = subs.iter().find(|sub| sub.eq_ignore_ascii_case(name)).copied();
    found.ok_or_else(|| TargetError::UnknownSub {
        attribute: attribute.to_owned(),
        name: name.to_owned(),
        known: if subs.is_empty() {
            "none".to_owned()
        } else {
            subs.join(", ")
        },
    })
}

fn known_members(
    members: Map<String, Value>,
    subs: &'static [&'static str],
) -> impl Iterator<Item = (&'static str, Value)> {
    members.into_iter().filter_map(|(name, member)| {
        let sub = subs.iter().find(|sub| sub.eq_ignore_ascii_case(&name))?;
        Some((*sub, member))
    })
}

fn add_item(
    items: &mut Vec<Value>,
    subs: &'static [&'static str],
    kind: &str,
    members: Map<String, Value>,
) -> Result<(), MappingReason> {
    let mut item = Map::new();
    for (name, member) in known_members(members, subs) {
        match member {
            Value::Bool(flag) if name == "primary" => {
                item.insert(name.to_owned(), flag.into());
            }
            member => {
                if let Some(text) = text_of(member)? {
                    item.insert(name.to_owned(), text.into());
                }
            }
        }
    }
    if !item.is_empty() {
        item.entry("type").or_insert_with(|| kind.into());
        items.push(Value::Object(item));
    }
    Ok(())
}

/// A `value` becomes an item of its own, unless the same one is there; other sub-attributes join the item of their type.
fn add_text(items: &mut Vec<Value>, sub: &'static str, kind: &str, text: String) {
    let is_same_kind = |item: &&mut Value| item.get("type").and_then(Value::as_str) == Some(kind);
    if sub == "value" {
        let folded = text.to_lowercase();
        let mut present = items
            .iter()
            .filter_map(|item| item.get("value").and_then(Value::as_str));
        if present.any(|value| value.to_lowercase() == folded) {
            return;
        }
    } else if let Some(item) = items.iter_mut().find(is_same_kind).and_then(Value::as_object_mut) {
        item.entry(sub).or_insert(Value::String(text));
        return;
    }
    let members = [(sub.to_owned(), text.into()), ("type".to_owned(), kind.into())];
    items.push(Value::Object(Map::from_iter(members)));
}

/// A scalar as trimmed text; `None` when it is blank.
fn text_of(value: Value) -> Result<Option<String>, MappingReason> {
    let unfit = |found| MappingReason::Value {
        found,
        wanted: "a text",
    };
    let text = match value {
        Value::Null => return Ok(None),
        Value::String(text) => text,
        Value::Number(number) => number.to_string(),
        Value::Bool(flag) => flag.to_string(),
        Value::Array(_) => return Err(unfit("a list inside a list")),
        Value::Object(_) => return Err(unfit("a map")),
    };
    let text = text.trim();
    // A NUL ends a text in many a database behind us, and no name needs one.
    Ok((!text.is_empty())
        .then(|| text.replace('\0', ""))
        .filter(|text| !text.is_empty()))
}
