//! An assertion for a token, and what the token opens.

use std::sync::Arc;

use serde_json::json;
use usher::config::Config;
use usher::directory::keys::{self, Table};
use usher::model::event::EventKind;
use usher::store::Scan;

use super::client::{JWT_BEARER, Known};
use crate::kit::served::Served;

#[tokio::test]
async fn an_assertion_opens_the_connection_as_a_lasting_token_does() {
    let known = Known::new().await;
    let answer = known.show(&known.assertion()).await;
    assert_eq!(answer.headers["cache-control"], "no-store");
    assert_eq!(answer.headers["pragma"], "no-cache");
    assert_eq!(
        (
            &answer.body["token_type"],
            &answer.body["expires_in"],
            &answer.body["scope"]
        ),
        (&json!("Bearer"), &json!(3600), &json!("scim"))
    );
    let token = answer.access();
    assert_eq!(known.status(&token).await, 200);
    let user = json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "ada" });
    let url = format!("{}/scim/acme/v2/Users", known.served.url);
    let created = known.served.http.post(url).bearer_auth(&token).json(&user).send().await;
    assert_eq!(created.expect("an answer").status().as_u16(), 201);
    let organisation = known.permit.organisation();
    let events = known.served.directory.events_after(organisation, 0, 100).await;
    let events = events.expect("events");
    let made = events
        .iter()
        .find(|numbered| numbered.event.kind == EventKind::UserCreated);
    let actor = &made.expect("the event").event.actor;
    assert_eq!(actor.connection.as_ref().expect("a connection").as_str(), "entra");
    assert!(actor.token.is_some(), "the event names the access token");
}

#[tokio::test]
async fn the_jwt_bearer_grant_gives_the_same() {
    let known = Known::new().await;
    let assertion = known.assertion();
    let form = [
        ("grant_type", JWT_BEARER),
        ("assertion", assertion.as_str()),
        ("scope", "scim"),
    ];
    let token = known.served.token("acme", &form).await.access();
    assert_eq!(known.status(&token).await, 200);
    let again = known.served.token("acme", &form).await.refused(400, "invalid_grant");
    assert!(again.contains("used before"), "{again}");
}

#[tokio::test]
async fn an_access_token_opens_nothing_else() {
    let known = Known::new().await;
    known.served.organisation("globex").await;
    let token = known.access().await;
    assert_eq!(known.served.scim_status("globex", &token).await, 401);
    assert_eq!(known.served.scim_status("nobody", &token).await, 401);
    let url = format!("{}/api/v1/organisations/acme", known.served.url);
    let asked = known.served.http.get(url).bearer_auth(&token).send().await;
    assert_eq!(asked.expect("an answer").status().as_u16(), 403);
    // Nor is it good for another one: it is not the client's secret.
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", "entra"),
        ("client_secret", token.as_str()),
    ];
    known.served.token("acme", &form).await.refused(401, "invalid_client");
}

#[tokio::test]
async fn an_assertion_opens_nothing_a_second_time() {
    let known = Known::new().await;
    let assertion = known.assertion();
    known.show(&assertion).await.access();
    let refused = known.show(&assertion).await.refused(401, "invalid_client");
    assert!(refused.contains("used before"), "{refused}");
    // The same identifier under another signature is the same assertion.
    let mut claims = known.claims();
    claims["jti"] = json!("the same");
    known.show(&known.signer.sign(&claims)).await.access();
    claims["exp"] = json!(known.served.now() + 200);
    known
        .show(&known.signer.sign(&claims))
        .await
        .refused(401, "invalid_client");
}

#[tokio::test]
async fn of_many_at_once_one_assertion_opens_once() {
    let known = Known::new().await;
    let assertion = known.assertion();
    let shown = (0..16).map(|_| known.show(&assertion));
    let answers = futures_util::future::join_all(shown).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    assert_eq!(answers.iter().filter(|answer| answer.status == 401).count(), 15);
}

