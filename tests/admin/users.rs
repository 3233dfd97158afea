//! Users through the admin API.

use serde_json::json;

use crate::kit::gateway::{Caller, Inside};

const FILE: &str = "[organisation]\nslug = \"acme\"\n[[licences]]\nkey = \"pro\"\nname = \"Pro\"\nlimit = 1\n\
                    [[connections]]\nname = \"entra\"\nkind = \"scim\"\n[[connections]]\nname = \"seats\"\nkind = \
                    \"scim\"\nlicences = [\"pro\"]\n";

const USERS: &str = "/api/v1/organisations/acme/users";

async fn acme() -> (Caller, Caller) {
    let inside = Inside::new();
    let root = inside.administrator().await;
    let acme = root.organisation("acme").await;
    acme.apply("acme", FILE).await.expect(200);
    let client = acme.connection("acme", "entra").await;
    (acme, client)
}

#[tokio::test]
async fn pages_hold_everybody_once_in_the_order_in_which_they_came() {
    let (acme, client) = acme().await;
    let mut ids = Vec::new();
    for number in 0..7 {
        ids.push(client.scim_user("acme", &format!("user{number}")).await);
    }
    let mut seen: Vec<String> = Vec::new();
    let mut path = format!("{USERS}?limit=3");
    loop {
        let page = acme.get(&path).await.expect(200);
        let items = page["items"].as_array().expect("a list");
        assert!(items.len() <= 3);
        seen.extend(items.iter().map(|user| user["id"].as_str().expect("an id").to_owned()));
        match page["next"].as_str() {
            Some(next) => path = format!("{USERS}?limit=3&after={next}"),
            None => break,
        }
    }
    assert_eq!(seen, ids);
}

#[tokio::test]
async fn bad_pages_are_refused_with_the_cure() {
    let (acme, _) = acme().await;
    for query in ["limit=0", "limit=1001", "limit=many", "after=nowhere", "colour=red"] {
        let answer = acme.get(&format!("{USERS}?{query}")).await;
        assert_eq!(answer.headers["content-type"], "application/problem+json", "{query}");
        answer.expect(400);
    }
}

#[tokio::test]
async fn people_are_found_by_name_address_and_beginning_whatever_the_case() {
    let (acme, client) = acme().await;
    let ada = client.scim_user("acme", "ada").await;
    client.scim_user("acme", "grace").await;
    for query in [
        "user_name=ADA",
        "email=Ada@acme.example",
        "q=ada",
        "q=ADA@ac",
        "q=ada%20the%20p",
    ] {
        let found = acme.get(&format!("{USERS}?{query}")).await.expect(200);
        let found = found["items"].as_array().expect("a list").clone();
        assert_eq!(found.len(), 1, "{query}: {found:#?}");
        assert_eq!(found[0]["id"], ada, "{query}");
    }
    for query in ["user_name=nobody", "email=ada", "q=zz"] {
        let found = acme.get(&format!("{USERS}?{query}")).await.expect(200);
        assert_eq!(found["items"], json!([]), "{query}");
    }
}

#[tokio::test]
async fn a_user_is_shown_by_identifier_and_by_name_alike() {
    let (acme, client) = acme().await;
    let id = client.scim_user("acme", "ada").await;
    let by_id = acme.get(&format!("{USERS}/{id}")).await.expect(200);
    let by_name = acme.get(&format!("{USERS}/Ada")).await.expect(200);
    assert_eq!(by_id, by_name);
    assert_eq!(by_id["external_ids"], json!({ "entra": "ext-ada" }));
}

#[tokio::test]
async fn an_administrators_block_is_not_lifted_by_a_connection() {
    let (acme, client) = acme().await;
    let id = client.scim_user("acme", "ada").await;
    acme.post(&format!("{USERS}/{id}/suspend"), json!(null))
        .await
        .expect(200);
    let body = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{ "op": "replace", "path": "active", "value": true }],
    });
    let path = format!("/scim/acme/v2/Users/{id}");
    client
        .send(axum::http::Method::PATCH, &path, Some(body))
        .await
        .expect(200);
    let shown = acme.get(&format!("{USERS}/{id}")).await.expect(200);
    assert_eq!(shown["state"], "suspended");
    let back = acme
        .post(&format!("{USERS}/{id}/reactivate"), json!(null))
        .await
        .expect(200);
    assert_eq!(back["state"], "active");
}

#[tokio::test]
async fn reactivation_needs_a_seat_as_every_other_way_in_does() {
    let (acme, _) = acme().await;
    let client = acme.connection("acme", "seats").await;
    let ada = client.scim_user("acme", "ada").await;
    acme.post(&format!("{USERS}/{ada}/suspend"), json!(null))
        .await
        .expect(200);
    client.scim_user("acme", "grace").await;
    let refused = acme
        .post(&format!("{USERS}/{ada}/reactivate"), json!(null))
        .await
        .expect(403);
    assert_eq!(refused["type"], "urn:usher:problem:seats-exhausted");
    assert_eq!(
        (&refused["licence"], &refused["used"], &refused["limit"]),
        (&json!("pro"), &json!(1), &json!(1))
    );
}

#[tokio::test]
async fn a_deleted_user_is_gone_for_both_doors() {
    let (acme, client) = acme().await;
    let id = client.scim_user("acme", "ada").await;
    acme.delete(&format!("{USERS}/{id}")).await.expect(204);
    acme.get(&format!("{USERS}/{id}")).await.expect(404);
    client.get(&format!("/scim/acme/v2/Users/{id}")).await.expect(404);
    acme.delete(&format!("{USERS}/{id}")).await.expect(404);
    // Nothing brings the same person back (S003-26): the name is free, and whoever bears it now is somebody else.
    for then in ["reactivate", "invite"] {
        acme.post(&format!("{USERS}/{id}/{then}"), json!({})).await.expect(404);
    }
    assert_ne!(client.scim_user("acme", "ada").await, id);
    acme.get(&format!("{USERS}/{id}")).await.expect(404);
}

#[tokio::test]
async fn groups_and_their_members_are_listed_in_pages() {
    let (acme, client) = acme().await;
    let mut members = Vec::new();
    for number in 0..5 {
        members.push(client.scim_user("acme", &format!("user{number}")).await);
    }
    let values: Vec<_> = members.iter().map(|id| json!({ "value": id })).collect();
    let group = json!({
        "schemas": [crate::kit::scim::GROUP],
        "displayName": "Engineering",
        "members": values,
    });
    client.post("/scim/acme/v2/Groups", group).await.expect(201);
    let groups = acme.get("/api/v1/organisations/acme/groups").await.expect(200);
    assert_eq!(groups["items"][0]["members"], 5);
    let path = "/api/v1/organisations/acme/groups/engineering/members";
    let first = acme.get(&format!("{path}?limit=3")).await.expect(200);
    let next = first["next"].as_str().expect("more");
    let second = acme.get(&format!("{path}?limit=3&after={next}")).await.expect(200);
    assert!(second.get("next").is_none());
    let mut seen: Vec<_> = [&first, &second]
        .iter()
        .flat_map(|page| page["items"].as_array().expect("a list"))
        .map(|member| {
            assert_eq!(member["origins"], json!(["connection:entra"]));
            member["id"].as_str().expect("an id").to_owned()
        })
        .collect();
    seen.sort();
    members.sort();
    assert_eq!(seen, members);
}
