//! Roles of which a person holds one, at every door, and seats that come and go with a role.

use std::sync::Arc;

use axum::http::Method;
use serde_json::{Value, json};
use usher::directory::keys::{self, Table};
use usher::store::memory::MemoryStore;
use usher::store::{Batch, Scan, Store};

use super::verify::verify;
use crate::kit::access::{ACME, Acme};
use crate::kit::gateway::Inside;
use crate::kit::scim::USER;

/// One set of three roles, one role beside it, a connection that may grant two of the set, and one that gives one to everybody.
const FILE: &str = r#"
[[roles]]
key = "lead"
name = "Lead"
one_of = "kind"
permissions = ["team.lead"]
[[roles]]
key = "expert"
name = "Expert"
one_of = "kind"
requires_licence = "expert"
takes_seat = true
permissions = ["session.start"]
[[roles]]
key = "viewer"
name = "Viewer"
one_of = "kind"
[[roles]]
key = "caller"
name = "Caller"
[[licences]]
key = "expert"
name = "Expert"
limit = 1
required_for_roles = ["expert"]
[[connections]]
name = "okta"
kind = "scim"
grantable_roles = ["lead", "viewer"]
[[connections]]
name = "rules"
kind = "scim"
roles = ["viewer"]
grantable_roles = ["lead"]
[[connections.grants]]
when = "has(user.title) && user.title == 'Lead'"
roles = ["lead"]
"#;

fn detail(answer: &Value) -> &str {
    answer["detail"].as_str().unwrap_or_default()
}

async fn held(acme: &Acme, user: &str) -> Value {
    acme.get(&format!("/users/{user}")).await.expect(200)["roles"].clone()
}

async fn seats(acme: &Acme) -> i64 {
    let licences = acme.get("/licences").await.expect(200);
    let mut licences = licences["items"].as_array().expect("a list").iter();
    let found = licences.find(|licence| licence["key"] == "expert");
    found.expect("the licence")["used"].as_i64().expect("a number")
}

#[tokio::test]
async fn a_second_role_of_a_set_is_refused_to_administrators_at_each_of_their_doors() {
    let acme = Acme::new(FILE).await;
    for name in ["ada", "grace"] {
        acme.user(name).await;
    }
    acme.assign("ada", "lead").await.expect(200);
    acme.assign("ada", "caller").await.expect(200);
    let refused = acme.assign("ada", "viewer").await.expect(400);
    assert!(
        detail(&refused).contains("\"lead\" and \"viewer\" exclude each other"),
        "{refused:#}"
    );
    let both = json!({ "user_name": "edsger", "roles": ["lead", "viewer"] });
    assert_eq!(acme.post("/users", both).await.expect(400)["attribute"], "roles");
    acme.get("/users/edsger").await.expect(404);
    let new = json!({ "key": "chief", "name": "Chief", "one_of": "kind", "users": ["ada"] });
    acme.post("/roles", new).await.expect(400);
    acme.get("/roles/chief").await.expect(404);
    // Many at once: whoever holds another one is left out, and the plan says so.
    let work = json!({ "operation": "give_role", "role": "viewer", "users": ["ada", "grace"] });
    let job = acme.post("/bulk", work).await.expect(201);
    assert_eq!(job["planned"]["refused"], 1, "{job:#}");
    assert!(
        job["items"][0]["planned"]["reason"].to_string().contains("exclude"),
        "{job:#}"
    );
    let path = format!("/bulk/{}/confirm", job["id"].as_str().expect("an id"));
    let done = acme.post(&path, json!({ "confirm": job["confirm"] })).await.expect(200);
    assert_eq!(done["results"], job["planned"]);
    // A file of people.
    let content = "user_name,roles\r\nada,viewer\r\nnew,lead; viewer\r\nother,lead\r\n";
    let (_, planned) = acme
        .admin
        .bytes(Method::POST, &format!("{ACME}/imports"), content.into())
        .await;
    let planned: Value = serde_json::from_slice(&planned).expect("JSON");
    assert_eq!(
        (&planned["planned"]["refused"], &planned["planned"]["create"]),
        (&json!(2), &json!(1)),
        "{planned:#}"
    );
    assert_eq!(
        held(&acme, "ada").await,
        json!({ "caller": ["direct"], "lead": ["direct"] })
    );
    assert_eq!(held(&acme, "grace").await, json!({ "viewer": ["direct"] }));
    acme.verify().await;
}

