//! Resources: types, assignments to users and groups side by side, and what users have because of their groups (S000-5..6,
//! S000-11, S001-39..44, S002-13, S003-9..13, X02-9..10, X04-5).

use axum::http::Method;
use serde_json::{Value, json};

use super::groups::{GROUPS, group};
use super::verify::verify_ok;
use crate::kit::gateway::{Caller, Inside};

const RESOURCES: &str = "/api/v1/organisations/acme/resources";

const FILE: &str = r#"
[organisation]
slug = "acme"
[[connections]]
name = "entra"
kind = "scim"
[[resource_types]]
key = "meeting-type"
name = "Meeting type"
[[resource_types]]
key = "number"
name = "Telephone number"
assignable = ["user"]
exclusive = true
attributes = [
  { name = "linkedNumber", type = "string" },
  { name = "mex", type = "boolean" },
  { name = "display", type = "string", multi_valued = true },
]
"#;

async fn acme() -> (Inside, Caller) {
    let (inside, acme) = super::groups::acme_with(FILE).await;
    let client = acme.connection("acme", "entra").await;
    for name in ["ada", "grace"] {
        client.scim_user("acme", name).await;
    }
    (inside, acme)
}

async fn make(acme: &Caller, type_: &str, name: &str) -> String {
    let made = acme
        .post(RESOURCES, json!({ "type": type_, "name": name }))
        .await
        .expect(201);
    made["id"].as_str().expect("an id").to_owned()
}

async fn assign(acme: &Caller, resource: &str, whom: Value) -> Value {
    acme.post(&format!("{RESOURCES}/{resource}/assignments"), whom)
        .await
        .expect(200)
}

/// `name: origins` of everything that somebody has.
async fn has(acme: &Caller, user: &str) -> Vec<(String, Vec<String>)> {
    let held = acme
        .get(&format!("/api/v1/organisations/acme/users/{user}/resources"))
        .await
        .expect(200);
    let items = held["items"].as_array().expect("a list");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    items
        .iter()
        .map(|item| {
            let origins = item["origins"].as_array().expect("a list").iter().map(text).collect();
            (text(&item["name"]), origins)
        })
        .collect()
}

#[tokio::test]
async fn a_member_has_what_the_group_has_and_loses_exactly_that() {
    let (inside, acme) = acme().await;
    let north = group(&acme, json!({ "display_name": "North" })).await;
    for name in ["Intake", "Review", "Own"] {
        make(&acme, "meeting-type", name).await;
    }
    assign(
        &acme,
        "meeting-type:Intake",
        json!({ "groups": ["North"], "users": ["ada"] }),
    )
    .await;
    assign(&acme, "meeting-type:Review", json!({ "groups": ["North"] })).await;
    assign(&acme, "meeting-type:own", json!({ "users": ["ada"] })).await;
    acme.post(&format!("{GROUPS}/North/members"), json!({ "users": ["ada"] }))
        .await
        .expect(200);
    let through = format!("group:{north}");
    let entry = |name: &str, origins: &[&str]| (name.to_owned(), origins.iter().map(|o| (*o).to_owned()).collect());
    assert_eq!(
        has(&acme, "ada").await,
        [
            entry("Intake", &["direct", &through]),
            entry("Review", &[&through]),
            entry("Own", &["direct"])
        ]
    );
    let shown = acme.get(&format!("{RESOURCES}/meeting-type:intake")).await.expect(200);
    assert_eq!((&shown["users"], &shown["groups"]), (&json!(1), &json!(1)));
    let hosts = acme
        .get(&format!("{RESOURCES}/meeting-type:intake/assignments"))
        .await
        .expect(200);
    let kinds: Vec<&str> = hosts["items"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|host| host["kind"].as_str().expect("a kind"))
        .collect();
    assert_eq!(kinds, ["group", "user"]);
    let of_group = acme.get(&format!("{GROUPS}/North/resources")).await.expect(200);
    assert_eq!(of_group["items"].as_array().expect("a list").len(), 2);
    // A disabled group's rights sleep (S003-41).
    acme.post(&format!("{GROUPS}/North/disable"), json!(null))
        .await
        .expect(200);
    assert_eq!(
        has(&acme, "ada").await,
        [entry("Intake", &["direct"]), entry("Own", &["direct"])]
    );
    acme.post(&format!("{GROUPS}/North/enable"), json!(null))
        .await
        .expect(200);
    acme.delete(&format!("{RESOURCES}/meeting-type:Review/assignments/groups/North"))
        .await
        .expect(204);
    acme.delete(&format!("{RESOURCES}/meeting-type:Review/assignments/groups/North"))
        .await
        .expect(404);
    acme.delete(&format!("{GROUPS}/North/members/ada")).await.expect(200);
    assert_eq!(
        has(&acme, "ada").await,
        [entry("Intake", &["direct"]), entry("Own", &["direct"])]
    );
    verify_ok(&inside).await;
}

