//! Invitations as administrators see them: listed by state, sent again, withdrawn.

use async_trait::async_trait;

use crate::directory::keys::{self, Table};
use crate::directory::stretch::Stretch;
use crate::directory::{Directory, DirectoryError, Operation, Unit};
use crate::model::id::{InvitationId, OrganisationId, UserId};
use crate::model::invitation::{Channel, Invitation, InvitationState};
use crate::model::lifecycle::State;
use crate::model::record;
use crate::model::user::User;

use super::{InviteUser, IssuedInvitation, RevokeInvitation};

/// Invites the person of an earlier invitation again, the same way unless another is named. The earlier one is revoked.
pub struct ResendInvitation {
    /// The earlier one.
    pub id: InvitationId,
    /// How the person learns of it; as before when missing.
    pub channel: Option<Channel>,
}

#[async_trait]
impl Operation for ResendInvitation {
    type Outcome = IssuedInvitation;

    async fn attempt(&self, unit: &mut Unit) -> Result<IssuedInvitation, DirectoryError> {
        let earlier = load(unit, self.id).await?;
        let invite = InviteUser {
            user: earlier.user,
            channel: Some(self.channel.unwrap_or(earlier.channel)),
        };
        invite.attempt(unit).await
    }
}

/// Withdraws an invitation: the person is prepared again. False when it is closed already.
pub struct WithdrawInvitation(
    /// Which.
    pub InvitationId,
);

#[async_trait]
impl Operation for WithdrawInvitation {
    type Outcome = bool;

    async fn attempt(&self, unit: &mut Unit) -> Result<bool, DirectoryError> {
        let invitation = load(unit, self.0).await?;
        let user = unit.load_user(invitation.user).await?;
        if !invitation.state.is_out() || user.invitation != Some(invitation.id) {
            return Ok(false);
        }
        RevokeInvitation(user.id).attempt(unit).await
    }
}

async fn load(unit: &mut Unit, id: InvitationId) -> Result<Invitation, DirectoryError> {
    let found = unit.find_invitation(id).await?;
    found.ok_or_else(|| DirectoryError::not_found("invitation", id))
}

impl Directory {
    /// An invitation.
    ///
    /// # Errors
    /// As the store's read.
    pub async fn browse_invitation(
        &self,
        organisation: OrganisationId,
        id: InvitationId,
    ) -> Result<Option<Invitation>, DirectoryError> {
        let stored = self.store.get(keys::invitation(organisation, id)).await?;
        Ok(stored.map(|stored| record::decode(&stored.value)).transpose()?)
    }

    /// Invitations in the order in which they were made, all or those of a state, behind one or in front of it; each with the user name of its
    /// person.
    ///
    /// # Errors
    /// As the store's read.
    pub async fn browse_invitations(
        &self,
        organisation: OrganisationId,
        state: Option<InvitationState>,
        along: impl Into<Stretch<InvitationId>> + Send,
        limit: usize,
    ) -> Result<Vec<(Invitation, Option<String>)>, DirectoryError> {
        let prefix = match state {
            Some(state) => keys::mail::invitations_in(organisation, state),
            None => keys::table(organisation, Table::Invitation),
        };
        let scan = along.into().scan(&prefix, limit, |id| match state {
            Some(state) => keys::mail::invitation_in(organisation, state, id),
            None => keys::invitation(organisation, id),
        });
        let listed = self.store.scan(scan).await?;
        let ids = listed.iter().filter_map(|(key, _)| keys::last_uuid(key));
        let found = ids.map(|id| keys::invitation(organisation, InvitationId::new(id)));
        let found = self.store.get_many(found.collect()).await?;
        let invitations: Vec<Invitation> = found
            .into_iter()
            .flatten()
            .map(|stored| record::decode(&stored.value))
            .collect::<Result<_, _>>()?;
        let users = invitations
            .iter()
            .map(|invitation| keys::user(organisation, invitation.user));
        let users = self.store.get_many(users.collect()).await?;
        let name = |stored: Option<crate::store::Versioned>| -> Result<Option<String>, DirectoryError> {
            let user: Option<User> = stored.map(|stored| record::decode(&stored.value)).transpose()?;
            Ok(user.map(|user| user.user_name))
        };
        invitations
            .into_iter()
            .zip(users)
            .map(|(invitation, user)| Ok((invitation, name(user)?)))
            .collect()
    }

    /// The prepared people among so many users after this one, and where to go on; `None` when all were seen.
    ///
    /// # Errors
    /// As the store's read.
    pub async fn browse_prepared(
        &self,
        organisation: OrganisationId,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<(Vec<User>, Option<UserId>), DirectoryError> {
        let users = self.browse_users(organisation, after, limit).await?;
        let next = users.last().filter(|_| users.len() == limit).map(|user| user.id);
        let prepared = users.into_iter().filter(|user| user.state() == State::Prepared);
        Ok((prepared.collect(), next))
    }
}
