//! One value, by the definition of its attribute.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::Value;

use super::elements::{drop_duplicates, keep_last_primary};
use super::{MutabilityProblem, SchemaError, SyntaxProblem, ValueProblem};
use crate::model::Object;
use crate::model::attribute::AttributePath;
use crate::model::deviation::{Deviation, Journal};
use crate::model::instant::instant;
use crate::model::schema::{Attribute, AttributeType, Mutability};

const LAX_PADDING: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const BASE64: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LAX_PADDING);
const BASE64_URL: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LAX_PADDING);

/// How many values a multi-valued attribute of a resource may hold: every operation on it looks at all of them. Edges
/// such as `members` are not stored with the resource and have no such bound.
pub const MOST_VALUES: usize = 1_000;

/// The sub-attributes that an object assigns, and those that it unassigns.
#[derive(Debug, Default)]
pub(crate) struct Partial {
    pub(crate) set: Object,
    pub(crate) cleared: Vec<String>,
}

/// The canonical value of an attribute; `None` when it is unassigned (RFC 7643 section 2.5).
pub(crate) fn assigned(
    journal: &mut Journal,
    attribute: &Attribute,
    path: &AttributePath,
    value: Value,
) -> Result<Option<Value>, SchemaError> {
    if !attribute.multi_valued {
        return single(journal, attribute, path, value);
    }
    let elements = elements(journal, attribute, path, value)?;
    bounded(path, &elements)?;
    Ok((!elements.is_empty()).then_some(Value::Array(elements)))
}

/// Refuses more values than one attribute may hold.
pub(crate) fn bounded(path: &AttributePath, elements: &[Value]) -> Result<(), SchemaError> {
    let (count, limit) = (elements.len(), MOST_VALUES);
    if count > limit {
        return Err(SchemaError::value(path, ValueProblem::TooMany { count, limit }));
    }
    Ok(())
}

/// The canonical elements of a multi-valued attribute: at most one is primary, no (type, value) appears twice.
pub(crate) fn elements(
    journal: &mut Journal,
    attribute: &Attribute,
    path: &AttributePath,
    value: Value,
) -> Result<Vec<Value>, SchemaError> {
    let items = match value {
        Value::Null => return Ok(Vec::new()),
        Value::Array(items) => items,
        other => {
            let refusal = SchemaError::value(path, ValueProblem::NotSingle { found: kind(&other) });
            if other == Value::String(String::new()) {
                journal.tolerate(
                    Deviation::EmptyText {
                        attribute: path.to_string(),
                    },
                    refusal,
                )?;
                return Ok(Vec::new());
            }
            journal.tolerate(
                Deviation::SingleForMany {
                    attribute: path.to_string(),
                },
                refusal,
            )?;
            vec![other]
        }
    };
    let mut elements = Vec::with_capacity(items.len());
    for item in items {
        if item.is_array() {
            return Err(SchemaError::value(path, ValueProblem::NotMany));
        }
        elements.extend(single(journal, attribute, path, item)?);
    }
    keep_last_primary(journal, path, &mut elements)?;
    drop_duplicates(attribute, &mut elements);
    Ok(elements)
}

/// One value or one element.
pub(crate) fn single(
    journal: &mut Journal,
    attribute: &Attribute,
    path: &AttributePath,
    value: Value,
) -> Result<Option<Value>, SchemaError> {
    let Some(value) = one(journal, path, value)? else {
        return Ok(None);
    };
    if !attribute.is_complex() {
        return scalar(journal, attribute, path, value).map(Some);
    }
    let Partial { set, .. } = partial(journal, attribute, path, value)?;
    if set.is_empty() {
        return Ok(None);
    }
    for sub in attribute.sub_attributes.iter().filter(|sub| sub.required) {
        if !set.contains_key(&sub.name) && sub.mutability != Mutability::ReadOnly {
            return Err(SchemaError::value(path.child(&sub.name), ValueProblem::Required));
        }
    }
    Ok(Some(Value::Object(set)))
}

