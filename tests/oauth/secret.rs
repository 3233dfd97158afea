//! A lasting token as the client's secret (RFC 6749 s2.3.1), and connections where only assertions count.

use super::client::{ASSERTION_TYPE, Known};
use crate::kit::gateway::Gateway;
use crate::kit::served::TokenAnswer;

#[tokio::test]
async fn a_lasting_token_is_the_clients_secret() {
    let known = Known::new().await;
    let lasting = known.served.lasting(&known.permit, "entra").await;
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", "entra"),
        ("client_secret", lasting.text.as_str()),
    ];
    let posted = known.served.token("acme", &form).await.access();
    let url = format!("{}/oauth/acme/token", known.served.url);
    let request = known.served.http.post(&url).basic_auth("entra", Some(&lasting.text));
    let basic = TokenAnswer::of(request.form(&[("grant_type", "client_credentials")]))
        .await
        .access();
    for token in [&posted, &basic] {
        assert_eq!(known.status(token).await, 200);
    }
    known.served.revoke(&known.permit, &lasting).await;
    for token in [&posted, &basic] {
        assert_eq!(known.status(token).await, 401, "its lasting token is gone");
    }
    known.served.token("acme", &form).await.refused(401, "invalid_client");
}

#[tokio::test]
async fn a_connection_without_oauth_settings_has_secrets_too() {
    let known = Known::new().await;
    known.served.connect(&known.permit, "plain", |_| {}).await;
    let lasting = known.served.lasting(&known.permit, "plain").await;
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", "plain"),
        ("client_secret", lasting.text.as_str()),
    ];
    let token = known.served.token("acme", &form).await.access();
    assert_eq!(known.status(&token).await, 200);
}

#[tokio::test]
async fn a_secret_goes_with_its_own_name_and_organisation() {
    let known = Known::new().await;
    known.served.connect(&known.permit, "other", |_| {}).await;
    known.served.organisation("globex").await;
    let lasting = known.served.lasting(&known.permit, "other").await;
    for (organisation, name) in [
        ("acme", "entra"),
        ("acme", ""),
        ("globex", "other"),
        ("nobody", "other"),
    ] {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", name),
            ("client_secret", lasting.text.as_str()),
        ];
        known
            .served
            .token(organisation, &form)
            .await
            .refused(401, "invalid_client");
    }
    let administrator = known.served.administrator().await;
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", "entra"),
        ("client_secret", administrator.as_str()),
    ];
    known.served.token("acme", &form).await.refused(401, "invalid_client");
}

#[tokio::test]
async fn where_assertions_are_required_lasting_tokens_open_nothing() {
    let known = Known::new().await;
    let lasting = known.served.lasting(&known.permit, "entra").await;
    assert_eq!(known.status(&lasting.text).await, 200);
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", "entra"),
        ("client_secret", lasting.text.as_str()),
    ];
    let exchanged = known.served.token("acme", &form).await.access();
    known.set(|client| client.required = true).await;
    for token in [&lasting.text, &exchanged] {
        assert_eq!(known.status(token).await, 401);
    }
    known.served.token("acme", &form).await.refused(401, "invalid_client");
    let proved = known.access().await;
    assert_eq!(known.status(&proved).await, 200);
}

#[tokio::test]
async fn a_refused_basic_client_is_asked_for_basic() {
    let known = Known::new().await;
    let url = format!("{}/oauth/acme/token", known.served.url);
    let request = known.served.http.post(&url).basic_auth("entra", Some("ush_wrong"));
    let answer = TokenAnswer::of(request.form(&[("grant_type", "client_credentials")])).await;
    assert!(
        answer.headers["www-authenticate"]
            .to_str()
            .expect("a text")
            .starts_with("Basic ")
    );
    answer.refused(401, "invalid_client");
    let request = known.served.http.post(&url).header("authorization", "Basic !!!");
    let answer = TokenAnswer::of(request.form(&[("grant_type", "client_credentials")])).await;
    answer.refused(401, "invalid_client");
}

#[tokio::test]
async fn the_log_of_the_program_holds_no_secret_assertion_or_token() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), "[log]\nlevel = \"trace,hyper=info\"\n").expect("a file");
    let gateway = Gateway::start_with(&["--config", file.path().to_str().expect("UTF-8")]);
    let secret = gateway.bootstrapped("scim_token");
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    let url = format!("{}/oauth/default/token", gateway.url);
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", "scim"),
        ("client_secret", secret.as_str()),
    ];
    let token = TokenAnswer::of(http.post(&url).form(&form)).await.access();
    let users = format!("{}/scim/default/v2/Users", gateway.url);
    let asked = http.get(users).bearer_auth(&token).send().await;
    assert_eq!(asked.expect("an answer").status(), 200);
    let assertion =
        crate::kit::assertion::Signer::es256("one").sign(&serde_json::json!({ "iss": "scim", "sub": "scim" }));
    let form = [
        ("grant_type", "client_credentials"),
        ("client_assertion_type", ASSERTION_TYPE),
        ("client_assertion", assertion.as_str()),
    ];
    TokenAnswer::of(http.post(&url).form(&form))
        .await
        .refused(401, "invalid_client");
    let log = gateway.read_log();
    assert!(
        log.contains("/oauth/{org}/token"),
        "the request itself is logged: {log}"
    );
    for (name, text) in [("secret", &secret), ("token", &token), ("assertion", &assertion)] {
        // The second half: the first is the identifier, which is no secret.
        let part = &text[text.len() / 2..text.len() - 10];
        assert!(!log.contains(part), "the log holds the {name}");
    }
}
