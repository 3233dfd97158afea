//! Mails that nobody asked for: warnings about one's account, links for guests; and who gets none.

use serde_json::{Value, json};
use usher::directory::outbox::Use;
use usher::model::id::MailId;
use usher::model::mail::QueuedMail;

use crate::kit::access::Acme;

const PASSWORD: &str = "long enough 1!";

async fn person(acme: &Acme, name: &str) {
    let body = json!({
        "user_name": name,
        "attributes": { "displayName": "Ada Lovelace", "emails": [{ "value": format!("{name}@acme.example") }] },
        "password": PASSWORD,
    });
    acme.post("/users", body).await.expect(201);
}

/// The mails that wait, as the mailer sees them.
async fn waiting(acme: &Acme) -> Vec<QueuedMail> {
    let listed = acme.get("/outbox").await.expect(200);
    let mut mails = Vec::new();
    for item in listed["items"].as_array().expect("a list") {
        let id: MailId = item["id"].as_str().expect("an id").parse().expect("an id");
        let mail = acme.inside.directory.queued_mail(acme.id, id).await.expect("a read");
        mails.push(mail.expect("a mail"));
    }
    mails
}

async fn templates(acme: &Acme) -> Vec<&'static str> {
    waiting(acme)
        .await
        .iter()
        .map(|mail| mail.message.template.as_str())
        .collect()
}

async fn sign_in(acme: &Acme, name: &str, password: &str) -> u16 {
    let body = json!({ "organisation": "acme", "login": name, "password": password });
    let answer = acme.inside.caller("").post("/api/v1/sign-in", body).await;
    answer.status.as_u16()
}

const WARN_AT_THREE: &str =
    "[organisation.password_policy]\nlock_out = { attempts = 0 }\nwarnings = { failed_sign_ins = 3 }\n";

#[tokio::test]
async fn whoever_is_attacked_is_told_once_until_somebody_comes_in() {
    let acme = Acme::new(WARN_AT_THREE).await;
    person(&acme, "ada").await;
    for _ in 0..2 {
        assert_eq!(sign_in(&acme, "ada", "wrong").await, 401);
    }
    assert_eq!(templates(&acme).await, [""; 0]);
    for _ in 0..4 {
        assert_eq!(sign_in(&acme, "ada", "wrong").await, 401);
    }
    let mails = waiting(&acme).await;
    assert_eq!(mails.len(), 1);
    let message = &mails[0].message;
    assert_eq!(message.to, "ada@acme.example");
    assert_eq!(message.template.as_str(), "sign-in-warning");
    assert_eq!(message.variables["failures"], "3");
    assert_eq!(sign_in(&acme, "ada", PASSWORD).await, 201);
    for _ in 0..3 {
        sign_in(&acme, "ada", "wrong").await;
    }
    assert_eq!(templates(&acme).await, ["sign-in-warning"; 2]);
    for _ in 0..3 {
        assert_eq!(sign_in(&acme, "nobody", "wrong").await, 401);
    }
    assert_eq!(templates(&acme).await.len(), 2);
    acme.verify().await;
}

#[tokio::test]
async fn whose_password_an_administrator_sets_is_told_and_who_had_none_is_not() {
    let acme = Acme::new("").await;
    person(&acme, "ada").await;
    let set = async |name: &str| {
        let body = json!({ "password": "another one 2!" });
        acme.post(&format!("/users/{name}/password"), body).await.expect(200);
    };
    assert_eq!(templates(&acme).await, [""; 0], "the first password is no surprise");
    set("ada").await;
    assert_eq!(templates(&acme).await, ["password-set"]);
    let off = "[organisation]\nslug = \"acme\"\n[organisation.password_policy]\nwarnings = { password_set = false }\n";
    acme.admin.apply("acme", off).await.expect(200);
    person(&acme, "grace").await;
    set("grace").await;
    assert_eq!(templates(&acme).await, ["password-set"]);
}

