//! Changing one's own password, for the present one (X02-8).

use crate::directory::session::LiveSession;
use crate::directory::{Directory, DirectoryError, Operation, Unit};

use super::NewPassword;
use super::compare::{Compared, ROUNDS, contended};

struct ChangePassword<'a> {
    live: &'a LiveSession,
    compared: &'a Compared,
    password: &'a NewPassword,
}

/// What an attempt found.
enum Changed {
    Done,
    /// The present password is another; that was counted.
    Wrong,
    /// The credential is another one than was compared with.
    Again,
}

#[async_trait::async_trait]
impl Operation for ChangePassword<'_> {
    type Outcome = Changed;

    async fn attempt(&self, unit: &mut Unit) -> Result<Changed, DirectoryError> {
        let before = unit.load_user(self.live.user.id).await?;
        let mut credential = unit.find_credential(&before).await?;
        if credential.hash != self.compared.hash {
            return Ok(Changed::Again);
        }
        if credential.is_locked(unit.now()) {
            return Ok(Changed::Wrong);
        }
        if !self.compared.is_right {
            let policy = unit.password_policy().await?;
            unit.count_failure(&policy, &before, &mut credential).await?;
            return Ok(Changed::Wrong);
        }
        let mut after = before.clone();
        let credential = unit.set_password(&mut after, self.password, false).await?;
        // Every other session was opened with the password that is gone.
        unit.keep_session(self.live.session.id, &credential).await?;
        unit.update_user(&before, after).await?;
        Ok(Changed::Done)
    }
}

impl Directory {
    /// Changes a person's own password. Their other sessions end.
    ///
    /// # Errors
    /// [`DirectoryError::InvalidValue`] for a wrong present password, which is counted as a wrong sign-in, and for a new one
    /// that the policy refuses; as the store's commit.
    pub async fn change_password(
        &self,
        live: &LiveSession,
        current: &str,
        password: &str,
    ) -> Result<(), DirectoryError> {
        let organisation = live.settings.organisation.id;
        let password = self.new_password(password);
        for _ in 0..ROUNDS {
            let user = self.browse_user(organisation, live.user.id).await?;
            let compared = self.compare(organisation, user.as_ref(), current).await?;
            let change = ChangePassword {
                live,
                compared: &compared,
                password: &password,
            };
            match self.run(&live.permit(), &change).await? {
                Changed::Done => return Ok(()),
                Changed::Wrong => return Err(DirectoryError::invalid("current", "is not the present password")),
                Changed::Again => {}
            }
        }
        Err(contended(organisation))
    }
}
