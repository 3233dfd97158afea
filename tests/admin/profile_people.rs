//! Who comes in by what (S003-23), and who opens the page of groups and users (S004-2, S004-8).

use axum::http::Method;
use serde_json::{Value, json};

use super::profile_rights::ask;
use super::profile_rules::profiled;
use crate::kit::access::Acme;

#[tokio::test]
async fn a_user_id_of_either_kind_serves_to_sign_in_and_to_reset_a_password() {
    let acme = profiled("lynes", &[]).await;
    let nobody = acme.inside.caller("");
    for (number, user_id, typed) in [
        (1, "ada@acme.example", "ADA@acme.example"),
        (2, "+31612345678", "+31 6 1234 5678"),
    ] {
        let emails = [json!({ "value": format!("mailbox{number}@acme.example") })];
        let body = json!({ "user_name": user_id, "password": "s3cr7t-7", "attributes": { "emails": emails } });
        acme.post("/users", body).await.expect(201);
        let sign_in = json!({ "organisation": "acme", "login": typed, "password": "s3cr7t-7" });
        nobody.post("/api/v1/sign-in", sign_in).await.expect(201);
        let forgot = json!({ "organisation": "acme", "login": typed });
        nobody.post("/api/v1/password/forgot", forgot).await.expect(202);
        let mails = acme.get("/outbox").await.expect(200);
        let mails = mails["items"].as_array().expect("a list");
        assert_eq!(mails.len(), number, "{user_id}: {mails:#?}");
    }
}

#[tokio::test]
async fn only_admins_of_call_tracking_open_groups_and_users_and_none_of_them_makes_a_scorer() {
    let acme = Acme::new("profile = \"convirza\"").await;
    acme.post("/groups", json!({ "display_name": "North" }))
        .await
        .expect(201);
    acme.user("target").await;
    acme.post("/users/target/move", json!({ "to": "North" }))
        .await
        .expect(200);
    for (role, is_admin) in [
        ("admin", true),
        ("standard", false),
        ("read-only", false),
        ("identified-only", false),
        ("scorer", false),
    ] {
        let name = format!("the-{role}");
        acme.user(&name).await;
        acme.post(&format!("/users/{name}/move"), json!({ "to": "North" }))
            .await
            .expect(200);
        acme.assign(&name, role).await.expect(200);
        let person = acme.person(&name).await;
        let rename = json!({ "attributes": { "title": role } });
        let new = json!({ "display_name": format!("Group of {role}"), "parent": "North" });
        for (method, path, body) in [
            (Method::GET, "/users", Value::Null),
            (Method::GET, "/groups", Value::Null),
            (Method::GET, "/groups/tree", Value::Null),
            (Method::PATCH, "/users/target", rename),
            (Method::PATCH, "/groups/North", json!({ "link": role })),
            (Method::POST, "/groups", new),
        ] {
            let status = ask(&person, method.clone(), path, body).await;
            assert_eq!(status < 300, is_admin, "{role}: {method} {path} answers {status}");
            assert_eq!(status == 403, !is_admin, "{role}: {method} {path} answers {status}");
        }
        let status = ask(&person, Method::PUT, "/users/target/roles/scorer", json!({})).await;
        assert_eq!(status, 403, "{role}");
    }
    // Through the interface, with a token of the account, it is given.
    acme.assign("target", "scorer").await.expect(200);
    acme.verify().await;
}

#[tokio::test]
async fn a_guest_is_let_in_by_a_link_or_a_code_that_comes_by_mail_text_message_or_by_hand() {
    let acme = profiled("vsight", &[]).await;
    let page = "[organisation]\nslug = \"acme\"\nguest_url = \"https://remote.acme.example/?key={secret}\"\n";
    acme.admin.apply("acme", page).await.expect(200);
    let nobody = acme.inside.caller("");
    let (by_mail, by_phone) = (
        json!({ "email": "guest@acme.example" }),
        json!({ "mobile": "+31612345678" }),
    );
    for (delivery, contact, unfit) in [
        ("link", &by_mail, None),
        ("qr", &by_phone, None),
        ("email", &by_mail, Some(&by_phone)),
        ("whatsapp", &by_phone, Some(&by_mail)),
        ("sms", &by_phone, Some(&by_mail)),
    ] {
        let reached_by = |contact: &Value| {
            let mut guest = json!({ "name": delivery, "channels": ["session-1"], "delivery": delivery });
            let contact = contact.as_object().expect("an object").clone();
            guest.as_object_mut().expect("an object").extend(contact);
            guest
        };
        if let Some(unfit) = unfit {
            let refused = acme.post("/guests", reached_by(unfit)).await.expect(400);
            assert_eq!(refused["attribute"], "delivery", "{delivery}");
        }
        let guest = reached_by(contact);
        let made = acme.post("/guests", guest).await.expect(201);
        assert_eq!(made["delivery"], delivery);
        let secret = made["secret"].as_str().expect("a secret");
        assert_eq!(
            made["url"],
            format!("https://remote.acme.example/?key={secret}"),
            "{delivery}"
        );
        let joined = nobody
            .post("/api/v1/guests/join", json!({ "secret": secret }))
            .await
            .expect(200);
        assert_eq!(joined["channels"], json!(["session-1"]), "{delivery}");
    }
    acme.verify().await;
}
