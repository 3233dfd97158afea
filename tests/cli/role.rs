//! Roles, permissions and rights at the command line.

use serde_json::json;

use crate::kit::gateway::Gateway;

async fn scim_user(gateway: &Gateway, name: &str) {
    let user = json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": name });
    let asked = reqwest::Client::new()
        .post(format!("{}/Users", gateway.bootstrapped("scim_base_url")))
        .bearer_auth(gateway.bootstrapped("scim_token"))
        .header("content-type", "application/scim+json")
        .body(user.to_string())
        .send()
        .await
        .expect("an answer");
    assert_eq!(asked.status(), 201);
}

const FILE: &str = r#"
[organisation]
slug = "default"
[[permissions]]
key = "call.make"
implies = ["users.list"]
parameters = { visibility = ["all", "same-room"] }
[[permissions]]
key = "users.list"
parameters = { visibility = ["all", "same-room"] }
[[roles]]
key = "caller"
name = "Caller"
permissions = ["call.make"]
"#;

#[tokio::test]
async fn a_role_is_given_explained_compared_and_deleted() {
    let gateway = Gateway::start();
    scim_user(&gateway, "mia").await;
    let file = gateway.file("default.toml", FILE);
    gateway.command(&["apply", &file]).expect(0);
    gateway.command(&["role", "assign", "caller", "mia"]).expect(0);
    let listed = gateway.command(&["role", "list"]).expect(0).out;
    assert!(listed.contains("caller") && listed.contains("Caller"), "{listed}");
    let told = gateway.command(&["user", "explain", "mia", "users.list"]).expect(0).out;
    assert!(told.starts_with("users.list is allowed"), "{told}");
    assert!(
        told.contains("role caller (direct)") && told.contains("implied call.make"),
        "{told}"
    );
    assert_eq!(
        gateway
            .command(&["user", "eligibility", "mia", "call.make"])
            .expect(0)
            .out,
        "ok\n"
    );
    let no = gateway
        .command(&["user", "eligibility", "mia", "call.take"])
        .expect(0)
        .out;
    assert_eq!(no, "no: noRight\n");
    let matrix = gateway.command(&["role", "matrix"]).expect(0).out;
    let row = matrix
        .lines()
        .find(|line| line.starts_with("call.make"))
        .expect("a row");
    assert!(row.contains("organisation"), "{matrix}");
    let shown = gateway
        .command(&["role", "delete", "caller", "--json"])
        .expect(0)
        .json();
    assert_eq!(shown["users"], 1);
    let code = shown["confirm"].as_str().expect("a code");
    gateway
        .command(&["role", "delete", "caller", "--confirm", "0000"])
        .expect(1);
    gateway
        .command(&["role", "delete", "caller", "--confirm", code])
        .expect(0);
    let user = gateway.command(&["user", "show", "mia", "--json"]).expect(0).json();
    assert_eq!(user["roles"], json!({}));
    gateway.command(&["verify"]).expect(0);
}

#[tokio::test]
async fn a_permission_is_given_and_taken_and_a_token_of_a_person_does_what_the_person_may() {
    let gateway = Gateway::start();
    scim_user(&gateway, "mia").await;
    let file = gateway.file("default.toml", FILE);
    gateway.command(&["apply", &file]).expect(0);
    let given = gateway
        .command(&["permission", "grant", "mia", "call.make;visibility=same-room"])
        .expect(0)
        .out;
    assert!(given.contains("call.make@organisation;visibility=same-room"), "{given}");
    gateway.command(&["permission", "grant", "mia", "call.take"]).expect(1);
    let issued = gateway
        .command(&["token", "issue", "--user", "mia", "--json"])
        .expect(0)
        .json();
    let token = issued["token"].as_str().expect("a token");
    let refused = gateway.command(&["user", "list", "--token", token]).expect(1);
    assert!(refused.sentence().contains("no right"), "{refused:?}");
    gateway.command(&["permission", "grant", "mia", "user.view"]).expect(0);
    let seen = gateway.command(&["user", "list", "--token", token]).expect(0).out;
    assert!(seen.contains("mia"), "{seen}");
    gateway
        .command(&["permission", "revoke", "mia", "call.make;visibility=same-room"])
        .expect(0);
    let left = gateway.command(&["permission", "of", "mia", "--json"]).expect(0).json();
    assert_eq!(left, json!(["user.view@organisation"]));
    let catalogue = gateway.command(&["permission", "list"]).expect(0).out;
    assert!(catalogue.contains("users.list"), "{catalogue}");
}
