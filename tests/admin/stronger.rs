//! Nobody comes to more than what they have, by what they define, show, or take over.

use axum::http::Method;
use serde_json::{Value, json};

use crate::kit::access::{ACME, Acme};
use crate::kit::gateway::Caller;

async fn ask(caller: &Caller, method: Method, path: &str, body: Value) -> u16 {
    let body = (!body.is_null()).then_some(body);
    let answer = caller.send(method, &format!("{ACME}{path}"), body).await;
    answer.status.as_u16()
}

const CATALOGUE: &str = r#"
[[permissions]]
key = "call.make"
[[permissions]]
key = "call.view"
[[permissions]]
key = "sale.make"
requires_feature = "sales"
[[roles]]
key = "keeper"
name = "Keeper of roles"
permissions = ["role.manage", "role.view", "call.make", "call.view", "sale.make"]
"#;

#[tokio::test]
async fn whoever_keeps_the_catalogue_brings_nothing_along_that_they_do_not_have() {
    let acme = Acme::new(CATALOGUE).await;
    acme.user("kim").await;
    acme.assign("kim", "keeper").await.expect(200);
    let kim = acme.person("kim").await;
    let put = async |definition: Value| {
        let path = format!("/permissions/{}", definition["key"].as_str().expect("a key"));
        ask(&kim, Method::PUT, &path, definition).await
    };
    let implied = json!({ "key": "call.make", "implies": ["user.delete"] });
    assert_eq!(put(implied).await, 403, "what is implied is lacking");
    let contained = json!({ "key": "user.delete", "parent": "call.make" });
    assert_eq!(put(contained).await, 403, "what is contained is lacking");
    let free = json!({ "key": "sale.make" });
    assert_eq!(put(free).await, 403, "it sleeps, and would wake");
    assert_eq!(
        ask(&kim, Method::DELETE, "/permissions/sale.make", Value::Null).await,
        403,
        "it would wake as well"
    );
    let owned = json!({ "key": "sale.cancel", "parent": "call.make" });
    assert_eq!(put(owned).await, 403, "everybody who calls would have it");
    assert_eq!(put(json!({ "key": "sale.cancel" })).await, 200, "nobody has it");
    let more = json!({ "key": "call.hold", "implies": ["sale.make"] });
    assert_eq!(put(more).await, 403, "what a new one brings");
    assert_eq!(ask(&kim, Method::GET, "/permissions", Value::Null).await, 200);
    let may = acme.get("/users/kim/eligibility?action=user.delete").await.expect(200);
    assert_ne!(may["reasons"], json!([]), "{may:#}");
    // What the keeper has altogether is theirs to define.
    let own = json!({ "key": "call.make", "implies": ["call.view"] });
    assert_eq!(put(own).await, 200);
    acme.put("/permissions/call.view", json!({ "key": "call.view", "implies": ["user.delete"] }))
        .await
        .expect(200);
    acme.verify().await;
}

#[tokio::test]
async fn nobody_shows_others_more_than_what_they_see_or_manage_and_themselves_nothing() {
    let acme = Acme::new("[organisation.groups]\ndepth = 3").await;
    acme.role(json!({ "key": "keeper", "name": "Keeper", "permissions": ["access.manage@subtree", "user.view@subtree"] }))
        .await;
    let region = acme.group("Region", |_| {}).await;
    let branch = acme.group("Branch", move |group| group.parent = Some(region)).await;
    let south = acme.group("South", |_| {}).await;
    for (name, group) in [("mia", region), ("ada", branch), ("both", branch)] {
        let user = acme.user(name).await;
        acme.join(group, user).await.expect("a member");
        if name == "both" {
            acme.join(south, user).await.expect("a member");
        }
    }
    acme.assign("mia", "keeper").await.expect(200);
    let mia = acme.person("mia").await;
    let show = async |user: &str, list: Value| {
        let path = format!("/users/{user}/access/audio");
        ask(&mia, Method::PUT, &path, list).await
    };
    let everything = json!({ "mode": "all" });
    let list = |groups: Value| json!({ "mode": "list", "groups": groups });
    assert_eq!(show("mia", list(json!(["Branch"]))).await, 403, "not oneself");
    assert_eq!(show("ada", everything.clone()).await, 403);
    assert_eq!(show("ada", list(json!(["Branch", "South"]))).await, 403);
    assert_eq!(show("both", json!({ "mode": "own" })).await, 403, "South is among them");
    for shown in [
        list(json!(["Region", "Branch"])),
        json!({ "mode": "own" }),
        json!({ "mode": "assigned" }),
        json!({ "mode": "none" }),
    ] {
        assert_eq!(show("ada", shown.clone()).await, 200, "{shown}");
    }
    // What one sees oneself is shown on.
    acme.put("/users/mia/access/audio", list(json!(["South"])))
        .await
        .expect(200);
    assert_eq!(show("ada", list(json!(["South"]))).await, 200);
    assert_eq!(show("ada", everything.clone()).await, 403);
    acme.put("/users/mia/access/audio", everything.clone()).await.expect(200);
    assert_eq!(show("ada", everything.clone()).await, 200);
    assert_eq!(show("mia", everything).await, 403);
    acme.verify().await;
}
