//! Bulk (RFC 7644 s3.7): references in every direction, errors, limits.

use std::sync::Arc;

use serde_json::{Value, json};
use usher::scim::ScimSettings;
use usher::store::MemoryStore;

use crate::kit::scim::{Answer, Client, ENTERPRISE, GROUP, Service, USER};

const BULK: &str = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";

async fn send(client: &Client, operations: Value) -> Answer {
    client
        .post("/Bulk", json!({ "schemas": [BULK], "Operations": operations }))
        .await
}

/// The results of the operations.
async fn results(client: &Client, operations: Value) -> Vec<Value> {
    let body = send(client, operations).await.expect(200);
    assert_eq!(
        body["schemas"],
        json!(["urn:ietf:params:scim:api:messages:2.0:BulkResponse"])
    );
    body["Operations"].as_array().expect("Operations").clone()
}

fn statuses(results: &[Value]) -> Vec<&str> {
    results
        .iter()
        .map(|result| result["status"].as_str().expect("a text"))
        .collect()
}

/// The path below the base URL, and the identifier.
fn place(result: &Value) -> (String, String) {
    let location = result["location"].as_str().expect("a location");
    let path = location
        .strip_prefix("https://usher.example/scim/acme/v2")
        .expect("ours");
    let id = path.rsplit('/').next().expect("an id");
    (path.to_owned(), id.to_owned())
}

fn user(bulk_id: &str, name: &str) -> Value {
    json!({ "method": "POST", "path": "/Users", "bulkId": bulk_id, "data": { "schemas": [USER], "userName": name } })
}

fn group(bulk_id: &str, name: &str, members: &[&str]) -> Value {
    let members: Vec<Value> = members
        .iter()
        .map(|id| json!({ "value": format!("bulkId:{id}") }))
        .collect();
    let data = json!({ "schemas": [GROUP], "displayName": name, "members": members });
    json!({ "method": "POST", "path": "/Groups", "bulkId": bulk_id, "data": data })
}

async fn members(client: &Client, result: &Value) -> Vec<String> {
    let group = client.get(&place(result).0).await.expect(200);
    let members = group["members"].as_array().cloned().unwrap_or_default();
    members
        .iter()
        .map(|member| member["value"].as_str().expect("value").to_owned())
        .collect()
}

#[tokio::test]
async fn every_method_answers_as_a_request_of_its_own() {
    let client = Service::client().await;
    let (old, gone) = (client.user("old").await, client.user("gone").await);
    let patch = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{ "op": "replace", "path": "title", "value": "Boss" }],
    });
    let done = results(
        &client,
        json!([
            user("a", "new"),
            { "method": "PATCH", "path": format!("/Users/{old}"), "version": "W/\"1\"", "data": patch },
            { "method": "PUT", "path": format!("/Users/{old}"), "data": { "schemas": [USER], "userName": "old2" } },
            { "method": "delete", "path": format!("/Users/{gone}") },
            { "method": "PATCH", "path": format!("/Users/{old}"), "version": "W/\"1\"", "data": patch },
        ]),
    )
    .await;
    assert_eq!(statuses(&done), ["201", "200", "200", "204", "412"]);
    assert_eq!(done[0]["bulkId"], "a");
    assert_eq!(done[0]["method"], "POST");
    assert_eq!(done[0]["version"], "W/\"1\"");
    assert_eq!(done[2]["version"], "W/\"3\"");
    assert_eq!(client.get(&place(&done[0]).0).await.expect(200)["userName"], "new");
    assert_eq!(
        client.get(&format!("/Users/{old}")).await.expect(200)["userName"],
        "old2"
    );
    client.get(&format!("/Users/{gone}")).await.refused(404, None);
    assert_eq!(done[4]["response"]["status"], "412");
    assert_eq!(place(&done[4]).1, old);
}

#[tokio::test]
async fn references_are_resolved_backward_forward_and_in_a_path() {
    let client = Service::client().await;
    let mut boss = user("report", "report");
    boss["data"][ENTERPRISE] = json!({ "manager": { "value": "bulkId:boss" } });
    boss["data"]["schemas"] = json!([USER, ENTERPRISE]);
    let add = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{ "op": "add", "path": "members", "value": [{ "value": "bulkId:boss" }] }],
    });
    let done = results(
        &client,
        json!([
            boss,
            group("crew", "Crew", &["report"]),
            user("boss", "boss"),
            { "method": "PATCH", "path": "/Groups/bulkId:crew", "data": add },
        ]),
    )
    .await;
    assert_eq!(statuses(&done), ["201", "201", "201", "200"]);
    let report = client.get(&place(&done[0]).0).await.expect(200);
    assert_eq!(report[ENTERPRISE]["manager"]["value"], place(&done[2]).1);
    let mut expected = vec![place(&done[0]).1, place(&done[2]).1];
    expected.sort();
    let mut found = members(&client, &done[1]).await;
    found.sort();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn resources_that_refer_to_each_other_are_created_and_then_linked() {
    let client = Service::client().await;
    let mut one = user("one", "one");
    one["data"][ENTERPRISE] = json!({ "manager": { "value": "bulkId:two" }, "department": "D" });
    let mut two = user("two", "two");
    two["data"][ENTERPRISE] = json!({ "manager": { "value": "bulkId:one" } });
    let done = results(
        &client,
        json!([
            one,
            two,
            // The example of RFC 7644 s3.7.1: two groups, each a member of the other.
            group("a", "A", &["one", "b"]),
            group("b", "B", &["two", "a"])
        ]),
    )
    .await;
    assert_eq!(statuses(&done), ["201", "201", "201", "201"]);
    let (first, second) = (place(&done[0]), place(&done[1]));
    let shown = client.get(&first.0).await.expect(200);
    assert_eq!(shown[ENTERPRISE]["manager"]["value"], second.1);
    assert_eq!(shown[ENTERPRISE]["department"], "D");
    let shown = client.get(&second.0).await.expect(200);
    assert_eq!(shown[ENTERPRISE]["manager"]["value"], first.1);
    let (a, b) = (place(&done[2]), place(&done[3]));
    assert!(members(&client, &done[2]).await.contains(&b.1));
    assert!(members(&client, &done[2]).await.contains(&first.1));
    assert!(members(&client, &done[3]).await.contains(&a.1));
    assert!(members(&client, &done[3]).await.contains(&second.1));
    for (result, path) in [(&done[0], &first.0), (&done[2], &a.0)] {
        let now = client.get(path).await;
        assert_eq!(
            result["version"],
            now.headers["etag"].to_str().expect("text"),
            "of the linked resource"
        );
    }
}

