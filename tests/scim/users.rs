//! Users: create, retrieve, replace, modify, delete.

use axum::http::Method;
use serde_json::json;

use crate::kit::scim::{ENTERPRISE, Service, USER, USHER_USER};

#[tokio::test]
async fn a_created_user_is_answered_with_its_address_and_version() {
    let client = Service::client().await;
    let answer = client
        .post(
            "/Users",
            json!({
                "schemas": [USER, ENTERPRISE],
                "userName": "Ada@Example.com",
                "externalId": "00u1",
                "name": { "givenName": "Ada", "familyName": "Lovelace" },
                "emails": [{ "value": "ada@example.com", "type": "work", "primary": true }],
                "active": true,
                ENTERPRISE: { "department": "Engines" },
                "id": "client-made",
            }),
        )
        .await;
    assert_eq!(answer.headers["etag"], "W/\"1\"");
    let location = answer.headers["location"].to_str().expect("text").to_owned();
    let body = answer.expect(201);
    assert_ne!(body["id"], "client-made");
    assert_eq!(
        location,
        format!(
            "https://usher.example/scim/acme/v2/Users/{}",
            body["id"].as_str().expect("id")
        )
    );
    assert_eq!(body["meta"]["location"], location);
    assert_eq!(body["meta"]["resourceType"], "User");
    assert_eq!(body["userName"], "Ada@Example.com");
    assert_eq!(body["externalId"], "00u1");
    assert_eq!(body["active"], true);
    assert_eq!(body[ENTERPRISE]["department"], "Engines");
    assert_eq!(body[USHER_USER]["lifecycleState"], "active");
    assert!(
        body["schemas"]
            .as_array()
            .expect("schemas")
            .contains(&json!(ENTERPRISE))
    );
    let read = client
        .get(location.trim_start_matches("https://usher.example/scim/acme/v2"))
        .await
        .expect(200);
    assert_eq!(read, body);
}

#[tokio::test]
async fn a_user_name_is_taken_in_any_case_until_its_user_is_deleted() {
    let client = Service::client().await;
    let id = client.user("bob@example.com").await;
    let again = json!({ "schemas": [USER], "userName": "BOB@example.com" });
    client
        .post("/Users", again.clone())
        .await
        .refused(409, Some("uniqueness"));
    let _ = client.delete(&format!("/Users/{id}")).await.expect(204);
    client.get(&format!("/Users/{id}")).await.refused(404, None);
    client.delete(&format!("/Users/{id}")).await.refused(404, None);
    let next = client.post("/Users", again).await.id();
    assert_ne!(next, id, "an identifier is never used twice");
}

#[tokio::test]
async fn a_rename_to_a_taken_name_is_refused_and_changes_nothing() {
    let client = Service::client().await;
    client.user("first@example.com").await;
    let second = client.user("second@example.com").await;
    let path = format!("/Users/{second}");
    let before = client.get(&path).await.expect(200);
    let rename = json!([
        { "op": "replace", "path": "displayName", "value": "Changed" },
        { "op": "replace", "path": "userName", "value": "First@example.com" },
    ]);
    client.patch(&path, rename).await.refused(409, Some("uniqueness"));
    client
        .put(&path, json!({ "schemas": [USER], "userName": "first@example.com" }))
        .await
        .refused(409, Some("uniqueness"));
    assert_eq!(client.get(&path).await.expect(200), before);
}

#[tokio::test]
async fn disabling_and_enabling_moves_the_state_and_keeps_the_user_findable() {
    let client = Service::client().await;
    let id = client.user("leaver@example.com").await;
    let path = format!("/Users/{id}");
    let disable = json!([{ "op": "Replace", "path": "active", "value": "False" }]);
    let body = client.patch(&path, disable).await.expect(200);
    assert_eq!(body["active"], false);
    assert_eq!(body[USHER_USER]["lifecycleState"], "suspended");
    let found = client
        .filter("/Users", "userName eq \"leaver@example.com\"")
        .await
        .expect(200);
    assert_eq!(found["totalResults"], 1);
    assert_eq!(found["Resources"][0]["active"], false);
    let enable = json!([{ "op": "replace", "value": { "active": true } }]);
    assert_eq!(client.patch(&path, enable).await.expect(200)["active"], true);
}

