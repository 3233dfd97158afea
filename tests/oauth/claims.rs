//! What an assertion must claim (RFC 7523 s3).

use serde_json::{Value, json};

use super::client::Known;

/// A change of good claims.
type Change = fn(&mut Value, i64);

#[tokio::test]
async fn claims_that_are_not_good_are_refused_by_name() {
    let known = Known::new().await;
    let cases: [(&str, Change, &str); 20] = [
        (
            "aud of another",
            |claims, _| claims["aud"] = json!("https://elsewhere.example"),
            "aud",
        ),
        (
            "aud with more behind it",
            |claims, _| {
                let longer = format!("{}/", claims["aud"].as_str().expect("a text"));
                claims["aud"] = json!(longer);
            },
            "aud",
        ),
        (
            "aud of many others",
            |claims, _| claims["aud"] = json!(["a", "b"]),
            "aud",
        ),
        ("no aud", |claims, _| claims["aud"] = Value::Null, "aud"),
        ("no exp", |claims, _| claims["exp"] = Value::Null, "exp"),
        ("exp beyond all time", |claims, _| claims["exp"] = json!(1e300), "exp"),
        ("exp before all time", |claims, _| claims["exp"] = json!(-1), "exp"),
        ("exp past", |claims, now| claims["exp"] = json!(now - 61), "expired"),
        ("exp far", |claims, now| claims["exp"] = json!(now + 3700), "longer"),
        (
            "exp in milliseconds",
            |claims, now| claims["exp"] = json!((now + 60) * 1000),
            "exp",
        ),
        (
            "long from its beginning",
            |claims, now| {
                claims["iat"] = json!(now - 2000);
                claims["exp"] = json!(now + 2000);
            },
            "longer",
        ),
        ("nbf to come", |claims, now| claims["nbf"] = json!(now + 70), "nbf"),
        ("nbf beyond all time", |claims, _| claims["nbf"] = json!(1e300), "nbf"),
        ("iat to come", |claims, now| claims["iat"] = json!(now + 70), "iat"),
        ("iat long ago", |claims, now| claims["iat"] = json!(now - 4000), "iat"),
        ("iat before all time", |claims, _| claims["iat"] = json!(-5), "iat"),
        ("no jti", |claims, _| claims["jti"] = Value::Null, "jti"),
        ("empty jti", |claims, _| claims["jti"] = json!(""), "jti"),
        ("long jti", |claims, _| claims["jti"] = json!("j".repeat(513)), "jti"),
        (
            "aud in other letters",
            |claims, _| {
                let other = claims["aud"].as_str().expect("a text").to_uppercase();
                claims["aud"] = json!(other);
            },
            "aud",
        ),
    ];
    for (name, change, word) in cases {
        let mut claims = known.claims();
        change(&mut claims, known.served.now());
        let answer = known.show(&known.signer.sign(&claims)).await;
        let description = answer.refused(401, "invalid_client");
        assert!(description.contains(word), "{name}: {description}");
    }
}

#[tokio::test]
async fn claims_within_the_leeway_are_good() {
    let known = Known::new().await;
    let cases: [(&str, Change); 6] = [
        ("just past", |claims, now| claims["exp"] = json!(now - 30)),
        ("just to come", |claims, now| claims["nbf"] = json!(now + 30)),
        ("just made", |claims, now| claims["iat"] = json!(now + 30)),
        ("one of several readers", |claims, _| {
            claims["aud"] = json!(["x", claims["aud"]])
        }),
        ("parts of a second", |claims, now| {
            claims["exp"] = json!(f64::from(i32::try_from(now).expect("32 bits")) + 90.5)
        }),
        ("neither nbf nor iat", |claims, _| {
            claims["nbf"] = Value::Null;
            claims["iat"] = Value::Null;
        }),
    ];
    for (name, change) in cases {
        let mut claims = known.claims();
        change(&mut claims, known.served.now());
        let answer = known.show(&known.signer.sign(&claims)).await;
        assert_eq!(answer.status, 200, "{name}: {:#}", answer.body);
    }
}

#[tokio::test]
async fn the_issuer_of_the_metadata_is_an_audience_as_well() {
    let known = Known::new().await;
    let mut claims = known.claims();
    claims["aud"] = json!(format!("{}/oauth/acme", known.served.url));
    known.show(&known.signer.sign(&claims)).await.access();
}

#[tokio::test]
async fn issuer_and_subject_are_those_of_the_settings() {
    let known = Known::new().await;
    let issuer = "https://login.microsoftonline.com/6b1f0f3e-0000-4000-8000-000000000001/v2.0";
    let subject = "0d2c1d1a-0000-4000-8000-000000000002";
    known
        .set(|client| {
            client.issuer = Some(issuer.to_owned());
            client.subject = Some(subject.to_owned());
            client.audience = Some("api://usher".to_owned());
        })
        .await;
    let mut claims = known.claims();
    claims["aud"] = json!("api://usher");
    // The name of the connection is no issuer any more.
    known
        .show(&known.signer.sign(&claims))
        .await
        .refused(401, "invalid_client");
    claims["iss"] = json!(issuer);
    known
        .show(&known.signer.sign(&claims))
        .await
        .refused(401, "invalid_client");
    claims["sub"] = json!(subject);
    known.show(&known.signer.sign(&claims)).await.access();
    claims["jti"] = json!("another");
    claims["aud"] = json!(format!("{}/oauth/acme/token", known.served.url));
    let refused = known
        .show(&known.signer.sign(&claims))
        .await
        .refused(401, "invalid_client");
    assert!(refused.contains("aud"), "{refused}");
}

#[tokio::test]
async fn without_identifiers_an_assertion_is_told_by_its_text() {
    let known = Known::new().await;
    known.set(|client| client.require_jti = false).await;
    let mut claims = known.claims();
    claims.as_object_mut().expect("claims").remove("jti");
    let assertion = known.signer.sign(&claims);
    known.show(&assertion).await.access();
    known.show(&assertion).await.refused(401, "invalid_client");
    // ECDSA signs the same text in another way each time; it is the same assertion.
    let signed_again = known.signer.sign(&claims);
    assert_ne!(assertion, signed_again);
    known.show(&signed_again).await.refused(401, "invalid_client");
    claims["exp"] = json!(known.served.now() + 200);
    known.show(&known.signer.sign(&claims)).await.access();
}

#[tokio::test]
async fn a_shorter_lifetime_may_be_asked_of_assertions() {
    let known = Known::new().await;
    known.set(|client| client.assertion_lifetime_max_s = 60).await;
    let refused = known.show(&known.assertion()).await.refused(401, "invalid_client");
    assert!(refused.contains("longer"), "{refused}");
}
