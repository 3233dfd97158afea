//! How often a connection may ask (RFC 6585 s4; IPSIE AL1, Rate Limiting): judged by the head of a request alone, before its
//! body is read. A connection's flood is its own: no other connection, and no other organisation, waits for it.

use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use crate::directory::Principal;
use crate::rate::{ClientAddress, Wait};

use super::error::ScimError;
use super::{Scim, access};

/// Put into a request's extensions: whose token it shows.
#[derive(Clone)]
pub(super) struct Known(pub(super) Principal);

/// Lets requests through as often as the settings allow. Whoever shows no good token is answered 401, and 429 when that
/// happens too often from one address; a good token works from any address.
pub(super) async fn limit(State(scim): State<Scim>, mut request: Request, next: Next) -> Response {
    let limits = scim.settings().limits.clone();
    let address = request.extensions().get::<ClientAddress>().copied();
    if let Some(token) = access::bearer(request.headers())
        // What is wrong with a token is told by `Access`, which asks again.
        && let Ok(principal) = scim.directory().authenticate(token).await
    {
        if let (Some(organisation), Some(connection)) = (principal.organisation(), principal.connection())
            && let Err(wait) = limits.connections.take(&(organisation, connection.clone()))
        {
            return too_many(wait);
        }
        request.extensions_mut().insert(Known(principal));
    }
    let response = next.run(request).await;
    if response.status() == StatusCode::UNAUTHORIZED
        && let Err(wait) = limits.note_failure(address)
    {
        return too_many(wait);
    }
    response
}

fn too_many(wait: Wait) -> Response {
    let mut response = ScimError::new(StatusCode::TOO_MANY_REQUESTS, wait.to_string()).into_response();
    response
        .headers_mut()
        .insert(header::RETRY_AFTER, HeaderValue::from(wait.0));
    response
}