/// The one value that is meant; `None` for "unassigned".
pub(crate) fn one(journal: &mut Journal, path: &AttributePath, value: Value) -> Result<Option<Value>, SchemaError> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) if text.is_empty() => {
            let refusal = SchemaError::value(path, ValueProblem::Empty);
            journal.tolerate(
                Deviation::EmptyText {
                    attribute: path.to_string(),
                },
                refusal,
            )?;
            Ok(None)
        }
        Value::Array(mut items) => {
            let refusal = SchemaError::value(path, ValueProblem::NotMany);
            if items.len() > 1 {
                return Err(refusal);
            }
            journal.tolerate(
                Deviation::ArrayForSingle {
                    attribute: path.to_string(),
                },
                refusal,
            )?;
            match items.pop() {
                None => Ok(None),
                Some(Value::Array(_)) => Err(SchemaError::value(path, ValueProblem::NotMany)),
                Some(item) => one(journal, path, item),
            }
        }
        value => Ok(Some(value)),
    }
}

/// The sub-attributes of a complex value. Read-only ones are ignored (RFC 7644 section 3.5.1), in a PATCH too: the
/// RFC's own example adds a member with its `display` (section 3.5.2.1).
pub(crate) fn partial(
    journal: &mut Journal,
    attribute: &Attribute,
    path: &AttributePath,
    value: Value,
) -> Result<Partial, SchemaError> {
    let object = match value {
        Value::Object(object) => object,
        Value::String(text) if attribute.sub_attribute("value").is_some() => {
            let problem = ValueProblem::WrongType {
                expected: AttributeType::Complex,
                found: "a text",
            };
            let refusal = SchemaError::value(path, problem);
            journal.tolerate(
                Deviation::BareValue {
                    attribute: path.to_string(),
                },
                refusal,
            )?;
            Object::from_iter([("value".to_owned(), Value::String(text))])
        }
        other => {
            let problem = ValueProblem::WrongType {
                expected: AttributeType::Complex,
                found: kind(&other),
            };
            return Err(SchemaError::value(path, problem));
        }
    };
    let mut read = Partial::default();
    for (key, value) in unfolded(journal, attribute, path, object)? {
        let Some(sub) = sub_attribute(journal, attribute, path, &key)? else {
            let unknown = path.child(&key).to_string();
            let refusal = SchemaError::InvalidSyntax(SyntaxProblem::UnknownAttribute {
                attribute: unknown.clone(),
            });
            journal.tolerate(Deviation::UnknownAttribute { attribute: unknown }, refusal)?;
            continue;
        };
        if sub.mutability == Mutability::ReadOnly {
            continue;
        }
        let place = path.child(&sub.name);
        if read.set.contains_key(&sub.name) || read.cleared.contains(&sub.name) {
            let problem = SyntaxProblem::Twice {
                attribute: place.to_string(),
            };
            return Err(SchemaError::InvalidSyntax(problem));
        }
        match assigned(journal, sub, &place, value)? {
            Some(value) => {
                read.set.insert(sub.name.clone(), value);
            }
            None => read.cleared.push(sub.name.clone()),
        }
    }
    Ok(read)
}

/// A sub-attribute by the name that clients use; templates older than SCIM 2.0 write `managerId`.
fn sub_attribute<'a>(
    journal: &mut Journal,
    attribute: &'a Attribute,
    path: &AttributePath,
    name: &str,
) -> Result<Option<&'a Attribute>, SchemaError> {
    let sub = attribute.sub_attribute(name);
    if sub.is_some() || attribute.name != "manager" || name != "managerId" {
        return Ok(sub);
    }
    let refusal = SchemaError::InvalidSyntax(SyntaxProblem::UnknownAttribute {
        attribute: path.child(name).to_string(),
    });
    let deviation = Deviation::OldName {
        name: name.to_owned(),
        attribute: path.child("value").to_string(),
    };
    journal.tolerate(deviation, refusal)?;
    Ok(attribute.sub_attribute("value"))
}

