//! The body of a bulk request, and the references in it (RFC 7644 s3.7, s3.7.2).

use std::collections::HashMap;

use axum::http::StatusCode;
use serde_json::Value;

use crate::model::Object;
use crate::model::attribute::is_urn;
use crate::model::deviation::{Deviation, Strictness};
use crate::model::scim_type::ScimType;
use crate::scim::error::ScimError;

/// The URN of the request.
const BULK_REQUEST: &str = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";

/// What a reference starts with.
const REFERENCE: &str = "bulkId:";

/// A bulk request.
pub(super) struct BulkRequest {
    /// How many errors the client accepts; `None` for any number.
    pub(super) fail_on_errors: Option<u64>,
    /// In the order sent.
    pub(super) operations: Vec<Operation>,
}

/// One operation, not checked yet: what is wrong with it is its own result.
pub(super) struct Operation {
    /// In capitals.
    pub(super) method: String,
    pub(super) bulk_id: Option<String>,
    pub(super) version: Option<String>,
    pub(super) path: String,
    pub(super) data: Value,
}

/// What has become of a `bulkId`.
pub(super) enum Known {
    /// The identifier of the resource.
    Made(String),
    /// It was not created.
    Failed,
}

/// A refusal of the request or of one operation.
pub(super) fn malformed(detail: impl Into<String>) -> ScimError {
    ScimError::bad_request(ScimType::InvalidSyntax, detail)
}

impl BulkRequest {
    /// Reads the body, with what was tolerated in it.
    ///
    /// # Errors
    /// `invalidSyntax` when it is not a bulk request.
    pub(super) fn parse(body: Value, strictness: Strictness) -> Result<(Self, Vec<Deviation>), ScimError> {
        let Value::Object(mut body) = body else {
            return Err(malformed("a bulk request is a JSON object"));
        };
        let mut deviations = Vec::new();
        let declared = take(&mut body, "schemas").unwrap_or_default();
        let is_declared = |urn: &Value| urn.as_str().is_some_and(|urn| urn.eq_ignore_ascii_case(BULK_REQUEST));
        if !declared.as_array().is_some_and(|urns| urns.iter().any(is_declared)) {
            if strictness == Strictness::Strict {
                return Err(malformed(format!(
                    "schemas: a bulk request names the schema {BULK_REQUEST}"
                )));
            }
            let urn = BULK_REQUEST.to_owned();
            deviations.push(Deviation::CoreSchemaMissing { urn });
        }
        let fail_on_errors = match take(&mut body, "failOnErrors") {
            None | Some(Value::Null) => None,
            Some(number) => {
                let accepted = number.as_u64().filter(|accepted| *accepted >= 1);
                Some(accepted.ok_or_else(|| malformed("failOnErrors: it must be a whole number of at least 1"))?)
            }
        };
        let Some(Value::Array(operations)) = take(&mut body, "Operations") else {
            return Err(malformed("Operations: a bulk request has a list of operations"));
        };
        let operations = operations.into_iter().enumerate().map(|(at, operation)| {
            let place = at + 1;
            Operation::parse(operation).ok_or_else(|| malformed(format!("operation {place} is not a JSON object")))
        });
        let request = Self {
            fail_on_errors,
            operations: operations.collect::<Result<_, _>>()?,
        };
        Ok((request, deviations))
    }
}

impl Operation {
    fn parse(operation: Value) -> Option<Self> {
        let Value::Object(mut operation) = operation else {
            return None;
        };
        let mut text = |name: &str| match take(&mut operation, name) {
            Some(Value::String(text)) => Some(text),
            _ => None,
        };
        Some(Self {
            method: text("method").unwrap_or_default().to_ascii_uppercase(),
            bulk_id: text("bulkId"),
            version: text("version"),
            path: text("path").unwrap_or_default(),
            data: take(&mut operation, "data").unwrap_or_default(),
        })
    }

    /// Whether it can be sent at all: one of four methods, at a resource or at the endpoint that creates one (s3.7).
    ///
    /// # Errors
    /// `invalidSyntax`.
    pub(super) fn check(&self) -> Result<(), ScimError> {
        if !matches!(self.method.as_str(), "POST" | "PUT" | "PATCH" | "DELETE") {
            return Err(malformed("method: it is one of POST, PUT, PATCH and DELETE"));
        }
        let mut parts = self.path.strip_prefix('/').unwrap_or_default().split('/');
        let is_endpoint = matches!(parts.next(), Some("Users" | "Groups"));
        let id = parts.next();
        let fits = match id {
            None => self.method == "POST",
            Some(id) => self.method != "POST" && !id.is_empty() && !id.contains(['?', '#']) && id != ".search",
        };
        if !is_endpoint || !fits || parts.next().is_some() {
            let detail = "path: it is /Users or /Groups for POST, and /Users/{id} or /Groups/{id} for the others";
            return Err(malformed(detail));
        }
        if self.method != "DELETE" && !self.data.is_object() {
            return Err(malformed("data: the operation needs a JSON object"));
        }
        Ok(())
    }

