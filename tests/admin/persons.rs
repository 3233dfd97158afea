//! Persons as actors: what the table demands, judged by their own rights, and nobody gives more than what they have.

use axum::http::Method;
use serde_json::{Value, json};

use crate::kit::access::{ACME, Acme};
use crate::kit::gateway::Caller;

const ROLES: &str = r#"
[organisation.groups]
depth = 3
[[roles]]
key = "admin"
name = "Administrator"
administers = true
[[roles]]
key = "operator"
name = "Operator"
scope = "group"
permissions = ["user.view@group", "group.view@group", "meeting.plan@group"]
[[roles]]
key = "manager"
name = "Manager"
scope = "group"
includes = ["operator"]
permissions = ["user.invite@group", "user.suspend@group"]
[[roles]]
key = "head"
name = "Head of a subtree"
permissions = ["user.view@subtree", "group.view@subtree", "user.suspend@subtree", "role.assign@subtree", "call.make@self"]
[[roles]]
key = "caller"
name = "Caller"
permissions = ["call.make@self"]
[[roles]]
key = "seller"
name = "Seller"
permissions = ["sale.make@organisation"]
[[roles]]
key = "scorer"
name = "Scorer"
assignable = "api"
[[roles]]
key = "keeper"
name = "Keeper of roles"
permissions = ["role.manage", "role.view", "role.assign", "permission.grant", "call.make@self"]
"#;

async fn ask(caller: &Caller, method: Method, path: &str) -> u16 {
    caller
        .send(method, &format!("{ACME}{path}"), None)
        .await
        .status
        .as_u16()
}

fn names(answer: &Value, name: &str) -> Vec<String> {
    let items = answer["items"].as_array().expect("items");
    items
        .iter()
        .map(|item| item[name].as_str().expect("a name").to_owned())
        .collect()
}

#[tokio::test]
async fn a_group_manager_invites_in_the_own_group_and_is_refused_in_another() {
    let acme = Acme::new(ROLES).await;
    let (north, south) = (acme.group("North", |_| {}).await, acme.group("South", |_| {}).await);
    let (mia, ada, grace) = (acme.user("mia").await, acme.user("ada").await, acme.user("grace").await);
    acme.join(north, mia).await.expect("a member");
    acme.join(north, ada).await.expect("a member");
    acme.join(south, grace).await.expect("a member");
    acme.group_role(north, mia, "manager").await;
    let mia = acme.person("mia").await;
    assert_eq!(ask(&mia, Method::GET, "/users/ada").await, 200);
    assert_eq!(ask(&mia, Method::POST, "/users/ada/suspend").await, 200);
    assert_eq!(ask(&mia, Method::POST, "/users/ada/reactivate").await, 200);
    assert_eq!(ask(&mia, Method::GET, "/users/grace").await, 403);
    assert_eq!(ask(&mia, Method::POST, "/users/grace/suspend").await, 403);
    assert_eq!(
        ask(&mia, Method::POST, "/users/nobody/suspend").await,
        403,
        "nobody learns who is there"
    );
    assert_eq!(ask(&mia, Method::DELETE, "/users/ada").await, 403);
    assert_eq!(ask(&mia, Method::GET, "/groups/South").await, 403);
    let groups = mia.get(&format!("{ACME}/groups")).await.expect(200);
    assert_eq!(names(&groups, "display_name"), ["North"]);
    let people = mia.get(&format!("{ACME}/users")).await.expect(200);
    assert_eq!(names(&people, "user_name"), ["mia", "ada"]);
    let found = mia.get(&format!("{ACME}/users?user_name=grace")).await.expect(200);
    assert_eq!(names(&found, "user_name"), [""; 0]);
}

#[tokio::test]
async fn a_route_that_is_not_in_the_table_is_closed_to_persons() {
    let acme = Acme::new(ROLES).await;
    acme.user("ada").await;
    acme.assign("ada", "admin").await.expect(200);
    let ada = acme.person("ada").await;
    assert_eq!(ask(&ada, Method::GET, "/users").await, 200);
    assert_eq!(ask(&ada, Method::GET, "/verify").await, 403);
    assert_eq!(ask(&ada, Method::GET, "/tokens").await, 403);
    ada.apply("acme", "[organisation]\nslug = \"acme\"\n").await.expect(403);
    ada.get("/api/v1/verify").await.expect(403);
    ada.get("/scim/acme/v2/Users").await.expect(403);
    acme.root.organisation("other").await;
    ada.get("/api/v1/organisations/other/users").await.expect(404);
    let other = ada.get("/api/v1/organisations").await.expect(200);
    assert!(!other.to_string().contains("other"), "{other}");
}

