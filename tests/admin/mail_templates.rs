//! The wording of mails: what is refused with the line, what a reader gets, how it looks.

use axum::http::Method;
use serde_json::{Value, json};

use crate::kit::gateway::{Caller, Inside};
use crate::kit::scim::Answer;

const TEMPLATES: &str = "/api/v1/organisations/acme/templates";

async fn acme() -> Caller {
    Inside::new().administrator().await.organisation("acme").await
}

async fn put(acme: &Caller, language: &str, wording: Value) -> Answer {
    let path = format!("{TEMPLATES}/invitation/{language}");
    acme.send(Method::PUT, &path, Some(wording)).await
}

#[tokio::test]
async fn what_cannot_be_filled_in_is_refused_with_the_line() {
    let acme = acme().await;
    let cases = [
        ("Hello\n{{ nmae }}", "line 2", "there is no variable \"nmae\""),
        ("{{ display_name", "line 1", "text"),
        ("a\nb\n{% if link %}c", "line 3", "text"),
        ("{% for x in [1] %}{% endfor %}", "line 1", "\"for\" cannot be used"),
        ("{% set x = link %}", "line 1", "\"set\" cannot be used"),
        ("\n{{ link * 1000000000 }}", "line 2", "\"*\" cannot be used"),
        ("{{ link ~ link }}", "line 1", "\"~\" cannot be used"),
        ("{% include 'other' %}", "line 1", "\"include\" cannot be used"),
        (
            "{% autoescape false %}{% endautoescape %}",
            "line 1",
            "\"autoescape\" cannot be used",
        ),
        ("{{ display_name|safe }}", "line 1", "text"),
        ("{{ display_name|replace('a', 'aa') }}", "line 1", "text"),
    ];
    for (text, line, words) in cases {
        let refused = put(&acme, "de", json!({ "subject": "x", "text": text }))
            .await
            .expect(400);
        let detail = refused["detail"].as_str().expect("words");
        assert!(detail.contains(line) && detail.contains(words), "{text:?}: {detail}");
    }
    let html = json!({ "subject": "x", "text": "x", "html": "a\n{{ secret }}" });
    let refused = put(&acme, "de", html).await.expect(400);
    assert!(
        refused["detail"].as_str().expect("words").contains("html, line 2"),
        "{refused:#}"
    );
    put(&acme, "de", json!({ "subject": " ", "text": "x" }))
        .await
        .expect(400);
    put(&acme, "german!", json!({ "subject": "x", "text": "x" }))
        .await
        .expect(400);
    let long = json!({ "subject": "x", "text": "x".repeat(70_000) });
    put(&acme, "de", long).await.expect(400);
    let none = acme.get(TEMPLATES).await.expect(200);
    assert_eq!(none["items"][0]["languages"], json!([]));
}

#[tokio::test]
async fn a_reader_gets_the_own_language_that_in_general_or_english() {
    let acme = acme().await;
    let wording = json!({ "subject": "Willkommen bei {{ organisation }}", "text": "{{ link }}" });
    put(&acme, "de", wording.clone()).await.expect(201);
    put(&acme, "DE", wording).await.expect(200);
    put(&acme, "de-ch", json!({ "subject": "Grüezi", "text": "{{ link }}" }))
        .await
        .expect(201);
    let subject = async |language: &str| {
        let path = format!("{TEMPLATES}/invitation?language={language}");
        let shown = acme.get(&path).await.expect(200);
        (
            shown["subject"].as_str().expect("a subject").to_owned(),
            shown["builtin"] == true,
        )
    };
    let german = ("Willkommen bei {{ organisation }}".to_owned(), false);
    assert_eq!(subject("de").await, german);
    assert_eq!(subject("de_AT").await, german);
    assert_eq!(subject("de-CH").await, ("Grüezi".to_owned(), false));
    let english = ("{{ organisation }} invites you".to_owned(), true);
    assert_eq!(subject("fr").await, english);
    let dutch = ("{{ organisation }} nodigt u uit".to_owned(), true);
    assert_eq!(subject("nl-BE").await, dutch);
    acme.delete(&format!("{TEMPLATES}/invitation/de-ch")).await.expect(204);
    assert_eq!(subject("de-ch").await, german);
    acme.delete(&format!("{TEMPLATES}/invitation/de")).await.expect(204);
    acme.delete(&format!("{TEMPLATES}/invitation/de")).await.expect(404);
    assert_eq!(
        subject("de").await,
        ("{{ organisation }} lädt Sie ein".to_owned(), true)
    );
    put(&acme, "en", json!({ "subject": "Welcome", "text": "{{ link }}" }))
        .await
        .expect(201);
    assert_eq!(subject("fr").await, ("Welcome".to_owned(), false));
    assert_eq!(subject("nl").await, dutch, "a language goes before whose wording it is");
}