#[tokio::test]
async fn a_second_role_of_a_set_is_refused_to_connections_and_to_their_rules() {
    let acme = Acme::new(FILE).await;
    let (okta, rules) = (
        acme.admin.connection("acme", "okta").await,
        acme.admin.connection("acme", "rules").await,
    );
    let user = |name: &str, more: Value| {
        let mut body = json!({ "schemas": [USER], "userName": name, "displayName": name });
        let more = more.as_object().expect("an object").clone();
        body.as_object_mut().expect("an object").extend(more);
        body
    };
    let both = json!({ "roles": [{ "value": "lead" }, { "value": "viewer" }] });
    let refused = okta
        .post("/scim/acme/v2/Users", user("ada", both.clone()))
        .await
        .expect(400);
    assert_eq!(refused["scimType"], "invalidValue", "{refused:#}");
    assert!(detail(&refused).contains("exclude each other"), "{refused:#}");
    let one = json!({ "roles": [{ "value": "viewer" }] });
    let made = okta.post("/scim/acme/v2/Users", user("ada", one)).await.expect(201);
    let path = format!("/scim/acme/v2/Users/{}", made["id"].as_str().expect("an id"));
    okta.put(&path, user("ada", both)).await.expect(400);
    // One instead of the other is a change like any.
    let other = json!({ "roles": [{ "value": "lead" }] });
    okta.put(&path, user("ada", other)).await.expect(200);
    assert_eq!(held(&acme, "ada").await, json!({ "lead": ["connection:okta"] }));
    // What an administrator would put in its place stays beside it, and is refused.
    acme.assign("ada", "viewer").await.expect(400);
    acme.put("/users/ada/roles/viewer?in_place=true", json!({}))
        .await
        .expect(400);
    // A rule that gives one to whom the connection gives another.
    let lead = json!({ "title": "Lead" });
    let refused = rules.post("/scim/acme/v2/Users", user("grace", lead)).await.expect(400);
    assert!(detail(&refused).contains("exclude each other"), "{refused:#}");
    rules
        .post("/scim/acme/v2/Users", user("grace", json!({ "title": "Adviser" })))
        .await
        .expect(201);
    acme.verify().await;
}

#[tokio::test]
async fn a_role_takes_the_place_of_the_other_one_of_its_set_when_that_is_said() {
    let acme = Acme::new(FILE).await;
    acme.user("ada").await;
    acme.assign("ada", "lead").await.expect(200);
    acme.assign("ada", "caller").await.expect(200);
    let told = acme.get("/users/ada/roles/viewer").await.expect(200);
    assert_eq!(told["in_place_of"], json!(["lead"]), "{told:#}");
    assert_eq!(
        told["lost"],
        json!([{ "action": "team.lead", "place": "organisation" }]),
        "{told:#}"
    );
    acme.put("/users/ada/roles/viewer?in_place=true", json!({}))
        .await
        .expect(200);
    assert_eq!(
        held(&acme, "ada").await,
        json!({ "caller": ["direct"], "viewer": ["direct"] })
    );
    let told = acme.get("/users/ada/roles/caller").await.expect(200);
    assert_eq!(told["in_place_of"], json!([]));
    acme.verify().await;
}

#[tokio::test]
async fn a_group_gives_no_role_of_a_set_and_one_that_it_gives_comes_into_none() {
    let acme = Acme::new(FILE).await;
    acme.group("North", |_| {}).await;
    let gives = |role: &str| json!({ "add": { "roles": [role] } });
    let refused = acme.post("/groups/North/gives", gives("viewer")).await.expect(400);
    assert!(detail(&refused).contains("stands beside no other"), "{refused:#}");
    acme.post("/groups/North/gives", gives("caller")).await.expect(200);
    let caller = json!({ "key": "caller", "name": "Caller", "one_of": "kind" });
    let refused = acme.put("/roles/caller", caller).await.expect(400);
    assert_eq!(refused["attribute"], "roles.caller.one_of");
    for (role, attribute) in [
        (
            json!({ "key": "host", "name": "Host", "scope": "group", "one_of": "kind" }),
            "roles.host.one_of",
        ),
        (
            json!({ "key": "host", "name": "Host", "takes_seat": true }),
            "roles.host.takes_seat",
        ),
        (
            json!({ "key": "host", "name": "Host", "scope": "group", "takes_seat": true, "requires_licence": "expert" }),
            "roles.host.takes_seat",
        ),
    ] {
        assert_eq!(acme.post("/roles", role).await.expect(400)["attribute"], attribute);
    }
}

