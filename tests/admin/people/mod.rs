//! People through the admin API: users, login ids, home groups, licences, guests.

mod guests;
mod home;
mod licences;
mod logins;
mod newcomers;
mod seats;
mod users;

use axum::http::Method;
use serde_json::Value;

use crate::kit::gateway::{Caller, Inside};
use crate::kit::scim::Answer;

const ACME: &str = "/api/v1/organisations/acme";

/// An organisation with what this file declares behind its slug, its administrator, and a SCIM client.
async fn acme(file: &str) -> (Inside, Caller, Caller) {
    let inside = Inside::new();
    let acme = inside.administrator().await.organisation("acme").await;
    apply(&acme, file).await.expect(200);
    let client = acme.connection("acme", "entra").await;
    (inside, acme, client)
}

/// Applies what is declared behind the slug.
async fn apply(acme: &Caller, file: &str) -> Answer {
    let connection = "[[connections]]\nname = \"entra\"\nkind = \"scim\"\n";
    let whole = format!("[organisation]\nslug = \"acme\"\n{file}\n{connection}");
    acme.apply("acme", &whole).await
}

async fn post(acme: &Caller, path: &str, body: Value) -> Answer {
    acme.post(&format!("{ACME}{path}"), body).await
}

async fn patch(acme: &Caller, path: &str, body: Value) -> Answer {
    acme.send(Method::PATCH, &format!("{ACME}{path}"), Some(body)).await
}

async fn put(acme: &Caller, path: &str, body: Value) -> Answer {
    acme.send(Method::PUT, &format!("{ACME}{path}"), Some(body)).await
}

async fn get(acme: &Caller, path: &str) -> Value {
    acme.get(&format!("{ACME}{path}")).await.expect(200)
}

/// The events of a kind, in order.
async fn events(acme: &Caller, kind: &str) -> Vec<Value> {
    let all = get(acme, "/events?limit=1000").await;
    let all = all["items"].as_array().expect("a list").clone();
    all.into_iter().filter(|event| event["kind"] == kind).collect()
}

/// Asserts that every invariant of the organisation holds.
async fn assert_whole(acme: &Caller) {
    let told = acme.get(&format!("{ACME}/verify")).await.expect(200);
    let done = told.get("done").cloned().unwrap_or_else(|| {
        let lines = told.as_array().expect("lines");
        lines.last().expect("a last line")["done"].clone()
    });
    assert_eq!(done["violations"], 0, "{told:#}");
}
