//! Users made and changed by administrators.

use serde_json::json;

use super::{acme, assert_whole, events, get, patch, post};

const BADGE: &str = "urn:usher:scim:schemas:extension:acme:2.0:User";
const FILE: &str = "[[licences]]\nkey = \"pro\"\nname = \"Pro\"\nlimit = 1\n[[user_attributes]]\nname = \"badge\"\ntype = \
                    \"string\"\nunique = true\n[[user_attributes]]\nname = \"desk\"\ntype = \"complex\"\nsub_attributes = [{ name \
                    = \"room\", type = \"string\" }, { name = \"row\", type = \"integer\" }]\n";

#[tokio::test]
async fn a_user_is_prepared_with_attributes_of_every_schema() {
    let (_inside, acme, client) = acme(FILE).await;
    let body = json!({
        "user_name": "ada",
        "attributes": {
            "displayName": "Ada Lovelace",
            "name": { "givenName": "Ada", "familyName": "Lovelace" },
            "emails": [{ "value": "ada@acme.example", "primary": true }],
            BADGE: { "badge": "B1", "desk": { "room": "A", "row": 3 } },
        },
    });
    let made = post(&acme, "/users", body).await.expect(201);
    assert_eq!(made["state"], "prepared");
    assert_eq!(made["attributes"][BADGE]["desk"], json!({ "room": "A", "row": 3 }));
    assert!(made.get("invitation").is_none());
    let id = made["id"].as_str().expect("an id");
    let seen = client.get(&format!("/scim/acme/v2/Users/{id}")).await.expect(200);
    assert_eq!(
        (&seen["name"]["familyName"], &seen[BADGE]["badge"]),
        (&json!("Lovelace"), &json!("B1"))
    );
    let twice = json!({ "user_name": "grace", "attributes": { BADGE: { "badge": "B1" } } });
    let refused = post(&acme, "/users", twice).await.expect(409);
    assert_eq!(refused["attribute"], format!("{BADGE}:badge"));
    assert_whole(&acme).await;
}

#[tokio::test]
async fn an_invited_user_gets_a_secret_that_works_once() {
    let (_inside, acme, _) = acme(FILE).await;
    let body = json!({ "user_name": "ada", "invite": true });
    let made = post(&acme, "/users", body).await.expect(201);
    assert_eq!(made["state"], "invited");
    let accept = json!({ "secret": made["invitation"]["secret"], "password": "long enough 1!" });
    acme.post("/api/v1/invitations/accept", accept.clone())
        .await
        .expect(200);
    acme.post("/api/v1/invitations/accept", accept).await.expect(403);
}

#[tokio::test]
async fn a_user_without_a_free_seat_is_not_made() {
    let (_inside, acme, _) = acme(FILE).await;
    let with_seat = |name: &str| json!({ "user_name": name, "licences": ["pro"] });
    post(&acme, "/users", with_seat("ada")).await.expect(201);
    let refused = post(&acme, "/users", with_seat("grace")).await.expect(403);
    assert_eq!(refused["type"], "urn:usher:problem:seats-exhausted");
    assert_eq!(get(&acme, "/users").await["items"].as_array().map(Vec::len), Some(1));
    post(&acme, "/users", json!({ "user_name": "grace" })).await.expect(201);
    assert_whole(&acme).await;
}

