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
    acme.put(
        "/permissions/call.view",
        json!({ "key": "call.view", "implies": ["user.delete"] }),
    )
    .await
    .expect(200);
    acme.verify().await;
}

#[tokio::test]
async fn nobody_shows_others_more_than_what_they_see_or_manage_and_themselves_nothing() {
    let acme = Acme::new("[organisation.groups]\ndepth = 3").await;
    acme.role(
        json!({ "key": "keeper", "name": "Keeper", "permissions": ["access.manage@subtree", "user.view@subtree"] }),
    )
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
    acme.put("/users/mia/access/audio", everything.clone())
        .await
        .expect(200);
    assert_eq!(show("ada", everything.clone()).await, 200);
    assert_eq!(show("mia", everything).await, 403);
    acme.verify().await;
}

/// A telephone system with people who administer its people, its money, or nothing.
async fn telephone_system() -> Acme {
    let acme = Acme::new("profile = \"lynes\"").await;
    acme.role(json!({ "key": "people", "name": "People", "permissions": ["area.users-and-teams"] }))
        .await;
    for (name, roles) in [("kim", &["people"][..]), ("fin", &["finance"]), ("ada", &[])] {
        let name = format!("{name}@acme.example");
        acme.user(&name).await;
        for role in roles {
            acme.assign(&name, role).await.expect(200);
        }
    }
    acme
}

#[tokio::test]
async fn a_weaker_person_does_not_come_by_the_account_of_a_stronger_one() {
    let acme = telephone_system().await;
    let kim = acme.person("kim@acme.example").await;
    let password = json!({ "password": "Long enough 1!" });
    let elsewhere = json!({ "attributes": { "emails": [{ "value": "kim@acme.example" }] } });
    let attempts = async |name: &str| {
        let of = |path: &str| format!("/users/{name}{path}");
        let mut told = Vec::new();
        for (method, path, body) in [
            (Method::POST, of("/password"), password.clone()),
            (Method::POST, of("/reset-link"), Value::Null),
            (Method::DELETE, of("/second-factor"), Value::Null),
            (Method::PATCH, of(""), elsewhere.clone()),
            (
                Method::PATCH,
                of(""),
                json!({ "login_ids": [{ "kind": "mobile", "value": "+31612345678" }] }),
            ),
            (Method::PATCH, of(""), json!({ "user_name": format!("new-{name}") })),
        ] {
            told.push(ask(&kim, method, &path, body).await);
        }
        told
    };
    assert_eq!(attempts("fin@acme.example").await, [403; 6]);
    let told = attempts("ada@acme.example").await;
    assert!(told.iter().all(|status| *status != 403), "{told:?}");
    assert_eq!((told[0], told[1], told[5]), (200, 201, 200));
    // What opens nothing stays theirs to do.
    let title = json!({ "attributes": { "title": "Treasurer" } });
    let fin = "/users/fin@acme.example";
    assert_eq!(ask(&kim, Method::PATCH, fin, title).await, 200);
    assert_eq!(
        ask(&kim, Method::POST, &format!("{fin}/unlock"), Value::Null).await,
        200
    );
    // Whoever has as much power is no weaker.
    acme.assign("kim@acme.example", "finance").await.expect(200);
    let path = format!("{fin}/password");
    assert_eq!(ask(&kim, Method::POST, &path, password).await, 200);
    acme.verify().await;
}

#[tokio::test]
async fn a_link_into_a_stronger_account_is_shown_to_nobody_weaker_and_mailed_all_the_same() {
    let acme = telephone_system().await;
    let body = json!({ "user_name": "boss@acme.example", "invite": false, "roles": ["finance"] });
    acme.post("/users", body).await.expect(201);
    let kim = acme.person("kim@acme.example").await;
    let invite = async |channel: &str| {
        let body = json!({ "channel": channel });
        ask(&kim, Method::POST, "/users/boss@acme.example/invite", body).await
    };
    assert_eq!(invite("link").await, 403);
    assert_eq!(invite("email").await, 201);
    let listed = acme.get("/invitations").await.expect(200);
    let id = listed["items"][0]["id"].as_str().expect("an id");
    let body = Some(json!({ "channel": "link" }));
    let path = format!("{ACME}/invitations/{id}/resend");
    kim.send(Method::POST, &path, body).await.expect(403);
    acme.verify().await;
}

