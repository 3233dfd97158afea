//! Request bodies: the media type, the size, the JSON.

use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode, header};
use http_body_util::BodyExt as _;
use hyper::body::Body as _;
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
        Ok(Self(read(request, limit).await?))
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
        Ok(Self(read(request, limit).await?))
    }
}

async fn read(request: Request, limit: usize) -> Result<Value, ScimError> {
    check_media_type(request.headers())?;
    let bytes = bytes_of(request, limit).await?;
    serde_json::from_slice(&bytes).map_err(|error| {
        let detail = format!("the body is not JSON: {error}");
        ScimError::bad_request(ScimType::InvalidSyntax, detail)
    })
}

/// Bytes of a body past its bound that are still received, and thrown away: a client that sends all before it reads would
/// else lose the answer with the connection. The gateway's time for a request bounds it too.
const DRAINED_MAX: usize = 64 << 20;

/// The body, held up to `limit` bytes.
async fn bytes_of(request: Request, limit: usize) -> Result<Vec<u8>, ScimError> {
    let too_large = || {
        let detail = format!("the body is larger than {limit} bytes");
        ScimError::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
    };
    let mut body = request.into_body();
    let announced = body.size_hint().lower();
    if announced > (limit + DRAINED_MAX) as u64 {
        return Err(too_large());
    }
    let mut is_too_large = announced > limit as u64;
    let mut bytes = Vec::new();
    let mut received = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| {
            let detail = "the body could not be read to its end";
            ScimError::bad_request(ScimType::InvalidSyntax, detail)
        })?;
        let Ok(data) = frame.into_data() else { continue };
        received += data.len();
        is_too_large |= received > limit;
        if !is_too_large {
            bytes.extend_from_slice(&data);
        } else if received > limit + DRAINED_MAX {
            break;
        } else {
            bytes = Vec::new();
        }
    }
    if is_too_large { Err(too_large()) } else { Ok(bytes) }
}

/// `application/scim+json` (RFC 7644 s3.1) or `application/json`, with any parameters; absent is taken for the former.
fn check_media_type(headers: &HeaderMap) -> Result<(), ScimError> {
    // RFC 9110 s8.4: what is compressed is not JSON yet.
    if let Some(coding) = headers.get(header::CONTENT_ENCODING)
        && !coding.as_bytes().eq_ignore_ascii_case(b"identity")
    {
        let detail = format!("the content coding {coding:?} is not supported: send the body as it is");
        return Err(ScimError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
    }
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
