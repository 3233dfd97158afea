//! Extension objects that no schema defines: dropped and noted, or kept as they are where the connection says so.

use axum::http::Method;
use serde_json::{Value, json};
use usher::model::connection::{Connection, ConnectionKind, UnknownExtensions};
use usher::model::deviation::Strictness;

use crate::kit::scim::{Client, GROUP, Service, USER, slug};

const BADGE: &str = "urn:example:badge:1.0:User";

async fn client(policy: UnknownExtensions, strictness: Strictness) -> Client {
    let mut connection = Connection::new(slug("scim"), ConnectionKind::Scim);
    connection.unknown_extensions = policy;
    connection.strictness = strictness;
    Service::new().organisation("acme").await.client_of(connection).await
}

async fn keeping() -> Client {
    client(UnknownExtensions::Keep, Strictness::Lenient).await
}

fn user(badge: Value) -> Value {
    json!({ "schemas": [USER, BADGE], "userName": "ada", BADGE: badge })
}

async fn rules(client: &Client) -> Vec<String> {
    let directory = &client.tenant.service.directory;
    directory.flush_journal().await.expect("written");
    let entries = directory.list_journal(client.tenant.id, &slug("scim"), None, 1).await;
    let rules = entries
        .expect("a journal")
        .into_iter()
        .flat_map(|(_, entry)| entry.normalised);
    rules.map(|rule| rule.rule).collect()
}

#[tokio::test]
async fn an_unknown_extension_is_kept_as_it_was_sent() {
    let client = keeping().await;
    let badge = json!({ "number": 7, "Nested": [{ "any": null }, []], "text": "" });
    let created = client.post("/Users", user(badge.clone())).await.expect(201);
    assert_eq!(rules(&client).await, ["keptExtension"]);
    assert_eq!(created[BADGE], badge);
    assert!(created["schemas"].as_array().expect("a list").contains(&json!(BADGE)));
    let path = format!("/Users/{}", created["id"].as_str().expect("an id"));
    assert_eq!(client.get(&path).await.expect(200), created);
    let listed = client.filter("/Users", "userName eq \"ada\"").await.expect(200);
    assert_eq!(listed["Resources"][0][BADGE], badge);
    for hidden in ["attributes=userName", &format!("excludedAttributes={BADGE}")] {
        let shown = client.get(&format!("{path}?{hidden}")).await.expect(200);
        assert!(shown.get(BADGE).is_none(), "{hidden}");
        assert!(!shown["schemas"].to_string().contains(BADGE), "{hidden}");
    }
    assert_eq!(client.put(&path, created.clone()).await.expect(200)[BADGE], badge);
    let cleared = json!({ "schemas": [USER], "userName": "ada" });
    assert!(client.put(&path, cleared).await.expect(200).get(BADGE).is_none());
}

#[tokio::test]
async fn groups_keep_theirs_too() {
    let client = keeping().await;
    let urn = "urn:example:cost:1.0:Group";
    let id = client
        .post(
            "/Groups",
            json!({ "schemas": [GROUP], "displayName": "G", urn: { "centre": 4 } }),
        )
        .await
        .id();
    let path = format!("/Groups/{id}");
    assert_eq!(client.get(&path).await.expect(200)[urn], json!({ "centre": 4 }));
    let change = json!([{ "op": "replace", "path": urn, "value": { "centre": 5 } }]);
    let _ = client.patch(&path, change).await.expect(204);
    assert_eq!(client.get(&path).await.expect(200)[urn], json!({ "centre": 5 }));
}

