//! What becomes of the linked groups of a role that is deleted, who may decide that, and what is told before (S003-50..52).

use axum::http::Method;
use serde_json::{Value, json};
use usher::model::id::GroupId;

use crate::kit::access::{ACME, Acme};
use crate::kit::gateway::Caller;
use crate::kit::scim::slug;

/// A role `telephony` that is linked to these groups, which are there.
async fn linked(acme: &Acme, groups: &[&str]) {
    acme.role(json!({ "key": "telephony", "name": "Telephony administrator" }))
        .await;
    for group in groups {
        let path = format!("/roles/telephony/groups/{group}");
        acme.put(&path, json!({})).await.expect(200);
    }
}

/// The impact of deleting the role, and the address that deletes it.
async fn impact(acme: &Acme, policy: &str) -> (Value, String) {
    let path = format!("/roles/telephony/impact?linked_groups={policy}");
    let impact = acme.get(&path).await.expect(200);
    let code = impact["confirm"].as_str().expect("a code");
    let path = format!("/roles/telephony?linked_groups={policy}&confirm={code}");
    (impact, path)
}

async fn delete(caller: &Caller, path: &str) -> u16 {
    let answer = caller.send(Method::DELETE, &format!("{ACME}{path}"), None).await;
    answer.status.as_u16()
}

#[tokio::test]
async fn whoever_manages_roles_touches_linked_groups_with_the_right_to_do_so_only() {
    let acme = Acme::new("").await;
    acme.group("Support", |_| {}).await;
    linked(&acme, &["Support"]).await;
    acme.user("kim").await;
    let grant = async |permission: &str| {
        let body = json!({ "permission": permission });
        acme.post("/users/kim/permissions", body).await.expect(200);
    };
    grant("role.manage").await;
    let kim = acme.person("kim").await;
    for (policy, permission) in [("disable-groups", "group.update"), ("delete-groups", "group.delete")] {
        let (_, path) = impact(&acme, policy).await;
        assert_eq!(delete(&kim, &path).await, 403, "{policy}");
        assert_eq!(acme.get("/groups/Support").await.expect(200)["enabled"], true);
        grant(permission).await;
        assert_eq!(delete(&kim, &path).await, 200, "{policy}");
        if policy == "disable-groups" {
            acme.post("/groups/Support/enable", json!({})).await.expect(200);
            linked(&acme, &["Support"]).await;
        }
    }
    acme.get("/groups/Support").await.expect(404);
    acme.verify().await;
}

/// An organisation with a billing root, to which it puts every other group.
async fn billed() -> (Acme, GroupId) {
    let acme = Acme::new("[organisation.groups]\ndepth = 3\nbilling_root = true").await;
    let groups = acme.get("/groups").await.expect(200);
    let mut groups = groups["items"].as_array().expect("groups").iter();
    let root = groups.find(|group| group["is_billing_root"] == true).expect("a root");
    let id = root["id"].as_str().expect("an id").parse().expect("an id");
    (acme, id)
}

#[tokio::test]
async fn the_billing_root_is_passed_over_and_stops_nobody_else() {
    let (acme, root) = billed().await;
    acme.group("Support", |_| {}).await;
    linked(&acme, &[&root.to_string(), "Support"]).await;
    let (_, path) = impact(&acme, "disable-groups").await;
    acme.delete(&path).await.expect(200);
    let enabled = async |group: &str| acme.get(&format!("/groups/{group}")).await.expect(200)["enabled"].clone();
    assert_eq!(enabled(&root.to_string()).await, true);
    assert_eq!(enabled("Support").await, false);
    // Whatever comes after is answered for what it does itself.
    acme.role(json!({ "key": "agent", "name": "Agent" })).await;
    acme.put("/roles/agent/groups/Support", json!({})).await.expect(200);
    acme.delete("/roles/agent/groups/Support").await.expect(200);
    linked(&acme, &[]).await;
    acme.verify().await;
}

