//! Signatures of assertions (RFC 7515), checked with the library that TLS uses already.

use std::sync::Once;

use jsonwebtoken::crypto::{CryptoProvider, JwkUtils, JwtSigner, JwtVerifier};
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::jwk::{Jwk, KeyOperations, PublicKeyUse};
use jsonwebtoken::signature::{self as signatures, Verifier};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, DecodingKeyKind, EncodingKey, Header, Validation, decode};
use ring::signature::{self, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm};

use crate::model::oauth::Claims;

/// What is accepted: asymmetric algorithms only. `none` and those with a shared secret never are (RFC 8725 s3.1).
pub(super) const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: refuse_to_sign,
    verifier_factory: verifier,
    jwk_utils: JwkUtils::new_unimplemented(),
};

/// Says, once in a process, what checks signatures.
pub(super) fn prepare() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        if PROVIDER.install_default().is_err() {
            tracing::debug!("signatures are checked by what this process had chosen before");
        }
    });
}

/// An assertion's head and claims, of which nothing is known to be true yet. `None` when it is none, or wants what is not
/// offered here: another algorithm, or an extension that must be understood (RFC 7515 s4.1.11).
pub(super) fn read(assertion: &str) -> Option<(Header, Claims)> {
    let read = jsonwebtoken::dangerous::insecure_decode::<Claims>(assertion).ok()?;
    let is_offered = ALGORITHMS.contains(&read.header.alg) && read.header.crit.is_none();
    is_offered.then_some((read.header, read.claims))
}

/// The claims, when one of the keys has signed them.
pub(super) fn verified(assertion: &str, header: &Header, keys: &[Jwk]) -> Option<Claims> {
    let mut validation = Validation::new(header.alg);
    // Judged by `Claims::judge`, with the directory's clock.
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    let fitting = keys.iter().filter(|key| fits(key, header));
    let mut decoded = fitting.filter_map(|key| {
        let key = DecodingKey::from_jwk(key).ok()?;
        decode::<Claims>(assertion, &key, &validation).ok()
    });
    decoded.next().map(|data| data.claims)
}

/// Whether a key may have made this signature: its name, use and algorithm, where it has them (RFC 7517 s4).
fn fits(key: &Jwk, header: &Header) -> bool {
    let common = &key.common;
    let named = |kid: &String| header.kid.as_ref().is_none_or(|wanted| wanted == kid);
    let verifies = |operations: &Vec<KeyOperations>| operations.contains(&KeyOperations::Verify);
    let algorithm = common.key_algorithm.map(|algorithm| algorithm.to_string());
    common.key_id.as_ref().is_none_or(named)
        && common
            .public_key_use
            .as_ref()
            .is_none_or(|purpose| *purpose == PublicKeyUse::Signature)
        && common.key_operations.as_ref().is_none_or(verifies)
        && algorithm.is_none_or(|algorithm| algorithm == format!("{:?}", header.alg))
}

/// The keys of a set that are understood; others are of no use here and do no harm (RFC 7517 s5).
pub(super) fn understood(keys: &[serde_json::Map<String, serde_json::Value>]) -> Vec<Jwk> {
    let read = |key: &serde_json::Map<_, _>| serde_json::from_value(serde_json::Value::Object(key.clone())).ok();
    keys.iter().filter_map(read).collect()
}

fn refuse_to_sign(_: &Algorithm, _: &EncodingKey) -> Result<Box<dyn JwtSigner>, Error> {
    Err(ErrorKind::InvalidAlgorithm.into())
}

fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>, Error> {
    if !ALGORITHMS.contains(algorithm) || key.family() != algorithm.family() {
        return Err(ErrorKind::InvalidAlgorithm.into());
    }
    Ok(Box::new(Check {
        algorithm: *algorithm,
        key: key.clone(),
    }))
}

struct Check {
    algorithm: Algorithm,
    key: DecodingKey,
}

impl JwtVerifier for Check {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

impl Verifier<Vec<u8>> for Check {
    fn verify(&self, message: &[u8], signed: &Vec<u8>) -> Result<(), signatures::Error> {
        let checked = match self.key.kind() {
            DecodingKeyKind::RsaModulusExponent { n, e } => {
                let parameters = rsa(self.algorithm).ok_or_else(signatures::Error::new)?;
                // A modulus is a number: some write a zero byte before it.
                let start = n.iter().position(|byte| *byte != 0).unwrap_or_default();
                let n = n.get(start..).unwrap_or_default();
                RsaPublicKeyComponents { n, e: e.as_slice() }.verify(parameters, message, signed)
            }
            DecodingKeyKind::SecretOrDer(point) if self.key.family() != AlgorithmFamily::Rsa => {
                let curve = curve(self.algorithm).ok_or_else(signatures::Error::new)?;
                UnparsedPublicKey::new(curve, point).verify(message, signed)
            }
            DecodingKeyKind::SecretOrDer(_) => return Err(signatures::Error::new()),
        };
        checked.map_err(|_| signatures::Error::new())
    }
}

/// RFC 7518 s3.3 and s3.5, with keys of 2048 bits or more.
fn rsa(algorithm: Algorithm) -> Option<&'static signature::RsaParameters> {
    match algorithm {
        Algorithm::RS256 => Some(&signature::RSA_PKCS1_2048_8192_SHA256),
        Algorithm::RS384 => Some(&signature::RSA_PKCS1_2048_8192_SHA384),
        Algorithm::RS512 => Some(&signature::RSA_PKCS1_2048_8192_SHA512),
        Algorithm::PS256 => Some(&signature::RSA_PSS_2048_8192_SHA256),
        Algorithm::PS384 => Some(&signature::RSA_PSS_2048_8192_SHA384),
        Algorithm::PS512 => Some(&signature::RSA_PSS_2048_8192_SHA512),
        _ => None,
    }
}

/// RFC 7518 s3.4, RFC 8037 s3.1.
fn curve(algorithm: Algorithm) -> Option<&'static dyn VerificationAlgorithm> {
    match algorithm {
        Algorithm::ES256 => Some(&signature::ECDSA_P256_SHA256_FIXED),
        Algorithm::ES384 => Some(&signature::ECDSA_P384_SHA384_FIXED),
        Algorithm::EdDSA => Some(&signature::ED25519),
        _ => None,
    }
}
