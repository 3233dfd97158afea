//! Roles that put people into groups, and groups that give people roles (S003-18, S003-35, S003-45, S003-52, S003-56).

use serde_json::{Value, json};

use crate::kit::access::Acme;
use crate::kit::scim::slug;

async fn linked() -> Acme {
    let acme = Acme::new("").await;
    acme.role(json!({ "key": "telephony", "name": "Telephony administrator" }))
        .await;
    acme.role(json!({ "key": "agent", "name": "Agent" })).await;
    acme
}

#[tokio::test]
async fn a_role_puts_its_holders_into_its_groups_until_it_is_taken() {
    let acme = linked().await;
    let support = acme.group("Support", |_| {}).await;
    acme.put("/roles/telephony/groups/Support", json!({})).await.expect(200);
    let ada = acme.user("ada").await;
    acme.assign("ada", "telephony").await.expect(200);
    assert_eq!(acme.membership(support, ada).await, json!(["role:telephony"]));
    acme.join(support, ada).await.expect("a member");
    assert_eq!(acme.membership(support, ada).await, json!(["direct", "role:telephony"]));
    acme.withdraw("ada", "telephony").await.expect(200);
    assert_eq!(
        acme.membership(support, ada).await,
        json!(["direct"]),
        "a direct member stays"
    );
    acme.verify().await;
}

#[tokio::test]
async fn a_circle_of_a_role_and_a_group_does_not_hold_itself_up() {
    let acme = linked().await;
    let support = acme
        .group("Support", |group| group.grants_roles = [slug("telephony")].into())
        .await;
    acme.put("/roles/telephony/groups/Support", json!({})).await.expect(200);
    let ada = acme.user("ada").await;
    acme.assign("ada", "telephony").await.expect(200);
    let by_group = format!("group:{support}");
    assert_eq!(acme.roles(ada).await, json!({ "telephony": ["direct", by_group] }));
    acme.withdraw("ada", "telephony").await.expect(200);
    assert_eq!(acme.roles(ada).await, json!({}));
    assert_eq!(acme.membership(support, ada).await, Value::Null);
    // The same from the other end.
    acme.join(support, ada).await.expect("a member");
    assert_eq!(acme.membership(support, ada).await, json!(["direct", "role:telephony"]));
    acme.leave(support, ada).await;
    assert_eq!(acme.membership(support, ada).await, Value::Null);
    assert_eq!(acme.roles(ada).await, json!({}));
    acme.verify().await;
}

#[tokio::test]
async fn links_are_followed_through_a_chain_in_one_change() {
    let acme = linked().await;
    let second = acme.group("Second", |_| {}).await;
    let first = acme
        .group("First", |group| group.grants_roles = [slug("agent")].into())
        .await;
    acme.put("/roles/telephony/groups/First", json!({})).await.expect(200);
    acme.put("/roles/agent/groups/Second", json!({})).await.expect(200);
    let ada = acme.user("ada").await;
    acme.assign("ada", "telephony").await.expect(200);
    assert_eq!(acme.membership(first, ada).await, json!(["role:telephony"]));
    assert_eq!(acme.membership(second, ada).await, json!(["role:agent"]));
    acme.withdraw("ada", "telephony").await.expect(200);
    assert_eq!(acme.membership(second, ada).await, Value::Null);
    acme.verify().await;
}

#[tokio::test]
async fn a_changed_link_reaches_everyone_who_is_there_already() {
    let acme = linked().await;
    let support = acme.group("Support", |_| {}).await;
    let mut people = Vec::new();
    // More than one commit takes.
    for number in 0..60 {
        let name = format!("p{number:02}");
        people.push(acme.user(&name).await);
        acme.assign(&name, "telephony").await.expect(200);
    }
    acme.put("/roles/telephony/groups/Support", json!({})).await.expect(200);
    let group = acme.get("/groups/Support").await.expect(200);
    assert_eq!(group["members"], 60);
    acme.verify().await;
    // What the group gives reaches its members as well, and so does its end.
    acme.edit_group(support, |group| group.grants_roles = [slug("agent")].into())
        .await;
    let role = acme.get("/roles/agent").await.expect(200);
    assert_eq!(role["holders"], 60);
    acme.verify().await;
    acme.delete("/roles/telephony/groups/Support").await.expect(200);
    assert_eq!(acme.get("/groups/Support").await.expect(200)["members"], 0);
    assert_eq!(acme.get("/roles/agent").await.expect(200)["holders"], 0);
    acme.verify().await;
}

