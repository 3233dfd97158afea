//! The outbox: mail is written in the commit that it tells of, and sent after it, at least once.
//!
//! [`enqueue`] is all that a use-case needs. A mail is sent by the `delivery` layer, which tells what became of it with
//! [`MailSent`], [`MailFailed`] or [`MailPostponed`]. A crash between sending and telling sends it a second time, under the same
//! `Message-ID`; none is lost.
//!
//! The record holds an address, and the secret in a link, which is kept as a hash everywhere else: it is deleted in the
//! commit that says the mail was sent, when what it tells of is withdrawn, and with the person. Neither logs, events nor
//! verification show its content.

use chrono::TimeDelta;
use serde_json::json;

use crate::model::event::EventKind;
use crate::model::id::{InvitationId, MailId, OrganisationId, UserId};
use crate::model::invitation::{Invitation, InvitationState, Obstacle};
use crate::model::mail::{
    ADDRESS_BYTES_MAX, MailState, Message, QueuedMail, RetryPolicy, TemplateName, VARIABLES_BYTES_MAX,
};
use crate::model::record;
use crate::store::{SCAN_ENTRIES_MAX, Scan};

use super::keys::{self, Count};
use super::stretch::Stretch;
use super::{Directory, DirectoryError, Operation, Unit};

/// What a mail is about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct About {
    /// The person: the mail goes when the person is deleted.
    pub user: Option<UserId>,
    /// Who else is named in it, as [`INVITER`].
    pub names: Option<UserId>,
    /// The invitation that it hands over.
    pub invitation: Option<InvitationId>,
}

/// The variable that names somebody whom a mail is not about.
pub const INVITER: &str = "inviter";

/// Writes a mail into the outbox, in the unit's commit. It is sent after it, at least once.
///
/// # Errors
/// [`DirectoryError::InvalidValue`] for an address that is none, and for variables that are too large.
pub fn enqueue(unit: &mut Unit, message: Message) -> Result<MailId, DirectoryError> {
    enqueue_about(unit, About::default(), message)
}

/// The same for a mail about a person, which goes when the person is deleted.
///
/// # Errors
/// As [`enqueue`].
pub fn enqueue_about(unit: &mut Unit, about: About, message: Message) -> Result<MailId, DirectoryError> {
    if !is_address(&message.to) {
        return Err(DirectoryError::invalid(
            "to",
            "is not an e-mail address, for example ada@example.com",
        ));
    }
    let bytes: usize = message
        .variables
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum();
    if bytes > VARIABLES_BYTES_MAX {
        let reason = format!("{bytes} bytes are too many, at most {VARIABLES_BYTES_MAX} are sent in one mail");
        return Err(DirectoryError::invalid("variables", reason));
    }
    let mail = QueuedMail {
        id: MailId::new(unit.clock().uuid()),
        message,
        user: about.user,
        names: about.names,
        invitation: about.invitation,
        state: MailState::Queued,
        created: unit.now(),
        since: unit.now(),
        due: unit.now(),
        attempts: 0,
        failure: None,
    };
    let organisation = unit.organisation();
    if let Some(user) = mail.user {
        unit.put_bytes(keys::mail::mail_about(organisation, user, mail.id), "");
    }
    unit.lay_mail(&mail);
    Ok(mail.id)
}

/// Whether a mail server could take it: a local part and a domain, without white space or control characters (RFC 5321 s4.1.2).
#[must_use]
pub fn is_address(text: &str) -> bool {
    let parts = text.rsplit_once('@');
    let is_clean = !text
        .chars()
        .any(|c| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>'));
    let is_whole = parts.is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty());
    is_clean && is_whole && text.len() <= ADDRESS_BYTES_MAX
}

impl Unit {
    /// Puts a mail where its state says.
    fn lay_mail(&mut self, mail: &QueuedMail) {
        let organisation = self.organisation();
        self.put(keys::mail::mail(organisation, mail.state, mail.id), mail);
        self.count(keys::count(organisation, &Count::Mail(mail.state)), 1, None);
        if mail.state == MailState::Queued {
            self.put_bytes(keys::mail::due(mail.due_ms(), organisation, mail.id), "");
        }
    }

    /// Takes a mail away from where it is. What finds it by person stays.
    fn lift_mail(&mut self, mail: &QueuedMail) {
        let organisation = self.organisation();
        self.delete(keys::mail::mail(organisation, mail.state, mail.id));
        self.count(keys::count(organisation, &Count::Mail(mail.state)), -1, None);
        if mail.state == MailState::Queued {
            self.delete(keys::mail::due(mail.due_ms(), organisation, mail.id));
        }
    }

    /// Removes a mail for good.
    fn forget_mail(&mut self, mail: &QueuedMail) {
        self.lift_mail(mail);
        if let Some(user) = mail.user {
            self.delete(keys::mail::mail_about(self.organisation(), user, mail.id));
        }
    }

