//! Problem documents (RFC 9457): what the admin API answers when it refuses. The one place with status codes.

use axum::Json;
use axum::extract::rejection::{BytesRejection, JsonRejection, PathRejection, QueryRejection};
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use crate::directory::DirectoryError;
use crate::directory::job::JobRefusal;
use crate::provision::run::RunError;

/// A problem document (RFC 9457 s3).
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    status: StatusCode,
    /// The last part of `type`: `urn:usher:problem:<kind>`; programs compare it.
    kind: &'static str,
    detail: String,
    more: Map<String, Value>,
}

impl Problem {
    /// A problem that the status says all about.
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        let kind = match status {
            StatusCode::BAD_REQUEST => "bad-request",
            StatusCode::CONFLICT => "conflict",
            StatusCode::NOT_FOUND => "not-found",
            StatusCode::SERVICE_UNAVAILABLE => "unavailable",
            StatusCode::TOO_MANY_REQUESTS => "too-many-requests",
            _ => "other",
        };
        Self::of(status, kind, detail)
    }

    /// A problem of this kind.
    pub(super) fn of(status: StatusCode, kind: &'static str, detail: impl Into<String>) -> Self {
        Self {
            status,
            kind,
            detail: detail.into(),
            more: Map::new(),
        }
    }

    /// A fault of the request.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    /// A file whose parts were refused; `errors` lists them (RFC 9457 s3.2, an extension member).
    #[must_use]
    pub fn refused_file(errors: Vec<Value>) -> Self {
        let detail = format!(
            "the file has {} that must be put right; nothing was changed",
            count(errors.len())
        );
        Self::of(StatusCode::UNPROCESSABLE_ENTITY, "refused-file", detail).with("errors", json!(errors))
    }

    /// A right password, and a second factor that was not shown.
    #[must_use]
    pub fn code_needed() -> Self {
        let detail = "a code of the second factor is needed: send totp or recovery_code too";
        Self::of(StatusCode::FORBIDDEN, "code-needed", detail)
    }

    /// A fault of ours. The client learns nothing but the header by which the log has more.
    #[must_use]
    pub fn internal() -> Self {
        let detail = "something went wrong inside usher: the log has more under this answer's x-request-id";
        Self::of(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail)
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// What happened, in words.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// The same with an extension member (RFC 9457 s3.2).
    #[must_use]
    pub fn with(mut self, name: &str, value: Value) -> Self {
        self.more.insert(name.to_owned(), value);
        self
    }

    /// The document.
    #[must_use]
    pub fn document(&self) -> Value {
        let mut document = json!({
            "type": format!("urn:usher:problem:{}", self.kind),
            "title": self.status.canonical_reason().unwrap_or("Error"),
            "status": self.status.as_u16(),
            "detail": self.detail,
        });
        if let Some(members) = document.as_object_mut() {
            members.extend(self.more.clone());
        }
        document
    }
}

fn count(errors: usize) -> String {
    if errors == 1 {
        "an error".to_owned()
    } else {
        format!("{errors} errors")
    }
}

