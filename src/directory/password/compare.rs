//! Comparing what somebody types with the stored hash: one full comparison, whoever it is.

use crate::directory::{Directory, DirectoryError};
use crate::model::id::{OrganisationId, UserId};
use crate::model::password_policy::prepared;
use crate::model::user::User;

/// Bytes of a password that are compared; what is longer is wrong whatever it is.
const COMPARED_BYTES_MAX: usize = 4_096;

/// How often a comparison begins anew because the credential changed meanwhile.
pub(in crate::directory) const ROUNDS: u32 = 4;

/// A comparison that was made.
pub(in crate::directory) struct Compared {
    /// Whose password it was compared with; nobody's when absent.
    pub(in crate::directory) user: Option<UserId>,
    /// The hash that was compared with. What relies on the comparison looks whether it is still the stored one.
    pub(in crate::directory) hash: Option<String>,
    /// Whether it is the password.
    pub(in crate::directory) is_right: bool,
    /// The same password at the present cost, when the hash was made at another.
    pub(in crate::directory) renewed: Option<String>,
}

impl Directory {
    /// Compares a password with a user's, or with nobody's at the same expense.
    pub(in crate::directory) async fn compare(
        &self,
        organisation: OrganisationId,
        user: Option<&User>,
        password: &str,
    ) -> Result<Compared, DirectoryError> {
        let hash = match user {
            Some(user) => self.browse_credential(organisation, user).await?.hash,
            None => None,
        };
        let is_comparable = password.len() <= COMPARED_BYTES_MAX;
        let password = prepared(if is_comparable { password } else { "" });
        let is_right = self.hashing.verify(&password, hash.as_deref()).await? && is_comparable;
        let is_outdated = hash.as_deref().is_some_and(|hash| self.hashing.is_outdated(hash));
        let renewed = if is_right && is_outdated {
            let mut salt = [0; 16];
            salt.copy_from_slice(&self.clock.secret()[..16]);
            Some(self.hashing.hash(&password, salt).await?)
        } else {
            None
        };
        Ok(Compared {
            user: user.map(|user| user.id),
            hash,
            is_right,
            renewed,
        })
    }
}

/// The answer when the credential changed each time that it was compared with.
pub(in crate::directory) fn contended(organisation: OrganisationId) -> DirectoryError {
    DirectoryError::Contended {
        key: format!("a credential of organisation {organisation}"),
    }
}
