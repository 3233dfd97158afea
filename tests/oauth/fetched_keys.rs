//! Keys that the client publishes: fetched with bounds, kept, and asked for again.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::get;
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::client::Known;
use crate::kit::assertion::Signer;

/// Somebody's published keys.
#[derive(Clone)]
struct Published {
    answer: Arc<Mutex<(StatusCode, String)>>,
    asked: Arc<AtomicUsize>,
    url: String,
}

impl Published {
    async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let published = Self {
            answer: Arc::new(Mutex::new((StatusCode::OK, "{}".to_owned()))),
            asked: Arc::default(),
            url: format!("http://{}", listener.local_addr().expect("an address")),
        };
        let routes = Router::new()
            .route("/keys", get(Self::serve))
            .route("/elsewhere", get(|| async { Redirect::temporary("/keys") }))
            .with_state(published.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        published
    }

    async fn serve(State(published): State<Self>) -> Response {
        published.asked.fetch_add(1, Ordering::SeqCst);
        published.answer.lock().clone().into_response()
    }

    fn show(&self, signers: &[&Signer]) {
        let keys: Vec<Value> = signers.iter().map(|signer| json!(signer.jwk)).collect();
        // One that nobody here understands does no harm.
        let odd = json!({ "kty": "LATTICE", "kid": "odd" });
        let keys: Vec<Value> = keys.into_iter().chain([odd]).collect();
        *self.answer.lock() = (StatusCode::OK, json!({ "keys": keys }).to_string());
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

async fn publishing(path: &str) -> (Known, Published) {
    let known = Known::new().await;
    let published = Published::start().await;
    let url = format!("{}{path}", published.url);
    known
        .set(|client| {
            client.jwks = None;
            client.jwks_uri = Some(url);
        })
        .await;
    published.show(&[&known.signer]);
    (known, published)
}

#[tokio::test]
async fn published_keys_are_fetched_once_and_kept() {
    let (known, published) = publishing("/keys").await;
    for _ in 0..5 {
        known.access().await;
    }
    assert_eq!(published.asked(), 1);
    known.served.pass(601);
    known.access().await;
    assert_eq!(published.asked(), 2);
}

#[tokio::test]
async fn a_new_key_is_asked_for_at_most_once_a_minute() {
    let (known, published) = publishing("/keys").await;
    known.access().await;
    let renewed = Signer::es256("renewed");
    known
        .show(&renewed.sign(&known.claims()))
        .await
        .refused(401, "invalid_client");
    published.show(&[&renewed]);
    for _ in 0..5 {
        known
            .show(&renewed.sign(&known.claims()))
            .await
            .refused(401, "invalid_client");
    }
    assert_eq!(published.asked(), 1, "it was asked less than a minute ago");
    known.served.pass(61);
    known.show(&renewed.sign(&known.claims())).await.access();
    assert_eq!(published.asked(), 2);
    // The former key is not published any more.
    known.show(&known.assertion()).await.refused(401, "invalid_client");
}

#[tokio::test]
async fn keys_that_cannot_be_had_are_told_as_such() {
    let (known, published) = publishing("/keys").await;
    known.access().await;
    *published.answer.lock() = (StatusCode::INTERNAL_SERVER_ERROR, "no".to_owned());
    known.served.pass(1800);
    known.access().await;
    known.served.pass(1801);
    let answer = known.show(&known.assertion()).await;
    assert!(answer.headers.contains_key("retry-after"));
    answer.refused(503, "temporarily_unavailable");
    published.show(&[&known.signer]);
    known.served.pass(61);
    known.access().await;
}

#[tokio::test]
async fn an_answer_that_is_too_long_or_no_key_set_is_not_used() {
    let (known, published) = publishing("/keys").await;
    for body in [
        format!("{{\"keys\":[],\"x\":\"{}\"}}", "x".repeat(300 << 10)),
        "<html>".to_owned(),
        "[]".to_owned(),
        json!({ "keys": "none" }).to_string(),
    ] {
        *published.answer.lock() = (StatusCode::OK, body);
        known
            .show(&known.assertion())
            .await
            .refused(503, "temporarily_unavailable");
        known.served.pass(61);
    }
    assert_eq!(published.asked(), 4);
}

#[tokio::test]
async fn nobody_is_followed_elsewhere() {
    let (known, published) = publishing("/elsewhere").await;
    known
        .show(&known.assertion())
        .await
        .refused(503, "temporarily_unavailable");
    assert_eq!(published.asked(), 0);
}

#[tokio::test]
async fn many_at_once_fetch_once() {
    let (known, published) = publishing("/keys").await;
    let shown = (0..12).map(|_| async { known.show(&known.assertion()).await.status });
    let statuses = futures_util::future::join_all(shown).await;
    assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
    assert_eq!(published.asked(), 1);
}
