//! Members by administrators, and roles inside one group (S001-11..12, S001-15..30).

use serde_json::{Value, json};

use super::groups::{GROUPS, acme, events, group};
use super::verify::verify_ok;
use crate::kit::gateway::Caller;

async fn people(acme: &Caller, names: &[&str]) -> (Caller, Vec<String>) {
    let client = acme.connection("acme", "entra").await;
    let mut ids = Vec::new();
    for name in names {
        ids.push(client.scim_user("acme", name).await);
    }
    (client, ids)
}

async fn edges(acme: &Caller, group: &str) -> Vec<(String, Value, Value)> {
    let members = acme.get(&format!("{GROUPS}/{group}/members")).await.expect(200);
    let items = members["items"].as_array().expect("a list").clone();
    items
        .into_iter()
        .map(|member| {
            let id = member["id"].as_str().expect("an id").to_owned();
            (id, member["origins"].clone(), member["roles"].clone())
        })
        .collect()
}

#[tokio::test]
async fn members_come_and_go_by_name_all_of_them_or_none() {
    let (inside, acme) = acme().await;
    let (_, ids) = people(&acme, &["ada", "grace"]).await;
    group(&acme, json!({ "display_name": "Support" })).await;
    group(&acme, json!({ "display_name": "Nested" })).await;
    let members = format!("{GROUPS}/Support/members");
    acme.post(&members, json!({ "users": ["ada", "nobody"] }))
        .await
        .expect(404);
    acme.post(&members, json!({})).await.expect(400);
    acme.post(&members, json!({ "groups": ["Support"] })).await.expect(400);
    assert!(edges(&acme, "Support").await.is_empty());
    let added = acme
        .post(&members, json!({ "users": ["ada", ids[1]], "groups": ["Nested"] }))
        .await
        .expect(200);
    assert_eq!(added["added"].as_array().expect("a list").len(), 3);
    let again = acme.post(&members, json!({ "users": ["ada"] })).await.expect(200);
    assert_eq!(again["added"], json!([]));
    for member in ["ada", "Nested"] {
        let removed = acme.delete(&format!("{members}/{member}")).await.expect(200);
        assert_eq!(removed["removed"].as_array().expect("a list").len(), 1, "{member}");
        acme.delete(&format!("{members}/{member}")).await.expect(404);
    }
    assert_eq!(
        edges(&acme, "Support").await,
        [(ids[1].clone(), json!(["direct"]), json!({}))]
    );
    verify_ok(&inside).await;
}

#[tokio::test]
async fn whoever_a_connection_holds_in_a_group_stays_until_that_reason_is_taken_too() {
    let (inside, acme) = acme().await;
    let (client, ids) = people(&acme, &["ada"]).await;
    let pushed = json!({
        "schemas": [crate::kit::scim::GROUP], "displayName": "Pushed", "members": [{ "value": ids[0] }],
    });
    client.post("/scim/acme/v2/Groups", pushed).await.expect(201);
    let member = format!("{GROUPS}/Pushed/members/ada");
    acme.post(&format!("{GROUPS}/Pushed/members"), json!({ "users": ["ada"] }))
        .await
        .expect(200);
    let both = edges(&acme, "Pushed").await;
    assert_eq!(both[0].1, json!(["direct", "connection:entra"]));
    let kept = acme.delete(&member).await.expect(200);
    assert_eq!(kept["removed"], json!([]));
    assert_eq!(kept["staying"][0]["origins"], json!(["connection:entra"]));
    let gone = acme.delete(&format!("{member}?managed=true")).await.expect(200);
    assert_eq!(gone["removed"], json!([ids[0]]));
    assert!(edges(&acme, "Pushed").await.is_empty());
    verify_ok(&inside).await;
}

