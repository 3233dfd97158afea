//! The limits: each is a setting, ServiceProviderConfig shows it, and the service keeps to it (RFC 7643 s5).

use std::sync::Arc;

use serde_json::{Value, json};
use usher::model::connection::{Connection, ConnectionKind};
use usher::model::deviation::Strictness;
use usher::scim::ScimSettings;
use usher::store::memory::MemoryStore;

use crate::kit::scim::{Client, GROUP, Service, USER, slug};

const BOUNDS: &str = "urn:usher:scim:schemas:extension:2.0:ServiceProviderConfig";

async fn client(change: impl FnOnce(&mut ScimSettings)) -> Client {
    let mut settings = ScimSettings::new("https://usher.example");
    change(&mut settings);
    let service = Service::with(Arc::new(MemoryStore::new()), settings);
    service.organisation("acme").await.client("scim").await
}

/// What ServiceProviderConfig says at this place.
async fn shown(client: &Client, pointer: &str) -> Value {
    let path = format!("/ServiceProviderConfig?attributes={BOUNDS}");
    let config = client.get(&path).await.expect(200);
    config.pointer(pointer).cloned().unwrap_or_default()
}

async fn bound(client: &Client, name: &str) -> Value {
    shown(client, &format!("/{BOUNDS}/{name}")).await
}

#[tokio::test]
async fn bounds_without_an_attribute_of_the_rfc_are_shown_on_request_only() {
    let client = client(|_| {}).await;
    let plain = client.get("/ServiceProviderConfig").await.expect(200);
    assert!(
        plain.get(BOUNDS).is_none(),
        "some clients refuse members that they do not know"
    );
    assert_eq!(plain["schemas"].as_array().map(Vec::len), Some(1));
    let whole = client.get(&format!("/ServiceProviderConfig?attributes={BOUNDS}")).await;
    let whole = whole.expect(200);
    assert_eq!(whole["schemas"][1], BOUNDS);
    let schema = client.get(&format!("/Schemas/{BOUNDS}")).await.expect(200);
    let mut described: Vec<&str> = schema["attributes"]
        .as_array()
        .expect("attributes")
        .iter()
        .filter_map(|attribute| attribute["name"].as_str())
        .collect();
    described.sort_unstable();
    let mut served: Vec<&str> = whole[BOUNDS]
        .as_object()
        .expect("bounds")
        .keys()
        .map(String::as_str)
        .collect();
    served.sort_unstable();
    assert_eq!(served, described);
}

#[tokio::test]
async fn pages_have_the_sizes_that_are_set() {
    let client = client(|settings| (settings.page_max, settings.page_default) = (3, 2)).await;
    assert_eq!(shown(&client, "/filter/maxResults").await, 3);
    assert_eq!(shown(&client, "/pagination/maxPageSize").await, 3);
    assert_eq!(shown(&client, "/pagination/defaultPageSize").await, 2);
    for n in 0..5 {
        client.user(&format!("u{n}")).await;
    }
    let mut strict = Connection::new(slug("strict"), ConnectionKind::Scim);
    strict.strictness = Strictness::Strict;
    let strict = client.tenant.client_of(strict).await;
    for (query, on_page) in [("", 2), ("?count=100", 3), ("?cursor", 2), ("?cursor&count=100", 3)] {
        let page = client.get(&format!("/Users{query}")).await.expect(200);
        assert_eq!(page["itemsPerPage"], on_page, "{query}");
    }
    strict
        .get("/Users?cursor&count=4")
        .await
        .refused(400, Some("invalidCount"));
}

#[tokio::test]
async fn a_cursor_lives_as_long_as_is_shown() {
    let client = client(|settings| settings.cursor_timeout_s = 77).await;
    assert_eq!(shown(&client, "/pagination/cursorTimeout").await, 77);
}

