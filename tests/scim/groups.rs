//! Groups and their members.

use serde_json::{Value, json};
use usher::model::connection::{Connection, ConnectionKind, UnknownMembers};

use crate::kit::scim::{GROUP, Service, slug};

fn ids(group: &Value) -> Vec<String> {
    let members = group["members"].as_array().cloned().unwrap_or_default();
    let mut ids: Vec<String> = members
        .iter()
        .map(|member| member["value"].as_str().expect("value").to_owned())
        .collect();
    ids.sort();
    ids
}

#[tokio::test]
async fn members_come_and_go_one_by_one_and_both_sides_show_it() {
    let client = Service::client().await;
    let (a, b) = (client.user("a").await, client.user("b").await);
    let group = client.group("Team").await;
    let path = format!("/Groups/{group}");
    let add = |id: &str| json!([{ "op": "Add", "path": "members", "value": [{ "$ref": null, "value": id }] }]);
    let _ = client.patch(&path, add(&a)).await.expect(204);
    let _ = client.patch(&path, add(&b)).await.expect(204);
    let _ = client.patch(&path, add(&b)).await.expect(204);
    assert_eq!(ids(&client.get(&path).await.expect(200)), {
        let mut both = vec![a.clone(), b.clone()];
        both.sort();
        both
    });
    let user = client.get(&format!("/Users/{a}")).await.expect(200);
    assert_eq!(user["groups"][0]["value"], group);
    assert_eq!(user["groups"][0]["display"], "Team");
    let remove = json!([{ "op": "Remove", "path": "members", "value": [{ "$ref": null, "value": a }] }]);
    let _ = client.patch(&path, remove).await.expect(204);
    assert_eq!(ids(&client.get(&path).await.expect(200)), vec![b.clone()]);
    let remove = json!([{ "op": "remove", "path": format!("members[value eq \"{b}\"]") }]);
    let _ = client.patch(&path, remove).await.expect(204);
    assert!(client.get(&path).await.expect(200).get("members").is_none());
}

#[tokio::test]
async fn the_version_of_a_group_moves_with_its_members() {
    let client = Service::client().await;
    let user = client.user("a").await;
    let path = format!("/Groups/{}", client.group("Team").await);
    let before = client.get(&path).await.expect(200)["meta"]["version"].clone();
    let add = json!([{ "op": "add", "path": "members", "value": [{ "value": user }] }]);
    let _ = client.patch(&path, add.clone()).await.expect(204);
    let after = client.get(&path).await.expect(200)["meta"]["version"].clone();
    assert_ne!(before, after);
    let _ = client.patch(&path, add).await.expect(204);
    assert_eq!(client.get(&path).await.expect(200)["meta"]["version"], after);
}

