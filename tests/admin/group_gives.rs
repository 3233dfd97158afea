//! What a group gives reaches its members, and leaves with it (S003-35, S003-45).

use serde_json::{Value, json};

use super::groups::{FILE, GROUPS, acme, acme_with, group};
use super::verify::verify_ok;
use crate::kit::gateway::Caller;

async fn user(acme: &Caller, name: &str) -> Value {
    acme.get(&format!("/api/v1/organisations/acme/users/{name}"))
        .await
        .expect(200)
}

/// A group with these people as members.
async fn crowd(acme: &Caller, names: &[String]) -> String {
    let client = acme.connection("acme", "entra").await;
    for name in names {
        client.scim_user("acme", name).await;
    }
    let id = group(acme, json!({ "display_name": "Support" })).await;
    acme.post(&format!("{GROUPS}/Support/members"), json!({ "users": names }))
        .await
        .expect(200);
    id
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("p{n:03}")).collect()
}

#[tokio::test]
async fn roles_and_licences_reach_those_who_are_there_and_those_who_come() {
    let (inside, acme) = acme_with(&FILE.replace("limit = 2", "limit = 500")).await;
    // More than one part of a walk.
    let people = names(120);
    let id = crowd(&acme, &people).await;
    let gives = format!("{GROUPS}/Support/gives");
    let given = acme
        .post(&gives, json!({ "add": { "roles": ["agent"], "licences": ["pro"] } }))
        .await
        .expect(200);
    assert_eq!((&given["changed"], &given["refused"]), (&json!(120), &json!([])));
    let shown = acme.get(&format!("{GROUPS}/Support")).await.expect(200);
    assert_eq!(shown["gives"], json!({ "roles": ["agent"], "licences": ["pro"] }));
    for name in [&people[0], &people[119]] {
        let shown = user(&acme, name).await;
        assert_eq!(shown["roles"]["agent"], json!([format!("group:{id}")]));
        assert!(shown["licences"]["pro"]["seat"]["held"].is_string(), "{shown:#}");
    }
    acme.connection("acme", "entra").await.scim_user("acme", "late").await;
    acme.post(&format!("{GROUPS}/Support/members"), json!({ "users": ["late"] }))
        .await
        .expect(200);
    assert_eq!(
        user(&acme, "late").await["roles"]["agent"],
        json!([format!("group:{id}")])
    );
    // Taking the licence frees the seats, and the role stays.
    let taken = acme
        .post(&gives, json!({ "remove": { "licences": ["pro"] } }))
        .await
        .expect(200);
    assert_eq!(taken["changed"], 121);
    let shown = user(&acme, "late").await;
    assert_eq!(
        (&shown["licences"], &shown["roles"]["agent"]),
        (&json!({}), &json!([format!("group:{id}")]))
    );
    let licences = acme.get("/api/v1/organisations/acme/licences").await.expect(200);
    assert_eq!(licences["items"][0]["used"], 0);
    acme.delete(&format!("{GROUPS}/Support/members/late")).await.expect(200);
    assert_eq!(user(&acme, "late").await["roles"], json!({}));
    verify_ok(&inside).await;
}

#[tokio::test]
async fn a_deleted_group_takes_what_it_gave_from_every_member() {
    let (inside, acme) = acme_with(&FILE.replace("limit = 2", "limit = 500")).await;
    let people = names(230);
    crowd(&acme, &people).await;
    acme.post(
        &format!("{GROUPS}/Support/gives"),
        json!({ "add": { "roles": ["agent"], "licences": ["pro"] } }),
    )
    .await
    .expect(200);
    acme.delete(&format!("{GROUPS}/Support")).await.expect(204);
    for name in [&people[0], &people[115], &people[229]] {
        let shown = user(&acme, name).await;
        assert_eq!(
            (&shown["roles"], &shown["licences"]),
            (&json!({}), &json!({})),
            "{name}"
        );
    }
    let licences = acme.get("/api/v1/organisations/acme/licences").await.expect(200);
    assert_eq!(licences["items"][0]["used"], 0);
    verify_ok(&inside).await;
}

