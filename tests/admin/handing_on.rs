//! What a role does to groups, and a group to its members, is done by those who may do it to the members one by one.

use axum::http::Method;
use serde_json::{Value, json};

use crate::kit::access::{ACME, Acme};

#[tokio::test]
async fn a_role_fills_groups_for_those_who_may_fill_them() {
    let acme = Acme::new("").await;
    acme.role(json!({ "key": "keeper", "name": "Keeper of roles", "permissions": ["role.manage", "role.view"] }))
        .await;
    acme.role(json!({ "key": "agent", "name": "Agent" })).await;
    acme.post("/groups", json!({ "display_name": "Support" }))
        .await
        .expect(201);
    for name in ["kim", "ada"] {
        acme.user(name).await;
    }
    acme.assign("kim", "keeper").await.expect(200);
    acme.assign("ada", "agent").await.expect(200);
    let kim = acme.person("kim").await;
    let support = acme.get("/groups/Support").await.expect(200)["id"].clone();
    let linked = json!({ "key": "agent", "name": "Agent", "linked_groups": [support] });
    let empty = json!({ "key": "agent", "name": "Agent" });
    let change = async |method: Method, path: &str, body: &Value| {
        let path = format!("{ACME}/roles/agent{path}");
        kim.send(method, &path, Some(body.clone())).await.status.as_u16()
    };
    let nothing = json!({});
    let fills = [(Method::PUT, "/groups/Support", &nothing), (Method::PUT, "", &linked)];
    let empties = [(Method::DELETE, "/groups/Support", &nothing), (Method::PUT, "", &empty)];
    for granted in [None, Some("group.members"), Some("user.view")] {
        if let Some(permission) = granted {
            acme.post("/users/kim/permissions", json!({ "permission": permission }))
                .await
                .expect(200);
        }
        let is_enough = granted == Some("user.view");
        for (fill, emptied) in fills.iter().zip(&empties) {
            let status = change(fill.0.clone(), fill.1, fill.2).await;
            assert_eq!(status == 200, is_enough, "{granted:?} {fill:?}: {status}");
            assert_eq!(
                acme.get("/groups/Support").await.expect(200)["members"],
                u8::from(is_enough)
            );
            if !is_enough {
                // A link of somebody else's making is not theirs to take away.
                acme.put("/roles/agent/groups/Support", json!({})).await.expect(200);
            }
            let status = change(emptied.0.clone(), emptied.1, emptied.2).await;
            assert_eq!(status == 200, is_enough, "{granted:?} {emptied:?}: {status}");
            acme.delete("/roles/agent/groups/Support").await.expect(200);
        }
    }
    // A change that leaves the links as they are is one of the role alone.
    acme.put("/roles/agent/groups/Support", json!({})).await.expect(200);
    acme.user("lee").await;
    acme.assign("lee", "keeper").await.expect(200);
    let lee = acme.person("lee").await;
    let renamed = json!({ "key": "agent", "name": "Agents", "linked_groups": [support] });
    lee.send(Method::PUT, &format!("{ACME}/roles/agent"), Some(renamed))
        .await
        .expect(200);
    lee.send(Method::PUT, &format!("{ACME}/roles/agent"), Some(empty))
        .await
        .expect(403);
    acme.verify().await;
}

#[tokio::test]
async fn a_group_gives_a_role_for_those_who_may_give_it() {
    let acme = Acme::new("").await;
    acme.role(json!({ "key": "keeper", "name": "Keeper of roles", "permissions": ["role.manage", "role.view"] }))
        .await;
    acme.role(json!({ "key": "agent", "name": "Agent" })).await;
    acme.post("/groups", json!({ "display_name": "Support" }))
        .await
        .expect(201);
    acme.user("kim").await;
    acme.assign("kim", "keeper").await.expect(200);
    let kim = acme.person("kim").await;
    let path = format!("{ACME}/roles/agent/given-by/Support");
    let give = async |method: Method| kim.send(method, &path, Some(json!({}))).await.status.as_u16();
    assert_eq!(give(Method::PUT).await, 403);
    acme.put("/roles/agent/given-by/Support", json!({})).await.expect(200);
    assert_eq!(give(Method::DELETE).await, 403);
    acme.post("/users/kim/permissions", json!({ "permission": "role.assign" }))
        .await
        .expect(200);
    assert_eq!(give(Method::DELETE).await, 200);
    assert_eq!(give(Method::PUT).await, 200);
    acme.verify().await;
}

#[tokio::test]
async fn whoever_keeps_cost_centres_charges_seats_and_opens_no_limit() {
    let acme = Acme::new("[[licences]]\nkey = \"pro\"\nname = \"Pro\"\nlimit = 1\n").await;
    let permissions = json!(["cost-centre.manage", "licence.view", "user.view"]);
    acme.role(json!({ "key": "payer", "name": "Payer", "permissions": permissions }))
        .await;
    for name in ["kim", "ada"] {
        acme.user(name).await;
    }
    acme.assign("kim", "payer").await.expect(200);
    acme.post("/users/ada/licences", json!({ "licence": "pro" }))
        .await
        .expect(200);
    let kim = acme.person("kim").await;
    let put = async |path: &str, body: Value| {
        let answer = kim.send(Method::PUT, &format!("{ACME}{path}"), Some(body)).await;
        (answer.status.as_u16(), answer.body)
    };
    let (status, told) = put("/cost-centres/sales", json!({ "name": "Sales", "default": true })).await;
    assert_eq!(status, 200, "{told:#}");
    let charge = "/users/ada/licences/pro/cost-centre";
    let (status, told) = put(charge, json!({ "cost_centre": "sales" })).await;
    assert_eq!(status, 200, "{told:#}");
    let (status, told) = put("/licences/pro", json!({ "name": "Pro", "limit": 9 })).await;
    assert_eq!(status, 403, "{told:#}");
    let shown = acme.get("/users/ada").await.expect(200);
    assert!(shown["licences"].to_string().contains("sales"), "{shown:#}");
    acme.verify().await;
}