    /// A mail of the outbox; `None` when it was sent or withdrawn.
    ///
    /// # Errors
    /// As [`Unit::find`].
    pub async fn find_mail(&mut self, id: MailId) -> Result<Option<QueuedMail>, DirectoryError> {
        let organisation = self.organisation();
        let places = MailState::ALL.map(|state| keys::mail::mail(organisation, state, id));
        self.fetch(places.clone()).await?;
        for place in places {
            if let Some(mail) = self.find(&place).await? {
                return Ok(Some(mail));
            }
        }
        Ok(None)
    }

    /// Withdraws a mail that was not sent yet. One that is being sent at this moment may still go out.
    ///
    /// # Errors
    /// As [`Unit::find`].
    pub async fn cancel_mail(&mut self, id: MailId) -> Result<(), DirectoryError> {
        if let Some(mail) = self.find_mail(id).await? {
            self.forget_mail(&mail);
        }
        Ok(())
    }

    /// Withdraws every mail about a person who is deleted.
    ///
    /// # Errors
    /// As [`Unit::find`].
    pub(super) async fn cancel_mails_about(&mut self, user: UserId) -> Result<(), DirectoryError> {
        let prefix = keys::mail::mails_about(self.organisation(), user);
        let about = self.scan(Scan::prefix(&prefix, SCAN_ENTRIES_MAX)).await?;
        for (key, _) in about {
            if let Some(id) = keys::last_uuid(&key) {
                self.cancel_mail(MailId::new(id)).await?;
            }
        }
        Ok(())
    }
}

/// A mail server has taken the mail, or a file holds it: the record goes, and an invitation that it handed over is sent.
/// False when it was withdrawn meanwhile.
pub struct MailSent(
    /// Which.
    pub MailId,
);

#[async_trait::async_trait]
impl Operation for MailSent {
    type Outcome = bool;

    async fn attempt(&self, unit: &mut Unit) -> Result<bool, DirectoryError> {
        let Some(mail) = unit.find_mail(self.0).await? else {
            return Ok(false);
        };
        unit.forget_mail(&mail);
        if let Some(id) = mail.invitation {
            unit.invitation_sent(id).await?;
        }
        Ok(true)
    }
}

/// A mail was not taken. It is tried again later, unless it is time to give up or the mail server will never take it.
pub struct MailFailed {
    /// Which.
    pub id: MailId,
    /// What the mail server said. Shown to administrators.
    pub reason: String,
    /// Whether another attempt is of no use.
    pub is_final: bool,
    /// How long and how often.
    pub policy: RetryPolicy,
}

#[async_trait::async_trait]
impl Operation for MailFailed {
    /// Where the mail is now; `None` when it was withdrawn meanwhile.
    type Outcome = Option<MailState>;

    async fn attempt(&self, unit: &mut Unit) -> Result<Option<MailState>, DirectoryError> {
        let Some(before) = unit.find_mail(self.id).await? else {
            return Ok(None);
        };
        let mut after = before.clone();
        after.attempts += 1;
        after.failure = Some(self.reason.clone());
        if self.is_final || self.policy.gives_up(after.since, unit.now()) {
            after.state = MailState::Dead;
            after.due = unit.now();
            let data = json!({ "mail": after.id, "template": after.message.template, "attempts": after.attempts });
            let subject = after.user.map_or_else(|| after.id.to_string(), |user| user.to_string());
            unit.event(EventKind::MailUndeliverable, subject, data);
            if let Some(id) = after.invitation {
                unit.invitation_obstacle(id, Some(Obstacle::Undeliverable)).await?;
            }
        } else {
            let [a, b, c, d, ..] = unit.clock().secret();
            after.due = unit.now() + self.policy.pause(after.attempts, u32::from_be_bytes([a, b, c, d]));
        }
        unit.lift_mail(&before);
        unit.lay_mail(&after);
        Ok(Some(after.state))
    }
}

/// A mail is of no use at this moment: it is looked at again later, without counting as an attempt.
pub struct MailPostponed {
    /// Which.
    pub id: MailId,
    /// For how long.
    pub pause: TimeDelta,
}

#[async_trait::async_trait]
impl Operation for MailPostponed {
    type Outcome = ();

    async fn attempt(&self, unit: &mut Unit) -> Result<(), DirectoryError> {
        let Some(before) = unit.find_mail(self.id).await? else {
            return Ok(());
        };
        let mut after = before.clone();
        after.due = unit.now() + self.pause;
        unit.lift_mail(&before);
        unit.lay_mail(&after);
        Ok(())
    }
}

/// Has a mail tried now, and gives it all the time that a new one has.
pub struct RetryMail(
    /// Which.
    pub MailId,
);

#[async_trait::async_trait]
impl Operation for RetryMail {
    type Outcome = QueuedMail;

    async fn attempt(&self, unit: &mut Unit) -> Result<QueuedMail, DirectoryError> {
        let before = unit.find_mail(self.0).await?;
        let before = before.ok_or_else(|| DirectoryError::not_found("mail", self.0))?;
        let mut after = before.clone();
        after.state = MailState::Queued;
        after.attempts = 0;
        after.since = unit.now();
        after.due = unit.now();
        unit.lift_mail(&before);
        unit.lay_mail(&after);
        if let Some(id) = after.invitation {
            unit.invitation_obstacle(id, None).await?;
        }
        Ok(after)
    }
}

