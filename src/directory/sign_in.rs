//! Signing in with a password and, where there is one, a second factor.
//!
//! Nobody learns who exists: an unknown organisation, an unknown name, a wrong password, a suspended, locked or passwordless
//! person all get the same answer after the same work, which is one comparison and one commit. What is nobody's failure is
//! counted in one of a fixed number of counters, so that it takes the commit too.
//!
//! The comparison is made before the operation and outside its attempts. The operation relies on the credential that was
//! compared with; when that has changed meanwhile, all begins anew.

use serde_json::json;

use crate::model::clock::Timestamp;
use crate::model::credential::{Credential, Duty};
use crate::model::event::EventKind;
use crate::model::id::{OrganisationId, UserId};
use crate::model::mail::TemplateName;
use crate::model::password_policy::{PasswordPolicy, SessionLimits};
use crate::model::slug::Slug;
use crate::model::user::User;

use super::keys::{self, fold};
use super::password::compare::{Compared, ROUNDS, contended};
use super::sealing::SealingKey;
use super::second_factor::Code;
use super::session::{IssuedSession, duties};
use super::settings::OrganisationSettings;
use super::{Directory, DirectoryError, Operation, Permit, Unit};

/// A sign-in that a product reports within this many seconds of the last one is not written again.
const REPORT_EVERY_S: i64 = 60;

/// What somebody shows.
pub struct SignIn<'a> {
    /// The organisation's slug.
    pub organisation: &'a str,
    /// A login name.
    pub login: &'a str,
    /// The password.
    pub password: &'a str,
    /// A code of the second factor.
    pub code: Option<Code<'a>>,
}

/// What became of a sign-in that was not refused.
#[derive(Debug)]
pub enum SignedIn {
    /// The person is in.
    Session {
        /// The session and its token.
        issued: Box<IssuedSession>,
        /// What must happen before it opens anything else.
        duties: Vec<Duty>,
        /// When it ends unless it is used.
        ends: Timestamp,
    },
    /// The password is right, and a code of the second factor is needed.
    CodeNeeded,
}

/// What an attempt found.
enum Judged {
    Session(Box<(IssuedSession, User, Credential)>),
    CodeNeeded,
    Refused,
    Locked,
    /// The credential is another one than was compared with.
    Changed,
}

impl Judged {
    /// The word in `/metrics`.
    const fn outcome(&self) -> &'static str {
        match self {
            Self::Session(_) => "ok",
            Self::CodeNeeded => "code_needed",
            Self::Refused | Self::Changed => "refused",
            Self::Locked => "locked",
        }
    }
}

struct Judge<'a> {
    folded: &'a str,
    compared: &'a Compared,
    code: Option<Code<'a>>,
    key: &'a SealingKey,
}

#[async_trait::async_trait]
impl Operation for Judge<'_> {
    type Outcome = Judged;

    async fn attempt(&self, unit: &mut Unit) -> Result<Judged, DirectoryError> {
        let policy = unit.password_policy().await?;
        let user = match self.compared.user {
            Some(id) => unit.find_user(id).await?,
            None => None,
        };
        let Some(before) = user else {
            unit.count_decoy(self.folded);
            return Ok(Judged::Refused);
        };
        let mut credential = unit.find_credential(&before).await?;
        if credential.hash != self.compared.hash {
            return Ok(Judged::Changed);
        }
        if credential.is_locked(unit.now()) {
            unit.count_decoy(self.folded);
            return Ok(Judged::Locked);
        }
        if !before.is_active() || credential.hash.is_none() {
            unit.count_decoy(self.folded);
            return Ok(Judged::Refused);
        }
        let is_asked = credential.confirmed_factor().is_some();
        let is_right = match (self.compared.is_right, is_asked, self.code) {
            (false, _, _) => false,
            (true, false, _) => true,
            // Nothing is counted and nothing forgiven: who knows the password still has to show the code.
            (true, true, None) => return Ok(Judged::CodeNeeded),
            (true, true, Some(code)) => unit.take_code(&mut credential, code, self.key)?,
        };
        if !is_right {
            unit.count_failure(&policy, &before, &mut credential).await?;
            return Ok(Judged::Refused);
        }
        let limits = &policy.session;
        self.let_in(unit, &before, credential, (limits, is_asked)).await
    }
}

impl Judge<'_> {
    async fn let_in(
        &self,
        unit: &mut Unit,
        before: &User,
        mut credential: Credential,
        (limits, second_factor): (&SessionLimits, bool),
    ) -> Result<Judged, DirectoryError> {
        credential.unlock();
        credential.last_sign_in = Some(unit.now());
        if let Some(renewed) = &self.compared.renewed {
            credential.hash = Some(renewed.clone());
        }
        let issued = unit.open_session(&credential, limits, second_factor).await?;
        unit.put_credential(&credential);
        let mut after = before.clone();
        // S000-20: the first sign-in makes the person active.
        after.facts.activated_at = after.facts.activated_at.or_else(|| Some(unit.now()));
        after.password_hash = None;
        let user = unit.update_user(before, after).await?;
        Ok(Judged::Session(Box::new((issued, user, credential))))
    }
}

