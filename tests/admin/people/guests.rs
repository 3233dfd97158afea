//! Guests: made by administrators or joined by a link, free of seats.

use serde_json::{Value, json};

use super::{acme, assert_whole, events, get, post};

const PAGE: &str = "guest_url = \"https://meet.acme.example/guest?key={secret}\"\n";

async fn join(caller: &crate::kit::gateway::Caller, body: Value) -> crate::kit::scim::Answer {
    caller.post("/api/v1/guests/join", body).await
}

#[tokio::test]
async fn a_guest_is_made_with_a_link_that_lets_in_until_the_guest_is_shut_out() {
    let (inside, acme, _) = acme(PAGE).await;
    let body = json!({ "name": "Grace", "email": "grace@example.org", "channels": ["lobby"], "delivery": "email" });
    let made = post(&acme, "/guests", body).await.expect(201);
    let secret = made["secret"].as_str().expect("a secret");
    assert_eq!(made["url"], format!("https://meet.acme.example/guest?key={secret}"));
    let nobody = inside.caller("");
    let inside_now = join(&nobody, json!({ "secret": secret })).await.expect(200);
    assert_eq!(inside_now["guest"], made["id"]);
    assert_eq!(inside_now["channels"], json!(["lobby"]));
    let listed = get(&acme, "/guests").await;
    assert!(!listed.to_string().contains(secret) && listed["items"].as_array().map(Vec::len) == Some(1));
    let path = format!("/guests/{}/disable", made["id"].as_str().expect("an id"));
    assert_eq!(post(&acme, &path, json!(null)).await.expect(200)["enabled"], false);
    join(&nobody, json!({ "secret": secret })).await.expect(403);
    assert_eq!(
        events(&acme, "guest.created").await[0]["data"],
        json!({ "delivery": "email" })
    );
    let all = get(&acme, "/events?limit=1000").await.to_string();
    assert!(
        !all.contains("grace@") && !all.contains("Grace"),
        "events hold no personal data"
    );
    assert_whole(&acme).await;
    let path = format!("{}/guests/{}", super::ACME, made["id"].as_str().expect("an id"));
    acme.delete(&path).await.expect(204);
    acme.delete(&path).await.expect(404);
    assert_whole(&acme).await;
}

#[tokio::test]
async fn many_join_by_a_link_and_stay_when_it_is_closed() {
    let (inside, acme, _) = acme("").await;
    let made = post(
        &acme,
        "/guest-links",
        json!({ "name": "Open day", "channels": ["lobby"], "limit": 2 }),
    )
    .await
    .expect(201);
    assert!(made.get("url").is_none(), "there is no page for guests: {made:#}");
    let (nobody, secret) = (inside.caller(""), made["secret"].clone());
    join(&nobody, json!({ "secret": secret })).await.expect(400);
    for name in ["Grace", "Edsger"] {
        join(
            &nobody,
            json!({ "secret": secret, "name": name, "mobile": "+4915123456789" }),
        )
        .await
        .expect(200);
    }
    join(&nobody, json!({ "secret": secret, "name": "Late" }))
        .await
        .expect(403);
    assert_eq!(get(&acme, "/guest-links").await["items"][0]["joined"], 2);
    let path = format!("/guest-links/{}/disable", made["id"].as_str().expect("an id"));
    post(&acme, &path, json!(null)).await.expect(200);
    join(&nobody, json!({ "secret": secret, "name": "Later" }))
        .await
        .expect(403);
    let guests = get(&acme, "/guests").await;
    let guests = guests["items"].as_array().expect("a list");
    assert!(
        guests.len() == 2
            && guests
                .iter()
                .all(|guest| guest["enabled"] == true && guest["link"] == made["id"])
    );
    assert_eq!(get(&acme, "/users").await["items"], json!([]), "guests are no users");
    assert_eq!(events(&acme, "guest.joined").await.len(), 2);
    assert_whole(&acme).await;
}

#[tokio::test]
async fn a_guest_must_be_reachable_and_a_link_must_lead_somewhere() {
    let (inside, acme, _) = acme("").await;
    for body in [
        json!({ "name": "Grace" }),
        json!({ "name": " ", "email": "grace@example.org" }),
        json!({ "name": "Grace", "email": "grace" }),
        json!({ "name": "Grace", "mobile": "0151" }),
        json!({ "name": "Grace", "email": "grace@example.org", "delivery": "sms" }),
        json!({ "name": "Grace", "email": "grace@example.org", "channels": [""] }),
    ] {
        post(&acme, "/guests", body.clone()).await.expect(400);
    }
    for body in [
        json!({ "name": "" }),
        json!({ "name": "x", "limit": 0 }),
        json!({ "name": "x", "expires": "2001-01-01T00:00:00Z" }),
    ] {
        post(&acme, "/guest-links", body.clone()).await.expect(400);
    }
    join(&inside.caller(""), json!({ "secret": "wrong", "name": "x" }))
        .await
        .expect(403);
    post(&acme, "/guests/nobody/disable", json!(null)).await.expect(404);
    assert_eq!(get(&acme, "/guests").await["items"], json!([]));
}
