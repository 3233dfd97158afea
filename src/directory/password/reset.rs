//! Forgotten passwords: an administrator makes a link (X02-8), whoever has it sets a new password, once.
//!
//! The link's secret says whose it is, so that no index leads from secrets to people; only its hash is stored. A new link
//! makes an earlier one worthless, and so does a new password.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use serde_json::json;
use subtle::ConstantTimeEq as _;

use crate::directory::error::Denial;
use crate::directory::token::hash;
use crate::directory::{Directory, DirectoryError, Operation, Permit, Unit};
use crate::model::clock::Timestamp;
use crate::model::credential::ResetLink;
use crate::model::event::EventKind;
use crate::model::id::{OrganisationId, UserId};
use crate::model::lifecycle::Step;
use crate::model::user::User;

use super::NewPassword;

/// How the secret of a link begins.
const PREFIX: &str = "ushr_";

/// A link with its secret, which is shown or mailed once.
#[derive(Debug, Clone)]
pub struct IssuedReset {
    /// What opens it.
    pub secret: String,
    /// From this instant on it is worth nothing.
    pub expires: Timestamp,
}

/// Makes a link for a user who has forgotten the password. The present password goes on working until it is used.
pub struct IssueResetLink(
    /// Whose.
    pub UserId,
);

#[async_trait::async_trait]
impl Operation for IssueResetLink {
    type Outcome = IssuedReset;

    async fn attempt(&self, unit: &mut Unit) -> Result<IssuedReset, DirectoryError> {
        unit.not_oneself(self.0)?;
        let user = unit.load_user(self.0).await?;
        unit.may_take_over(&user).await?;
        if user.facts.step() < Step::Enrolled {
            let reason = "has not come in yet: invite, or set a password";
            return Err(DirectoryError::invalid("user", reason));
        }
        if !user.is_active() {
            return Err(DirectoryError::invalid("user", "is suspended: reactivate before"));
        }
        let policy = unit.password_policy().await?;
        let mut credential = unit.find_credential(&user).await?;
        let secret = unit.clock().secret();
        let expires = unit.now() + TimeDelta::hours(i64::from(policy.reset_hours));
        credential.reset = Some(ResetLink {
            secret_hash: hash(&secret),
            expires,
        });
        unit.put_credential(&credential);
        unit.event(
            EventKind::PasswordResetRequested,
            user.id,
            json!({ "expires": expires }),
        );
        Ok(IssuedReset {
            secret: write(unit.organisation(), user.id, &secret),
            expires,
        })
    }
}

struct ResetPassword<'a> {
    user: UserId,
    secret: &'a [u8],
    password: &'a NewPassword,
}

#[async_trait::async_trait]
impl Operation for ResetPassword<'_> {
    type Outcome = User;

    async fn attempt(&self, unit: &mut Unit) -> Result<User, DirectoryError> {
        let closed = || DirectoryError::Denied(Denial::ResetClosed);
        let before = unit.find_user(self.user).await?.ok_or_else(closed)?;
        let credential = unit.find_credential(&before).await?;
        let link = credential.reset.as_ref().ok_or_else(closed)?;
        let is_same: bool = hash(self.secret).as_bytes().ct_eq(link.secret_hash.as_bytes()).into();
        if !is_same || !link.is_open(unit.now()) || !before.is_active() {
            return Err(closed());
        }
        let mut after = before.clone();
        // The link goes with the new password: `Credential::replace`.
        unit.set_password(&mut after, self.password, false).await?;
        unit.update_user(&before, after).await
    }
}

impl Directory {
    /// Sets a new password with the secret of a link. Every session of the person ends.
    ///
    /// # Errors
    /// [`DirectoryError::Denied`] for a secret that opens nothing (any more); [`DirectoryError::InvalidValue`] for a password
    /// that the policy refuses, which spends nothing; as the store's commit.
    pub async fn reset_password(&self, secret: &str, password: &str) -> Result<(OrganisationId, User), DirectoryError> {
        let (organisation, user, secret) = parse(secret).ok_or(DirectoryError::Denied(Denial::ResetClosed))?;
        let permit = Permit::own_account(organisation, Some(user), None);
        let operation = ResetPassword {
            user,
            secret: &secret,
            password: &self.new_password(password),
        };
        Ok((organisation, self.run(&permit, &operation).await?))
    }

    /// Whose link this is, for a page that shows the criteria before a password is chosen.
    ///
    /// # Errors
    /// [`DirectoryError::Denied`] for a secret that opens nothing (any more); as the store's read.
    pub async fn browse_reset(&self, secret: &str) -> Result<(OrganisationId, User), DirectoryError> {
        let closed = || DirectoryError::Denied(Denial::ResetClosed);
        let (organisation, user, secret) = parse(secret).ok_or_else(closed)?;
        let user = self.browse_user(organisation, user).await?.ok_or_else(closed)?;
        let credential = self.browse_credential(organisation, &user).await?;
        let link = credential.reset.filter(|link| link.is_open(self.clock.now()));
        let link = link.ok_or_else(closed)?;
        let is_same: bool = hash(&secret).as_bytes().ct_eq(link.secret_hash.as_bytes()).into();
        if is_same && user.is_active() {
            Ok((organisation, user))
        } else {
            Err(closed())
        }
    }
}

fn write(organisation: OrganisationId, user: UserId, secret: &[u8; 32]) -> String {
    let whose = [
        organisation.uuid().as_bytes().as_slice(),
        user.uuid().as_bytes(),
        secret,
    ]
    .concat();
    format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(whose))
}

fn parse(text: &str) -> Option<(OrganisationId, UserId, Vec<u8>)> {
    let bytes = URL_SAFE_NO_PAD.decode(text.strip_prefix(PREFIX)?).ok()?;
    let (organisation, rest) = bytes.split_at_checked(16)?;
    let (user, secret) = rest.split_at_checked(16)?;
    let uuid = |bytes| uuid::Uuid::from_slice(bytes).ok();
    Some((
        OrganisationId::new(uuid(organisation)?),
        UserId::new(uuid(user)?),
        secret.to_vec(),
    ))
}
