//! An organisation: a tenant, one customer. Everything else belongs to exactly one.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::authority::Authority;
use super::clock::Timestamp;
use super::group::GroupPolicy;
use super::id::OrganisationId;
use super::locale::Defaults;
use super::login::LoginSettings;
use super::password_policy::PasswordPolicy;
use super::record::Record;
use super::slug::Slug;

/// An organisation record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Organisation {
    /// Made by the server.
    pub id: OrganisationId,
    /// Its name in URLs; unique in the gateway.
    pub slug: Slug,
    /// Its name for people.
    pub name: String,
    /// How long an invitation is good for, in hours.
    #[serde(default = "invitation_hours")]
    pub invitation_hours: u32,
    /// E-mail domains that the organisation has shown to own, lower case: only there may people be matched by e-mail.
    #[serde(default)]
    pub verified_domains: Vec<String>,
    /// Whether administrators may change what connections manage.
    #[serde(default)]
    pub local_changes: LocalChanges,
    /// How long the audit log is kept, in days.
    #[serde(default = "audit_days")]
    pub audit_days: u32,
    /// What groups it may have.
    #[serde(default)]
    pub groups: GroupPolicy,
    /// What it asks of passwords, second factors and whoever signs in.
    #[serde(default)]
    pub password_policy: PasswordPolicy,
    /// What people sign in by.
    #[serde(default)]
    pub login: LoginSettings,
    /// What people get who have no language, time zone or country prefix of their own or of their home group.
    #[serde(default)]
    pub defaults: Defaults,
    /// The cost centre that pays for seats which are charged to no other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_cost_centre: Option<Slug>,
    /// The product's page for guests, with `{secret}` where the guest's secret goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guest_url: Option<String>,
    /// Whether whoever an administrator makes is invited in the same moment when the request says nothing of it (S003-21).
    #[serde(default)]
    pub invite_new_users: bool,
    /// Whether everyone must have a real name (S002-7).
    #[serde(default)]
    pub name_required: bool,
    /// Whether whoever is made must have a role from the start (S002-3).
    #[serde(default)]
    pub role_required: bool,
    /// Its plan and its add-ons: permissions that need one of them sleep without it (X02-5, S002-20).
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub features: BTreeSet<Slug>,
    /// Whose value of an attribute counts, where its connections' precedence is not to decide.
    #[serde(default, skip_serializing_if = "Authority::is_empty")]
    pub authority: Authority,
    /// Items that a page of a list has when nobody says how many; as the gateway is set up when missing (S004-15).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page_size: Option<u16>,
    /// When it was made.
    pub created: Timestamp,
}

/// Whether administrators may create, change or delete users, groups and memberships that a connection manages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LocalChanges {
    /// They may; the connection's next word on the same thing wins.
    #[default]
    Allowed,
    /// They may not: the identity provider is the only source (IPSIE AL1 s3.2.1).
    Refused,
}

const fn invitation_hours() -> u32 {
    7 * 24
}

const fn audit_days() -> u32 {
    365
}

impl Record for Organisation {
    const KIND: &'static str = "organisation";
}

impl Organisation {
    /// An organisation with default settings.
    #[must_use]
    pub fn new(id: OrganisationId, slug: Slug, name: String, created: Timestamp) -> Self {
        Self {
            id,
            slug,
            name,
            invitation_hours: invitation_hours(),
            verified_domains: Vec::new(),
            local_changes: LocalChanges::default(),
            audit_days: audit_days(),
            groups: GroupPolicy::default(),
            password_policy: PasswordPolicy::default(),
            login: LoginSettings::default(),
            defaults: Defaults::default(),
            default_cost_centre: None,
            guest_url: None,
            invite_new_users: false,
            name_required: false,
            role_required: false,
            features: BTreeSet::new(),
            authority: Authority::default(),
            page_size: None,
            created,
        }
    }

    /// The address of the product's page for guests that holds this secret; `None` without such a page.
    #[must_use]
    pub fn guest_link(&self, secret: &str) -> Option<String> {
        let page = self.guest_url.as_ref()?;
        Some(page.replace("{secret}", secret))
    }

    /// Whether somebody new is invited in the same moment: as was asked, else as the organisation says. Whoever gets a first
    /// password has no use for an invitation.
    #[must_use]
    pub fn invites(&self, asked: Option<bool>, has_password: bool) -> bool {
        asked.unwrap_or(self.invite_new_users && !has_password)
    }
}
