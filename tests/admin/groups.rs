//! Groups by administrators: made, changed, disabled, deleted (S001-3, S001-7..9, S003-40..42).

use axum::http::Method;
use serde_json::{Value, json};

use super::verify::verify_ok;
use crate::kit::gateway::{Caller, Inside};

pub(super) const GROUPS: &str = "/api/v1/organisations/acme/groups";

/// An organisation with a connection, two roles of each scope, a licence and an attribute of its own for groups.
pub(super) const FILE: &str = r#"
[organisation]
slug = "acme"
[[roles]]
key = "agent"
name = "Agent"
permissions = ["call.answer"]
[[roles]]
key = "operator"
name = "Operator"
scope = "group"
permissions = ["meeting.plan@group"]
[[licences]]
key = "pro"
name = "Pro"
limit = 2
[[connections]]
name = "entra"
kind = "scim"
[[group_attributes]]
name = "floor"
type = "integer"
[[group_attributes]]
name = "costCentre"
type = "string"
unique = true
[[group_attributes]]
name = "badge"
type = "string"
mutability = "readOnly"
"#;

pub(super) async fn acme() -> (Inside, Caller) {
    acme_with(FILE).await
}

pub(super) async fn acme_with(file: &str) -> (Inside, Caller) {
    let inside = Inside::new();
    let acme = inside.administrator().await.organisation("acme").await;
    acme.apply("acme", file).await.expect(200);
    (inside, acme)
}

/// Makes a group and answers its identifier.
pub(super) async fn group(acme: &Caller, document: Value) -> String {
    let made = acme.post(GROUPS, document).await.expect(201);
    made["id"].as_str().expect("an id").to_owned()
}

fn at(group: &str) -> String {
    format!("{GROUPS}/{group}")
}

/// The kinds of the organisation's events, in their order.
pub(super) async fn events(acme: &Caller) -> Vec<String> {
    let events = acme
        .get("/api/v1/organisations/acme/events?limit=1000")
        .await
        .expect(200);
    let items = events["items"].as_array().expect("a list").clone();
    items
        .iter()
        .map(|event| event["kind"].as_str().expect("a kind").to_owned())
        .collect()
}

#[tokio::test]
async fn a_group_is_made_with_everything_that_can_be_said_of_it() {
    let (inside, acme) = acme().await;
    let document = json!({
        "display_name": "Support",
        "kind": "team",
        "link": "support",
        "avatar": "https://cdn.example/support.png",
        "attributes": { "floor": 3, "costCentre": "CC-1" },
    });
    let made = acme.post(GROUPS, document).await.expect(201);
    assert_eq!((&made["kind"], &made["enabled"]), (&json!("team"), &json!(true)));
    assert_eq!((&made["link"], &made["members"]), (&json!("support"), &json!(0)));
    let own = "urn:usher:scim:schemas:extension:acme:2.0:Group";
    assert_eq!(made["attributes"], json!({ own: { "floor": 3, "costCentre": "CC-1" } }));
    let found = acme.get(&at("SUPPORT")).await.expect(200);
    assert_eq!(found, made);
    // The identity provider sees it, too.
    let client = acme.connection("acme", "entra").await;
    let path = format!("/scim/acme/v2/Groups/{}", made["id"].as_str().expect("an id"));
    let seen = client.get(&path).await.expect(200);
    assert_eq!(
        (&seen["displayName"], &seen[own]["floor"]),
        (&json!("Support"), &json!(3))
    );
    verify_ok(&inside).await;
}

