//! The header `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header): a write that is sent again is answered again and done
//! once. See [`crate::directory::idempotency`] for what holds.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest as _, MatchedPath, Request, State};
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use chrono::TimeDelta;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tracing::Instrument as _;

use crate::directory::idempotency::{Begun, KeptAnswer, Keyed};
use crate::directory::{Correlation, Directory, DirectoryError, keys};
use crate::model::id::OrganisationId;
use crate::model::slug::Slug;
use crate::store::Key;

use super::caller;
use super::problem::Problem;
use super::routes::Served;

/// The header.
const HEADER: &str = "idempotency-key";
/// Says that an answer is one that was given before.
const REPLAYED: &str = "idempotency-replayed";
/// Bytes of a key.
const KEY_BYTES_MAX: usize = 255;
/// Bytes of an answer that is kept.
const ANSWER_BYTES_MAX: usize = 32 * 1024;
/// Work with a key is ended after this long: before its key counts as given up.
const WORK_MAX: Duration = Duration::from_secs(100);
/// Members of answers that are shown once.
const SECRETS: [&str; 7] = [
    "token",
    "secret",
    "password",
    "otpauth",
    "recovery_codes",
    "link",
    "url",
];

/// Does a write with a key once.
pub(super) async fn keep(
    State((directory, kept)): State<(Directory, Duration)>,
    request: Request,
    next: Next,
) -> Response {
    if ![Method::POST, Method::PUT, Method::PATCH, Method::DELETE].contains(request.method()) {
        return next.run(request).await;
    }
    // What no handler answers uses no key up.
    if is_wrong_method(&request) {
        return next.run(request).await;
    }
    let key = match key(request.headers()) {
        Ok(Some(key)) => key.to_owned(),
        Ok(None) => return next.run(request).await,
        Err(problem) => return problem.into_response(),
    };
    once(&directory, kept, &key, request, next)
        .await
        .unwrap_or_else(|problem| problem.into_response())
}

/// Whether the address is served, and not with this method. An address that the table of routes does not show counts as served.
fn is_wrong_method(request: &Request) -> bool {
    static SERVED: LazyLock<Vec<Served>> = LazyLock::new(|| super::routes().served().to_vec());
    let Some(matched) = request.extensions().get::<MatchedPath>() else {
        return false;
    };
    let path = matched.as_str().trim_end_matches('/');
    let path = path.strip_prefix("/api/v1").unwrap_or(path);
    let mut here = SERVED.iter().filter(|served| served.path == path).peekable();
    here.peek().is_some() && here.all(|served| served.method != *request.method())
}

async fn once(
    directory: &Directory,
    kept: Duration,
    key: &str,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    // A request that shows no good token changes nothing: `Caller` refuses it, or it needs none and its secret is used up.
    let principal = match caller::token(request.headers()) {
        Some(token) => directory.authenticate(token).await.ok(),
        None => None,
    };
    let Some(token) = principal.as_ref().and_then(|principal| principal.token()) else {
        return Ok(next.run(request).await);
    };
    let (parts, body) = request.into_parts();
    let bytes = Bytes::from_request(Request::from_parts(parts.clone(), body), &()).await?;
    let address = parts.uri.path_and_query().map_or("", |address| address.as_str());
    let keyed = Keyed {
        organisation: organisation(directory, parts.uri.path()).await?,
        token,
        hash: hash(&[key.as_bytes()]),
        fingerprint: hash(&[parts.method.as_str().as_bytes(), address.as_bytes(), &bytes]),
    };
    let kept = TimeDelta::from_std(kept).unwrap_or(TimeDelta::MAX);
    let (place, done) = match directory.begin_idempotent(&keyed, kept).await? {
        Begun::New { key, done } => (key, done),
        Begun::Answered(answer) => return replay(answer),
        Begun::InFlight => return Ok(in_flight()),
        Begun::Unanswered => return Err(unanswered()),
        Begun::Another => return Err(another()),
    };
    let mut request = Request::from_parts(parts, Body::from(bytes));
    let correlation = Correlation {
        request: caller::request_id(request.headers()),
        done: Some((place.clone(), done.into())),
    };
    request.extensions_mut().insert(Arc::new(correlation));
    // A task of its own: a client that hangs up, and will ask again, does not cut the work short.
    let directory = directory.clone();
    let work = async move {
        let response = tokio::time::timeout(WORK_MAX, next.run(request)).await;
        let late = |_| {
            Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "the request took too long: look at what it changed",
            )
        };
        answered(&directory, &place, response.map_err(late)?).await
    };
    match tokio::spawn(work.instrument(tracing::Span::current())).await {
        Ok(response) => response,
        // The panic goes on where it becomes an answer and a line in the log.
        Err(ended) => match ended.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(Problem::internal()),
        },
    }
}

