//! Immutable attributes in a PUT (RFC 7644 section 3.5.1).

use serde_json::Value;

use super::SchemaError;
use super::value::unchanged;
use crate::model::Object;
use crate::model::attribute::AttributePath;
use crate::model::schema::{Attribute, Mutability, SchemaSet};

/// Checks that a replacement keeps the immutable values that are already set. Both resources are canonical.
///
/// # Errors
///
/// [`SchemaError::Mutability`] with the first attribute that would change.
pub fn check_immutable(schemas: &SchemaSet, current: &Object, next: &Object) -> Result<(), SchemaError> {
    for attribute in schemas
        .core()
        .attributes
        .iter()
        .filter(|attribute| !schemas.is_edge(&attribute.name))
    {
        check(attribute, &AttributePath::core(&attribute.name), current, next)?;
    }
    for extension in schemas.extensions() {
        let Some(current) = current.get(&extension.id).and_then(Value::as_object) else {
            continue;
        };
        let empty = Object::new();
        let next = next.get(&extension.id).and_then(Value::as_object).unwrap_or(&empty);
        for attribute in &extension.attributes {
            let path = AttributePath {
                schema: Some(extension.id.clone()),
                name: attribute.name.clone(),
                sub: None,
            };
            check(attribute, &path, current, next)?;
        }
    }
    Ok(())
}

fn check(attribute: &Attribute, path: &AttributePath, current: &Object, next: &Object) -> Result<(), SchemaError> {
    let (current, next) = (current.get(&attribute.name), next.get(&attribute.name));
    if attribute.mutability == Mutability::Immutable {
        return unchanged(path, current, next);
    }
    // The elements of a list have no identity, so only a single complex value can be followed.
    let Some(Value::Object(current)) = current else {
        return Ok(());
    };
    for sub in attribute
        .sub_attributes
        .iter()
        .filter(|sub| sub.mutability == Mutability::Immutable)
    {
        unchanged(
            &path.child(&sub.name),
            current.get(&sub.name),
            next.and_then(|next| next.get(&sub.name)),
        )?;
    }
    Ok(())
}
