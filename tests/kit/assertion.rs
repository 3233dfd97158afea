//! Signed assertions: keys made for the occasion, and signatures by what made them.

use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{
    self, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _, RsaEncoding, RsaKeyPair,
};
use serde_json::{Map, Value, json};

/// Base64url without padding (RFC 7515 s2).
pub(crate) fn encoded(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

enum Key {
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
    Rsa(RsaKeyPair, &'static dyn RsaEncoding),
}

/// Somebody with a private key.
pub(crate) struct Signer {
    algorithm: &'static str,
    key: Key,
    /// The public half as a JSON Web Key.
    pub(crate) jwk: Map<String, Value>,
}

fn object(value: Value) -> Map<String, Value> {
    value.as_object().expect("an object").clone()
}

impl Signer {
    /// ECDSA over P-256.
    pub(crate) fn es256(kid: &str) -> Self {
        Self::ec("ES256", "P-256", kid, &signature::ECDSA_P256_SHA256_FIXED_SIGNING)
    }

    /// ECDSA over P-384.
    pub(crate) fn es384(kid: &str) -> Self {
        Self::ec("ES384", "P-384", kid, &signature::ECDSA_P384_SHA384_FIXED_SIGNING)
    }

    fn ec(algorithm: &'static str, curve: &str, kid: &str, signing: &'static EcdsaSigningAlgorithm) -> Self {
        let random = SystemRandom::new();
        let pair = EcdsaKeyPair::generate_pkcs8(signing, &random).expect("a key");
        let key = EcdsaKeyPair::from_pkcs8(signing, pair.as_ref(), &random).expect("a key");
        // An uncompressed point: 4, x, y.
        let point = key.public_key().as_ref().to_vec();
        let (x, y) = point[1..].split_at(point.len() / 2);
        let jwk = json!({ "kty": "EC", "crv": curve, "kid": kid, "use": "sig", "x": encoded(x), "y": encoded(y) });
        Self {
            algorithm,
            key: Key::Ec(key),
            jwk: object(jwk),
        }
    }

    /// Ed25519.
    pub(crate) fn ed25519(kid: &str) -> Self {
        let pair = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).expect("a key");
        let key = Ed25519KeyPair::from_pkcs8(pair.as_ref()).expect("a key");
        let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "kid": kid, "x": encoded(key.public_key()) });
        Self {
            algorithm: "EdDSA",
            key: Key::Ed(key),
            jwk: object(jwk),
        }
    }

    /// RSA with 2048 bits, made by openssl: one key for each of these algorithms.
    pub(crate) fn rsa(kid: &str) -> Vec<Self> {
        let made = Command::new("openssl")
            .args([
                "genpkey",
                "-quiet",
                "-algorithm",
                "RSA",
                "-pkeyopt",
                "rsa_keygen_bits:2048",
            ])
            .args(["-outform", "DER"])
            .output()
            .expect("openssl");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let encodings: [(&str, &dyn RsaEncoding); 6] = [
            ("RS256", &signature::RSA_PKCS1_SHA256),
            ("RS384", &signature::RSA_PKCS1_SHA384),
            ("RS512", &signature::RSA_PKCS1_SHA512),
            ("PS256", &signature::RSA_PSS_SHA256),
            ("PS384", &signature::RSA_PSS_SHA384),
            ("PS512", &signature::RSA_PSS_SHA512),
        ];
        let signers = encodings.into_iter().map(|(algorithm, encoding)| {
            let key = RsaKeyPair::from_pkcs8(&made.stdout)
                // Releases of openssl differ in the form that they write.
                .or_else(|_| RsaKeyPair::from_der(&made.stdout))
                .expect("a key");
            let public = ring::rsa::PublicKeyComponents::<Vec<u8>>::from(key.public());
            let jwk = json!({ "kty": "RSA", "kid": kid, "n": encoded(&public.n), "e": encoded(&public.e) });
            Self {
                algorithm,
                key: Key::Rsa(key, encoding),
                jwk: object(jwk),
            }
        });
        signers.collect()
    }

    /// The usual head.
    pub(crate) fn head(&self) -> Value {
        json!({ "alg": self.algorithm, "typ": "JWT", "kid": self.jwk["kid"] })
    }

    /// An assertion with these claims.
    pub(crate) fn sign(&self, claims: &Value) -> String {
        self.sign_under(&self.head(), claims)
    }

    /// An assertion with this head.
    pub(crate) fn sign_under(&self, head: &Value, claims: &Value) -> String {
        let text = format!("{}.{}", encoded(head.to_string()), encoded(claims.to_string()));
        let random = SystemRandom::new();
        let signed = match &self.key {
            Key::Ec(key) => key
                .sign(&random, text.as_bytes())
                .expect("a signature")
                .as_ref()
                .to_vec(),
            Key::Ed(key) => key.sign(text.as_bytes()).as_ref().to_vec(),
            Key::Rsa(key, encoding) => {
                let mut signed = vec![0; key.public().modulus_len()];
                key.sign(*encoding, &random, text.as_bytes(), &mut signed)
                    .expect("a signature");
                signed
            }
        };
        format!("{text}.{}", encoded(signed))
    }
}