#[tokio::test]
async fn a_group_that_cannot_be_deleted_is_told_to_stay_and_stays_whole() {
    let (acme, root) = billed().await;
    acme.role(json!({ "key": "agent", "name": "Agent" })).await;
    let gives = |group: &mut usher::model::group::Group| group.grants_roles = [slug("agent")].into();
    let region = acme.group("Region", gives).await;
    acme.group("Branch", move |group| {
        gives(group);
        group.parent = Some(region);
    })
    .await;
    let other = acme.group("Other", |_| {}).await;
    acme.group("Shop", move |group| group.parent = Some(other)).await;
    let ada = acme.user("ada").await;
    for group in [region, other] {
        acme.join(group, ada).await.expect("a member");
    }
    linked(&acme, &[&root.to_string(), "Region", "Other", "Shop"]).await;
    let told = async || {
        let (impact, path) = impact(&acme, "delete-groups").await;
        let groups = impact["groups"].as_array().expect("groups").iter();
        let told: Vec<(String, bool)> = groups
            .filter(|group| group["id"] != json!(root))
            .map(|group| {
                (
                    format!("{} {}", group["display_name"], group["becomes"]),
                    group["reason"].is_string(),
                )
            })
            .collect();
        (impact, told, path)
    };
    let (told_of, groups, path) = told().await;
    let going = [
        ("\"Shop\" \"deleted\"".to_owned(), false),
        ("\"Region\" \"stays\"".to_owned(), true),
        ("\"Other\" \"deleted\"".to_owned(), false),
    ];
    assert_eq!(
        groups, going,
        "Branch lies below Region, and Shop goes with Other: {told_of:#}"
    );
    acme.delete(&path).await.expect(200);
    for (group, status) in [("Shop", 404), ("Other", 404), ("Region", 200), ("Branch", 200)] {
        acme.get(&format!("/groups/{group}")).await.expect(status);
    }
    acme.get(&format!("/groups/{root}")).await.expect(200);
    let region = acme.get("/groups/Region").await.expect(200);
    assert_eq!(region["gives"]["roles"], json!(["agent"]), "nothing of it is taken");
    assert_ne!(acme.roles(ada).await, json!({}));
    acme.verify().await;
}

#[tokio::test]
async fn the_impact_names_people_and_groups_and_counts_all_that_ends() {
    let acme = Acme::new("[[resource_types]]\nkey = \"number\"\nname = \"Number\"\n").await;
    acme.role(json!({ "key": "agent", "name": "Agent" })).await;
    let support = acme
        .group("Support", |group| group.grants_roles = [slug("agent")].into())
        .await;
    linked(&acme, &["Support"]).await;
    let number = json!({ "type": "number", "name": "100" });
    acme.post("/resources", number).await.expect(201);
    let assign = json!({ "groups": ["Support"] });
    acme.post("/resources/number:100/assignments", assign).await.expect(200);
    for name in ["ada", "grace"] {
        let user = acme.user(name).await;
        if name == "grace" {
            acme.join(support, user).await.expect("a member");
        } else {
            acme.assign(name, "telephony").await.expect(200);
        }
    }
    for (policy, becomes, memberships) in [
        ("drop-memberships", "stays", 1),
        ("disable-groups", "disabled", 1),
        ("delete-groups", "deleted", 2),
    ] {
        let (told, _) = impact(&acme, policy).await;
        assert_eq!(told["memberships"], memberships, "{policy}: {told:#}");
        assert_eq!(told["users"], 1);
        assert_eq!(told["first_users"][0]["user_name"], "ada", "{told:#}");
        let group = json!({
            "id": support,
            "display_name": "Support",
            "becomes": becomes,
            "members": 2,
            "gives": { "roles": ["agent"], "licences": [] },
            "resources": 1,
        });
        assert_eq!(told["groups"], json!([group]), "{policy}");
    }
    acme.put("/roles/telephony/given-by/Support", json!({}))
        .await
        .expect(200);
    let (told, _) = impact(&acme, "drop-memberships").await;
    let giver = json!([{ "id": support, "display_name": "Support" }]);
    assert_eq!(told["given_by"], giver, "{told:#}");
}
