//! Invitations by mail through a real mail server.

use std::time::Duration;

use serde_json::json;

use super::{create, inviting, link, person, plain, state, wait_until};
use crate::kit::mail_server::{MailServer, Protection};

#[tokio::test]
async fn an_invited_person_gets_a_mail_follows_its_link_and_accepts() {
    let Some(server) = MailServer::start(Protection::Plain) else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let gateway = inviting(folder.path(), &plain(server.port));
    create(&gateway, person("ada")).await;
    let mail = server.wait_for(1).remove(0);
    assert_eq!(mail["to"], json!(["ada@acme.example"]), "the primary address: {mail:#}");
    assert_eq!(mail["sender"], "Acme <no-reply@acme.example>");
    assert_eq!(mail["subject"], "Acme & Söhne invites you");
    assert_eq!(mail["auto_submitted"], "auto-generated");
    let html = mail["html"].as_str().expect("HTML");
    assert!(
        html.contains("Ada &lt;script&gt;alert(1)&lt;&#x2f;script&gt;"),
        "{html}"
    );
    assert!(!html.contains("<script"), "{html}");
    let text = mail["text"].as_str().expect("text");
    assert!(text.contains("Ada <script>"), "plain text is not HTML: {text}");
    wait_until(&gateway, &["invitation", "list", "--state", "sent", "--json"], |list| {
        list[0]["user_name"] == "ada"
    });
    assert_eq!(gateway.command(&["mail", "list", "--json"]).expect(0).json(), json!([]));
    let link = link(text);
    let browser = reqwest::Client::new();
    let page = browser.get(&link).send().await.expect("a page");
    assert_eq!(page.status(), 200);
    let chosen = [("password", "correct horse"), ("repeated", "correct horse")];
    let accepted = browser.post(&link).form(&chosen).send().await.expect("a page");
    assert_eq!(accepted.status(), 200);
    assert_eq!(state(&gateway, "ada"), "enrolled");
    gateway.command(&["verify"]).expect(0);
    let secret = link.rsplit('/').next().expect("a secret");
    for hidden in [secret, "ada@acme.example", "Ada <"] {
        assert!(!gateway.read_log().contains(hidden), "the log tells {hidden}");
    }
}

#[tokio::test]
async fn a_mail_waits_for_the_server_and_comes_when_it_is_back() {
    let Some(mut server) = MailServer::start(Protection::Plain) else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let gateway = inviting(folder.path(), &plain(server.port));
    server.stop();
    create(&gateway, person("ada")).await;
    let queued = wait_until(&gateway, &["mail", "list", "--json"], |list| {
        list[0]["attempts"].as_u64() >= Some(1)
    });
    assert!(queued[0]["failure"].is_string(), "{queued:#}");
    assert!(
        !queued.to_string().contains("/invitations/"),
        "the secret is not shown: {queued:#}"
    );
    assert_eq!(state(&gateway, "ada"), "invited");
    gateway.command(&["verify"]).expect(0);
    server.start_again();
    let mail = server.wait_for(1).remove(0);
    assert_eq!(mail["to"], json!(["ada@acme.example"]));
    wait_until(&gateway, &["mail", "list", "--json"], |list| list == &json!([]));
}