impl Unit {
    /// Counts a wrong sign-in, lets nobody in for a while when there were too many (X02-13), and warns the person once.
    pub(super) async fn count_failure(
        &mut self,
        policy: &PasswordPolicy,
        user: &User,
        credential: &mut Credential,
    ) -> Result<(), DirectoryError> {
        if let Some(until) = credential.fail(&policy.lock_out, self.now()) {
            let data = json!({ "failures": credential.failures, "until": until });
            self.event(EventKind::SignInLocked, credential.user, data);
        }
        self.put_credential(credential);
        if credential.failures != 0 && credential.failures == policy.warnings.failed_sign_ins {
            let failures = [("failures", credential.failures.to_string())];
            self.warn_by_mail(user, TemplateName::SignInWarning, &failures).await?;
        }
        Ok(())
    }

    /// Counts what is nobody's, so that it takes a commit as well.
    pub(super) fn count_decoy(&mut self, folded: &str) {
        let key = keys::credential::decoy(self.organisation(), folded);
        self.count(key, 1, None);
    }
}

/// Ends the time for which nobody is let in, as an administrator, and forgets the wrong sign-ins before it.
pub struct Unlock(
    /// Whom.
    pub UserId,
);

#[async_trait::async_trait]
impl Operation for Unlock {
    /// Whether anything was to be forgotten.
    type Outcome = bool;

    async fn attempt(&self, unit: &mut Unit) -> Result<bool, DirectoryError> {
        let user = unit.load_user(self.0).await?;
        let mut credential = unit.find_credential(&user).await?;
        if credential.failures == 0 && credential.locked_until.is_none() {
            return Ok(false);
        }
        credential.unlock();
        unit.put_credential(&credential);
        unit.event(EventKind::SignInUnlocked, user.id, json!({}));
        Ok(true)
    }
}

/// Notes a sign-in that the product did itself, by single sign-on (A4): the first one makes the person active.
pub struct ReportSignIn(
    /// Whose.
    pub UserId,
);

#[async_trait::async_trait]
impl Operation for ReportSignIn {
    type Outcome = User;

    async fn attempt(&self, unit: &mut Unit) -> Result<User, DirectoryError> {
        let before = unit.load_user(self.0).await?;
        if !before.is_active() {
            return Err(DirectoryError::invalid(
                "user",
                "is suspended: the product must let nobody in who is",
            ));
        }
        let mut credential = unit.find_credential(&before).await?;
        let last = credential.last_sign_in;
        if last.is_none_or(|last| (unit.now() - last).num_seconds() >= REPORT_EVERY_S) {
            credential.last_sign_in = Some(unit.now());
            unit.put_credential(&credential);
        }
        let mut after = before.clone();
        // A4: with single sign-on, the link stands for the password.
        after.facts.sso_linked_at = after.facts.sso_linked_at.or_else(|| Some(unit.now()));
        after.facts.activated_at = after.facts.activated_at.or_else(|| Some(unit.now()));
        unit.update_user(&before, after).await
    }
}

impl Directory {
    /// Signs somebody in.
    ///
    /// # Errors
    /// [`DirectoryError::Unauthenticated`], whatever is wrong; [`DirectoryError::SeatsExhausted`] when a first sign-in takes a
    /// seat and none is free; as the store's commit.
    pub async fn sign_in(&self, shown: &SignIn<'_>) -> Result<SignedIn, DirectoryError> {
        let named = shown.organisation.parse::<Slug>().ok();
        let settings = match &named {
            Some(slug) => self.find_organisation(slug).await?,
            None => None,
        };
        // Nobody's organisation has nobody in it, and that takes as long.
        let organisation = settings
            .as_ref()
            .map_or(keys::GATEWAY, |settings| settings.organisation.id);
        let folded = fold(shown.login);
        for _ in 0..ROUNDS {
            let known = match &settings {
                Some(_) => self.find_by_login(organisation, shown.login).await?,
                None => None,
            };
            let compared = self.compare(organisation, known.as_ref(), shown.password).await?;
            let judge = Judge {
                folded: &folded,
                compared: &compared,
                code: shown.code,
                key: &self.sealing,
            };
            let permit = Permit::own_account(organisation, None, None);
            let judged = self.run(&permit, &judge).await?;
            if matches!(judged, Judged::Changed) {
                continue;
            }
            note(settings.as_deref(), judged.outcome());
            return match (judged, settings) {
                (Judged::Session(session), Some(settings)) => Ok(self.signed_in(&settings, *session)),
                (Judged::CodeNeeded, _) => Ok(SignedIn::CodeNeeded),
                _ => Err(DirectoryError::Unauthenticated),
            };
        }
        Err(contended(organisation))
    }

    fn signed_in(
        &self,
        settings: &OrganisationSettings,
        (issued, user, credential): (IssuedSession, User, Credential),
    ) -> SignedIn {
        SignedIn::Session {
            duties: duties(settings, &user, &credential, self.clock.now()),
            ends: issued.session.ends(&settings.organisation.password_policy.session),
            issued: Box::new(issued),
        }
    }

    /// The user whom a login id means, of any kind that the organisation allows.
    pub(super) async fn find_by_login(
        &self,
        organisation: OrganisationId,
        login: &str,
    ) -> Result<Option<User>, DirectoryError> {
        let found = self.find_login(organisation, login).await?;
        Ok(found.map(|(user, _)| user))
    }
}

/// Counts a sign-in for `/metrics`; never whose.
fn note(settings: Option<&OrganisationSettings>, outcome: &'static str) {
    let organisation = settings.map_or_else(String::new, |settings| settings.organisation.slug.to_string());
    metrics::counter!("usher_sign_ins_total", "organisation" => organisation, "outcome" => outcome).increment(1);
}
