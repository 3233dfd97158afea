//! Experts on a call (VSight, S002): a simple user name once, a password that the policy takes, single permissions that bring
//! others along, guests by text message.

use reqwest::Method;
use serde_json::{Value, json};

use super::actor::{Actor, act, look, names};
use super::{Door, Stage};
use crate::kit::scim::USER;

const ORGANISATION: &str = "guest_url = \"https://remote.acme.example/guest?key={secret}\"";
const CONNECTION: &str = "onboarding = \"prepared\"\ngrantable_roles = [\"expert\", \"subscriber\"]";

#[tokio::test]
async fn mia_calls_her_room_mates_by_the_identity_provider() {
    told(Door::Scim).await;
}

#[tokio::test]
async fn mia_calls_her_room_mates_by_the_admin_api() {
    told(Door::Api).await;
}

#[tokio::test]
async fn mia_calls_her_room_mates_by_the_command_line() {
    told(Door::Cli).await;
}

async fn told(door: Door) {
    let stage = Stage::of(door, "vsight", ORGANISATION, CONNECTION).await;
    // Without an e-mail address (S002-8), and with one role (S002-3).
    let mia = stage.person("mia", json!({ "displayName": "Mia" }), &["expert"]).await;
    let made = stage.user(&mia).await;
    assert_eq!(
        (&made["user_name"], made["attributes"].get("emails")),
        (&json!("mia"), None),
        "{made:#}"
    );
    one_role_and_its_seat(&stage, &mia, &made).await;
    once_only(&stage).await;
    a_password_of_six(&stage, &mia).await;
    let mia_acts = stage.signs_in("mia", "s3cr7t").await;
    room_mates_only(&stage, &mia, &mia_acts).await;
    a_guest_by_text_message(&stage, &mia, &mia_acts).await;
    stage.verify().await;
}

/// One role, chosen first: nobody comes without, nobody has two (S002-3), and an expert has one of the seats (S002-21, X02-4).
async fn one_role_and_its_seat(stage: &Stage, mia: &str, made: &Value) {
    let seat = &made["licences"]["expert"];
    assert_eq!(seat["origins"], json!(["role:expert"]), "{made:#}");
    let path = format!("/users/{mia}/roles/subscriber");
    let command = ["role", "assign", "subscriber", mia];
    let reason = stage
        .admin
        .is_refused(act(&command, Method::PUT, &path, json!({})), 400)
        .await;
    assert!(reason.contains("exclude each other"), "{reason}");
    let command = ["user", "create", "nobody", "--display-name=Nobody"];
    let body = json!({ "user_name": "nobody", "attributes": { "displayName": "Nobody" } });
    let reason = stage
        .admin
        .is_refused(act(&command, Method::POST, "/users", body), 400)
        .await;
    assert!(reason.contains("roles: must name one"), "{reason}");
    let body = json!({ "schemas": [USER], "userName": "nobody", "displayName": "Nobody" });
    stage.scim(Method::POST, "/Users", Some(body), 400).await;
}

/// A user name is assigned once, however it is written (S002-6).
async fn once_only(stage: &Stage) {
    for name in ["mia", "MIA"] {
        let command = ["user", "create", name, "--display-name=Another", "--role=subscriber"];
        let body = json!({ "user_name": name, "attributes": { "displayName": "Another" }, "roles": ["subscriber"] });
        let reason = stage
            .admin
            .is_refused(act(&command, Method::POST, "/users", body), 409)
            .await;
        assert!(reason.to_lowercase().contains("\"mia\" is already taken"), "{reason}");
        let roles = [json!({ "value": "subscriber" })];
        let body = json!({ "schemas": [USER], "userName": name, "displayName": "Another", "roles": roles });
        let refused = stage.scim(Method::POST, "/Users", Some(body), 409).await;
        assert_eq!(refused["scimType"], "uniqueness", "{refused:#}");
    }
}

/// The criteria are listed (S002-22); five characters are refused by the one that they do not meet, six are taken (S002-23).
async fn a_password_of_six(stage: &Stage, mia: &str) {
    let policy = stage
        .admin
        .does(look(&["password-policy", "show"], "/password-policy"))
        .await;
    assert_eq!(policy["min_length"], 6, "{policy:#}");
    let reason = stage.sets_password(mia, "s3cr7").await.expect_err("five characters");
    assert!(reason.contains("at least 6 characters"), "{reason}");
    assert_eq!(stage.user(mia).await["state"], "prepared");
    stage.sets_password(mia, "s3cr7t").await.expect("six characters");
    assert_eq!(stage.user(mia).await["state"], "enrolled");
}

