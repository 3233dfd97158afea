//! Answers: resources, lists, entity tags, media types.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::model::Object;
use crate::model::represent::version;

/// The media type of SCIM (RFC 7644 s8.1).
pub const SCIM_JSON: &str = "application/scim+json";

/// The list schema (RFC 7644 s3.4.2).
pub const LIST_SCHEMA: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";

/// The media type that the client asks for: ours unless it prefers plain JSON (RFC 9110 s12.5.1).
#[must_use]
pub fn media_type(headers: &HeaderMap) -> &'static str {
    const PLAIN: &str = "application/json";
    let accept: Vec<String> = headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| Some(value.to_str().ok()?.to_ascii_lowercase()))
        .collect();
    let accept = accept.join(",");
    if weight(&accept, PLAIN) > weight(&accept, SCIM_JSON) {
        PLAIN
    } else {
        SCIM_JSON
    }
}

/// How much a client wants a media type, between 0 and 1: the most specific range that covers it decides.
fn weight(accept: &str, media_type: &str) -> f32 {
    let ranges = accept.split(',').filter_map(|range| {
        let mut parts = range.split(';').map(str::trim);
        let specificity = match parts.next()? {
            "*/*" => 0,
            "application/*" => 1,
            essence if essence == media_type => 2,
            _ => return None,
        };
        let quality = parts.find_map(|part| part.strip_prefix("q=")?.parse::<f32>().ok());
        Some((specificity, quality.unwrap_or(1.0)))
    });
    ranges
        .max_by_key(|(specificity, _)| *specificity)
        .map_or(0.0, |(_, quality)| quality)
}

/// An answer with a JSON body. One that shows what has an address says it in `Content-Location`, which is the same as
/// `meta.location` (RFC 7643 s3.1).
#[must_use]
pub fn json_response(status: StatusCode, headers: &HeaderMap, body: &Value) -> Response {
    let mut response = (status, body.to_string()).into_response();
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type(headers)));
    if let Some(location) = body.pointer("/meta/location").and_then(Value::as_str) {
        locate(&mut response, &header::CONTENT_LOCATION, location);
    }
    response
}

fn locate(response: &mut Response, name: &header::HeaderName, location: &str) {
    if let Ok(location) = HeaderValue::from_str(location) {
        response.headers_mut().insert(name, location);
    }
}

/// An answer that shows one resource, with its entity tag and its address: in `Location` as RFC 7644 has it for a new one
/// (s3.3) and in its examples for every other (s3.4.1, s3.5.1), and in `Content-Location`.
#[must_use]
pub fn resource_response(
    status: StatusCode,
    headers: &HeaderMap,
    resource: &Object,
    revision: u64,
    location: &str,
) -> Response {
    let mut response = json_response(status, headers, &Value::Object(resource.clone()));
    let answer = response.headers_mut();
    if let Ok(tag) = HeaderValue::from_str(&version(revision)) {
        answer.insert(header::ETAG, tag);
    }
    locate(&mut response, &header::CONTENT_LOCATION, location);
    locate(&mut response, &header::LOCATION, location);
    response
}

/// 204 with the entity tag.
#[must_use]
pub fn no_content(revision: Option<u64>) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    if let Some(tag) = revision.and_then(|revision| HeaderValue::from_str(&version(revision)).ok()) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

/// 304: the client has the present representation; the entity tag and the address go with it (RFC 9110 s15.4.5).
#[must_use]
pub fn not_modified(revision: u64, location: &str) -> Response {
    let mut response = no_content(Some(revision));
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    locate(&mut response, &header::CONTENT_LOCATION, location);
    response
}

/// A list (RFC 7644 s3.4.2): the numbers are numbers, and `Resources` is there when empty.
#[must_use]
pub fn list(total: u64, start_index: u64, resources: Vec<Value>) -> Value {
    json!({
        "schemas": [LIST_SCHEMA],
        "totalResults": total,
        "startIndex": start_index,
        "itemsPerPage": resources.len(),
        "Resources": resources,
    })
}

/// Whether the entity tag of `If-None-Match` is the present one (RFC 9110 s13.1.2, weak comparison).
#[must_use]
pub fn is_unmodified(headers: &HeaderMap, revision: u64) -> bool {
    names_version(headers, &header::IF_NONE_MATCH, revision).unwrap_or(false)
}

/// Whether `If-Match` is absent or names the present entity tag (RFC 7644 s3.14: weak tags compare weakly), and
/// `If-None-Match` does not (RFC 9110 s13.1.2).
#[must_use]
pub fn may_change(headers: &HeaderMap, revision: u64) -> bool {
    names_version(headers, &header::IF_MATCH, revision).unwrap_or(true)
        && !names_version(headers, &header::IF_NONE_MATCH, revision).unwrap_or(false)
}

/// Whether `If-Match` names another version than the present one: then nothing is shown either (RFC 9110 s13.1.1).
#[must_use]
pub fn is_another(headers: &HeaderMap, revision: u64) -> bool {
    !names_version(headers, &header::IF_MATCH, revision).unwrap_or(true)
}

/// Whether a change depends on the version.
#[must_use]
pub fn is_conditional(headers: &HeaderMap) -> bool {
    headers.contains_key(header::IF_MATCH) || headers.contains_key(header::IF_NONE_MATCH)
}

fn names_version(headers: &HeaderMap, name: &header::HeaderName, revision: u64) -> Option<bool> {
    let mut values = headers.get_all(name).iter().peekable();
    values.peek()?;
    let present = version(revision);
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let is_named = |text: &str| text.trim() == "*" || text.split(',').any(|tag| opaque(tag) == opaque(&present));
    Some(values.filter_map(|value| value.to_str().ok()).any(is_named))
}
