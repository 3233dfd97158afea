//! Tokens through the admin API.

use serde_json::json;

use crate::kit::gateway::Inside;

const TOKENS: &str = "/api/v1/organisations/acme/tokens";

#[tokio::test]
async fn a_token_is_shown_once_listed_without_its_secret_and_revoked() {
    let inside = Inside::new();
    let acme = inside.administrator().await.organisation("acme").await;
    let issued = acme.post(TOKENS, json!({ "label": "dashboard" })).await.expect(201);
    let other = inside.caller(issued["token"].as_str().expect("a token"));
    other.get("/api/v1/organisations/acme").await.expect(200);
    let listed = acme.get(TOKENS).await.expect(200);
    assert!(listed.to_string().contains("dashboard"));
    assert!(
        !listed.to_string().contains("ush_") && !listed.to_string().contains("hash"),
        "{listed:#}"
    );
    let id = issued["id"].as_str().expect("an id");
    acme.delete(&format!("{TOKENS}/{id}")).await.expect(204);
    other.get("/api/v1/organisations/acme").await.expect(401);
    acme.delete(&format!("{TOKENS}/{id}")).await.expect(404);
}

#[tokio::test]
async fn an_organisations_administrator_neither_sees_nor_revokes_the_gateways_tokens() {
    let inside = Inside::new();
    let root = inside.administrator().await;
    let acme = root.organisation("acme").await;
    let gateway = root.get("/api/v1/tokens").await.expect(200);
    let id = gateway["items"][0]["id"].as_str().expect("an id");
    assert!(!acme.get(TOKENS).await.expect(200).to_string().contains(id));
    acme.delete(&format!("{TOKENS}/{id}")).await.expect(404);
    acme.delete(&format!("/api/v1/tokens/{id}")).await.expect(403);
    root.get("/api/v1/tokens").await.expect(200);
}

#[tokio::test]
async fn one_token_administers_the_organisations_that_it_names_and_knows_of_no_other() {
    let inside = Inside::new();
    let root = inside.administrator().await;
    for slug in ["acme", "beta", "gamma"] {
        root.organisation(slug).await;
    }
    let new = json!({ "organisations": ["acme", "gamma"], "label": "Mia" });
    let issued = root.post("/api/v1/tokens", new).await.expect(201);
    assert_eq!(issued["opens"], "organisations");
    assert_eq!(issued["organisations"].as_array().map(Vec::len), Some(2), "{issued:#}");
    let mia = inside.caller(issued["token"].as_str().expect("a token"));
    let seen = mia.get("/api/v1/organisations").await.expect(200);
    let slugs: Vec<_> = seen["items"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|item| &item["slug"])
        .collect();
    assert_eq!(slugs, ["acme", "gamma"]);
    for (slug, made, listed) in [("acme", 201, 200), ("gamma", 201, 200), ("beta", 404, 404)] {
        let users = format!("/api/v1/organisations/{slug}/users");
        mia.post(&users, json!({ "user_name": "ada" })).await.expect(made);
        mia.get(&users).await.expect(listed);
    }
    mia.post("/api/v1/organisations", json!({ "slug": "delta" }))
        .await
        .expect(403);
    mia.get("/api/v1/tokens").await.expect(403);
    mia.get("/scim/acme/v2/Users").await.expect(403);
    root.get("/api/v1/verify").await.expect(200);
    for body in [json!({ "organisations": [] }), json!({ "organisations": ["nowhere"] })] {
        root.post("/api/v1/tokens", body).await.expect(400);
    }
    root.post(TOKENS, json!({ "organisations": ["acme"] }))
        .await
        .expect(400);
    let id = issued["id"].as_str().expect("an id");
    root.delete(&format!("/api/v1/tokens/{id}")).await.expect(204);
    mia.get("/api/v1/organisations").await.expect(401);
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let inside = Inside::new();
    let root = inside.administrator().await;
    let acme = root.organisation("acme").await;
    acme.post(TOKENS, json!({ "connection": "nothing" })).await.expect(404);
    acme.post(TOKENS, json!({ "expires": "2001-01-01T00:00:00Z" }))
        .await
        .expect(400);
    acme.post(TOKENS, json!({ "expires": "tomorrow" })).await.expect(422);
    acme.post(TOKENS, json!({ "power": "all" })).await.expect(422);
    root.post("/api/v1/tokens", json!({ "connection": "entra" }))
        .await
        .expect(400);
}
