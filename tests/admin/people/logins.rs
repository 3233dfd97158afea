//! Login ids: several for a person, unique over all kinds, caseless.

use serde_json::{Value, json};

use super::{acme, apply, assert_whole, get, patch, post};
use crate::kit::scim::USHER_USER;

const FILE: &str = "[organisation.defaults]\ncountry_prefix = \"+49\"\n";

fn login(kind: &str, value: &str) -> Value {
    json!({ "kind": kind, "value": value })
}

#[tokio::test]
async fn a_person_is_found_by_every_login_id_in_any_way_of_writing_it() {
    let (inside, acme, client) = acme(FILE).await;
    let logins = [
        login("email", "Ada@Acme.example"),
        login("mobile", "0151 / 2345-6789"),
        login("user_name", "countess"),
    ];
    let made = post(&acme, "/users", json!({ "user_name": "ada", "login_ids": logins }))
        .await
        .expect(201);
    let id = made["id"].as_str().expect("an id");
    assert!(
        made["login_ids"].to_string().contains("+4915123456789"),
        "a number is kept in E.164: {made:#}"
    );
    for text in [
        "ADA",
        "ada@acme.EXAMPLE",
        "Countess",
        "+49 151 23456789",
        "0151 23456789",
        "004915123456789",
    ] {
        let escaped: String = form_urlencoded::byte_serialize(text.as_bytes()).collect();
        let found = get(&acme, &format!("/users?user_name={escaped}")).await;
        assert_eq!(found["items"][0]["id"], id, "{text}");
    }
    let acme_id = inside
        .directory
        .find_organisation(&crate::kit::scim::slug("acme"))
        .await;
    let acme_id = acme_id.expect("a read").expect("acme").organisation.id;
    let found = inside
        .directory
        .find_login(acme_id, "0151 23456789")
        .await
        .expect("a read");
    let (user, kind) = found.expect("somebody");
    assert_eq!((user.id.to_string().as_str(), kind.as_str()), (id, "mobile"));
    let seen = client.get(&format!("/scim/acme/v2/Users/{id}")).await.expect(200);
    assert_eq!(seen[USHER_USER]["loginIds"].as_array().map(Vec::len), Some(3));
    assert_whole(&acme).await;
}

