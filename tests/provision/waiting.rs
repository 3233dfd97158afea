//! Values of a connection that has not the say wait until it has it: all of them, whoever sent them and however.

use serde_json::{Value, json};
use usher::directory::authority::PutAuthority;
use usher::model::custom_attribute::{Bearer, urn};
use usher::model::user::User;
use usher::provision::authority::{Extent, OFFERS_BYTES_MAX, write_attributes};
use usher::provision::failure::FailureReason;
use usher::provision::organisation_file;
use usher::provision::run::Outcome;

use super::gateway::{Gateway, MakeUser, person};
use super::two_sources::{ada, adopts, scim};
use crate::kit::gateway::Inside;
use crate::kit::scim::{Client, slug};

const MODIFY: &str = "dn: uid=ada,ou=people,dc=example,dc=com\nchangetype: modify\n";

const FILE: &str = r#"
[organisation]
slug = "acme"

[[user_attributes]]
name = "badge"
type = "string"
unique = true

[[user_attributes]]
name = "desk"
type = "complex"
sub_attributes = [{ name = "room", type = "string" }, { name = "row", type = "integer" }]
"#;

fn own() -> String {
    urn(&"acme".parse().expect("a slug"), Bearer::User)
}

async fn known(gateway: &Gateway) -> User {
    gateway.users().await["ada"].clone()
}

fn badge(user: &User) -> Value {
    user.attributes
        .get(&own())
        .and_then(|own| own.get("badge"))
        .cloned()
        .unwrap_or_default()
}

fn email(user: &User) -> Value {
    user.attributes
        .get("emails")
        .map(|emails| emails[0]["value"].clone())
        .unwrap_or_default()
}

/// The directory knows Ada with badge H1, the identity provider with S1 and a desk. `first` has the say.
async fn both(first: &str, second: &str, more: &str) -> Option<(Gateway, Client, String)> {
    let gateway = Gateway::start(&(person("ada", "employeeType: H1\n") + more)).await?;
    let file = organisation_file::parse(FILE).expect("a good file");
    let administrator = gateway.administrator();
    let declared = gateway.directory.declare(&administrator, &file.declaration);
    declared.await.expect("declared");
    let rule = |to: &str, from: &str| json!({ "to": to, "from": from });
    let mapping = json!([
        rule("userName", "uid"),
        rule("emails", "mail"),
        rule(&format!("{}:badge", own()), "employeeType")
    ]);
    let mut settings = adopts();
    settings["mapping"] = mapping;
    let client = scim(&gateway, adopts()).await;
    gateway.connect(settings).await;
    let list = json!([first, second]);
    let lists = json!({ "emails": list, format!("{}:badge", own()): list, format!("{}:desk", own()): list });
    let lists = PutAuthority(serde_json::from_value(lists).expect("lists"));
    gateway.act(&lists).await.expect("good lists");
    gateway.sync().await;
    let id = client.post("/Users", provider()).await.id();
    gateway.sync().await;
    Some((gateway, client, id))
}

fn provider() -> Value {
    ada(json!({
        "emails": [{ "value": "ada@entra.example", "type": "work" }],
        own(): { "badge": "S1", "desk": { "room": "12", "row": 3 } },
    }))
}

