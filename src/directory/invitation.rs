//! Inviting people (S003-28). A resend revokes the earlier invitation; the secret is shown once or mailed, and stored as a hash.

pub mod browse;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::model::event::EventKind;
use crate::model::id::{InvitationId, OrganisationId, UserId};
use crate::model::invitation::{Channel, Invitation, InvitationState, Obstacle};
use crate::model::lifecycle::Step;
use crate::model::mail::{self, Message, TemplateName};
use crate::model::organisation::Organisation;
use crate::model::user::User;
use crate::store::{SCAN_ENTRIES_MAX, Scan};

use super::outbox::{self, About};
use super::token::hash;
use super::{Directory, DirectoryError, Operation, Unit, keys};

/// Where an invitation is accepted, before its secret.
pub const PATH: &str = "/invitations/";

/// An invitation with its secret, which is shown once.
#[derive(Debug, Clone)]
pub struct IssuedInvitation {
    /// What is stored.
    pub invitation: Invitation,
    /// What opens it.
    pub secret: String,
}

/// Invites a person who cannot sign in yet. An invitation that is out is revoked.
pub struct InviteUser {
    /// Who.
    pub user: UserId,
    /// How the person learns of it; as [`fitting_channel`] says when nothing is said. By mail, nobody but the person is to see the
    /// secret.
    pub channel: Option<Channel>,
}

#[async_trait::async_trait]
impl Operation for InviteUser {
    type Outcome = IssuedInvitation;

    async fn attempt(&self, unit: &mut Unit) -> Result<IssuedInvitation, DirectoryError> {
        let before = unit.load_user(self.user).await?;
        let channel = self.channel.unwrap_or_else(|| fitting_channel(&before));
        // By mail, nobody but the person sees the link.
        if channel != Channel::Email {
            unit.may_take_over(&before).await?;
        }
        if before.facts.step() >= Step::Enrolled {
            return Err(DirectoryError::invalid(
                "user",
                "has come in already: no invitation is needed",
            ));
        }
        if !before.is_active() {
            return Err(DirectoryError::invalid(
                "user",
                "is suspended: reactivate before inviting",
            ));
        }
        if before.restricted && channel == Channel::Email {
            return Err(DirectoryError::Denied(super::error::Denial::ProcessingRestricted));
        }
        let mut after = before.clone();
        let issued = unit.invite(&mut after, channel).await?;
        unit.update_user(&before, after).await?;
        Ok(issued)
    }
}

/// Withdraws the invitation that is out, if any: the person is prepared again.
pub struct RevokeInvitation(
    /// Whose.
    pub UserId,
);

#[async_trait::async_trait]
impl Operation for RevokeInvitation {
    type Outcome = bool;

    async fn attempt(&self, unit: &mut Unit) -> Result<bool, DirectoryError> {
        let before = unit.load_user(self.0).await?;
        let mut after = before.clone();
        let revoked = unit.revoke_invitation(&mut after).await?;
        after.facts.invited_at = None;
        unit.update_user(&before, after).await?;
        Ok(revoked)
    }
}

/// Makes it a fact that an invitation was not accepted in time: the person is prepared again. False when it is not time, or
/// when there is none any more.
pub struct ExpireInvitation(
    /// Which.
    pub InvitationId,
);

#[async_trait::async_trait]
impl Operation for ExpireInvitation {
    type Outcome = bool;

    async fn attempt(&self, unit: &mut Unit) -> Result<bool, DirectoryError> {
        let Some(invitation) = unit.find_invitation(self.0).await? else {
            return Ok(false);
        };
        if !invitation.state.is_out() || invitation.state_at(unit.now()) != InvitationState::Expired {
            return Ok(false);
        }
        unit.close_invitation(invitation.clone(), InvitationState::Expired)
            .await?;
        unit.event(
            EventKind::InvitationExpired,
            invitation.user,
            json!({ "invitation": invitation.id }),
        );
        if let Some(before) = unit.find_user(invitation.user).await?
            && before.invitation == Some(invitation.id)
        {
            let mut after = before.clone();
            after.invitation = None;
            after.facts.invited_at = None;
            unit.update_user(&before, after).await?;
        }
        Ok(true)
    }
}

