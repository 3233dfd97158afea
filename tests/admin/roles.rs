//! Roles through the admin API: made, given, bounded, protected.

use serde_json::{Value, json};

use crate::kit::access::{ACME, Acme};
use crate::kit::scim::slug;

#[tokio::test]
async fn a_role_is_given_and_taken_back_and_what_another_reason_gives_stays() {
    let acme = Acme::new("").await;
    acme.role(json!({ "key": "agent", "name": "Agent", "permissions": ["call.make@self"] }))
        .await;
    let ada = acme.user("ada").await;
    let shown = acme.assign("ada", "agent").await.expect(200);
    assert_eq!(shown["roles"], json!({ "agent": ["direct"] }));
    let holders = acme.get("/roles/agent/holders").await.expect(200);
    assert_eq!(holders["items"][0]["id"], json!(ada));
    acme.withdraw("ada", "agent").await.expect(200);
    acme.withdraw("ada", "agent").await.expect(404);
    acme.assign("ada", "nothing").await.expect(404);
    let support = acme
        .group("Support", |group| group.grants_roles = [slug("agent")].into())
        .await;
    acme.join(support, ada).await.expect("a member");
    let refused = acme.withdraw("ada", "agent").await.expect(400);
    assert!(
        refused["detail"].as_str().expect("words").contains("comes from group:"),
        "{refused}"
    );
    acme.verify().await;
}

#[tokio::test]
async fn a_role_of_groups_is_not_given_in_the_whole_organisation() {
    let acme = Acme::new("").await;
    acme.role(json!({ "key": "operator", "name": "Operator", "scope": "group" }))
        .await;
    acme.user("ada").await;
    let refused = acme.assign("ada", "operator").await.expect(400);
    assert_eq!(refused["attribute"], "role");
}

#[tokio::test]
async fn a_role_is_changed_and_its_key_stays_and_a_built_in_one_belongs_to_files() {
    let acme = Acme::new("[[roles]]\nkey = \"owner\"\nname = \"Owner\"\nbuilt_in = true\n").await;
    acme.role(json!({ "key": "agent", "name": "Agent" })).await;
    acme.post("/roles", json!({ "key": "agent", "name": "Agent" }))
        .await
        .expect(409);
    let changed = acme
        .put("/roles/agent", json!({ "key": "agent", "name": "Caller" }))
        .await
        .expect(200);
    assert_eq!(changed["name"], "Caller");
    acme.put("/roles/agent", json!({ "key": "other", "name": "Caller" }))
        .await
        .expect(400);
    acme.put("/roles/other", json!({ "key": "other", "name": "Other" }))
        .await
        .expect(404);
    acme.put("/roles/owner", json!({ "key": "owner", "name": "Mine" }))
        .await
        .expect(403);
    let impact = acme.get("/roles/owner/impact").await.expect(200);
    let code = impact["confirm"].as_str().expect("a code");
    acme.delete(&format!("/roles/owner?confirm={code}")).await.expect(403);
}

#[tokio::test]
async fn no_more_people_hold_a_role_than_may_whoever_comes_at_the_same_time() {
    let acme = Acme::new("").await;
    acme.role(json!({ "key": "admin", "name": "Administrator", "max_holders": 1 }))
        .await;
    let names: Vec<String> = (0..8).map(|number| format!("p{number}")).collect();
    for name in &names {
        acme.user(name).await;
    }
    let racing = names.iter().map(|name| acme.assign(name, "admin"));
    let answers = futures_util::future::join_all(racing).await;
    let given = answers.iter().filter(|answer| answer.status == 200).count();
    let refused = answers.iter().filter(|answer| answer.status == 403).count();
    assert_eq!((given, refused), (1, 7));
    assert_eq!(acme.get("/roles/admin").await.expect(200)["holders"], 1);
    acme.verify().await;
}

