//! Credentials: read, written, moved out of the user records in which earlier releases kept the hash, and removed.

use crate::model::credential::Credential;
use crate::model::id::{OrganisationId, UserId};
use crate::model::record;
use crate::model::user::User;
use crate::store::{SCAN_ENTRIES_MAX, Scan};

use super::keys::credential as keys;
use super::{Directory, DirectoryError, Unit};

impl Unit {
    /// A user's credential, which the decision relies on. A user who has none yet has an empty one.
    ///
    /// # Errors
    /// As [`Unit::find`].
    pub async fn find_credential(&mut self, user: &User) -> Result<Credential, DirectoryError> {
        let key = keys::credential(self.organisation(), user.id);
        let found = self.find::<Credential>(&key).await?;
        Ok(found.unwrap_or_else(|| earlier(user)))
    }

    /// Stores a credential.
    pub fn put_credential(&mut self, credential: &Credential) {
        let key = keys::credential(self.organisation(), credential.user);
        self.put(key, credential);
    }

    /// Refuses an administrator's way round what is asked of everyone for their own account: the present password, or a code.
    ///
    /// # Errors
    /// [`DirectoryError::InvalidValue`] for whoever acts.
    pub(super) fn not_oneself(&self, user: UserId) -> Result<(), DirectoryError> {
        if self.actor().user == Some(user) {
            let reason = "is yourself: change your own password and second factor at /api/v1/session";
            return Err(DirectoryError::invalid("user", reason));
        }
        Ok(())
    }

    /// Moves a hash that an earlier release kept in the user record to where it belongs now, when the user is written.
    pub(super) async fn move_password(&mut self, user: &mut User) -> Result<(), DirectoryError> {
        if user.password_hash.is_none() {
            return Ok(());
        }
        let credential = self.find_credential(user).await?;
        self.put_credential(&credential);
        user.password_hash = None;
        Ok(())
    }

    /// Removes what a user who is deleted signs in with, and every session.
    pub(super) async fn drop_credential(&mut self, user: UserId) -> Result<(), DirectoryError> {
        let organisation = self.organisation();
        let key = keys::credential(organisation, user);
        // Relied on: a sign-in at the same moment writes it, and must not leave a session behind.
        self.bytes(&key).await?;
        self.delete(key);
        let list = Scan::prefix(&keys::sessions_of(organisation, user), SCAN_ENTRIES_MAX);
        for (entry, _) in self.scan(list).await? {
            if let Some((_, id)) = keys::listed_session(&entry) {
                self.delete(keys::session(organisation, id));
            }
            self.delete(entry);
        }
        Ok(())
    }
}

impl Directory {
    /// A user's credential as it is.
    ///
    /// # Errors
    /// As the store's read.
    pub async fn browse_credential(
        &self,
        organisation: OrganisationId,
        user: &User,
    ) -> Result<Credential, DirectoryError> {
        let stored = self.store.get(keys::credential(organisation, user.id)).await?;
        let found = stored.map(|stored| record::decode(&stored.value)).transpose()?;
        Ok(found.unwrap_or_else(|| earlier(user)))
    }
}

/// What an earlier release kept of a password: the hash and its time in the user record.
#[must_use]
pub fn earlier(user: &User) -> Credential {
    let mut credential = Credential::none(user.id);
    if let Some(hash) = &user.password_hash {
        credential.hash = Some(hash.clone());
        credential.set_at = user.facts.password_set_at;
        credential.version = 1;
    }
    credential
}