/// Removes a mail that is not to be sent any more. False when there is none.
pub struct DiscardMail(
    /// Which.
    pub MailId,
);

#[async_trait::async_trait]
impl Operation for DiscardMail {
    type Outcome = bool;

    async fn attempt(&self, unit: &mut Unit) -> Result<bool, DirectoryError> {
        let Some(mail) = unit.find_mail(self.0).await? else {
            return Ok(false);
        };
        unit.forget_mail(&mail);
        if let Some(id) = mail.invitation {
            unit.invitation_obstacle(id, Some(Obstacle::Undeliverable)).await?;
        }
        Ok(true)
    }
}

/// Takes out of a mail who it names beside those whom it is about. False when there is none.
pub(super) struct UnnameMail(
    /// Which.
    pub MailId,
);

#[async_trait::async_trait]
impl Operation for UnnameMail {
    type Outcome = bool;

    async fn attempt(&self, unit: &mut Unit) -> Result<bool, DirectoryError> {
        let Some(mut mail) = unit.find_mail(self.0).await? else {
            return Ok(false);
        };
        mail.names = None;
        mail.message = mail.message.with(INVITER, "");
        unit.put(keys::mail::mail(unit.organisation(), mail.state, mail.id), &mail);
        Ok(true)
    }
}

/// A mail that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// Since when, in milliseconds.
    pub due_ms: u64,
    /// Whose.
    pub organisation: OrganisationId,
    /// Which.
    pub id: MailId,
}

impl Directory {
    /// The queued mails of every organisation that are tried next, due or not.
    ///
    /// # Errors
    /// As the store's read.
    pub async fn next_mails(&self, limit: usize) -> Result<Vec<Due>, DirectoryError> {
        let found = self.store.scan(Scan::prefix(&keys::mail::dues(), limit)).await?;
        let timed = found.iter().filter_map(|(key, _)| keys::mail::timed(key));
        Ok(timed
            .map(|(due_ms, organisation, id)| Due {
                due_ms,
                organisation,
                id: MailId::new(id),
            })
            .collect())
    }

    /// Mails of a state, the oldest first, after this one.
    ///
    /// # Errors
    /// As the store's read.
    pub async fn browse_mails(
        &self,
        organisation: OrganisationId,
        state: MailState,
        along: impl Into<Stretch<MailId>> + Send,
        limit: usize,
    ) -> Result<Vec<QueuedMail>, DirectoryError> {
        let prefix = keys::mail::mails(organisation, state);
        let scan = along.into().scan(&prefix, limit, |id| keys::mail::mail(organisation, state, id));
        let found = self.store.scan(scan).await?;
        found
            .iter()
            .map(|(_, stored)| Ok(record::decode(&stored.value)?))
            .collect()
    }

    /// A queued mail with the invitation that it hands over; `None` when it was sent, given up or withdrawn.
    ///
    /// # Errors
    /// As the store's read.
    pub async fn queued_mail(
        &self,
        organisation: OrganisationId,
        id: MailId,
    ) -> Result<Option<QueuedMail>, DirectoryError> {
        let key = keys::mail::mail(organisation, MailState::Queued, id);
        let stored = self.store.get(key).await?;
        Ok(stored.map(|stored| record::decode(&stored.value)).transpose()?)
    }

    /// Returns when there may be mail to send or an invitation to end: a commit of this process put one in.
    pub async fn mail_rings(&self) {
        self.bell.notified().await;
    }
}

/// Whether an invitation's mail may go out now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// Yes.
    Now,
    /// The person is suspended, or the person's data are restricted.
    Later,
    /// It opens nothing any more.
    Never,
}

impl Directory {
    /// Whether a mail is of use at this moment.
    ///
    /// # Errors
    /// As the store's read.
    pub async fn mail_use(&self, organisation: OrganisationId, mail: &QueuedMail) -> Result<Use, DirectoryError> {
        let about = match mail.user {
            Some(id) => self.browse_user(organisation, id).await?,
            None => None,
        };
        // What waits stays until the restriction is lifted; a link that the person asked for goes (S000-32).
        let is_asked_for = mail.message.template == TemplateName::PasswordReset;
        if about.is_some_and(|user| user.restricted) && !is_asked_for {
            return Ok(Use::Later);
        }
        let Some(id) = mail.invitation else { return Ok(Use::Now) };
        let stored = self.store.get(keys::invitation(organisation, id)).await?;
        let invitation: Option<Invitation> = stored.map(|stored| record::decode(&stored.value)).transpose()?;
        let Some(invitation) = invitation else {
            return Ok(Use::Never);
        };
        if invitation.state_at(self.clock.now()) != InvitationState::Queued {
            return Ok(Use::Never);
        }
        let user = self.browse_user(organisation, invitation.user).await?;
        Ok(match user {
            Some(user) if user.is_active() => Use::Now,
            Some(_) => Use::Later,
            None => Use::Never,
        })
    }
}
