//! Video meetings (24sessions, S000): meeting types of a group reach its members, and nobody is planned for before they have
//! signed in.

use reqwest::Method;
use serde_json::{Value, json};

use super::actor::{act, look, names};
use super::{Door, Stage};
use crate::kit::scim::USHER_USER;

/// Everyone whom the identity provider brings is prepared, and is a user of the product.
const CONNECTION: &str = "onboarding = \"prepared\"";

#[tokio::test]
async fn a_member_has_the_meeting_types_of_the_group_by_the_identity_provider() {
    told(Door::Scim).await;
}

#[tokio::test]
async fn a_member_has_the_meeting_types_of_the_group_by_the_admin_api() {
    told(Door::Api).await;
}

#[tokio::test]
async fn a_member_has_the_meeting_types_of_the_group_by_the_command_line() {
    told(Door::Cli).await;
}

async fn told(door: Door) {
    let stage = Stage::of(door, "24sessions", "", CONNECTION).await;
    let north = stage.group("North").await;
    let ada = stage
        .person("ada@acme.example", json!({ "displayName": "Ada" }), &["user"])
        .await;
    for name in ["Intake", "Review", "Own"] {
        let body = json!({ "type": "meeting-type", "name": name });
        let command = ["resource", "create", "meeting-type", name];
        stage.admin.does(act(&command, Method::POST, "/resources", body)).await;
    }
    // A user may be without any group and meeting type (S000-14), and then has nothing to call with (S000-15).
    assert_eq!(reasons(&stage, &ada).await, ["noResource", "notActivated"]);

    // North has two meeting types (S000-11); a third is given to ada directly (S000-6).
    for (name, whom, option) in [
        ("Intake", "groups", "--group"),
        ("Review", "groups", "--group"),
        ("Own", "users", "--user"),
    ] {
        let subject = if whom == "groups" { &north } else { &ada };
        let resource = format!("meeting-type:{name}");
        let command = ["resource", "assign", &resource, option, subject];
        let path = format!("/resources/{resource}/assignments");
        stage
            .admin
            .does(act(&command, Method::POST, &path, json!({ whom: [subject] })))
            .await;
    }
    assert_eq!(held(&stage, &ada).await, [entry("Own", "direct")]);

    // A user is added into group North (S000-3) ...
    stage.member(&north, &ada, true).await;
    assert_eq!(stage.members(&north).await, [(ada.clone(), json!([stage.origin()]))]);
    // ... and has both, because of it (S000-5).
    let through = format!("group:{north}");
    assert_eq!(
        held(&stage, &ada).await,
        [
            entry("Intake", &through),
            entry("Review", &through),
            entry("Own", "direct")
        ]
    );
    let seen = stage.scim(Method::GET, &format!("/Users/{ada}"), None, 200).await;
    assert_eq!(seen["groups"][0]["value"], north, "{seen:#}");

    // Neither prepared nor invited nor with a password alone can a meeting be planned (S000-20): the answer says why (S000-22).
    assert_eq!(reasons(&stage, &ada).await, ["notActivated"]);
    assert_eq!(state(&stage, &ada).await, "prepared");
    stage.accepts(&ada).await;
    assert_eq!(reasons(&stage, &ada).await, ["notActivated"]);
    assert_eq!(state(&stage, &ada).await, "enrolled");
    let session = stage.signs_in("ada@acme.example", super::stage::PASSWORD).await;
    assert_eq!(reasons(&stage, &ada).await, [""; 0]);
    assert_eq!(state(&stage, &ada).await, "active");
    // What ada may see is her own group (S000-13).
    let groups = session.lists(look(&["group", "list"], "/groups")).await;
    assert_eq!(names(&groups, "display_name"), ["North"]);

    // Out of North, both assignments go and the direct one stays (S000-17); calls are still possible.
    stage.member(&north, &ada, false).await;
    assert_eq!(held(&stage, &ada).await, [entry("Own", "direct")]);
    assert_eq!(reasons(&stage, &ada).await, [""; 0]);
    let seen = stage.scim(Method::GET, &format!("/Users/{ada}"), None, 200).await;
    assert!(seen["groups"].as_array().is_none_or(Vec::is_empty), "{seen:#}");
    stage.verify().await;
}

fn entry(name: &str, origin: &str) -> (String, Value) {
    (name.to_owned(), json!([origin]))
}

/// What somebody has, and why.
async fn held(stage: &Stage, user: &str) -> Vec<(String, Value)> {
    let command = ["resource", "of", user];
    let held = stage
        .admin
        .lists(look(&command, &format!("/users/{user}/resources")))
        .await;
    let one = |held: &Value| {
        let name = held["name"].as_str().expect("a name").to_owned();
        (name, held["origins"].clone())
    };
    held.iter().map(one).collect()
}

/// Why somebody cannot hold a meeting.
async fn reasons(stage: &Stage, user: &str) -> Vec<String> {
    let command = ["user", "eligibility", user, "meeting.hold"];
    let path = format!("/users/{user}/eligibility?action=meeting.hold");
    let told = stage.admin.does(look(&command, &path)).await;
    let reasons = told["reasons"].as_array().expect("reasons");
    assert_eq!(told["eligible"], json!(reasons.is_empty()), "{told:#}");
    let mut reasons: Vec<String> = reasons
        .iter()
        .map(|reason| reason.as_str().expect("a word").to_owned())
        .collect();
    reasons.sort_unstable();
    reasons
}

/// The life cycle as the identity provider sees it. `active` says no more than that nobody suspended the person.
async fn state(stage: &Stage, user: &str) -> String {
    let seen = stage.scim(Method::GET, &format!("/Users/{user}"), None, 200).await;
    assert_eq!(seen["active"], true, "{seen:#}");
    seen[USHER_USER]["lifecycleState"].as_str().expect("a state").to_owned()
}