#[tokio::test]
async fn the_power_that_is_compared_is_that_in_the_groups_of_both() {
    let acme = Acme::new("").await;
    for (key, permissions) in [
        (
            "helper",
            json!(["user.view@group", "user.password@group", "report.view@group"]),
        ),
        ("reader", json!(["report.view@group", "call.make@self"])),
    ] {
        acme.role(json!({ "key": key, "name": key, "scope": "group", "permissions": permissions }))
            .await;
    }
    let (north, south) = (acme.group("North", |_| {}).await, acme.group("South", |_| {}).await);
    let (mia, ada) = (acme.user("mia").await, acme.user("ada").await);
    for user in [mia, ada] {
        acme.join(north, user).await.expect("a member");
    }
    acme.join(south, ada).await.expect("a member");
    acme.group_role(north, mia, "helper").await;
    acme.group_role(north, ada, "reader").await;
    let mia = acme.person("mia").await;
    let set = async || {
        ask(
            &mia,
            Method::POST,
            "/users/ada/password",
            json!({ "password": "long enough 1!" }),
        )
        .await
    };
    assert_eq!(set().await, 200, "what counts for oneself alone is no power");
    acme.group_role(south, ada, "reader").await;
    assert_eq!(set().await, 403, "of South the helper sees no report");
}

#[tokio::test]
async fn nobody_makes_somebody_stronger_whose_account_they_can_open() {
    let acme = telephone_system().await;
    acme.post("/groups", json!({ "display_name": "Everybody", "is_default": true }))
        .await
        .expect(201);
    let kim = acme.person("kim@acme.example").await;
    let mut made = 0;
    let mut make = async |more: Value| {
        made += 1;
        let mut body = json!({ "user_name": format!("new{made}@acme.example") });
        let members = body.as_object_mut().expect("an object");
        members.extend(more.as_object().expect("an object").clone());
        let answer = kim.send(Method::POST, &format!("{ACME}/users"), Some(body)).await;
        (answer.status.as_u16(), answer.body)
    };
    let password = json!({ "password": "Long enough 1!" });
    let link = json!({ "invite": true, "channel": "link" });
    let mail = json!({ "invite": true, "channel": "email" });
    for how in [&password, &link, &mail] {
        let (made, told) = make(how.clone()).await;
        assert_eq!(made, 201, "{how}: {told:#}");
    }
    // The group gives newcomers what Kim has not: what is not Kim's to give does not come with a person of Kim's making either.
    acme.put("/roles/finance/given-by/Everybody", json!({}))
        .await
        .expect(200);
    for how in [&password, &link, &mail, &json!({ "invite": false })] {
        let (made, told) = make(how.clone()).await;
        assert_eq!(made, 403, "{how}: {told:#}");
    }
    acme.assign("kim@acme.example", "finance").await.expect(200);
    let (made, told) = make(password).await;
    assert_eq!(made, 201, "{told:#}");
    acme.verify().await;
}

#[tokio::test]
async fn a_file_takes_no_account_over() {
    let acme = telephone_system().await;
    let kim = acme.person("kim@acme.example").await;
    let content = "user_name,email\nfin@acme.example,kim@acme.example\nada@acme.example,ada2@acme.example\n";
    let path = format!("{ACME}/imports");
    let (status, planned) = kim
        .bytes(
            Method::POST,
            &format!("{path}?mode=create_and_update"),
            content.as_bytes().to_vec(),
        )
        .await;
    let planned: Value = serde_json::from_slice(&planned).expect("JSON");
    assert_eq!(status, 201, "{planned:#}");
    assert_eq!(
        planned["planned"],
        json!({ "create": 0, "update": 1, "nothing": 0, "refused": 1 })
    );
    let path = format!("{path}/{}", planned["id"].as_str().expect("an id"));
    let rows = kim.get(&format!("{path}/rows")).await.expect(200);
    let reason = rows["items"][0]["reason"].as_str().unwrap_or_default();
    assert!(reason.contains("what you may not"), "{rows:#}");
    // What was weaker when it was planned may be stronger when it is done.
    acme.assign("ada@acme.example", "finance").await.expect(200);
    let done = kim
        .post(&format!("{path}/confirm"), json!({ "confirm": planned["confirm"] }))
        .await
        .expect(200);
    assert_eq!(done["results"]["change"], 0, "{done:#}");
    let shown = acme.get("/users/ada@acme.example").await.expect(200);
    assert!(!shown.to_string().contains("ada2@"), "{shown:#}");
    acme.verify().await;
}
