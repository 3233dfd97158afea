//! The link for a forgotten password by mail (S003-23): nobody but the person sees it.

use crate::directory::invitation::{mail_address, message_to};
use crate::directory::outbox::{self, About};
use crate::directory::{DirectoryError, Operation, Unit, keys};
use crate::model::clock::Timestamp;
use crate::model::id::{MailId, UserId};
use crate::model::mail::{self, TemplateName};
use crate::model::organisation::Organisation;

use super::reset::IssueResetLink;

/// Where a link leads, before its secret.
pub const PATH: &str = "/password-reset/";

/// A link that is on its way.
#[derive(Debug, Clone, Copy)]
pub struct MailedReset {
    /// The mail in the outbox.
    pub mail: MailId,
    /// From this instant on the link is worth nothing.
    pub expires: Timestamp,
}

/// Makes a link for a user who has forgotten the password, and mails it. As with [`IssueResetLink`], an earlier one is worth
/// nothing then.
pub struct MailResetLink(
    /// Whose.
    pub UserId,
);

#[async_trait::async_trait]
impl Operation for MailResetLink {
    type Outcome = MailedReset;

    async fn attempt(&self, unit: &mut Unit) -> Result<MailedReset, DirectoryError> {
        let user = unit.load_user(self.0).await?;
        let Some(to) = mail_address(&user) else {
            let reason = "has no e-mail address: make a link and hand it over";
            return Err(DirectoryError::invalid("user", reason));
        };
        let issued = IssueResetLink(user.id).attempt(unit).await?;
        let key = keys::organisation(unit.organisation());
        let organisation: Option<Organisation> = unit.find_present(&key).await?;
        let name = organisation.map(|organisation| organisation.name).unwrap_or_default();
        let message = message_to(&user, to, TemplateName::PasswordReset)
            .with("organisation", name)
            .with("expires", issued.expires.format("%Y-%m-%d %H:%M UTC").to_string())
            .with(mail::PATH, format!("{PATH}{}", issued.secret));
        let about = About {
            user: Some(user.id),
            invitation: None,
        };
        Ok(MailedReset {
            mail: outbox::enqueue_about(unit, about, message)?,
            expires: issued.expires,
        })
    }
}
