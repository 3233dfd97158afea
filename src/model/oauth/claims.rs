//! What an assertion claims, and whether that is enough (RFC 7523 s3).

use chrono::TimeDelta;
use serde::Deserialize;
use serde_json::Number;
use thiserror::Error;

use super::{LEEWAY_MAX_S, OAuthClient};
use crate::model::clock::Timestamp;
use crate::model::slug::Slug;

/// Bytes of a `jti`, at most.
const JTI_BYTES_MAX: usize = 512;

/// The claims that count (RFC 7519 s4.1). Others are ignored.
#[derive(Debug, Clone, Deserialize)]
pub struct Claims {
    /// Who made the assertion.
    pub iss: Option<String>,
    /// For whom it speaks.
    pub sub: Option<String>,
    /// Who is to read it.
    pub aud: Option<Audience>,
    /// From when on it is worth nothing.
    pub exp: Option<Number>,
    /// Before when it is worth nothing.
    pub nbf: Option<Number>,
    /// When it was made.
    pub iat: Option<Number>,
    /// Its own identifier.
    pub jti: Option<String>,
}

/// One reader or several (RFC 7519 s4.1.3).
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Audience {
    /// One.
    One(String),
    /// Several.
    Several(Vec<String>),
}

impl Audience {
    fn names(&self, wanted: &str) -> bool {
        match self {
            Self::One(one) => one == wanted,
            Self::Several(several) => several.iter().any(|one| one == wanted),
        }
    }
}

/// Why an assertion whose signature is good is not good enough. Holds nothing of the assertion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ClaimsError {
    /// RFC 7523 s3, 1.
    #[error("iss is missing or is not the client's issuer")]
    Issuer,
    /// RFC 7523 s3, 2.
    #[error("sub is missing or is not the client's subject")]
    Subject,
    /// RFC 7523 s3, 3.
    #[error("aud is missing or does not name this token endpoint")]
    Audience,
    /// RFC 7523 s3, 4.
    #[error("exp is missing or is not a time")]
    NoEnd,
    /// RFC 7523 s3, 4.
    #[error("the assertion has expired: check the client's clock")]
    Expired,
    /// RFC 7523 s3, 4: an end that is unreasonably far in the future.
    #[error("the assertion is good for longer than this client's assertions may be")]
    TooLong,
    /// RFC 7523 s3, 5.
    #[error("nbf is not a time, or has not come yet: check the client's clock")]
    NotYet,
    /// RFC 7523 s3, 6.
    #[error("iat is not a time, is in the future, or is too long ago: check the client's clock")]
    IssuedAt,
    /// RFC 7523 s3, 7.
    #[error("jti is missing, empty or too long")]
    Identifier,
}

/// An assertion that is good, once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proven {
    /// Its own identifier; `None` when it has none and needs none.
    pub jti: Option<String>,
    /// Until when it must be remembered: nobody may show it a second time.
    pub until: Timestamp,
}

impl Claims {
    /// Whether this client made the assertion, for one of these readers, and it is good at `now`.
    ///
    /// # Errors
    /// The first [`ClaimsError`], in the order of RFC 7523 s3.
    pub fn judge(
        &self,
        client: &OAuthClient,
        connection: &Slug,
        audiences: &[&str],
        now: Timestamp,
    ) -> Result<Proven, ClaimsError> {
        if self.iss.as_deref() != Some(client.issuer(connection)) {
            return Err(ClaimsError::Issuer);
        }
        if self.sub.as_deref() != Some(client.subject(connection)) {
            return Err(ClaimsError::Subject);
        }
        let named = |aud: &Audience| audiences.iter().any(|wanted| aud.names(wanted));
        if !self.aud.as_ref().is_some_and(named) {
            return Err(ClaimsError::Audience);
        }
        let leeway = TimeDelta::seconds(i64::from(client.leeway_s));
        let longest = TimeDelta::seconds(i64::from(client.assertion_lifetime_max_s));
        let end = self.exp.as_ref().and_then(instant).ok_or(ClaimsError::NoEnd)?;
        if end + leeway <= now {
            return Err(ClaimsError::Expired);
        }
        if end > now + longest + leeway {
            return Err(ClaimsError::TooLong);
        }
        if let Some(start) = &self.nbf {
            let start = instant(start).ok_or(ClaimsError::NotYet)?;
            if start > now + leeway {
                return Err(ClaimsError::NotYet);
            }
        }
        if let Some(made) = &self.iat {
            let made = instant(made).ok_or(ClaimsError::IssuedAt)?;
            if made > now + leeway || made + longest + leeway < now {
                return Err(ClaimsError::IssuedAt);
            }
            if end - made > longest {
                return Err(ClaimsError::TooLong);
            }
        }
        let is_fit = |jti: &String| !jti.is_empty() && jti.len() <= JTI_BYTES_MAX;
        let jti = match &self.jti {
            Some(jti) if is_fit(jti) => Some(jti.clone()),
            None if !client.require_jti => None,
            Some(_) | None => return Err(ClaimsError::Identifier),
        };
        Ok(Proven {
            jti,
            // Remembered for the greatest leeway: a later change of the settings makes no used assertion good again.
            until: end + TimeDelta::seconds(i64::from(LEEWAY_MAX_S)),
        })
    }
}

/// A NumericDate (RFC 7519 s2): seconds, possibly with a fraction, which is cut.
fn instant(number: &Number) -> Option<Timestamp> {
    // Four digits of a year, so that nothing that is added to it overflows.
    const LAST_S: f64 = 253_402_300_799.0;
    let seconds = number.as_f64().filter(|seconds| (0.0..=LAST_S).contains(seconds))?;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "between 0 and the year 9999 by the line above"
    )]
    Timestamp::from_timestamp(seconds as i64, 0)
}
