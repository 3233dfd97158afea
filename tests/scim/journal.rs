//! The request journal of a connection.

use std::sync::Arc;

use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;
use usher::admin::caller::Trusted;
use usher::directory::Principal;
use usher::directory::authority::PutAuthority;
use usher::directory::verify::Report;
use usher::scim::ScimSettings;
use usher::store::MemoryStore;

use usher::model::connection::{Adoption, Connection, ConnectionKind};

use crate::kit::scim::{Client, Service, USER, slug};

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

/// Whatever a client writes, and wherever: none of it may be read in the journal.
const PERSONAL: [&str; 5] = ["jane", "example.org", "4712345678", "hush", "quimby"];

#[tokio::test]
async fn nothing_that_a_client_writes_about_a_person_is_noted() {
    let client = Service::client().await;
    let id = client.user("somebody").await;
    let path = format!("/Users/{id}");
    for filter in [
        "userName eq \"jane@example.org\"",
        "emails[value eq \"jane@example.org\"].type eq \"work\"",
        "nickNmae eq \"Jane Quimby\"",
        "userName eq 4712345678",
        "active eq \"Jane Quimby\"",
        "userName eq \"Jane Quimby\" \"Jane \\\"Quimby\\\"\"",
        "userName jane \"x\"",
        "userName eq \"jane quimby",
        "jane@example.org pr",
    ] {
        let _ = client.filter("/Users", filter).await;
    }
    for query in [
        "sortBy=jane%22quimby",
        "sortBy=title&sortOrder=%22jane%22+quimby",
        "startIndex=jane+%22quimby",
        "attributes=jane%40example.org",
    ] {
        let _ = client.get(&format!("/Users?{query}")).await;
    }
    for operation in [
        json!({ "op": "replace", "path": "emails[value eq \"Jane Quimby\"].nope", "value": "x" }),
        json!({ "op": "replace", "path": "emails[value eq \"jane@example.org\"", "value": "x" }),
        json!({ "op": "replace", "path": "userName[value eq \"Jane Quimby\"]", "value": "x" }),
        json!({ "op": "add", "path": "emails[type co \"Jane Quimby\"].display", "value": "x" }),
        json!({ "op": "add", "value": { "emails[value eq \"Jane Quimby\"].type": "x" } }),
        json!({ "op": "add", "value": { "jane@example.org": 1, "Jane \"Quimby\" jane": 2 } }),
        json!({ "op": "add", "path": "emails[value eq \"jane@example.org\"].type", "value": "work" }),
        json!({ "op": "replace", "path": "active", "value": "jane@example.org" }),
        json!({ "op": "jane quimby", "path": "title", "value": "x" }),
        json!({ "op": "add", "path": "jane\"quimby", "value": "x" }),
        json!({ "op": "add", "path": "roles", "value": [{ "value": "Jane Quimby" }] }),
        json!({ "op": "replace", "path": "password", "value": { "hush": "hush" } }),
    ] {
        let _ = client.patch(&path, json!([operation])).await;
    }
    for body in [
        json!({ "schemas": [USER, "urn:jane@example.org", "Jane Quimby"], "userName": "SOMEBODY", "password": "hush" }),
        json!({ "schemas": [USER], "userName": "b", "Jane \"Quimby\" x": 1, "urn:x:jane@example.org": {} }),
    ] {
        let _ = client.post("/Users", body).await;
    }
    let members = json!([{ "op": "add", "path": "members", "value": [{ "value": "jane quimby" }] }]);
    let _ = client
        .patch(&format!("/Groups/{}", client.group("Jane Quimby").await), members)
        .await;
    for gone in ["/Users/jane@example.org", "/Users/Jane%20Quimby", "/jane/quimby"] {
        client.get(gone).await.refused(404, None);
    }
    let odd = Request::builder().method("JANE").uri("/scim/acme/v2/Users?jane=quimby");
    let odd = odd
        .header("authorization", format!("Bearer {}", client.token))
        .body(Body::empty());
    client.raw(odd.expect("a request")).await.refused(405, None);

    let entries = entries(&client).await;
    assert!(entries.len() > 30, "{}", entries.len());
    for entry in entries {
        let written = entry.to_string().to_lowercase();
        for personal in PERSONAL.into_iter().chain([client.token.as_str(), id.as_str()]) {
            assert!(!written.contains(&personal.to_lowercase()), "{personal} in {written}");
        }
    }
}