#[tokio::test]
async fn a_patch_that_fails_at_its_last_operation_changes_nothing() {
    let client = Service::client().await;
    let path = format!("/Users/{}", client.user("atomic@example.com").await);
    let before = client.get(&path).await.expect(200);
    let operations = json!([
        { "op": "replace", "path": "displayName", "value": "New" },
        { "op": "replace", "path": "noSuchAttribute", "value": 1 },
    ]);
    client.patch(&path, operations).await.refused(400, Some("invalidPath"));
    assert_eq!(client.get(&path).await.expect(200), before);
}

#[tokio::test]
async fn the_version_moves_only_when_something_changed() {
    let client = Service::client().await;
    let path = format!("/Users/{}", client.user("v@example.com").await);
    let set = json!([{ "op": "replace", "path": "title", "value": "Engineer" }]);
    let first = client.patch(&path, set.clone()).await.expect(200)["meta"].clone();
    assert_eq!(first["version"], "W/\"2\"");
    assert_eq!(client.patch(&path, set).await.expect(200)["meta"], first);
}

#[tokio::test]
async fn a_stale_version_is_refused_and_an_unchanged_one_is_not_sent_again() {
    let client = Service::client().await;
    let path = format!("/Users/{}", client.user("etag@example.com").await);
    let body = json!({ "schemas": [USER], "userName": "etag@example.com", "title": "x" });
    let stale = [("if-match", "W/\"7\"")];
    client
        .send(Method::PUT, &path, Some(body.clone()), &stale)
        .await
        .refused(412, None);
    client
        .send(Method::DELETE, &path, None, &stale)
        .await
        .refused(412, None);
    let _ = client
        .send(Method::PUT, &path, Some(body), &[("if-match", "W/\"1\"")])
        .await
        .expect(200);
    let _ = client
        .send(Method::GET, &path, None, &[("if-none-match", "W/\"2\"")])
        .await
        .expect(304);
}

#[tokio::test]
async fn a_replacement_clears_what_it_does_not_mention() {
    let client = Service::client().await;
    let body = json!({ "schemas": [USER], "userName": "put@example.com", "title": "Boss", "displayName": "P" });
    let id = client.post("/Users", body).await.id();
    let path = format!("/Users/{id}");
    let body = client
        .put(
            &path,
            json!({ "schemas": [USER], "userName": "put@example.com", "displayName": "Q" }),
        )
        .await;
    let body = body.expect(200);
    assert_eq!(body["displayName"], "Q");
    assert!(body.get("title").is_none());
}

#[tokio::test]
async fn a_password_is_stored_hashed_and_never_answered() {
    let client = Service::client().await;
    let body = json!({ "schemas": [USER], "userName": "pw@example.com", "password": "correct horse 7" });
    let created = client.post("/Users", body).await.expect(201);
    assert!(created.get("password").is_none());
    let id = created["id"].as_str().expect("id");
    let short = json!([{ "op": "replace", "value": { "password": "short" } }]);
    client
        .patch(&format!("/Users/{id}"), short)
        .await
        .refused(400, Some("invalidValue"));
    let other = json!([{ "op": "replace", "value": { "password": "another horse 8" } }]);
    assert!(
        client
            .patch(&format!("/Users/{id}"), other)
            .await
            .expect(200)
            .get("password")
            .is_none()
    );
}

#[tokio::test]
async fn bad_bodies_get_a_clear_error() {
    let client = Service::client().await;
    client
        .post("/Users", json!({ "schemas": [USER] }))
        .await
        .refused(400, Some("invalidValue"));
    client
        .post("/Users", json!([1]))
        .await
        .refused(400, Some("invalidSyntax"));
    let request = axum::http::Request::builder()
        .method("POST")
        .uri("/scim/acme/v2/Users")
        .header("authorization", format!("Bearer {}", client.token));
    let text = request
        .header("content-type", "text/xml")
        .body("<x/>".into())
        .expect("request");
    client.raw(text).await.refused(415, None);
    let request = axum::http::Request::builder()
        .method("POST")
        .uri("/scim/acme/v2/Users")
        .header("authorization", format!("Bearer {}", client.token));
    let deep = format!("{}1{}", "[".repeat(20_000), "]".repeat(20_000));
    let deep = request
        .header("content-type", "application/json")
        .body(deep.into())
        .expect("request");
    client.raw(deep).await.refused(400, Some("invalidSyntax"));
}
