//! `usher privacy`.

use serde_json::json;

use crate::kit::gateway::Gateway;

#[tokio::test]
async fn a_person_is_exported_restricted_and_erased() {
    let gateway = Gateway::start();
    let url = format!("{}/Users", gateway.bootstrapped("scim_base_url"));
    let user = json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "jane@example.org" });
    let request = reqwest::Client::new()
        .post(&url)
        .bearer_auth(gateway.bootstrapped("scim_token"));
    let request = request
        .header("content-type", "application/scim+json")
        .body(user.to_string());
    assert_eq!(request.send().await.expect("an answer").status(), 201);
    let held = gateway
        .command(&["privacy", "export", "jane@example.org"])
        .expect(0)
        .json();
    assert_eq!(held["user"]["user_name"], "jane@example.org");
    let restricted = gateway
        .command(&["privacy", "restrict", "jane@example.org", "--json"])
        .expect(0)
        .json();
    assert_eq!(restricted["restricted"], true);
    gateway
        .command(&["privacy", "unrestrict", "jane@example.org"])
        .expect(0);
    let wrong = gateway
        .command(&["privacy", "erase", "jane@example.org", "--confirm", "jane"])
        .expect(1);
    assert!(wrong.sentence().contains("confirm"), "{}", wrong.err);
    let erased = gateway
        .command(&["privacy", "erase", "jane@example.org", "--confirm", "jane@example.org"])
        .expect(0);
    assert!(erased.out.ends_with("is erased\n"), "{}", erased.out);
    gateway.command(&["user", "show", "jane@example.org"]).expect(1);
}
