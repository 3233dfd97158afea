//! How many people a policy would touch, before it is put in place (S002-24..27: "shows how many users fail").

use serde::Serialize;

use crate::directory::administering::administers;
use crate::directory::credential::earlier;
use crate::directory::keys::credential as keys;
use crate::directory::settings::OrganisationSettings;
use crate::directory::{Directory, DirectoryError};
use crate::model::clock::Timestamp;
use crate::model::credential::Credential;
use crate::model::id::{OrganisationId, UserId};
use crate::model::password_policy::{Mfa, PasswordPolicy};
use crate::model::record;
use crate::model::user::User;

/// People read in one round trip.
const CHUNK: usize = 500;

/// How many people a policy touches. A stored password cannot be judged again: one that was set under a weaker policy, or
/// before there was one, may or may not meet the criteria, and is counted as unknown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct PolicyImpact {
    /// People in all.
    pub people: u64,
    /// Of those, without a password.
    pub without_password: u64,
    /// With a password that certainly meets the criteria.
    pub meets: u64,
    /// With a password of which nobody can tell.
    pub unknown: u64,
    /// With a password that is older than the policy allows: it must be changed at the next sign-in.
    pub too_old: u64,
    /// Who must change their password at the next sign-in for whatever reason, age among them.
    pub must_change: u64,
    /// Who must set up a second factor at the next sign-in.
    pub without_second_factor: u64,
}

impl Directory {
    /// What a policy would mean for the people who are there.
    ///
    /// # Errors
    /// As the store's read.
    pub async fn policy_impact(
        &self,
        organisation: OrganisationId,
        policy: &PasswordPolicy,
    ) -> Result<PolicyImpact, DirectoryError> {
        let settings = self.load_organisation(organisation).await?;
        let now = self.clock.now();
        let mut impact = PolicyImpact::default();
        let mut after: Option<UserId> = None;
        loop {
            let users = self.browse_users(organisation, after, CHUNK).await?;
            let wanted = users.iter().map(|user| keys::credential(organisation, user.id));
            let found = self.store.get_many(wanted.collect()).await?;
            for (user, stored) in users.iter().zip(found) {
                let stored = stored
                    .map(|stored| record::decode::<Credential>(&stored.value))
                    .transpose()?;
                let credential = stored.unwrap_or_else(|| earlier(user));
                impact.count(policy, &settings, user, &credential, now);
            }
            after = users.last().map(|user| user.id);
            if users.len() < CHUNK {
                return Ok(impact);
            }
        }
    }
}

impl PolicyImpact {
    fn count(
        &mut self,
        policy: &PasswordPolicy,
        settings: &OrganisationSettings,
        user: &User,
        credential: &Credential,
        now: Timestamp,
    ) {
        self.people += 1;
        if credential.hash.is_none() {
            self.without_password += 1;
            return;
        }
        match credential.strength {
            Some(strength) if strength.covers(&policy.strength()) => self.meets += 1,
            _ => self.unknown += 1,
        }
        let is_too_old = credential.set_at.is_some_and(|set_at| policy.is_too_old(set_at, now));
        self.too_old += u64::from(is_too_old);
        self.must_change += u64::from(credential.must_change_now(policy, now));
        let needs_factor = needs_second_factor(policy, settings, user) && credential.confirmed_factor().is_none();
        self.without_second_factor += u64::from(needs_factor);
    }
}

/// Whether the policy asks this person for a second factor (S002-27).
#[must_use]
pub fn needs_second_factor(policy: &PasswordPolicy, settings: &OrganisationSettings, user: &User) -> bool {
    match policy.mfa {
        Mfa::Off => false,
        Mfa::Administrators => administers(settings, user.roles.keys()),
        Mfa::All => true,
    }
}
