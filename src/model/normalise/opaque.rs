//! Extension objects that no schema defines, on a connection that keeps them: stored as they were sent.

use serde_json::Value;

use super::{SchemaError, ValueProblem};
use crate::model::Object;
use crate::model::schema::SchemaSet;

/// Bytes of JSON that the unknown extensions of one resource may have together.
pub const OPAQUE_BYTES_MAX: usize = 16 * 1024;

/// Refuses more than a resource may carry of what nobody defined.
pub(crate) fn check_opaque(schemas: &SchemaSet, resource: &Object) -> Result<(), SchemaError> {
    let opaque = resource.iter().filter(|(key, _)| schemas.is_foreign(key));
    let mut bytes = 0;
    let mut last = "";
    for (urn, value) in opaque {
        bytes += urn.len() + value.to_string().len();
        last = urn;
    }
    let limit = OPAQUE_BYTES_MAX;
    if bytes > limit {
        return Err(SchemaError::value(last, ValueProblem::TooLarge { bytes, limit }));
    }
    Ok(())
}

/// The unknown extension of this URN, in any case (RFC 7644 section 3.10), as it is spelled in the resource.
pub(crate) fn opaque_key(schemas: &SchemaSet, resource: &Object, urn: &str) -> Option<String> {
    let mut keys = resource.keys().filter(|key| schemas.is_foreign(key));
    keys.find(|key| key.eq_ignore_ascii_case(urn)).cloned()
}

/// Whether a value is worth being kept: an object with something in it.
pub(crate) fn is_kept(value: &Value) -> bool {
    value.as_object().is_some_and(|object| !object.is_empty())
}
