//! The catalogue, direct permissions, defaults, features and seats: what a person may do, why, and why not.

use serde_json::{Value, json};

use crate::kit::access::Acme;

const CATALOGUE: &str = r#"
features = ["pro"]
[[permissions]]
key = "call.make"
implies = ["users.list"]
requires_feature = "pro"
parameters = { visibility = ["all", "same-room"] }
[[permissions]]
key = "users.list"
parameters = { visibility = ["all", "same-room"] }
[[permissions]]
key = "settings"
name = "Organisation settings"
[[permissions]]
key = "settings.telephony"
parent = "settings"
area = "settings"
[[permissions]]
key = "settings.numbers"
parent = "settings.telephony"
[[permissions]]
key = "recording.consent"
parent = "settings"
flag = true
[[permissions]]
key = "export.receive"
requires_feature = "export"
[[permissions]]
key = "meeting.plan"
reaches = ["self", "group"]
requires_group = true
[default_permissions]
everyone = ["meeting.plan@self"]
guests = []
[[licences]]
key = "expert"
name = "Expert"
[[roles]]
key = "expert"
name = "Expert"
permissions = ["call.make;visibility=same-room"]
requires_licence = "expert"
"#;

async fn explain(acme: &Acme, user: &str, permission: &str) -> Value {
    acme.get(&format!("/users/{user}/explain?permission={permission}"))
        .await
        .expect(200)
}

async fn reasons(acme: &Acme, user: &str, asked: &str) -> Value {
    acme.get(&format!("/users/{user}/eligibility?action={asked}"))
        .await
        .expect(200)["reasons"]
        .clone()
}

#[tokio::test]
async fn an_unknown_action_reach_parameter_or_value_is_refused_with_its_place() {
    let acme = Acme::new(CATALOGUE).await;
    for (permission, word) in [
        ("call.maek", "is in no [[permissions]]"),
        ("meeting.plan@organisation", "is not given at reach"),
        ("call.make;colour=red", "has no parameter"),
        ("call.make;visibility=none", "does not take"),
    ] {
        let role = json!({ "key": "new", "name": "New", "permissions": [permission] });
        let refused = acme.post("/roles", role).await.expect(400);
        assert_eq!(refused["attribute"], "roles.new.permissions");
        assert!(refused["detail"].as_str().expect("words").contains(word), "{refused}");
    }
    // The gateway's own actions need no entry.
    acme.role(json!({ "key": "new", "name": "New", "permissions": ["user.invite@group"] }))
        .await;
    // A permission that a role has is not taken out, nor narrowed below it.
    acme.delete("/permissions/call.make").await.expect(400);
    let narrowed = json!({ "key": "call.make", "reaches": ["self"] });
    acme.put("/permissions/call.make", narrowed).await.expect(400);
    let circle = json!({ "key": "settings", "parent": "settings.numbers" });
    acme.put("/permissions/settings", circle).await.expect(400);
}

#[tokio::test]
async fn a_direct_permission_brings_what_it_implies_with_its_parameter() {
    let acme = Acme::new(CATALOGUE).await;
    acme.user("mia").await;
    let grant = json!({ "permission": "call.make;visibility=same-room" });
    let granted = acme.post("/users/mia/permissions", grant).await.expect(200);
    assert_eq!(granted["items"], json!(["call.make@organisation;visibility=same-room"]));
    let told = explain(&acme, "mia", "users.list").await;
    assert_eq!(told["allowed"], true);
    assert_eq!(told["because"][0]["from"], "grant");
    assert_eq!(told["because"][0]["via"], json!([{ "implied": "call.make" }]));
    assert_eq!(told["because"][0]["parameters"], json!({ "visibility": "same-room" }));
    assert_eq!(told["because"][0]["place"], "own_groups", "room mates, not everyone");
    let revoked = "/users/mia/permissions?permission=call.make%3Bvisibility%3Dsame-room";
    acme.delete(revoked).await.expect(200);
    acme.delete(revoked).await.expect(404);
    assert_eq!(explain(&acme, "mia", "users.list").await["allowed"], false);
    acme.verify().await;
}

#[tokio::test]
async fn an_area_contains_its_children_but_no_flag() {
    let acme = Acme::new(CATALOGUE).await;
    acme.user("mia").await;
    acme.post("/users/mia/permissions", json!({ "permission": "settings" }))
        .await
        .expect(200);
    let told = explain(&acme, "mia", "settings.numbers").await;
    let way = json!([{ "contained": "settings" }, { "contained": "settings.telephony" }]);
    assert_eq!(told["because"][0]["via"], way);
    assert_eq!(explain(&acme, "mia", "recording.consent").await["allowed"], false);
}

#[tokio::test]
async fn a_right_sleeps_without_its_feature_and_without_the_seat_of_its_role() {
    let acme = Acme::new(CATALOGUE).await;
    acme.user("mia").await;
    acme.post("/users/mia/permissions", json!({ "permission": "export.receive" }))
        .await
        .expect(200);
    let told = explain(&acme, "mia", "export.receive").await;
    assert_eq!(
        (&told["allowed"], &told["because"][0]["asleep"]),
        (&json!(false), &json!([{ "no_feature": "export" }]))
    );
    let file = "[organisation]\nslug = \"acme\"\nfeatures = [\"pro\", \"export\"]\n";
    acme.admin.apply("acme", file).await.expect(200);
    assert_eq!(explain(&acme, "mia", "export.receive").await["allowed"], true);
    acme.assign("mia", "expert").await.expect(200);
    let told = explain(&acme, "mia", "call.make").await;
    assert_eq!(
        (&told["allowed"], &told["because"][0]["asleep"]),
        (&json!(false), &json!([{ "no_seat": "expert" }]))
    );
    assert_eq!(reasons(&acme, "mia", "call.make").await, json!(["noSeat"]));
}

