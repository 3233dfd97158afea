//! Whom the administrators of some groups, or of a part of the tree, reach: nobody beside it, by no detour.

use axum::http::Method;
use serde_json::{Value, json};

use crate::kit::access::{ACME, Acme};
use crate::kit::gateway::Caller;

const KEEPER: &str = r#"
[organisation.groups]
depth = 3
[[roles]]
key = "keeper"
name = "Keeper of a group"
scope = "group"
permissions = [
    "user.view@group", "user.create@group", "user.update@group", "user.delete@group", "user.password@group",
    "group.view@group", "group.members@group",
]
"#;

async fn ask(caller: &Caller, method: Method, path: &str, body: Value) -> u16 {
    let body = (!body.is_null()).then_some(body);
    let answer = caller.send(method, &format!("{ACME}{path}"), body).await;
    answer.status.as_u16()
}

/// Mia keeps North, where Ada is; Grace is in South, and Edsger in no group.
async fn north_and_south() -> (Acme, Caller) {
    let acme = Acme::new(KEEPER).await;
    for (name, user) in [("North", "ada"), ("South", "grace")] {
        let group = acme.group(name, |_| {}).await;
        let user = acme.user(user).await;
        acme.join(group, user).await.expect("a member");
        if name == "North" {
            let mia = acme.user("mia").await;
            acme.join(group, mia).await.expect("a member");
            acme.group_role(group, mia, "keeper").await;
        }
    }
    acme.user("edsger").await;
    let mia = acme.person("mia").await;
    (acme, mia)
}

#[tokio::test]
async fn whoever_keeps_a_group_fetches_nobody_into_it_who_is_out_of_their_reach() {
    let (acme, mia) = north_and_south().await;
    let add = async |whom: Value| mia.post(&format!("{ACME}/groups/North/members"), whom).await;
    let missing = add(json!({ "users": ["nobody"] })).await.expect(404);
    for stranger in ["grace", "edsger"] {
        let refused = add(json!({ "users": ["ada", stranger] })).await.expect(404);
        let told = refused["detail"].as_str().expect("words").replace(stranger, "nobody");
        assert_eq!(told, missing["detail"], "nobody learns who is there");
        assert_eq!(
            ask(&mia, Method::DELETE, &format!("/users/{stranger}"), Value::Null).await,
            403
        );
    }
    add(json!({ "groups": ["South"] })).await.expect(404);
    assert_eq!(acme.get("/groups/North").await.expect(200)["members"], 2);
    // Who is in reach is added, and so is whoever is made there.
    add(json!({ "users": ["ada"] })).await.expect(200);
    let new = json!({ "user_name": "new", "groups": ["North"] });
    assert_eq!(ask(&mia, Method::POST, "/users", new).await, 201);
    let into = json!({ "user_name": "newer", "groups": ["North"], "home_group": "North" });
    assert_eq!(ask(&mia, Method::POST, "/users", into).await, 201);
    assert_eq!(acme.get("/groups/North").await.expect(200)["members"], 4);
    // Somebody who sees everybody adds anybody.
    acme.post("/users/mia/permissions", json!({ "permission": "user.view" }))
        .await
        .expect(200);
    add(json!({ "users": ["grace", "edsger"] })).await.expect(200);
    acme.verify().await;
}

#[tokio::test]
async fn a_new_group_is_filled_with_people_in_reach_by_those_who_may_fill_it() {
    let (acme, mia) = north_and_south().await;
    let make = async |name: &str, users: Value| {
        let body = json!({ "display_name": name, "users": users });
        ask(&mia, Method::POST, "/groups", body).await
    };
    for (permission, status) in [("group.create", 403), ("group.members", 201)] {
        acme.post("/users/mia/permissions", json!({ "permission": permission }))
            .await
            .expect(200);
        assert_eq!(make("Filled", json!(["ada"])).await, status, "{permission}");
    }
    acme.verify().await;
}
