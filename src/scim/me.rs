//! `/Me` (RFC 7644 s3.11) and what requests must agree to before they reach an operation.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::access::Access;
use super::error::ScimError;
use super::response::{SCIM_JSON, media_type};

/// `/Me`: a token belongs to a connection and not to a person, so there is no "me" (s3.11: 501 then).
pub(super) async fn me(_: Access) -> ScimError {
    let detail = "a token stands for a connection and not for a user: ask for /Users/{id}";
    ScimError::new(StatusCode::NOT_IMPLEMENTED, detail)
}

/// Refuses a client that takes no JSON at all (RFC 9110 s15.5.7), and answers every other in the type that it prefers.
pub(super) async fn negotiate(request: Request, next: Next) -> Response {
    if !takes_json(request.headers()) {
        let detail = "answers are application/scim+json or application/json: accept one of them";
        return ScimError::new(StatusCode::NOT_ACCEPTABLE, detail).into_response();
    }
    let preferred = HeaderValue::from_static(media_type(request.headers()));
    let mut response = next.run(request).await;
    // An error does not know what the client asked for.
    if let Some(found) = response.headers_mut().get_mut(header::CONTENT_TYPE)
        && found == SCIM_JSON
    {
        *found = preferred;
    }
    response
}

/// A missing or empty `Accept` takes everything (RFC 9110 s12.5.1).
fn takes_json(headers: &HeaderMap) -> bool {
    let mut ranges = headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter(|range| !range.trim().is_empty())
        .peekable();
    ranges.peek().is_none() || ranges.any(is_json)
}

fn is_json(range: &str) -> bool {
    let range = range.to_ascii_lowercase();
    let mut parts = range.split(';').map(str::trim);
    let takes = matches!(
        parts.next(),
        Some("*/*" | "application/*" | "application/json" | "application/scim+json")
    );
    // "q=0" refuses the range (RFC 9110 s12.4.2).
    let refused = parts.any(|part| matches!(part.strip_prefix("q="), Some("0" | "0." | "0.0" | "0.00" | "0.000")));
    takes && !refused
}