#[tokio::test]
async fn a_disabled_group_lets_rights_sleep_and_eligibility_says_so() {
    let acme = Acme::new(CATALOGUE).await;
    acme.role(
        json!({ "key": "operator", "name": "Operator", "scope": "group", "permissions": ["meeting.plan@group"] }),
    )
    .await;
    let (north, mia) = (acme.group("North", |_| {}).await, acme.user("mia").await);
    assert_eq!(reasons(&acme, "mia", "meeting.plan").await, json!(["noGroup"]));
    acme.join(north, mia).await.expect("a member");
    let asked = "meeting.plan&group=North";
    assert_eq!(
        reasons(&acme, "mia", asked).await,
        json!(["noRight"]),
        "her own meetings only"
    );
    acme.group_role(north, mia, "operator").await;
    assert_eq!(reasons(&acme, "mia", asked).await, json!([]));
    acme.edit_group(north, |group| group.enabled = false).await;
    assert_eq!(reasons(&acme, "mia", asked).await, json!(["disabledGroup"]));
    acme.edit_group(north, |group| group.enabled = true).await;
    assert_eq!(reasons(&acme, "mia", asked).await, json!([]));
    acme.post("/users/mia/suspend", json!({})).await.expect(200);
    assert_eq!(reasons(&acme, "mia", asked).await, json!(["suspended"]));
}

#[tokio::test]
async fn what_a_role_permits_within_its_linked_groups_counts_there_only() {
    let acme = Acme::new("").await;
    let (north, _) = (acme.group("North", |_| {}).await, acme.group("South", |_| {}).await);
    acme.user("mia").await;
    acme.role(json!({
        "key": "telephony", "name": "Telephony", "linked_groups": [north], "group_permissions": ["queue.edit@group"],
    }))
    .await;
    acme.assign("mia", "telephony").await.expect(200);
    assert_eq!(reasons(&acme, "mia", "queue.edit&group=North").await, json!([]));
    assert_eq!(
        reasons(&acme, "mia", "queue.edit&group=South").await,
        json!(["noRight"])
    );
    let told = explain(&acme, "mia", "queue.edit").await;
    assert_eq!(told["because"][0]["role"], "telephony");
    assert_eq!(told["because"][0]["place"], json!({ "group": north }));
}

#[tokio::test]
async fn everyone_and_guests_have_their_own_defaults() {
    let acme = Acme::new(CATALOGUE).await;
    acme.user("mia").await;
    let guest = json!({
        "schemas": [crate::kit::scim::USER], "userName": "visitor", "userType": "Guest",
    });
    acme.client().post("/scim/acme/v2/Users", guest).await.expect(201);
    assert_eq!(
        explain(&acme, "mia", "meeting.plan").await["because"][0]["from"],
        "everyone"
    );
    assert_eq!(explain(&acme, "visitor", "meeting.plan").await["allowed"], false);
    let defaults = json!({ "everyone": [], "guests": ["meeting.plan@self"] });
    acme.put("/default-permissions", defaults).await.expect(200);
    assert_eq!(explain(&acme, "mia", "meeting.plan").await["allowed"], false);
    assert_eq!(
        explain(&acme, "visitor", "meeting.plan").await["because"][0]["from"],
        "guests"
    );
    acme.put("/default-permissions", json!({ "everyone": ["nothing"] }))
        .await
        .expect(400);
    acme.verify().await;
}

#[tokio::test]
async fn the_matrix_shows_what_roles_include_and_permissions_bring_along() {
    let acme = Acme::new(CATALOGUE).await;
    acme.role(json!({ "key": "lead", "name": "Lead", "includes": ["expert"], "permissions": ["settings"] }))
        .await;
    let matrix = acme.get("/roles/matrix").await.expect(200);
    let role = |key: &str| {
        let roles = matrix["roles"].as_array().expect("roles").iter();
        roles.clone().find(|role| role["key"] == key).expect("the role").clone()
    };
    assert_eq!(role("lead")["cells"]["users.list"], json!(["organisation"]));
    assert_eq!(role("lead")["cells"]["settings.numbers"], json!(["organisation"]));
    assert_eq!(role("expert")["cells"].get("settings"), None);
    assert!(
        matrix["permissions"]
            .as_array()
            .expect("rows")
            .iter()
            .any(|row| row["action"] == "export.receive")
    );
}

#[tokio::test]
async fn an_access_list_says_whose_data_a_person_sees() {
    let acme = Acme::new("").await;
    let north = acme.group("North", |_| {}).await;
    acme.user("mia").await;
    let seen = acme.get("/users/mia/access").await.expect(200);
    assert_eq!(seen["report"]["mode"], "none");
    let list = json!({ "mode": "list", "groups": ["North"] });
    let seen = acme.put("/users/mia/access/report", list).await.expect(200);
    assert_eq!(seen["report"], json!({ "mode": "list", "groups": [north] }));
    assert_eq!(seen["audio"]["mode"], "none");
    acme.put("/users/mia/access/audio", json!({ "mode": "assigned" }))
        .await
        .expect(200);
    acme.put("/users/mia/access/report", json!({ "mode": "list" }))
        .await
        .expect(400);
    acme.put(
        "/users/mia/access/report",
        json!({ "mode": "all", "groups": ["North"] }),
    )
    .await
    .expect(400);
    acme.put(
        "/users/mia/access/report",
        json!({ "mode": "list", "groups": ["East"] }),
    )
    .await
    .expect(404);
    acme.put("/users/mia/access/colour", json!({ "mode": "all" }))
        .await
        .expect(404);
}
