//! Authorization server metadata (RFC 8414 s2). The answer is the same for an organisation that does not exist.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde_json::json;

use crate::model::oauth::SCOPE;
use crate::model::slug::Slug;

use super::OAuth;
use super::request::{CLIENT_CREDENTIALS, JWT_BEARER};
use super::signature::ALGORITHMS;

/// `GET /.well-known/oauth-authorization-server/oauth/{org}`.
pub(super) async fn show(State(door): State<OAuth>, Path(organisation): Path<String>) -> Response {
    // What cannot be a name is no organisation's.
    if organisation.parse::<Slug>().is_err() {
        return StatusCode::NOT_FOUND.into_response();
    }
    let algorithms: Vec<String> = ALGORITHMS.iter().map(|algorithm| format!("{algorithm:?}")).collect();
    let document = json!({
        "issuer": door.issuer(&organisation),
        "token_endpoint": door.token_endpoint(&organisation),
        "grant_types_supported": [CLIENT_CREDENTIALS, JWT_BEARER],
        // Required by RFC 8414; there is no authorization endpoint, so there is no response type.
        "response_types_supported": [],
        "scopes_supported": [SCOPE],
        "token_endpoint_auth_methods_supported": ["private_key_jwt", "client_secret_basic", "client_secret_post"],
        "token_endpoint_auth_signing_alg_values_supported": algorithms,
    });
    Json(document).into_response()
}
