//! The OpenAPI document and the routes behind it.

use axum::http::Method;
use serde_json::Value;
use usher::admin::openapi;

use crate::kit::gateway::Inside;

#[test]
fn every_served_route_is_described_and_every_description_is_served() {
    assert_eq!(openapi::faults(), Vec::<String>::new());
}

#[tokio::test]
async fn the_document_is_served_to_anyone() {
    let document = Inside::new()
        .caller("none")
        .get("/api/v1/openapi.json")
        .await
        .expect(200);
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["servers"][0]["url"], "/api/v1");
    assert_eq!(&document, openapi::document());
}

#[tokio::test]
async fn every_method_of_the_document_is_answered_and_no_other_is() {
    let gateway = Inside::new();
    let stranger = gateway.caller("none");
    let methods = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
    for (path, item) in openapi::document()["paths"].as_object().expect("paths") {
        let place: String = path
            .split('/')
            .map(|segment| if segment.starts_with('{') { "x" } else { segment })
            .collect::<Vec<_>>()
            .join("/");
        for method in &methods {
            let is_described = item.get(method.as_str().to_lowercase()).is_some();
            let answer = stranger.send(method.clone(), &format!("/api/v1{place}"), None).await;
            assert_eq!(answer.status != 405, is_described, "{method} {path}");
            let detail = answer.body["detail"].as_str().unwrap_or_default();
            assert!(!detail.contains("nothing at this address"), "{method} {path}");
        }
    }
}

#[test]
fn every_operation_is_whole() {
    let document = openapi::document();
    let mut identifiers = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("methods") {
            let responses = operation["responses"].as_object().expect("responses");
            assert!(
                responses.keys().any(|status| status.starts_with('2')),
                "{method} {path} answers nothing good"
            );
            assert!(
                !operation["summary"].as_str().unwrap_or_default().is_empty(),
                "{method} {path}"
            );
            identifiers.push(operation["operationId"].to_string());
        }
    }
    let found = identifiers.len();
    identifiers.sort();
    identifiers.dedup();
    assert_eq!(identifiers.len(), found, "two operations have one identifier");
}

#[test]
fn every_reference_in_the_document_leads_somewhere() {
    let document = openapi::document();
    let mut open = vec![document];
    while let Some(value) = open.pop() {
        match value {
            Value::Array(items) => open.extend(items),
            Value::Object(members) => {
                if let Some(reference) = members.get("$ref").and_then(Value::as_str) {
                    let pointer = reference.trim_start_matches('#');
                    assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
                }
                open.extend(members.values());
            }
            _ => {}
        }
    }
}