#[tokio::test]
async fn a_number_belongs_to_one_user_and_says_what_its_type_allows() {
    let (inside, acme) = acme().await;
    make(&acme, "number", "+31201234567").await;
    let assignments = format!("{RESOURCES}/number:+31201234567/assignments");
    let said = json!({ "users": ["ada"], "attributes": { "mex": true, "display": ["+31800", "+31801"] } });
    acme.post(&assignments, said.clone()).await.expect(200);
    let taken = acme.post(&assignments, json!({ "users": ["grace"] })).await.expect(409);
    assert_eq!(taken["attribute"], "number");
    acme.post(
        &assignments,
        json!({ "users": ["ada"], "attributes": { "mex": false } }),
    )
    .await
    .expect(200);
    let again = acme
        .post(
            &assignments,
            json!({ "users": ["ada"], "attributes": { "mex": false } }),
        )
        .await
        .expect(200);
    assert_eq!(again["changed"], json!([]));
    let held = acme
        .get("/api/v1/organisations/acme/users/ada/resources")
        .await
        .expect(200);
    assert_eq!(held["items"][0]["attributes"], json!({ "mex": false }));
    group(&acme, json!({ "display_name": "North" })).await;
    for (wrong, attribute) in [
        (json!({ "groups": ["North"] }), "groups"),
        (
            json!({ "users": ["ada"], "attributes": { "mex": "yes" } }),
            "attributes.mex",
        ),
        (
            json!({ "users": ["ada"], "attributes": { "display": "one" } }),
            "attributes.display",
        ),
        (
            json!({ "users": ["ada"], "attributes": { "colour": 1 } }),
            "attributes.colour",
        ),
        (json!({}), "users"),
    ] {
        let refused = acme.post(&assignments, wrong.clone()).await.expect(400);
        assert_eq!(refused["attribute"], attribute, "{wrong}");
    }
    acme.delete(&format!("{assignments}/users/ada")).await.expect(204);
    acme.post(&assignments, json!({ "users": ["grace"] })).await.expect(200);
    verify_ok(&inside).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_users_never_take_one_number() {
    let (inside, acme) = acme().await;
    for round in 0..10 {
        let id = make(&acme, "number", &format!("+3120{round}")).await;
        let takers = ["ada", "grace"].map(|user| {
            let (acme, path) = (acme.clone(), format!("{RESOURCES}/{id}/assignments"));
            tokio::spawn(async move { acme.post(&path, json!({ "users": [user] })).await.status.as_u16() })
        });
        let mut answers = Vec::new();
        for taker in takers {
            answers.push(taker.await.expect("an answer"));
        }
        answers.sort_unstable();
        assert_eq!(answers, [200, 409]);
    }
    verify_ok(&inside).await;
}

#[tokio::test]
async fn a_resource_is_made_changed_listed_and_deleted_with_its_assignments() {
    let (inside, acme) = acme().await;
    let document = json!({
        "type": "meeting-type", "name": "Intake", "owner": "ada", "settings": { "minutes": 30, "lobby": { "open": true } },
    });
    let made = acme.post(RESOURCES, document).await.expect(201);
    let id = made["id"].as_str().expect("an id").to_owned();
    let at = format!("{RESOURCES}/{id}");
    let changed = acme
        .patch(
            &at,
            json!({ "name": "First talk", "settings": { "lobby": { "open": null }, "minutes": 45 } }),
        )
        .await
        .expect(200);
    assert_eq!(changed["settings"], json!({ "minutes": 45, "lobby": {} }));
    for (wrong, status, attribute) in [
        (json!({ "type": "number" }), 400, "type"),
        (json!({ "name": "" }), 400, "name"),
        (json!({ "owner": "nobody" }), 400, "owner"),
        (json!({ "expires": "2001-01-01T00:00:00Z" }), 400, "expires"),
        (json!({ "settings": { "big": "x".repeat(20_000) } }), 400, "settings"),
    ] {
        let refused = acme.patch(&at, wrong.clone()).await.expect(status);
        assert_eq!(refused["attribute"], attribute, "{wrong}");
    }
    make(&acme, "meeting-type", "Intake").await;
    acme.post(RESOURCES, json!({ "type": "meeting-type", "name": "FIRST TALK" }))
        .await
        .expect(409);
    acme.post(RESOURCES, json!({ "type": "boat", "name": "A" }))
        .await
        .expect(400);
    make(&acme, "number", "+311").await;
    let page = acme
        .get(&format!("{RESOURCES}?type=meeting-type&limit=1"))
        .await
        .expect(200);
    assert_eq!(page["items"][0]["name"], "First talk");
    let next = page["next"].as_str().expect("a cursor");
    let page = acme
        .get(&format!("{RESOURCES}?type=meeting-type&limit=1&after={next}"))
        .await
        .expect(200);
    assert_eq!(
        (&page["items"][0]["name"], &page["next"]),
        (&json!("Intake"), &Value::Null)
    );
    let types = acme.get("/api/v1/organisations/acme/resource-types").await.expect(200);
    assert_eq!(
        (&types["items"][0]["key"], &types["items"][0]["resources"]),
        (&json!("meeting-type"), &json!(2))
    );
    assign(&acme, &id, json!({ "users": ["ada", "grace"] })).await;
    acme.patch(&at, json!({ "enabled": false })).await.expect(200);
    assert!(has(&acme, "grace").await.is_empty());
    acme.delete(&at).await.expect(204);
    acme.get(&at).await.expect(404);
    assert!(has(&acme, "grace").await.is_empty());
    verify_ok(&inside).await;
}

#[tokio::test]
async fn whoever_is_deleted_leaves_no_assignment_behind_and_owns_nothing() {
    let (inside, acme) = acme().await;
    group(&acme, json!({ "display_name": "North" })).await;
    let made = acme
        .post(
            RESOURCES,
            json!({ "type": "meeting-type", "name": "Intake", "owner": "ada" }),
        )
        .await
        .expect(201);
    let id = made["id"].as_str().expect("an id").to_owned();
    assign(&acme, &id, json!({ "users": ["ada", "grace"], "groups": ["North"] })).await;
    acme.delete("/api/v1/organisations/acme/users/ada").await.expect(204);
    acme.delete(&format!("{GROUPS}/North")).await.expect(204);
    let shown = acme.get(&format!("{RESOURCES}/{id}")).await.expect(200);
    assert_eq!(
        (&shown["users"], &shown["groups"], &shown["owner"]),
        (&json!(1), &json!(0), &Value::Null)
    );
    verify_ok(&inside).await;
}

#[tokio::test]
async fn a_type_is_not_narrowed_while_there_are_resources_of_it() {
    let (_inside, acme) = acme().await;
    make(&acme, "meeting-type", "Intake").await;
    let narrow = "[organisation]\nslug = \"acme\"\n[[resource_types]]\nkey = \"meeting-type\"\nname = \"Meeting\"\nassignable = [\"user\"]\n";
    let refused = acme.apply("acme", narrow).await;
    assert!(refused.body.to_string().contains("widened"), "{:#}", refused.body);
    acme.delete(&format!("{RESOURCES}/meeting-type:Intake"))
        .await
        .expect(204);
    acme.apply("acme", narrow).await.expect(200);
    let wrong = narrow.replace("assignable = [\"user\"]", "exclusive = true");
    let refused = acme.apply("acme", &wrong).await;
    assert!(refused.body.to_string().contains("one user only"), "{:#}", refused.body);
}

#[tokio::test]
async fn a_personal_room_vanishes_when_its_time_is_over() {
    let served = crate::kit::served::Served::start().await;
    let token = served.administrator().await;
    let permit = served.organisation("acme").await;
    let api = format!("{}/api/v1/organisations/acme", served.url);
    let ask = |request: reqwest::RequestBuilder| {
        let request = request.bearer_auth(&token);
        async move { request.send().await.expect("an answer") }
    };
    let applied = ask(served.http.post(format!("{api}/apply")).body(FILE)).await;
    assert_eq!(applied.status(), 200);
    let expires = chrono::DateTime::from_timestamp(served.now() + 600, 0).expect("an instant");
    let room = json!({ "type": "meeting-type", "name": "Ada's room", "expires": expires });
    let made = ask(served.http.post(format!("{api}/resources")).json(&room)).await;
    assert_eq!(made.status(), 201);
    served.pass(601);
    let gone = ask(served.http.get(format!("{api}/resources/meeting-type:Ada's room"))).await;
    assert_eq!(gone.status(), 404);
    // The name is free again, and the old room is deleted for good.
    let again = json!({ "type": "meeting-type", "name": "Ada's room" });
    let made = ask(served.http.post(format!("{api}/resources")).json(&again)).await;
    assert_eq!(made.status(), 201);
    let listed = served
        .directory
        .browse_resources(permit.organisation(), None, None, 10)
        .await;
    assert_eq!(listed.expect("a read").len(), 1);
}

#[tokio::test]
async fn nothing_takes_effect_when_one_of_several_cannot() {
    let (inside, acme) = acme().await;
    group(&acme, json!({ "display_name": "North" })).await;
    make(&acme, "meeting-type", "Intake").await;
    let path = format!("{RESOURCES}/meeting-type:Intake/assignments");
    for whom in [
        json!({ "users": ["ada", "nobody"] }),
        json!({ "users": ["ada"], "groups": ["North", "Nowhere"] }),
        json!({ "users": ["ada", "grace"], "attributes": { "colour": "red" } }),
    ] {
        let refused = acme.post(&path, whom.clone()).await;
        assert!(refused.status.is_client_error(), "{whom}: {:#}", refused.body);
        assert_eq!(has(&acme, "ada").await, [], "{whom}");
    }
    assign(
        &acme,
        "meeting-type:Intake",
        json!({ "users": ["ada", "grace"], "groups": ["North"] }),
    )
    .await;
    assert_eq!(has(&acme, "ada").await.len(), 1);
    verify_ok(&inside).await;
}

#[tokio::test]
async fn several_are_taken_from_a_group_at_once_after_a_look_at_what_would_go() {
    let (inside, acme) = acme().await;
    let north = group(&acme, json!({ "display_name": "North" })).await;
    for name in ["Intake", "Review", "Demo"] {
        make(&acme, "meeting-type", name).await;
        assign(&acme, &format!("meeting-type:{name}"), json!({ "groups": ["North"] })).await;
    }
    assign(&acme, "meeting-type:Intake", json!({ "users": ["ada"] })).await;
    acme.post(&format!("{GROUPS}/North/members"), json!({ "users": ["ada", "grace"] }))
        .await
        .expect(200);
    let path = format!("{GROUPS}/North/resources");
    let take = async |resources: &[&str], preview: bool| {
        let body = json!({ "resources": resources, "preview": preview });
        acme.send(Method::DELETE, &path, Some(body)).await
    };
    let events = async || {
        let told = acme
            .get("/api/v1/organisations/acme/events?limit=1000")
            .await
            .expect(200);
        let told = told["items"].as_array().expect("events").iter();
        let told = told.filter(|event| event["kind"] == "resource.unassigned");
        told.map(|event| event["data"].clone()).collect::<Vec<_>>()
    };
    let two = ["meeting-type:intake", "meeting-type:Review"];
    let shown = take(&two, true).await.expect(200);
    assert_eq!((&shown["members"], &shown["preview"]), (&json!(2), &json!(true)));
    let names = |shown: &Value| -> Vec<Value> {
        let removed = shown["removed"].as_array().expect("a list").iter();
        removed.map(|resource| resource["name"].clone()).collect()
    };
    assert_eq!(names(&shown), ["Intake", "Review"]);
    assert_eq!(has(&acme, "grace").await.len(), 3, "a preview takes nothing");
    assert!(events().await.is_empty());
    // One that the group has not: nothing of it happens.
    make(&acme, "meeting-type", "Other").await;
    take(&["meeting-type:Review", "meeting-type:Other"], false)
        .await
        .expect(404);
    assert_eq!(has(&acme, "grace").await.len(), 3);
    take(&[], false).await.expect(400);
    assert_eq!(names(&take(&two, false).await.expect(200)), ["Intake", "Review"]);
    let left: Vec<String> = has(&acme, "ada").await.into_iter().map(|(name, _)| name).collect();
    assert_eq!(left, ["Intake", "Demo"], "what is ada's own stays");
    assert_eq!(has(&acme, "grace").await.len(), 1);
    let told = events().await;
    assert_eq!(
        told,
        [
            json!({ "users": [], "groups": [north] }),
            json!({ "users": [], "groups": [north] })
        ]
    );
    let audit = acme
        .get("/api/v1/organisations/acme/audit?kind=assignment")
        .await
        .expect(200);
    let newest = &audit["items"][0]["changes"];
    assert_eq!(newest.as_array().map(Vec::len), Some(2), "one commit: {newest:#}");
    take(&two, false).await.expect(404);
    verify_ok(&inside).await;
}