#[tokio::test]
async fn the_last_administrator_stays_whoever_asks_but_the_gateway() {
    let acme = Acme::new("").await;
    acme.role(json!({ "key": "admin", "name": "Administrator", "administers": true }))
        .await;
    acme.role(json!({ "key": "chief", "name": "Chief", "includes": ["admin"] }))
        .await;
    let (ada, _) = (acme.user("ada").await, acme.user("grace").await);
    acme.assign("ada", "chief").await.expect(200);
    acme.withdraw("ada", "chief").await.expect(403);
    acme.post("/users/ada/suspend", json!({})).await.expect(403);
    acme.client()
        .delete(&format!("/scim/acme/v2/Users/{ada}"))
        .await
        .expect(403);
    acme.put("/roles/chief", json!({ "key": "chief", "name": "Chief" }))
        .await
        .expect(403);
    acme.put("/roles/admin", json!({ "key": "admin", "name": "Administrator" }))
        .await
        .expect(403);
    acme.assign("grace", "admin").await.expect(200);
    acme.withdraw("ada", "chief").await.expect(200);
    acme.withdraw("grace", "admin").await.expect(403);
    let path = format!("{ACME}/users/grace/roles/admin");
    acme.root.delete(&path).await.expect(200);
    acme.verify().await;
}

#[tokio::test]
async fn whoever_cannot_act_is_no_administrator_who_is_left() {
    let acme = Acme::new("[[licences]]\nkey = \"pro\"\nname = \"Pro\"\nlimit = 1\n").await;
    acme.role(json!({ "key": "admin", "name": "Administrator", "administers": true }))
        .await;
    let seated = json!({ "key": "seated", "name": "With a seat", "administers": true, "requires_licence": "pro" });
    acme.role(seated).await;
    acme.user("ada").await;
    acme.assign("ada", "admin").await.expect(200);
    let alone = async |why: &str| {
        let refused = acme.withdraw("ada", "admin").await;
        assert_eq!(refused.status, 403, "{why}");
        acme.post("/users/ada/suspend", json!({})).await.expect(403);
    };
    // Never invited, and invited but never there.
    acme.post("/users", json!({ "user_name": "kim" })).await.expect(201);
    acme.assign("kim", "admin").await.expect(200);
    alone("nobody has let Kim in").await;
    acme.post("/users/kim/invite", json!({})).await.expect(201);
    alone("Kim has not come in").await;
    // By a role that sleeps.
    let grace = acme.user("grace").await;
    acme.assign("grace", "seated").await.expect(200);
    alone("Grace has no seat").await;
    let staff = acme
        .group("Staff", |group| group.grants_roles = [slug("admin")].into())
        .await;
    acme.join(staff, grace).await.expect("a member");
    acme.edit_group(staff, |group| group.enabled = false).await;
    alone("the group is disabled").await;
    acme.edit_group(staff, |group| group.enabled = true).await;
    acme.withdraw("ada", "admin").await.expect(200);
    // Now she is the one who is left, by her group.
    acme.post("/groups/Staff/disable", json!({})).await.expect(403);
    acme.assign("ada", "admin").await.expect(200);
    acme.post("/groups/Staff/disable", json!({})).await.expect(200);
    // Whoever has a password comes in.
    let password = json!({ "password": "long enough 1!" });
    acme.post("/users/kim/password", password).await.expect(200);
    acme.withdraw("ada", "admin").await.expect(200);
    acme.verify().await;
}

#[tokio::test]
async fn two_administrators_cannot_relieve_each_other_at_the_same_time() {
    for _ in 0..20 {
        let acme = Acme::new("").await;
        acme.role(json!({ "key": "admin", "name": "Administrator", "administers": true }))
            .await;
        for name in ["ada", "grace"] {
            acme.user(name).await;
            acme.assign(name, "admin").await.expect(200);
        }
        let (one, other) = tokio::join!(
            acme.withdraw("ada", "admin"),
            acme.post("/users/grace/suspend", json!({}))
        );
        let mut told = [one.status.as_u16(), other.status.as_u16()];
        told.sort_unstable();
        assert_eq!(told, [200, 403]);
        acme.verify().await;
    }
}

#[tokio::test]
async fn a_protected_holder_is_touched_by_the_gateway_only() {
    let acme = Acme::new("").await;
    acme.role(json!({ "key": "owner", "name": "Owner", "protected": true, "max_holders": 1 }))
        .await;
    let ada = acme.user("ada").await;
    acme.assign("ada", "owner").await.expect(200);
    acme.withdraw("ada", "owner").await.expect(403);
    acme.post("/users/ada/suspend", json!({})).await.expect(403);
    acme.delete("/users/ada").await.expect(403);
    let impact = acme.get("/roles/owner/impact").await.expect(200);
    let code = impact["confirm"].as_str().expect("a code");
    acme.delete(&format!("/roles/owner?confirm={code}")).await.expect(403);
    acme.root
        .delete(&format!("{ACME}/users/{ada}/roles/owner"))
        .await
        .expect(200);
    acme.verify().await;
}

