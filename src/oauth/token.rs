//! `POST /oauth/{org}/token` (RFC 6749 s3.2): an access token for an assertion, or for a lasting token.

use std::sync::Arc;
use std::time::Instant;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use jsonwebtoken::Header;
use jsonwebtoken::jwk::Jwk;
use serde_json::json;

use crate::directory::DirectoryError;
use crate::directory::journal::{JournalEntry, Refusal};
use crate::directory::oauth::{ExchangeAssertion, Exchanged, IssuedAccess};
use crate::directory::settings::OrganisationSettings;
use crate::model::oauth::{Claims, OAuthClient, SCOPE};
use crate::model::slug::Slug;

use super::OAuth;
use super::error::{Proof, TokenError};
use super::request::{Credential, TokenRequest};
use super::signature;

/// The endpoint's place in a request journal.
const ROUTE: &str = "/oauth/{org}/token";

/// What became of a request, and in whose journal it is noted: that of the connection that it names, if it names one.
struct Outcome {
    connection: Option<Slug>,
    result: Result<IssuedAccess, TokenError>,
}

impl From<TokenError> for Outcome {
    fn from(error: TokenError) -> Self {
        Self {
            connection: None,
            result: Err(error),
        }
    }
}

/// Issues a token.
pub(super) async fn issue(
    State(door): State<OAuth>,
    Path(organisation): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let started = Instant::now();
    let Ok(body) = body else {
        return TokenError::Request("the request is too long, or was broken off").into_response();
    };
    let request = match TokenRequest::parse(&headers, &body) {
        Ok(request) => request,
        Err(error) => return error.into_response(),
    };
    // An organisation that does not exist has no clients; nothing more is told.
    let found = match organisation.parse::<Slug>() {
        Ok(slug) => door.0.directory.find_organisation(&slug).await,
        Err(_) => Ok(None),
    };
    let settings = match found {
        Ok(Some(settings)) => settings,
        Ok(None) => return TokenError::Unknown(request.proof).into_response(),
        Err(error) => return TokenError::from(error).into_response(),
    };
    let outcome = exchange(&door, &settings, &request).await;
    let status = outcome
        .result
        .as_ref()
        .map_or_else(|error| error.status(), |_| StatusCode::OK);
    if let Some(connection) = &outcome.connection {
        let refusal = outcome.result.as_ref().err().map(|error| Refusal {
            scim_type: None,
            detail: error.description(),
        });
        let entry = JournalEntry {
            at: door.0.directory.clock().now(),
            method: "POST".to_owned(),
            path: ROUTE.to_owned(),
            status: status.as_u16(),
            duration_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            normalised: Vec::new(),
            refusal,
        };
        let directory = &door.0.directory;
        directory.note_request(settings.organisation.id, connection, entry, door.0.journal_entries_max);
    }
    match outcome.result {
        Ok(issued) => {
            // RFC 6749 s5.1.
            let body = json!({
                "access_token": issued.text,
                "token_type": "Bearer",
                "expires_in": issued.lifetime_s,
                "scope": SCOPE,
            });
            Json(body).into_response()
        }
        Err(error) => error.into_response(),
    }
}

async fn exchange(door: &OAuth, settings: &OrganisationSettings, request: &TokenRequest) -> Outcome {
    match &request.credential {
        Credential::Assertion(assertion) => with_assertion(door, settings, request, assertion).await,
        Credential::Secret(secret) => {
            let name = request.client_id.as_deref().unwrap_or_default();
            let directory = &door.0.directory;
            match directory.exchange_secret(settings.organisation.id, name, secret).await {
                Ok((connection, issued)) => Outcome {
                    connection: Some(connection),
                    result: Ok(issued),
                },
                Err(DirectoryError::Unauthenticated) => TokenError::Unknown(request.proof).into(),
                Err(error) => TokenError::from(error).into(),
            }
        }
    }
}

async fn with_assertion(
    door: &OAuth,
    settings: &OrganisationSettings,
    request: &TokenRequest,
    assertion: &str,
) -> Outcome {
    let unknown = TokenError::Unknown(request.proof);
    let Some((header, claimed)) = signature::read(assertion) else {
        return unknown.into();
    };
    let (connection, client) = match whose(settings, request, &claimed) {
        Ok(found) => found,
        Err(error) => return error.into(),
    };
    let result = prove(
        door,
        settings,
        request.proof,
        (connection, client),
        (assertion, &header),
    )
    .await;
    Outcome {
        connection: Some(connection.clone()),
        result,
    }
}

/// The one client that the assertion, of which nothing is known to be true yet, can be of.
fn whose<'a>(
    settings: &'a OrganisationSettings,
    request: &TokenRequest,
    claimed: &Claims,
) -> Result<(&'a Slug, &'a OAuthClient), TokenError> {
    let clients = settings.connections.values().filter_map(|connection| {
        let client = connection.oauth.as_ref()?;
        Some((&connection.name, client))
    });
    let mut fitting = clients.filter(|(name, client)| {
        let wanted = request.client_id.as_deref();
        claimed.iss.as_deref() == Some(client.issuer(name))
            && claimed.sub.as_deref() == Some(client.subject(name))
            && wanted.is_none_or(|wanted| wanted == client.client_id(name))
    });
    match (fitting.next(), fitting.next()) {
        (Some(found), None) => Ok(found),
        (None, _) => Err(TokenError::Unknown(request.proof)),
        (Some(_), Some(_)) => Err(TokenError::Request(
            "several clients have this issuer and subject: say which with client_id",
        )),
    }
}

/// Checks signature and claims, and exchanges the assertion.
async fn prove(
    door: &OAuth,
    settings: &OrganisationSettings,
    proof: Proof,
    (connection, client): (&Slug, &OAuthClient),
    (assertion, header): (&str, &Header),
) -> Result<IssuedAccess, TokenError> {
    let directory = &door.0.directory;
    let now = directory.clock().now();
    let keys = keys_of(door, client, header).await?;
    // RFC 7523 s3, 9: whose signature is not known to be good is told nothing about the rest.
    let claims = signature::verified(assertion, header, &keys).ok_or(TokenError::Unknown(proof))?;
    let slug = settings.organisation.slug.as_str();
    let own = [door.token_endpoint(slug), door.issuer(slug)];
    let audiences: Vec<&str> = match &client.audience {
        Some(audience) => vec![audience],
        None => own.iter().map(String::as_str).collect(),
    };
    let judged = claims.judge(client, connection, &audiences, now);
    let proven = judged.map_err(|fault| TokenError::Claims(proof, fault))?;
    let exchange = ExchangeAssertion {
        connection,
        client,
        proven: &proven,
        signed: assertion.rsplit_once('.').map_or("", |(signed, _)| signed),
    };
    match directory
        .exchange_assertion(settings.organisation.id, &exchange)
        .await?
    {
        Exchanged::Issued(issued) => Ok(issued),
        Exchanged::Replayed => Err(TokenError::Replayed(proof)),
        Exchanged::Changed => Err(TokenError::Unknown(proof)),
    }
}

async fn keys_of(door: &OAuth, client: &OAuthClient, header: &Header) -> Result<Arc<[Jwk]>, TokenError> {
    match (&client.jwks, &client.jwks_uri) {
        (Some(set), _) => Ok(signature::understood(&set.keys).into()),
        (None, Some(uri)) => {
            let now = door.0.directory.clock().now();
            let keys = door.0.key_sets.keys(uri, header.kid.as_deref(), now).await;
            keys.map_err(|_| TokenError::Unavailable("the client's keys cannot be fetched from its jwks_uri now"))
        }
        (None, None) => Ok(Arc::default()),
    }
}
