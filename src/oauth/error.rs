//! What the token endpoint answers when it refuses (RFC 6749 s5.2). The one place with status codes.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::directory::DirectoryError;
use crate::model::oauth::ClaimsError;
use crate::rate::Wait;

/// Why there is no token. Texts keep to the characters of RFC 6749 s5.2 and hold nothing of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenError {
    /// The request is no token request.
    Request(&'static str),
    /// The client is not known, or its proof is not good. Whether the organisation exists is not told.
    Unknown(Proof),
    /// The signature is good and the claims are not.
    Claims(Proof, ClaimsError),
    /// The assertion was used before.
    Replayed(Proof),
    /// A grant that is not offered.
    GrantType,
    /// More than the one scope.
    Scope,
    /// The client's keys, or the store, cannot be had now.
    Unavailable(&'static str),
    /// A fault of ours.
    Internal,
    /// Too fast.
    TooMany(Wait),
}

/// How the client tried to prove itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Proof {
    /// RFC 7523 s2.2, or a secret in the body.
    Client,
    /// RFC 6749 s2.3.1, HTTP Basic.
    Basic,
    /// RFC 7523 s2.1: the assertion is the grant.
    Grant,
}

impl TokenError {
    /// The error's word and its status.
    fn word(self) -> (&'static str, StatusCode) {
        match self {
            Self::Request(_) => ("invalid_request", StatusCode::BAD_REQUEST),
            Self::Unknown(Proof::Grant) | Self::Claims(Proof::Grant, _) | Self::Replayed(Proof::Grant) => {
                ("invalid_grant", StatusCode::BAD_REQUEST)
            }
            Self::Unknown(_) | Self::Claims(..) | Self::Replayed(_) => ("invalid_client", StatusCode::UNAUTHORIZED),
            Self::GrantType => ("unsupported_grant_type", StatusCode::BAD_REQUEST),
            Self::Scope => ("invalid_scope", StatusCode::BAD_REQUEST),
            Self::Unavailable(_) => ("temporarily_unavailable", StatusCode::SERVICE_UNAVAILABLE),
            Self::Internal => ("server_error", StatusCode::INTERNAL_SERVER_ERROR),
            Self::TooMany(_) => ("temporarily_unavailable", StatusCode::TOO_MANY_REQUESTS),
        }
    }

    /// The status.
    pub(super) fn status(self) -> StatusCode {
        self.word().1
    }

    /// What is wrong, for people.
    pub(super) fn description(self) -> String {
        match self {
            Self::Request(what) | Self::Unavailable(what) => what.to_owned(),
            Self::Unknown(_) => "the client is not known here, or what it shows is not its own".to_owned(),
            Self::Claims(_, fault) => fault.to_string(),
            Self::Replayed(_) => "the assertion was used before: sign a new one for each request".to_owned(),
            Self::GrantType => "use client_credentials or urn:ietf:params:oauth:grant-type:jwt-bearer".to_owned(),
            Self::Scope => "the one scope is scim".to_owned(),
            Self::Internal => "the service met an internal error".to_owned(),
            Self::TooMany(_) => "too many requests: come back after the time in Retry-After".to_owned(),
        }
    }
}

impl From<DirectoryError> for TokenError {
    fn from(error: DirectoryError) -> Self {
        match error {
            DirectoryError::Contended { .. } | DirectoryError::Unavailable(_) => {
                tracing::warn!(error = %error, "a token could not be issued now");
                Self::Unavailable("the service cannot answer now: try again later")
            }
            error => {
                tracing::error!(error = %error, "a token could not be issued");
                Self::Internal
            }
        }
    }
}

impl IntoResponse for TokenError {
    fn into_response(self) -> Response {
        let (word, status) = self.word();
        let body = json!({ "error": word, "error_description": self.description() });
        let mut response = (status, Json(body)).into_response();
        let headers = response.headers_mut();
        if status == StatusCode::UNAUTHORIZED {
            // RFC 6749 s5.2: with the scheme that the client used; HTTP asks for one in any case (RFC 9110 s11.6.1).
            headers.insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static("Basic realm=\"oauth\""),
            );
        }
        match self {
            Self::TooMany(Wait(seconds)) => headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds)),
            Self::Unavailable(_) => headers.insert(header::RETRY_AFTER, HeaderValue::from_static("5")),
            _ => None,
        };
        response
    }
}