/// An app role arrives as JSON text in `roles.value`: `{"id": ..., "value": ..., "displayName": ...}`.
fn unfolded(
    journal: &mut Journal,
    attribute: &Attribute,
    path: &AttributePath,
    mut object: Object,
) -> Result<Object, SchemaError> {
    let Some(Value::String(text)) = object.get("value") else {
        return Ok(object);
    };
    if attribute.name != "roles" || !text.starts_with('{') {
        return Ok(object);
    }
    let Ok(Value::Object(mut role)) = serde_json::from_str(text) else {
        return Ok(object);
    };
    let Some(value @ Value::String(_)) = role.remove("value") else {
        return Ok(object);
    };
    let refusal = SchemaError::value(path.child("value"), ValueProblem::JsonText);
    journal.tolerate(
        Deviation::JsonText {
            attribute: path.child("value").to_string(),
        },
        refusal,
    )?;
    object.insert("value".to_owned(), value);
    if let Some(display @ Value::String(_)) = role.remove("displayName") {
        object.entry("display").or_insert(display);
    }
    Ok(object)
}

/// A value that is neither complex nor empty.
fn scalar(
    journal: &mut Journal,
    attribute: &Attribute,
    path: &AttributePath,
    value: Value,
) -> Result<Value, SchemaError> {
    let expected = attribute.type_;
    let refuse = |problem| Err(SchemaError::value(path, problem));
    match (expected, &value) {
        (AttributeType::Boolean, Value::Bool(_))
        | (AttributeType::Decimal, Value::Number(_))
        | (AttributeType::String, Value::String(_)) => Ok(value),
        (AttributeType::Boolean, Value::String(text)) => {
            // Never truthiness: any other text would keep a leaver active.
            let boolean = match text.to_ascii_lowercase().as_str() {
                "true" => true,
                "false" => false,
                _ => return refuse(ValueProblem::NotBoolean),
            };
            let deviation = Deviation::BooleanText {
                attribute: path.to_string(),
                text: text.clone(),
            };
            journal.tolerate(deviation, SchemaError::value(path, ValueProblem::NotBoolean))?;
            Ok(Value::Bool(boolean))
        }
        (AttributeType::Integer, Value::Number(number)) if number.is_i64() || number.is_u64() => Ok(value),
        (AttributeType::Integer, Value::Number(_)) => refuse(ValueProblem::NotWhole),
        (AttributeType::DateTime, Value::String(text)) if instant(text).is_some() => Ok(value),
        (AttributeType::DateTime, Value::String(_)) => refuse(ValueProblem::NotDateTime),
        (AttributeType::Binary, Value::String(text)) if is_base64(text) => Ok(value),
        (AttributeType::Binary, Value::String(_)) => refuse(ValueProblem::NotBase64),
        (AttributeType::Reference, Value::String(text)) if !text.contains(char::is_whitespace) => Ok(value),
        (AttributeType::Reference, Value::String(_)) => refuse(ValueProblem::NotUri),
        (_, found) => refuse(ValueProblem::WrongType {
            expected,
            found: kind(found),
        }),
    }
}

/// RFC 7643 section 2.3.6: either alphabet, and the padding may be left out.
fn is_base64(text: &str) -> bool {
    BASE64.decode(text).is_ok() || BASE64_URL.decode(text).is_ok()
}

/// A JSON value for a message.
pub(crate) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// Refuses the change of an immutable value (RFC 7643 section 7).
pub(super) fn unchanged(
    path: &AttributePath,
    current: Option<&Value>,
    next: Option<&Value>,
) -> Result<(), SchemaError> {
    match current {
        Some(_) if current != next => Err(SchemaError::mutability(path, MutabilityProblem::Immutable)),
        _ => Ok(()),
    }
}
