//! `/metrics` in the Prometheus text format: for administrators of the gateway, and on an address of its own for whoever may
//! reach that.
//!
//! What happens is counted where it happens (`metrics` crate); what is the case is read from the store when somebody asks, so
//! it is right after a restart, and nothing stays behind of a connection that is gone. Labels are names of organisations,
//! connections and licences; nothing here speaks of a person.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram, with_local_recorder};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use crate::admin::caller::Caller;
use crate::admin::problem::Problem;
use crate::directory::keys::Count;
use crate::directory::settings::OrganisationSettings;
use crate::directory::{Directory, DirectoryError, keys};
use crate::model::clock::Timestamp;
use crate::model::connection::ConnectionKind;
use crate::model::mail::MailState;
use crate::model::slug::Slug;
use crate::provision::failure::list;
use crate::provision::held::HeldPlan;
use crate::provision::state::{self, GoodRun, RunState};

/// Bounds of the buckets for requests, in seconds.
const REQUEST_SECONDS: [f64; 8] = [0.005, 0.02, 0.1, 0.25, 1.0, 2.5, 10.0, 30.0];
/// Bounds of the buckets for the phases of a run, in seconds.
const PHASE_SECONDS: [f64; 7] = [0.1, 1.0, 5.0, 30.0, 120.0, 600.0, 3600.0];
/// How often samples are put into their buckets though nobody asks, so that they do not pile up.
const UPKEEP: Duration = Duration::from_secs(5);

/// The counters of this process.
static COUNTERS: OnceLock<PrometheusHandle> = OnceLock::new();

fn counters() -> &'static PrometheusHandle {
    COUNTERS.get_or_init(|| {
        let builder = PrometheusBuilder::new();
        let buckets = [
            ("usher_http_request_seconds", REQUEST_SECONDS.as_slice()),
            ("usher_sync_phase_seconds", PHASE_SECONDS.as_slice()),
        ];
        let builder = buckets.into_iter().try_fold(builder, |builder, (name, bounds)| {
            builder.set_buckets_for_metric(Matcher::Full(name.to_owned()), bounds)
        });
        // Only an empty list of bounds is refused, and these are constants that are not; without buckets there are quantiles.
        let recorder = builder.unwrap_or_default().build_recorder();
        let handle = recorder.handle();
        if metrics::set_global_recorder(recorder).is_err() {
            tracing::warn!("something else in this process collects metrics; /metrics shows what is in the store only");
        }
        describe_counters();
        handle
    })
}

fn describe_counters() {
    describe_counter!("usher_http_requests_total", "Requests answered, by door and status");
    describe_histogram!(
        "usher_http_request_seconds",
        "Seconds from a request to its answer, by door"
    );
    describe_counter!(
        "usher_sync_runs_total",
        "Synchronisation runs, by what was read and how they ended"
    );
    describe_counter!(
        "usher_sync_entries_total",
        "Entries of directories, and memberships of groups, by class and what became of them: read, planned, changed, unchanged, failed"
    );
    describe_counter!(
        "usher_mail_total",
        "Attempts to hand a mail over, by outcome: sent, failed, dead"
    );
    describe_counter!(
        "usher_sync_steps_total",
        "Steps of applied plans, by class and action; what failed of them is in usher_sync_entries_total"
    );
    describe_histogram!("usher_sync_phase_seconds", "Seconds of each phase of a run");
    describe_histogram!(
        "usher_sync_class_seconds",
        "Seconds that an applied run spent on people, on groups, and on changing memberships"
    );
    describe_counter!(
        "usher_sign_ins_total",
        "Sign-ins, by organisation and outcome: ok, code_needed, refused, locked"
    );
}