#[tokio::test]
async fn bulk_requests_have_the_bounds_that_are_set() {
    let client = client(|settings| (settings.bulk_operations_max, settings.bulk_bytes_max) = (2, 2_000)).await;
    assert_eq!(shown(&client, "/bulk/maxOperations").await, 2);
    assert_eq!(shown(&client, "/bulk/maxPayloadSize").await, 2_000);
    let bulk = |operations: usize, blanks: usize| {
        let make = |n| {
            json!({ "method": "POST", "path": "/Users", "bulkId": format!("b{n}"),
            "data": { "schemas": [USER], "userName": format!("b{n}-{operations}-{blanks}"), "title": " ".repeat(blanks) } })
        };
        let operations: Vec<Value> = (0..operations).map(make).collect();
        json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": operations })
    };
    let _ = client.post("/Bulk", bulk(2, 1)).await.expect(200);
    client.post("/Bulk", bulk(3, 1)).await.refused(413, None);
    let detail = client.post("/Bulk", bulk(1, 2_000)).await.refused(413, None);
    assert!(detail.contains("2000 bytes"), "{detail}");
}

#[tokio::test]
async fn bodies_have_the_size_that_is_set() {
    let client = client(|settings| settings.body_bytes_max = 1_500).await;
    assert_eq!(bound(&client, "maxPayloadSize").await, 1_500);
    let user = |blanks: usize| json!({ "schemas": [USER], "userName": "ada", "title": "x".repeat(blanks) });
    client.post("/Users", user(1_500)).await.refused(413, None);
    let _ = client.post("/Users", user(1_000)).await.expect(201);
}

#[tokio::test]
async fn filters_have_the_length_and_depth_that_are_set() {
    let client = client(|settings| (settings.filter.length, settings.filter.depth) = (60, 3)).await;
    assert_eq!(bound(&client, "maxFilterLength").await, 60);
    assert_eq!(bound(&client, "maxFilterDepth").await, 3);
    let _ = client.filter("/Users", "(userName eq \"ada\")").await.expect(200);
    let deep = "(((((userName eq \"ada\")))))";
    client.filter("/Users", deep).await.refused(400, Some("invalidFilter"));
    let long = format!("userName eq \"{}\"", "a".repeat(60));
    client.filter("/Users", &long).await.refused(400, Some("invalidFilter"));
}

#[tokio::test]
async fn patch_operations_and_members_have_the_bounds_that_are_set() {
    let client = client(|settings| (settings.patch_operations_max, settings.members_max) = (2, 3)).await;
    assert_eq!(bound(&client, "maxPatchOperations").await, 2);
    assert_eq!(bound(&client, "maxMembers").await, 3);
    let user = client.user("ada").await;
    let title = json!({ "op": "replace", "path": "title", "value": "x" });
    let path = format!("/Users/{user}");
    let _ = client.patch(&path, json!([title, title])).await.expect(200);
    let too_many = client.patch(&path, json!([title, title, title])).await;
    assert!([400, 413].contains(&too_many.status.as_u16()), "{:#}", too_many.body);
    let mut members = Vec::new();
    for n in 0..4 {
        members.push(json!({ "value": client.user(&format!("m{n}")).await }));
    }
    let group = |members: &[Value]| json!({ "schemas": [GROUP], "displayName": "G", "members": members });
    client.post("/Groups", group(&members)).await.refused(413, None);
    let id = client.post("/Groups", group(&members[..3])).await.id();
    client
        .put(&format!("/Groups/{id}"), group(&members))
        .await
        .refused(413, None);
}

#[tokio::test]
async fn a_query_reads_no_more_records_than_are_set() {
    let client = client(|settings| settings.budget.records = 5).await;
    assert_eq!(bound(&client, "maxRecordsRead").await, 5);
    for n in 0..6 {
        client.user(&format!("u{n}")).await;
    }
    client.filter("/Users", "title pr").await.refused(400, Some("tooMany"));
    let found = client.filter("/Users", "userName eq \"u1\"").await.expect(200);
    assert_eq!(found["totalResults"], 1, "an index narrows it");
}
