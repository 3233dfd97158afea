//! Whose signatures are good (RFC 7515, RFC 7518, RFC 8725).

use serde_json::{Value, json};

use super::client::Known;
use crate::kit::assertion::{Signer, encoded};

#[tokio::test]
async fn every_algorithm_of_the_metadata_opens() {
    let known = Known::new().await;
    let mut signers = vec![Signer::es256("p256"), Signer::es384("p384"), Signer::ed25519("ed")];
    signers.extend(Signer::rsa("rsa"));
    let url = format!("{}/.well-known/oauth-authorization-server/oauth/acme", known.served.url);
    let metadata = known.served.http.get(url).send().await.expect("an answer");
    let metadata: Value = metadata.json().await.expect("JSON");
    let offered = metadata["token_endpoint_auth_signing_alg_values_supported"].clone();
    let offered: Vec<String> = serde_json::from_value(offered).expect("names");
    let mut shown: Vec<String> = Vec::new();
    let keys: Vec<_> = signers.iter().map(|signer| signer.jwk.clone()).collect();
    known
        .set(|client| client.jwks.as_mut().expect("keys").keys = keys)
        .await;
    for signer in &signers {
        let answer = known.show(&signer.sign(&known.claims())).await;
        let algorithm = signer.head()["alg"].as_str().expect("a name").to_owned();
        assert_eq!(answer.status, 200, "{algorithm}: {:#}", answer.body);
        shown.push(algorithm);
    }
    shown.sort();
    let mut offered = offered;
    offered.sort();
    assert_eq!(shown, offered);
}

#[tokio::test]
async fn a_signature_of_anyone_else_opens_nothing() {
    let known = Known::new().await;
    let stranger = Signer::es256("one");
    known
        .show(&stranger.sign(&known.claims()))
        .await
        .refused(401, "invalid_client");
    let nameless = Signer::es256("two");
    known
        .show(&nameless.sign(&known.claims()))
        .await
        .refused(401, "invalid_client");
}

#[tokio::test]
async fn claims_that_were_changed_after_signing_open_nothing() {
    let known = Known::new().await;
    let assertion = known.assertion();
    let parts: Vec<&str> = assertion.split('.').collect();
    let mut claims = known.claims();
    claims["exp"] = json!(known.served.now() + 3000);
    let changed = format!("{}.{}.{}", parts[0], encoded(claims.to_string()), parts[2]);
    let refused = known.show(&changed).await.refused(401, "invalid_client");
    // Nothing is told of claims that nobody is known to have signed.
    assert!(refused.contains("not known here"), "{refused}");
    known.show(&assertion).await.access();
}

#[tokio::test]
async fn no_signature_and_a_shared_secret_open_nothing() {
    let known = Known::new().await;
    let claims = encoded(known.claims().to_string());
    for algorithm in ["none", "None", "NONE", "", "HS256", "HS384", "HS512", "ES512", "RSA"] {
        let head = encoded(json!({ "alg": algorithm, "kid": "one" }).to_string());
        let text = format!("{head}.{claims}");
        // The public key as the secret: the confusion of RFC 8725 s2.1.
        let public = known.signer.jwk["x"].as_str().expect("a key");
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, public.as_bytes());
        let tag = ring::hmac::sign(&key, text.as_bytes());
        for signature in [String::new(), encoded(tag)] {
            let answer = known.show(&format!("{text}.{signature}")).await;
            assert_eq!(answer.status, 401, "{algorithm:?}: {:#}", answer.body);
        }
    }
}

#[tokio::test]
async fn an_algorithm_that_is_not_the_keys_own_opens_nothing() {
    let known = Known::new().await;
    let rsa = Signer::rsa("rsa");
    let mut only_ps = rsa[3].jwk.clone();
    only_ps.insert("alg".to_owned(), json!("PS256"));
    let mut for_secrets = known.signer.jwk.clone();
    for_secrets.insert("use".to_owned(), json!("enc"));
    known
        .set(|client| client.jwks.as_mut().expect("keys").keys = vec![only_ps, for_secrets])
        .await;
    known
        .show(&rsa[0].sign(&known.claims()))
        .await
        .refused(401, "invalid_client");
    known.show(&rsa[3].sign(&known.claims())).await.access();
    known.show(&known.assertion()).await.refused(401, "invalid_client");
    // An RSA key's name in the head of another kind of signature.
    let head = json!({ "alg": "ES256", "kid": "rsa" });
    let mixed = known.signer.sign_under(&head, &known.claims());
    known.show(&mixed).await.refused(401, "invalid_client");
}

#[tokio::test]
async fn keys_in_the_assertion_itself_are_not_used_and_unknown_extensions_refuse() {
    let known = Known::new().await;
    let stranger = Signer::es256("one");
    let head = json!({ "alg": "ES256", "jwk": stranger.jwk, "jku": "https://elsewhere.example" });
    known
        .show(&stranger.sign_under(&head, &known.claims()))
        .await
        .refused(401, "invalid_client");
    let head = json!({ "alg": "ES256", "kid": "one", "crit": ["exp"], "exp": "1" });
    known
        .show(&known.signer.sign_under(&head, &known.claims()))
        .await
        .refused(401, "invalid_client");
}

#[tokio::test]
async fn what_is_no_assertion_is_refused() {
    let known = Known::new().await;
    let good = known.assertion();
    let parts: Vec<&str> = good.split('.').collect();
    let wrong = [
        "x".to_owned(),
        "..".to_owned(),
        format!("{}.{}", parts[0], parts[1]),
        format!("{good}.x"),
        format!(" {good}"),
        format!("{good}="),
        format!("{}.{}.", parts[0], parts[1]),
        format!("{}.{}.{}", parts[0], encoded("[]"), parts[2]),
        format!("{}.{}.{}", encoded("{}"), parts[1], parts[2]),
        "a".repeat(60_000),
    ];
    for assertion in wrong {
        let answer = known.show(&assertion).await;
        let start: String = assertion.chars().take(40).collect();
        assert_eq!(answer.status, 401, "{start}: {:#}", answer.body);
        assert_eq!(answer.body["error"], "invalid_client");
    }
    known.show(&good).await.access();
}
