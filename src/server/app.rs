//! The gateway's routes, and what every request passes: an identifier, a span, a bound on time and size, and a place where a
//! panic becomes an answer.

use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{DefaultBodyLimit, MatchedPath, Request};
use axum::http::{HeaderName, HeaderValue, StatusCode, Uri};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Router};
use futures_util::FutureExt as _;
use tower_http::request_id::{MakeRequestId, PropagateRequestIdLayer, RequestId, SetRequestIdLayer};
use tower_http::trace::TraceLayer;
use tracing::Span;

use super::{address, health, metrics};
use crate::admin;
use crate::admin::connections::PublicUrl;
use crate::admin::export::SheetLimits;
use crate::admin::problem::Problem;
use crate::config::{Config, ScimConfig, ServerConfig};
use crate::directory::Directory;
use crate::directory::query::QueryBudget;
use crate::invitee;
use crate::model::filter::FilterLimits;
use crate::oauth;
use crate::rate::delays::Growth;
use crate::rate::{Limits, Rate, Rates};
use crate::scim::error::ScimError;
use crate::scim::{self, ScimSettings};

/// The header that carries a request's identifier, in both directions.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A client's own identifier is kept up to this many bytes.
const REQUEST_ID_BYTES_MAX: usize = 64;

/// Every door over one directory. Who calls what: identity providers `/scim` and `/oauth`, the command line and the product `/api/v1`, invited people `/invitations`,
/// supervisors `/healthz` and `/readyz`, Prometheus `/metrics`. `public_url` is the address that clients know the gateway by.
pub fn router(directory: &Directory, config: &Config, public_url: &str) -> Router {
    let limits = Arc::new(Limits::new(rates(config)));
    let scim = scim_settings(&config.scim, public_url, &limits);
    let journal_entries_max = config.scim.journal_entries_max;
    let kept = Duration::from_secs(u64::from(config.server.idempotency_hours) * 60 * 60);
    let admin = admin::idempotent(admin::router(directory.clone()), directory.clone(), kept);
    let admin = admin::limit(admin, directory.clone(), Arc::clone(&limits));
    let admin = admin.layer(Extension(PublicUrl(public_url.into())));
    let admin = admin.layer(Extension(SheetLimits {
        workbook_rows: config.sheets.workbook_rows_max,
    }));
    let admin = admin.layer(Extension(Arc::clone(&limits)));
    let routes = Router::new()
        .merge(scim::router(directory.clone(), scim))
        .merge(oauth::router(
            directory.clone(),
            public_url,
            journal_entries_max,
            Arc::clone(&limits),
        ))
        .merge(invitee::router(directory.clone(), Arc::clone(&limits)))
        .merge(health::router(directory.clone()))
        .merge(admin::limit(
            metrics::router(directory.clone()),
            directory.clone(),
            Arc::clone(&limits),
        ))
        .nest("/api/v1", admin)
        .fallback(no_such_place);
    layers(routes, &config.server)
}

/// What every request passes, from the inside out.
pub fn layers(routes: Router, config: &ServerConfig) -> Router {
    let limit = config.request_timeout();
    let proxies: Arc<[IpAddr]> = config.trusted_proxies.iter().map(IpAddr::to_canonical).collect();
    routes
        .layer(DefaultBodyLimit::max(config.body_bytes_max))
        .layer(middleware::from_fn(move |request: Request, next: Next| {
            guard(limit, request, next)
        }))
        .layer(middleware::from_fn(metrics::count))
        .layer(middleware::from_fn(move |request: Request, next: Next| {
            address::note(Arc::clone(&proxies), request, next)
        }))
        .layer(
            TraceLayer::new_for_http()
                .make_span_with(span)
                .on_request(())
                .on_response(answered)
                .on_failure(()),
        )
        .layer(PropagateRequestIdLayer::new(REQUEST_ID))
        .layer(SetRequestIdLayer::new(REQUEST_ID, NewRequestId))
        .layer(middleware::from_fn(drop_odd_request_id))
}

