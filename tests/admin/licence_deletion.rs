//! Licences are deleted by what it means for those who have them (S003-1, S003-8).

use axum::http::Method;
use serde_json::{Value, json};

use super::verify::verify_ok;
use crate::kit::access::{ACME, Acme};

const FILE: &str = r#"
[[licences]]
key = "basic"
name = "Basic"
limit = 1
[[licences]]
key = "pro"
name = "Pro"
limit = 2
when_full = "wait"
[[roles]]
key = "finance"
name = "Finance"
permissions = ["licence.view@organisation", "licence.manage@organisation"]
[[roles]]
key = "clerk"
name = "Clerk"
permissions = ["licence.view@organisation"]
"#;

/// Ada and Grace hold a seat, Alan waits for one; two groups give the licence, one of them to Edsger, who waits as well.
async fn held() -> Acme {
    let acme = Acme::new(FILE).await;
    for name in ["ada", "grace", "alan", "edsger"] {
        acme.user(name).await;
    }
    for name in ["ada", "grace", "alan"] {
        let given = json!({ "licence": "pro" });
        acme.post(&format!("/users/{name}/licences"), given).await.expect(200);
    }
    for (name, members) in [("North", json!(["edsger", "ada"])), ("South", json!(["ada"]))] {
        acme.post("/groups", json!({ "display_name": name })).await.expect(201);
        acme.post(&format!("/groups/{name}/members"), json!({ "users": members }))
            .await
            .expect(200);
        acme.post(
            &format!("/groups/{name}/gives"),
            json!({ "add": { "licences": ["pro"] } }),
        )
        .await
        .expect(200);
    }
    acme
}

async fn licences_of(acme: &Acme, user: &str) -> Value {
    acme.get(&format!("/users/{user}")).await.expect(200)["licences"].clone()
}

#[tokio::test]
async fn a_licence_that_people_have_goes_only_with_a_word_on_what_becomes_of_them() {
    let acme = held().await;
    let impact = acme.get("/licences/pro/impact").await.expect(200);
    assert_eq!(
        [&impact["users"], &impact["seats"], &impact["waiting"], &impact["lent"]],
        [&json!(4), &json!(2), &json!(2), &json!(0)],
        "{impact:#}"
    );
    assert_eq!(impact["first_users"].as_array().map(Vec::len), Some(4));
    let groups: Vec<&Value> = impact["groups"].as_array().expect("groups").iter().collect();
    assert_eq!(
        groups.iter().map(|group| &group["display_name"]).collect::<Vec<_>>(),
        ["North", "South"]
    );
    let code = impact["confirm"].as_str().expect("a code").to_owned();
    for asked in [
        "".to_owned(),
        format!("?confirm={code}"),
        "?holders=take".to_owned(),
        "?holders=take&confirm=x".to_owned(),
    ] {
        let refused = acme.delete(&format!("/licences/pro{asked}")).await.expect(409);
        assert_eq!(refused["impact"]["users"], 4, "{asked}: {refused:#}");
        assert!(
            refused["detail"].as_str().expect("words").contains("4 people"),
            "{refused:#}"
        );
    }
    assert_eq!(
        licences_of(&acme, "ada").await["pro"]["origins"]
            .as_array()
            .map(Vec::len),
        Some(3),
        "nothing happened"
    );
    let seen = acme.get("/licences/pro/impact?holders=take").await.expect(200);
    let code = seen["confirm"].as_str().expect("a code").to_owned();
    acme.user("late").await;
    acme.post("/users/late/licences", json!({ "licence": "pro" }))
        .await
        .expect(200);
    acme.delete(&format!("/licences/pro?holders=take&confirm={code}"))
        .await
        .expect(409);
    let seen = acme.get("/licences/pro/impact?holders=take").await.expect(200);
    let code = seen["confirm"].as_str().expect("a code").to_owned();
    let gone = acme
        .delete(&format!("/licences/pro?holders=take&confirm={code}"))
        .await
        .expect(200);
    assert_eq!(gone["users"], 5);
    acme.get("/licences/pro/impact").await.expect(404);
    for user in ["ada", "grace", "alan", "edsger", "late"] {
        assert_eq!(licences_of(&acme, user).await, json!({}), "{user}");
        let state = acme.get(&format!("/users/{user}")).await.expect(200)["state"].clone();
        assert_eq!(state, "active", "nobody waits for what is gone");
    }
    for group in ["North", "South"] {
        let given = acme.get(&format!("/groups/{group}")).await.expect(200)["gives"]["licences"].clone();
        assert_eq!(given, json!([]), "{group}");
    }
    let events = acme
        .get("/events?limit=1000&filter=kind+eq+%22licence.deleted%22")
        .await
        .expect(200);
    assert_eq!(events["items"][0]["subject"], "pro", "{events:#}");
    let log = acme
        .get("/audit?filter=changes%5Bkind+eq+%22licence%22+and+outcome+eq+%22deleted%22%5D")
        .await
        .expect(200);
    assert_eq!(log["items"].as_array().map(Vec::len), Some(1), "{log:#}");
    verify_ok(&acme.inside).await;
    let again = json!({ "name": "Pro", "limit": 1 });
    assert_eq!(acme.put("/licences/pro", again).await.expect(200)["used"], 0);
}