#[tokio::test]
async fn a_long_chain_of_forward_references_is_resolved() {
    let client = Service::client().await;
    let names: Vec<String> = (0..300).map(|n| format!("g{n}")).collect();
    let mut operations = Vec::new();
    for (n, name) in names.iter().enumerate() {
        let next = names.get(n + 1).map(String::as_str);
        operations.push(group(name, name, &next.into_iter().collect::<Vec<_>>()));
    }
    let done = results(&client, json!(operations)).await;
    assert!(done.iter().all(|result| result["status"] == "201"));
    assert_eq!(members(&client, &done[0]).await, [place(&done[1]).1]);
}

#[tokio::test]
async fn a_reference_that_cannot_be_resolved_is_a_conflict_of_its_operation_only() {
    let client = Service::client().await;
    let taken = client.user("taken").await;
    let done = results(
        &client,
        json!([
            user("a", "TAKEN"),
            group("g", "G", &["a"]),
            group("h", "H", &["nobody"]),
            user("b", "free"),
        ]),
    )
    .await;
    assert_eq!(statuses(&done), ["409", "409", "409", "201"]);
    assert_eq!(done[0]["response"]["scimType"], "uniqueness");
    assert!(done[0].get("location").is_none(), "nothing was created");
    assert_eq!(client.get("/Groups").await.expect(200)["totalResults"], 0);
    let _ = client.get(&format!("/Users/{taken}")).await.expect(200);
}

#[tokio::test]
async fn no_operation_runs_after_the_errors_that_the_client_accepts() {
    let client = Service::client().await;
    for (accepted, expected) in [(1, vec!["201", "400"]), (2, vec!["201", "400", "201", "400"])] {
        let wrong = json!({ "method": "GET", "path": "/Users/x" });
        let name = |n: usize| user(&n.to_string(), &format!("user{accepted}{n}"));
        let body = json!({
            "schemas": [BULK], "failOnErrors": accepted,
            "Operations": [name(1), wrong, name(2), wrong, name(3)],
        });
        let body = client.post("/Bulk", body).await.expect(200);
        assert_eq!(statuses(body["Operations"].as_array().expect("a list")), expected);
    }
    assert_eq!(client.get("/Users").await.expect(200)["totalResults"], 3);
}

#[tokio::test]
async fn an_operation_goes_to_resources_only() {
    let client = Service::client().await;
    let inner = json!({ "schemas": [BULK], "Operations": [] });
    for (method, path) in [
        ("POST", "/Bulk"),
        ("POST", "/.search"),
        ("POST", "/Users/.search"),
        ("POST", "/Users/x"),
        ("PATCH", "/Users"),
        ("PUT", "/Schemas/x"),
        ("PATCH", "/Users/../Groups"),
        ("DELETE", "Users/x"),
        ("DELETE", "/Users/x?y"),
        ("HEAD", "/Users/x"),
        ("", "/Users"),
        ("POST", ""),
    ] {
        let done = results(&client, json!([{ "method": method, "path": path, "data": inner }])).await;
        assert_eq!(done[0]["status"], "400", "{method} {path}");
        assert_eq!(done[0]["response"]["scimType"], "invalidSyntax");
    }
    let other = json!([{ "method": "DELETE", "path": "/Users/no%20such%20id" }]);
    assert_eq!(statuses(&results(&client, other).await), ["404"]);
}

#[tokio::test]
async fn a_request_beyond_the_limits_or_of_the_wrong_form_is_refused_as_a_whole() {
    let mut settings = ScimSettings::new("https://usher.example");
    (settings.bulk_operations_max, settings.bulk_bytes_max) = (3, 2_000);
    let service = Service::with(Arc::new(MemoryStore::new()), settings);
    let client = service.organisation("acme").await.client("scim").await;
    let config = client.get("/ServiceProviderConfig").await.expect(200);
    let advertised = json!({ "supported": true, "maxOperations": 3, "maxPayloadSize": 2_000 });
    assert_eq!(config["bulk"], advertised);
    let many: Vec<Value> = (0..4).map(|n| user(&n.to_string(), &format!("u{n}"))).collect();
    send(&client, json!(many)).await.refused(413, None);
    send(&client, json!([user("a", &"x".repeat(2_000))]))
        .await
        .refused(413, None);
    for body in [
        json!([]),
        json!({ "schemas": [BULK] }),
        json!({ "schemas": [BULK], "Operations": {} }),
        json!({ "schemas": [BULK], "Operations": ["x"] }),
        json!({ "schemas": [BULK], "Operations": [], "failOnErrors": 0 }),
    ] {
        client.post("/Bulk", body).await.refused(400, Some("invalidSyntax"));
    }
    assert_eq!(client.get("/Users").await.expect(200)["totalResults"], 0);
    assert!(results(&client, json!([])).await.is_empty());
}
