//! The elements of a multi-valued attribute among each other (RFC 7643 section 2.4).

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use serde_json::{Value, json};

use super::{SchemaError, ValueProblem};
use crate::model::attribute::AttributePath;
use crate::model::deviation::{Deviation, Journal};
use crate::model::fold::fold;
use crate::model::schema::Attribute;

/// "primary: true" appears at most once: the last one wins.
pub(super) fn keep_last_primary(
    journal: &mut Journal,
    path: &AttributePath,
    elements: &mut [Value],
) -> Result<(), SchemaError> {
    let primaries: Vec<usize> = (0..elements.len())
        .filter(|&index| is_primary(&elements[index]))
        .collect();
    let Some((_, earlier)) = primaries.split_last() else {
        return Ok(());
    };
    if earlier.is_empty() {
        return Ok(());
    }
    let refusal = SchemaError::value(path, ValueProblem::SeveralPrimaries);
    journal.tolerate(
        Deviation::SeveralPrimaries {
            attribute: path.to_string(),
        },
        refusal,
    )?;
    for &index in earlier {
        elements[index]["primary"] = Value::Bool(false);
    }
    Ok(())
}

fn is_primary(element: &Value) -> bool {
    element.get("primary") == Some(&Value::Bool(true))
}

/// Drops every element that repeats the (type, value) of an earlier one. The mark "primary" moves to the one that stays.
pub(crate) fn drop_duplicates(attribute: &Attribute, elements: &mut Vec<Value>) {
    if elements.len() < 2 {
        return;
    }
    let mut seen: HashMap<String, usize> = HashMap::new();
    let mut kept: Vec<Value> = Vec::with_capacity(elements.len());
    for element in elements.drain(..) {
        match seen.entry(identity(attribute, &element)) {
            Entry::Vacant(entry) => {
                entry.insert(kept.len());
                kept.push(element);
            }
            Entry::Occupied(entry) if is_primary(&element) => kept[*entry.get()]["primary"] = Value::Bool(true),
            Entry::Occupied(_) => {}
        }
    }
    *elements = kept;
}

/// What makes an element the same as another: its type and value; without a value, everything. Only an exact repetition
/// of the value counts: two spellings are kept, so that a client finds what it sent.
pub(crate) fn identity(attribute: &Attribute, element: &Value) -> String {
    match element.get("value") {
        Some(value) if attribute.is_complex() => {
            let label = element
                .get("type")
                .and_then(Value::as_str)
                .map(fold)
                .unwrap_or_default();
            json!([label, value]).to_string()
        }
        _ => element.to_string(),
    }
}