async fn sound(gateway: &Gateway) {
    let acme = Inside::of(gateway.directory.clone()).administrator().await;
    acme.get("/api/v1/organisations/acme/verify").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn custom_attributes_and_what_a_patch_makes_of_complex_ones_count_when_the_one_before_gives_up() {
    let Some((gateway, client, id)) = both("corporate", "scim", "").await else {
        return;
    };
    assert_eq!(
        [badge(&known(&gateway).await), email(&known(&gateway).await)],
        ["H1", "ada@example.com"]
    );
    let path = format!("/Users/{id}");
    // The desk has no other source: it is the provider's, and a part of it is changed.
    let patch = json!([
        { "op": "replace", "path": format!("{}:badge", own()), "value": "S2" },
        { "op": "replace", "path": "emails[type eq \"work\"].value", "value": "patched@entra.example" },
        { "op": "replace", "path": format!("{}:desk.room", own()), "value": "14" },
    ]);
    let shown = client.patch(&path, patch).await.expect(200);
    assert_eq!(
        shown["emails"][0]["value"], "ada@example.com",
        "the directory's, as before"
    );
    assert_eq!(
        shown[own()],
        json!({ "badge": "H1", "desk": { "room": "14", "row": 3 } })
    );
    // What the other one has is the same word when it is said by the client as well, although nothing changes by it.
    let same = json!([{ "op": "replace", "path": format!("{}:badge", own()), "value": "H1" }]);
    let _ = client.patch(&path, same).await.expect(200);
    assert_eq!(
        known(&gateway).await.offers[&format!("{}:badge", own())][&slug("scim")],
        "H1"
    );
    let again = json!([{ "op": "replace", "path": format!("{}:badge", own()), "value": "S3" }]);
    let _ = client.patch(&path, again).await.expect(200);

    gateway
        .slapd
        .modify(&format!("{MODIFY}delete: employeeType\n-\ndelete: mail\n"));
    gateway.sync().await;
    let user = known(&gateway).await;
    assert_eq!([badge(&user), email(&user)], ["S3", "patched@entra.example"]);
    assert!(user.offers.is_empty(), "{:?}", user.offers);
    assert_eq!(gateway.sync().await.changed, 0);
    sound(&gateway).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_leaves_hands_over_custom_attributes_too() {
    let Some((gateway, client, id)) = both("scim", "corporate", "").await else {
        return;
    };
    assert_eq!(
        [badge(&known(&gateway).await), email(&known(&gateway).await)],
        ["S1", "ada@entra.example"]
    );
    assert_eq!(client.delete(&format!("/Users/{id}")).await.status, 204);
    let user = known(&gateway).await;
    assert_eq!([badge(&user), email(&user)], ["H1", "ada@example.com"]);
    assert_eq!(user.attributes[&own()]["desk"]["room"], "12", "nobody else has one");
    sound(&gateway).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_value_that_is_somebody_elses_by_now_waits_on_and_fails_alone() {
    let bob = person("bob", "employeeType: B1\n");
    let Some((gateway, _, _)) = both("corporate", "scim", &bob).await else {
        return;
    };
    gateway.slapd.modify(
        "dn: uid=bob,ou=people,dc=example,dc=com\nchangetype: modify\nreplace: employeeType\nemployeeType: S1\n",
    );
    gateway.sync().await;
    let bob = gateway.users().await["bob"].clone();
    assert_eq!(badge(&bob), "S1", "it waits for Ada, and bob may have it");
    gateway.slapd.modify(&format!(
        "{MODIFY}delete: employeeType\n-\nadd: title\ntitle: Countess\n"
    ));
    for round in 0..2 {
        let report = gateway.sync().await;
        assert_eq!(report.outcome, Outcome::Finished);
        let reasons: Vec<_> = report
            .failures
            .iter()
            .map(|failure| (failure.name.as_deref(), &failure.reason))
            .collect();
        let taken = FailureReason::Taken {
            attribute: format!("{}:badge", own()),
            by: Some(bob.id),
        };
        assert_eq!(reasons, [(Some("ada"), &taken)], "run {round}");
        let user = known(&gateway).await;
        assert_eq!(
            (badge(&user), &user.attributes["title"]),
            (Value::Null, &json!("Countess")),
            "the rest is done"
        );
        assert_eq!(
            user.offers[&format!("{}:badge", own())][&slug("scim")],
            "S1",
            "nothing is lost"
        );
        sound(&gateway).await;
    }
    gateway.slapd.modify(
        "dn: uid=bob,ou=people,dc=example,dc=com\nchangetype: modify\nreplace: employeeType\nemployeeType: B9\n",
    );
    gateway.sync().await;
    let report = gateway.sync().await;
    assert!(report.failures.is_empty(), "{:?}", report.failures);
    assert_eq!(badge(&known(&gateway).await), "S1");
    assert_eq!(gateway.sync().await.changed, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_gives_up_a_value_is_answered_though_the_next_ones_is_taken() {
    let Some((gateway, client, id)) = both("scim", "corporate", "").await else {
        return;
    };
    let bob = json!({ "schemas": [crate::kit::scim::USER], "userName": "bob", own(): { "badge": "H1" } });
    let _ = client.post("/Users", bob).await.expect(201);
    let path = format!("/Users/{id}");
    let mut without = provider();
    without.as_object_mut().expect("a user").remove(&own());
    let shown = client.put(&path, without).await.expect(200);
    assert_eq!(shown[own()].get("badge"), None, "{shown:#}");
    let user = known(&gateway).await;
    assert_eq!(user.offers[&format!("{}:badge", own())][&slug("corporate")], "H1");
    sound(&gateway).await;
    let report = gateway.sync().await;
    assert_eq!(report.outcome, Outcome::Finished);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_comes_back_and_is_somebodys_login_by_then_stops_no_run() {
    let eve = person("eve", "");
    let Some((gateway, client, id)) = both("scim", "corporate", &eve).await else {
        return;
    };
    let bob = MakeUser {
        user_name: "ada@example.com",
        attributes: json!({}),
    };
    let bob = gateway.act(&bob).await.expect("a user");
    // As an address it may be anybody's: only login ids are unique.
    let mut without = provider();
    without.as_object_mut().expect("a user").remove("emails");
    let _ = client.put(&format!("/Users/{id}"), without).await.expect(200);
    assert_eq!(email(&known(&gateway).await), "ada@example.com");
    let report = gateway.sync().await;
    assert_eq!(
        (report.outcome, report.failures.len()),
        (Outcome::Finished, 0),
        "{:?}",
        report.failures
    );
    sound(&gateway).await;
    // As a login id it is bob's: Ada's entry fails, and everybody else's is applied.
    let rules = json!([{ "to": "userName", "from": "mail" }, { "to": "emails", "from": "mail" }]);
    let mut settings = adopts();
    settings["mapping"] = rules;
    gateway.connect(settings).await;
    let lists = PutAuthority(serde_json::from_value(json!({})).expect("lists"));
    gateway.act(&lists).await.expect("no lists");
    let report = gateway.sync().await;
    assert_eq!(report.outcome, Outcome::Finished);
    let failed: Vec<_> = report.failures.iter().map(|failure| &failure.reason).collect();
    let taken = FailureReason::Taken {
        attribute: "userName".to_owned(),
        by: Some(bob.id),
    };
    assert_eq!(failed, [&taken]);
    assert!(
        gateway.users().await.contains_key("eve@example.com"),
        "the others are done"
    );
    sound(&gateway).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_is_too_large_to_wait_is_told() {
    let Some((gateway, _, _)) = both("corporate", "scim", "").await else {
        return;
    };
    let settings = gateway
        .directory
        .load_organisation(gateway.organisation)
        .await
        .expect("settings");
    let scim = settings.connections[&"scim".parse().expect("a slug")].clone();
    let mut user = known(&gateway).await;
    user.owners
        .insert("title".to_owned(), "corporate".parse().expect("a slug"));
    let lists = PutAuthority(serde_json::from_value(json!({ "title": ["corporate", "scim"] })).expect("lists"));
    gateway.act(&lists).await.expect("good lists");
    let settings = gateway
        .directory
        .load_organisation(gateway.organisation)
        .await
        .expect("settings");
    for (bytes, fits) in [(OFFERS_BYTES_MAX / 2, true), (OFFERS_BYTES_MAX, false), (8, true)] {
        let desired = json!({ "title": "x".repeat(bytes) });
        let desired = desired.as_object().expect("attributes");
        let names = std::iter::once("title".to_owned()).collect();
        let aside = write_attributes(&mut user, &scim, &settings, desired, Extent::Named(&names));
        assert!(aside.yielded.contains("title"), "{aside:?}");
        assert_eq!(
            (aside.unkept.contains("title"), user.offers.contains_key("title")),
            (!fits, fits),
            "{bytes}"
        );
    }
    // What an earlier declaration let wait is forgotten with it.
    user.offers.insert(
        format!("{}:gone", own()),
        [("scim".parse().expect("a slug"), json!("x"))].into(),
    );
    user.offers.insert(
        format!("{}:badge", own()),
        [("scim".parse().expect("a slug"), json!(7))].into(),
    );
    write_attributes(
        &mut user,
        &scim,
        &settings,
        &serde_json::Map::new(),
        Extent::Named(&Default::default()),
    );
    let left: Vec<&String> = user.offers.keys().collect();
    assert_eq!(left, ["emails", "title"]);
}