/// Keeps an answer and gives it.
async fn answered(directory: &Directory, place: &Key, response: Response) -> Result<Response, Problem> {
    let (parts, body) = response.into_parts();
    let content_type = parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let content_type = content_type.map(str::to_owned);
    let mut answer = KeptAnswer {
        status: parts.status.as_u16(),
        content_type,
        body: None,
    };
    // What comes line by line is not held back until its end.
    if answer.content_type.as_deref() == Some("application/x-ndjson") {
        directory.end_idempotent(place, answer).await?;
        return Ok(Response::from_parts(parts, body));
    }
    let bytes = body.collect().await.map_err(|_| Problem::internal())?.to_bytes();
    if bytes.len() <= ANSWER_BYTES_MAX {
        answer.body = std::str::from_utf8(&bytes).ok().map(without_secrets);
    }
    directory.end_idempotent(place, answer).await?;
    Ok(Response::from_parts(parts, Body::from(bytes)))
}

/// The organisation in the path; the gateway's own place for what is none's.
async fn organisation(directory: &Directory, path: &str) -> Result<OrganisationId, DirectoryError> {
    let named = path
        .strip_prefix("/organisations/")
        .and_then(|rest| rest.split('/').next());
    let Some(slug) = named.and_then(|named| named.parse::<Slug>().ok()) else {
        return Ok(keys::GATEWAY);
    };
    let found = directory.find_organisation(&slug).await?;
    Ok(found.map_or(keys::GATEWAY, |settings| settings.organisation.id))
}

/// The key. The draft writes it as a quoted string (s2.1); many clients leave the quotes out.
fn key(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let Some(value) = headers.get(HEADER) else {
        return Ok(None);
    };
    let text = value.to_str().unwrap_or_default();
    let quoted = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    let key = quoted.unwrap_or(text);
    if key.is_empty() || key.len() > KEY_BYTES_MAX || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        let cure = format!("Idempotency-Key: send 1 to {KEY_BYTES_MAX} printable ASCII characters without spaces");
        return Err(Problem::bad_request(cure));
    }
    Ok(Some(key))
}

fn hash(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A JSON answer without what is shown once; `withheld` says what was left out.
fn without_secrets(text: &str) -> String {
    let Ok(mut answer) = serde_json::from_str::<Value>(text) else {
        return text.to_owned();
    };
    let mut withheld = Vec::new();
    withhold(&mut answer, &mut withheld);
    if withheld.is_empty() {
        return text.to_owned();
    }
    if let Some(members) = answer.as_object_mut() {
        members.insert("withheld".to_owned(), json!(withheld));
    }
    answer.to_string()
}

fn withhold(value: &mut Value, withheld: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            members.retain(|name, member| {
                let is_secret = SECRETS.contains(&name.as_str()) && !member.is_null();
                if is_secret {
                    withheld.push(name.clone());
                }
                !is_secret
            });
            members.values_mut().for_each(|member| withhold(member, withheld));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| withhold(item, withheld)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn replay(answer: KeptAnswer) -> Result<Response, Problem> {
    let Some(body) = answer.body else {
        let detail = format!(
            "this request was done before and answered with status {}; that answer was not kept, because it was long or came in \
             parts: look at what it changed",
            answer.status
        );
        return Err(Problem::of(StatusCode::CONFLICT, "answer-not-kept", detail));
    };
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    headers.remove(CONTENT_TYPE);
    if let Some(kind) = answer.content_type.and_then(|kind| HeaderValue::try_from(kind).ok()) {
        headers.insert(CONTENT_TYPE, kind);
    }
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    Ok(response)
}

fn in_flight() -> Response {
    let detail = "a request with this idempotency key is still being answered: ask again in a moment";
    let mut response = Problem::of(StatusCode::CONFLICT, "in-flight", detail).into_response();
    response
        .headers_mut()
        .insert(RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

fn unanswered() -> Problem {
    let detail = "this request was begun before and its answer is lost, because the gateway ended in between: look at what it \
                  changed, and use a new idempotency key for what is left to do";
    Problem::of(StatusCode::CONFLICT, "answer-lost", detail)
}

fn another() -> Problem {
    let detail = "this idempotency key was used for another request: use a new one for each change";
    Problem::of(StatusCode::UNPROCESSABLE_ENTITY, "idempotency-key-reused", detail)
}