#[tokio::test]
async fn whoever_finds_no_seat_is_named_and_served_when_there_is_one() {
    let (inside, acme) = acme().await;
    let people = names(5);
    crowd(&acme, &people).await;
    let gives = format!("{GROUPS}/Support/gives");
    let change = json!({ "add": { "roles": ["agent"], "licences": ["pro"] } });
    let given = acme.post(&gives, change.clone()).await.expect(200);
    assert_eq!(given["refused"].as_array().expect("a list").len(), 3, "{given:#}");
    for name in &people {
        assert!(user(&acme, name).await["roles"]["agent"].is_array(), "{name}");
    }
    acme.apply("acme", &FILE.replace("limit = 2", "limit = 5"))
        .await
        .expect(200);
    for name in &people {
        let seat = &user(&acme, name).await["licences"]["pro"]["seat"];
        assert!(seat["held"].is_string(), "{name}: {seat}");
    }
    let given = acme.post(&gives, change).await.expect(200);
    assert_eq!((&given["changed"], &given["refused"]), (&json!(0), &json!([])));
    verify_ok(&inside).await;
}

#[tokio::test]
async fn what_an_earlier_release_left_half_done_is_brought_to_the_end() {
    let (inside, acme) = acme_with(&FILE.replace("limit = 2", "limit = 500")).await;
    let people = names(60);
    let id = crowd(&acme, &people).await;
    acme.post(
        &format!("{GROUPS}/Support/gives"),
        json!({ "add": { "roles": ["agent"] } }),
    )
    .await
    .expect(200);
    // As a crash of that release leaves it: the record says more than the members have, and its mark stands in the middle.
    let organisation = inside
        .directory
        .find_organisation(&"acme".parse().expect("a slug"))
        .await
        .expect("a read")
        .expect("acme")
        .organisation
        .id;
    let group = id.parse().expect("an id");
    let members = inside
        .directory
        .list_members(organisation, group)
        .await
        .expect("members");
    let store = inside.directory.store();
    let key = usher::directory::keys::group(organisation, group);
    let stored = store.get(key.clone()).await.expect("a read").expect("the group");
    let mut record: Value = serde_json::from_slice(&stored.value).expect("JSON");
    record["grants_licences"] = json!(["pro"]);
    let stands = usher::directory::membership::member_text(members[29]);
    let mark = usher::directory::keys::group_gives(organisation, group);
    let mut batch = usher::store::Batch::new();
    batch.put(key, record.to_string());
    batch.put(mark.clone(), format!("u{stands}"));
    store.commit(batch).await.expect("planted");
    inside
        .directory
        .resume_group_gives(organisation)
        .await
        .expect("resumed");
    let mut with = 0;
    for name in &people {
        with += usize::from(user(&acme, name).await["licences"]["pro"].is_object());
    }
    assert_eq!(with, 60);
    inside
        .directory
        .resume_group_gives(organisation)
        .await
        .expect("nothing left");
    assert_eq!(store.get(mark).await.expect("a read"), None);
    verify_ok(&inside).await;
}

#[tokio::test]
async fn only_what_exists_and_counts_everywhere_is_given_to_all_members() {
    let (_inside, acme) = acme().await;
    group(&acme, json!({ "display_name": "Support" })).await;
    let gives = format!("{GROUPS}/Support/gives");
    for (change, attribute) in [
        (json!({ "add": { "roles": ["ghost"] } }), "role"),
        (json!({ "add": { "roles": ["operator"] } }), "role"),
        (json!({ "add": { "licences": ["gold"] } }), "licence"),
    ] {
        let refused = acme.post(&gives, change).await.expect(400);
        assert_eq!(refused["attribute"], attribute);
    }
    acme.post(&gives, json!({ "put": {} })).await.expect(422);
}

#[tokio::test]
async fn a_group_goes_on_giving_the_administrators_role_while_nobody_has_it_otherwise() {
    let boss = "[[roles]]\nkey = \"boss\"\nname = \"Boss\"\nadministers = true\n";
    let (inside, acme) = acme_with(&format!("{FILE}{boss}")).await;
    let people = names(2);
    crowd(&acme, &people).await;
    let gives = format!("{GROUPS}/Support/gives");
    let roles = json!({ "roles": ["boss"] });
    acme.post(&gives, json!({ "add": roles })).await.expect(200);
    acme.post(&gives, json!({ "remove": roles })).await.expect(403);
    assert!(user(&acme, &people[1]).await["roles"]["boss"].is_array());
    let direct = format!("/api/v1/organisations/acme/users/{}/roles/boss", people[0]);
    acme.put(&direct, json!({})).await.expect(200);
    acme.post(&gives, json!({ "remove": roles })).await.expect(200);
    assert_eq!(user(&acme, &people[0]).await["roles"]["boss"], json!(["direct"]));
    assert_eq!(user(&acme, &people[1]).await["roles"], json!({}));
    verify_ok(&inside).await;
}
