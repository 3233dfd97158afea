//! Invitations as an administrator sees them: sent in bulk, listed by state, withdrawn.

use serde_json::{Value, json};

use crate::kit::gateway::{Caller, Inside};

const FILE: &str = "[organisation]\nslug = \"acme\"\n[[connections]]\nname = \"entra\"\nkind = \"scim\"\nonboarding = \
                    \"prepared\"\n";

const INVITATIONS: &str = "/api/v1/organisations/acme/invitations";

async fn prepared(names: &[&str]) -> Caller {
    let inside = Inside::new();
    let acme = inside.administrator().await.organisation("acme").await;
    acme.apply("acme", FILE).await.expect(200);
    let client = acme.connection("acme", "entra").await;
    for name in names {
        client.scim_user("acme", name).await;
    }
    acme
}

async fn listed(acme: &Caller, state: &str) -> Vec<Value> {
    let path = format!("{INVITATIONS}?state={state}");
    let list = acme.get(&path).await.expect(200);
    list["items"].as_array().expect("a list").clone()
}

#[tokio::test]
async fn everybody_who_is_prepared_is_invited_at_once_and_each_item_says_what_became_of_it() {
    let acme = prepared(&["ada", "grace", "edsger"]).await;
    acme.post("/api/v1/organisations/acme/users/edsger/suspend", json!(null))
        .await
        .expect(200);
    let sent = acme
        .post(&format!("{INVITATIONS}/send"), json!({ "all_prepared": true }))
        .await
        .expect(200);
    let items = sent["items"].as_array().expect("items");
    assert_eq!(items.len(), 2, "the suspended person is not prepared: {sent:#}");
    for item in items {
        assert_eq!(
            (&item["state"], &item["channel"]),
            (&json!("queued"), &json!("email")),
            "{item:#}"
        );
        assert!(item.get("secret").is_none(), "nobody but the person sees it: {item:#}");
    }
    let named = json!({ "users": ["ada", "edsger", "nobody"], "channel": "email" });
    let sent = acme.post(&format!("{INVITATIONS}/send"), named).await.expect(200);
    let refused: Vec<bool> = sent["items"]
        .as_array()
        .expect("items")
        .iter()
        .map(|item| item.get("refused").is_some())
        .collect();
    assert_eq!(refused, [false, true, true], "{sent:#}");
    assert_eq!(listed(&acme, "queued").await.len(), 2);
    assert_eq!(listed(&acme, "revoked").await.len(), 1, "the earlier one of ada");
    acme.post(&format!("{INVITATIONS}/send"), json!({})).await.expect(400);
}

#[tokio::test]
async fn what_the_product_hands_over_is_shown_to_it_with_the_link_and_an_event() {
    let acme = prepared(&["ada"]).await;
    for channel in ["sms", "whatsapp", "link"] {
        let named = json!({ "users": ["ada"], "channel": channel });
        let sent = acme.post(&format!("{INVITATIONS}/send"), named).await.expect(200);
        let item = &sent["items"][0];
        assert_eq!((&item["state"], &item["channel"]), (&json!("sent"), &json!(channel)));
        let secret = item["secret"].as_str().expect("a secret");
        assert_eq!(item["link"], format!("https://usher.example/invitations/{secret}"));
    }
    let events = acme.get("/api/v1/organisations/acme/events").await.expect(200);
    let sent: Vec<&Value> = events["items"]
        .as_array()
        .expect("events")
        .iter()
        .filter(|event| event["kind"] == "invitation.sent")
        .map(|event| &event["data"]["channel"])
        .collect();
    assert_eq!(sent, ["sms", "whatsapp", "link"]);
    let outbox = acme.get("/api/v1/organisations/acme/outbox").await.expect(200);
    assert_eq!(outbox["items"], json!([]));
}

#[tokio::test]
async fn a_withdrawn_invitation_takes_its_mail_out_of_the_outbox() {
    let acme = prepared(&["ada"]).await;
    let named = json!({ "users": ["ada"] });
    let sent = acme.post(&format!("{INVITATIONS}/send"), named).await.expect(200);
    let id = sent["items"][0]["id"].as_str().expect("an id");
    let outbox = "/api/v1/organisations/acme/outbox";
    let waiting = acme.get(outbox).await.expect(200);
    assert_eq!(waiting["items"][0]["invitation"], json!(id));
    assert!(!waiting.to_string().contains("/invitations/"), "no secret: {waiting:#}");
    let one = format!("{INVITATIONS}/{id}");
    assert_eq!(
        acme.post(&format!("{one}/revoke"), json!(null)).await.expect(200)["revoked"],
        true
    );
    assert_eq!(acme.get(outbox).await.expect(200)["items"], json!([]));
    assert_eq!(acme.get(&one).await.expect(200)["state"], "revoked");
    let ada = acme.get("/api/v1/organisations/acme/users/ada").await.expect(200);
    assert_eq!(ada["state"], "prepared");
    assert_eq!(
        acme.post(&format!("{one}/revoke"), json!(null)).await.expect(200)["revoked"],
        false
    );
    acme.post(&format!("{one}/resend"), json!(null)).await.expect(201);
    assert_eq!(listed(&acme, "queued").await.len(), 1);
    acme.get(&format!("{INVITATIONS}/{}", uuid::Uuid::nil()))
        .await
        .expect(404);
}

#[tokio::test]
async fn another_organisation_sees_nothing_of_it() {
    let inside = Inside::new();
    let root = inside.administrator().await;
    let acme = root.organisation("acme").await;
    let other = root.organisation("other").await;
    acme.apply("acme", FILE).await.expect(200);
    acme.connection("acme", "entra").await.scim_user("acme", "ada").await;
    let named = json!({ "users": ["ada"] });
    let sent = acme.post(&format!("{INVITATIONS}/send"), named).await.expect(200);
    let id = sent["items"][0]["id"].as_str().expect("an id");
    let mail = sent["items"][0]["mail"].as_str().expect("a mail");
    for path in [
        INVITATIONS.to_owned(),
        format!("{INVITATIONS}/{id}"),
        "/api/v1/organisations/acme/outbox".to_owned(),
        "/api/v1/organisations/acme/templates".to_owned(),
    ] {
        other.get(&path).await.expect(404);
    }
    let own = "/api/v1/organisations/other";
    other.get(&format!("{own}/invitations/{id}")).await.expect(404);
    other
        .post(&format!("{own}/invitations/{id}/revoke"), json!(null))
        .await
        .expect(404);
    other
        .post(&format!("{own}/outbox/{mail}/retry"), json!(null))
        .await
        .expect(404);
    other.delete(&format!("{own}/outbox/{mail}")).await.expect(404);
}
