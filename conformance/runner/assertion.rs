//! A client with a key: the assertions that cases show at the token endpoint (RFC 7523).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};

use crate::variables::Variables;

/// The client of the connection `federated`, and a stranger with the same name.
pub(crate) struct Federated {
    client: EcdsaKeyPair,
    stranger: EcdsaKeyPair,
    /// Whom the assertions are for.
    token_endpoint: String,
}

fn pair() -> Result<EcdsaKeyPair, String> {
    let failed = |error: &dyn std::fmt::Display| format!("no key: {error}");
    let random = SystemRandom::new();
    let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
    let made = EcdsaKeyPair::generate_pkcs8(algorithm, &random).map_err(|error| failed(&error))?;
    EcdsaKeyPair::from_pkcs8(algorithm, made.as_ref(), &random).map_err(|error| failed(&error))
}

fn encoded(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Federated {
    /// A client with a new key.
    ///
    /// # Errors
    /// A sentence about what went wrong.
    pub(crate) fn new(token_endpoint: String) -> Result<Self, String> {
        Ok(Self {
            client: pair()?,
            stranger: pair()?,
            token_endpoint,
        })
    }

    /// What the organisation file declares of it.
    pub(crate) fn declared(&self) -> String {
        // An uncompressed point: 4, then 32 bytes of each half.
        let point = self.client.public_key().as_ref();
        let (x, y) = (encoded(&point[1..33]), encoded(&point[33..]));
        format!(
            "\n[[connections]]\nname = \"federated\"\nkind = \"scim\"\n[connections.oauth]\nrequired = true\njwks = {{ keys = \
             [{{ kty = \"EC\", crv = \"P-256\", kid = \"one\", x = \"{x}\", y = \"{y}\" }}] }}\n"
        )
    }

    /// A good assertion, and new.
    ///
    /// # Errors
    /// A sentence about what went wrong.
    pub(crate) fn assertion(&self) -> Result<String, String> {
        signed(&self.client, &self.claims())
    }

    /// The assertions that a case may show.
    ///
    /// # Errors
    /// A sentence about what went wrong.
    pub(crate) fn set(&self, variables: &mut Variables) -> Result<(), String> {
        let changed = |name: &str, value: Value| {
            let mut claims = self.claims();
            claims[name] = value;
            signed(&self.client, &claims)
        };
        let now = chrono::Utc::now().timestamp();
        let good = self.assertion()?;
        let unsigned = format!(
            "{}.{}.",
            encoded("{\"alg\":\"none\"}"),
            encoded(self.claims().to_string())
        );
        variables.set("assertion", good);
        variables.set("assertion_other", self.assertion()?);
        variables.set("assertion_expired", changed("exp", json!(now - 600))?);
        variables.set(
            "assertion_for_another",
            changed("aud", json!("https://elsewhere.example"))?,
        );
        variables.set("assertion_without_jti", changed("jti", Value::Null)?);
        variables.set("assertion_of_a_stranger", signed(&self.stranger, &self.claims())?);
        variables.set("assertion_unsigned", unsigned);
        variables.set("token_endpoint", self.token_endpoint.clone());
        Ok(())
    }

    fn claims(&self) -> Value {
        let now = chrono::Utc::now().timestamp();
        json!({
            "iss": "federated",
            "sub": "federated",
            "aud": self.token_endpoint,
            "iat": now,
            "exp": now + 300,
            "jti": uuid::Uuid::new_v4().to_string(),
        })
    }
}

fn signed(key: &EcdsaKeyPair, claims: &Value) -> Result<String, String> {
    let head = json!({ "alg": "ES256", "kid": "one", "typ": "JWT" });
    let text = format!("{}.{}", encoded(head.to_string()), encoded(claims.to_string()));
    let signature = key.sign(&SystemRandom::new(), text.as_bytes());
    let signature = signature.map_err(|error| format!("no signature: {error}"))?;
    Ok(format!("{text}.{}", encoded(signature)))
}