    /// The `bulkId` of what it creates.
    pub(super) fn made(&self) -> Option<&str> {
        self.bulk_id.as_deref().filter(|_| self.method == "POST")
    }

    /// The `bulkId`s that it refers to.
    pub(super) fn references(&self) -> Vec<String> {
        let mut found = Vec::new();
        collect(&self.data, &mut found);
        found.extend(self.path.split('/').filter_map(reference).map(str::to_owned));
        found.sort_unstable();
        found.dedup();
        found
    }
}

fn reference(text: &str) -> Option<&str> {
    text.strip_prefix(REFERENCE)
}

fn collect(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.extend(reference(text).map(str::to_owned)),
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        Value::Object(members) => members.values().for_each(|member| collect(member, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The same value with identifiers for references (s3.7.2).
///
/// # Errors
/// 409 for a reference to what is not created by this request, or could not be (s3.7.1).
pub(super) fn substitute(value: &Value, known: &HashMap<String, Known>) -> Result<Value, ScimError> {
    Ok(match value {
        Value::String(text) => match reference(text) {
            Some(id) => Value::String(resolve(id, known)?),
            None => value.clone(),
        },
        Value::Array(items) => {
            let items = items.iter().map(|item| substitute(item, known));
            Value::Array(items.collect::<Result<_, _>>()?)
        }
        Value::Object(members) => {
            let members = members
                .iter()
                .map(|(name, member)| Ok((name.clone(), substitute(member, known)?)));
            Value::Object(members.collect::<Result<_, ScimError>>()?)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    })
}

/// The same path with identifiers for references: each part may be one.
///
/// # Errors
/// As [`substitute`].
pub(super) fn substitute_path(path: &str, known: &HashMap<String, Known>) -> Result<String, ScimError> {
    let parts = path.split('/').map(|part| match reference(part) {
        Some(id) => resolve(id, known),
        None => Ok(part.to_owned()),
    });
    Ok(parts.collect::<Result<Vec<_>, _>>()?.join("/"))
}

fn resolve(id: &str, known: &HashMap<String, Known>) -> Result<String, ScimError> {
    match known.get(id) {
        Some(Known::Made(id)) => Ok(id.clone()),
        Some(Known::Failed) => Err(unresolved(id, "could not be created")),
        None => Err(unresolved(
            id,
            "is not created by an operation of this request that has run",
        )),
    }
}

fn unresolved(id: &str, why: &str) -> ScimError {
    ScimError::new(StatusCode::CONFLICT, format!("the resource of bulkId {id:?} {why}"))
}

/// Takes the values that refer to one of `ids` out of a resource: what is left, and what was taken, as the attributes that
/// are to be added later.
pub(super) fn extract(data: &Value, ids: &[String]) -> (Value, Object) {
    match data {
        Value::Object(resource) if !ids.is_empty() => {
            let (left, taken) = part(resource, ids);
            (Value::Object(left), taken)
        }
        _ => (data.clone(), Object::new()),
    }
}

fn part(resource: &Object, ids: &[String]) -> (Object, Object) {
    let (mut left, mut taken) = (Object::new(), Object::new());
    let refers = |value: &Value| {
        let mut found = Vec::new();
        collect(value, &mut found);
        found.iter().any(|id| ids.contains(id))
    };
    for (name, value) in resource {
        match value {
            Value::Object(extension) if is_urn(name) => {
                let (rest, late) = part(extension, ids);
                left.insert(name.clone(), Value::Object(rest));
                if !late.is_empty() {
                    taken.insert(name.clone(), Value::Object(late));
                }
            }
            Value::Array(elements) if refers(value) => {
                let (late, rest): (Vec<Value>, Vec<Value>) =
                    elements.iter().cloned().partition(|element| refers(element));
                left.insert(name.clone(), Value::Array(rest));
                taken.insert(name.clone(), Value::Array(late));
            }
            _ if refers(value) => drop(taken.insert(name.clone(), value.clone())),
            _ => drop(left.insert(name.clone(), value.clone())),
        }
    }
    (left, taken)
}

/// The member of this name, in any case.
fn take(object: &mut Object, name: &str) -> Option<Value> {
    let key = object.keys().find(|key| key.eq_ignore_ascii_case(name)).cloned()?;
    object.remove(&key)
}