impl Unit {
    /// Makes an invitation for a user record that is being written, revoking an earlier one. By mail, the mail is put into the
    /// outbox; a person without an e-mail address stays queued, with the reason.
    ///
    /// # Errors
    /// As [`Unit::find`].
    pub async fn invite(&mut self, user: &mut User, channel: Channel) -> Result<IssuedInvitation, DirectoryError> {
        self.revoke_invitation(user).await?;
        let organisation = self.organisation();
        let settings = self
            .find_present::<Organisation>(&keys::organisation(organisation))
            .await?;
        let hours = settings.as_ref().map_or(0, |settings| settings.invitation_hours);
        let secret = URL_SAFE_NO_PAD.encode(self.clock().secret());
        let mut invitation = Invitation {
            id: InvitationId::new(self.clock().uuid()),
            user: user.id,
            secret_hash: hash(secret.as_bytes()),
            state: InvitationState::Queued,
            channel,
            mail: None,
            obstacle: None,
            created: self.now(),
            sent: None,
            opened: None,
            closed: None,
            expires: self.now() + TimeDelta::hours(i64::from(hours)),
        };
        user.invitation = Some(invitation.id);
        user.facts.invited_at = Some(self.now());
        let about = json!({ "invitation": invitation.id, "channel": channel });
        self.event(EventKind::InvitationCreated, user.id, about.clone());
        match (channel, mail_address(user)) {
            (Channel::Email, Some(to)) => {
                let name = settings.map(|settings| settings.name).unwrap_or_default();
                let message = message(user, &invitation, to, &secret).with("organisation", name);
                let about = About {
                    user: Some(user.id),
                    invitation: Some(invitation.id),
                    ..About::default()
                };
                invitation.mail = Some(outbox::enqueue_about(self, about, message)?);
            }
            (Channel::Email, None) => invitation.obstacle = Some(Obstacle::NoEmail),
            // Whoever asked is shown the secret and hands it over.
            (Channel::Link | Channel::Sms | Channel::Whatsapp, _) => {
                invitation.state = InvitationState::Sent;
                invitation.sent = Some(self.now());
                self.event(EventKind::InvitationSent, user.id, about);
            }
        }
        let target = format!("{organisation} {}", invitation.id);
        self.put_bytes(keys::invitation_secret(&invitation.secret_hash), target);
        self.put_bytes(
            keys::mail::ends(invitation.expires_ms(), organisation, invitation.id),
            "",
        );
        self.put_bytes(keys::mail::invitation_of(organisation, user.id, invitation.id), "");
        self.lay_invitation(None, &invitation);
        Ok(IssuedInvitation { invitation, secret })
    }

    /// An invitation that the decision relies on.
    ///
    /// # Errors
    /// As [`Unit::find`].
    pub async fn find_invitation(&mut self, id: InvitationId) -> Result<Option<Invitation>, DirectoryError> {
        let key = keys::invitation(self.organisation(), id);
        self.find(&key).await
    }

    /// Writes an invitation, and lists it under its state.
    pub(super) fn lay_invitation(&mut self, before: Option<InvitationState>, invitation: &Invitation) {
        let organisation = self.organisation();
        if before != Some(invitation.state) {
            if let Some(before) = before {
                self.delete(keys::mail::invitation_in(organisation, before, invitation.id));
            }
            self.put_bytes(
                keys::mail::invitation_in(organisation, invitation.state, invitation.id),
                "",
            );
        }
        self.put(keys::invitation(organisation, invitation.id), invitation);
    }

    /// Ends an invitation that is out: its secret opens nothing any more, and its mail is not sent.
    pub(super) async fn close_invitation(
        &mut self,
        mut invitation: Invitation,
        state: InvitationState,
    ) -> Result<(), DirectoryError> {
        let organisation = self.organisation();
        if let Some(mail) = invitation.mail.take() {
            self.cancel_mail(mail).await?;
        }
        let before = invitation.state;
        invitation.state = state;
        invitation.obstacle = None;
        invitation.closed = Some(self.now());
        self.delete(keys::invitation_secret(&invitation.secret_hash));
        self.delete(keys::mail::ends(invitation.expires_ms(), organisation, invitation.id));
        self.lay_invitation(Some(before), &invitation);
        Ok(())
    }

    /// The mail of an invitation was sent.
    pub(super) async fn invitation_sent(&mut self, id: InvitationId) -> Result<(), DirectoryError> {
        let Some(mut invitation) = self.find_invitation(id).await? else {
            return Ok(());
        };
        invitation.mail = None;
        let before = invitation.state;
        if before == InvitationState::Queued {
            invitation.state = InvitationState::Sent;
            invitation.obstacle = None;
            invitation.sent = Some(self.now());
            let data = json!({ "invitation": id, "channel": invitation.channel });
            self.event(EventKind::InvitationSent, invitation.user, data);
        }
        self.lay_invitation(Some(before), &invitation);
        Ok(())
    }

    /// Notes why an invitation that is queued is not handed over, or that there is no reason any more.
    pub(super) async fn invitation_obstacle(
        &mut self,
        id: InvitationId,
        obstacle: Option<Obstacle>,
    ) -> Result<(), DirectoryError> {
        if let Some(mut invitation) = self.find_invitation(id).await?
            && invitation.state == InvitationState::Queued
        {
            invitation.obstacle = obstacle;
            self.lay_invitation(Some(InvitationState::Queued), &invitation);
        }
        Ok(())
    }