fn describe_gauges() {
    describe_gauge!(
        "usher_sync_last_run_timestamp_seconds",
        "When the last good run of each reading began"
    );
    describe_gauge!(
        "usher_sync_last_run_seconds",
        "How long each phase of the last good run of each reading took"
    );
    describe_gauge!(
        "usher_sync_last_read",
        "Entries that the last good run over everything read"
    );
    describe_gauge!(
        "usher_sync_last_complete_run_age_seconds",
        "How long ago the last good run over everything began"
    );
    describe_gauge!("usher_sync_failures", "Entries in the failure list");
    describe_gauge!("usher_sync_held", "1 while a plan waits for a person");
    describe_gauge!("usher_sync_failing", "1 when the last run failed");
    describe_gauge!("usher_mail_waiting", "Mails in the outbox, by state: queued, dead");
    describe_gauge!("usher_mail_oldest_seconds", "Age of the oldest queued mail");
    describe_gauge!("usher_seats_used", "Seats in use");
    describe_gauge!("usher_seats_waiting", "People who wait for a seat");
    describe_gauge!("usher_seats_limit", "Seats in all, of a licence with a limit");
}

/// The route for administrators of the gateway.
pub fn router(directory: Directory) -> Router {
    // From now on, everything is counted.
    let _ = counters();
    Router::new().route("/metrics", get(guarded)).with_state(directory)
}

/// The route for an address that only those who may see it can reach.
pub fn open_router(directory: Directory) -> Router {
    Router::new().route("/metrics", get(open)).with_state(directory)
}

/// Puts samples into their buckets for ever.
pub async fn keep_up() {
    let mut look = tokio::time::interval(UPKEEP);
    loop {
        look.tick().await;
        counters().run_upkeep();
    }
}

async fn guarded(State(directory): State<Directory>, Caller(principal): Caller) -> Result<Response, Problem> {
    principal.administer_gateway(keys::GATEWAY)?;
    open(State(directory)).await
}

async fn open(State(directory): State<Directory>) -> Result<Response, Problem> {
    let present = render(&directory).await?;
    counters().run_upkeep();
    let mut response = (counters().render() + &present).into_response();
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    Ok(response)
}

/// What is known of one connection of kind `ldap`.
struct Source {
    name: Slug,
    state: RunState,
    failures: u64,
    held: Option<HeldPlan>,
}