#[tokio::test]
async fn parallel_additions_keep_every_member() {
    let client = Service::client().await;
    let path = format!("/Groups/{}", client.group("Busy").await);
    let mut users = Vec::new();
    for n in 0..24 {
        users.push(client.user(&format!("u{n}")).await);
    }
    let tasks = users.iter().cloned().map(|user| {
        let (client, path) = (client.clone(), path.clone());
        tokio::spawn(async move {
            let add = json!([{ "op": "Add", "path": "members", "value": [{ "value": user }] }]);
            client.patch(&path, add).await.expect(204)
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.expect("no panic");
    }
    users.sort();
    assert_eq!(ids(&client.get(&path).await.expect(200)), users);
}

#[tokio::test]
async fn a_replacement_of_members_keeps_exactly_those_named() {
    let client = Service::client().await;
    let (a, b, c) = (client.user("a").await, client.user("b").await, client.user("c").await);
    let members = json!([{ "value": a }, { "value": b }]);
    let group = client
        .post(
            "/Groups",
            json!({ "schemas": [GROUP], "displayName": "G", "members": members }),
        )
        .await
        .id();
    let path = format!("/Groups/{group}");
    let body = json!({ "schemas": [GROUP], "displayName": "G", "members": [{ "value": b }, { "value": c }] });
    let mut expected = vec![b.clone(), c.clone()];
    expected.sort();
    assert_eq!(ids(&client.put(&path, body).await.expect(200)), expected);
    let replace = json!([{ "op": "replace", "path": "members", "value": [{ "value": a }] }]);
    let _ = client.patch(&path, replace).await.expect(204);
    assert_eq!(ids(&client.get(&path).await.expect(200)), vec![a]);
    let _ = client
        .put(&path, json!({ "schemas": [GROUP], "displayName": "G", "members": [] }))
        .await
        .expect(200);
    assert!(client.get(&path).await.expect(200).get("members").is_none());
}

#[tokio::test]
async fn a_deleted_user_leaves_its_groups_and_a_deleted_group_its_users() {
    let client = Service::client().await;
    let (a, b) = (client.user("a").await, client.user("b").await);
    let group = client.group("G").await;
    let path = format!("/Groups/{group}");
    let add = json!([{ "op": "add", "path": "members", "value": [{ "value": a }, { "value": b }] }]);
    let _ = client.patch(&path, add).await.expect(204);
    let _ = client.delete(&format!("/Users/{a}")).await.expect(204);
    assert_eq!(ids(&client.get(&path).await.expect(200)), vec![b.clone()]);
    let _ = client.delete(&path).await.expect(204);
    client.get(&path).await.refused(404, None);
    assert!(
        client
            .get(&format!("/Users/{b}"))
            .await
            .expect(200)
            .get("groups")
            .is_none()
    );
    client.group("g").await;
}

#[tokio::test]
async fn an_unknown_member_is_skipped_by_default_and_refused_by_setting() {
    let service = Service::new();
    let tenant = service.organisation("acme").await;
    let client = tenant.client("lenient").await;
    let known = client.user("a").await;
    let ghost = "0190d3c0-0000-7000-8000-000000000000";
    let path = format!("/Groups/{}", client.group("G").await);
    let add = json!([{ "op": "add", "path": "members", "value": [{ "value": ghost }, { "value": known }] }]);
    let _ = client.patch(&path, add.clone()).await.expect(204);
    assert_eq!(ids(&client.get(&path).await.expect(200)), vec![known.clone()]);
    let mut strict = Connection::new(slug("refusing"), ConnectionKind::Scim);
    strict.unknown_members = UnknownMembers::Refuse;
    let refusing = tenant.client_of(strict).await;
    let path = format!("/Groups/{}", refusing.group("H").await);
    refusing.patch(&path, add).await.refused(400, Some("invalidValue"));
    assert!(
        refusing.get(&path).await.expect(200).get("members").is_none(),
        "nothing of a refused request is applied"
    );
}

#[tokio::test]
async fn a_member_whom_another_connection_holds_stays() {
    let tenant = Service::new().organisation("acme").await;
    let (first, second) = (tenant.client("first").await, tenant.client("second").await);
    let user = first.user("shared").await;
    let path = format!("/Groups/{}", first.group("G").await);
    let add = json!([{ "op": "add", "path": "members", "value": [{ "value": user }] }]);
    let _ = first.patch(&path, add.clone()).await.expect(204);
    let _ = second.patch(&path, add).await.expect(204);
    let _ = second
        .patch(&path, json!([{ "op": "remove", "path": "members" }]))
        .await
        .expect(204);
    assert_eq!(ids(&first.get(&path).await.expect(200)), vec![user.clone()]);
    let _ = first
        .patch(&path, json!([{ "op": "remove", "path": "members" }]))
        .await
        .expect(204);
    assert!(first.get(&path).await.expect(200).get("members").is_none());
}

#[tokio::test]
async fn okta_renames_a_group_without_touching_its_members() {
    let client = Service::client().await;
    let user = client.user("a").await;
    let group = client.group("Old").await;
    let path = format!("/Groups/{group}");
    let add = json!([{ "op": "add", "path": "members", "value": [{ "value": user, "display": null }] }]);
    let _ = client.patch(&path, add).await.expect(204);
    let rename = json!([{ "op": "replace", "value": { "id": group, "displayName": "New" } }]);
    let _ = client.patch(&path, rename).await.expect(204);
    let body = client.get(&path).await.expect(200);
    assert_eq!(body["displayName"], "New");
    assert_eq!(ids(&body), vec![user]);
    let without = client
        .get(&format!("{path}?excludedAttributes=members"))
        .await
        .expect(200);
    assert!(without.get("members").is_none());
    let found = client.filter("/Groups", "displayName eq \"new\"").await.expect(200);
    assert_eq!(found["totalResults"], 1);
}

#[tokio::test]
async fn a_group_in_itself_is_refused_and_a_nested_group_is_a_member() {
    let client = Service::client().await;
    let (outer, inner) = (client.group("outer").await, client.group("inner").await);
    let path = format!("/Groups/{outer}");
    let add = |id: &str| json!([{ "op": "add", "path": "members", "value": [{ "value": id }] }]);
    client
        .patch(&path, add(&outer))
        .await
        .refused(400, Some("invalidValue"));
    let _ = client.patch(&path, add(&inner)).await.expect(204);
    let body = client.get(&path).await.expect(200);
    assert_eq!(body["members"][0]["type"], "Group");
}
