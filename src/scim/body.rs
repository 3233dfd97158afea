//! Request bodies: the media type, the size, the JSON.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode, header};
use serde_json::Value;

use crate::model::scim_type::ScimType;

use super::Scim;
use super::error::ScimError;

/// A JSON document that the client sent.
pub struct Document(
    /// The document.
    pub Value,
);

impl FromRequest<Scim> for Document {
    type Rejection = ScimError;

    async fn from_request(request: Request, scim: &Scim) -> Result<Self, ScimError> {
        let limit = scim.settings().body_bytes_max;
        Ok(Self(read(request, scim, limit).await?))
    }
}

/// The JSON document of a bulk request, which has a bound of its own (RFC 7644 s3.7.4).
pub struct BulkDocument(
    /// The document.
    pub Value,
);

impl FromRequest<Scim> for BulkDocument {
    type Rejection = ScimError;

    async fn from_request(request: Request, scim: &Scim) -> Result<Self, ScimError> {
        let limit = scim.settings().bulk_bytes_max;
        Ok(Self(read(request, scim, limit).await?))
    }
}

async fn read(request: Request, scim: &Scim, limit: usize) -> Result<Value, ScimError> {
    check_media_type(request.headers())?;
    let bytes = Bytes::from_request(request, scim)
        .await
        .map_err(|error| unreadable(&error, limit))?;
    serde_json::from_slice(&bytes).map_err(|error| {
        let detail = format!("the body is not JSON: {error}");
        ScimError::bad_request(ScimType::InvalidSyntax, detail)
    })
}

/// `application/scim+json` (RFC 7644 s3.1) or `application/json`, with any parameters; absent is taken for the former.
fn check_media_type(headers: &HeaderMap) -> Result<(), ScimError> {
    let Some(value) = headers.get(header::CONTENT_TYPE) else {
        return Ok(());
    };
    let essence = value
        .to_str()
        .unwrap_or_default()
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    if matches!(essence.as_str(), "application/scim+json" | "application/json") {
        return Ok(());
    }
    let detail = format!("the media type {essence:?} is not supported: send application/scim+json");
    Err(ScimError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail))
}

fn unreadable(error: &BytesRejection, limit: usize) -> ScimError {
    if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return ScimError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("the body is larger than {limit} bytes"),
        );
    }
    ScimError::bad_request(ScimType::InvalidSyntax, "the body could not be read to its end")
}
