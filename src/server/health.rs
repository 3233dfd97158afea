//! `/healthz`: the process lives. `/readyz`: it can do its work.

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::directory::Directory;
use crate::store::Health;

/// The two routes; nobody needs a token for them, and they tell nothing about people.
pub fn router(directory: Directory) -> Router {
    Router::new()
        .route("/healthz", get(|| async { Json(json!({ "status": "ok" })) }))
        .route("/readyz", get(ready))
        .with_state(directory)
}

async fn ready(State(directory): State<Directory>) -> (StatusCode, Json<Value>) {
    let engine = directory.store().engine();
    match directory.store().health() {
        Health::Ready => (StatusCode::OK, Json(json!({ "status": "ready", "engine": engine }))),
        Health::Stalled { stalled_ms } => {
            let reason = format!("the store has made no progress for {stalled_ms} ms");
            unready(engine, "stalled", &reason)
        }
        Health::Failed { reason } => unready(engine, "failed", &reason),
    }
}

fn unready(engine: &str, status: &str, reason: &str) -> (StatusCode, Json<Value>) {
    let body = json!({ "status": status, "engine": engine, "reason": reason });
    (StatusCode::SERVICE_UNAVAILABLE, Json(body))
}
