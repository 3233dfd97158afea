//! Call tracking: three levels, one kind of user a person, agents.

use axum::http::Method;
use serde_json::{Value, json};

use super::{ask_all, profiled};
use crate::kit::custom_attributes::OWN;

#[tokio::test]
async fn call_tracking_has_three_levels_one_kind_of_user_a_person_and_passwords_by_administrators() {
    let acme = profiled("convirza", &[]).await;
    let agent = |name: &str, id: &str| json!({ "user_name": name, "roles": ["standard"], "attributes": { OWN: { "agentId": id } } });
    let (post, put, delete) = (Method::POST, Method::PUT, Method::DELETE);
    let root = acme.get("/groups?filter=is_billing_root%20eq%20true").await.expect(200);
    let root = format!("/groups/{}", root["items"][0]["id"].as_str().expect("an id"));
    ask_all(
        &acme,
        &[
            // Groups: three levels below one root that stays.
            (post.clone(), "/groups", json!({ "display_name": "North" }), 201, ""),
            (
                post.clone(),
                "/groups",
                json!({ "display_name": "Sales", "parent": "North" }),
                201,
                "",
            ),
            (
                post.clone(),
                "/groups",
                json!({ "display_name": "Deep", "parent": "Sales" }),
                400,
                "level 4",
            ),
            (
                post.clone(),
                "/groups",
                json!({ "display_name": "Team", "kind": "team" }),
                400,
                "kind",
            ),
            (delete, &root, Value::Null, 403, "billing root"),
            // Roles: of one kind.
            (post.clone(), "/users", agent("ada", "7"), 201, ""),
            (
                put.clone(),
                "/users/ada/roles/read-only",
                json!({}),
                400,
                "exclude each other",
            ),
            (
                put.clone(),
                "/users/ada/roles/scorer",
                json!({}),
                400,
                "exclude each other",
            ),
            (put, "/users/ada/roles/admin?in_place=true", json!({}), 200, ""),
            // Attributes: no two people have the same agent id, whoever asks.
            (post.clone(), "/users", agent("grace", "7"), 409, "agentId"),
            (post.clone(), "/users", agent("grace", "8"), 201, ""),
            // Onboarding and passwords: an administrator sets one.
            (
                post.clone(),
                "/users/grace/password",
                json!({ "password": "s3cr7t-" }),
                400,
                "at least 8 characters",
            ),
            (
                post.clone(),
                "/users/grace/password",
                json!({ "password": "s3cr7t-7" }),
                200,
                "",
            ),
            // Resources: a ring-to number is one user's.
            (
                post.clone(),
                "/resources",
                json!({ "type": "ring-to", "name": "+31201234567" }),
                201,
                "",
            ),
            (
                post.clone(),
                "/resources/ring-to:+31201234567/assignments",
                json!({ "users": ["ada"] }),
                200,
                "",
            ),
            (
                post.clone(),
                "/resources/ring-to:+31201234567/assignments",
                json!({ "users": ["grace"] }),
                409,
                "ring-to",
            ),
            (
                post,
                "/resources/ring-to:+31201234567/assignments",
                json!({ "groups": ["North"] }),
                400,
                "groups",
            ),
        ],
    )
    .await;
    let roles = acme.get("/users/ada").await.expect(200)["roles"].clone();
    assert_eq!(roles, json!({ "admin": ["direct"] }));
    assert_eq!(
        acme.get("/users/ada").await.expect(200)["state"],
        "prepared",
        "nobody is invited unasked"
    );
    assert_eq!(acme.get("/users/grace").await.expect(200)["state"], "enrolled");
    acme.verify().await;
}