/// "Make calls" brings the list of users along (S002-11): all of them, or those of the same room (S002-12, S002-13).
async fn room_mates_only(stage: &Stage, mia: &str, acts: &Actor) {
    let mut users = Vec::new();
    for name in ["bob", "zoe"] {
        users.push(
            stage
                .person(name, json!({ "displayName": name }), &["subscriber"])
                .await,
        );
    }
    let (turbines, pumps) = (stage.group("Turbines").await, stage.group("Pumps").await);
    for (room, user) in [
        (&turbines, mia),
        (&turbines, users[0].as_str()),
        (&pumps, users[1].as_str()),
    ] {
        stage.member(room, user, true).await;
    }
    let rooms = stage.admin.lists(look(&["group", "list"], "/groups")).await;
    assert_eq!(names(&rooms, "kind"), ["room", "room"]);

    // Not ticked, there is no list (S002-30).
    acts.is_refused(look(&["user", "list"], "/users"), 403).await;
    permit(stage, mia, "call.make;visibility=same-room", true).await;
    assert_eq!(seen(acts).await, ["bob", "mia"]);
    let zoe = format!("/users/{}", users[1]);
    acts.is_refused(look(&["user", "show", &users[1]], &zoe), 403).await;
    permit(stage, mia, "call.make;visibility=same-room", false).await;
    permit(stage, mia, "call.make;visibility=all", true).await;
    assert_eq!(seen(acts).await, ["bob", "mia", "zoe"]);
    acts.does(look(&["user", "show", &users[1]], &zoe)).await;
}

async fn permit(stage: &Stage, user: &str, permission: &str, is_given: bool) {
    let path = format!("/users/{user}/permissions");
    if is_given {
        let command = ["permission", "grant", user, permission];
        let body = json!({ "permission": permission });
        stage.admin.does(act(&command, Method::POST, &path, body)).await;
    } else {
        let command = ["permission", "revoke", user, permission];
        let path = format!("{path}?permission={}", super::actor::escaped(permission));
        stage
            .admin
            .does(act(&command, Method::DELETE, &path, Value::Null))
            .await;
    }
}

async fn seen(acts: &Actor) -> Vec<String> {
    let seen = acts.lists(look(&["user", "list"], "/users")).await;
    let mut seen = names(&seen, "user_name");
    seen.sort_unstable();
    seen
}

/// Whoever may make guests (S002-14) hands a link over, to a mobile number (S002-15, S002-16).
async fn a_guest_by_text_message(stage: &Stage, mia: &str, acts: &Actor) {
    let guest = |mobile: Option<&str>| json!({ "name": "Visitor", "mobile": mobile, "channels": ["turbines"], "delivery": "sms" });
    let command = [
        "guest",
        "create",
        "Visitor",
        "--mobile=+31612345678",
        "--channel=turbines",
        "--delivery=sms",
    ];
    let invite = || act(&command, Method::POST, "/guests", guest(Some("+31612345678")));
    acts.is_refused(invite(), 403).await;
    permit(stage, mia, "guest.manage", true).await;
    let unreachable = ["guest", "create", "Visitor", "--channel=turbines", "--delivery=sms"];
    acts.is_refused(act(&unreachable, Method::POST, "/guests", guest(None)), 400)
        .await;
    let made = acts.does(invite()).await;
    let secret = made["secret"].as_str().expect("a secret");
    assert_eq!(
        made["url"],
        format!("https://remote.acme.example/guest?key={secret}"),
        "{made:#}"
    );
    assert_eq!(
        (&made["delivery"], &made["mobile"]),
        (&json!("sms"), &json!("+31612345678"))
    );
    // No gateway for text messages belongs to this one, and the answer says what is left to do.
    assert!(
        made["to_do"]
            .as_str()
            .is_some_and(|told| told.contains("text messages")),
        "{made:#}"
    );
    let joined = stage
        .without_token("/api/v1/guests/join", json!({ "secret": secret }), 200)
        .await;
    assert_eq!(
        (&joined["guest"], &joined["channels"]),
        (&made["id"], &json!(["turbines"]))
    );
    // A guest is no user.
    assert_eq!(seen(acts).await, ["bob", "mia", "zoe"]);
}
