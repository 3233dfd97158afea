//! Schemas given by hand, for answers that are built from several records. Requests and query parameters have theirs derived from
//! the structures that read them.

use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value, json};

/// The schema of a structure, derived, with nothing outside it.
#[must_use]
pub fn of<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
        // What is named twice in a list that is read as a set is taken once, and not refused.
        settings
            .transforms
            .push(Box::new(RecursiveTransform(|schema: &mut Schema| {
                schema.remove("uniqueItems");
            })));
    });
    settings.into_generator().into_root_schema_for::<T>().to_value()
}

/// The schema of a structure whose document has more members than the structure reads.
#[must_use]
pub fn of_with<T: JsonSchema, const N: usize>(more: [(&str, Value); N]) -> Value {
    let mut schema = of::<T>();
    for (name, member) in more {
        schema["properties"][name] = member;
    }
    schema
}

/// A schema of the document's `components`.
#[must_use]
pub fn named(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// Any value.
#[must_use]
pub fn any() -> Value {
    json!({})
}

/// A text.
#[must_use]
pub fn text() -> Value {
    json!({ "type": "string" })
}

/// One of these words.
#[must_use]
pub fn words(words: &[&str]) -> Value {
    json!({ "type": "string", "enum": words })
}

/// A whole number.
#[must_use]
pub fn integer() -> Value {
    json!({ "type": "integer" })
}

/// True or false.
#[must_use]
pub fn boolean() -> Value {
    json!({ "type": "boolean" })
}

/// An instant (RFC 3339).
#[must_use]
pub fn time() -> Value {
    json!({ "type": "string", "format": "date-time" })
}

/// An identifier.
#[must_use]
pub fn uuid() -> Value {
    json!({ "type": "string", "format": "uuid" })
}

/// This or null.
#[must_use]
pub fn nullable(schema: Value) -> Value {
    json!({ "anyOf": [schema, { "type": "null" }] })
}

/// A list.
#[must_use]
pub fn list(of: Value) -> Value {
    json!({ "type": "array", "items": of })
}

/// An object with such values under any name.
#[must_use]
pub fn map(of: Value) -> Value {
    json!({ "type": "object", "additionalProperties": of })
}

/// An object: what it always has, and what it may have. Later releases may add members, so others are not refused.
#[must_use]
pub fn object<const A: usize, const B: usize>(always: [(&str, Value); A], maybe: [(&str, Value); B]) -> Value {
    let required: Vec<&str> = always.iter().map(|(name, _)| *name).collect();
    let members = always.into_iter().chain(maybe);
    let properties: Map<String, Value> = members.map(|(name, schema)| (name.to_owned(), schema)).collect();
    json!({ "type": "object", "properties": properties, "required": required })
}

/// An object with more members.
#[must_use]
pub fn with<const N: usize>(mut object: Value, more: [(&str, Value); N]) -> Value {
    for (name, member) in more {
        object["properties"][name] = member;
    }
    object
}

/// The answer of a list: `items`, `next` when there is more, `previous` when something is in front, and `total` when it was asked for.
#[must_use]
pub fn page(of: Value) -> Value {
    object([("items", list(of))], [("next", text()), ("previous", text()), ("total", integer())])
}