#[tokio::test]
async fn every_mail_of_the_gateways_own_is_filled_in_in_each_of_its_languages() {
    let acme = acme().await;
    let names = [
        "invitation",
        "password-reset",
        "guest-invitation",
        "sign-in-warning",
        "password-set",
    ];
    for name in names {
        let mut seen = Vec::new();
        for language in ["en", "nl", "de"] {
            let path = format!("{TEMPLATES}/{name}?language={language}");
            let wording = acme.get(&path).await.expect(200);
            assert_eq!(
                (&wording["language"], &wording["builtin"]),
                (&json!(language), &json!(true)),
                "{name}"
            );
            let variables = acme.get(&format!("{TEMPLATES}/{name}/variables")).await.expect(200);
            for variable in variables["items"].as_array().expect("a list") {
                let variable = variable["name"].as_str().expect("a name");
                for part in ["text", "html"] {
                    let text = wording[part].as_str().expect("text");
                    assert!(
                        text.contains(&format!("{{{{ {variable} }}}}")),
                        "{name} in {language}: {part} without {variable}"
                    );
                }
            }
            let look = json!({ "language": language });
            let shown = acme
                .post(&format!("{TEMPLATES}/{name}/preview"), look)
                .await
                .expect(200);
            assert!(!shown.to_string().contains("{{"), "{shown:#}");
            assert!(
                shown["html"]
                    .as_str()
                    .expect("HTML")
                    .contains(&format!("lang=\"{language}\"")),
                "{shown:#}"
            );
            seen.push(shown["subject"].clone());
        }
        seen.sort_by_key(Value::to_string);
        seen.dedup();
        assert_eq!(seen.len(), 3, "{name} says the same in two languages: {seen:?}");
    }
}

#[tokio::test]
async fn a_preview_fills_in_samples_and_escapes_by_part() {
    let acme = acme().await;
    for name in ["invitation", "password-reset", "guest-invitation"] {
        let shown = acme
            .post(&format!("{TEMPLATES}/{name}/preview"), json!({}))
            .await
            .expect(200);
        let text = shown["text"].as_str().expect("text");
        assert!(text.contains("https://usher.example/"), "{text}");
        assert!(
            !shown["subject"].as_str().expect("a subject").contains('\n'),
            "{shown:#}"
        );
        assert!(!shown.to_string().contains("{{"), "{shown:#}");
    }
    let wording = json!({ "subject": "{{ organisation|upper }}", "text": "{{ '<b>' }}", "html": "{{ '<b>' }}" });
    let shown = acme
        .post(
            &format!("{TEMPLATES}/invitation/preview"),
            json!({ "wording": wording }),
        )
        .await
        .expect(200);
    assert_eq!(
        (&shown["subject"], &shown["text"], &shown["html"]),
        (&json!("ACME"), &json!("<b>"), &json!("&lt;b&gt;"))
    );
    acme.post(&format!("{TEMPLATES}/nothing/preview"), json!({}))
        .await
        .expect(404);
}

#[tokio::test]
async fn the_variables_of_each_event_are_listed() {
    let acme = acme().await;
    let listed = acme.get(&format!("{TEMPLATES}/invitation/variables")).await.expect(200);
    let names: Vec<&str> = listed["items"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|variable| variable["name"].as_str().expect("a name"))
        .collect();
    assert_eq!(names, ["organisation", "display_name", "user_name", "link", "expires"]);
}

#[tokio::test]
async fn an_organisation_file_with_a_faulty_wording_changes_nothing() {
    let acme = acme().await;
    let file = "[organisation]\nslug = \"acme\"\n\n[[templates]]\nname = \"invitation\"\nlanguage = \"de\"\nsubject = \
                \"x\"\ntext = \"{{ nmae }}\"\n";
    let refused = acme.apply("acme", file).await.expect(422);
    assert_eq!(refused["errors"][0]["place"], "templates.invitation.de", "{refused:#}");
    assert_eq!(refused["errors"][0]["line"], 4);
    let good = file.replace("nmae", "display_name");
    let applied = acme.apply("acme", &good).await.expect(200);
    assert!(applied.to_string().contains("templates.invitation.de"), "{applied:#}");
    let again = acme.apply("acme", &good).await.expect(200);
    assert!(again.to_string().contains("unchanged"), "{again:#}");
}