#[tokio::test]
async fn a_mail_that_is_refused_for_good_is_given_up_and_can_be_tried_again() {
    let Some(server) = MailServer::start(Protection::Plain) else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let gateway = inviting(folder.path(), &plain(server.port));
    create(&gateway, person("never")).await;
    let dead = wait_until(&gateway, &["mail", "list", "--dead", "--json"], |list| {
        list[0].is_object()
    });
    assert_eq!(dead[0]["attempts"], 1, "{dead:#}");
    assert!(
        dead[0]["failure"]
            .as_str()
            .expect("words")
            .contains("nobody of this name")
    );
    let invitations = gateway.command(&["invitation", "list", "--json"]).expect(0).json();
    assert_eq!(
        (&invitations[0]["state"], &invitations[0]["obstacle"]),
        (&json!("queued"), &json!("undeliverable"))
    );
    let id = dead[0]["id"].as_str().expect("an id");
    gateway.command(&["mail", "retry", id]).expect(0);
    wait_until(&gateway, &["mail", "list", "--dead", "--json"], |list| {
        list[0]["id"] == id
    });
    let retried = gateway.command(&["mail", "retry", "--all", "--json"]).expect(0).json();
    assert_eq!(retried, json!({ "retried": 1 }));
    wait_until(&gateway, &["mail", "list", "--dead", "--json"], |list| {
        list[0]["id"] == id
    });
    gateway.command(&["mail", "discard", id]).expect(0);
    assert_eq!(
        gateway.command(&["mail", "list", "--dead", "--json"]).expect(0).json(),
        json!([])
    );
    gateway.command(&["verify"]).expect(0);
}

#[tokio::test]
async fn each_reader_gets_the_own_language() {
    let Some(server) = MailServer::start(Protection::Plain) else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let gateway = inviting(folder.path(), &plain(server.port));
    let german = "[organisation]\nslug = \"default\"\n[[templates]]\nname = \"invitation\"\nlanguage = \"de\"\nsubject = \
                  \"Willkommen bei {{ organisation }}\"\ntext = \"Guten Tag {{ display_name }}: {{ link }}\"\n";
    let file = gateway.file("german.toml", german);
    gateway.command(&["apply", &file]).expect(0);
    let mut austrian = person("ada");
    austrian["preferredLanguage"] = json!("de-AT, en;q=0.5");
    create(&gateway, austrian).await;
    let mut french = person("blaise");
    french["preferredLanguage"] = json!("fr");
    create(&gateway, french).await;
    let mails = server.wait_for(2);
    let subject = |name: &str| {
        let to = json!([format!("{name}@acme.example")]);
        let mail = mails.iter().find(|mail| mail["to"] == to).expect("a mail");
        (
            mail["subject"].as_str().expect("a subject").to_owned(),
            mail["html"].is_null(),
        )
    };
    assert_eq!(subject("ada"), ("Willkommen bei Acme & Söhne".to_owned(), true));
    assert_eq!(subject("blaise"), ("Acme & Söhne invites you".to_owned(), false));
}

#[tokio::test]
async fn a_dutch_person_gets_a_dutch_mail_by_an_own_language_or_that_of_the_home_group_or_the_organisation() {
    let Some(server) = MailServer::start(Protection::Plain) else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let gateway = inviting(folder.path(), &plain(server.port));
    let mut dutch = person("ada");
    dutch["preferredLanguage"] = json!("nl-NL");
    create(&gateway, dutch).await;
    create(&gateway, person("grace")).await;
    server.wait_for(2);
    gateway.command(&["group", "create", "Berlin"]).expect(0);
    gateway
        .command(&["group", "defaults", "Berlin", "--language", "de"])
        .expect(0);
    let at_home = [
        "user",
        "create",
        "carl",
        "--email",
        "carl@acme.example",
        "--home",
        "Berlin",
        "--invite",
        "--channel",
        "email",
    ];
    gateway.command(&at_home).expect(0);
    server.wait_for(3);
    let file = "[organisation]\nslug = \"default\"\n[organisation.defaults]\nlanguage = \"nl\"\n";
    let file = gateway.file("dutch.toml", file);
    gateway.command(&["apply", &file]).expect(0);
    create(&gateway, person("edsger")).await;
    let mails = server.wait_for(4);
    for (name, subject, words) in [
        (
            "ada",
            "Acme & Söhne nodigt u uit",
            "Open dit adres om uw wachtwoord te kiezen:",
        ),
        (
            "grace",
            "Acme & Söhne invites you",
            "Open this address to choose your password:",
        ),
        (
            "carl",
            "Acme & Söhne lädt Sie ein",
            "Öffnen Sie diese Adresse, um Ihr Passwort zu wählen:",
        ),
        ("edsger", "Acme & Söhne nodigt u uit", "Kent u Acme & Söhne niet"),
    ] {
        let to = json!([format!("{name}@acme.example")]);
        let mail = mails.iter().find(|mail| mail["to"] == to).expect("a mail");
        assert_eq!(mail["subject"], subject, "{name}");
        let text = mail["text"].as_str().expect("text");
        assert!(text.contains(words), "{name}: {text}");
        link(text);
    }
}

