//! How often an administrator's token may ask, judged before a body is read. The command line on a store that no gateway serves
//! is not limited.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use crate::directory::Directory;
use crate::rate::{ClientAddress, Limits, Wait};

use super::caller;
use super::problem::Problem;

/// Lets requests through as often as the settings allow.
pub(super) async fn limit(
    State((directory, limits)): State<(Directory, Arc<Limits>)>,
    request: Request,
    next: Next,
) -> Response {
    let address = request.extensions().get::<ClientAddress>().copied();
    if let Some(token) = caller::token(request.headers())
        // What is wrong with a token is told by `Caller`, which asks again.
        && let Ok(principal) = directory.authenticate(token).await
        && let Some(id) = principal.token()
        && let Err(wait) = limits.administrators.take(&id)
    {
        return too_many(wait);
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
    let mut response = Problem::new(StatusCode::TOO_MANY_REQUESTS, wait.to_string()).into_response();
    response
        .headers_mut()
        .insert(header::RETRY_AFTER, HeaderValue::from(wait.0));
    response
}
