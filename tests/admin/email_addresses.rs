//! An e-mail address is one address, at every door; what identity providers send besides is met as it is.

use axum::http::Method;
use serde_json::{Value, json};

use crate::kit::gateway::{Caller, Inside};

const ORG: &str = "/api/v1/organisations/acme";

/// With the part of the reason that tells why.
const FAULTY: [(&str, &str); 5] = [
    ("a@x.example, b@x.example\r\nBcc: z@x.example", "control character"),
    ("a@x.example, b@x.example", "more than one"),
    ("a@x.example;b@x.example", "more than one"),
    ("a@x.example b@x.example", "more than one"),
    ("a@x.example\u{0}", "control character"),
];

async fn acme() -> (Caller, Caller) {
    let acme = Inside::new().administrator().await.organisation("acme").await;
    let file = "[organisation]\nslug = \"acme\"\n[[connections]]\nname = \"entra\"\nkind = \"scim\"\n";
    acme.apply("acme", file).await.expect(200);
    let client = acme.connection("acme", "entra").await;
    (acme, client)
}

fn emails(value: &str) -> Value {
    json!([{ "value": value, "type": "work" }])
}

#[tokio::test]
async fn an_administrator_is_told_which_address_is_none() {
    let (acme, _) = acme().await;
    let users = format!("{ORG}/users");
    let made = json!({ "user_name": "ada", "attributes": { "emails": emails("ada@x.example") } });
    acme.post(&users, made).await.expect(201);
    let none = [
        ("ada", "not an e-mail"),
        ("ada@", "not an e-mail"),
        ("@x.example", "not an e-mail"),
    ];
    for (value, why) in FAULTY.into_iter().chain(none) {
        let attributes = json!({ "emails": emails(value) });
        let body = json!({ "user_name": "grace", "attributes": attributes });
        let made = acme.post(&users, body).await.expect(400);
        let changed = acme
            .patch(&format!("{users}/ada"), json!({ "attributes": attributes }))
            .await
            .expect(400);
        for refused in [made, changed] {
            assert_eq!(refused["attribute"], "emails.value", "{refused:#}");
            assert!(
                refused["detail"].as_str().is_some_and(|told| told.contains(why)),
                "{refused:#}"
            );
        }
    }
    for value in [
        "ada+list@x.example",
        "o'hara@x.example",
        "jürgen@müller.example",
        "root@localhost",
    ] {
        let body = json!({ "attributes": { "emails": emails(value) } });
        acme.patch(&format!("{users}/ada"), body).await.expect(200);
    }
}

#[tokio::test]
async fn an_imported_row_with_two_addresses_is_refused_by_itself() {
    let (acme, _) = acme().await;
    let sheet = "user_name,emails\nada,\"ada@x.example\"\ngrace,\"grace@x.example\nBcc: z@x.example\"\n";
    let planned = acme
        .send(Method::POST, &format!("{ORG}/imports"), Some(json!(sheet)))
        .await;
    assert_eq!(planned.status.as_u16(), 201, "{:#}", planned.body);
    let outcomes = json!({ "create": 1, "update": 0, "nothing": 0, "refused": 1 });
    assert_eq!(planned.body["planned"], outcomes, "{:#}", planned.body);
}

#[tokio::test]
async fn an_identity_provider_is_met_as_it_is_but_for_a_second_address() {
    let (_, client) = acme().await;
    let person = |name: &str, emails: Value| {
        json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
            "userName": name,
            "emails": emails,
        })
    };
    let users = "/scim/acme/v2/Users";
    for (value, _) in FAULTY {
        let refused = client.post(users, person("ada", emails(value))).await;
        assert_eq!(refused.status.as_u16(), 400, "{value:?}: {:#}", refused.body);
        assert_eq!(refused.body["scimType"], "invalidValue");
        assert!(
            refused.body["detail"]
                .as_str()
                .is_some_and(|told| told.contains("emails.value"))
        );
    }
    for (name, sent) in [
        ("empty", emails("")),
        ("none", Value::Null),
        ("list", json!([])),
        ("name", emails("no address at all")),
        ("plus", emails("ada+entra@x.onmicrosoft.example")),
    ] {
        let made = client.post(users, person(name, sent)).await;
        assert_eq!(made.status.as_u16(), 201, "{name}: {:#}", made.body);
    }
}