impl From<DirectoryError> for Problem {
    fn from(error: DirectoryError) -> Self {
        let detail = error.to_string();
        let (status, kind) = match &error {
            DirectoryError::Unauthenticated => (StatusCode::UNAUTHORIZED, "unauthenticated"),
            DirectoryError::Denied(_) => (StatusCode::FORBIDDEN, "denied"),
            DirectoryError::NotFound { .. } => (StatusCode::NOT_FOUND, "not-found"),
            DirectoryError::Uniqueness { .. } => (StatusCode::CONFLICT, "uniqueness"),
            DirectoryError::AwaitsReview(_) => (StatusCode::CONFLICT, "awaits-review"),
            DirectoryError::InvalidValue { .. } => (StatusCode::BAD_REQUEST, "invalid-value"),
            DirectoryError::Mutability { .. } => (StatusCode::BAD_REQUEST, "mutability"),
            DirectoryError::VersionMismatch { .. } => (StatusCode::PRECONDITION_FAILED, "version-mismatch"),
            DirectoryError::SeatsExhausted { .. } => (StatusCode::FORBIDDEN, "seats-exhausted"),
            DirectoryError::Unconfirmed(_) | DirectoryError::LicenceInUse(_) => (StatusCode::CONFLICT, "unconfirmed"),
            DirectoryError::Job(JobRefusal::AnotherPlan) => (StatusCode::CONFLICT, "another-plan"),
            DirectoryError::Job(JobRefusal::Expired) => (StatusCode::CONFLICT, "plan-expired"),
            DirectoryError::Job(JobRefusal::TargetChanged) => (StatusCode::CONFLICT, "target-changed"),
            DirectoryError::Job(JobRefusal::Discarded) => (StatusCode::CONFLICT, "job-discarded"),
            DirectoryError::Job(JobRefusal::Confirmed) => (StatusCode::CONFLICT, "job-confirmed"),
            DirectoryError::TooMany { .. } => (StatusCode::BAD_REQUEST, "too-many"),
            DirectoryError::Contended { key } => {
                tracing::warn!(key, "retries were spent");
                return Self::of(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "contended",
                    "too many changes at once: try again",
                );
            }
            DirectoryError::Unavailable(source) => {
                tracing::error!(error = %source, "the store does not answer");
                (StatusCode::SERVICE_UNAVAILABLE, "unavailable")
            }
            DirectoryError::MailFiles(source) => {
                tracing::error!(error = %source, "the files of mails cannot be deleted");
                (StatusCode::INTERNAL_SERVER_ERROR, "mail-files")
            }
            DirectoryError::Corrupt(what) => {
                tracing::error!(what, "a stored record is damaged");
                return Self::internal();
            }
        };
        let problem = Self::of(status, kind, detail);
        match error {
            DirectoryError::SeatsExhausted { licence, used, limit } => problem
                .with("licence", json!(licence))
                .with("used", json!(used))
                .with("limit", json!(limit)),
            DirectoryError::Unconfirmed(impact) => problem
                .with("confirm", json!(impact.confirm))
                .with("impact", json!(impact)),
            DirectoryError::LicenceInUse(impact) => problem
                .with("confirm", json!(impact.confirm))
                .with("impact", json!(impact)),
            DirectoryError::Uniqueness { attribute, .. } => problem.with("attribute", json!(attribute)),
            DirectoryError::InvalidValue { attribute, .. } | DirectoryError::Mutability { attribute, .. } => {
                problem.with("attribute", json!(attribute))
            }
            DirectoryError::Unauthenticated
            | DirectoryError::Denied(_)
            | DirectoryError::NotFound { .. }
            | DirectoryError::AwaitsReview(_)
            | DirectoryError::VersionMismatch { .. }
            | DirectoryError::Job(_)
            | DirectoryError::TooMany { .. }
            | DirectoryError::Contended { .. }
            | DirectoryError::Unavailable(_)
            | DirectoryError::MailFiles(_)
            | DirectoryError::Corrupt(_) => problem,
        }
    }
}

impl From<RunError> for Problem {
    fn from(error: RunError) -> Self {
        let detail = error.to_string();
        let (status, kind) = match error {
            RunError::Directory(error) => return error.into(),
            RunError::NoConnection(_) => (StatusCode::NOT_FOUND, "not-found"),
            RunError::NotADirectory(_) => (StatusCode::BAD_REQUEST, "not-a-directory"),
            RunError::Busy { .. } => (StatusCode::CONFLICT, "busy"),
            RunError::Mapping { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "mapping"),
            RunError::Snapshot { .. } => (StatusCode::BAD_GATEWAY, "directory"),
            RunError::Interrupted(_) => (StatusCode::SERVICE_UNAVAILABLE, "interrupted"),
            RunError::Crashed => (StatusCode::INTERNAL_SERVER_ERROR, "crashed"),
        };
        Self::of(status, kind, detail)
    }
}

impl From<JsonRejection> for Problem {
    fn from(rejection: JsonRejection) -> Self {
        Self::of(rejection.status(), "bad-request", rejection.body_text())
    }
}

impl From<BytesRejection> for Problem {
    fn from(rejection: BytesRejection) -> Self {
        Self::of(rejection.status(), "bad-request", rejection.body_text())
    }
}

impl From<QueryRejection> for Problem {
    fn from(rejection: QueryRejection) -> Self {
        Self::of(rejection.status(), "bad-request", rejection.body_text())
    }
}

impl From<PathRejection> for Problem {
    fn from(rejection: PathRejection) -> Self {
        Self::of(rejection.status(), "bad-request", rejection.body_text())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.document())).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if self.status == StatusCode::UNAUTHORIZED {
            // RFC 6750 s3: a refused bearer token is answered with the scheme.
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"usher\""));
        }
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}
