//! Profiles: what one kind of product needs of an organisation, as data (`config/profiles/`, `seeds.md` section 2.3).
//!
//! A profile is an organisation file without a slug. An organisation file names one with `profile = "..."` under
//! `[organisation]`; whatever the file declares itself stands in place of the profile's part of the same name.

use crate::model::declaration::{Declaration, DeclaredOrganisation};

/// A profile that comes with the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Profile {
    /// The name in organisation files.
    pub name: &'static str,
    /// The file.
    pub text: &'static str,
}

/// Every profile, in the order of their names.
pub const PROFILES: [Profile; 5] = [
    Profile {
        name: "24sessions",
        text: include_str!("../../config/profiles/24sessions.toml"),
    },
    Profile {
        name: "convirza",
        text: include_str!("../../config/profiles/convirza.toml"),
    },
    Profile {
        name: "default",
        text: include_str!("../../config/profiles/default.toml"),
    },
    Profile {
        name: "lynes",
        text: include_str!("../../config/profiles/lynes.toml"),
    },
    Profile {
        name: "vsight",
        text: include_str!("../../config/profiles/vsight.toml"),
    },
];

impl Profile {
    /// The profile of this name, if there is one.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        PROFILES.into_iter().find(|profile| profile.name == name)
    }

    /// The first line of the file's own words: what it is for.
    #[must_use]
    pub fn summary(&self) -> &'static str {
        self.text
            .lines()
            .next()
            .unwrap_or_default()
            .trim_start_matches(['#', ' '])
    }
}

/// The names of all profiles, for messages.
#[must_use]
pub fn names() -> String {
    PROFILES.map(|profile| format!("{:?}", profile.name)).join(", ")
}

/// A profile with a file laid over it. Parts are told apart by their names; a part of the file replaces the profile's as a whole,
/// a setting of the organisation by itself.
#[must_use]
pub fn lay_over(profile: Declaration, file: Declaration) -> Declaration {
    // Taken apart without a rest, so that a new section cannot be forgotten here.
    let Declaration {
        organisation,
        permissions,
        default_permissions,
        roles,
        licences,
        cost_centres,
        connections,
        authority,
        user_attributes,
        group_attributes,
        templates,
        resource_types,
    } = file;
    Declaration {
        organisation: organisation_over(profile.organisation, organisation),
        permissions: over(profile.permissions, permissions, |permission| permission.key.clone()),
        default_permissions: default_permissions.or(profile.default_permissions),
        roles: over(profile.roles, roles, |role| role.key.clone()),
        licences: over(profile.licences, licences, |licence| licence.key.clone()),
        cost_centres: over(profile.cost_centres, cost_centres, |centre| centre.key.clone()),
        connections: over(profile.connections, connections, |connection| connection.name.clone()),
        authority: authority.or(profile.authority),
        user_attributes: over(profile.user_attributes, user_attributes, |attribute| {
            attribute.name.clone()
        }),
        group_attributes: over(profile.group_attributes, group_attributes, |attribute| {
            attribute.name.clone()
        }),
        templates: over(profile.templates, templates, |template| {
            (template.name, template.language.clone())
        }),
        resource_types: over(profile.resource_types, resource_types, |type_| type_.key.clone()),
    }
}

fn organisation_over(profile: DeclaredOrganisation, file: DeclaredOrganisation) -> DeclaredOrganisation {
    let DeclaredOrganisation {
        slug,
        profile: name,
        name: display,
        invitation_hours,
        verified_domains,
        local_changes,
        audit_days,
        login,
        guest_url,
        invite_new_users,
        name_required,
        role_required,
        defaults,
        groups,
        password_policy,
        features,
        page_size,
    } = file;
    DeclaredOrganisation {
        slug,
        profile: name,
        name: display.or(profile.name),
        invitation_hours: invitation_hours.or(profile.invitation_hours),
        verified_domains: verified_domains.or(profile.verified_domains),
        local_changes: local_changes.or(profile.local_changes),
        audit_days: audit_days.or(profile.audit_days),
        login: login.or(profile.login),
        guest_url: guest_url.or(profile.guest_url),
        invite_new_users: invite_new_users.or(profile.invite_new_users),
        name_required: name_required.or(profile.name_required),
        role_required: role_required.or(profile.role_required),
        defaults: defaults.or(profile.defaults),
        groups: groups.or(profile.groups),
        password_policy: password_policy.or(profile.password_policy),
        features: features.or(profile.features),
        page_size: page_size.or(profile.page_size),
    }
}

/// The profile's items, those that the file has too replaced, and then the file's others.
fn over<T, K: PartialEq>(profile: Vec<T>, file: Vec<T>, key: impl Fn(&T) -> K) -> Vec<T> {
    let is_replaced = |item: &T| file.iter().any(|own| key(own) == key(item));
    let mut items: Vec<T> = profile.into_iter().filter(|item| !is_replaced(item)).collect();
    items.extend(file);
    items
}
