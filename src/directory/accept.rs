//! Accepting an invitation: single use, before its end, with a seat (design.md section 4).

use serde_json::json;

use crate::model::event::EventKind;
use crate::model::id::{InvitationId, OrganisationId};
use crate::model::invitation::InvitationState;
use crate::model::lifecycle::Step;
use crate::model::user::User;

use super::error::Denial;
use super::token::hash;
use super::{Directory, DirectoryError, Operation, Principal, Unit, keys};

/// The shortest password that is accepted, in characters (S002-23).
const PASSWORD_CHARS_MIN: usize = 8;
/// The longest, in bytes: a bound on the work of hashing.
const PASSWORD_BYTES_MAX: usize = 1024;

struct AcceptInvitation<'a> {
    id: InvitationId,
    secret_hash: &'a str,
    password_hash: &'a str,
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
        after.password_hash = Some(self.password_hash.to_owned());
        after.facts.password_set_at = Some(unit.now());
        unit.update_user(&before, after).await
    }
}

impl Directory {
    /// Accepts an invitation with a first password: the person is enrolled. The seat is taken now if the licence says so.
    ///
    /// # Errors
    /// [`DirectoryError::Denied`] for a secret that opens nothing (any more); [`DirectoryError::InvalidValue`] for a
    /// password that is too short or too long; [`DirectoryError::SeatsExhausted`].
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
        let password_hash = hash_password(password).await?;
        let permit = Principal::invitee(organisation).accept(organisation)?;
        let operation = AcceptInvitation {
            id,
            secret_hash: &secret_hash,
            password_hash: &password_hash,
        };
        Ok((organisation, self.run(&permit, &operation).await?))
    }
}

/// Hashes a password with argon2id, outside any transaction and off the async threads.
///
/// # Errors
/// [`DirectoryError::InvalidValue`] for a password that is too short or too long.
pub async fn hash_password(password: &str) -> Result<String, DirectoryError> {
    use argon2::password_hash::{PasswordHasher as _, SaltString};
    if password.chars().count() < PASSWORD_CHARS_MIN || password.len() > PASSWORD_BYTES_MAX {
        let reason =
            format!("must have {PASSWORD_CHARS_MIN} characters or more, and at most {PASSWORD_BYTES_MAX} bytes");
        return Err(DirectoryError::invalid("password", reason));
    }
    let password = password.to_owned();
    let failed = |reason: String| DirectoryError::Corrupt(format!("the password could not be hashed: {reason}"));
    tokio::task::spawn_blocking(move || {
        let salt = SaltString::encode_b64(&rand::random::<[u8; 16]>()).map_err(|error| error.to_string())?;
        let hashed = argon2::Argon2::default().hash_password(password.as_bytes(), &salt);
        hashed.map(|hash| hash.to_string()).map_err(|error| error.to_string())
    })
    .await
    .map_err(|error| failed(error.to_string()))?
    .map_err(failed)
}
