//! Requests that a client may send twice and that are done once (draft-ietf-httpapi-idempotency-key-header).
//!
//! What holds, also when the gateway is killed at any moment:
//!
//! * A key is taken before the work begins, with the request's fingerprint. A second request with it does no work while the first is
//!   in flight, and one that differs is refused.
//! * The first commit of the work notes that it was done, in the same batch. So a request that comes after a crash finds one of
//!   two things: that nothing was done, and it is done now; or that it was done, and the answer is lost: it is told so and does
//!   nothing. Work of several commits may have been cut short between them; that is told in the same words.
//! * An answer that was stored comes again as it was, without secrets.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::model::clock::Timestamp;
use crate::model::id::{OrganisationId, TokenId};
use crate::model::record::{self, Record};
use crate::store::{Batch, Key, Precondition, StoreError, Versioned};

use super::{Directory, DirectoryError, keys};

/// After this long a request is not in flight any more: whoever served it has ended it, or is gone.
pub const IN_FLIGHT_MAX: TimeDelta = TimeDelta::seconds(120);

/// What is kept for a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Remembered {
    /// The hash of the request: method, address and body.
    pub fingerprint: String,
    /// When it came.
    pub since: Timestamp,
    /// When it is forgotten.
    pub until: Timestamp,
    /// How far it is.
    pub progress: Progress,
}

impl Record for Remembered {
    const KIND: &'static str = "idempotency key";
}

/// How far a request is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Progress {
    /// Nothing has been changed yet.
    Started,
    /// Something has been changed, and it has not been answered.
    Done,
    /// It has been answered.
    Answered(KeptAnswer),
}

/// An answer that can be given again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The media type of the body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// The body without its secrets; `None` when it was too long to be kept, or came in parts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
}

/// A request with a key.
#[derive(Debug, Clone)]
pub struct Keyed {
    /// Whose records it changes.
    pub organisation: OrganisationId,
    /// Who sent it: a key means nothing to another credential.
    pub token: TokenId,
    /// The hash of the key.
    pub hash: String,
    /// The hash of the request.
    pub fingerprint: String,
}

/// What to do with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// It is new: do it. The record is what the work's first commit writes.
    New {
        /// The key's place.
        key: Key,
        /// That it was done.
        done: Vec<u8>,
    },
    /// It was answered before.
    Answered(KeptAnswer),
    /// It is being done at this moment.
    InFlight,
    /// It was begun and not answered: the gateway ended in between.
    Unanswered,
    /// The key was used for another request.
    Another,
}

impl Directory {
    /// Takes a key, or says what it stands for already.
    ///
    /// # Errors
    /// As the store's read and commit.
    pub async fn begin_idempotent(&self, keyed: &Keyed, kept: TimeDelta) -> Result<Begun, DirectoryError> {
        let key = keys::audit::idempotency(keyed.organisation, keyed.token, &keyed.hash);
        let now = self.clock.now();
        let found = self.store.get(key.clone()).await?;
        if let Some(stored) = &found {
            let known: Remembered = record::decode(&stored.value)?;
            let is_in_flight = now < known.since + IN_FLIGHT_MAX;
            match known.progress {
                _ if known.until <= now => {}
                _ if known.fingerprint != keyed.fingerprint => return Ok(Begun::Another),
                Progress::Answered(answer) => return Ok(Begun::Answered(answer)),
                Progress::Started | Progress::Done if is_in_flight => return Ok(Begun::InFlight),
                Progress::Done => return Ok(Begun::Unanswered),
                // Nothing was changed: it may be done now.
                Progress::Started => {}
            }
        }
        let mut remembered = Remembered {
            fingerprint: keyed.fingerprint.clone(),
            since: now,
            until: now + kept,
            progress: Progress::Started,
        };
        let mut batch = Batch::new();
        batch.require(expectation(&key, found.as_ref()));
        batch.put(key.clone(), record::encode(&remembered));
        match self.store.commit(batch).await {
            Ok(_) => {}
            Err(StoreError::Conflict { .. }) => return Ok(Begun::InFlight),
            Err(error) => return Err(error.into()),
        }
        remembered.progress = Progress::Done;
        Ok(Begun::New {
            key,
            done: record::encode(&remembered),
        })
    }

    /// Keeps the answer to a request. One that refused and changed nothing gives the key back instead.
    ///
    /// # Errors
    /// As the store's read and commit.
    pub async fn end_idempotent(&self, key: &Key, answer: KeptAnswer) -> Result<(), DirectoryError> {
        let Some(stored) = self.store.get(key.clone()).await? else {
            return Ok(());
        };
        let mut known: Remembered = record::decode(&stored.value)?;
        let is_refusal = answer.status >= 400 && known.progress == Progress::Started;
        known.progress = Progress::Answered(answer);
        let mut batch = Batch::new();
        batch.require(expectation(key, Some(&stored)));
        if is_refusal {
            batch.delete(key.clone());
        } else {
            batch.put(key.clone(), record::encode(&known));
        }
        self.store.commit(batch).await?;
        Ok(())
    }
}

fn expectation(key: &Key, found: Option<&Versioned>) -> Precondition {
    match found {
        Some(stored) => Precondition::AtVersion(key.clone(), stored.version),
        None => Precondition::Absent(key.clone()),
    }
}