#[tokio::test]
async fn what_a_role_would_change_is_told_before_it_is_given_or_taken() {
    let acme = Acme::new("").await;
    let north = acme.group("North", |_| {}).await;
    for (key, permissions) in [
        ("caller", json!(["call.make@self"])),
        ("both", json!(["call.make@self", "call.view"])),
    ] {
        acme.role(json!({ "key": key, "name": key, "permissions": permissions }))
            .await;
    }
    acme.put(&format!("/roles/both/groups/{north}"), json!({}))
        .await
        .expect(200);
    acme.user("ada").await;
    acme.assign("ada", "caller").await.expect(200);
    let effect = async |role: &str| acme.get(&format!("/users/ada/roles/{role}")).await.expect(200);
    let told = effect("both").await;
    assert_eq!(told["held"], false);
    assert_eq!(
        told["gained"],
        json!([{ "action": "call.view", "place": "organisation" }]),
        "{told:#}"
    );
    assert_eq!((&told["lost"], &told["groups"]), (&json!([]), &json!([north])));
    assert_eq!(
        acme.roles(acme_id(&acme, "ada").await).await,
        json!({ "caller": ["direct"] }),
        "nothing is done"
    );
    acme.assign("ada", "both").await.expect(200);
    let told = effect("both").await;
    assert_eq!(
        told["lost"],
        json!([{ "action": "call.view", "place": "organisation" }]),
        "{told:#}"
    );
    let told = effect("caller").await;
    assert_eq!(
        (&told["held"], &told["lost"]),
        (&json!(true), &json!([])),
        "the other role brings it too"
    );
    acme.get("/users/ada/roles/nothing").await.expect(404);
}

async fn acme_id(acme: &Acme, user: &str) -> usher::model::id::UserId {
    let found = acme.get(&format!("/users/{user}")).await.expect(200);
    found["id"].as_str().expect("an id").parse().expect("an id")
}

#[tokio::test]
async fn the_link_of_a_role_and_a_group_is_made_and_undone_at_either_end_and_seen_at_both() {
    let acme = Acme::new("").await;
    let north = acme.group("North", |_| {}).await;
    acme.role(json!({ "key": "agent", "name": "Agent" })).await;
    let ada = acme.user("ada").await;
    acme.assign("ada", "agent").await.expect(200);
    let of_group = async || acme.get("/groups/North").await.expect(200);
    let of_role = async || acme.get("/roles/agent").await.expect(200)["linked_groups"].clone();
    // The role's holders are in the group.
    let linked = acme
        .put("/groups/North/linked-roles/agent", json!({}))
        .await
        .expect(200);
    assert_eq!(linked["linked_roles"], json!(["agent"]));
    assert_eq!(of_role().await, json!([north]));
    assert_eq!(acme.membership(north, ada).await, json!(["role:agent"]));
    acme.delete("/roles/agent/groups/North").await.expect(200);
    assert_eq!(of_group().await["linked_roles"], json!([]));
    acme.put("/roles/agent/groups/North", json!({})).await.expect(200);
    let unlinked = acme.delete("/groups/North/linked-roles/agent").await.expect(200);
    assert_eq!(unlinked["linked_roles"], json!([]));
    assert_eq!(acme.membership(north, ada).await, Value::Null);
    // The group's members hold the role.
    let grace = acme.user("grace").await;
    acme.join(north, grace).await.expect("a member");
    acme.put("/roles/agent/given-by/North", json!({})).await.expect(200);
    assert_eq!(of_group().await["gives"]["roles"], json!(["agent"]));
    assert_eq!(acme.roles(grace).await, json!({ "agent": [format!("group:{north}")] }));
    let gives = json!({ "remove": { "roles": ["agent"] } });
    acme.post("/groups/North/gives", gives.clone()).await.expect(200);
    assert_eq!(acme.roles(grace).await, json!({}));
    acme.post("/groups/North/gives", json!({ "add": { "roles": ["agent"] } }))
        .await
        .expect(200);
    acme.delete("/roles/agent/given-by/North").await.expect(200);
    assert_eq!(acme.roles(grace).await, json!({}));
    acme.verify().await;
}
