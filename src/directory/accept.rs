//! Opening and accepting an invitation: single use, before its end, with a seat (design.md section 4).

use serde::Serialize;
use serde_json::json;

use crate::model::clock::Timestamp;
use crate::model::event::EventKind;
use crate::model::id::{InvitationId, OrganisationId};
use crate::model::invitation::{Invitation, InvitationState};
use crate::model::lifecycle::Step;
use crate::model::user::User;

use super::error::Denial;
use super::token::hash;
use super::{Directory, DirectoryError, Operation, Principal, Unit, keys};

/// The shortest password that is accepted, in characters (S002-23).
const PASSWORD_CHARS_MIN: usize = 8;
/// The longest, in bytes: a bound on the work of hashing.
const PASSWORD_BYTES_MAX: usize = 1024;

/// One thing that is asked of a password (S002-22).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Criterion {
    /// For programs: `length`, `bytes`.
    pub key: &'static str,
    /// For people: what a password must do, such as "have at least 8 characters".
    pub text: String,
    /// Whether the password does.
    pub met: bool,
}

/// Whom an invitation is for.
#[derive(Debug, Clone)]
pub struct Invited {
    /// The organisation's name for people.
    pub organisation: String,
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
    password_hash: &'a str,
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
        after.password_hash = Some(self.password_hash.to_owned());
        after.facts.password_set_at = Some(unit.now());
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
            organisation: settings.organisation.name.clone(),
            user,
            expires,
        })
    }

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
        let found = self.find_secret(secret).await?;
        let password_hash = hash_password(password).await?;
        let permit = Principal::invitee(found.organisation).accept(found.organisation)?;
        let operation = AcceptInvitation {
            found: &found,
            password_hash: &password_hash,
        };
        Ok((found.organisation, self.run(&permit, &operation).await?))
    }

    /// What is asked of the password of an invited person, each with whether this one does it.
    ///
    /// # Errors
    /// As the store's read.
    pub async fn password_criteria(&self, _: &Invited, password: &str) -> Result<Vec<Criterion>, DirectoryError> {
        Ok(criteria(password))
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

fn criteria(password: &str) -> Vec<Criterion> {
    vec![
        Criterion {
            key: "length",
            text: format!("have at least {PASSWORD_CHARS_MIN} characters"),
            met: password.chars().count() >= PASSWORD_CHARS_MIN,
        },
        Criterion {
            key: "bytes",
            text: format!("have at most {PASSWORD_BYTES_MAX} bytes"),
            met: password.len() <= PASSWORD_BYTES_MAX,
        },
    ]
}

/// Hashes a password with argon2id, outside any transaction and off the async threads.
///
/// # Errors
/// [`DirectoryError::InvalidValue`] for a password that is too short or too long.
pub async fn hash_password(password: &str) -> Result<String, DirectoryError> {
    use argon2::password_hash::{PasswordHasher as _, SaltString};
    if criteria(password).iter().any(|criterion| !criterion.met) {
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
