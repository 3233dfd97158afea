//! Telephony and teams: one owner, user ids, seats, teams, extra information.

use axum::http::Method;
use serde_json::{Value, json};

use super::{ask_all, profiled};
use crate::kit::access::ACME;
use crate::kit::custom_attributes::OWN;

#[tokio::test]
async fn a_telephone_system_has_one_owner_teams_side_by_side_and_no_more_people_than_seats() {
    let acme = profiled("lynes", &[]).await;
    let user = |name: &str, more: Value| {
        let mut body = json!({ "user_name": format!("{name}@acme.example"), "invite": false });
        body.as_object_mut()
            .expect("an object")
            .extend(more.as_object().expect("an object").clone());
        body
    };
    let (post, put, delete) = (Method::POST, Method::PUT, Method::DELETE);
    ask_all(
        &acme,
        &[
            // Roles: the owner is one person, and stays it.
            (
                post.clone(),
                "/users",
                user("owner", json!({ "roles": ["account-owner"] })),
                201,
                "",
            ),
            (
                post.clone(),
                "/users",
                user("ada", json!({ "roles": ["account-owner"] })),
                403,
                "1 hold this role already",
            ),
            (
                post.clone(),
                "/users",
                user("ada", json!({ "roles": ["administrator", "finance"] })),
                201,
                "",
            ),
            (
                put.clone(),
                "/users/ada@acme.example/roles/account-owner",
                json!({}),
                403,
                "1 hold this role already",
            ),
            (
                delete.clone(),
                "/users/owner@acme.example/roles/account-owner",
                Value::Null,
                403,
                "protected",
            ),
            (
                post.clone(),
                "/users/owner@acme.example/suspend",
                json!({}),
                403,
                "protected",
            ),
            (delete, "/users/owner@acme.example", Value::Null, 403, "protected"),
            // Login ids: an address or a mobile number.
            (
                post.clone(),
                "/users",
                json!({ "user_name": "bob", "invite": false }),
                400,
                "must be one of",
            ),
            (
                post.clone(),
                "/users",
                user("bob", json!({ "login_ids": [{ "kind": "user_name", "value": "bob" }] })),
                400,
                "email",
            ),
            (post.clone(), "/users", json!({ "user_name": "+31612345678" }), 201, ""),
            // Passwords: the gateway's own rule.
            (
                post.clone(),
                "/users/ada@acme.example/password",
                json!({ "password": "s3cr7t-" }),
                400,
                "at least 8 characters",
            ),
            // Groups: teams, side by side.
            (post.clone(), "/groups", json!({ "display_name": "Support" }), 201, ""),
            (
                post.clone(),
                "/groups",
                json!({ "display_name": "Room", "kind": "room" }),
                400,
                "kind",
            ),
            (
                post.clone(),
                "/groups",
                json!({ "display_name": "Night", "parent": "Support" }),
                400,
                "set depth",
            ),
            // Attributes: extra information is a text, and optional.
            (
                Method::PATCH,
                "/users/ada@acme.example",
                json!({ "attributes": { OWN: { "extraInformation": 7 } } }),
                400,
                "extraInformation",
            ),
            (
                Method::PATCH,
                "/users/ada@acme.example",
                json!({ "attributes": { OWN: { "extraInformation": "speaks Frisian" } } }),
                200,
                "",
            ),
        ],
    )
    .await;
    assert_eq!(
        acme.get("/users/+31612345678").await.expect(200)["state"],
        "invited",
        "unless it is to be prepared"
    );
    assert_eq!(acme.get("/groups/Support").await.expect(200)["kind"], "team");
    // Nobody but the vendor makes an owner, not even where there is none.
    let boss = acme.get("/users/owner@acme.example").await.expect(200);
    let path = format!(
        "{ACME}/users/{}/roles/account-owner",
        boss["id"].as_str().expect("an id")
    );
    acme.root.delete(&path).await.expect(200);
    let ada = acme.person("ada@acme.example").await;
    ada.put(
        &format!("{ACME}/users/owner@acme.example/roles/account-owner"),
        json!({}),
    )
    .await
    .expect(403);
    // Licences: ten pro seats from the day on which a person is prepared, three for surveys, any number of the basic kind.
    for (licence, limit) in [("pro", 10), ("survey", 3)] {
        for number in 0..limit {
            let name = format!("{licence}{number}");
            acme.post("/users", user(&name, json!({ "licences": [licence, "basic"] })))
                .await
                .expect(201);
        }
        let refused = acme
            .post("/users", user("late", json!({ "licences": [licence] })))
            .await
            .expect(403);
        let told = format!("no free seat of licence {licence}: {limit} of {limit}");
        assert!(refused.to_string().contains(&told), "{refused:#}");
    }
    acme.verify().await;
}
