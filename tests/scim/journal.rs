//! The request journal of a connection.

use std::sync::Arc;

use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;
use usher::admin::caller::Trusted;
use usher::directory::Principal;
use usher::directory::verify::Report;
use usher::scim::ScimSettings;
use usher::store::MemoryStore;

use crate::kit::scim::{Client, Service, USER};

/// One page of the journal as the admin API shows it.
async fn journal(client: &Client, query: &str) -> Value {
    let routes = usher::admin::router(client.tenant.service.directory.clone());
    let request = Request::get(format!("/organisations/acme/connections/scim/journal{query}"))
        .extension(Trusted(Principal::system()))
        .body(Body::empty())
        .expect("a request");
    let answer = routes.oneshot(request).await.expect("an answer");
    assert_eq!(answer.status(), 200);
    let bytes = answer.into_body().collect().await.expect("a body").to_bytes();
    serde_json::from_slice(&bytes).expect("JSON")
}

async fn entries(client: &Client) -> Vec<Value> {
    journal(client, "").await["items"].as_array().expect("items").clone()
}

#[tokio::test]
async fn requests_are_noted_with_what_was_read_leniently_and_why_they_were_refused() {
    let client = Service::client().await;
    let ada = client.user("ada@example.com").await;
    let again = json!({ "schemas": [USER], "userName": "ADA@example.com" });
    client.post("/Users", again).await.refused(409, Some("uniqueness"));
    let path = format!("/Users/{ada}");
    let disable = json!([{ "op": "Replace", "path": "active", "value": "False" }]);
    let _ = client.patch(&path, disable).await.expect(200);
    client
        .filter("/Users", "nickNmae eq \"secret value\"")
        .await
        .refused(400, Some("invalidFilter"));
    let group = client.group("G").await;
    let add =
        json!([{ "op": "add", "path": "members", "value": [{ "value": "0198c5a2-0000-7000-8000-000000000000" }] }]);
    let _ = client.patch(&format!("/Groups/{group}"), add).await.expect(204);

    let entries = entries(&client).await;
    let shown: Vec<String> = entries
        .iter()
        .map(|entry| {
            let (method, path) = (
                entry["method"].as_str().expect("text"),
                entry["path"].as_str().expect("text"),
            );
            format!("{method} {path} {}", entry["status"])
        })
        .collect();
    assert_eq!(
        shown,
        [
            "PATCH /Groups/{id} 204",
            "POST /Groups 201",
            "GET /Users 400",
            "PATCH /Users/{id} 200",
            "POST /Users 409",
            "POST /Users 201",
        ]
    );
    assert_eq!(entries[0]["normalised"][0]["rule"], "unknownMembers");
    let rules: Vec<&Value> = entries[3]["normalised"]
        .as_array()
        .expect("rules")
        .iter()
        .map(|rule| &rule["rule"])
        .collect();
    assert_eq!(rules, ["operationCase", "booleanText"]);
    assert_eq!(entries[4]["refusal"]["scim_type"], "uniqueness");
    let written = json!(entries).to_string().to_lowercase();
    for personal in ["ada@", "secret value", ada.as_str(), client.token.as_str()] {
        assert!(!written.contains(&personal.to_lowercase()), "{personal} in {written}");
    }
    let detail = entries[4]["refusal"]["detail"].as_str().expect("a detail");
    assert!(detail.contains("userName") && detail.contains("***"), "{detail}");
}

#[tokio::test]
async fn requests_that_reach_no_operation_are_noted_in_the_journal_of_their_token() {
    let client = Service::client().await;
    client.tenant.service.organisation("other").await;
    client.get("/Nothing").await.refused(404, None);
    client.delete("/Users").await.refused(405, None);
    let elsewhere = |token: &str| {
        Request::get("/scim/other/v2/Users")
            .header("authorization", format!("Bearer {token}"))
            .body(Body::empty())
            .expect("a request")
    };
    client.raw(elsewhere(&client.token)).await.refused(401, None);
    client.raw(elsewhere("ush_nobody")).await.refused(401, None);
    let entries = entries(&client).await;
    let statuses: Vec<&Value> = entries.iter().map(|entry| &entry["status"]).collect();
    assert_eq!(statuses, [401, 405, 404]);
}

#[tokio::test]
async fn a_bulk_request_is_noted_with_each_of_its_operations() {
    let client = Service::client().await;
    let operation = json!({ "method": "POST", "path": "/Users", "bulkId": "a", "data": { "userName": "ada" } });
    let body = json!({ "Operations": [operation] });
    let _ = client.post("/Bulk", body).await.expect(200);
    let entries = entries(&client).await;
    let paths: Vec<&Value> = entries.iter().map(|entry| &entry["path"]).collect();
    assert_eq!(paths, ["/Bulk", "/Users"]);
}

#[tokio::test]
async fn the_journal_keeps_the_newest_and_the_store_stays_whole() {
    let mut settings = ScimSettings::new("https://usher.example");
    settings.journal_entries_max = 10;
    let service = Service::with(Arc::new(MemoryStore::new()), settings);
    let client = service.organisation("acme").await.client("scim").await;
    for n in 0..25 {
        let _ = client.get(&format!("/Users?startIndex={n}")).await.expect(200);
        if n % 7 == 0 {
            service.directory.flush_journal().await.expect("written");
        }
    }
    client.get("/Users/last").await.refused(404, None);
    let first = journal(&client, "?limit=4").await;
    assert_eq!(first["items"][0]["path"], "/Users/{id}", "the newest first");
    let next = first["next"].as_str().expect("more");
    let rest = journal(&client, &format!("?limit=100&after={next}")).await;
    assert_eq!(rest["items"].as_array().expect("items").len(), 6, "ten are kept");

    let (findings, mut heard) = tokio::sync::mpsc::channel(100);
    let summary = service
        .directory
        .verify(&mut Report::new(findings))
        .await
        .expect("verified");
    assert_eq!(summary.violations, 0, "{:?}", heard.recv().await);
}

#[tokio::test]
async fn a_journal_that_is_switched_off_writes_nothing() {
    let mut settings = ScimSettings::new("https://usher.example");
    settings.journal_entries_max = 0;
    let service = Service::with(Arc::new(MemoryStore::new()), settings);
    let client = service.organisation("acme").await.client("scim").await;
    client.user("ada").await;
    assert!(entries(&client).await.is_empty());
}
