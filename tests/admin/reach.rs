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

/// Mia runs Region with Branch below it; Top is above, South beside.
async fn regions() -> (Acme, Caller) {
    let acme = Acme::new(
        r#"
[organisation.groups]
depth = 3
[[roles]]
key = "runner"
name = "Runs a part of the tree"
permissions = [
    "group.view@subtree", "group.create@subtree", "group.update@subtree", "group.delete@subtree",
    "group.members@subtree", "user.view@subtree", "user.invite@subtree", "user.create@subtree",
]
"#,
    )
    .await;
    let top = acme.group("Top", |_| {}).await;
    let region = acme.group("Region", move |group| group.parent = Some(top)).await;
    acme.group("Branch", move |group| group.parent = Some(region)).await;
    acme.group("South", move |group| group.parent = Some(top)).await;
    let mia = acme.user("mia").await;
    acme.join(region, mia).await.expect("a member");
    acme.assign("mia", "runner").await.expect(200);
    for (name, group) in [("ada", "Branch"), ("grace", "South")] {
        let body = json!({ "user_name": name, "groups": [group] });
        acme.post("/users", body).await.expect(201);
    }
    let mia = acme.person("mia").await;
    (acme, mia)
}

#[tokio::test]
async fn whoever_runs_a_part_of_the_tree_makes_disables_and_deletes_groups_below_it() {
    let (acme, mia) = regions().await;
    let make = async |name: &str, parent: Value| {
        let body = json!({ "display_name": name, "parent": parent });
        ask(&mia, Method::POST, "/groups", body).await
    };
    for (parent, status) in [
        (json!("Region"), 201),
        (json!("Branch"), 400),
        (json!("Top"), 403),
        (json!("South"), 403),
        (Value::Null, 403),
    ] {
        let name = format!("below {}", parent.as_str().unwrap_or("none"));
        assert_eq!(make(&name, parent).await, status, "{name}");
    }
    let default = json!({ "display_name": "For all", "parent": "Region", "is_default": true });
    assert_eq!(ask(&mia, Method::POST, "/groups", default).await, 403);
    for (group, status) in [("Branch", 200), ("Region", 403), ("South", 403), ("Top", 403)] {
        let path = format!("/groups/{group}/disable");
        assert_eq!(ask(&mia, Method::POST, &path, Value::Null).await, status, "{path}");
    }
    assert_eq!(ask(&mia, Method::POST, "/groups/Branch/enable", Value::Null).await, 200);
    assert_eq!(
        ask(&mia, Method::DELETE, "/groups/below%20Region", Value::Null).await,
        204
    );
    acme.verify().await;
}

#[tokio::test]
async fn a_group_is_moved_by_whoever_runs_the_place_that_it_leaves_and_the_one_that_it_comes_to() {
    let (acme, mia) = regions().await;
    let put = async |group: &str, parent: Value| {
        let path = format!("/groups/{group}");
        ask(&mia, Method::PATCH, &path, json!({ "parent": parent })).await
    };
    for parent in [json!("South"), json!("Top"), Value::Null] {
        assert_eq!(put("Branch", parent.clone()).await, 403, "{parent}");
    }
    let top = acme.get("/groups/Top").await.expect(200)["id"].clone();
    acme.post("/groups/Top/members", json!({ "users": ["mia"] }))
        .await
        .expect(200);
    for parent in [json!("South"), top] {
        assert_eq!(put("Branch", parent.clone()).await, 200, "{parent}");
        let shown = acme.get("/groups/Branch").await.expect(200);
        assert_ne!(shown["parent"], Value::Null, "{shown:#}");
    }
    // Top itself has the organisation around it, which Mia does not run.
    assert_eq!(put("Branch", Value::Null).await, 403);
    acme.verify().await;
}

#[tokio::test]
async fn a_file_brings_new_people_into_the_groups_that_whoever_sends_it_runs() {
    let (acme, mia) = regions().await;
    let content = "user_name,groups,home_group\nnew,Branch,\nhomely,,Branch\nbeside,South,\nnowhere,,\n";
    let path = format!("{ACME}/imports");
    let (status, planned) = mia.bytes(Method::POST, &path, content.as_bytes().to_vec()).await;
    let planned: Value = serde_json::from_slice(&planned).expect("JSON");
    assert_eq!(status, 201, "{planned:#}");
    assert_eq!(
        planned["planned"],
        json!({ "create": 2, "update": 0, "nothing": 0, "refused": 2 })
    );
    let path = format!("{path}/{}/confirm", planned["id"].as_str().expect("an id"));
    let done = mia
        .post(&path, json!({ "confirm": planned["confirm"] }))
        .await
        .expect(200);
    assert_eq!(done["results"]["change"], 2, "{done:#}");
    assert_eq!(acme.get("/groups/Branch").await.expect(200)["members"], 3);
    for (name, status) in [("new", 200), ("homely", 200), ("beside", 404), ("nowhere", 404)] {
        acme.get(&format!("/users/{name}")).await.expect(status);
    }
    acme.verify().await;
}

#[tokio::test]
async fn the_tree_shows_whoever_runs_a_part_of_it_that_part() {
    let (_acme, mia) = regions().await;
    let tree = async |query: &str| mia.get(&format!("{ACME}/groups/tree{query}")).await;
    let shown = tree("").await.expect(200);
    let items = shown["items"].as_array().expect("items");
    assert_eq!(items.len(), 1, "{shown:#}");
    assert_eq!(
        (&items[0]["display_name"], &items[0]["children"][0]["display_name"]),
        (&json!("Region"), &json!("Branch"))
    );
    let below = tree("?below=Branch").await.expect(200);
    assert_eq!(below["items"][0]["display_name"], "Branch");
    for group in ["Top", "South", "Nothing"] {
        tree(&format!("?below={group}")).await.expect(404);
    }
}

#[tokio::test]
async fn whoever_runs_a_part_of_the_tree_sends_and_sees_the_invitations_of_its_people() {
    let (acme, mia) = regions().await;
    let send = async |body: Value| {
        let sent = mia.post(&format!("{ACME}/invitations/send"), body).await.expect(200);
        let items = sent["items"].as_array().expect("items").iter();
        items
            .map(|item| (item["user_name"].clone(), item["refused"].is_string()))
            .collect::<Vec<_>>()
    };
    let all = json!({ "all_prepared": true, "channel": "link" });
    assert_eq!(send(all).await, [(json!("ada"), false)]);
    let named = json!({ "users": ["ada", "grace", "nobody"], "channel": "link" });
    assert_eq!(
        send(named).await,
        [(json!("ada"), false), (Value::Null, true), (Value::Null, true)]
    );
    acme.post("/users/grace/invite", json!({})).await.expect(201);
    let listed = mia.get(&format!("{ACME}/invitations?state=sent")).await.expect(200);
    let items = listed["items"].as_array().expect("items");
    assert_eq!(items.len(), 1, "{listed:#}");
    assert_eq!(items[0]["user_name"], "ada");
    let all = acme.get("/invitations?state=sent").await.expect(200);
    for invitation in all["items"].as_array().expect("items") {
        let id = invitation["id"].as_str().expect("an id");
        let status = if invitation["user_name"] == "ada" { 200 } else { 403 };
        for (method, path) in [
            (Method::GET, format!("/invitations/{id}")),
            (Method::POST, format!("/invitations/{id}/revoke")),
        ] {
            assert_eq!(ask(&mia, method, &path, Value::Null).await, status, "{path}");
        }
    }
    acme.verify().await;
}