#[tokio::test]
async fn another_process_on_the_same_store_knows_what_was_used_and_what_was_issued() {
    let known = Known::new().await;
    let assertion = {
        let mut claims = known.claims();
        claims["aud"] = json!("https://usher.example/token");
        known.signer.sign(&claims)
    };
    known
        .set(|client| client.audience = Some("https://usher.example/token".to_owned()))
        .await;
    let token = known.show(&assertion).await.access();
    let Known { served, permit, signer } = known;
    let restarted = Served::over(Arc::clone(&served.store), Config::default()).await;
    let again = Known {
        served: restarted,
        permit,
        signer,
    };
    assert_eq!(again.status(&token).await, 200);
    again.show(&assertion).await.refused(401, "invalid_client");
}

#[tokio::test]
async fn an_access_token_ends() {
    let known = Known::new().await;
    known.set(|client| client.token_lifetime_s = 600).await;
    let token = known.access().await;
    known.served.pass(590);
    assert_eq!(known.status(&token).await, 200);
    known.served.pass(11);
    assert_eq!(known.status(&token).await, 401);
}

#[tokio::test]
async fn other_settings_end_every_access_token_at_once() {
    let known = Known::new().await;
    let first = known.access().await;
    known.set(|client| client.leeway_s = 30).await;
    assert_eq!(known.status(&first).await, 401);
    let second = known.access().await;
    assert_eq!(known.status(&second).await, 200);
    known.served.connect(&known.permit, "entra", |_| {}).await;
    assert_eq!(known.status(&second).await, 401);
    known.show(&known.assertion()).await.refused(401, "invalid_client");
}

#[tokio::test]
async fn what_has_ended_is_forgotten_and_the_store_is_whole() {
    let known = Known::new().await;
    for _ in 0..5 {
        known.access().await;
    }
    let count = async || {
        let of_organisation = keys::table(known.permit.organisation(), Table::Exchange);
        let kept = known.served.store.scan(Scan::prefix(&of_organisation, 1000)).await;
        let tokens = known
            .served
            .store
            .scan(Scan::prefix(&keys::exchange::access_tokens(), 1000))
            .await;
        (kept.expect("entries").len(), tokens.expect("entries").len())
    };
    assert_eq!(count().await, (10, 5));
    known.served.pass(4000);
    known.access().await;
    assert_eq!(count().await, (2, 1));
    let administrator = known.served.administrator().await;
    let url = format!("{}/api/v1/verify", known.served.url);
    let told = known.served.http.get(url).bearer_auth(administrator).send().await;
    let told = told.expect("an answer").text().await.expect("a report");
    assert!(told.contains("\"done\"") && !told.contains("\"violation\""), "{told}");
}

#[tokio::test]
async fn the_journal_shows_exchanges_and_no_secret() {
    let known = Known::new().await;
    let assertion = known.assertion();
    let token = known.show(&assertion).await.access();
    let _ = known.show(&assertion).await;
    let mut forged = assertion.clone();
    forged.truncate(forged.len() - 8);
    let _ = known.show(&forged).await;
    let directory = &known.served.directory;
    directory.flush_journal().await.expect("a journal");
    let name = "entra".parse().expect("a slug");
    let entries = directory
        .list_journal(known.permit.organisation(), &name, None, 10)
        .await;
    let entries = entries.expect("entries");
    let statuses: Vec<u16> = entries.iter().rev().map(|(_, entry)| entry.status).collect();
    assert_eq!(statuses, [200, 401, 401]);
    assert!(entries.iter().all(|(_, entry)| entry.path == "/oauth/{org}/token"));
    let shown = serde_json::to_string(&entries).expect("JSON");
    for secret in [&assertion, &token, &forged] {
        let (start, _) = secret.split_at(24);
        assert!(!shown.contains(start), "{shown}");
    }
    assert!(shown.contains("used before"), "{shown}");
}