#[tokio::test]
async fn a_merge_patch_changes_what_it_names_and_null_takes_away() {
    let (_inside, acme, _) = acme(FILE).await;
    let body = json!({
        "user_name": "ada",
        "attributes": {
            "title": "Countess",
            "nickName": "Addie",
            "name": { "givenName": "Ada", "familyName": "Byron" },
            "emails": [{ "value": "ada@acme.example" }, { "value": "ada@home.example" }],
            BADGE: { "badge": "B1", "desk": { "room": "A", "row": 3 } },
        },
    });
    post(&acme, "/users", body).await.expect(201);
    let change = json!({
        "user_name": "Ada.Lovelace",
        "attributes": {
            "NickName": null,
            "timezone": null,
            "name": { "familyName": "Lovelace", "givenName": null },
            "emails": [{ "value": "ada@acme.example" }],
            BADGE: { "desk": { "row": null } },
        },
    });
    let after = patch(&acme, "/users/ada", change).await.expect(200);
    assert_eq!(after["user_name"], "Ada.Lovelace");
    assert_eq!(
        after["attributes"],
        json!({
            "title": "Countess",
            "name": { "familyName": "Lovelace" },
            "emails": [{ "value": "ada@acme.example" }],
            BADGE: { "badge": "B1", "desk": { "room": "A" } },
        })
    );
    acme.get(&format!("{}/users/ada", super::ACME)).await.expect(404);
    let changed = events(&acme, "user.updated").await.pop().expect("an event");
    assert_eq!(
        changed["data"]["attributes"],
        json!(["emails", "name", "nickName", BADGE, "userName"])
    );
    let again = patch(
        &acme,
        "/users/ada.lovelace",
        json!({ "attributes": { "title": "Countess" } }),
    )
    .await;
    again.expect(200);
    assert_eq!(events(&acme, "user.updated").await.len(), 1, "nothing differs");
    patch(&acme, "/users/ada.lovelace", json!({ "attributes": { BADGE: null } }))
        .await
        .expect(200);
    let none = patch(&acme, "/users/ada.lovelace", json!({ "attributes": null }))
        .await
        .expect(200);
    assert_eq!(none["attributes"], json!({}));
    assert_whole(&acme).await;
}

#[tokio::test]
async fn what_the_schema_forbids_is_refused_by_name_and_changes_nothing() {
    let (_inside, acme, _) = acme(FILE).await;
    post(&acme, "/users", json!({ "user_name": "ada" })).await.expect(201);
    for (body, status, attribute) in [
        (json!({ "attributes": { "colour": "red" } }), 400, "attributes"),
        (json!({ "attributes": { "colour": null } }), 400, "attributes"),
        (json!({ "attributes": { "title": 7 } }), 400, "title"),
        (json!({ "attributes": { "active": false } }), 400, "active"),
        (json!({ "attributes": { "PASSWORD": "x" } }), 400, "password"),
        (json!({ "attributes": { "roles": [{ "value": "x" }] } }), 400, "roles"),
        (json!({ "attributes": "all" }), 400, "attributes"),
        (json!({ "state": "active" }), 400, "state"),
        (json!({ "user_name": null }), 400, "user_name"),
        (json!({ "user_name": " " }), 400, "user_name"),
        (json!({ "nicknames": [""] }), 400, "nicknames"),
        (json!({ "country_prefix": "49" }), 400, "country_prefix"),
    ] {
        let refused = patch(&acme, "/users/ada", body.clone()).await.expect(status);
        assert_eq!(refused["attribute"], attribute, "{body}: {refused:#}");
    }
    for body in [
        json!({ "user_name": "" }),
        json!({ "user_name": "a\u{7}b" }),
        json!({ "user_name": "grace", "attributes": { "colour": "red" } }),
        json!({ "user_name": "grace", "attributes": { "title": 7 } }),
        json!({ "user_name": "grace", "attributes": { "userName": "other" } }),
        json!({ "user_name": "grace", "licences": ["gold"] }),
    ] {
        post(&acme, "/users", body.clone()).await.expect(400);
    }
    assert_eq!(get(&acme, "/users").await["items"].as_array().map(Vec::len), Some(1));
    assert_eq!(events(&acme, "user.updated").await.len(), 0);
}

#[tokio::test]
async fn nicknames_and_labels_are_lists_and_the_first_nickname_stands_in_for_scims_only_one() {
    let (_inside, acme, client) = acme(FILE).await;
    let body = json!({ "user_name": "ada", "nicknames": ["Addie", "addie", "Countess"], "labels": ["vip", "maths"] });
    let made = post(&acme, "/users", body).await.expect(201);
    assert_eq!(made["nicknames"], json!(["Addie", "Countess"]));
    assert_eq!(made["labels"], json!(["maths", "vip"]));
    let path = format!("/scim/acme/v2/Users/{}", made["id"].as_str().expect("an id"));
    let seen = client.get(&path).await.expect(200);
    assert_eq!(seen["nickName"], "Addie");
    assert_eq!(
        seen[crate::kit::scim::USHER_USER]["nicknames"],
        json!(["Addie", "Countess"])
    );
    let own = json!({ "attributes": { "nickName": "A." }, "nicknames": null });
    patch(&acme, "/users/ada", own).await.expect(200);
    let seen = client.get(&path).await.expect(200);
    assert_eq!(seen["nickName"], "A.");
}
