//! JSON Merge Patch (RFC 7396), and the same for the attributes of a SCIM resource.

use serde_json::{Value, json};

use super::Object;
use super::attribute::AttributePath;
use super::schema::{Attribute, AttributeType, SchemaSet};

/// Merges a patch into a document (RFC 7396 section 2): objects are merged, `null` removes, anything else replaces.
pub fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Object::new());
    }
    let Some(members) = target.as_object_mut() else { return };
    for (name, value) in patch {
        if value.is_null() {
            members.remove(name);
        } else {
            merge(members.entry(name).or_insert(Value::Null), value);
        }
    }
}

/// A merge patch of a resource's attributes as the operations of a SCIM PATCH (RFC 7644 section 3.5.2), so that every rule of
/// the schema is that of the SCIM door. `null` for an attribute that has no value asks for nothing.
#[must_use]
pub fn operations(schemas: &SchemaSet, current: &Object, patch: &Object) -> Vec<Value> {
    let mut operations = Vec::new();
    for (name, value) in patch {
        if let Some(extension) = schemas.extension(name) {
            let present = current.get(&extension.id).and_then(Value::as_object);
            for (name, value) in members(present, value) {
                let attribute = extension.attribute(&name);
                let path = AttributePath {
                    schema: Some(extension.id.clone()),
                    name: attribute.map_or(name, |attribute| attribute.name.clone()),
                    sub: None,
                };
                let present = present.and_then(|present| present.get(&path.name));
                assign(&mut operations, &path, attribute, (present, &value));
            }
            continue;
        }
        let attribute = schemas.core_attribute(name);
        let name = attribute.map_or(name.as_str(), |attribute| &attribute.name);
        let path = AttributePath::core(name);
        assign(&mut operations, &path, attribute, (current.get(name), value));
    }
    operations
}

/// The members of a patch of an extension; `null` in the place of all of them takes every present one away.
fn members(present: Option<&Object>, patch: &Value) -> Object {
    match patch {
        Value::Object(members) => members.clone(),
        Value::Null => {
            let names = present.into_iter().flat_map(Object::keys);
            names.map(|name| (name.clone(), Value::Null)).collect()
        }
        // Not an object: the SCIM rules refuse it under the name that it was given.
        other => Object::from_iter([("value".to_owned(), other.clone())]),
    }
}

fn assign(
    operations: &mut Vec<Value>,
    path: &AttributePath,
    attribute: Option<&Attribute>,
    (present, value): (Option<&Value>, &Value),
) {
    let is_object =
        attribute.is_some_and(|attribute| attribute.type_ == AttributeType::Complex && !attribute.multi_valued);
    match value {
        Value::Null if attribute.is_some() && present.is_none() => {}
        Value::Null => operations.push(json!({ "op": "remove", "path": path.to_string() })),
        Value::Object(parts) if is_object => {
            let set: Object = parts.iter().filter(|(_, part)| !part.is_null()).map(owned).collect();
            if !set.is_empty() {
                operations.push(json!({ "op": "replace", "path": path.to_string(), "value": set }));
            }
            let has = |name: &str| present.and_then(|present| present.get(name)).is_some();
            for (name, _) in parts.iter().filter(|(name, part)| part.is_null() && has(name)) {
                operations.push(json!({ "op": "remove", "path": format!("{path}.{name}") }));
            }
        }
        value => operations.push(json!({ "op": "replace", "path": path.to_string(), "value": value })),
    }
}

fn owned((name, value): (&String, &Value)) -> (String, Value) {
    (name.clone(), value.clone())
}
