//! Accepting an invitation: single use, before its end, with a seat (design.md section 4).

use serde_json::json;

use crate::model::event::EventKind;
use crate::model::id::{InvitationId, OrganisationId};
use crate::model::invitation::InvitationState;
use crate::model::lifecycle::Step;
use crate::model::user::User;

use super::error::Denial;
use super::password::NewPassword;
use super::token::hash;
use super::{Directory, DirectoryError, Operation, Principal, Unit, keys};

struct AcceptInvitation<'a> {
    id: InvitationId,
    secret_hash: &'a str,
    password: &'a NewPassword,
}

#[async_trait::async_trait]
impl Operation for AcceptInvitation<'_> {
    type Outcome = User;

    async fn attempt(&self, unit: &mut Unit) -> Result<User, DirectoryError> {
        let closed = || DirectoryError::Denied(Denial::InvitationClosed);
        let invitation = unit.find_invitation(self.id).await?.ok_or_else(closed)?;
        if !invitation.is_open(unit.now()) || invitation.secret_hash != self.secret_hash {
            return Err(closed());
        }
        let before = unit.load_user(invitation.user).await?;
        if !before.is_active() || before.facts.step() >= Step::Enrolled {
            return Err(closed());
        }
        unit.close_invitation(invitation, InvitationState::Accepted).await?;
        unit.event(
            EventKind::InvitationAccepted,
            before.id,
            json!({ "invitation": self.id }),
        );
        let mut after = before.clone();
        unit.set_password(&mut after, self.password, false).await?;
        unit.update_user(&before, after).await
    }
}

impl Directory {
    /// Accepts an invitation with a first password: the person is enrolled. The seat is taken now if the licence says so.
    ///
    /// # Errors
    /// [`DirectoryError::Denied`] for a secret that opens nothing (any more); [`DirectoryError::InvalidValue`] for a
    /// password that the organisation's policy refuses; [`DirectoryError::SeatsExhausted`].
    pub async fn accept_invitation(
        &self,
        secret: &str,
        password: &str,
    ) -> Result<(OrganisationId, User), DirectoryError> {
        let closed = || DirectoryError::Denied(Denial::InvitationClosed);
        let secret_hash = hash(secret.as_bytes());
        let stored = self
            .store
            .get(keys::invitation_secret(&secret_hash))
            .await?
            .ok_or_else(closed)?;
        let target = std::str::from_utf8(&stored.value).unwrap_or_default().to_owned();
        let (organisation, id) = target.split_once(' ').ok_or_else(closed)?;
        let (Ok(organisation), Ok(id)) = (organisation.parse(), id.parse()) else {
            return Err(closed());
        };
        let permit = Principal::invitee(organisation).accept(organisation)?;
        let operation = AcceptInvitation {
            id,
            secret_hash: &secret_hash,
            password: &self.new_password(password),
        };
        Ok((organisation, self.run(&permit, &operation).await?))
    }
}
