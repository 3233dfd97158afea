//! A token request (RFC 6749 s4.4.2, RFC 7523 s2): a form, of which is kept what counts.

use std::collections::BTreeMap;

use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::model::oauth::SCOPE;

use super::error::{Proof, TokenError};

/// RFC 6749 s4.4.
pub(super) const CLIENT_CREDENTIALS: &str = "client_credentials";
/// RFC 7523 s2.1.
pub(super) const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// RFC 7523 s2.2.
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Parameters of a form, at most.
const PARAMETERS_MAX: usize = 50;

/// What is asked.
pub(super) struct TokenRequest {
    /// Whom the client says to be, if it does.
    pub(super) client_id: Option<String>,
    /// What it shows.
    pub(super) credential: Credential,
    /// How it shows it.
    pub(super) proof: Proof,
}

/// What proves a client.
pub(super) enum Credential {
    /// A signed assertion.
    Assertion(String),
    /// A lasting token.
    Secret(String),
}

impl TokenRequest {
    /// Understands a form.
    ///
    /// # Errors
    /// [`TokenError`] for what is no such request, asks for too much, or shows nothing.
    pub(super) fn parse(headers: &HeaderMap, body: &[u8]) -> Result<Self, TokenError> {
        let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let media_type = media_type.and_then(|value| value.split(';').next()).unwrap_or_default();
        if !media_type
            .trim()
            .eq_ignore_ascii_case("application/x-www-form-urlencoded")
        {
            return Err(TokenError::Request(
                "send the parameters as application/x-www-form-urlencoded",
            ));
        }
        let mut form = parameters(body)?;
        let grant = form
            .remove("grant_type")
            .ok_or(TokenError::Request("grant_type is missing"))?;
        // RFC 6749 s3.3. No scope means the one that there is.
        if let Some(scope) = form.remove("scope")
            && scope.split(' ').any(|part| part != SCOPE)
        {
            return Err(TokenError::Scope);
        }
        match grant.as_str() {
            CLIENT_CREDENTIALS => client(headers, form),
            JWT_BEARER => {
                let assertion = form
                    .remove("assertion")
                    .ok_or(TokenError::Request("assertion is missing"))?;
                Ok(Self {
                    client_id: form.remove("client_id"),
                    credential: Credential::Assertion(assertion),
                    proof: Proof::Grant,
                })
            }
            _ => Err(TokenError::GrantType),
        }
    }
}

/// How the client proves itself: in exactly one way (RFC 6749 s2.3).
fn client(headers: &HeaderMap, mut form: BTreeMap<String, String>) -> Result<TokenRequest, TokenError> {
    let basic = basic(headers)?;
    let named = form.remove("client_id");
    let assertion_type = form.remove("client_assertion_type");
    match (form.remove("client_assertion"), form.remove("client_secret"), basic) {
        (Some(assertion), None, None) => {
            if assertion_type.as_deref() != Some(ASSERTION_TYPE) {
                return Err(TokenError::Request(
                    "client_assertion_type must be urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
                ));
            }
            Ok(TokenRequest {
                client_id: named,
                credential: Credential::Assertion(assertion),
                proof: Proof::Client,
            })
        }
        (None, Some(secret), None) => Ok(TokenRequest {
            client_id: named,
            credential: Credential::Secret(secret),
            proof: Proof::Client,
        }),
        (None, None, Some((name, secret))) => Ok(TokenRequest {
            client_id: Some(name),
            credential: Credential::Secret(secret),
            proof: Proof::Basic,
        }),
        (None, None, None) => Err(TokenError::Unknown(Proof::Client)),
        _ => Err(TokenError::Request(
            "the client proves itself in more than one way: choose one",
        )),
    }
}

/// RFC 6749 s3.2: a parameter without a value counts as left out, and none comes twice.
fn parameters(body: &[u8]) -> Result<BTreeMap<String, String>, TokenError> {
    let mut form = BTreeMap::new();
    for (name, value) in form_urlencoded::parse(body) {
        if value.is_empty() {
            continue;
        }
        if form.len() == PARAMETERS_MAX || form.insert(name.into_owned(), value.into_owned()).is_some() {
            return Err(TokenError::Request("a parameter comes twice, or there are too many"));
        }
    }
    Ok(form)
}

/// RFC 6749 s2.3.1: both halves are form-encoded before they are joined.
fn basic(headers: &HeaderMap) -> Result<Option<(String, String)>, TokenError> {
    let Some(value) = headers.get(header::AUTHORIZATION) else {
        return Ok(None);
    };
    let text = value.to_str().unwrap_or_default();
    let (scheme, rest) = text.split_once(' ').unwrap_or((text, ""));
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(TokenError::Request(
            "of the Authorization schemes only Basic is taken here",
        ));
    }
    let pair = STANDARD
        .decode(rest.trim())
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok());
    let refused = TokenError::Unknown(Proof::Basic);
    let pair = pair.ok_or(refused)?;
    let (name, secret) = pair.split_once(':').ok_or(refused)?;
    Ok(Some((decoded(name), decoded(secret))))
}

fn decoded(text: &str) -> String {
    // One value without a name: everything up to the first `&` or `=`, which an encoded text has none of.
    let first = form_urlencoded::parse(text.as_bytes()).next();
    first.map(|(value, _)| value.into_owned()).unwrap_or_default()
}
