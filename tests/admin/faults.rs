//! What every request passes: a panic and a request without an end become answers, each request has an identifier.

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::routing::get;
use http_body_util::BodyExt as _;
use serde_json::Value;
use tower::ServiceExt as _;
use usher::config::ServerConfig;
use usher::server::app;

fn routes() -> Router {
    let routes = Router::new()
        .route("/panic", get(|| async { panic!("the secret is 1234") as &'static str }))
        .route(
            "/scim/panic",
            get(|| async { panic!("the secret is 1234") as &'static str }),
        )
        .route("/stuck", get(std::future::pending::<&'static str>))
        .route("/scim/stuck", get(std::future::pending::<&'static str>))
        .route("/well", get(|| async { "\"well\"" }));
    let config = ServerConfig {
        request_timeout_s: 1,
        ..ServerConfig::default()
    };
    app::layers(routes, &config)
}

async fn ask(path: &str, request_id: Option<&str>) -> (u16, String, String, Value) {
    let mut request = Request::get(path);
    if let Some(id) = request_id {
        request = request.header("x-request-id", id);
    }
    let answer = routes().oneshot(request.body(Body::empty()).expect("a request")).await;
    let (parts, body) = answer.expect("an answer").into_parts();
    let text = |name: &str| {
        let value = parts.headers.get(name).map(|value| value.to_str().expect("a text"));
        value.unwrap_or_default().to_owned()
    };
    let bytes = body.collect().await.expect("a body").to_bytes();
    let body = serde_json::from_slice(&bytes).expect("JSON");
    (parts.status.as_u16(), text("content-type"), text("x-request-id"), body)
}

#[tokio::test]
async fn a_panic_is_a_500_that_tells_nothing() {
    let (status, kind, id, body) = ask("/panic", None).await;
    assert_eq!((status, kind.as_str()), (500, "application/problem+json"));
    assert!(!body.to_string().contains("1234"), "{body}");
    assert!(!id.is_empty(), "the log has more under an identifier");
    let (status, kind, _, body) = ask("/scim/panic", None).await;
    assert_eq!((status, kind.as_str()), (500, "application/scim+json"));
    assert_eq!(body["status"], "500");
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_ended() {
    let (status, kind, _, _) = ask("/stuck", None).await;
    assert_eq!((status, kind.as_str()), (503, "application/problem+json"));
    let (status, kind, _, body) = ask("/scim/stuck", None).await;
    assert_eq!((status, kind.as_str()), (503, "application/scim+json"));
    assert_eq!(body["status"], "503");
}

#[tokio::test]
async fn a_clients_own_identifier_is_kept_unless_it_is_odd() {
    assert_eq!(ask("/well", Some("abc-123")).await.2, "abc-123");
    for odd in ["x".repeat(65), "with a blank".to_owned()] {
        let id = ask("/well", Some(&odd)).await.2;
        assert!(!id.is_empty() && id != odd, "{id}");
    }
    assert_ne!(ask("/well", None).await.2, ask("/well", None).await.2);
}
