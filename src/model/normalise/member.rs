//! The members of a group: never part of the resource, because a group of 100,000 is 100,000 edges.

use serde_json::Value;

use super::value::elements;
use super::{SchemaError, ValueProblem};
use crate::model::attribute::AttributePath;
use crate::model::deviation::Journal;
use crate::model::schema::Attribute;

/// A reference to a member, as the client sent it. Whether it exists is for the caller to find out.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Member {
    /// The id.
    pub value: String,
    /// `User` or `Group`, when the client said so.
    pub type_: Option<String>,
}

/// The members that a value lists; `display` and `$ref` are ours to say and are ignored.
pub(crate) fn members(
    journal: &mut Journal,
    attribute: &Attribute,
    path: &AttributePath,
    value: Value,
) -> Result<Vec<Member>, SchemaError> {
    let items = match &value {
        Value::Array(items) => items.as_slice(),
        Value::Null => &[],
        single => std::slice::from_ref(single),
    };
    // Nobody is not a member: dropping the element would be a success that the client never repairs.
    if !items.iter().all(names_somebody) && value != Value::String(String::new()) {
        return Err(SchemaError::value(path.child("value"), ValueProblem::Required));
    }
    elements(journal, attribute, path, value)?
        .into_iter()
        .map(|mut element| match element.get_mut("value").map(Value::take) {
            Some(Value::String(value)) => {
                let type_ = element.get("type").and_then(Value::as_str).map(str::to_owned);
                Ok(Member { value, type_ })
            }
            _ => Err(SchemaError::value(path.child("value"), ValueProblem::Required)),
        })
        .collect()
}

fn names_somebody(item: &Value) -> bool {
    match item {
        Value::Null => false,
        Value::String(id) => !id.is_empty(),
        Value::Object(element) => element
            .iter()
            .any(|(key, id)| key.eq_ignore_ascii_case("value") && !id.is_null() && id.as_str() != Some("")),
        // Refused with its type further on.
        Value::Bool(_) | Value::Number(_) | Value::Array(_) => true,
    }
}