#[tokio::test]
async fn a_role_comes_into_a_set_only_while_nobody_would_hold_two_of_it() {
    let acme = Acme::new(FILE).await;
    for name in ["ada", "grace"] {
        acme.user(name).await;
        acme.assign(name, "caller").await.expect(200);
    }
    acme.assign("grace", "lead").await.expect(200);
    let caller = json!({ "key": "caller", "name": "Caller", "one_of": "kind" });
    let refused = acme.put("/roles/caller", caller.clone()).await.expect(400);
    assert!(detail(&refused).contains("\"lead\" of the same set"), "{refused:#}");
    // Two roles that come into a set by one file are looked at together.
    acme.role(json!({ "key": "scorer", "name": "Scorer" })).await;
    acme.assign("ada", "scorer").await.expect(200);
    let file = "[organisation]\nslug = \"acme\"\n[[roles]]\nkey = \"caller\"\nname = \"Caller\"\none_of = \"work\"\n\
                [[roles]]\nkey = \"scorer\"\nname = \"Scorer\"\none_of = \"work\"\n";
    acme.admin.apply("acme", file).await.expect(422);
    acme.withdraw("grace", "lead").await.expect(200);
    acme.put("/roles/caller", caller).await.expect(200);
    acme.assign("grace", "lead").await.expect(400);
    acme.verify().await;
}

#[tokio::test]
async fn a_seat_comes_with_the_role_goes_with_it_and_is_the_condition_of_it() {
    let acme = Acme::new(FILE).await;
    for name in ["ada", "grace"] {
        acme.user(name).await;
    }
    let shown = acme.assign("ada", "expert").await.expect(200);
    assert_eq!(
        shown["licences"]["expert"]["origins"],
        json!(["role:expert"]),
        "{shown:#}"
    );
    assert_eq!(seats(&acme).await, 1);
    let refused = acme.assign("grace", "expert").await.expect(403);
    assert!(
        detail(&refused).contains("no free seat of licence expert"),
        "{refused:#}"
    );
    assert_eq!(held(&acme, "grace").await, json!({}));
    acme.post("/users", json!({ "user_name": "edsger", "roles": ["expert"] }))
        .await
        .expect(403);
    acme.get("/users/edsger").await.expect(404);
    // A seat of this licence is for experts: nobody else takes one.
    acme.post("/users/grace/licences", json!({ "licence": "expert" }))
        .await
        .expect(200);
    assert_eq!(seats(&acme).await, 1);
    acme.delete("/users/grace/licences/expert").await.expect(200);
    // Given in the place of the other, the role gives the seat back.
    acme.put("/users/ada/roles/viewer?in_place=true", json!({}))
        .await
        .expect(200);
    assert_eq!(seats(&acme).await, 0);
    acme.assign("grace", "expert").await.expect(200);
    assert_eq!(seats(&acme).await, 1);
    acme.post("/users/grace/suspend", json!({})).await.expect(200);
    assert_eq!(seats(&acme).await, 0);
    acme.post("/users/grace/reactivate", json!({})).await.expect(200);
    assert_eq!(seats(&acme).await, 1);
    acme.verify().await;
    acme.withdraw("grace", "expert").await.expect(200);
    assert_eq!(seats(&acme).await, 0);
    acme.verify().await;
}

