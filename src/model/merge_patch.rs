//! JSON merge patch (RFC 7396).

use serde_json::{Map, Value};

/// The document that a patch makes of `target` (RFC 7396 section 2): members of the patch replace those of the target, objects
/// are merged, and `null` removes.
#[must_use]
pub fn merge(target: Value, patch: Value) -> Value {
    let Value::Object(patch) = patch else { return patch };
    let mut merged = match target {
        Value::Object(members) => members,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Map::new(),
    };
    for (name, value) in patch {
        if value.is_null() {
            merged.remove(&name);
        } else {
            let member = merged.remove(&name).unwrap_or_default();
            merged.insert(name, merge(member, value));
        }
    }
    Value::Object(merged)
}