#[tokio::test]
async fn a_resend_makes_the_link_of_the_first_mail_useless() {
    let Some(server) = MailServer::start(Protection::Plain) else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let gateway = inviting(folder.path(), &plain(server.port));
    create(&gateway, person("ada")).await;
    let first = server.wait_for(1).remove(0);
    let sent = wait_until(&gateway, &["invitation", "list", "--state", "sent", "--json"], |list| {
        list[0].is_object()
    });
    let id = sent[0]["id"].as_str().expect("an id");
    let resent = gateway
        .command(&["invitation", "resend", id, "--json"])
        .expect(0)
        .json();
    assert!(
        resent.get("secret").is_none(),
        "it goes to the person alone: {resent:#}"
    );
    let second = server.wait_for(2).remove(1);
    assert_ne!(first["message_id"], second["message_id"]);
    let browser = reqwest::Client::builder()
        .timeout(Duration::from_secs(60))
        .build()
        .expect("a client");
    let status = async |mail: &serde_json::Value| {
        let link = link(mail["text"].as_str().expect("text"));
        browser.get(link).send().await.expect("a page").status().as_u16()
    };
    assert_eq!(status(&first).await, 404);
    assert_eq!(status(&second).await, 200);
    gateway.command(&["verify"]).expect(0);
}

#[tokio::test]
async fn a_forgotten_password_is_set_anew_by_the_link_in_a_mail() {
    let Some(server) = MailServer::start(Protection::Plain) else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let gateway = inviting(folder.path(), &plain(server.port));
    create(&gateway, person("ada")).await;
    let browser = reqwest::Client::new();
    let choose = async |link: &str, password: &str| {
        let chosen = [("password", password), ("repeated", password)];
        let answer = browser.post(link).form(&chosen).send().await.expect("a page");
        answer.status().as_u16()
    };
    let invitation = server.wait_for(1).remove(0);
    let invitation = link(invitation["text"].as_str().expect("text"));
    assert_eq!(choose(&invitation, "correct horse").await, 200);
    let asked = browser
        .post(format!(
            "{}/organisations/default/users/ada/reset-link",
            gateway.bootstrapped("admin_base_url")
        ))
        .bearer_auth(gateway.bootstrapped("admin_token"))
        .json(&json!({ "channel": "email" }))
        .send()
        .await
        .expect("an answer");
    assert_eq!(asked.status(), 201);
    let shown: serde_json::Value = asked.json().await.expect("JSON");
    assert!(
        shown.get("secret").is_none(),
        "nobody but the person sees it: {shown:#}"
    );
    let mail = server.wait_for(2).remove(1);
    let text = mail["text"].as_str().expect("text");
    let pattern = regex::Regex::new(r"https?://\S+/password-reset/\S+").expect("a pattern");
    let reset = pattern.find(text).expect("a link").as_str();
    for _ in 0..2 {
        assert_eq!(browser.get(reset).send().await.expect("a page").status(), 200);
    }
    assert_eq!(choose(reset, "short").await, 422);
    assert_eq!(choose(reset, "battery staple").await, 200);
    assert_eq!(choose(reset, "battery staple").await, 404, "it works once");
    assert_eq!(browser.get(reset).send().await.expect("a page").status(), 404);
    gateway.command(&["verify"]).expect(0);
}
