//! Inviting people (S003-28). A resend revokes the earlier invitation; the secret is shown once and stored as a hash.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use serde_json::json;

use crate::model::event::EventKind;
use crate::model::id::{InvitationId, UserId};
use crate::model::invitation::{Invitation, InvitationState};
use crate::model::lifecycle::Step;
use crate::model::organisation::Organisation;
use crate::model::user::User;

use super::token::hash;
use super::{DirectoryError, Operation, Unit, keys};

/// An invitation with its secret, which is shown once.
#[derive(Debug, Clone)]
pub struct IssuedInvitation {
    /// What is stored.
    pub invitation: Invitation,
    /// What opens it.
    pub secret: String,
}

/// Invites a person who cannot sign in yet. An invitation that is out is revoked.
pub struct InviteUser(
    /// Who.
    pub UserId,
);

#[async_trait::async_trait]
impl Operation for InviteUser {
    type Outcome = IssuedInvitation;

    async fn attempt(&self, unit: &mut Unit) -> Result<IssuedInvitation, DirectoryError> {
        let before = unit.load_user(self.0).await?;
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
        let mut after = before.clone();
        // Whoever asked is shown the secret and hands it over.
        let issued = unit.invite(&mut after, InvitationState::Sent).await?;
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

impl Unit {
    /// Makes an invitation for a user record that is being written, revoking an earlier one.
    ///
    /// # Errors
    /// As [`Unit::find`].
    pub async fn invite(
        &mut self,
        user: &mut User,
        state: InvitationState,
    ) -> Result<IssuedInvitation, DirectoryError> {
        self.revoke_invitation(user).await?;
        let organisation = self.organisation();
        let settings = self
            .find_present::<Organisation>(&keys::organisation(organisation))
            .await?;
        let hours = settings.map_or(0, |settings| settings.invitation_hours);
        let secret = URL_SAFE_NO_PAD.encode(self.clock().secret());
        let invitation = Invitation {
            id: InvitationId::new(self.clock().uuid()),
            user: user.id,
            secret_hash: hash(secret.as_bytes()),
            state,
            created: self.now(),
            expires: self.now() + TimeDelta::hours(i64::from(hours)),
        };
        user.invitation = Some(invitation.id);
        user.facts.invited_at = Some(self.now());
        let target = format!("{organisation} {}", invitation.id);
        self.put_bytes(keys::invitation_secret(&invitation.secret_hash), target);
        self.put(keys::invitation(organisation, invitation.id), &invitation);
        self.event(
            EventKind::InvitationCreated,
            user.id,
            json!({ "invitation": invitation.id }),
        );
        if state == InvitationState::Sent {
            self.event(
                EventKind::InvitationSent,
                user.id,
                json!({ "invitation": invitation.id }),
            );
        }
        Ok(IssuedInvitation { invitation, secret })
    }

    /// Revokes the invitation that is out, if any.
    async fn revoke_invitation(&mut self, user: &mut User) -> Result<bool, DirectoryError> {
        let Some(id) = user.invitation.take() else {
            return Ok(false);
        };
        let key = keys::invitation(self.organisation(), id);
        let Some(mut invitation) = self.find::<Invitation>(&key).await? else {
            return Ok(false);
        };
        if !matches!(invitation.state, InvitationState::Queued | InvitationState::Sent) {
            return Ok(false);
        }
        invitation.state = InvitationState::Revoked;
        self.delete(keys::invitation_secret(&invitation.secret_hash));
        self.put(key, &invitation);
        self.event(EventKind::InvitationRevoked, user.id, json!({ "invitation": id }));
        Ok(true)
    }

    /// Removes the invitation of a user who is deleted.
    pub(super) async fn drop_invitation(&mut self, user: &User) -> Result<(), DirectoryError> {
        let Some(id) = user.invitation else { return Ok(()) };
        let key = keys::invitation(self.organisation(), id);
        if let Some(invitation) = self.find::<Invitation>(&key).await? {
            self.delete(keys::invitation_secret(&invitation.secret_hash));
            self.delete(key);
        }
        Ok(())
    }
}
