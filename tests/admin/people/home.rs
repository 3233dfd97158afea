//! Home groups, moves with a review, and what is inherited from them.

use serde_json::{Value, json};

use super::{acme, assert_whole, events, get, patch, post, put};
use crate::kit::gateway::Caller;
use crate::kit::scim::{GROUP, USHER_USER};

async fn group(client: &Caller, name: &str) -> String {
    let body = json!({ "schemas": [GROUP], "displayName": name });
    client.post("/scim/acme/v2/Groups", body).await.id()
}

async fn origins(acme: &Caller, group: &str) -> Vec<Value> {
    let members = get(acme, &format!("/groups/{group}/members")).await;
    let members = members["items"].as_array().expect("a list").clone();
    members.into_iter().map(|member| member["origins"].clone()).collect()
}

#[tokio::test]
async fn a_move_takes_the_membership_along_keeps_the_others_and_asks_for_a_review() {
    let (_inside, acme, client) = acme("").await;
    let (north, south) = (group(&client, "North").await, group(&client, "South").await);
    let everyone = group(&client, "Everyone").await;
    let made = post(&acme, "/users", json!({ "user_name": "ada", "home_group": "north" }))
        .await
        .expect(201);
    let id = made["id"].as_str().expect("an id").to_owned();
    assert_eq!(
        (&made["home_group"], &made["review_pending"]),
        (&json!(north), &json!(null))
    );
    let add = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{ "op": "add", "path": "members", "value": [{ "value": id }] }],
    });
    let path = format!("/scim/acme/v2/Groups/{everyone}");
    client
        .send(axum::http::Method::PATCH, &path, Some(add))
        .await
        .expect(204);
    let moved = post(&acme, "/users/ada/move", json!({ "to": "South", "take_history": true }))
        .await
        .expect(200);
    assert_eq!(moved["home_group"], south);
    assert_eq!(moved["review_pending"]["from"], north);
    assert_eq!(origins(&acme, "north").await, Vec::<Value>::new());
    assert_eq!(origins(&acme, "south").await, [json!(["home"])]);
    assert_eq!(origins(&acme, "everyone").await, [json!(["connection:entra"])]);
    let told = events(&acme, "user.moved").await;
    assert_eq!(told.len(), 1);
    assert_eq!(
        told[0]["data"],
        json!({ "from": north, "to": south, "take_history": true })
    );
    let seen = client.get(&format!("/scim/acme/v2/Users/{id}")).await.expect(200);
    assert_eq!(seen[USHER_USER]["homeGroup"]["value"], south);
    assert_eq!(seen[USHER_USER]["reviewPending"], true);
    let reviewed = post(&acme, "/users/ada/review-permissions", json!(null))
        .await
        .expect(200);
    assert_eq!(
        (&reviewed["reviewed"], &reviewed["review_pending"]),
        (&json!(true), &json!(null))
    );
    let again = post(&acme, "/users/ada/review-permissions", json!(null))
        .await
        .expect(200);
    assert_eq!(again["reviewed"], false);
    assert_eq!(events(&acme, "user.reviewed").await.len(), 1);
    // Moving to where one is changes nothing.
    post(&acme, "/users/ada/move", json!({ "to": south })).await.expect(200);
    assert_eq!(events(&acme, "user.moved").await.len(), 1);
    post(&acme, "/users/ada/move", json!({ "to": "Nowhere" }))
        .await
        .expect(404);
    assert_whole(&acme).await;
}

#[tokio::test]
async fn a_member_for_another_reason_stays_when_the_home_moves() {
    let (_inside, acme, client) = acme("").await;
    group(&client, "North").await;
    group(&client, "South").await;
    let made = post(&acme, "/users", json!({ "user_name": "ada", "home_group": "North" }))
        .await
        .expect(201);
    let add = json!({
        "schemas": [GROUP],
        "displayName": "Shared",
        "members": [{ "value": made["id"] }],
    });
    client.post("/scim/acme/v2/Groups", add).await.expect(201);
    post(&acme, "/users/ada/move", json!({ "to": "Shared" }))
        .await
        .expect(200);
    assert_eq!(origins(&acme, "shared").await, [json!(["connection:entra", "home"])]);
    post(&acme, "/users/ada/move", json!({ "to": "South" }))
        .await
        .expect(200);
    assert_eq!(origins(&acme, "shared").await, [json!(["connection:entra"])]);
    assert_whole(&acme).await;
}

#[tokio::test]
async fn who_loses_the_home_group_has_none_and_is_to_be_reviewed() {
    let (inside, acme, client) = acme("").await;
    let north = group(&client, "North").await;
    post(&acme, "/users", json!({ "user_name": "ada", "home_group": "North" }))
        .await
        .expect(201);
    client
        .delete(&format!("/scim/acme/v2/Groups/{north}"))
        .await
        .expect(204);
    let found = inside
        .directory
        .find_organisation(&crate::kit::scim::slug("acme"))
        .await;
    let organisation = found.expect("a read").expect("acme").organisation.id;
    inside.directory.purge_groups(organisation).await.expect("purged");
    let after = get(&acme, "/users/ada").await;
    assert_eq!(after["home_group"], json!(null));
    assert_eq!(after["review_pending"]["from"], north);
    assert_whole(&acme).await;
}

#[tokio::test]
async fn language_time_zone_and_prefix_come_from_the_person_the_home_group_or_the_organisation() {
    let defaults =
        "[organisation.defaults]\nlanguage = \"de\"\ntimezone = \"Europe/Berlin\"\ncountry_prefix = \"+49\"\n";
    let (_inside, acme, client) = acme(defaults).await;
    let zurich = group(&client, "Zurich").await;
    put(
        &acme,
        "/groups/zurich/defaults",
        json!({ "language": "de-CH", "country_prefix": "+41" }),
    )
    .await
    .expect(200);
    put(&acme, "/groups/zurich/defaults", json!({ "language": "x" }))
        .await
        .expect(422);
    let body = json!({ "user_name": "ada", "home_group": "Zurich", "country_prefix": "+44" });
    post(&acme, "/users", body).await.expect(201);
    assert_eq!(
        get(&acme, "/users/ada").await["effective"],
        json!({
            "language": { "value": "de-CH", "from": "group", "group": zurich },
            "timezone": { "value": "Europe/Berlin", "from": "organisation" },
            "country_prefix": { "value": "+44", "from": "user" },
        })
    );
    let own = json!({ "attributes": { "preferredLanguage": "fr" }, "country_prefix": null });
    patch(&acme, "/users/ada", own).await.expect(200);
    let effective = get(&acme, "/users/ada").await["effective"].clone();
    assert_eq!(effective["language"], json!({ "value": "fr", "from": "user" }));
    assert_eq!(effective["country_prefix"]["value"], "+41");
}
