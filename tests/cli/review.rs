//! `usher review`: who waits, and what an administrator decides.

use serde_json::{Value, json};

use crate::kit::directory_ldif::SUFFIX;
use crate::kit::gateway::Gateway;
use crate::kit::slapd::{PASSWORD, SYNC_DN, Slapd};

const SECOND_SOURCE: &str = r#"
[organisation]
slug = "default"

[[connections]]
name = "okta"
kind = "scim"
matching = { adoption = "review" }
"#;

async fn create(gateway: &Gateway, token: &str) -> (u16, Value) {
    create_named(gateway, token, "jane").await
}

async fn create_named(gateway: &Gateway, token: &str, name: &str) -> (u16, Value) {
    let body = json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": name });
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

/// A directory that holds these people, as the organisation's connection `corporate`.
fn directory(slapd: &Slapd, gateway: &Gateway) -> String {
    let password = gateway.file("password", PASSWORD);
    let text = format!(
        "[organisation]\nslug = \"default\"\n\n[[connections]]\nname = \"corporate\"\nkind = \"ldap\"\n\
         matching = {{ adoption = \"review\" }}\nbrake = {{ drop_percent = 100 }}\n\n[connections.ldap]\nurls = [\"ldaps://{}\"]\nca_file = {:?}\n\
         bind_dn = \"{SYNC_DN}\"\nbind_password_file = {password:?}\n\
         users = {{ base = \"ou=people,{SUFFIX}\", filter = \"(objectClass=inetOrgPerson)\" }}\n",
        slapd.tls_address(),
        slapd.ca_file(),
    );
    gateway.file("corporate.toml", &text)
}

fn person(uid: &str) -> String {
    format!(
        "dn: uid={uid},ou=people,{SUFFIX}\nobjectClass: inetOrgPerson\nuid: {uid}\ncn: {uid}\nsn: Of {uid}\n\
         title: Captain\n\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn people_whom_a_directory_and_a_client_both_have_are_accepted_or_refused_one_by_one() {
    let Some(slapd) = Slapd::start(&(person("jane") + &person("john") + &person("new"))) else {
        return;
    };
    let gateway = Gateway::start();
    let token = gateway.bootstrapped("scim_token");
    let (_, jane) = create_named(&gateway, &token, "jane").await;
    let (_, john) = create_named(&gateway, &token, "john").await;
    gateway.command(&["apply", &directory(&slapd, &gateway)]).expect(0);
    let sync = || gateway.command(&["sync", "corporate", "--json"]).expect(0).json();
    let report = sync();
    assert_eq!(
        (
            &report["changed"],
            &report["failures"].as_array().expect("a list").len()
        ),
        (&json!(1), &2)
    );

    let listed = gateway.command(&["review", "list", "corporate"]).expect(0).out;
    assert!(
        ["jane", "john", "waits"].iter().all(|word| listed.contains(word)),
        "{listed}"
    );
    let waiting = gateway
        .command(&["review", "list", "corporate", "--json"])
        .expect(0)
        .json();
    let id_of = |name: &str| {
        let mut waiting = waiting.as_array().expect("a list").iter();
        let found = waiting
            .find(|review| review["name"] == name)
            .expect("somebody who waits");
        found["id"].as_str().expect("an id").to_owned()
    };
    gateway
        .command(&["review", "approve", "corporate", &id_of("jane")])
        .expect(0);
    gateway
        .command(&["review", "reject", "corporate", &id_of("john")])
        .expect(0);
    let report = sync();
    assert_eq!(report["changed"], 1, "{report:#}");
    let failures = report["failures"].as_array().expect("a list");
    assert_eq!(failures.len(), 1);
    assert_eq!(
        (&failures[0]["name"], &failures[0]["reason"]["reason"]),
        (&json!("john"), &json!("taken"))
    );
    let show = |name: &str| gateway.command(&["user", "show", name, "--json"]).expect(0).json();
    let (now, other) = (show("jane"), show("john"));
    assert_eq!(
        (&now["id"], &other["id"]),
        (&jane["id"], &john["id"]),
        "nobody was made twice"
    );
    assert!(
        now.to_string().contains("Captain") && !other.to_string().contains("Captain"),
        "{now:#} {other:#}"
    );

    // Whom both have stays when the directory forgets, and whom it never had is not touched.
    slapd.modify(&format!(
        "dn: uid=jane,ou=people,{SUFFIX}\nchangetype: delete\n\ndn: uid=john,ou=people,{SUFFIX}\nchangetype: delete\n"
    ));
    sync();
    assert_eq!(show("john")["active"], true);
    let people = gateway.command(&["user", "list", "--json"]).expect(0).json();
    assert_eq!(people.as_array().expect("a list").len(), 3);
    gateway.command(&["verify"]).expect(0);
}
