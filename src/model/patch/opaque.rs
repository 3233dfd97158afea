//! Operations on extension objects that no schema defines, on a connection that keeps them.

use serde_json::Value;

use super::error::PatchError;
use super::request::Op;
use crate::model::Object;
use crate::model::attribute::is_urn;
use crate::model::deviation::{Deviation, Journal};
use crate::model::normalise::{check_opaque, is_kept, opaque_key};
use crate::model::schema::SchemaSet;

/// Changes the extension that `path` names, or one of its attributes. An object replaces the whole extension, or is added
/// to it; any other value belongs to the attribute after the last colon.
pub(super) fn change(
    journal: &mut Journal,
    schemas: &SchemaSet,
    resource: &mut Object,
    (op, path, value): (Op, &str, Option<Value>),
) -> Result<(), PatchError> {
    let value = value.filter(|value| op != Op::Remove && !value.is_null());
    let parent = path.rsplit_once(':').filter(|(urn, _)| is_urn(urn));
    let whole = opaque_key(schemas, resource, path);
    let inside = parent.and_then(|(urn, name)| Some((opaque_key(schemas, resource, urn)?, name)));
    let urn = match (whole, inside, value) {
        (Some(urn), _, None) => {
            resource.remove(&urn);
            urn
        }
        (Some(urn), _, Some(value)) if value.is_object() => {
            write_whole(resource, op, &urn, value);
            urn
        }
        (_, Some((urn, name)), value) => {
            write_inside(resource, &urn, name, value);
            urn
        }
        (None, None, Some(value)) if is_kept(&value) => {
            resource.insert(path.to_owned(), value);
            path.to_owned()
        }
        (_, None, Some(value)) if !value.is_object() && parent.is_some_and(|(urn, _)| schemas.is_foreign(urn)) => {
            let (urn, name) = parent.unwrap_or_default();
            write_inside(resource, urn, name, Some(value));
            urn.to_owned()
        }
        // Nothing is there, and nothing is to be.
        (_, None, _) => {
            let urn = path.to_owned();
            journal.note(Deviation::UnknownExtension { urn });
            return Ok(());
        }
    };
    check_opaque(schemas, resource)?;
    journal.note(Deviation::KeptExtension { urn });
    Ok(())
}

fn write_whole(resource: &mut Object, op: Op, urn: &str, value: Value) {
    match (resource.get_mut(urn), value) {
        (Some(Value::Object(known)), Value::Object(more)) if op == Op::Add => known.extend(more),
        (_, value) if is_kept(&value) => {
            resource.insert(urn.to_owned(), value);
        }
        _ => {
            resource.remove(urn);
        }
    }
}

fn write_inside(resource: &mut Object, urn: &str, name: &str, value: Option<Value>) {
    let entry = resource.entry(urn).or_insert_with(|| Value::Object(Object::new()));
    let Value::Object(extension) = entry else { return };
    let known = extension.keys().find(|key| key.eq_ignore_ascii_case(name)).cloned();
    let name = known.unwrap_or_else(|| name.to_owned());
    match value {
        Some(value) => {
            extension.insert(name, value);
        }
        None => {
            extension.remove(&name);
        }
    }
    if extension.is_empty() {
        resource.remove(urn);
    }
}
