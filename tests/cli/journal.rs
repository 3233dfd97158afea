//! `usher journal`: the same entries as the admin API, for people and as JSON, without anything personal or secret.

use serde_json::{Value, json};

use crate::kit::gateway::Gateway;

/// Three requests of an identity provider: one clean, one put right, one refused.
async fn ask(gateway: &Gateway) {
    let http = reqwest::Client::new();
    let url = format!("{}/Users", gateway.bootstrapped("scim_base_url"));
    let token = gateway.bootstrapped("scim_token");
    let schemas = ["urn:ietf:params:scim:schemas:core:2.0:User"];
    for (body, status) in [
        (json!({ "schemas": schemas, "userName": "jane@example.org" }), 201),
        (
            json!({ "schemas": schemas, "userName": "john@example.org", "active": "True" }),
            201,
        ),
        (json!({ "schemas": schemas, "userName": "JANE@example.org" }), 409),
    ] {
        let request = http
            .post(&url)
            .bearer_auth(&token)
            .header("content-type", "application/scim+json");
        let answer = request.body(body.to_string()).send().await.expect("an answer");
        assert_eq!(answer.status(), status);
    }
    let filter = [("filter", "userName eq \"jane@example.org\"")];
    let answer = http
        .get(&url)
        .bearer_auth(&token)
        .query(&filter)
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.status(), 200);
}

fn check(text: &str, gateway: &Gateway) {
    let lower = text.to_lowercase();
    for hidden in [
        "jane",
        "john",
        "example.org",
        gateway.bootstrapped("scim_token").as_str(),
    ] {
        assert!(!lower.contains(&hidden.to_lowercase()), "{hidden} in {text}");
    }
}

#[tokio::test]
async fn the_last_requests_are_shown_newest_first() {
    let gateway = Gateway::start();
    ask(&gateway).await;
    let listed = gateway.command(&["journal", "scim", "--json"]).expect(0);
    check(&listed.out, &gateway);
    let items = listed.json();
    let shown: Vec<String> = items
        .as_array()
        .expect("a list")
        .iter()
        .map(|entry| {
            format!(
                "{} {} {}",
                entry["method"].as_str().unwrap_or_default(),
                entry["path"].as_str().unwrap_or_default(),
                entry["status"]
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            "GET /Users 200",
            "POST /Users 409",
            "POST /Users 201",
            "POST /Users 201"
        ]
    );
    assert_eq!(items[2]["normalised"][0]["rule"], "booleanText");
    assert_eq!(items[1]["refusal"]["scim_type"], "uniqueness");

    let table = gateway.command(&["journal", "scim", "--limit", "3"]).expect(0).out;
    check(&table, &gateway);
    assert_eq!(table.lines().count(), 4, "a heading and three requests: {table}");
    assert!(
        table.contains("read \"True\" as a boolean in attribute \"active\""),
        "{table}"
    );
    assert!(table.contains("refused: userName"), "{table}");
    gateway.command(&["journal", "nobody"]).expect(1);

    let url = format!(
        "{}/organisations/default/connections/scim/journal",
        gateway.bootstrapped("admin_base_url")
    );
    let request = reqwest::Client::new()
        .get(url)
        .bearer_auth(gateway.bootstrapped("admin_token"));
    let page: Value = request.send().await.expect("an answer").json().await.expect("JSON");
    assert_eq!(page["items"], items, "both doors show the same");
}

#[tokio::test]
async fn a_bound_is_a_setting_and_the_journal_outlives_the_gateway() {
    let mut gateway = Gateway::start();
    let file = gateway.file("usher.toml", "[scim]\njournal_entries_max = 2\n");
    gateway.terminate();
    let bounded = Gateway::start_with(&["--config", &file]);
    ask(&bounded).await;
    let items = bounded.command(&["journal", "scim", "--json"]).expect(0).json();
    assert_eq!(items.as_array().map(Vec::len), Some(2), "{items}");
    let mut bounded = bounded;
    bounded.terminate();
    assert_eq!(bounded.command(&["journal", "scim", "--json"]).expect(0).json(), items);
}
