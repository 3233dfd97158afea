//! Keys that a client publishes (`jwks_uri`): fetched when they are needed, with bounds on size and time and without following
//! anyone elsewhere; kept for a while, and asked for again when a signature names one that is not known yet.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use jsonwebtoken::jwk::Jwk;
use parking_lot::Mutex;

use crate::model::clock::Timestamp;
use crate::model::oauth::KeySet;

use super::signature;

/// For the whole answer.
const FETCH_TIME_MAX: Duration = Duration::from_secs(5);
/// Bytes of the answer.
const FETCH_BYTES_MAX: usize = 256 << 10;
/// Keys that are taken from it.
const KEYS_MAX: usize = 100;
/// How long keys are taken as they are: a key that is withdrawn opens nothing after this.
const MAX_AGE: TimeDelta = TimeDelta::minutes(10);
/// How long keys are still good for when newer ones cannot be had.
const STALE_MAX: TimeDelta = TimeDelta::hours(1);
/// Between two attempts.
const PAUSE: TimeDelta = TimeDelta::minutes(1);
/// Addresses that are remembered; above it the memory starts anew.
const SETS_MAX: usize = 10_000;

/// The keys cannot be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unavailable;

/// The keys by their address.
pub(super) struct KeySets {
    client: Option<reqwest::Client>,
    known: Mutex<HashMap<String, Arc<tokio::sync::Mutex<Known>>>>,
}

#[derive(Default)]
struct Known {
    keys: Arc<[Jwk]>,
    fetched: Option<Timestamp>,
    tried: Option<Timestamp>,
}

impl KeySets {
    pub(super) fn new() -> Self {
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(FETCH_TIME_MAX)
            .timeout(FETCH_TIME_MAX)
            .build();
        if let Err(error) = &client {
            tracing::error!(%error, "keys of clients cannot be fetched: no HTTP client can be made");
        }
        Self {
            client: client.ok(),
            known: Mutex::default(),
        }
    }

    /// The keys at an address, the one with this name among them if it can be had.
    ///
    /// # Errors
    /// [`Unavailable`] when there are none that are young enough.
    pub(super) async fn keys(
        &self,
        uri: &str,
        wanted: Option<&str>,
        now: Timestamp,
    ) -> Result<Arc<[Jwk]>, Unavailable> {
        let known = {
            let mut sets = self.known.lock();
            if sets.len() >= SETS_MAX && !sets.contains_key(uri) {
                sets.clear();
            }
            Arc::clone(sets.entry(uri.to_owned()).or_default())
        };
        // Held while fetching: whoever wants the same keys waits for this attempt instead of making one.
        let mut known = known.lock().await;
        let is_young = known.fetched.is_some_and(|fetched| now - fetched < MAX_AGE);
        let has = |keys: &[Jwk]| {
            wanted.is_none_or(|wanted| keys.iter().any(|key| key.common.key_id.as_deref() == Some(wanted)))
        };
        let may_try = known.tried.is_none_or(|tried| now - tried >= PAUSE);
        if (!is_young || !has(&known.keys)) && may_try {
            known.tried = Some(now);
            match self.fetch(uri).await {
                Ok(keys) => {
                    known.keys = keys.into();
                    known.fetched = Some(now);
                }
                Err(reason) => tracing::warn!(uri, reason, "the keys of a client cannot be fetched"),
            }
        }
        match known.fetched {
            Some(fetched) if now - fetched < STALE_MAX => Ok(Arc::clone(&known.keys)),
            _ => Err(Unavailable),
        }
    }

    async fn fetch(&self, uri: &str) -> Result<Vec<Jwk>, String> {
        let client = self.client.as_ref().ok_or("there is no HTTP client")?;
        let failed = |error: reqwest::Error| error.without_url().to_string();
        let request = client
            .get(uri)
            .header("accept", "application/jwk-set+json, application/json");
        let mut response = request.send().await.map_err(failed)?;
        if response.status() != reqwest::StatusCode::OK {
            return Err(format!("the answer is {}", response.status()));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > FETCH_BYTES_MAX {
                return Err(format!("the answer has more than {FETCH_BYTES_MAX} bytes"));
            }
            body.extend_from_slice(&chunk);
        }
        let set: KeySet = serde_json::from_slice(&body).map_err(|_| "the answer is no JSON Web Key Set")?;
        let mut keys = signature::understood(&set.keys);
        keys.truncate(KEYS_MAX);
        Ok(keys)
    }
}
