//! Passwords: judged by the organisation's policy and set, whatever the door (S002-22, S004-28).
//!
//! A hash takes its time on purpose, and an operation may be attempted several times. [`NewPassword`] remembers what it was
//! compared with and its hash, so that further attempts compute nothing again.

pub mod change;
pub(super) mod compare;
pub mod impact;
pub mod policy;
pub mod reset;
pub mod reset_mail;

use std::fmt;
use std::sync::Arc;

use tokio::sync::Mutex;
use zeroize::Zeroizing;

use crate::model::clock::Clock;
use crate::model::credential::Credential;
use crate::model::id::{OrganisationId, UserId};
use crate::model::mail::TemplateName;
use crate::model::organisation::Organisation;
use crate::model::password_policy::{Criterion, CriterionKey, PasswordPolicy, login_names, prepared, unmet};
use crate::model::user::User;

use super::hashing::Hashing;
use super::{Directory, DirectoryError, Operation, Permit, Unit, keys};

/// A password that is to be set.
#[derive(Clone)]
pub struct NewPassword(Arc<Candidate>);

struct Candidate {
    text: Zeroizing<String>,
    hashing: Arc<Hashing>,
    salt: [u8; 16],
    done: Mutex<Done>,
}

/// What was computed already.
#[derive(Default)]
struct Done {
    hash: Option<String>,
    /// The hashes that it was compared with, and whether it is one of those passwords.
    compared: Option<(Vec<String>, bool)>,
}

impl NewPassword {
    fn new(text: &str, hashing: &Arc<Hashing>, clock: &dyn Clock) -> Self {
        let mut salt = [0; 16];
        salt.copy_from_slice(&clock.secret()[..16]);
        Self(Arc::new(Candidate {
            text: Zeroizing::new(prepared(text)),
            hashing: Arc::clone(hashing),
            salt,
            done: Mutex::default(),
        }))
    }

    /// Every criterion, with whether the password meets it.
    ///
    /// # Errors
    /// As [`Hashing::verify`].
    async fn judge(
        &self,
        policy: &PasswordPolicy,
        names: &[&str],
        before: &Credential,
    ) -> Result<Vec<Criterion>, DirectoryError> {
        let mut criteria = policy.check(&self.0.text, names);
        // What is refused anyway, or longer than what is hashed, costs no comparison.
        let is_good_so_far = criteria.iter().all(|criterion| criterion.met);
        let used = is_good_so_far && self.was_used(policy, before).await?;
        criteria.extend(policy.history_criterion(is_good_so_far && !used));
        Ok(criteria)
    }

    /// What is wrong with the password, in words. The history is only spoken of when nothing else is wrong: nothing was compared
    /// before.
    async fn refusal(
        &self,
        policy: &PasswordPolicy,
        names: &[&str],
        before: &Credential,
    ) -> Result<Option<String>, DirectoryError> {
        let mut criteria = self.judge(policy, names, before).await?;
        let is_history = |criterion: &Criterion| criterion.key == CriterionKey::History;
        if criteria
            .iter()
            .any(|criterion| !criterion.met && !is_history(criterion))
        {
            criteria.retain(|criterion| !is_history(criterion));
        }
        Ok(unmet(&criteria))
    }

    async fn was_used(&self, policy: &PasswordPolicy, before: &Credential) -> Result<bool, DirectoryError> {
        let recent: Vec<String> = before.recent(policy.history_kept()).cloned().collect();
        let mut done = self.0.done.lock().await;
        if let Some((compared, used)) = &done.compared
            && *compared == recent
        {
            return Ok(*used);
        }
        let mut used = false;
        for hash in &recent {
            used |= self.0.hashing.verify(&self.0.text, Some(hash)).await?;
        }
        done.compared = Some((recent, used));
        Ok(used)
    }

    async fn hash(&self) -> Result<String, DirectoryError> {
        let mut done = self.0.done.lock().await;
        if let Some(hash) = &done.hash {
            return Ok(hash.clone());
        }
        let hash = self.0.hashing.hash(&self.0.text, self.0.salt).await?;
        done.hash = Some(hash.clone());
        Ok(hash)
    }
}

