//! Where and how (RFC 8414, RFC 6750).

use serde_json::{Value, json};

use super::client::Known;
use crate::kit::served::TokenAnswer;

#[tokio::test]
async fn the_metadata_leads_to_the_token_endpoint() {
    let known = Known::new().await;
    let url = &known.served.url;
    let wanted = format!("{url}/.well-known/oauth-authorization-server/oauth/acme");
    let answer = TokenAnswer::of(known.served.http.get(&wanted)).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.headers["content-type"], "application/json");
    let shown = &answer.body;
    assert_eq!(shown["issuer"], format!("{url}/oauth/acme"));
    assert_eq!(shown["token_endpoint"], format!("{url}/oauth/acme/token"));
    assert_eq!(shown["scopes_supported"], json!(["scim"]));
    assert_eq!(shown["token_endpoint_auth_methods_supported"][0], "private_key_jwt");
    let below = format!("{url}/oauth/acme/.well-known/oauth-authorization-server");
    assert_eq!(TokenAnswer::of(known.served.http.get(&below)).await.body, *shown);
}

#[tokio::test]
async fn the_metadata_does_not_tell_which_organisations_exist() {
    let known = Known::new().await;
    let url = |slug: &str| {
        format!(
            "{}/.well-known/oauth-authorization-server/oauth/{slug}",
            known.served.url
        )
    };
    let there = TokenAnswer::of(known.served.http.get(url("acme"))).await;
    let nobody = TokenAnswer::of(known.served.http.get(url("nobody"))).await;
    assert_eq!((there.status, nobody.status), (200, 200));
    let renamed = there.body.to_string().replace("acme", "nobody");
    assert_eq!(serde_json::from_str::<Value>(&renamed).expect("JSON"), nobody.body);
    assert_eq!(
        TokenAnswer::of(known.served.http.get(url("No%20Name"))).await.status,
        404
    );
}

#[tokio::test]
async fn a_401_says_whether_a_token_was_shown() {
    let known = Known::new().await;
    let url = format!("{}/scim/acme/v2/Users", known.served.url);
    let none = TokenAnswer::of(known.served.http.get(&url)).await;
    assert_eq!(
        none.headers["www-authenticate"],
        "Bearer realm=\"scim\", scope=\"scim\""
    );
    let wrong = TokenAnswer::of(known.served.http.get(&url).bearer_auth("usha_wrong")).await;
    assert_eq!((none.status, wrong.status), (401, 401));
    let challenge = wrong.headers["www-authenticate"].to_str().expect("a text");
    assert!(challenge.contains("error=\"invalid_token\""), "{challenge}");
}

#[tokio::test]
async fn the_service_provider_config_names_both_ways() {
    let known = Known::new().await;
    let token = known.access().await;
    let url = format!("{}/scim/acme/v2/ServiceProviderConfig", known.served.url);
    let shown = TokenAnswer::of(known.served.http.get(&url).bearer_auth(&token))
        .await
        .body;
    let schemes = shown["authenticationSchemes"].as_array().expect("schemes");
    assert_eq!(schemes.len(), 2, "{schemes:?}");
    assert!(schemes.iter().all(|scheme| scheme["type"] == "oauthbearertoken"));
    assert_eq!(schemes.iter().filter(|scheme| scheme["primary"] == true).count(), 1);
    let texts = schemes
        .iter()
        .map(|scheme| scheme["description"].as_str().unwrap_or_default());
    let texts: String = texts.collect();
    assert!(
        texts.contains(&format!("{}/oauth/acme/token", known.served.url)),
        "{texts}"
    );
}
