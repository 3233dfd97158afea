//! The settings in an organisation file, and what is wrong with them.

use serde_json::{Value, json};

use crate::kit::assertion::Signer;
use crate::kit::gateway::Inside;

fn file(section: &str) -> String {
    format!(
        "[organisation]\nslug = \"acme\"\n[[connections]]\nname = \"entra\"\nkind = \"scim\"\n[connections.oauth]\n{section}"
    )
}

fn written(key: &serde_json::Map<String, Value>) -> String {
    let members = key.iter().map(|(name, value)| format!("{name} = {value}"));
    format!("{{ {} }}", members.collect::<Vec<_>>().join(", "))
}

#[tokio::test]
async fn good_settings_are_stored_and_shown() {
    let inside = Inside::new();
    let acme = inside.administrator().await.organisation("acme").await;
    let key = written(&Signer::es256("one").jwk);
    let section = format!("issuer = \"https://idp.example\"\nrequired = true\njwks = {{ keys = [{key}] }}\n");
    acme.apply("acme", &file(&section)).await.expect(200);
    let again = acme.apply("acme", &file(&section)).await.expect(200);
    assert!(
        again["changes"]
            .as_array()
            .expect("changes")
            .iter()
            .all(|change| change["outcome"] == "unchanged")
    );
    let shown = acme
        .get("/api/v1/organisations/acme/connections/entra")
        .await
        .expect(200);
    assert_eq!(shown["oauth"]["issuer"], "https://idp.example");
    assert_eq!(shown["oauth"]["token_lifetime_s"], 3600);
    for uri in [
        "https://idp.example/keys",
        "http://127.0.0.1:9/keys",
        "http://[::1]/keys",
        "http://localhost:1/k",
    ] {
        acme.apply("acme", &file(&format!("jwks_uri = {}\n", json!(uri))))
            .await
            .expect(200);
    }
}

#[tokio::test]
async fn bad_settings_are_refused_with_the_setting_at_fault() {
    let inside = Inside::new();
    let acme = inside.administrator().await.organisation("acme").await;
    let good = written(&Signer::es256("one").jwk);
    let uri = "jwks_uri = \"https://idp.example/keys\"\n";
    let cases = [
        (String::new(), "jwks"),
        (format!("{uri}jwks = {{ keys = [{good}] }}\n"), "jwks"),
        ("jwks = { keys = [] }\n".to_owned(), "keys"),
        (
            format!("jwks = {{ keys = [{}] }}\n", vec![good.as_str(); 21].join(", ")),
            "keys",
        ),
        (
            "jwks = { keys = [{ kty = \"oct\", k = \"c2VjcmV0\" }] }\n".to_owned(),
            "oct",
        ),
        (
            "jwks = { keys = [{ kty = \"EC\", crv = \"P-256\", x = \"a\", y = \"b\", d = \"c\" }] }\n".to_owned(),
            "private",
        ),
        ("jwks_uri = \"http://idp.example/keys\"\n".to_owned(), "https"),
        ("jwks_uri = \"http://127.0.0.1.example/keys\"\n".to_owned(), "https"),
        ("jwks_uri = \"http://localhost@idp.example/keys\"\n".to_owned(), "https"),
        ("jwks_uri = \"file:///etc/passwd\"\n".to_owned(), "https"),
        ("jwks_uri = \"https://\"\n".to_owned(), "https"),
        (format!("{uri}token_lifetime_s = 59\n"), "token_lifetime_s"),
        (format!("{uri}token_lifetime_s = 21601\n"), "token_lifetime_s"),
        (
            format!("{uri}assertion_lifetime_max_s = 86401\n"),
            "assertion_lifetime_max_s",
        ),
        (format!("{uri}leeway_s = 301\n"), "leeway_s"),
        (format!("{uri}issuer = \"\"\n"), "issuer"),
        (format!("{uri}secret = \"x\"\n"), "secret"),
    ];
    for (section, word) in cases {
        let refused = acme.apply("acme", &file(&section)).await.expect(422);
        let errors = refused["errors"].to_string();
        assert!(errors.contains(word), "{section}: {errors}");
    }
}

#[tokio::test]
async fn a_directory_connection_has_no_clients() {
    let inside = Inside::new();
    let acme = inside.administrator().await.organisation("acme").await;
    let file = "[organisation]\nslug = \"acme\"\n[[connections]]\nname = \"ad\"\nkind = \"ldap\"\n[connections.oauth]\n\
                jwks_uri = \"https://idp.example/keys\"\n[connections.ldap]\nurls = [\"ldaps://ad.example\"]\nbind_dn = \
                \"cn=u\"\nbind_password_env = \"AD\"\n[connections.ldap.users]\nbase = \"dc=example\"\nfilter = \"(uid=*)\"\n";
    let refused = acme.apply("acme", file).await.expect(422);
    assert!(refused["errors"].to_string().contains("oauth"), "{refused:#}");
}
