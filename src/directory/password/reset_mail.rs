//! The link for a forgotten password by mail (S003-23): nobody but the person sees it.

use chrono::TimeDelta;

use crate::directory::error::Denial;
use crate::directory::invitation::{mail_address, message_to};
use crate::directory::keys::fold;
use crate::directory::outbox::{self, About};
use crate::directory::{Directory, DirectoryError, Operation, Permit, Unit, keys};
use crate::model::clock::Timestamp;
use crate::model::credential::ResetLink;
use crate::model::event::Door;
use crate::model::id::{MailId, UserId};
use crate::model::lifecycle::Step;
use crate::model::mail::{self, TemplateName};
use crate::model::organisation::Organisation;
use crate::model::slug::Slug;
use crate::model::user::User;

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
        // A person may ask for it whose data are restricted; nobody else has it sent (S000-32).
        if user.restricted && unit.actor().door != Door::Person {
            return Err(DirectoryError::Denied(Denial::ProcessingRestricted));
        }
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
            ..About::default()
        };
        Ok(MailedReset {
            mail: outbox::enqueue_about(unit, about, message)?,
            expires: issued.expires,
        })
    }
}

/// Seconds before somebody who has forgotten a password is mailed another link: nobody fills another's mailbox.
const AGAIN_AFTER_S: i64 = 300;

/// Somebody says that a password is forgotten.
struct Forgotten<'a> {
    user: Option<UserId>,
    folded: &'a str,
}

#[async_trait::async_trait]
impl Operation for Forgotten<'_> {
    type Outcome = ();

    async fn attempt(&self, unit: &mut Unit) -> Result<(), DirectoryError> {
        let policy = unit.password_policy().await?;
        let user = match self.user {
            Some(id) => unit.find_user(id).await?,
            None => None,
        };
        let can_have_one =
            |user: &User| user.is_active() && user.facts.step() >= Step::Enrolled && mail_address(user).is_some();
        let Some(user) = user.filter(can_have_one) else {
            unit.count_decoy(self.folded);
            return Ok(());
        };
        let lifetime = TimeDelta::hours(i64::from(policy.reset_hours));
        let now = unit.now();
        let age = |link: &ResetLink| now - (link.expires - lifetime);
        let last = unit.find_credential(&user).await?.reset;
        if last.is_some_and(|link| age(&link) < TimeDelta::seconds(AGAIN_AFTER_S)) {
            unit.count_decoy(self.folded);
            return Ok(());
        }
        MailResetLink(user.id).attempt(unit).await.map(|_| ())
    }
}

impl Directory {
    /// Mails a link to whoever has this login id and an e-mail address (S003-23). Nobody learns whether there is anyone: the answer
    /// is the same, and so is the work, which is one commit.
    ///
    /// # Errors
    /// As the store's commit.
    pub async fn forget_password(&self, organisation: &str, login: &str) -> Result<(), DirectoryError> {
        let settings = match organisation.parse::<Slug>() {
            Ok(slug) => self.find_organisation(&slug).await?,
            Err(_) => None,
        };
        let organisation = settings
            .as_ref()
            .map_or(keys::GATEWAY, |settings| settings.organisation.id);
        let user = match &settings {
            Some(_) => self.find_by_login(organisation, login).await?,
            None => None,
        };
        let forgotten = Forgotten {
            user: user.map(|user| user.id),
            folded: &fold(login),
        };
        self.run(&Permit::own_account(organisation, None, None), &forgotten)
            .await
    }
}
