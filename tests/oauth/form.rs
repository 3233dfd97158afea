//! Token requests that are none (RFC 6749 s3.2 and s5.2).

use super::client::{ASSERTION_TYPE, JWT_BEARER, Known};
use crate::kit::served::TokenAnswer;

#[tokio::test]
async fn what_is_no_token_request_is_refused_by_its_kind() {
    let known = Known::new().await;
    let good = known.assertion();
    let client = |rest: &str| format!("grant_type=client_credentials{rest}");
    let typed = format!("&client_assertion_type={ASSERTION_TYPE}");
    let cases = [
        (String::new(), 400, "invalid_request"),
        ("grant_type=".to_owned(), 400, "invalid_request"),
        (
            "grant_type=password&username=a&password=b".to_owned(),
            400,
            "unsupported_grant_type",
        ),
        (client(""), 401, "invalid_client"),
        (client(&format!("&client_assertion={good}")), 400, "invalid_request"),
        (
            client(&format!("&client_assertion={good}&client_assertion_type=x")),
            400,
            "invalid_request",
        ),
        (
            client(&format!(
                "{typed}&client_assertion={good}&grant_type=client_credentials"
            )),
            400,
            "invalid_request",
        ),
        (
            client(&format!("{typed}&client_assertion={good}&scope=scim%20admin")),
            400,
            "invalid_scope",
        ),
        (
            client(&format!("{typed}&client_assertion={good}&client_secret=x")),
            400,
            "invalid_request",
        ),
        (
            client(&format!("{typed}&client_assertion={good}&client_id=another")),
            401,
            "invalid_client",
        ),
        (format!("grant_type={JWT_BEARER}"), 400, "invalid_request"),
        (format!("grant_type={JWT_BEARER}&assertion=x"), 400, "invalid_grant"),
        (client(&"&a=b&c=d".repeat(40)), 400, "invalid_request"),
        (
            client(&format!("&client_assertion={}", "x".repeat(70_000))),
            400,
            "invalid_request",
        ),
    ];
    let url = format!("{}/oauth/acme/token", known.served.url);
    let form = "application/x-www-form-urlencoded; charset=utf-8";
    for (body, status, error) in cases {
        let request = known
            .served
            .http
            .post(&url)
            .header("content-type", form)
            .body(body.clone());
        let answer = TokenAnswer::of(request).await;
        let start: String = body.chars().take(120).collect();
        assert_eq!(answer.headers["cache-control"], "no-store", "{start}");
        assert_eq!(
            (answer.status, answer.body["error"].as_str()),
            (status, Some(error)),
            "{start}: {:#}",
            answer.body
        );
    }
    // None of them has used the assertion.
    known.show(&good).await.access();
}

#[tokio::test]
async fn a_token_request_is_a_form_and_a_post() {
    let known = Known::new().await;
    let url = format!("{}/oauth/acme/token", known.served.url);
    let request = known
        .served
        .http
        .post(&url)
        .json(&serde_json::json!({ "grant_type": "client_credentials" }));
    TokenAnswer::of(request).await.refused(400, "invalid_request");
    let answer = TokenAnswer::of(known.served.http.get(&url)).await;
    assert_eq!(
        (answer.status, &answer.headers["allow"]),
        (405, &"POST".parse().expect("a header"))
    );
}

#[tokio::test]
async fn an_organisation_that_does_not_exist_answers_as_one_without_the_client() {
    let known = Known::new().await;
    known.served.organisation("globex").await;
    let assertion = known.assertion();
    let form = [
        ("grant_type", "client_credentials"),
        ("client_assertion_type", ASSERTION_TYPE),
        ("client_assertion", assertion.as_str()),
    ];
    let mut answers = Vec::new();
    for organisation in ["globex", "nobody", "Not%20A%20Name"] {
        let answer = known.served.token(organisation, &form).await;
        answers.push((answer.status, answer.body));
    }
    assert_eq!(answers[0].0, 401);
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
}

#[tokio::test]
async fn clients_that_share_issuer_and_subject_are_told_apart_by_their_name() {
    let known = Known::new().await;
    let shared = |client: &mut usher::model::oauth::OAuthClient| {
        client.issuer = Some("https://idp.example".to_owned());
        client.subject = Some("usher".to_owned());
    };
    known.set(shared).await;
    let key = known.signer.jwk.clone();
    let second = |connection: &mut usher::model::connection::Connection| {
        let mut client = usher::model::oauth::OAuthClient::with_keys(vec![key]);
        shared(&mut client);
        connection.oauth = Some(client);
    };
    known.served.connect(&known.permit, "second", second).await;
    let assertion = || {
        let mut claims = known.claims();
        claims["iss"] = "https://idp.example".into();
        claims["sub"] = "usher".into();
        known.signer.sign(&claims)
    };
    let refused = known.show(&assertion()).await.refused(400, "invalid_request");
    assert!(refused.contains("client_id"), "{refused}");
    let named = assertion();
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", "second"),
        ("client_assertion_type", ASSERTION_TYPE),
        ("client_assertion", named.as_str()),
    ];
    known.served.token("acme", &form).await.access();
    // What was used for one of them is used for the other.
    let other = [form[0], ("client_id", "entra"), form[2], form[3]];
    let refused = known.served.token("acme", &other).await.refused(401, "invalid_client");
    assert!(refused.contains("used before"), "{refused}");
}
