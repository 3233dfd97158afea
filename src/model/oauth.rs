//! How a SCIM client proves who it is at the token endpoint: by an assertion that it signs (RFC 7523), checked against what the
//! connection's settings say. Signatures are checked elsewhere; here is what the settings and the claims must be.

pub mod claims;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use thiserror::Error;

pub use claims::{Claims, ClaimsError, Proven};

use super::slug::Slug;

/// The one scope that there is (IPSIE AL1 s3.1: the access token grants nothing broader).
pub const SCOPE: &str = "scim";

/// Seconds by which a client's clock may differ at most.
pub const LEEWAY_MAX_S: u32 = 300;

/// Keys written into the settings, at most.
pub const KEYS_MAX: usize = 20;

/// The `oauth` section of a SCIM connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OAuthClient {
    /// The client's name at the token endpoint; the connection's name when it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// `iss` of its assertions; the client's name when it is absent (RFC 7523 s3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// `sub` of its assertions; the client's name when it is absent (RFC 7523 s3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// `aud` of its assertions; when it is absent, the token endpoint's URL or the authorization server's issuer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
    /// The client's public keys (RFC 7517 s5).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks: Option<KeySet>,
    /// Where the client's public keys are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks_uri: Option<String>,
    /// Seconds that an access token is good for: 60 to 21,600.
    #[serde(default = "hour")]
    pub token_lifetime_s: u32,
    /// Seconds that an assertion may be good for: 60 to 86,400.
    #[serde(default = "hour")]
    pub assertion_lifetime_max_s: u32,
    /// Seconds by which the client's clock may differ: 0 to 300.
    #[serde(default = "leeway_s")]
    pub leeway_s: u32,
    /// Whether an assertion must have a `jti`. Without one, an assertion is told from another by its signed text.
    #[serde(default = "yes")]
    pub require_jti: bool,
    /// Whether this is the only way in: the connection's lasting tokens open nothing then (IPSIE AL1 s3.1).
    #[serde(default)]
    pub required: bool,
}

const fn hour() -> u32 {
    3_600
}

const fn leeway_s() -> u32 {
    60
}

const fn yes() -> bool {
    true
}

/// A JSON Web Key Set (RFC 7517 s5). The keys stay as they were written: what is not known in one is ignored.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeySet {
    /// The keys.
    pub keys: Vec<Map<String, Value>>,
}

/// A setting that cannot work, with its cure.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum OAuthError {
    /// No keys, or keys from two places.
    #[error("oauth: give either jwks or jwks_uri")]
    Keys,
    /// The address is not fit.
    #[error("oauth.jwks_uri: {0:?} is not an https address (http is for this machine's own addresses only)")]
    KeysAddress(String),
    /// Too few or too many.
    #[error("oauth.jwks: has {0} keys: give 1 to {KEYS_MAX}")]
    KeyCount(usize),
    /// A key for symmetric signatures, or of a kind that is not known.
    #[error("oauth.jwks: key {index} is of kind {kind:?}: give public keys of kind RSA, EC or OKP")]
    KeyKind {
        /// Its place, from 1.
        index: usize,
        /// Its `kty`.
        kind: String,
    },
    /// A private key.
    #[error("oauth.jwks: key {0} is a private key: make a new pair, and give its public half only")]
    PrivateKey(usize),
    /// A number out of its range.
    #[error("oauth.{setting}: {value} is not between {least} and {most} seconds")]
    Seconds {
        /// The setting.
        setting: &'static str,
        /// Its value.
        value: u32,
        /// The least.
        least: u32,
        /// The most.
        most: u32,
    },
    /// A text that is there and empty.
    #[error("oauth.{0}: is empty: leave it out or name one")]
    Empty(&'static str),
}

