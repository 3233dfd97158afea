//! HTTP details: HEAD, methods, media types, `/Me`.

use axum::body::Body;
use axum::http::{Method, Request};
use tower::ServiceExt as _;
use usher::config::Config;

use crate::kit::scim::Service;

#[tokio::test]
async fn head_answers_as_get_without_a_body() {
    let client = Service::client().await;
    let user = client.user("ada").await;
    let address = format!("/Users/{user}");
    for path in [
        "/Users",
        address.as_str(),
        "/ServiceProviderConfig",
        "/Roles",
        "/Schemas",
    ] {
        let get = client.get(path).await;
        let head = client.send(Method::HEAD, path, None, &[]).await;
        assert_eq!(head.status, get.status, "{path}");
        assert_eq!(
            head.headers.get("content-type"),
            get.headers.get("content-type"),
            "{path}"
        );
        assert_eq!(head.headers.get("etag"), get.headers.get("etag"), "{path}");
        assert!(head.body.is_null(), "{path}");
    }
    let shown = client.get(&address).await;
    assert_eq!(
        shown.headers["content-location"],
        format!("https://usher.example/scim/acme/v2{address}")
    );
}

#[tokio::test]
async fn a_method_that_an_endpoint_does_not_have_is_refused_with_those_that_it_has() {
    let client = Service::client().await;
    for (method, path, allowed) in [
        (Method::DELETE, "/Users", "GET,HEAD,POST"),
        (Method::POST, "/Users/x", "DELETE,GET,HEAD,PATCH,PUT"),
        (Method::GET, "/Users/.search", "POST"),
        (Method::GET, "/.search", "POST"),
        (Method::GET, "/Bulk", "POST"),
        (Method::POST, "/Roles", "GET,HEAD"),
        (Method::DELETE, "/Licences/pro", "GET,HEAD"),
        (Method::PUT, "/Schemas", "GET,HEAD"),
        (Method::PATCH, "/ServiceProviderConfig", "GET,HEAD"),
    ] {
        let answer = client.send(method.clone(), path, None, &[]).await;
        let mut allow: Vec<&str> = answer.headers["allow"].to_str().expect("text").split(',').collect();
        allow.sort_unstable();
        assert_eq!(allow.join(","), allowed, "{method} {path}");
        answer.refused(405, None);
    }
}

#[tokio::test]
async fn an_answer_that_the_client_does_not_take_is_refused() {
    let client = Service::client().await;
    for accept in ["text/html", "application/xml, text/*", "application/scim+json;q=0"] {
        client
            .send(Method::GET, "/Users", None, &[("accept", accept)])
            .await
            .refused(406, None);
    }
    for (accept, answered) in [
        ("", "application/scim+json"),
        ("*/*", "application/scim+json"),
        ("application/json", "application/json"),
        ("text/html, */*;q=0.1", "application/scim+json"),
        ("Application/SCIM+JSON; charset=utf-8", "application/scim+json"),
    ] {
        let answer = client.send(Method::GET, "/Users", None, &[("accept", accept)]).await;
        assert_eq!(answer.headers["content-type"], answered, "{accept}");
        let _ = answer.expect(200);
    }
}

#[tokio::test]
async fn nobody_is_me() {
    let client = Service::client().await;
    for method in [Method::GET, Method::PUT, Method::PATCH, Method::DELETE, Method::POST] {
        client.send(method, "/Me", None, &[]).await.refused(501, None);
    }
}

#[tokio::test]
async fn the_other_doors_of_the_gateway_answer_other_media_types() {
    let service = Service::new();
    let app = usher::server::app::router(&service.directory, &Config::default(), "https://usher.example");
    let request = Request::get("/healthz").header("accept", "text/plain");
    let answer = app.oneshot(request.body(Body::empty()).expect("a request")).await;
    assert_eq!(answer.expect("an answer").status(), 200);
}