#[tokio::test]
async fn a_person_without_a_right_sees_nothing_and_one_who_is_suspended_neither() {
    let acme = Acme::new(ROLES).await;
    let ada = acme.user("ada").await;
    let person = acme.person("ada").await;
    for path in ["", "/users", "/users/ada", "/groups", "/roles", "/licences", "/events"] {
        assert_eq!(ask(&person, Method::GET, path).await, 403, "{path}");
    }
    acme.user("grace").await;
    for name in ["ada", "grace"] {
        acme.assign(name, "admin").await.expect(200);
    }
    assert_eq!(ask(&person, Method::GET, "/users").await, 200);
    acme.post("/users/ada/suspend", json!({})).await.expect(200);
    assert_eq!(ask(&person, Method::GET, "/users").await, 403);
    acme.client()
        .delete(&format!("/scim/acme/v2/Users/{ada}"))
        .await
        .expect(204);
    assert_eq!(ask(&person, Method::GET, "/users").await, 401);
    acme.verify().await;
}

#[tokio::test]
async fn an_administrator_of_a_subtree_sees_and_touches_nothing_above_or_beside_it() {
    let acme = Acme::new(ROLES).await;
    let top = acme.group("Top", |_| {}).await;
    let region = acme.group("Region", move |group| group.parent = Some(top)).await;
    let branch = acme.group("Branch", move |group| group.parent = Some(region)).await;
    let beside = acme.group("Beside", move |group| group.parent = Some(top)).await;
    for (name, group) in [("mia", region), ("chief", top), ("clerk", branch), ("other", beside)] {
        let user = acme.user(name).await;
        acme.join(group, user).await.expect("a member");
    }
    acme.assign("mia", "head").await.expect(200);
    let mia = acme.person("mia").await;
    let groups = mia.get(&format!("{ACME}/groups")).await.expect(200);
    assert_eq!(names(&groups, "display_name"), ["Region", "Branch"]);
    let people = mia.get(&format!("{ACME}/users?limit=1")).await.expect(200);
    assert_eq!(names(&people, "user_name"), ["mia"]);
    let next = people["next"].as_str().expect("more");
    let people = mia.get(&format!("{ACME}/users?after={next}")).await.expect(200);
    assert_eq!(names(&people, "user_name"), ["clerk"]);
    for (name, status) in [("clerk", 200), ("chief", 403), ("other", 403)] {
        assert_eq!(
            ask(&mia, Method::POST, &format!("/users/{name}/suspend")).await,
            status,
            "{name}"
        );
    }
    // Whoever administers the organisation is out of reach even below.
    acme.post("/users/clerk/reactivate", json!({})).await.expect(200);
    acme.assign("clerk", "admin").await.expect(200);
    assert_eq!(ask(&mia, Method::POST, "/users/clerk/suspend").await, 403);
}

#[tokio::test]
async fn who_changes_people_of_one_subtree_moves_nobody_out_of_it() {
    let acme = Acme::new(ROLES).await;
    let region = acme.group("Region", |_| {}).await;
    let branch = acme.group("Branch", move |group| group.parent = Some(region)).await;
    let beside = acme.group("Beside", |_| {}).await;
    acme.role(json!({ "key": "mover", "name": "Mover", "permissions": ["user.update@subtree", "user.view@subtree"] }))
        .await;
    let mia = acme.user("mia").await;
    acme.join(region, mia).await.expect("a member");
    acme.assign("mia", "mover").await.expect(200);
    acme.post("/users", json!({ "user_name": "ada", "home_group": "Region" }))
        .await
        .expect(201);
    let mia = acme.person("mia").await;
    let to = async |group: &str| {
        let path = format!("{ACME}/users/ada/move");
        mia.post(&path, json!({ "to": group })).await.status.as_u16()
    };
    assert_eq!(to("Beside").await, 403);
    assert_eq!(acme.get("/users/ada").await.expect(200)["home_group"], json!(region));
    assert_eq!(to("Branch").await, 200);
    assert_eq!(acme.get("/users/ada").await.expect(200)["home_group"], json!(branch));
    acme.post("/users/ada/move", json!({ "to": beside })).await.expect(200);
    assert_eq!(to("Region").await, 403, "who is out of reach is not fetched back");
}

#[tokio::test]
async fn a_global_role_over_a_subtree_means_the_home_group_where_there_is_one() {
    let acme = Acme::new(ROLES).await;
    let everyone = acme.group("Everyone", |_| {}).await;
    let region = acme.group("Region", move |group| group.parent = Some(everyone)).await;
    let beside = acme.group("Beside", move |group| group.parent = Some(everyone)).await;
    for (name, group) in [("ada", region), ("grace", beside)] {
        let user = acme.user(name).await;
        acme.join(group, user).await.expect("a member");
    }
    let body = json!({ "user_name": "mia", "home_group": "Region", "groups": ["Everyone"], "roles": ["head"] });
    acme.post("/users", body).await.expect(201);
    let mia = acme.person("mia").await;
    let groups = mia.get(&format!("{ACME}/groups")).await.expect(200);
    assert_eq!(
        names(&groups, "display_name"),
        ["Region"],
        "not all that lies below every group"
    );
    assert_eq!(ask(&mia, Method::GET, "/users/ada").await, 200);
    assert_eq!(ask(&mia, Method::GET, "/users/grace").await, 403);
    acme.post("/groups/Region/disable", json!({})).await.expect(200);
    assert_eq!(
        ask(&mia, Method::GET, "/users/ada").await,
        403,
        "the rights of a disabled group sleep"
    );
}

