//! Attributes that the organisation defines as targets of a mapping, each with the type that it is declared with.

use serde_json::{Map, Number, Value};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::error::MappingReason;
use super::target::TargetError;
use crate::model::Object;
use crate::model::attribute::AttributePath;
use crate::model::custom_attribute::{CustomSchema, is_custom};
use crate::model::deviation::{Journal, Strictness};
use crate::model::instant::instant;
use crate::model::normalise::{bounded, partial, single};
use crate::model::schema::{Attribute, AttributeType};

/// A custom attribute to write, or one of its sub-attributes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CustomTarget {
    urn: String,
    attribute: Attribute,
    sub: Option<Attribute>,
}

impl CustomTarget {
    /// Reads `urn:...:User:badge` or `urn:...:User:desk.room`; `None` when the text names no custom attribute at all.
    pub(super) fn parse(text: &str, own: Option<&CustomSchema>) -> Option<Result<Self, TargetError>> {
        let text = text.trim();
        let (urn, _) = text.rsplit_once(':')?;
        is_custom(urn).then(|| Self::find(text, own))
    }

    fn find(text: &str, own: Option<&CustomSchema>) -> Result<Self, TargetError> {
        let form = || TargetError::Form { text: text.to_owned() };
        let path: AttributePath = text.parse().map_err(|_| form())?;
        let undeclared = || TargetError::Undeclared {
            name: text.to_owned(),
            known: own.map_or_else(|| "none".to_owned(), names),
        };
        let schema = path.schema.as_deref().unwrap_or_default();
        let own = own
            .filter(|own| own.urn.eq_ignore_ascii_case(schema))
            .ok_or_else(undeclared)?;
        let mut all = own.in_use();
        let declared = all.find(|attribute| attribute.name.eq_ignore_ascii_case(&path.name));
        let attribute = declared.ok_or_else(undeclared)?.definition();
        let sub = match &path.sub {
            None => None,
            Some(name) => {
                let found = attribute.sub_attribute(name).cloned();
                Some(found.ok_or_else(|| TargetError::UnknownSub {
                    attribute: attribute.name.clone(),
                    name: name.clone(),
                    known: subs(&attribute),
                })?)
            }
        };
        Ok(Self {
            urn: own.urn.clone(),
            attribute,
            sub,
        })
    }

    /// Bytes in the attribute's form, if it has one for them.
    pub(super) fn binary(&self, bytes: &[u8]) -> Option<Value> {
        let leaf = self.sub.as_ref().unwrap_or(&self.attribute);
        (leaf.type_ == AttributeType::Binary).then(|| STANDARD.encode(bytes).into())
    }

    /// Brings values into the attribute's type and adds them to the user's attributes. Of an attribute of one value the
    /// first is taken.
    ///
    /// # Errors
    /// [`MappingReason::Unfit`] for a value that is not of the attribute's type.
    pub(super) fn write(&self, attributes: &mut Map<String, Value>, values: Vec<Value>) -> Result<(), MappingReason> {
        let mut extension = match attributes.remove(&self.urn) {
            Some(Value::Object(extension)) => extension,
            _ => Map::new(),
        };
        let outcome = self.write_into(&mut extension, values);
        if !extension.is_empty() {
            attributes.insert(self.urn.clone(), Value::Object(extension));
        }
        outcome
    }

    fn write_into(&self, extension: &mut Object, values: Vec<Value>) -> Result<(), MappingReason> {
        let mut values = values
            .into_iter()
            .map(|value| self.canonical(value))
            .filter_map(Result::transpose);
        let name = &self.attribute.name;
        if self.attribute.multi_valued {
            let mut elements = match extension.get(name) {
                Some(Value::Array(elements)) => elements.clone(),
                _ => Vec::new(),
            };
            for value in values {
                let value = value?;
                if !elements.contains(&value) {
                    elements.push(value);
                }
            }
            bounded(&self.path(), &elements)?;
            if !elements.is_empty() {
                extension.insert(name.clone(), Value::Array(elements));
            }
            return Ok(());
        }
        let Some(first) = values.next().transpose()? else {
            return Ok(());
        };
        match (extension.get_mut(name), first) {
            (Some(Value::Object(known)), Value::Object(more)) => {
                for (name, value) in more {
                    known.entry(name).or_insert(value);
                }
            }
            // The first rule that has a value wins.
            (Some(_), _) => {}
            (None, first) => {
                extension.insert(name.clone(), first);
            }
        }
        Ok(())
    }

