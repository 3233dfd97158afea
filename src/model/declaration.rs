//! What an organisation file declares: the settings of one organisation as they are to be.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::authority::Authority;
use super::connection::Connection;
use super::cost_centre::CostCentre;
use super::custom_attribute::{Bearer, CustomAttribute};
use super::effective::DefaultGrants;
use super::group::GroupPolicy;
use super::licence::Licence;
use super::locale::Defaults;
use super::login::LoginSettings;
use super::mail::template::MailTemplate;
use super::organisation::LocalChanges;
use super::password_policy::PasswordPolicy;
use super::permission::definition::Definition;
use super::resource::ResourceType;
use super::role::Role;
use super::slug::Slug;

/// A declared organisation. What it does not name stays as it is: nothing is removed by leaving it out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Declaration {
    /// The organisation itself.
    pub organisation: DeclaredOrganisation,
    /// Its permissions.
    #[serde(default)]
    pub permissions: Vec<Definition>,
    /// What everyone and every guest may do.
    #[serde(default)]
    pub default_permissions: Option<DefaultGrants>,
    /// Its roles.
    #[serde(default)]
    pub roles: Vec<Role>,
    /// Its licences.
    #[serde(default)]
    pub licences: Vec<Licence>,
    /// Who pays for seats.
    #[serde(default)]
    pub cost_centres: Vec<CostCentre>,
    /// Its connections.
    #[serde(default)]
    pub connections: Vec<Connection>,
    /// Whose value of an attribute counts; given as a whole.
    #[serde(default)]
    pub authority: Option<Authority>,
    /// Its own attributes of users.
    #[serde(default)]
    pub user_attributes: Vec<CustomAttribute>,
    /// Its own attributes of groups.
    #[serde(default)]
    pub group_attributes: Vec<CustomAttribute>,
    /// Its own wording of mails.
    #[serde(default)]
    pub templates: Vec<MailTemplate>,
    /// Its types of resources.
    #[serde(default)]
    pub resource_types: Vec<ResourceType>,
}

impl Declaration {
    /// The declared attributes of a resource type.
    #[must_use]
    pub fn attributes(&self, bearer: Bearer) -> &[CustomAttribute] {
        match bearer {
            Bearer::User => &self.user_attributes,
            Bearer::Group => &self.group_attributes,
        }
    }
}

/// The organisation's own settings; those that are left out stay as they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeclaredOrganisation {
    /// Which organisation; it is made when it does not exist.
    pub slug: Slug,
    /// The profile that the file is laid over: what it declares counts where the file says nothing.
    #[serde(default)]
    pub profile: Option<Slug>,
    /// Its name for people.
    #[serde(default)]
    pub name: Option<String>,
    /// How long an invitation is good for, in hours.
    #[serde(default)]
    pub invitation_hours: Option<u32>,
    /// E-mail domains that the organisation has shown to own.
    #[serde(default)]
    pub verified_domains: Option<Vec<String>>,
    /// Whether administrators may change what connections manage.
    #[serde(default)]
    pub local_changes: Option<LocalChanges>,
    /// How long the audit log is kept, in days.
    #[serde(default)]
    pub audit_days: Option<u32>,
    /// What groups it may have: a table `[organisation.groups]`; what the table leaves out has its default value.
    #[serde(default)]
    pub groups: Option<GroupPolicy>,
    /// What it asks of passwords, as a whole: what the table leaves out has its default.
    #[serde(default)]
    pub password_policy: Option<PasswordPolicy>,
    /// What people sign in by; given as a whole.
    #[serde(default)]
    pub login: Option<LoginSettings>,
    /// The product's page for guests: `https://meet.example.com/guest?key={secret}`.
    #[serde(default)]
    pub guest_url: Option<String>,
    /// Whether whoever an administrator makes is invited at once when the request says nothing of it.
    #[serde(default)]
    pub invite_new_users: Option<bool>,
    /// Whether everyone must have a real name.
    #[serde(default)]
    pub name_required: Option<bool>,
    /// Whether whoever is made must have a role from the start.
    #[serde(default)]
    pub role_required: Option<bool>,
    /// Language, time zone and country prefix of whoever has none; given as a whole.
    #[serde(default)]
    pub defaults: Option<Defaults>,
    /// Its plan and its add-ons.
    #[serde(default)]
    pub features: Option<BTreeSet<Slug>>,
    /// Items that a page of a list has when nobody says how many: 1 to 1000.
    #[serde(default)]
    pub page_size: Option<u16>,
}
