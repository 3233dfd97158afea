//! A person's mails, where they are after the outbox or before it is done.

use std::sync::Arc;

use crate::directory::outbox::{DiscardMail, UnnameMail};
use crate::directory::{Directory, DirectoryError, Permit, keys};
use crate::model::id::UserId;
use crate::model::mail::{MailState, QueuedMail};
use crate::model::record;

use super::erase::Erased;
use super::traces::Traces;

/// Where mails are kept after they left the outbox: files, on a gateway without a mail server.
pub trait KeptMails: Send + Sync {
    /// Deletes every mail about this person or with their name, and every mail to an address that is the person's. Answers how many there were.
    ///
    /// # Errors
    /// The system's. Some may be gone.
    fn forget(&self, person: UserId, is_theirs: &dyn Fn(&str) -> bool) -> std::io::Result<u64>;
}

/// Nowhere: mails are handed to a mail server.
pub(in crate::directory) struct NoneKept;

impl KeptMails for NoneKept {
    fn forget(&self, _: UserId, _: &dyn Fn(&str) -> bool) -> std::io::Result<u64> {
        Ok(0)
    }
}

/// What mails that were not sent are called in an answer.
const WAITING: &str = "Outbox";
/// What mails that are kept are called in an answer.
const KEPT: &str = "MailFile";

impl Directory {
    /// Discards what waits for the person in the outbox without being about a user, takes the name out of what waits for others,
    /// and deletes what is kept elsewhere, to whomever.
    pub(super) async fn erase_mails(
        &self,
        permit: &Permit,
        traces: &Arc<Traces>,
        erased: &mut Erased,
    ) -> Result<(), DirectoryError> {
        let (mut waiting, mut naming) = (Vec::new(), Vec::new());
        for state in MailState::ALL {
            let mails = keys::mail::mails(permit.organisation(), state);
            self.for_each_under(&mails, |_, stored| {
                let mail: QueuedMail = record::decode(&stored.value)?;
                if mail.user.is_none() && traces.is_one(&mail.message.to) {
                    waiting.push(mail.id);
                } else if mail.names == Some(traces.id()) {
                    naming.push(mail.id);
                }
                Ok(())
            })
            .await?;
        }
        for mail in waiting {
            if self.run(permit, &DiscardMail(mail)).await? {
                *erased.records.entry(WAITING).or_default() += 1;
            }
        }
        for mail in naming {
            if self.run(permit, &UnnameMail(mail)).await? {
                *erased.records.entry(WAITING).or_default() += 1;
            }
        }
        let (kept, of) = (Arc::clone(&self.kept_mails), Arc::clone(traces));
        let gone = tokio::task::spawn_blocking(move || kept.forget(of.id(), &|address| of.is_one(address))).await;
        let gone = gone.map_err(std::io::Error::other).flatten();
        let gone = gone.map_err(DirectoryError::MailFiles)?;
        if gone > 0 {
            *erased.records.entry(KEPT).or_default() += gone;
        }
        Ok(())
    }
}
