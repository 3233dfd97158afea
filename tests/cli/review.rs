//! `usher review`: who waits, and what an administrator decides.

use serde_json::{Value, json};

use crate::kit::gateway::Gateway;

const SECOND_SOURCE: &str = r#"
[organisation]
slug = "default"

[[connections]]
name = "okta"
kind = "scim"
matching = { adoption = "review" }
"#;

async fn create(gateway: &Gateway, token: &str) -> (u16, Value) {
    let body = json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "jane" });
    let request = reqwest::Client::new()
        .post(format!("{}/Users", gateway.bootstrapped("scim_base_url")))
        .bearer_auth(token)
        .header("content-type", "application/scim+json");
    let answer = request.body(body.to_string()).send().await.expect("an answer");
    let status = answer.status().as_u16();
    let body = serde_json::from_str(&answer.text().await.expect("a body")).expect("JSON");
    (status, body)
}

#[tokio::test]
async fn an_identity_waits_is_rejected_waits_again_and_is_approved() {
    let gateway = Gateway::start();
    let (status, jane) = create(&gateway, &gateway.bootstrapped("scim_token")).await;
    assert_eq!(status, 201);
    let file = gateway.file("okta.toml", SECOND_SOURCE);
    let _ = gateway.command(&["apply", &file]).expect(0);
    let issued = gateway
        .command(&["token", "issue", "--connection", "okta", "--json"])
        .expect(0);
    let token = issued.json()["token"].as_str().expect("a token").to_owned();
    assert_eq!(create(&gateway, &token).await.0, 409);

    let listed = gateway.command(&["review", "list", "okta", "--json"]).expect(0).json();
    let id = listed[0]["id"].as_str().expect("an id").to_owned();
    assert_eq!((&listed[0]["found"], &listed[0]["name"]), (&jane["id"], &json!("jane")));
    let decide = |word: &str| gateway.command(&["review", word, "okta", &id]).expect(0);
    let _ = decide("reject");
    let shown = gateway.command(&["review", "list", "okta"]).expect(0);
    assert!(shown.out.contains("rejected"), "{}", shown.out);
    assert_eq!(create(&gateway, &token).await.0, 409);
    let _ = decide("withdraw");
    let shown = gateway.command(&["review", "list", "okta"]).expect(0);
    assert!(shown.out.contains("waits"), "{}", shown.out);
    let _ = decide("approve");
    let (status, same) = create(&gateway, &token).await;
    assert_eq!((status, &same["id"]), (201, &jane["id"]));
    let listed = gateway.command(&["review", "list", "okta", "--json"]).expect(0).json();
    assert_eq!(listed, json!([]));
    let refused = gateway.command(&["review", "approve", "okta", "nobody"]).expect(1);
    assert!(refused.err.contains("does not exist"), "{}", refused.err);
}