    /// Revokes the invitation that is out, if any.
    async fn revoke_invitation(&mut self, user: &mut User) -> Result<bool, DirectoryError> {
        let Some(id) = user.invitation.take() else {
            return Ok(false);
        };
        let Some(invitation) = self.find_invitation(id).await? else {
            return Ok(false);
        };
        if !invitation.state.is_out() {
            return Ok(false);
        }
        // The sweeper may not have been there yet.
        let (state, event) = match invitation.state_at(self.now()) {
            InvitationState::Expired => (InvitationState::Expired, EventKind::InvitationExpired),
            _ => (InvitationState::Revoked, EventKind::InvitationRevoked),
        };
        self.close_invitation(invitation, state).await?;
        self.event(event, user.id, json!({ "invitation": id }));
        Ok(state == InvitationState::Revoked)
    }

    /// An invitation that waits for an e-mail address goes out when the person has got one: a new one, because the secret of the
    /// old one is known to nobody.
    ///
    /// # Errors
    /// As [`Unit::find`].
    pub(super) async fn mail_waiting_invitation(
        &mut self,
        before: &User,
        after: &mut User,
    ) -> Result<(), DirectoryError> {
        let Some(id) = after.invitation else { return Ok(()) };
        if mail_address(before).is_some() || mail_address(after).is_none() || after.facts.step() >= Step::Enrolled {
            return Ok(());
        }
        let waits = self.find_invitation(id).await?.is_some_and(|invitation| {
            invitation.state == InvitationState::Queued && invitation.obstacle == Some(Obstacle::NoEmail)
        });
        if waits && after.is_active() {
            self.invite(after, Channel::Email).await?;
        }
        Ok(())
    }

    /// Removes the invitations of a user who is deleted, and every mail about them.
    pub(super) async fn drop_invitations(&mut self, user: &User) -> Result<(), DirectoryError> {
        let organisation = self.organisation();
        let prefix = keys::mail::invitations_of(organisation, user.id);
        let of_user = self.scan(Scan::prefix(&prefix, SCAN_ENTRIES_MAX)).await?;
        let ids = of_user.iter().filter_map(|(key, _)| keys::last_uuid(key));
        let mut ids: Vec<InvitationId> = ids.map(InvitationId::new).collect();
        if let Some(present) = user.invitation.filter(|id| !ids.contains(id)) {
            ids.push(present);
        }
        for id in ids {
            if let Some(invitation) = self.find_invitation(id).await? {
                self.delete(keys::invitation_secret(&invitation.secret_hash));
                self.delete(keys::mail::ends(invitation.expires_ms(), organisation, id));
                self.delete(keys::mail::invitation_in(organisation, invitation.state, id));
                self.delete(keys::invitation(organisation, id));
            }
            self.delete(keys::mail::invitation_of(organisation, user.id, id));
        }
        self.cancel_mails_about(user.id).await
    }
}

impl Directory {
    /// The invitations of every organisation that end next, each with its end in milliseconds.
    ///
    /// # Errors
    /// As the store's read.
    pub async fn next_ends(&self, limit: usize) -> Result<Vec<(u64, OrganisationId, InvitationId)>, DirectoryError> {
        let found = self.store.scan(Scan::prefix(&keys::mail::all_ends(), limit)).await?;
        let timed = found.iter().filter_map(|(key, _)| keys::mail::timed(key));
        Ok(timed
            .map(|(end_ms, organisation, id)| (end_ms, organisation, InvitationId::new(id)))
            .collect())
    }
}

/// Where mail to a person goes: the primary e-mail address, else the first (RFC 7643 s2.4).
#[must_use]
pub fn mail_address(user: &User) -> Option<&str> {
    let emails = user.attributes.get("emails").and_then(Value::as_array)?;
    let is_primary = |email: &&Value| email.get("primary").and_then(Value::as_bool) == Some(true);
    let chosen = emails.iter().find(is_primary).or_else(|| emails.first())?;
    let address = chosen.get("value").and_then(Value::as_str)?;
    outbox::is_address(address).then_some(address)
}

/// How somebody is invited when nobody says how: by mail where a mail can be sent, else by a link that whoever asked is shown.
#[must_use]
pub fn fitting_channel(user: &User) -> Channel {
    if mail_address(user).is_some() && !user.restricted {
        Channel::Email
    } else {
        Channel::Link
    }
}

/// A mail to a person, with what can be said of the person.
#[must_use]
pub fn message_to(user: &User, to: &str, template: TemplateName) -> Message {
    let language = user.attributes.get("preferredLanguage").and_then(Value::as_str);
    let name = user.display_name().unwrap_or(&user.user_name);
    Message::new(to, template)
        .in_language(language)
        .with("display_name", name)
        .with("user_name", user.user_name.as_str())
}

fn message(user: &User, invitation: &Invitation, to: &str, secret: &str) -> Message {
    message_to(user, to, TemplateName::Invitation)
        .with(mail::PATH, format!("{PATH}{secret}"))
        .with("expires", invitation.expires.format("%Y-%m-%d %H:%M UTC").to_string())
}
