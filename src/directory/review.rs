//! The review list of a connection: who waits on it, and what administrators decide.

use serde_json::json;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::model::event::EventKind;
use crate::model::id::OrganisationId;
use crate::model::record;
use crate::model::review::{Decided, Question, Review, ReviewKind, Verdict};
use crate::model::slug::Slug;
use crate::store::{Key, SCAN_ENTRIES_MAX, Scan};

use super::keys::{self, fold};
use super::{Directory, DirectoryError, Operation, Permit, Unit};

/// Identities on one list at most. Those beyond wait too; they come on the list when there is room.
pub const REVIEWS_MAX: usize = 1_000;

/// Questions of one commit.
const QUESTIONS: usize = 100;

/// The name of an identity on the list: by its identifier, or by its name where it has none.
#[must_use]
pub fn review_id(kind: ReviewKind, external_id: Option<&str>, name: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(kind.as_str());
    match external_id {
        Some(id) => {
            hash.update([1]);
            hash.update(id);
        }
        None => {
            hash.update([0]);
            hash.update(fold(name));
        }
    }
    hash.finalize()
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

impl Unit {
    /// What is known of an identity that may have been reviewed. The commit relies on it.
    ///
    /// # Errors
    /// As [`Unit::find`].
    pub async fn find_review(
        &mut self,
        connection: &Slug,
        kind: ReviewKind,
        external_id: Option<&str>,
        name: &str,
    ) -> Result<Option<Review>, DirectoryError> {
        let id = review_id(kind, external_id, name);
        let key = keys::review(self.organisation(), connection, &id);
        self.find(&key).await
    }

    /// What an administrator said about this very pair.
    ///
    /// # Errors
    /// As [`Unit::find`].
    pub async fn verdict(&mut self, question: &Question) -> Result<Option<Verdict>, DirectoryError> {
        let (id, name) = (question.external_id.as_deref(), &question.name);
        let review = self.find_review(&question.connection, question.kind, id, name).await?;
        Ok(review.and_then(|review| review.verdict_on(question.found)))
    }

    /// Puts a question on the list, unless it is there. A question about somebody else replaces an earlier one, with what
    /// was decided about it. Nothing when there is no `room` for another.
    async fn ask_for_review(&mut self, question: &Question, room: &mut usize) -> Result<(), DirectoryError> {
        let id = review_id(question.kind, question.external_id.as_deref(), &question.name);
        let key = keys::review(self.organisation(), &question.connection, &id);
        let known: Option<Review> = self.find(&key).await?;
        if known.as_ref().is_some_and(|known| known.found == question.found) {
            return Ok(());
        }
        if known.is_none() {
            let Some(left) = room.checked_sub(1) else {
                return Ok(());
            };
            *room = left;
        }
        let review = Review {
            id,
            kind: question.kind,
            external_id: question.external_id.clone(),
            name: question.name.clone(),
            found: question.found,
            matched: question.matched.clone(),
            since: self.now(),
            decision: None,
        };
        self.review_event(EventKind::ReviewRequested, &question.connection, &review);
        self.put(key, &review);
        Ok(())
    }

    /// Takes an identity from the list: it has been linked.
    ///
    /// # Errors
    /// As [`Unit::find`].
    pub async fn forget_review(
        &mut self,
        connection: &Slug,
        kind: ReviewKind,
        external_id: Option<&str>,
        name: &str,
    ) -> Result<(), DirectoryError> {
        let id = review_id(kind, external_id, name);
        let key = keys::review(self.organisation(), connection, &id);
        if self.bytes(&key).await?.is_some() {
            self.delete(key);
        }
        Ok(())
    }

    fn review_event(&mut self, kind: EventKind, connection: &Slug, review: &Review) {
        let data = json!({
            "connection": connection, "kind": review.kind, "found": review.found, "matched": review.matched,
        });
        self.event(kind, &review.id, data);
    }
}

/// Puts questions on the list of their connection, in one commit.
struct AskForReview<'a> {
    connection: &'a Slug,
    questions: &'a [Question],
}