#[tokio::test]
async fn whose_data_are_restricted_gets_the_mails_that_they_asked_for_and_no_others() {
    let acme = Acme::new(WARN_AT_THREE).await;
    person(&acme, "ada").await;
    acme.post("/users/ada/password", json!({ "password": "another one 2!" }))
        .await
        .expect(200);
    let restrict = async |restricted: bool| {
        acme.put("/users/ada/restriction", json!({ "restricted": restricted }))
            .await
            .expect(200);
    };
    let uses = async || {
        let mut uses = Vec::new();
        for mail in waiting(&acme).await {
            let use_ = acme.inside.directory.mail_use(acme.id, &mail).await.expect("a read");
            uses.push((mail.message.template.as_str(), use_ == Use::Now));
        }
        uses
    };
    assert_eq!(uses().await, [("password-set", true)]);
    restrict(true).await;
    assert_eq!(uses().await, [("password-set", false)], "what waits goes on waiting");
    for _ in 0..3 {
        sign_in(&acme, "ada", "wrong").await;
    }
    acme.post("/users/ada/password", json!({ "password": "a third one 3!" }))
        .await
        .expect(200);
    let mailed = json!({ "channel": "email" });
    acme.post("/users/ada/reset-link", mailed).await.expect(403);
    assert_eq!(uses().await.len(), 1, "nothing new is written");
    let forgot = json!({ "organisation": "acme", "login": "ada" });
    let told = acme.inside.caller("").post("/api/v1/password/forgot", forgot).await;
    told.expect(202);
    let mut now = uses().await;
    now.sort_unstable();
    assert_eq!(now, [("password-reset", true), ("password-set", false)]);
    restrict(false).await;
    assert!(uses().await.iter().all(|(_, is_now)| *is_now));
    acme.verify().await;
}

#[tokio::test]
async fn a_guests_link_goes_by_mail_where_it_leads_somewhere_and_is_left_to_the_caller_otherwise() {
    let page = "guest_url = \"https://meet.acme.example/guest?key={secret}\"\n[[roles]]\nkey = \"host\"\nname = \
                \"Host\"\npermissions = [\"guest.manage\"]\n";
    let acme = Acme::new(page).await;
    acme.user("mia").await;
    acme.assign("mia", "host").await.expect(200);
    let mia = acme.person("mia").await;
    let guests = format!("{}/guests", crate::kit::access::ACME);
    let guest = |delivery: &str| json!({ "name": "Grace", "email": "grace@example.org", "mobile": "+4915123456789", "delivery": delivery });
    let made = mia.post(&guests, guest("email")).await.expect(201);
    assert_eq!(made["to_do"], Value::Null, "{made:#}");
    let mails = waiting(&acme).await;
    assert_eq!(mails.len(), 1);
    assert_eq!(json!(mails[0].id), made["mail"]);
    let (message, url) = (&mails[0].message, made["url"].as_str().expect("an address"));
    assert_eq!(
        (message.to.as_str(), message.variables["link"].as_str()),
        ("grace@example.org", url)
    );
    assert_eq!(message.variables["inviter"], "mia the person");
    assert_eq!(message.variables["display_name"], "Grace");
    for (delivery, word) in [
        ("sms", "no text messages"),
        ("whatsapp", "no text messages"),
        ("qr", "hand the link over"),
    ] {
        let made = mia.post(&guests, guest(delivery)).await.expect(201);
        assert!(
            made["to_do"].to_string().contains(word) && made["url"].is_string(),
            "{made:#}"
        );
    }
    assert_eq!(waiting(&acme).await.len(), 1);
    // Whoever is shut out before the mail has gone gets none.
    let id = made["id"].as_str().expect("an id");
    acme.post(&format!("/guests/{id}/disable"), json!({})).await.expect(200);
    assert_eq!(waiting(&acme).await.len(), 0);
    acme.verify().await;
    let without = Acme::new("").await;
    let made = without.post("/guests", guest("email")).await.expect(201);
    assert!(made["to_do"].to_string().contains("no guest_url"), "{made:#}");
    assert_eq!(waiting(&without).await.len(), 0);
}

#[tokio::test]
async fn a_body_that_may_be_missing_is_an_object_where_it_is_there() {
    let acme = Acme::new("").await;
    acme.post("/users", json!({ "user_name": "ada" })).await.expect(201);
    for body in [json!([null]), json!([null, null]), json!(1), json!(false)] {
        acme.post("/users/ada/invite", body.clone()).await.expect(422);
    }
    acme.post("/users/ada/invite", json!(null)).await.expect(201);
    acme.post("/users/ada/invite", json!({ "channel": "link" }))
        .await
        .expect(201);
}