#[tokio::test]
async fn nobody_gives_what_they_do_not_have() {
    let acme = Acme::new(ROLES).await;
    for name in ["kim", "ada"] {
        acme.user(name).await;
    }
    acme.assign("kim", "keeper").await.expect(200);
    let kim = acme.person("kim").await;
    for (role, status) in [
        ("caller", 200),
        ("seller", 403),
        ("admin", 403),
        ("head", 403),
        ("scorer", 403),
    ] {
        let path = format!("/users/ada/roles/{role}");
        assert_eq!(ask(&kim, Method::PUT, &path).await, status, "{role}");
    }
    acme.assign("ada", "scorer").await.expect(200);
    let grant = async |permission: &str| {
        let body = json!({ "permission": permission });
        kim.post(&format!("{ACME}/users/ada/permissions"), body)
            .await
            .status
            .as_u16()
    };
    assert_eq!(grant("call.make@self").await, 200);
    assert_eq!(grant("call.make@organisation").await, 403);
    assert_eq!(grant("sale.make@self").await, 403);
    let make = async |role: Value| kim.post(&format!("{ACME}/roles"), role).await.status.as_u16();
    assert_eq!(
        make(json!({ "key": "mine", "name": "Mine", "permissions": ["call.make@self"] })).await,
        201
    );
    assert_eq!(
        make(json!({ "key": "more", "name": "More", "permissions": ["sale.make"] })).await,
        403
    );
    assert_eq!(
        make(json!({ "key": "more", "name": "More", "includes": ["seller"] })).await,
        403
    );
    assert_eq!(
        make(json!({ "key": "more", "name": "More", "administers": true })).await,
        403
    );
    // A role that reaches further than the own is not made smaller either, and a group that gives one is not joined.
    let smaller = json!({ "key": "seller", "name": "Seller" });
    let path = format!("{ACME}/roles/seller");
    kim.send(Method::PUT, &path, Some(smaller)).await.expect(403);
    acme.verify().await;
}

#[tokio::test]
async fn what_a_person_did_names_the_person_in_the_feed() {
    let acme = Acme::new(ROLES).await;
    let ada = acme.user("ada").await;
    acme.user("grace").await;
    acme.assign("ada", "admin").await.expect(200);
    let person = acme.person("ada").await;
    assert_eq!(ask(&person, Method::POST, "/users/grace/suspend").await, 200);
    let events = acme.get("/events?limit=1000").await.expect(200);
    let last = events["items"]
        .as_array()
        .and_then(|items| items.last())
        .expect("an event");
    assert_eq!(last["kind"], "user.suspended");
    assert_eq!(last["actor"]["user"], json!(ada));
}

#[tokio::test]
async fn nobody_takes_what_a_group_gives_without_having_it_nor_puts_a_group_elsewhere() {
    let acme = Acme::new(ROLES).await;
    let region = acme.group("Region", |_| {}).await;
    let north = acme.group("North", move |group| group.parent = Some(region)).await;
    let south = acme.group("South", |_| {}).await;
    acme.role(json!({
        "key": "keeper-of-groups",
        "name": "Keeper of groups",
        "permissions": ["group.update@subtree", "group.delete@subtree", "group.members@subtree"],
    }))
    .await;
    let (mia, ada) = (acme.user("mia").await, acme.user("ada").await);
    acme.join(region, mia).await.expect("a member");
    acme.join(north, ada).await.expect("a member");
    acme.assign("mia", "keeper-of-groups").await.expect(200);
    let gives = json!({ "roles": ["seller"] });
    acme.post("/groups/North/gives", json!({ "add": gives }))
        .await
        .expect(200);
    let mia = acme.person("mia").await;
    assert_eq!(ask(&mia, Method::DELETE, "/groups/North/members/ada").await, 403);
    assert_eq!(ask(&mia, Method::DELETE, "/groups/North").await, 403);
    acme.post("/groups/North/gives", json!({ "remove": gives }))
        .await
        .expect(200);
    let patch = async |group: &str, changes: Value| {
        let path = format!("{ACME}/groups/{group}");
        mia.send(Method::PATCH, &path, Some(changes)).await.status.as_u16()
    };
    assert_eq!(patch("North", json!({ "parent": south })).await, 403);
    assert_eq!(patch("North", json!({ "is_default": true })).await, 403);
    assert_eq!(
        patch("Region", json!({ "enabled": false })).await,
        403,
        "the top of one's own"
    );
    assert_eq!(ask(&mia, Method::POST, "/groups/South/disable").await, 403);
    assert_eq!(patch("South", json!({ "display_name": "Sud" })).await, 403);
    assert_eq!(patch("North", json!({ "display_name": "Nord" })).await, 200);
    assert_eq!(ask(&mia, Method::DELETE, "/groups/Nord/members/ada").await, 200);
    assert_eq!(ask(&mia, Method::DELETE, "/groups/Nord").await, 204);
}
