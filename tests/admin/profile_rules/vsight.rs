//! Remote expert video: one role, one admin, seats for experts, passwords by an administrator.

use axum::http::Method;
use serde_json::{Value, json};

use super::{ask_all, profiled};

#[tokio::test]
async fn remote_experts_have_one_role_one_admin_a_seat_for_each_expert_and_a_password_of_six() {
    let acme = profiled("vsight", &[]).await;
    let user =
        |name: &str, role: &str| json!({ "user_name": name, "attributes": { "displayName": name }, "roles": [role] });
    let (post, put, delete) = (Method::POST, Method::PUT, Method::DELETE);
    ask_all(
        &acme,
        &[
            // Roles: one, chosen first; one admin in all, whom the account itself neither relieves nor blocks nor deletes.
            (
                post.clone(),
                "/users",
                json!({ "user_name": "nobody", "attributes": { "displayName": "N" } }),
                400,
                "must name one",
            ),
            (post.clone(), "/users", user("boss", "admin"), 201, ""),
            (
                post.clone(),
                "/users",
                user("second", "admin"),
                403,
                "1 hold this role already",
            ),
            (post.clone(), "/users", user("deputy", "co-admin"), 201, ""),
            (
                put.clone(),
                "/users/deputy/roles/admin?in_place=true",
                json!({}),
                403,
                "1 hold this role already",
            ),
            (
                put.clone(),
                "/users/deputy/roles/subscriber",
                json!({}),
                400,
                "exclude each other",
            ),
            (
                delete.clone(),
                "/users/deputy/roles/co-admin",
                Value::Null,
                400,
                "everyone here has a role",
            ),
            (
                delete.clone(),
                "/users/boss/roles/admin",
                Value::Null,
                400,
                "everyone here has a role",
            ),
            (
                put.clone(),
                "/users/boss/roles/subscriber?in_place=true",
                json!({}),
                403,
                "protected",
            ),
            (post.clone(), "/users/boss/suspend", json!({}), 403, "protected"),
            (delete.clone(), "/users/boss", Value::Null, 403, "protected"),
            (delete, "/users/deputy", Value::Null, 204, ""),
            // Login ids: a user name of any form, and nothing else; a real name is needed, an address is not.
            (
                post.clone(),
                "/users",
                json!({ "user_name": "zoe", "roles": ["subscriber"] }),
                400,
                "displayName",
            ),
            (
                post.clone(),
                "/users",
                json!({
                    "user_name": "zoe", "roles": ["subscriber"], "attributes": { "displayName": "Zoe" },
                    "login_ids": [{ "kind": "mobile", "value": "+31612345678" }],
                }),
                400,
                "user_name",
            ),
            (post.clone(), "/users", user("zoe", "subscriber"), 201, ""),
            // Passwords: six characters, set by an administrator.
            (
                post.clone(),
                "/users/zoe/password",
                json!({ "password": "s3cr7" }),
                400,
                "at least 6 characters",
            ),
            (
                post.clone(),
                "/users/zoe/password",
                json!({ "password": "s3cr7t" }),
                200,
                "",
            ),
            // Groups: rooms, side by side.
            (post.clone(), "/groups", json!({ "display_name": "Turbines" }), 201, ""),
            (
                post.clone(),
                "/groups",
                json!({ "display_name": "Team", "kind": "team" }),
                400,
                "kind",
            ),
            (
                post.clone(),
                "/groups",
                json!({ "display_name": "Blades", "parent": "Turbines" }),
                400,
                "set depth",
            ),
            // Resources.
            (
                post.clone(),
                "/resources",
                json!({ "type": "personal-room", "name": "Call 1" }),
                201,
                "",
            ),
            (
                post.clone(),
                "/resources",
                json!({ "type": "channel", "name": "News" }),
                400,
                "channel",
            ),
        ],
    )
    .await;
    let zoe = acme.get("/users/zoe").await.expect(200);
    assert_eq!(
        zoe["state"], "enrolled",
        "the password is hers to keep, and no invitation went out"
    );
    let turbines = acme.get("/groups/Turbines").await.expect(200);
    assert_eq!((&turbines["kind"], &turbines["level"]), (&json!("room"), &json!(1)));
    // Licences: five experts, and no sixth; everyone else is free.
    for number in 0..5 {
        acme.post("/users", user(&format!("expert{number}"), "expert"))
            .await
            .expect(201);
    }
    let sixth = user("expert5", "expert");
    ask_all(
        &acme,
        &[
            (
                post.clone(),
                "/users",
                sixth.clone(),
                403,
                "no free seat of licence expert: 5 of 5",
            ),
            (
                put,
                "/users/zoe/roles/expert?in_place=true",
                json!({}),
                403,
                "no free seat of licence expert",
            ),
            (post.clone(), "/users", user("guest", "subscriber"), 201, ""),
            (Method::DELETE, "/users/expert0", Value::Null, 204, ""),
            (post, "/users", sixth, 201, ""),
        ],
    )
    .await;
    acme.verify().await;
}