#[async_trait::async_trait]
impl Operation for AskForReview<'_> {
    type Outcome = ();

    async fn attempt(&self, unit: &mut Unit) -> Result<(), DirectoryError> {
        let list = keys::reviews(unit.organisation(), self.connection);
        let key = |question: &Question| {
            let id = review_id(question.kind, question.external_id.as_deref(), &question.name);
            keys::review(unit.organisation(), self.connection, &id)
        };
        let wanted: Vec<Key> = self.questions.iter().map(key).collect();
        unit.fetch(wanted).await?;
        let listed = unit.scan(Scan::prefix(&list, REVIEWS_MAX)).await?.len();
        let mut room = REVIEWS_MAX - listed;
        for question in self.questions {
            unit.ask_for_review(question, &mut room).await?;
        }
        Ok(())
    }
}

/// Decides about an identity on the list, or takes back what was decided. Needs an administrator's permit.
pub struct DecideReview {
    /// The connection.
    pub connection: Slug,
    /// The identity's name on the list.
    pub id: String,
    /// What is decided; `None` takes a decision back.
    pub verdict: Option<Verdict>,
}

#[async_trait::async_trait]
impl Operation for DecideReview {
    type Outcome = Review;

    async fn attempt(&self, unit: &mut Unit) -> Result<Review, DirectoryError> {
        let key = keys::review(unit.organisation(), &self.connection, &self.id);
        let found: Option<Review> = unit.find(&key).await?;
        let mut review = found.ok_or_else(|| DirectoryError::not_found("review", &self.id))?;
        if review.decision.map(|decided| decided.verdict) == self.verdict {
            return Ok(review);
        }
        review.decision = self.verdict.map(|verdict| Decided {
            verdict,
            at: unit.now(),
        });
        let kind = match self.verdict {
            Some(Verdict::Approved) => EventKind::ReviewApproved,
            Some(Verdict::Rejected) => EventKind::ReviewRejected,
            None => EventKind::ReviewWithdrawn,
        };
        unit.review_event(kind, &self.connection, &review);
        unit.put(key, &review);
        Ok(review)
    }
}

impl Directory {
    /// Puts questions on the review list of their connection, unless they are there.
    ///
    /// # Errors
    /// As the store's read and commit.
    pub async fn ask_for_reviews(
        &self,
        permit: &Permit,
        connection: &Slug,
        questions: &[Question],
    ) -> Result<(), DirectoryError> {
        for questions in questions.chunks(QUESTIONS) {
            self.run(permit, &AskForReview { connection, questions }).await?;
        }
        Ok(())
    }

    /// The review list of a connection, those first who wait longest.
    ///
    /// # Errors
    /// As the store's read.
    pub async fn list_reviews(
        &self,
        organisation: OrganisationId,
        connection: &Slug,
    ) -> Result<Vec<Review>, DirectoryError> {
        let mut reviews: Vec<Review> = Vec::new();
        let mut scan = Scan::prefix(&keys::reviews(organisation, connection), SCAN_ENTRIES_MAX);
        loop {
            let found = self.store.scan(scan.clone()).await?;
            for (_, stored) in &found {
                reviews.push(record::decode(&stored.value)?);
            }
            match found.last() {
                Some((last, _)) if found.len() == SCAN_ENTRIES_MAX => scan = scan.after(last.clone()),
                _ => break,
            }
        }
        reviews.sort_by(|one, other| (one.since, &one.id).cmp(&(other.since, &other.id)));
        Ok(reviews)
    }

    /// What an administrator said about each of these pairs, in their order.
    ///
    /// # Errors
    /// As the store's read.
    pub async fn verdicts(
        &self,
        organisation: OrganisationId,
        questions: &[Question],
    ) -> Result<Vec<Option<Verdict>>, DirectoryError> {
        let key = |question: &Question| -> Key {
            let id = review_id(question.kind, question.external_id.as_deref(), &question.name);
            keys::review(organisation, &question.connection, &id)
        };
        let mut verdicts = Vec::with_capacity(questions.len());
        for question in questions {
            let found = self.store.get(key(question)).await?;
            let review: Option<Review> = found.map(|found| record::decode(&found.value)).transpose()?;
            let found: Uuid = question.found;
            verdicts.push(review.and_then(|review| review.verdict_on(found)));
        }
        Ok(verdicts)
    }
}
