//! The token endpoint (RFC 6749 s4.4, RFC 7523): a SCIM client exchanges an assertion that it signed for an access token, and
//! the metadata that says where and how (RFC 8414). What an assertion must claim is judged in `model::oauth`, what it
//! opens in `directory::oauth`; here is only what crosses the network: forms, keys and signatures.
//!
//! No assertion, secret or token reaches a log, a journal or an error.

mod error;
mod keys;
mod metadata;
mod request;
mod signature;
mod token;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::header;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};

use crate::directory::Directory;
use crate::rate::{ClientAddress, Limits};

use error::TokenError;
use keys::KeySets;

/// Bytes of a token request: an assertion has a few thousand.
const BODY_BYTES_MAX: usize = 64 << 10;

/// The door.
#[derive(Clone)]
struct OAuth(Arc<Shared>);

struct Shared {
    directory: Directory,
    /// Without a slash at the end.
    public_url: String,
    journal_entries_max: usize,
    limits: Arc<Limits>,
    key_sets: KeySets,
}

impl OAuth {
    /// The authorization server of an organisation (RFC 8414 s2).
    fn issuer(&self, organisation: &str) -> String {
        format!("{}/oauth/{organisation}", self.0.public_url)
    }

    fn token_endpoint(&self, organisation: &str) -> String {
        format!("{}/oauth/{organisation}/token", self.0.public_url)
    }
}

/// The routes over a directory. `public_url` is the address that clients know the gateway by; of the exchanges of each
/// connection, `journal_entries_max` are kept in its request journal.
pub fn router(directory: Directory, public_url: &str, journal_entries_max: usize, limits: Arc<Limits>) -> Router {
    signature::prepare();
    let door = OAuth(Arc::new(Shared {
        directory,
        public_url: public_url.trim_end_matches('/').to_owned(),
        journal_entries_max,
        limits,
        key_sets: KeySets::new(),
    }));
    Router::new()
        // RFC 6749 s3.2: Entra, clients of the IPSIE profile.
        .route("/oauth/{org}/token", post(token::issue))
        // RFC 8414 s3.1; and below the issuer, for a public address with a path of its own.
        .route(
            "/.well-known/oauth-authorization-server/oauth/{org}",
            get(metadata::show),
        )
        .route(
            "/oauth/{org}/.well-known/oauth-authorization-server",
            get(metadata::show),
        )
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(middleware::from_fn_with_state(door.clone(), limit))
        .with_state(door)
}

/// Too many requests are refused before their bodies are read. Every answer says that it is nobody else's (RFC 6749 s5.1).
async fn limit(State(door): State<OAuth>, request: Request, next: Next) -> Response {
    let address = request.extensions().get::<ClientAddress>().copied();
    let taken = address.map_or(Ok(()), |address| door.0.limits.exchanges.take(&address.key()));
    let mut response = match taken {
        Ok(()) => next.run(request).await,
        Err(wait) => TokenError::TooMany(wait).into_response(),
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    headers.insert(header::PRAGMA, header::HeaderValue::from_static("no-cache"));
    response
}
