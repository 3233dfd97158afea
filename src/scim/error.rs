//! SCIM errors (RFC 7644 s3.12): the only place where a refusal becomes a status.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::directory::DirectoryError;
use crate::model::filter::FilterError;
use crate::model::normalise::SchemaError;
use crate::model::patch::PatchError;
use crate::model::projection::ProjectionError;
use crate::model::scim_type::ScimType;
use crate::model::sort::SortError;

use super::journal::Refused;

/// The error schema (RFC 7644 s3.12).
const ERROR_SCHEMA: &str = "urn:ietf:params:scim:api:messages:2.0:Error";

/// A refusal on its way to the client.
#[derive(Debug)]
pub struct ScimError {
    status: StatusCode,
    scim_type: Option<ScimType>,
    detail: String,
    /// What a 401 asks for.
    challenge: &'static str,
}

/// What a 401 asks for when nothing was shown (RFC 6750 s3).
const BEARER: &str = "Bearer realm=\"scim\", scope=\"scim\"";
/// What it asks for when a token was shown that opens nothing (RFC 6750 s3.1).
pub(super) const INVALID_TOKEN: &str = "Bearer realm=\"scim\", scope=\"scim\", error=\"invalid_token\"";

impl ScimError {
    /// An error with this status and without a `scimType`.
    #[must_use]
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            status,
            scim_type: None,
            detail: detail.into(),
            challenge: BEARER,
        }
    }

    /// The same, asking for this if it is a 401.
    #[must_use]
    pub(super) fn with_challenge(mut self, challenge: &'static str) -> Self {
        self.challenge = challenge;
        self
    }

    /// A 400 of this kind.
    #[must_use]
    pub fn bad_request(scim_type: ScimType, detail: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            scim_type: Some(scim_type),
            detail: detail.into(),
            challenge: BEARER,
        }
    }

    /// There is no such resource.
    #[must_use]
    pub fn not_found(id: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, format!("resource {id:?} does not exist"))
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The body (RFC 7644 s3.12): the status is a string there.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut body = json!({
            "schemas": [ERROR_SCHEMA],
            "status": self.status.as_str(),
            "detail": self.detail,
        });
        if let Some(scim_type) = self.scim_type {
            body["scimType"] = scim_type.as_str().into();
        }
        body
    }
}

impl From<DirectoryError> for ScimError {
    fn from(error: DirectoryError) -> Self {
        let detail = error.to_string();
        let (status, scim_type) = match &error {
            DirectoryError::Unauthenticated => (StatusCode::UNAUTHORIZED, None),
            DirectoryError::Denied(_) | DirectoryError::SeatsExhausted { .. } => (StatusCode::FORBIDDEN, None),
            DirectoryError::NotFound { .. } => (StatusCode::NOT_FOUND, None),
            DirectoryError::Uniqueness { .. } | DirectoryError::AwaitsReview(_) => {
                (StatusCode::CONFLICT, Some(ScimType::Uniqueness))
            }
            DirectoryError::InvalidValue { .. } => (StatusCode::BAD_REQUEST, Some(ScimType::InvalidValue)),
            DirectoryError::Mutability { .. } => (StatusCode::BAD_REQUEST, Some(ScimType::Mutability)),
            DirectoryError::Unconfirmed(_) | DirectoryError::LicenceInUse(_) | DirectoryError::Job(_) => {
                (StatusCode::CONFLICT, None)
            }
            DirectoryError::VersionMismatch { .. } => (StatusCode::PRECONDITION_FAILED, None),
            DirectoryError::TooMany { .. } => (StatusCode::BAD_REQUEST, Some(ScimType::TooMany)),
            DirectoryError::Contended { .. } | DirectoryError::Unavailable(_) => {
                tracing::warn!(error = %error, "a request could not be served now");
                let detail = "the service cannot answer now, try again later";
                return Self::new(StatusCode::SERVICE_UNAVAILABLE, detail);
            }
            DirectoryError::Corrupt(_) | DirectoryError::MailFiles(_) => {
                tracing::error!(error = %error, "what is stored is damaged or cannot be reached");
                return Self::new(StatusCode::INTERNAL_SERVER_ERROR, "the service met an internal error");
            }
        };
        Self {
            status,
            scim_type,
            detail,
            challenge: BEARER,
        }
    }
}

impl From<SchemaError> for ScimError {
    fn from(error: SchemaError) -> Self {
        Self::bad_request(error.scim_type(), error.to_string())
    }
}

impl From<PatchError> for ScimError {
    fn from(error: PatchError) -> Self {
        Self::bad_request(error.scim_type(), error.to_string())
    }
}

impl From<ProjectionError> for ScimError {
    fn from(error: ProjectionError) -> Self {
        Self::bad_request(error.scim_type(), error.to_string())
    }
}

impl From<SortError> for ScimError {
    fn from(error: SortError) -> Self {
        Self::bad_request(error.scim_type(), error.to_string())
    }
}

impl From<FilterError> for ScimError {
    fn from(error: FilterError) -> Self {
        match error.scim_type() {
            // RFC 7644 s7.5.2: 403 for sensitive information in a request URI.
            ScimType::Sensitive => Self {
                status: StatusCode::FORBIDDEN,
                scim_type: Some(ScimType::Sensitive),
                detail: error.to_string(),
                challenge: BEARER,
            },
            scim_type => Self::bad_request(scim_type, error.to_string()),
        }
    }
}

impl IntoResponse for ScimError {
    fn into_response(self) -> Response {
        let body = self.to_json().to_string();
        let mut response = (self.status, body).into_response();
        response.extensions_mut().insert(Refused {
            scim_type: self.scim_type.map(ScimType::as_str),
            detail: self.detail,
        });
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static(super::response::SCIM_JSON),
        );
        match self.status {
            StatusCode::UNAUTHORIZED => {
                // RFC 6750 s3.
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(self.challenge));
            }
            StatusCode::SERVICE_UNAVAILABLE => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
            }
            _ => {}
        }
        response
    }
}

/// A path below the base URL that nothing answers.
pub(super) async fn no_such_endpoint() -> ScimError {
    let detail = "there is no such endpoint: see /ResourceTypes for those that are there";
    ScimError::new(StatusCode::NOT_FOUND, detail)
}

/// A method that the endpoint does not have; `Allow` names those that it has (RFC 9110 s15.5.6).
pub(super) async fn method_not_allowed() -> ScimError {
    ScimError::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "the endpoint does not support this method: see the Allow header",
    )
}