/// What is the case now.
async fn render(directory: &Directory) -> Result<String, DirectoryError> {
    // A recorder for this answer alone: it knows nothing of connections that are gone.
    let recorder = PrometheusBuilder::new().build_recorder();
    with_local_recorder(&recorder, describe_gauges);
    for settings in directory.list_organisations().await? {
        let organisation = settings.organisation.id;
        let licences: Vec<_> = settings.licences.values().collect();
        let counts: Vec<Count> = licences
            .iter()
            .flat_map(|licence| [Count::Seats(licence.key.clone()), Count::Waiting(licence.key.clone())])
            .collect();
        let counts = directory.browse_counts(organisation, &counts).await?;
        with_local_recorder(&recorder, || seats(&settings, &counts));
        let waiting = directory
            .browse_counts(organisation, &MailState::ALL.map(Count::Mail))
            .await?;
        let oldest = directory.browse_mails(organisation, MailState::Queued, None, 1).await?;
        let now = directory.clock().now();
        let oldest_s = oldest.first().map_or(0, |mail| (now - mail.created).num_seconds());
        with_local_recorder(&recorder, || mails(&settings.organisation.slug, &waiting, oldest_s));
        let ldap = settings.connections.values();
        for connection in ldap.filter(|connection| connection.kind == ConnectionKind::Ldap) {
            let name = connection.name.clone();
            let known = state::load(directory, organisation, &name).await?;
            let source = Source {
                state: known.unwrap_or_default(),
                failures: list::total(directory, organisation, &name).await?,
                held: state::held(directory, organisation, &name).await?,
                name,
            };
            let now = directory.clock().now();
            with_local_recorder(&recorder, || runs(&settings.organisation.slug, &source, now));
        }
    }
    Ok(recorder.handle().render())
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a sample is a float; counts stay far below 2^53"
)]
fn seats(settings: &OrganisationSettings, counts: &[i64]) {
    for (licence, counts) in settings.licences.values().zip(counts.chunks(2)) {
        let labels = [
            ("organisation", settings.organisation.slug.to_string()),
            ("licence", licence.key.to_string()),
        ];
        let [used, waiting] = [0, 1].map(|place| counts.get(place).copied().unwrap_or_default());
        gauge!("usher_seats_used", &labels).set(used as f64);
        gauge!("usher_seats_waiting", &labels).set(waiting as f64);
        if let Some(limit) = licence.limit {
            gauge!("usher_seats_limit", &labels).set(limit as f64);
        }
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a sample is a float; counts stay far below 2^53"
)]
fn mails(organisation: &Slug, waiting: &[i64], oldest_s: i64) {
    let labels = [("organisation", organisation.to_string())];
    for (state, count) in MailState::ALL.into_iter().zip(waiting) {
        let state = [&labels[..], &[("state", state.as_str().to_owned())]].concat();
        gauge!("usher_mail_waiting", &state).set(*count as f64);
    }
    gauge!("usher_mail_oldest_seconds", &labels).set(oldest_s as f64);
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a sample is a float; counts stay far below 2^53"
)]
fn runs(organisation: &Slug, source: &Source, now: Timestamp) {
    let labels = [
        ("organisation", organisation.to_string()),
        ("connection", source.name.to_string()),
    ];
    gauge!("usher_sync_failures", &labels).set(source.failures as f64);
    gauge!("usher_sync_held", &labels).set(f64::from(u8::from(source.held.is_some())));
    gauge!("usher_sync_failing", &labels).set(f64::from(u8::from(source.state.last_error.is_some())));
    let state = &source.state;
    if let Some(good) = &state.last_good {
        gauge!("usher_sync_last_complete_run_age_seconds", &labels).set(seconds(now) - seconds(good.started));
        for (class, count) in [("people", good.read.people), ("groups", good.read.groups)] {
            let class = [&labels[..], &[("class", class.to_owned())]].concat();
            gauge!("usher_sync_last_read", &class).set(count as f64);
        }
    }
    let readings = [
        ("whole", &state.last_good),
        ("changes", &state.last_changes),
        ("presence", &state.last_presence),
    ];
    for (reading, good) in readings {
        let Some(good) = good else { continue };
        last_run(&[&labels[..], &[("reading", reading.to_owned())]].concat(), good);
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a sample is a float; milliseconds stay far below 2^53"
)]
fn last_run(labels: &[(&'static str, String)], good: &GoodRun) {
    gauge!("usher_sync_last_run_timestamp_seconds", labels).set(seconds(good.started));
    let duration = good.duration;
    let phases = [
        ("total", duration.total_ms),
        ("reading", duration.reading_ms),
        ("planning", duration.planning_ms),
        ("applying", duration.applying_ms),
    ];
    for (phase, ms) in phases {
        let phase = [labels, &[("phase", phase.to_owned())]].concat();
        gauge!("usher_sync_last_run_seconds", &phase).set(ms as f64 / 1000.0);
    }
}

fn seconds(at: Timestamp) -> f64 {
    at.timestamp() as f64
}

/// Counts a request when it is answered.
pub async fn count(request: Request, next: Next) -> Response {
    let (door, begun) = (door(request.uri().path()), Instant::now());
    let response = next.run(request).await;
    let status = response.status().as_u16().to_string();
    counter!("usher_http_requests_total", "door" => door, "status" => status).increment(1);
    histogram!("usher_http_request_seconds", "door" => door).record(begun.elapsed());
    response
}

/// The first part of a path, from a list that no client can make longer.
fn door(path: &str) -> &'static str {
    match path.split('/').nth(1) {
        Some("scim") => "scim",
        Some("oauth" | ".well-known") => "oauth",
        Some("api") => "admin",
        Some("invitations" | "password-reset") => "invitee",
        Some("healthz" | "readyz") => "health",
        Some("metrics") => "metrics",
        _ => "other",
    }
}