#[tokio::test]
async fn what_a_group_cannot_be_is_refused_with_the_member_at_fault() {
    let (_inside, acme) = acme().await;
    group(
        &acme,
        json!({ "display_name": "Sales", "link": "sales", "attributes": { "costCentre": "CC-1" } }),
    )
    .await;
    let many = "a".repeat(40_000);
    let refusals = [
        (json!({}), 400, "group"),
        (json!({ "display_name": "  " }), 400, "display_name"),
        (json!({ "display_name": "a\u{7}b" }), 400, "display_name"),
        (json!({ "display_name": "SALES" }), 409, "displayName"),
        (json!({ "display_name": "A", "link": "sales" }), 409, "link"),
        (json!({ "display_name": "A", "link": "No Link" }), 400, "group"),
        (json!({ "display_name": "A", "kind": "party" }), 400, "group"),
        (json!({ "display_name": "A", "colour": "red" }), 400, "group"),
        (json!({ "display_name": "A", "parent": "nobody" }), 400, "parent"),
        (
            json!({ "display_name": "A", "avatar": "javascript:alert(1)" }),
            400,
            "avatar",
        ),
        (
            json!({ "display_name": "A", "avatar": "data:image/svg+xml;base64,AAAA" }),
            400,
            "avatar",
        ),
        (
            json!({ "display_name": "A", "avatar": format!("data:image/png;base64,{many}") }),
            400,
            "avatar",
        ),
        (
            json!({ "display_name": "A", "attributes": { "floor": "three" } }),
            400,
            "urn:usher:scim:schemas:extension:acme:2.0:Group:floor",
        ),
        (
            json!({ "display_name": "A", "attributes": { "costCentre": "cc-1" } }),
            409,
            "urn:usher:scim:schemas:extension:acme:2.0:Group:costCentre",
        ),
        (
            json!({ "display_name": "A", "attributes": { "colour": "red" } }),
            400,
            "attributes",
        ),
        (
            json!({ "display_name": "A", "attributes": { "displayName": "B" } }),
            400,
            "attributes.displayName",
        ),
    ];
    for (document, status, attribute) in refusals {
        let refused = acme.post(GROUPS, document.clone()).await;
        assert_eq!(refused.status.as_u16(), status, "{document}: {:#}", refused.body);
        assert_eq!(refused.body["attribute"], attribute, "{document}: {:#}", refused.body);
    }
    let listed = acme.get(GROUPS).await.expect(200);
    assert_eq!(listed["items"].as_array().expect("a list").len(), 1);
}

#[tokio::test]
async fn a_merge_patch_changes_what_it_names_and_nothing_else() {
    let (inside, acme) = acme().await;
    let document = json!({
        "display_name": "Support", "link": "support", "avatar": "https://cdn.example/a.png",
        "attributes": { "floor": 3, "costCentre": "CC-1" },
    });
    let id = group(&acme, document).await;
    let changed = acme
        .patch(
            &at(&id),
            json!({ "display_name": "Service", "avatar": null, "attributes": { "floor": null } }),
        )
        .await
        .expect(200);
    let own = "urn:usher:scim:schemas:extension:acme:2.0:Group";
    assert_eq!(changed["display_name"], "Service");
    assert_eq!(
        (&changed["avatar"], &changed["link"]),
        (&Value::Null, &json!("support"))
    );
    assert_eq!(changed["attributes"], json!({ own: { "costCentre": "CC-1" } }));
    acme.get(&at("support")).await.expect(404);
    // Nothing differs: nothing is written.
    let before = events(&acme).await.len();
    let same = acme
        .patch(&at(&id), json!({ "display_name": "Service" }))
        .await
        .expect(200);
    assert_eq!(same["last_modified"], changed["last_modified"]);
    assert_eq!(events(&acme).await.len(), before);
    // The whole extension is an object like any other, and a link that was given up for another one is free.
    let other = json!({
        "link": "service", "avatar": "https://cdn.example/b.png", "attributes": { own: { "floor": 4 } },
    });
    let changed = acme.patch(&at(&id), other).await.expect(200);
    assert_eq!(
        (&changed["link"], &changed["avatar"]),
        (&json!("service"), &json!("https://cdn.example/b.png"))
    );
    let by_link = acme
        .get(&format!("{GROUPS}?filter=link%20eq%20%22service%22"))
        .await
        .expect(200);
    assert_eq!(by_link["items"][0]["id"], json!(id));
    group(&acme, json!({ "display_name": "Support", "link": "support" })).await;
    let none = acme.patch(&at(&id), json!({ "link": null })).await.expect(200);
    assert_eq!(none["link"], Value::Null);
    for (wrong, attribute) in [
        (json!({ "display_name": null }), "group"),
        (json!({ "attributes": 3 }), "attributes"),
        (
            json!({ "attributes": { "badge": "B1" } }),
            "urn:usher:scim:schemas:extension:acme:2.0:Group:badge",
        ),
        (json!({ "id": "0" }), "group"),
    ] {
        let refused = acme.patch(&at(&id), wrong.clone()).await.expect(400);
        assert_eq!(refused["attribute"], attribute, "{wrong}: {refused:#}");
    }
    verify_ok(&inside).await;
}

#[tokio::test]
async fn a_disabled_group_keeps_its_members_and_comes_back() {
    let (_inside, acme) = acme().await;
    let client = acme.connection("acme", "entra").await;
    client.scim_user("acme", "ada").await;
    let id = group(&acme, json!({ "display_name": "Support" })).await;
    acme.post(&format!("{}/members", at(&id)), json!({ "users": ["ada"] }))
        .await
        .expect(200);
    let disabled = acme
        .post(&format!("{}/disable", at(&id)), json!(null))
        .await
        .expect(200);
    assert_eq!((&disabled["enabled"], &disabled["members"]), (&json!(false), &json!(1)));
    let seen = client.get(&format!("/scim/acme/v2/Groups/{id}")).await.expect(200);
    assert_eq!(seen["urn:usher:scim:schemas:extension:2.0:Group"]["enabled"], false);
    let enabled = acme.post(&format!("{}/enable", at(&id)), json!(null)).await.expect(200);
    assert_eq!(enabled["enabled"], true);
    let told = events(&acme).await;
    let told: Vec<&str> = told
        .iter()
        .map(String::as_str)
        .filter(|kind| kind.contains("abled"))
        .collect();
    assert_eq!(told, ["group.disabled", "group.enabled"]);
}