#[tokio::test]
async fn nobody_who_waits_is_given_a_seat_of_a_licence_that_goes() {
    let acme = held().await;
    let seen = acme.get("/licences/pro/impact?holders=take").await.expect(200);
    let code = seen["confirm"].as_str().expect("a code").to_owned();
    let before = acme.get("/events?last=true&limit=1").await.expect(200)["items"][0]["number"].clone();
    acme.delete(&format!("/licences/pro?holders=take&confirm={code}"))
        .await
        .expect(200);
    let events = acme
        .get(&format!("/events?after={before}&limit=1000"))
        .await
        .expect(200);
    let kinds: Vec<&str> = events["items"]
        .as_array()
        .expect("events")
        .iter()
        .filter_map(|event| event["kind"].as_str())
        .collect();
    assert!(
        kinds.contains(&"seat.freed") && !kinds.contains(&"seat.taken"),
        "{kinds:?}"
    );
    verify_ok(&acme.inside).await;
}

#[tokio::test]
async fn what_names_a_licence_keeps_it_and_is_told() {
    let acme = Acme::new(FILE).await;
    let role = json!({ "key": "agent", "name": "Agent", "requires_licence": "basic" });
    acme.role(role).await;
    for name in ["ada", "grace"] {
        acme.user(name).await;
    }
    let licence = json!({ "name": "Pro", "limit": 1, "when_full": { "fallback": "basic" } });
    acme.put("/licences/pro", licence).await.expect(200);
    let file =
        "[organisation]\nslug = \"acme\"\n[[connections]]\nname = \"entra\"\nkind = \"scim\"\nlicences = [\"basic\"]\n";
    acme.admin.apply("acme", file).await.expect(200);
    let refused = acme.delete("/licences/basic?holders=take").await.expect(400);
    let told = refused["detail"].as_str().expect("words");
    for place in [
        "roles.agent.requires_licence",
        "connections.entra.licences",
        "licences.pro.when_full",
    ] {
        assert!(told.contains(place), "{place}: {told}");
    }
    let impact = acme.get("/licences/basic/impact").await.expect(200);
    assert_eq!(impact["named_by"].as_array().map(Vec::len), Some(3), "{impact:#}");
    acme.delete("/licences/none").await.expect(404);
    // A seat that is lent outlives the policy that lent it.
    for name in ["ada", "grace"] {
        let given = json!({ "licence": "pro" });
        acme.post(&format!("/users/{name}/licences"), given).await.expect(200);
    }
    let file = "[organisation]\nslug = \"acme\"\n[[connections]]\nname = \"entra\"\nkind = \"scim\"\nlicences = []\n";
    acme.admin.apply("acme", file).await.expect(200);
    acme.put("/licences/pro", json!({ "name": "Pro", "limit": 1 }))
        .await
        .expect(200);
    acme.put("/roles/agent", json!({ "key": "agent", "name": "Agent" }))
        .await
        .expect(200);
    let impact = acme.get("/licences/basic/impact").await.expect(200);
    assert_eq!(
        (&impact["lent"], &impact["users"]),
        (&json!(1), &json!(0)),
        "{impact:#}"
    );
    let refused = acme.delete("/licences/basic").await.expect(400);
    assert!(
        refused["detail"].as_str().expect("words").contains("lends 1 seats"),
        "{refused:#}"
    );
    acme.delete("/users/grace/licences/pro").await.expect(200);
    acme.delete("/licences/basic").await.expect(200);
    verify_ok(&acme.inside).await;
}

#[tokio::test]
async fn licences_are_deleted_by_whoever_manages_them() {
    let acme = Acme::new(FILE).await;
    for (name, role) in [("fin", "finance"), ("cal", "clerk")] {
        acme.user(name).await;
        acme.assign(name, role).await.expect(200);
    }
    let (finance, clerk) = (acme.person("fin").await, acme.person("cal").await);
    let path = format!("{ACME}/licences/basic");
    assert_eq!(clerk.send(Method::DELETE, &path, None).await.status, 403);
    clerk.get(&format!("{path}/impact")).await.expect(403);
    finance.get(&format!("{path}/impact")).await.expect(200);
    finance.delete(&path).await.expect(200);
}