#[tokio::test]
async fn a_patch_reaches_the_whole_extension_and_its_attributes() {
    let client = keeping().await;
    let id = client.post("/Users", user(json!({ "a": 1 }))).await.id();
    let path = format!("/Users/{id}");
    let upper = BADGE.replace("badge", "BADGE");
    let attribute = |name: &str| format!("{BADGE}:{name}");
    for (operation, after) in [
        (
            json!({ "op": "add", "path": BADGE, "value": { "b": 2 } }),
            json!({ "a": 1, "b": 2 }),
        ),
        (
            json!({ "op": "replace", "path": upper, "value": { "c": [3] } }),
            json!({ "c": [3] }),
        ),
        (
            json!({ "op": "add", "value": { BADGE: { "d": "x" } } }),
            json!({ "c": [3], "d": "x" }),
        ),
        (
            json!({ "op": "replace", "path": attribute("D"), "value": "y" }),
            json!({ "c": [3], "d": "y" }),
        ),
        (json!({ "op": "remove", "path": attribute("c") }), json!({ "d": "y" })),
        (
            json!({ "op": "replace", "value": { attribute("d"): 5 } }),
            json!({ "d": 5 }),
        ),
        (json!({ "op": "remove", "path": attribute("d") }), Value::Null),
        (
            json!({ "op": "add", "path": attribute("e"), "value": "new" }),
            json!({ "e": "new" }),
        ),
        (json!({ "op": "replace", "value": { BADGE: null } }), Value::Null),
        (
            json!({ "op": "replace", "value": { BADGE: { "f": 6 } } }),
            json!({ "f": 6 }),
        ),
        (json!({ "op": "remove", "path": BADGE }), Value::Null),
        (json!({ "op": "remove", "path": BADGE }), Value::Null),
    ] {
        let shown = client.patch(&path, json!([operation.clone()])).await.expect(200);
        assert_eq!(shown.get(BADGE).cloned().unwrap_or_default(), after, "{operation}");
        assert_eq!(client.get(&path).await.expect(200), shown, "{operation}");
    }
}

#[tokio::test]
async fn what_is_kept_is_bounded_and_in_no_filter_or_sort() {
    let client = keeping().await;
    let long = "x".repeat(20_000);
    client
        .post("/Users", user(json!({ "long": long })))
        .await
        .refused(400, Some("invalidValue"));
    let id = client.post("/Users", user(json!({ "n": 1 }))).await.id();
    for value in [
        json!({ BADGE: { "long": long } }),
        json!({ "urn:example:more:1.0:User": { "long": long } }),
    ] {
        let add = json!([{ "op": "add", "value": value }]);
        client
            .patch(&format!("/Users/{id}"), add)
            .await
            .refused(400, Some("invalidValue"));
    }
    for filter in [format!("{BADGE}:n eq 1"), format!("{BADGE} pr"), "n eq 1".to_owned()] {
        client
            .filter("/Users", &filter)
            .await
            .refused(400, Some("invalidFilter"));
    }
    client
        .get(&format!("/Users?sortBy={BADGE}:n"))
        .await
        .refused(400, Some("invalidPath"));
    let twice = json!({ "schemas": [USER], "userName": "bob", BADGE: { "n": 1 }, BADGE.to_uppercase().replacen("URN", "urn", 1): { "n": 2 } });
    client.post("/Users", twice).await.refused(400, Some("invalidSyntax"));
}

#[tokio::test]
async fn it_is_dropped_by_default_and_refused_by_a_strict_connection_whatever_is_set() {
    let dropping = client(UnknownExtensions::Drop, Strictness::Lenient).await;
    let created = dropping.post("/Users", user(json!({ "n": 1 }))).await.expect(201);
    assert_eq!(rules(&dropping).await, ["unknownExtension", "unknownSchema"]);
    assert!(created.get(BADGE).is_none() && !created["schemas"].to_string().contains(BADGE));
    for policy in [UnknownExtensions::Drop, UnknownExtensions::Keep] {
        let strict = client(policy, Strictness::Strict).await;
        strict
            .post("/Users", user(json!({ "n": 1 })))
            .await
            .refused(400, Some("invalidSyntax"));
        let path = format!("/Users/{}", strict.user("bob").await);
        for (operation, scim_type) in [
            (
                json!({ "op": "add", "path": BADGE, "value": { "n": 1 } }),
                "invalidPath",
            ),
            (
                json!({ "op": "add", "path": format!("{BADGE}:n"), "value": 1 }),
                "invalidPath",
            ),
            (json!({ "op": "add", "value": { BADGE: { "n": 1 } } }), "invalidSyntax"),
        ] {
            strict
                .patch(&path, json!([operation]))
                .await
                .refused(400, Some(scim_type));
        }
        let answer = strict
            .send(Method::PUT, &path, Some(user(json!({ "n": 1 }))), &[])
            .await;
        answer.refused(400, Some("invalidSyntax"));
    }
}