impl OAuthClient {
    /// A client with these public keys and default settings.
    #[must_use]
    pub fn with_keys(keys: Vec<Map<String, Value>>) -> Self {
        Self {
            client_id: None,
            issuer: None,
            subject: None,
            audience: None,
            jwks: Some(KeySet { keys }),
            jwks_uri: None,
            token_lifetime_s: hour(),
            assertion_lifetime_max_s: hour(),
            leeway_s: leeway_s(),
            require_jti: true,
            required: false,
        }
    }

    /// The client's name; `connection` is whose section this is.
    #[must_use]
    pub fn client_id<'a>(&'a self, connection: &'a Slug) -> &'a str {
        self.client_id.as_deref().unwrap_or(connection.as_str())
    }

    /// What `iss` must be.
    #[must_use]
    pub fn issuer<'a>(&'a self, connection: &'a Slug) -> &'a str {
        self.issuer.as_deref().unwrap_or_else(|| self.client_id(connection))
    }

    /// What `sub` must be.
    #[must_use]
    pub fn subject<'a>(&'a self, connection: &'a Slug) -> &'a str {
        self.subject.as_deref().unwrap_or_else(|| self.client_id(connection))
    }

    /// Judges the settings without the network.
    ///
    /// # Errors
    /// The first [`OAuthError`].
    pub fn check(&self) -> Result<(), OAuthError> {
        match (&self.jwks, &self.jwks_uri) {
            (Some(set), None) => check_keys(&set.keys)?,
            (None, Some(uri)) if !is_fit(uri) => return Err(OAuthError::KeysAddress(uri.clone())),
            (None, Some(_)) => {}
            (None, None) | (Some(_), Some(_)) => return Err(OAuthError::Keys),
        }
        let texts = [
            ("client_id", &self.client_id),
            ("issuer", &self.issuer),
            ("subject", &self.subject),
            ("audience", &self.audience),
        ];
        if let Some((setting, _)) = texts.into_iter().find(|(_, text)| text.as_deref() == Some("")) {
            return Err(OAuthError::Empty(setting));
        }
        for (setting, value, least, most) in [
            ("token_lifetime_s", self.token_lifetime_s, 60, 21_600),
            ("assertion_lifetime_max_s", self.assertion_lifetime_max_s, 60, 86_400),
            ("leeway_s", self.leeway_s, 0, LEEWAY_MAX_S),
        ] {
            if !(least..=most).contains(&value) {
                return Err(OAuthError::Seconds {
                    setting,
                    value,
                    least,
                    most,
                });
            }
        }
        Ok(())
    }
}

fn check_keys(keys: &[Map<String, Value>]) -> Result<(), OAuthError> {
    if !(1..=KEYS_MAX).contains(&keys.len()) {
        return Err(OAuthError::KeyCount(keys.len()));
    }
    for (at, key) in keys.iter().enumerate() {
        let index = at + 1;
        let kind = key.get("kty").and_then(Value::as_str).unwrap_or_default();
        if !["RSA", "EC", "OKP"].contains(&kind) {
            let kind = kind.to_owned();
            return Err(OAuthError::KeyKind { index, kind });
        }
        // RFC 7518 s6.2.2 and s6.3.2, RFC 8037 s2: the private half of each kind has this member.
        if key.contains_key("d") {
            return Err(OAuthError::PrivateKey(index));
        }
    }
    Ok(())
}

/// `https`, or `http` at a loopback address; no user, and no blanks.
fn is_fit(uri: &str) -> bool {
    let (rest, is_plain) = match (uri.strip_prefix("https://"), uri.strip_prefix("http://")) {
        (Some(rest), _) => (rest, false),
        (None, Some(rest)) => (rest, true),
        (None, None) => return false,
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.is_empty() || uri.contains(|c: char| c.is_whitespace() || c.is_control() || "@\\#".contains(c)) {
        return false;
    }
    let host = match authority.strip_prefix('[') {
        Some(inside) => inside.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    let is_loopback = || host == "localhost" || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback());
    !host.is_empty() && (!is_plain || is_loopback())
}