#[tokio::test]
async fn whoever_holds_a_role_that_comes_to_take_seats_has_one_or_stands_in_the_queue() {
    let acme = Acme::new(FILE).await;
    for name in ["ada", "grace"] {
        acme.user(name).await;
        acme.assign(name, "caller").await.expect(200);
    }
    let caller =
        |takes: bool| json!({ "key": "caller", "name": "Caller", "requires_licence": "pro", "takes_seat": takes });
    let file = "[organisation]\nslug = \"acme\"\n[[licences]]\nkey = \"pro\"\nname = \"Pro\"\nlimit = 1\n";
    acme.admin.apply("acme", file).await.expect(200);
    acme.put("/roles/caller", caller(true)).await.expect(200);
    let state = async |name: &str| {
        let user = acme.get(&format!("/users/{name}")).await.expect(200);
        user["licences"]["pro"].clone()
    };
    let told = (state("ada").await.to_string(), state("grace").await.to_string());
    assert!(told.0.contains("held") && told.1.contains("refused"), "{told:?}");
    acme.verify().await;
    acme.put("/roles/caller", caller(false)).await.expect(200);
    for name in ["ada", "grace"] {
        assert_eq!(state(name).await, Value::Null, "{name}");
    }
    acme.verify().await;
}

#[tokio::test]
async fn everyone_has_a_role_from_the_start_where_that_is_asked() {
    let acme = Acme::new(&format!("role_required = true\n{FILE}")).await;
    let refused = acme.post("/users", json!({ "user_name": "ada" })).await.expect(400);
    assert_eq!(refused["attribute"], "roles", "{refused:#}");
    let nobody = json!({ "schemas": [USER], "userName": "ada" });
    acme.client().post("/scim/acme/v2/Users", nobody).await.expect(400);
    acme.post("/users", json!({ "user_name": "ada", "roles": ["lead"] }))
        .await
        .expect(201);
    let refused = acme.withdraw("ada", "lead").await.expect(400);
    assert_eq!(refused["attribute"], "roles", "{refused:#}");
    acme.put("/users/ada/roles/viewer?in_place=true", json!({}))
        .await
        .expect(200);
    acme.assign("ada", "caller").await.expect(200);
    acme.withdraw("ada", "viewer").await.expect(200);
    assert_eq!(acme.get("").await.expect(200)["role_required"], true);
    // What a connection takes back it takes back: nobody keeps a right because there is no other.
    let rules = acme.admin.connection("acme", "rules").await;
    let grace = json!({ "schemas": [USER], "userName": "grace" });
    rules.post("/scim/acme/v2/Users", grace).await.expect(201);
    assert_eq!(held(&acme, "grace").await, json!({ "viewer": ["connection:rules"] }));
    acme.verify().await;
}

#[tokio::test]
async fn verification_finds_two_roles_of_a_set_and_a_seat_that_follows_from_no_role() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let inside = Inside::over(Arc::clone(&store));
    let root = inside.administrator().await;
    let admin = root.organisation("acme").await;
    let file = format!("[organisation]\nslug = \"acme\"\n{FILE}");
    admin.apply("acme", &file).await.expect(200);
    admin
        .post(
            &format!("{ACME}/users"),
            json!({ "user_name": "ada", "roles": ["expert"] }),
        )
        .await
        .expect(201);
    assert_eq!(verify(&root).await.0, [] as [Value; 0]);
    let slug = crate::kit::scim::slug("acme");
    let found = inside.directory.find_organisation(&slug).await.expect("a read");
    let organisation = found.expect("acme").organisation.id;
    let users = Scan::prefix(&keys::table(organisation, Table::User), 1);
    let (key, stored) = store.scan(users).await.expect("entries").remove(0);
    for (change, invariant) in [
        (
            json!({ "roles": { "expert": ["direct"], "viewer": ["direct"] } }),
            "role sets",
        ),
        (json!({ "roles": { "lead": ["direct"] } }), "role links"),
    ] {
        let mut record: Value = serde_json::from_slice(&stored.value).expect("JSON");
        for (name, value) in change.as_object().expect("an object") {
            record[name] = value.clone();
        }
        let mut batch = Batch::new();
        batch.put(key.clone(), record.to_string());
        store.commit(batch).await.expect("planted");
        let (violations, _) = verify(&root).await;
        let named = violations.iter().any(|violation| violation["invariant"] == invariant);
        assert!(named, "{invariant}: {violations:#?}");
    }
}