/// The service's settings from the configuration.
fn scim_settings(config: &ScimConfig, public_url: &str, limits: &Arc<Limits>) -> ScimSettings {
    ScimSettings {
        public_url: public_url.to_owned(),
        body_bytes_max: config.body_bytes_max,
        page_max: config.page_max,
        page_default: config.page_default,
        filter: FilterLimits {
            length: config.filter_bytes_max,
            depth: config.filter_depth_max,
        },
        patch_operations_max: config.patch_operations_max,
        members_max: config.members_max,
        budget: QueryBudget {
            records: config.query_records_max,
        },
        cursor_timeout_s: config.cursor_timeout_s as u64,
        bulk_operations_max: config.bulk_operations_max,
        bulk_bytes_max: config.bulk_bytes_max,
        journal_entries_max: config.journal_entries_max,
        limits: Arc::clone(limits),
    }
}

/// How often clients may ask. What is above the range of the limits is above what any machine serves.
fn rates(config: &Config) -> Rates {
    let number = |setting: usize| u32::try_from(setting).unwrap_or(u32::MAX);
    let (scim, server, sign_in) = (&config.scim, &config.server, &config.sign_in);
    Rates {
        connection: Rate::per_second(number(scim.requests_per_second), number(scim.requests_burst)),
        administrator: Rate::per_second(server.admin_requests_per_second, server.admin_requests_burst),
        failures: Rate::per_minute(server.failures_per_minute),
        exchanges: Rate::per_minute(server.token_requests_per_minute),
        pages: Rate::per_minute(server.page_requests_per_minute),
        sign_ins: Growth {
            attempts: sign_in.address_attempts,
            first: sign_in.address_first_delay(),
            max: sign_in.address_max_delay(),
        },
    }
}

async fn no_such_place(address: Uri) -> Response {
    let problem = Problem::new(StatusCode::NOT_FOUND, "there is nothing at this address");
    refusal(is_scim(&address), problem)
}

fn is_scim(address: &Uri) -> bool {
    let path = address.path();
    path == "/scim" || path.starts_with("/scim/")
}

/// Ends a request that takes too long (what it had committed stays committed), and makes a panic an answer.
async fn guard(limit: Duration, request: Request, next: Next) -> Response {
    let is_scim = is_scim(request.uri());
    let answering = AssertUnwindSafe(next.run(request)).catch_unwind();
    match tokio::time::timeout(limit, answering).await {
        Ok(Ok(response)) => response,
        Ok(Err(panic)) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let what = text.or_else(|| panic.downcast_ref::<&str>().copied());
            tracing::error!(panic = what.unwrap_or("no message"), "a request panicked");
            refusal(is_scim, Problem::internal())
        }
        Err(_) => {
            tracing::warn!(limit_s = limit.as_secs(), "a request took too long and was ended");
            let detail = "the request took too long: try again";
            refusal(is_scim, Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail))
        }
    }
}

/// A SCIM client understands errors in its own form only (RFC 7644 s3.12).
fn refusal(is_scim: bool, problem: Problem) -> Response {
    if is_scim {
        ScimError::new(problem.status(), problem.detail()).into_response()
    } else {
        problem.into_response()
    }
}

/// The route's pattern and not the path; never the query, which holds names and addresses of people.
fn span(request: &Request) -> Span {
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("none", MatchedPath::as_str);
    let id = request.extensions().get::<RequestId>();
    let id = id.and_then(|id| id.header_value().to_str().ok()).unwrap_or_default();
    tracing::info_span!("request", method = %request.method(), route, request.id = id)
}

fn answered(response: &Response, duration: Duration, _: &Span) {
    let duration_ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    tracing::info!(status = response.status().as_u16(), duration_ms, "answered");
}

/// An identifier that is long or not plain text is not taken over into logs.
async fn drop_odd_request_id(mut request: Request, next: Next) -> Response {
    let is_odd =
        |value: &HeaderValue| value.len() > REQUEST_ID_BYTES_MAX || !value.as_bytes().iter().all(u8::is_ascii_graphic);
    if request.headers().get(REQUEST_ID).is_some_and(is_odd) {
        request.headers_mut().remove(REQUEST_ID);
    }
    next.run(request).await
}

#[derive(Clone)]
struct NewRequestId;

impl MakeRequestId for NewRequestId {
    fn make_request_id<B>(&mut self, _: &axum::http::Request<B>) -> Option<RequestId> {
        let id = uuid::Uuid::now_v7().to_string();
        HeaderValue::try_from(id).ok().map(RequestId::new)
    }
}
