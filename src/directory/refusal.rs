//! Refused seats are told: the change is not committed, and a small commit of its own says that a seat was needed
//! (`seat.refused`). An identity provider tries again every few minutes, so one person and licence is told of at most once an
//! hour by one gateway.

use std::collections::HashMap;

use chrono::TimeDelta;
use parking_lot::Mutex;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::model::clock::Timestamp;
use crate::model::event::EventKind;
use crate::model::id::{OrganisationId, UserId};
use crate::model::slug::Slug;

use super::keys::fold;
use super::{Directory, DirectoryError, Permit, Unit};

/// A seat that was needed and not free.
#[derive(Debug, Clone)]
pub(super) struct Refused {
    licence: Slug,
    used: i64,
    limit: i64,
    /// Who is there already; nobody when a newcomer was refused.
    user: Option<UserId>,
    /// Of the user name, which is told to nobody.
    name_hash: [u8; 32],
}

impl Refused {
    /// What an error says about a seat; `None` for any other error.
    pub(super) fn of(error: &DirectoryError, user: Option<UserId>, user_name: &str) -> Option<Self> {
        match error {
            DirectoryError::SeatsExhausted { licence, used, limit } => Some(Self {
                licence: licence.clone(),
                used: *used,
                limit: *limit,
                user,
                name_hash: Sha256::digest(fold(user_name)).into(),
            }),
            _ => None,
        }
    }
}

/// Between two events about the same person and licence.
const QUIET: TimeDelta = TimeDelta::hours(1);

/// People remembered at most. Beyond it nobody new is told of until some are forgotten.
const REMEMBERED_MAX: usize = 10_000;

/// Which refusals were told, and when. In memory: after a restart each may be told once more.
#[derive(Debug, Default)]
pub(super) struct Refusals(Mutex<HashMap<Asked, Timestamp>>);

/// A licence of an organisation, and who asked for a seat of it.
type Asked = (OrganisationId, Slug, [u8; 32]);

impl Refusals {
    /// Whether this refusal is to be told now; it is remembered then.
    fn is_news(&self, organisation: OrganisationId, refused: &Refused, now: Timestamp) -> bool {
        let mut told = self.0.lock();
        let key = (organisation, refused.licence.clone(), refused.name_hash);
        if told.get(&key).is_some_and(|at| now - *at < QUIET) {
            return false;
        }
        if told.len() >= REMEMBERED_MAX {
            told.retain(|_, at| now - *at < QUIET);
        }
        if told.len() >= REMEMBERED_MAX {
            return false;
        }
        told.insert(key, now);
        true
    }
}

impl Directory {
    /// Tells of a refused seat. That it cannot be told changes nothing about the refusal.
    pub(super) async fn tell_refusal(&self, permit: &Permit, refused: &Refused) {
        if !self.refusals.is_news(permit.organisation(), refused, self.clock.now()) {
            return;
        }
        let mut data = json!({ "licence": refused.licence, "used": refused.used, "limit": refused.limit });
        if let Some(user) = refused.user {
            data["user"] = Value::String(user.to_string());
        }
        let mut unit = Unit::new(self, permit);
        unit.event(EventKind::SeatRefused, &refused.licence, data);
        // It relies on nothing, so that nothing conflicts.
        if let Err(error) = unit.commit().await {
            tracing::warn!(%error, licence = refused.licence.as_str(), "a refused seat could not be told");
        }
    }
}
