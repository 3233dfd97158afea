//! Verification finds nothing in a store that only the gateway wrote, whatever happened there.

use serde_json::{Value, json};

use crate::kit::gateway::{Caller, Inside};

pub(super) const FILE: &str = r#"
[organisation]
slug = "acme"
[[licences]]
key = "pro"
name = "Pro"
limit = 2
when_full = "wait"
[[cost_centres]]
key = "main"
name = "Main"
default = true
[[connections]]
name = "entra"
kind = "scim"
onboarding = "invited"
licences = ["pro"]
"#;

/// An organisation with people who hold, wait and were deleted, groups that were changed and deleted, invitations.
pub(super) async fn lived_in(inside: &Inside) -> Caller {
    let root = inside.administrator().await;
    let acme = root.organisation("acme").await;
    acme.apply("acme", FILE).await.expect(200);
    let client = acme.connection("acme", "entra").await;
    let mut people = Vec::new();
    for name in ["ada", "grace", "edsger", "barbara"] {
        people.push(client.scim_user("acme", name).await);
    }
    let members: Vec<Value> = people.iter().map(|id| json!({ "value": id })).collect();
    for name in ["Engineering", "Staff"] {
        let group = json!({
            "schemas": [crate::kit::scim::GROUP],
            "displayName": name,
            "externalId": format!("ext-{name}"),
            "members": members,
        });
        let id = client.post("/scim/acme/v2/Groups", group).await.id();
        if name == "Staff" {
            client.delete(&format!("/scim/acme/v2/Groups/{id}")).await.expect(204);
        }
    }
    client
        .delete(&format!("/scim/acme/v2/Users/{}", people[0]))
        .await
        .expect(204);
    let path = |rest: &str| format!("/api/v1/organisations/acme/{rest}");
    let made = json!({
        "user_name": "margaret",
        "home_group": "Engineering",
        "login_ids": [{ "kind": "email", "value": "margaret@acme.example" }],
    });
    acme.post(&path("users"), made).await.expect(201);
    let link = acme
        .post(&path("guest-links"), json!({ "name": "Open day" }))
        .await
        .expect(201);
    let joining = json!({ "secret": link["secret"], "name": "Visitor" });
    acme.post("/api/v1/guests/join", joining).await.expect(200);
    let view = json!({ "name": "Active", "list": "users", "state": "active" });
    acme.post(&path("views"), view).await.expect(201);
    root
}

/// What a verification of everything tells: violations, and the last line.
pub(super) async fn verify(root: &Caller) -> (Vec<Value>, Value) {
    let told = root.get("/api/v1/verify").await.expect(200);
    let lines = match told {
        Value::Array(lines) => lines,
        one => vec![one],
    };
    let (last, before) = lines.split_last().expect("a last line");
    let violations = before.iter().map(|line| line["violation"].clone()).collect();
    (violations, last["done"].clone())
}

/// Asserts that nothing is damaged.
pub(super) async fn verify_ok(inside: &Inside) {
    let (violations, _) = verify(&inside.administrator().await).await;
    assert_eq!(violations, Vec::<Value>::new());
}

#[tokio::test]
async fn what_only_the_gateway_wrote_is_whole() {
    let inside = Inside::new();
    let root = lived_in(&inside).await;
    let (violations, done) = verify(&root).await;
    assert_eq!(violations, Vec::<Value>::new());
    assert_eq!(done["violations"], 0);
    assert!(done["records"].as_u64().is_some_and(|records| records > 40), "{done}");
}

#[tokio::test]
async fn a_lowered_limit_is_no_damage() {
    let inside = Inside::new();
    let root = lived_in(&inside).await;
    root.apply("acme", &FILE.replace("limit = 2", "limit = 1"))
        .await
        .expect(200);
    assert_eq!(verify(&root).await.0, Vec::<Value>::new());
}

#[tokio::test]
async fn a_store_that_changes_while_it_is_verified_is_not_taken_for_damaged() {
    let inside = Inside::new();
    let root = lived_in(&inside).await;
    let client = root.connection("acme", "entra").await;
    let writing = tokio::spawn(async move {
        for number in 0..60 {
            let id = client.scim_user("acme", &format!("busy{number}")).await;
            if number % 3 == 0 {
                client.delete(&format!("/scim/acme/v2/Users/{id}")).await.expect(204);
            }
        }
    });
    while !writing.is_finished() {
        let told = root.get("/api/v1/organisations/acme/verify").await.expect(200);
        let lines = told.as_array().cloned().unwrap_or_else(|| vec![told.clone()]);
        assert!(lines.iter().all(|line| line.get("violation").is_none()), "{lines:#?}");
        tokio::task::yield_now().await;
    }
    writing.await.expect("written");
    assert_eq!(verify(&root).await.0, Vec::<Value>::new());
}

#[tokio::test]
async fn one_organisations_administrator_verifies_their_own() {
    let inside = Inside::new();
    let root = lived_in(&inside).await;
    let other = root.organisation("globex").await;
    let told = other.get("/api/v1/organisations/globex/verify").await.expect(200);
    assert_eq!(told["done"]["violations"], 0);
}