#[tokio::test]
async fn an_identity_provider_that_replaces_the_members_does_not_throw_out_whom_a_role_put_there() {
    let acme = linked().await;
    let client = acme.client();
    let group = json!({
        "schemas": [crate::kit::scim::GROUP], "displayName": "Support", "externalId": "support", "members": [],
    });
    let id = client.post("/scim/acme/v2/Groups", group.clone()).await.id();
    acme.put("/roles/telephony/groups/Support", json!({})).await.expect(200);
    let ada = acme.user("ada").await;
    acme.assign("ada", "telephony").await.expect(200);
    let path = format!("/scim/acme/v2/Groups/{id}");
    client
        .send(axum::http::Method::PUT, &path, Some(group))
        .await
        .expect(200);
    let support = id.parse().expect("an id");
    assert_eq!(acme.membership(support, ada).await, json!(["role:telephony"]));
    acme.verify().await;
}

#[tokio::test]
async fn deleting_a_role_shows_its_impact_first_and_takes_memberships_that_it_alone_gave() {
    let acme = linked().await;
    let support = acme.group("Support", |_| {}).await;
    acme.put("/roles/telephony/groups/Support", json!({})).await.expect(200);
    let (ada, grace) = (acme.user("ada").await, acme.user("grace").await);
    acme.assign("ada", "telephony").await.expect(200);
    acme.assign("grace", "telephony").await.expect(200);
    acme.join(support, grace).await.expect("a member");
    let asked = acme.delete("/roles/telephony").await.expect(409);
    assert_eq!(
        (&asked["impact"]["users"], &asked["impact"]["memberships"]),
        (&json!(2), &json!(1))
    );
    assert_eq!(acme.get("/roles/telephony").await.expect(200)["holders"], 2);
    // Somebody else got the role meanwhile: what was confirmed is not what would happen.
    acme.user("edsger").await;
    acme.assign("edsger", "telephony").await.expect(200);
    let stale = asked["confirm"].as_str().expect("a code");
    let again = acme
        .delete(&format!("/roles/telephony?confirm={stale}"))
        .await
        .expect(409);
    let code = again["confirm"].as_str().expect("a code");
    acme.delete(&format!("/roles/telephony?confirm={code}"))
        .await
        .expect(200);
    acme.get("/roles/telephony").await.expect(404);
    assert_eq!(acme.membership(support, ada).await, Value::Null);
    assert_eq!(acme.membership(support, grace).await, json!(["direct"]));
    assert_eq!(acme.roles(grace).await, json!({}));
    acme.verify().await;
    // The name is free again.
    acme.role(json!({ "key": "telephony", "name": "Again" })).await;
}

#[tokio::test]
async fn the_linked_groups_of_a_deleted_role_are_disabled_or_deleted_when_that_is_wanted() {
    for (policy, code) in [("disable-groups", 200), ("delete-groups", 404)] {
        let acme = linked().await;
        acme.group("Support", |group| group.grants_roles = [slug("agent")].into())
            .await;
        acme.put("/roles/telephony/groups/Support", json!({})).await.expect(200);
        let ada = acme.user("ada").await;
        acme.assign("ada", "telephony").await.expect(200);
        let manner = format!("/roles/telephony?linked_groups={policy}");
        let impact = acme.get(&manner.replace('?', "/impact?")).await.expect(200);
        assert_eq!(impact["groups"].as_array().map(Vec::len), Some(1));
        let confirm = impact["confirm"].as_str().expect("a code");
        acme.delete(&format!("{manner}&confirm={confirm}")).await.expect(200);
        let group = acme.get("/groups/Support").await.expect(code);
        if code == 200 {
            assert_eq!(group["enabled"], false);
        }
        assert_eq!(acme.roles(ada).await, json!({}), "{policy}");
        acme.verify().await;
    }
}

#[tokio::test]
async fn a_group_that_a_role_is_linked_to_is_not_deleted_and_a_role_that_is_named_neither() {
    let acme = linked().await;
    let client = acme.client();
    let group = json!({ "schemas": [crate::kit::scim::GROUP], "displayName": "Support", "externalId": "support" });
    let id = client.post("/scim/acme/v2/Groups", group).await.id();
    acme.put("/roles/telephony/groups/Support", json!({})).await.expect(200);
    client.delete(&format!("/scim/acme/v2/Groups/{id}")).await.expect(400);
    acme.delete("/roles/telephony/groups/Support").await.expect(200);
    client.delete(&format!("/scim/acme/v2/Groups/{id}")).await.expect(204);
    acme.role(json!({ "key": "lead", "name": "Lead", "includes": ["agent"] }))
        .await;
    let impact = acme.get("/roles/agent/impact").await.expect(200);
    let path = format!("/roles/agent?confirm={}", impact["confirm"].as_str().expect("a code"));
    let refused = acme.delete(&path).await.expect(400);
    assert!(
        refused["detail"]
            .as_str()
            .expect("words")
            .contains("roles.lead.includes"),
        "{refused}"
    );
    acme.verify().await;
}