#[tokio::test]
async fn an_entry_says_when_what_and_how_long_and_names_what_helps() {
    let client = Service::client().await;
    let body = json!({ "schemas": [USER, "urn:example:x:1.0:User"], "userName": "ada", "shoeSize": 4 });
    let _ = client.post("/Users", body).await.expect(201);
    client
        .filter("/Users", "shoeSize eq 4")
        .await
        .refused(400, Some("invalidFilter"));
    let entries = entries(&client).await;
    let [refused, created] = entries.as_slice() else {
        panic!("{entries:?}")
    };
    for entry in [refused, created] {
        let at = entry["at"].as_str().expect("a time");
        assert!(chrono::DateTime::parse_from_rfc3339(at).is_ok(), "{at}");
        assert!(entry["duration_ms"].is_u64());
    }
    let what: Vec<&str> = created["normalised"]
        .as_array()
        .expect("rules")
        .iter()
        .filter_map(|rule| rule["what"].as_str())
        .collect();
    assert_eq!(
        what,
        [
            "ignored the unknown attribute \"shoeSize\"",
            "ignored the unknown schema \"urn:example:x:1.0:User\" in \"schemas\"",
        ],
        "an attribute's name is not personal, and support needs it"
    );
    assert!(created.get("refusal").is_none());
    assert_eq!(refused["refusal"]["scim_type"], "invalidFilter");
}

#[tokio::test]
async fn whoever_guesses_tokens_pushes_nothing_out_of_a_journal() {
    let client = Service::client().await;
    let ask = |token: Option<String>| {
        let request = Request::get("/scim/acme/v2/Users");
        let request = match token {
            Some(token) => request.header("authorization", format!("Bearer {token}")),
            None => request,
        };
        request.body(Body::empty()).expect("a request")
    };
    client.raw(ask(None)).await.refused(401, None);
    client.raw(ask(Some("guess".to_owned()))).await.refused(401, None);
    client
        .raw(ask(Some(format!("{}x", client.token))))
        .await
        .refused(401, None);
    assert!(entries(&client).await.is_empty());
}

#[tokio::test]
async fn a_value_that_is_left_because_another_connection_has_the_say_is_noted() {
    let client = Service::client().await;
    let mut second = Connection::new(slug("second"), ConnectionKind::Scim);
    second.matching.adoption = Adoption::Adopt;
    let hr = client.tenant.client_of(second).await;
    let lists = serde_json::from_value(json!({ "title": ["second"], "name": ["second"] })).expect("lists");
    let permit = &client.tenant.permit;
    let put = client.tenant.service.directory.run(permit, &PutAuthority(lists)).await;
    assert!(put.expect("good lists"));
    let ada = client.user("ada").await;
    let body = json!({ "schemas": [USER], "userName": "ada", "title": "Analyst", "name": { "givenName": "Ada" } });
    let _ = hr.post("/Users", body).await.expect(201);
    let path = format!("/Users/{ada}");
    let patch = json!([
        { "op": "replace", "path": "title", "value": "Boss" },
        { "op": "replace", "path": "name.givenName", "value": "Augusta" },
        { "op": "replace", "path": "nickName", "value": "Countess" },
    ]);
    let shown = client.patch(&path, patch).await.expect(200);
    assert_eq!(
        (&shown["title"], &shown["name"]["givenName"], &shown["nickName"]),
        (&json!("Analyst"), &json!("Ada"), &json!("Countess"))
    );
    // A body without them says nothing of them, and one with the same values says nothing new.
    let same = json!({ "schemas": [USER], "userName": "ada", "title": "Analyst", "nickName": "Countess" });
    let _ = client.put(&path, same).await.expect(200);
    let entries = entries(&client).await;
    assert_eq!(entries[0].get("normalised"), None, "{:#}", entries[0]);
    let noted = entries[1]["normalised"].as_array().expect("a list");
    let noted: Vec<[&Value; 2]> = noted.iter().map(|note| [&note["rule"], &note["what"]]).collect();
    let left = |name: &str| {
        json!(format!(
            "left attribute \"{name}\" as it was, because another connection has the say over it"
        ))
    };
    assert_eq!(
        noted,
        [[&json!("yielded"), &left("name")], [&json!("yielded"), &left("title")]]
    );
}
