//! Mails that warn people of what happens to their accounts: wrong sign-ins, a password that somebody else has set.
//!
//! Nobody asked for them, so a person whose data are restricted gets none (S000-32); whoever has no address neither.

use crate::model::mail::TemplateName;
use crate::model::organisation::Organisation;
use crate::model::user::User;

use super::invitation::{mail_address, message_to};
use super::outbox::{self, About};
use super::{DirectoryError, Unit, keys};

impl Unit {
    /// Writes a warning into the outbox, in the commit of what it tells of.
    ///
    /// # Errors
    /// As [`Unit::find`].
    pub(super) async fn warn_by_mail(
        &mut self,
        user: &User,
        template: TemplateName,
        more: &[(&str, String)],
    ) -> Result<(), DirectoryError> {
        let Some(to) = mail_address(user).filter(|_| !user.restricted) else {
            return Ok(());
        };
        let key = keys::organisation(self.organisation());
        let organisation: Option<Organisation> = self.find_present(&key).await?;
        let name = organisation.map(|organisation| organisation.name).unwrap_or_default();
        let mut message = message_to(user, to, template)
            .with("organisation", name)
            .with("at", self.now().format("%Y-%m-%d %H:%M UTC").to_string());
        for (variable, value) in more {
            message = message.with(variable, value.as_str());
        }
        let about = About {
            user: Some(user.id),
            ..About::default()
        };
        outbox::enqueue_about(self, about, message).map(drop)
    }
}