#[tokio::test]
async fn a_deleted_group_is_gone_with_its_name_its_link_and_its_edges() {
    let (inside, acme) = acme().await;
    let client = acme.connection("acme", "entra").await;
    client.scim_user("acme", "ada").await;
    let outer = group(&acme, json!({ "display_name": "Everyone" })).await;
    let id = group(&acme, json!({ "display_name": "Support", "link": "support" })).await;
    acme.post(&format!("{}/members", at(&id)), json!({ "users": ["ada"] }))
        .await
        .expect(200);
    acme.post(&format!("{}/members", at(&outer)), json!({ "groups": ["Support"] }))
        .await
        .expect(200);
    acme.delete(&at("Support")).await.expect(204);
    acme.get(&at(&id)).await.expect(404);
    acme.delete(&at(&id)).await.expect(404);
    let outer = acme.get(&at(&outer)).await.expect(200);
    assert_eq!(outer["members"], 0);
    group(&acme, json!({ "display_name": "support", "link": "support" })).await;
    verify_ok(&inside).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_groups_never_take_one_link() {
    let (inside, acme) = acme().await;
    let makers = (0..8).map(|n| {
        let acme = acme.clone();
        let document = json!({ "display_name": format!("Group {n}"), "link": "book" });
        tokio::spawn(async move { acme.post(GROUPS, document).await.status.as_u16() })
    });
    let mut answers = Vec::new();
    for maker in makers.collect::<Vec<_>>() {
        answers.push(maker.await.expect("an answer"));
    }
    answers.sort_unstable();
    assert_eq!(answers, [201, 409, 409, 409, 409, 409, 409, 409]);
    verify_ok(&inside).await;
}

#[tokio::test]
async fn newcomers_join_the_groups_that_are_for_them() {
    let (inside, acme) = acme().await;
    acme.post(
        &format!(
            "{GROUPS}/{}/gives",
            group(&acme, json!({ "display_name": "Lobby", "is_default": true })).await
        ),
        json!({ "add": { "roles": ["agent"], "licences": ["pro"] } }),
    )
    .await
    .expect(200);
    let client = acme.connection("acme", "entra").await;
    client.scim_user("acme", "ada").await;
    let members = acme.get(&format!("{GROUPS}/Lobby/members")).await.expect(200);
    assert_eq!(members["items"][0]["origins"], json!(["default"]));
    let ada = acme.get("/api/v1/organisations/acme/users/ada").await.expect(200);
    assert!(ada["roles"]["agent"].is_array(), "{ada:#}");
    assert!(ada["licences"]["pro"]["seat"]["held"].is_string(), "{ada:#}");
    // A disabled group takes nobody; one that is no longer for newcomers neither.
    for change in [
        json!({ "enabled": false }),
        json!({ "enabled": true, "is_default": false }),
    ] {
        acme.patch(&at("Lobby"), change).await.expect(200);
        client
            .scim_user("acme", &format!("late{}", events(&acme).await.len()))
            .await;
    }
    let members = acme.get(&at("Lobby")).await.expect(200);
    assert_eq!(members["members"], 1);
    verify_ok(&inside).await;
}

#[tokio::test]
async fn a_bounded_number_of_groups_is_for_newcomers() {
    let (_inside, acme) = acme().await;
    for n in 0..8 {
        group(
            &acme,
            json!({ "display_name": format!("Lobby {n}"), "is_default": true }),
        )
        .await;
    }
    let refused = acme
        .post(GROUPS, json!({ "display_name": "One more", "is_default": true }))
        .await
        .expect(400);
    assert_eq!(refused["attribute"], "is_default");
    acme.delete(&at("Lobby%203")).await.expect(204);
    group(&acme, json!({ "display_name": "One more", "is_default": true })).await;
}

#[tokio::test]
async fn a_connection_cannot_change_groups_through_the_admin_api() {
    let (_inside, acme) = acme().await;
    let client = acme.connection("acme", "entra").await;
    let id = group(&acme, json!({ "display_name": "Support" })).await;
    client.post(GROUPS, json!({ "display_name": "Mine" })).await.expect(403);
    client.send(Method::DELETE, &at(&id), None).await.expect(403);
}
