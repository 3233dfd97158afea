//! `Idempotency-Key`: a write that is sent again is done once.

use std::sync::Arc;

use axum::http::Method;
use serde_json::{Value, json};
use usher::directory::idempotency::{Begun, Keyed};
use usher::directory::keys;
use usher::model::id::TokenId;

use crate::kit::gateway::{Caller, Inside};
use crate::kit::scim::Answer;
use crate::kit::served::Served;

async fn post(caller: &Caller, path: &str, body: Value, key: &str) -> Answer {
    caller
        .send_with(Method::POST, path, Some(body), &[("idempotency-key", key)])
        .await
}

#[tokio::test]
async fn the_same_request_is_done_once_and_answered_alike() {
    let administrator = Inside::new().administrator().await;
    let path = "/api/v1/organisations";
    let first = post(&administrator, path, json!({ "slug": "acme" }), "key-1").await;
    assert!(!first.headers.contains_key("idempotency-replayed"));
    let first = first.expect(201);
    let again = post(&administrator, path, json!({ "slug": "acme" }), "\"key-1\"").await;
    assert_eq!(again.headers["idempotency-replayed"], "true");
    assert_eq!(again.headers["content-type"], "application/json");
    assert_eq!(again.expect(201), first);
    // Without the key it is what it is: the name is taken.
    administrator.post(path, json!({ "slug": "acme" })).await.expect(409);
}

#[tokio::test]
async fn a_key_is_for_one_request_of_one_credential_in_one_organisation() {
    let inside = Inside::new();
    let administrator = inside.administrator().await;
    let acme = administrator.organisation("acme").await;
    administrator.organisation("brill").await;
    let path = "/api/v1/organisations/acme/tokens";
    post(&administrator, path, json!({ "label": "one" }), "key")
        .await
        .expect(201);
    let refused = post(&administrator, path, json!({ "label": "two" }), "key")
        .await
        .expect(422);
    assert_eq!(refused["type"], "urn:usher:problem:idempotency-key-reused");
    let other = post(&acme, path, json!({ "label": "two" }), "key").await;
    assert!(!other.headers.contains_key("idempotency-replayed"));
    other.expect(201);
    post(
        &administrator,
        "/api/v1/organisations/brill/tokens",
        json!({ "label": "two" }),
        "key",
    )
    .await
    .expect(201);
}

#[tokio::test]
async fn a_secret_is_answered_once_and_the_second_answer_says_so() {
    let inside = Inside::new();
    let acme = inside.administrator().await.organisation("acme").await;
    let path = "/api/v1/organisations/acme/tokens";
    let first = post(&acme, path, json!({ "label": "one" }), "key").await.expect(201);
    assert!(first["token"].as_str().expect("a token").starts_with("ush_"));
    let again = post(&acme, path, json!({ "label": "one" }), "key").await.expect(201);
    assert_eq!(again["id"], first["id"]);
    assert_eq!((again.get("token"), &again["withheld"]), (None, &json!(["token"])));
    let mut stored = String::new();
    let all = usher::store::Key::new(b"o".to_vec());
    let each = |_: &usher::store::Key, value: &usher::store::Versioned| {
        stored.push_str(&String::from_utf8_lossy(&value.value));
        Ok(())
    };
    inside.directory.for_each_under(&all, each).await.expect("a scan");
    assert!(!stored.contains(first["token"].as_str().expect("a token")));
}

#[tokio::test]
async fn a_refusal_gives_the_key_back() {
    let inside = Inside::new();
    let administrator = inside.administrator().await;
    let path = "/api/v1/organisations/acme/tokens";
    post(&administrator, path, json!({}), "key").await.expect(404);
    administrator
        .post("/api/v1/organisations", json!({ "slug": "acme" }))
        .await
        .expect(201);
    post(&administrator, path, json!({}), "key").await.expect(201);
    for bad in ["", "two words", &"x".repeat(256)] {
        post(&administrator, path, json!({}), bad).await.expect(400);
    }
}