#[tokio::test]
async fn a_role_in_a_group_outlives_what_the_identity_provider_says_about_members() {
    let (inside, acme) = acme().await;
    let (client, ids) = people(&acme, &["ada", "grace", "edsger"]).await;
    let members = |ids: &[&String]| -> Value { ids.iter().map(|id| json!({ "value": id })).collect() };
    let mut pushed = json!({
        "schemas": [crate::kit::scim::GROUP], "displayName": "Pushed", "members": members(&[&ids[0], &ids[1]]),
    });
    let id = client.post("/scim/acme/v2/Groups", pushed.clone()).await.id();
    let role = format!("{GROUPS}/Pushed/roles/operator");
    let given = acme.post(&role, json!({ "users": ["ada", "grace"] })).await.expect(200);
    assert_eq!(given["changed"].as_array().expect("a list").len(), 2);
    // A replacement without roles keeps those of the members who stay (S001-27).
    pushed["members"] = members(&[&ids[0], &ids[2]]);
    let path = format!("/scim/acme/v2/Groups/{id}");
    client
        .send(axum::http::Method::PUT, &path, Some(pushed))
        .await
        .expect(200);
    let patch = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{ "op": "add", "path": "members", "value": members(&[&ids[0], &ids[1]]) }],
    });
    client.patch(&path, patch).await.expect(204);
    let now = edges(&acme, "Pushed").await;
    let of = |id: &String| now.iter().find(|edge| edge.0 == *id).expect("a member").2.clone();
    assert_eq!(of(&ids[0]), json!({ "operator": ["direct"] }));
    // Grace left and came back: her role did not wait for her.
    assert_eq!(of(&ids[1]), json!({}));
    let shown = client
        .get(&format!(
            "{path}?attributes=urn:usher:scim:schemas:extension:2.0:Group:memberRoles"
        ))
        .await
        .expect(200);
    assert_eq!(
        shown["urn:usher:scim:schemas:extension:2.0:Group"]["memberRoles"],
        json!([{ "value": ids[0], "role": "operator" }])
    );
    let taken = acme
        .send(
            axum::http::Method::DELETE,
            &role,
            Some(json!({ "users": ["ada", "grace"] })),
        )
        .await
        .expect(200);
    assert_eq!(taken["changed"], json!([ids[0]]));
    let told = events(&acme).await;
    let told: Vec<&str> = told
        .iter()
        .map(String::as_str)
        .filter(|kind| kind.starts_with("group_role"))
        .collect();
    assert_eq!(told, ["group_role.assigned", "group_role.withdrawn"]);
    verify_ok(&inside).await;
}

#[tokio::test]
async fn only_roles_that_count_in_a_group_are_given_in_one_and_only_to_members() {
    let (_inside, acme) = acme().await;
    people(&acme, &["ada"]).await;
    group(&acme, json!({ "display_name": "Support" })).await;
    let role = |key: &str| format!("{GROUPS}/Support/roles/{key}");
    acme.post(&role("operator"), json!({ "users": ["ada"] }))
        .await
        .expect(404);
    acme.post(&format!("{GROUPS}/Support/members"), json!({ "users": ["ada"] }))
        .await
        .expect(200);
    let global = acme.post(&role("agent"), json!({ "users": ["ada"] })).await.expect(400);
    let detail = global["detail"].as_str().expect("a detail");
    assert!(detail.contains("scope = \"group\""), "{detail}");
    acme.post(&role("ghost"), json!({ "users": ["ada"] })).await.expect(400);
    acme.post(&role("operator"), json!({ "users": ["ada"] }))
        .await
        .expect(200);
    let again = acme
        .post(&role("operator"), json!({ "users": ["ada"] }))
        .await
        .expect(200);
    assert_eq!(again["changed"], json!([]));
}

#[tokio::test]
async fn managed_members_are_not_touched_where_local_changes_are_refused() {
    let (_inside, acme) = acme().await;
    let (client, _) = people(&acme, &["ada"]).await;
    let pushed = json!({ "schemas": [crate::kit::scim::GROUP], "displayName": "Pushed" });
    client.post("/scim/acme/v2/Groups", pushed).await.expect(201);
    group(&acme, json!({ "display_name": "Ours" })).await;
    acme.apply("acme", "[organisation]\nslug = \"acme\"\nlocal_changes = \"refused\"\n")
        .await
        .expect(200);
    let add = json!({ "users": ["ada"] });
    acme.post(&format!("{GROUPS}/Pushed/members"), add.clone())
        .await
        .expect(403);
    acme.patch(&format!("{GROUPS}/Pushed"), json!({ "display_name": "Mine" }))
        .await
        .expect(403);
    acme.delete(&format!("{GROUPS}/Pushed")).await.expect(403);
    acme.post(GROUPS, json!({ "display_name": "New" })).await.expect(403);
    acme.post(&format!("{GROUPS}/Ours/members"), add).await.expect(200);
    // What SCIM cannot express stays possible.
    acme.post(&format!("{GROUPS}/Pushed/disable"), json!(null))
        .await
        .expect(200);
}
