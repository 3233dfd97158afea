//! Inviting and accepting.

use serde_json::json;

use crate::kit::gateway::{Caller, Inside};

const FILE: &str = "[organisation]\nslug = \"acme\"\n[[connections]]\nname = \"entra\"\nkind = \"scim\"\nonboarding = \
                    \"prepared\"\n";

const ADA: &str = "/api/v1/organisations/acme/users/ada";

async fn prepared() -> (Inside, Caller) {
    let inside = Inside::new();
    let acme = inside.administrator().await.organisation("acme").await;
    acme.apply("acme", FILE).await.expect(200);
    acme.connection("acme", "entra").await.scim_user("acme", "ada").await;
    assert_eq!(acme.get(ADA).await.expect(200)["state"], "prepared");
    (inside, acme)
}

async fn accept(inside: &Inside, secret: &str, password: &str) -> crate::kit::scim::Answer {
    let body = json!({ "secret": secret, "password": password });
    inside.caller("").post("/api/v1/invitations/accept", body).await
}

async fn invite(acme: &Caller) -> String {
    let way = json!({ "channel": "link" });
    let invited = acme.post(&format!("{ADA}/invite"), way).await.expect(201);
    invited["secret"].as_str().expect("a secret").to_owned()
}

#[tokio::test]
async fn an_invitation_is_accepted_once_without_a_token() {
    let (inside, acme) = prepared().await;
    let secret = invite(&acme).await;
    assert_eq!(acme.get(ADA).await.expect(200)["state"], "invited");
    let accepted = accept(&inside, &secret, "correct horse").await.expect(200);
    assert_eq!(
        (&accepted["organisation"], &accepted["state"]),
        (&json!("acme"), &json!("enrolled"))
    );
    accept(&inside, &secret, "correct horse").await.expect(403);
    acme.post(&format!("{ADA}/invite"), json!(null)).await.expect(400);
}

#[tokio::test]
async fn a_short_password_spends_nothing() {
    let (inside, acme) = prepared().await;
    let secret = invite(&acme).await;
    let refused = accept(&inside, &secret, "short").await.expect(400);
    assert_eq!(refused["attribute"], "password");
    accept(&inside, &secret, "long enough").await.expect(200);
}

#[tokio::test]
async fn a_second_invitation_closes_the_first_and_a_withdrawn_one_opens_nothing() {
    let (inside, acme) = prepared().await;
    let first = invite(&acme).await;
    let second = invite(&acme).await;
    accept(&inside, &first, "correct horse").await.expect(403);
    let revoked = acme
        .post(&format!("{ADA}/revoke-invitation"), json!(null))
        .await
        .expect(200);
    assert_eq!(revoked, json!({ "revoked": true }));
    assert_eq!(acme.get(ADA).await.expect(200)["state"], "prepared");
    accept(&inside, &second, "correct horse").await.expect(403);
}

#[tokio::test]
async fn an_invitation_of_a_suspended_person_opens_nothing_until_they_are_reactivated() {
    let (inside, acme) = prepared().await;
    let secret = invite(&acme).await;
    let ada = acme.get(ADA).await.expect(200)["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let client = acme.connection("acme", "entra").await;
    let set = async |active: bool| {
        let operations = json!([{ "op": "replace", "path": "active", "value": active }]);
        let body = json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations });
        let path = format!("/scim/acme/v2/Users/{ada}");
        let patched = client.send(axum::http::Method::PATCH, &path, Some(body)).await;
        assert!(patched.status.is_success(), "{:#}", patched.body);
    };
    set(false).await;
    accept(&inside, &secret, "correct horse").await.expect(403);
    acme.post(&format!("{ADA}/invite"), json!(null)).await.expect(400);
    let events = acme
        .get("/api/v1/organisations/acme/events")
        .await
        .expect(200)
        .to_string();
    assert!(events.contains("user.suspended"), "products learn of it: {events}");
    set(true).await;
    accept(&inside, &secret, "correct horse").await.expect(200);
}

#[tokio::test]
async fn a_secret_that_nobody_made_tells_nothing() {
    let (inside, _) = prepared().await;
    let refused = accept(&inside, "never made", "correct horse").await.expect(403);
    assert_eq!(refused["type"], "urn:usher:problem:denied");
}

#[tokio::test]
async fn who_has_an_address_is_invited_by_mail_and_the_others_by_a_link() {
    let acme = Inside::new().administrator().await.organisation("acme").await;
    let users = "/api/v1/organisations/acme/users";
    let emails = json!([{ "value": "grace@acme.example" }]);
    for (name, attributes, channel) in [
        ("grace", json!({ "emails": emails }), "email"),
        ("edsger", json!({}), "link"),
    ] {
        let new = json!({ "user_name": name, "attributes": attributes, "invite": true });
        let made = acme.post(users, new).await.expect(201);
        let again = acme
            .post(&format!("{users}/{name}/invite"), json!(null))
            .await
            .expect(201);
        for issued in [&made["invitation"], &again] {
            assert_eq!(issued["channel"], channel, "{issued:#}");
            assert_eq!(issued["secret"].is_string(), channel == "link", "{issued:#}");
            assert_eq!(issued["mail"].is_string(), channel == "email", "{issued:#}");
        }
    }
    let asked = json!({ "channel": "link" });
    let issued = acme.post(&format!("{users}/grace/invite"), asked).await.expect(201);
    assert!(issued["secret"].is_string(), "what is said counts: {issued:#}");
    // Whose data is used for nothing gets no mail, and whoever asks may still hand a link over.
    let restricted = json!({ "restricted": true });
    acme.put(&format!("{users}/grace/restriction"), restricted)
        .await
        .expect(200);
    let issued = acme
        .post(&format!("{users}/grace/invite"), json!(null))
        .await
        .expect(201);
    assert_eq!(issued["channel"], "link");
}