    fn path(&self) -> AttributePath {
        AttributePath {
            schema: Some(self.urn.clone()),
            name: self.attribute.name.clone(),
            sub: None,
        }
    }

    /// One value as the schema wants it; `None` when it is blank.
    fn canonical(&self, value: Value) -> Result<Option<Value>, MappingReason> {
        let mut journal = Journal::new(Strictness::Lenient);
        let (attribute, path) = (&self.attribute, self.path());
        if !attribute.is_complex() {
            let typed = typed(attribute.type_, value);
            return Ok(single(&mut journal, attribute, &path, typed)?);
        }
        let object = match (&self.sub, value) {
            (_, Value::Null) => return Ok(None),
            (Some(sub), value) => Value::Object(Map::from_iter([(sub.name.clone(), typed(sub.type_, value))])),
            (None, Value::Object(members)) => {
                let members = members.into_iter().map(|(name, value)| {
                    // A member that the schema does not know is left for it to judge.
                    let value = match attribute.sub_attribute(&name) {
                        Some(sub) => typed(sub.type_, value),
                        None => value,
                    };
                    (name, value)
                });
                Value::Object(members.collect())
            }
            (None, value) => value,
        };
        let read = partial(&mut journal, attribute, &path, object)?;
        Ok((!read.set.is_empty()).then_some(Value::Object(read.set)))
    }
}

fn names(own: &CustomSchema) -> String {
    let names: Vec<String> = own
        .in_use()
        .map(|attribute| format!("{}:{}", own.urn, attribute.name))
        .collect();
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    }
}

fn subs(attribute: &Attribute) -> String {
    let names: Vec<&str> = attribute.sub_attributes.iter().map(|sub| sub.name.as_str()).collect();
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    }
}

/// A value in a type, as far as it can be read so: directories know texts only. What cannot is left for the schema to refuse.
fn typed(type_: AttributeType, value: Value) -> Value {
    let text = match (type_, value) {
        (_, Value::String(text)) => text.trim().replace('\0', ""),
        (AttributeType::String, Value::Number(number)) => return number.to_string().into(),
        (AttributeType::String, Value::Bool(flag)) => return flag.to_string().into(),
        (_, other) => return other,
    };
    if text.is_empty() {
        return Value::Null;
    }
    let read = match type_ {
        AttributeType::Boolean => match text.to_ascii_lowercase().as_str() {
            "true" | "1" => Some(Value::Bool(true)),
            "false" | "0" => Some(Value::Bool(false)),
            _ => None,
        },
        AttributeType::Integer => text.parse::<i64>().ok().map(Value::from),
        AttributeType::Decimal => text.parse().ok().and_then(Number::from_f64).map(Value::Number),
        AttributeType::DateTime if instant(&text).is_none() => generalized_time(&text).map(Value::from),
        AttributeType::String
        | AttributeType::DateTime
        | AttributeType::Binary
        | AttributeType::Reference
        | AttributeType::Complex => None,
    };
    read.unwrap_or(Value::String(text))
}

/// A directory's GeneralizedTime (RFC 4517 section 3.3.13) in UTC as an `xsd:dateTime`.
fn generalized_time(text: &str) -> Option<String> {
    let digits = text.strip_suffix('Z')?;
    let read = chrono::NaiveDateTime::parse_from_str(digits, "%Y%m%d%H%M%S%.f").ok()?;
    Some(read.and_utc().to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true))
}