#[tokio::test]
async fn no_two_people_sign_in_by_the_same_text_whatever_its_kind_and_the_door() {
    let (_inside, acme, client) = acme(FILE).await;
    let ada = json!({
        "user_name": "ada@acme.example",
        "login_ids": [login("email", "ADA@acme.example"), login("mobile", "+4915123456789")],
    });
    post(&acme, "/users", ada).await.expect(201);
    for (body, attribute) in [
        (json!({ "user_name": "Ada@Acme.Example" }), "userName"),
        (json!({ "user_name": "+4915123456789" }), "userName"),
        (json!({ "user_name": "+49 (151) 2345-6789" }), "userName"),
        (
            json!({ "user_name": "grace", "login_ids": [login("email", "ada@acme.example")] }),
            "loginIds",
        ),
        (
            json!({ "user_name": "grace", "login_ids": [login("mobile", "0151 23456789")] }),
            "loginIds",
        ),
        (
            json!({ "user_name": "grace", "login_ids": [login("user_name", "+4915123456789")] }),
            "loginIds",
        ),
    ] {
        let refused = post(&acme, "/users", body.clone()).await.expect(409);
        assert_eq!(refused["attribute"], attribute, "{body}");
    }
    let scim = json!({ "schemas": [crate::kit::scim::USER], "userName": "+4915123456789" });
    client
        .post("/scim/acme/v2/Users", scim.clone())
        .await
        .refused(409, Some("uniqueness"));
    // What is given up is free again, for another person and by another door.
    patch(
        &acme,
        "/users/ada@acme.example",
        json!({ "login_ids": [login("email", "ada@acme.example")] }),
    )
    .await
    .expect(200);
    client.post("/scim/acme/v2/Users", scim).await.expect(201);
    let rename = json!({ "user_name": "ada" });
    patch(&acme, "/users/ada@acme.example", rename).await.expect(200);
    let still = json!({ "user_name": "grace", "login_ids": [login("email", "ada@acme.example")] });
    post(&acme, "/users", still).await.expect(409);
    assert_whole(&acme).await;
    acme.delete(&format!("{}/users/ada", super::ACME)).await.expect(204);
    let free = json!({ "user_name": "ada", "login_ids": [login("email", "ada@acme.example")] });
    post(&acme, "/users", free).await.expect(201);
    assert_whole(&acme).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_ask_for_one_login_id_as_different_kinds_one_gets_it() {
    let (_inside, acme, _) = acme(FILE).await;
    let tasks: Vec<_> = (0..16)
        .map(|number| {
            let acme = acme.clone();
            let body = match number % 3 {
                0 => json!({ "user_name": "+4915123456789" }),
                1 => json!({ "user_name": format!("user{number}"), "login_ids": [login("mobile", "0151 23456789")] }),
                _ => {
                    json!({ "user_name": format!("user{number}"), "login_ids": [login("user_name", "+4915123456789")] })
                }
            };
            tokio::spawn(async move { post(&acme, "/users", body).await.status.as_u16() })
        })
        .collect();
    let mut made = 0;
    for task in tasks {
        match task.await.expect("no panic") {
            201 => made += 1,
            status => assert_eq!(status, 409),
        }
    }
    assert_eq!(made, 1);
    assert_whole(&acme).await;
}

#[tokio::test]
async fn what_is_no_login_id_is_refused() {
    let (_inside, acme, _) = acme("").await;
    for (kind, value) in [
        ("email", "ada"),
        ("email", "a b@acme.example"),
        ("mobile", "12"),
        ("mobile", "call me"),
        // No country is known.
        ("mobile", "0151 23456789"),
        ("user_name", " "),
        ("user_name", "a\u{7}"),
    ] {
        let body = json!({ "user_name": "ada", "login_ids": [login(kind, value)] });
        let refused = post(&acme, "/users", body).await.expect(400);
        assert_eq!(refused["attribute"], "login_ids", "{kind} {value:?}");
    }
    let kind = json!({ "user_name": "ada", "login_ids": [login("fax", "1")] });
    post(&acme, "/users", kind).await.expect(422);
}

#[tokio::test]
async fn an_organisation_decides_the_kinds_and_whether_an_address_is_needed_at_every_door() {
    let strict = "[organisation.login]\nkinds = [\"email\", \"mobile\"]\nemail_required = true\n";
    let (_inside, acme, client) = acme(strict).await;
    let emails = json!([{ "value": "ada@acme.example" }]);
    let named = |name: &str| json!({ "user_name": name, "attributes": { "emails": emails } });
    post(&acme, "/users", named("ada")).await.expect(400);
    post(&acme, "/users", json!({ "user_name": "ada@acme.example" }))
        .await
        .expect(400);
    post(&acme, "/users", named("ada@acme.example")).await.expect(201);
    post(&acme, "/users", named("+49 151 23456789")).await.expect(201);
    let scim = |name: &str| json!({ "schemas": [crate::kit::scim::USER], "userName": name, "emails": emails });
    client
        .post("/scim/acme/v2/Users", scim("grace"))
        .await
        .refused(400, Some("invalidValue"));
    client
        .post("/scim/acme/v2/Users", scim("grace@acme.example"))
        .await
        .expect(201);
    let lost = json!({ "attributes": { "emails": null } });
    patch(&acme, "/users/ada@acme.example", lost.clone()).await.expect(400);
    let other = json!({ "login_ids": [login("user_name", "countess")] });
    patch(&acme, "/users/ada@acme.example", other).await.expect(400);
    apply(&acme, "[organisation.login]\nkinds = [\"user_name\"]\n")
        .await
        .expect(200);
    patch(&acme, "/users/ada@acme.example", lost).await.expect(200);
    apply(&acme, "[organisation.login]\nkinds = []\n").await.expect(422);
    apply(&acme, "[organisation.defaults]\ntimezone = \"Mars/../x\"\n")
        .await
        .expect(422);
}