impl fmt::Debug for NewPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NewPassword")
    }
}

/// Two are the same when they are one.
impl PartialEq for NewPassword {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Unit {
    /// Gives a user record that is being written a new password. Whoever calls writes the record.
    ///
    /// # Errors
    /// [`DirectoryError::InvalidValue`] that names every criterion that is not met; as [`Unit::find`].
    pub async fn set_password(
        &mut self,
        user: &mut User,
        password: &NewPassword,
        must_change: bool,
    ) -> Result<Credential, DirectoryError> {
        let policy = self.password_policy().await?;
        let mut credential = self.find_credential(user).await?;
        if let Some(reason) = password.refusal(&policy, &login_names(user), &credential).await? {
            return Err(DirectoryError::invalid("password", reason));
        }
        credential.replace(password.hash().await?, &policy, self.now());
        credential.must_change = must_change;
        self.put_credential(&credential);
        user.password_hash = None;
        user.facts.password_set_at = Some(self.now());
        Ok(credential)
    }

    /// The organisation's policy, which the decision relies on.
    ///
    /// # Errors
    /// As [`Unit::find`].
    pub async fn password_policy(&mut self) -> Result<PasswordPolicy, DirectoryError> {
        let key = keys::organisation(self.organisation());
        let organisation: Option<Organisation> = self.find(&key).await?;
        Ok(organisation
            .map(|organisation| organisation.password_policy)
            .unwrap_or_default())
    }
}

/// Sets a user's password as an administrator (S002-22): a prepared person is enrolled by it.
pub struct SetPassword {
    /// Whose.
    pub user: UserId,
    /// The password.
    pub password: NewPassword,
    /// Whether it must be changed at the next sign-in; as the policy says when absent (A11).
    pub must_change: Option<bool>,
}

#[async_trait::async_trait]
impl Operation for SetPassword {
    type Outcome = User;

    async fn attempt(&self, unit: &mut Unit) -> Result<User, DirectoryError> {
        unit.not_oneself(self.user)?;
        let before = unit.load_user(self.user).await?;
        unit.may_take_over(&before).await?;
        let mut after = before.clone();
        let policy = unit.password_policy().await?;
        let must_change = self.must_change.unwrap_or(policy.change_after_set);
        let had_one = unit.find_credential(&before).await?.hash.is_some();
        unit.set_password(&mut after, &self.password, must_change).await?;
        if had_one && policy.warnings.password_set {
            unit.warn_by_mail(&before, TemplateName::PasswordSet, &[]).await?;
        }
        unit.update_user(&before, after).await
    }
}

impl Directory {
    /// A password that is to be set, by whatever operation.
    #[must_use]
    pub fn new_password(&self, text: &str) -> NewPassword {
        NewPassword::new(text, &self.hashing, self.clock.as_ref())
    }

    /// Sets a user's password as an administrator.
    ///
    /// # Errors
    /// As [`SetPassword`].
    pub async fn set_password(
        &self,
        permit: &Permit,
        user: UserId,
        password: &str,
        must_change: Option<bool>,
    ) -> Result<User, DirectoryError> {
        let operation = SetPassword {
            user,
            password: self.new_password(password),
            must_change,
        };
        self.run(permit, &operation).await
    }

    /// The criteria of an organisation's policy, each with whether a password meets it; with a user, the names and the
    /// history are theirs. A page shows the list and ticks it off.
    ///
    /// # Errors
    /// As the store's read.
    pub async fn password_criteria(
        &self,
        organisation: OrganisationId,
        user: Option<&User>,
        password: &str,
    ) -> Result<Vec<Criterion>, DirectoryError> {
        let settings = self.load_organisation(organisation).await?;
        let policy = &settings.organisation.password_policy;
        let candidate = self.new_password(password);
        match user {
            Some(user) => {
                let credential = self.browse_credential(organisation, user).await?;
                candidate.judge(policy, &login_names(user), &credential).await
            }
            None => {
                let nobody = Credential::none(UserId::new(uuid::Uuid::nil()));
                candidate.judge(policy, &[], &nobody).await
            }
        }
    }
}