#[tokio::test]
async fn many_at_once_do_the_work_once() {
    let inside = Inside::new();
    let acme = Arc::new(inside.administrator().await.organisation("acme").await);
    let path = "/api/v1/organisations/acme/tokens";
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let acme = Arc::clone(&acme);
            tokio::spawn(async move { post(&acme, path, json!({ "label": "same" }), "key").await })
        })
        .collect();
    for task in tasks {
        let answer = task.await.expect("an end");
        let status = answer.status.as_u16();
        assert!(
            status == 201 || answer.body["type"] == "urn:usher:problem:in-flight",
            "{status} {}",
            answer.body
        );
    }
    let tokens = acme.get(path).await.expect(200);
    let same = tokens["items"]
        .as_array()
        .expect("tokens")
        .iter()
        .filter(|token| token["label"] == "same");
    assert_eq!(same.count(), 1);
}

/// What a crash leaves behind, in the two places where it makes a difference.
#[tokio::test]
async fn after_a_crash_what_was_not_done_is_done_and_what_was_done_is_told() {
    let gateway = Served::start().await;
    let directory = &gateway.directory;
    let keyed = Keyed {
        organisation: keys::GATEWAY,
        token: TokenId::new(uuid::Uuid::nil()),
        hash: "key".to_owned(),
        fingerprint: "request".to_owned(),
    };
    let day = chrono::TimeDelta::days(1);
    let begin = async || directory.begin_idempotent(&keyed, day).await.expect("an answer");
    assert!(matches!(begin().await, Begun::New { .. }));
    assert_eq!(begin().await, Begun::InFlight);
    gateway.pass(121);
    // It was cut off before its work: it is done now.
    let Begun::New { key, done } = begin().await else {
        panic!("a new key")
    };
    let mut batch = usher::store::Batch::new();
    batch.put(key, done);
    gateway.store.commit(batch).await.expect("the work's own commit");
    assert_eq!(begin().await, Begun::InFlight);
    gateway.pass(121);
    // It was cut off after its work: it is not done again.
    assert_eq!(begin().await, Begun::Unanswered);
    gateway.pass(24 * 60 * 60);
    usher::server::sweep::sweep(directory).await.expect("a sweep");
    assert!(matches!(begin().await, Begun::New { .. }));
}

#[tokio::test]
async fn a_clients_work_is_marked_done_by_its_own_commit() {
    let inside = Inside::new();
    let acme = inside.administrator().await.organisation("acme").await;
    let path = "/api/v1/organisations/acme/tokens";
    let token = post(&acme, path, json!({ "label": "one" }), "key").await.expect(201);
    let told = acme
        .get("/api/v1/organisations/acme/audit?kind=token&limit=1")
        .await
        .expect(200);
    assert_eq!(told["items"][0]["changes"][0]["subject"], token["id"]);
    assert!(acme.get("/api/v1/organisations/acme/verify").await.expect(200)["done"]["violations"] == 0);
}

#[tokio::test]
async fn a_method_that_an_address_does_not_answer_uses_no_key_up() {
    let administrator = Inside::new().administrator().await;
    let path = "/api/v1/organisations";
    let wrong = administrator
        .send_with(Method::PATCH, path, Some(json!({})), &[("idempotency-key", "key-1")])
        .await;
    wrong.expect(405);
    post(&administrator, path, json!({ "slug": "acme" }), "key-1")
        .await
        .expect(201);
}

#[tokio::test]
async fn the_address_of_a_guests_page_holds_a_secret_and_is_not_kept() {
    let inside = Inside::new();
    let acme = inside.administrator().await.organisation("acme").await;
    let file = "[organisation]\nslug = \"acme\"\nguest_url = \"https://meet.acme.example/guest?key={secret}\"\n";
    acme.apply("acme", file).await.expect(200);
    let guest = json!({ "name": "Grace", "email": "grace@example.org" });
    let path = "/api/v1/organisations/acme/guests";
    let first = post(&acme, path, guest.clone(), "key-1").await.expect(201);
    assert!(first["url"].is_string(), "{first:#}");
    let again = post(&acme, path, guest, "key-1").await.expect(201);
    assert_eq!(again["withheld"], json!(["secret", "url"]), "{again:#}");
    assert!(again.get("url").is_none() && again["id"] == first["id"], "{again:#}");
}
