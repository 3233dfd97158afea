//! Opening and accepting an invitation: single use, before its end, with a seat (design.md section 4).

use serde_json::json;

use crate::model::clock::Timestamp;
use crate::model::event::EventKind;
use crate::model::id::{InvitationId, OrganisationId};
use crate::model::invitation::{Invitation, InvitationState};
use crate::model::lifecycle::Step;
use crate::model::user::User;

use super::error::Denial;
use super::password::NewPassword;
use super::token::hash;
use super::{Directory, DirectoryError, Operation, Principal, Unit, keys};

/// Whom an invitation is for.
#[derive(Debug, Clone)]
pub struct Invited {
    /// Where.
    pub organisation: OrganisationId,
    /// The organisation's name for people.
    pub organisation_name: String,
    /// The person.
    pub user: User,
    /// When the invitation ends.
    pub expires: Timestamp,
}

/// Whether a look at an invitation counts as opening it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// Somebody follows the link.
    Opens,
    /// Somebody only asks whether it is there.
    Peeks,
}

/// An invitation that a secret leads to.
struct Found {
    organisation: OrganisationId,
    id: InvitationId,
    secret_hash: String,
}

impl Found {
    /// The invitation and its person, as long as it opens the door.
    async fn load(&self, unit: &mut Unit) -> Result<(Invitation, User), DirectoryError> {
        let closed = || DirectoryError::Denied(Denial::InvitationClosed);
        let invitation = unit.find_invitation(self.id).await?.ok_or_else(closed)?;
        if !invitation.is_open(unit.now()) || invitation.secret_hash != self.secret_hash {
            return Err(closed());
        }
        let user = unit.load_user(invitation.user).await?;
        if !user.is_active() || user.facts.step() >= Step::Enrolled {
            return Err(closed());
        }
        Ok((invitation, user))
    }
}

struct OpenInvitation<'a> {
    found: &'a Found,
    look: Look,
}

#[async_trait::async_trait]
impl Operation for OpenInvitation<'_> {
    type Outcome = (User, Timestamp);

    async fn attempt(&self, unit: &mut Unit) -> Result<Self::Outcome, DirectoryError> {
        let (mut invitation, user) = self.found.load(unit).await?;
        let before = invitation.state;
        if self.look == Look::Opens && before != InvitationState::Opened {
            invitation.state = InvitationState::Opened;
            invitation.opened = Some(unit.now());
            unit.lay_invitation(Some(before), &invitation);
            let data = json!({ "invitation": invitation.id });
            unit.event(EventKind::InvitationOpened, user.id, data);
        }
        Ok((user, invitation.expires))
    }
}

struct AcceptInvitation<'a> {
    found: &'a Found,
    password: &'a NewPassword,
}

#[async_trait::async_trait]
impl Operation for AcceptInvitation<'_> {
    type Outcome = User;

    async fn attempt(&self, unit: &mut Unit) -> Result<User, DirectoryError> {
        let (invitation, before) = self.found.load(unit).await?;
        unit.close_invitation(invitation, InvitationState::Accepted).await?;
        unit.event(
            EventKind::InvitationAccepted,
            before.id,
            json!({ "invitation": self.found.id }),
        );
        let mut after = before.clone();
        unit.set_password(&mut after, self.password, false).await?;
        unit.update_user(&before, after).await
    }
}

impl Directory {
    /// Looks at the invitation that a secret opens. It stays as good as it was, however often it is looked at: programs that fetch
    /// links before people do must not use it up.
    ///
    /// # Errors
    /// [`DirectoryError::Denied`] for a secret that opens nothing (any more).
    pub async fn open_invitation(&self, secret: &str, look: Look) -> Result<Invited, DirectoryError> {
        let found = self.find_secret(secret).await?;
        let permit = Principal::invitee(found.organisation).accept(found.organisation)?;
        let open = OpenInvitation { found: &found, look };
        let (user, expires) = self.run(&permit, &open).await?;
        let settings = self.load_organisation(found.organisation).await?;
        Ok(Invited {
            organisation: found.organisation,
            organisation_name: settings.organisation.name.clone(),
            user,
            expires,
        })
    }

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
        let found = self.find_secret(secret).await?;
        let permit = Principal::invitee(found.organisation).accept(found.organisation)?;
        let operation = AcceptInvitation {
            found: &found,
            password: &self.new_password(password),
        };
        Ok((found.organisation, self.run(&permit, &operation).await?))
    }

    async fn find_secret(&self, secret: &str) -> Result<Found, DirectoryError> {
        let closed = || DirectoryError::Denied(Denial::InvitationClosed);
        let secret_hash = hash(secret.as_bytes());
        let stored = self
            .store
            .get(keys::invitation_secret(&secret_hash))
            .await?
            .ok_or_else(closed)?;
        let target = std::str::from_utf8(&stored.value).unwrap_or_default().to_owned();
        let (organisation, id) = target.split_once(' ').ok_or_else(closed)?;
        match (organisation.parse(), id.parse()) {
            (Ok(organisation), Ok(id)) => Ok(Found {
                organisation,
                id,
                secret_hash,
            }),
            _ => Err(closed()),
        }
    }
}
