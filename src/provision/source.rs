//! From a connection's settings to the reading layer's: the glue between `model::connection` and [`crate::ldap`].

use std::path::{Path, PathBuf};
use std::time::Duration;

use thiserror::Error;

use crate::ldap::account::ACCOUNT_ATTRIBUTES;
use crate::ldap::dn::DnError;
use crate::ldap::filter::FilterError;
use crate::ldap::secret::SecretError;
use crate::ldap::settings::SettingsError;
use crate::ldap::url::UrlError;
use crate::ldap::{AttributeValue, Dn, Entry, Filter, LdapSettings, Query, Scope, Secret, StableIdKind};
use crate::model::connection::{LdapScope, LdapSearch, LdapSource};

use super::mapping::{Mapping, SourceAttributes};

/// The attributes that name a group, the first that has a value counts.
pub(super) const GROUP_NAMES: [&str; 3] = ["cn", "displayname", "samaccountname"];

/// Why a directory's settings cannot be used. Nothing was sent.
#[derive(Debug, Error)]
pub enum SourceError {
    /// A URL is no directory's.
    #[error("ldap.urls: {0}")]
    Url(#[from] UrlError),
    /// Neither place for the password is named, or both are.
    #[error("ldap: set exactly one of bind_password_file and bind_password_env")]
    PasswordPlace,
    /// The password cannot be had.
    #[error("ldap: {0}")]
    Secret(#[from] SecretError),
    /// A base is no DN.
    #[error("ldap.{place}.base: {error}")]
    Base {
        /// `users` or `groups`.
        place: &'static str,
        /// What is wrong.
        error: DnError,
    },
    /// A filter is none.
    #[error("ldap.{place}.filter: {error}")]
    Filter {
        /// `users` or `groups`.
        place: &'static str,
        /// What is wrong.
        error: FilterError,
    },
    /// An attribute that identifies nothing.
    #[error("ldap.stable_id: {name:?} is not known; use entryUUID, objectGUID or nsUniqueId, or leave it out")]
    StableId {
        /// What was given.
        name: String,
    },
    /// An attribute that no server can have, of which nothing would ever come.
    #[error("ldap.member_attributes: {name:?} is not the name of an attribute; use letters, digits and hyphens")]
    MemberAttribute {
        /// What was given.
        name: String,
    },
    /// Groups are read, and nothing says who is in them.
    #[error("ldap.member_attributes: is empty, so every group would lose its members; leave it out for the usual ones")]
    NoMemberAttribute,
    /// The numbers make no sense, or the password would travel readable.
    #[error("ldap.{0}")]
    Settings(#[from] SettingsError),
}

/// Everything that can be checked without the password and without the network.
///
/// # Errors
/// [`SourceError`] names the setting.
pub fn check(source: &LdapSource) -> Result<(), SourceError> {
    if source.bind_password_file.is_some() == source.bind_password_env.is_some() {
        return Err(SourceError::PasswordPlace);
    }
    stable_id(source)?;
    search(&source.users, "users")?;
    source
        .groups
        .as_ref()
        .map_or(Ok(()), |groups| search(groups, "groups").map(|_| ()))?;
    member_attributes(source)?;
    // A password stands in, because what is checked here does not depend on it.
    with_password(source, Secret::literal("unknown"))?.validate()?;
    Ok(())
}

fn member_attributes(source: &LdapSource) -> Result<(), SourceError> {
    if source.groups.is_some() && source.member_attributes.is_empty() {
        return Err(SourceError::NoMemberAttribute);
    }
    // RFC 4512 section 1.4, keystring; options would never match the names that come.
    let is_name = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    };
    let mut names = source.member_attributes.iter();
    match names.find(|name| !is_name(name)) {
        Some(name) => Err(SourceError::MemberAttribute { name: name.clone() }),
        None => Ok(()),
    }
}

/// The settings for a connection to the directory, its password read now.
///
/// # Errors
/// [`SourceError`] names the setting.
pub fn settings(source: &LdapSource) -> Result<LdapSettings, SourceError> {
    let password = match (&source.bind_password_file, &source.bind_password_env) {
        (Some(file), None) => Secret::from_file(Path::new(file))?,
        (None, Some(name)) => Secret::from_environment(name)?,
        (None, None) | (Some(_), Some(_)) => return Err(SourceError::PasswordPlace),
    };
    let settings = with_password(source, password)?;
    settings.validate()?;
    Ok(settings)
}

fn with_password(source: &LdapSource, password: Secret) -> Result<LdapSettings, SourceError> {
    let urls = source.urls.iter().map(|url| url.parse());
    let urls = urls.collect::<Result<Vec<_>, UrlError>>()?;
    let mut settings = LdapSettings::new(urls, source.bind_dn.clone(), password);
    settings.start_tls = source.start_tls;
    settings.allow_plain = source.allow_plain;
    settings.ca_file = source.ca_file.as_ref().map(PathBuf::from);
    settings.page_size = source.page_size;
    settings.changes_max = source.changes_max;
    settings.entry_timeout = Duration::from_secs(source.entry_timeout_s);
    settings.run_timeout = Duration::from_secs(source.run_timeout_s);
    Ok(settings)
}

/// The lasting identifier that the settings name, if they name one.
///
/// # Errors
/// [`SourceError::StableId`].
pub fn stable_id(source: &LdapSource) -> Result<Option<StableIdKind>, SourceError> {
    let known = [
        StableIdKind::EntryUuid,
        StableIdKind::ObjectGuid,
        StableIdKind::NsUniqueId,
    ];
    let Some(name) = &source.stable_id else {
        return Ok(None);
    };
    let found = known
        .into_iter()
        .find(|kind| kind.attribute().eq_ignore_ascii_case(name.trim()));
    found
        .map(Some)
        .ok_or_else(|| SourceError::StableId { name: name.clone() })
}

/// The reading of people: what the rules read, and what tells whether an account is off. Nothing else crosses the network.
///
/// # Errors
/// [`SourceError::Base`], [`SourceError::Filter`].
pub fn users(source: &LdapSource, mapping: &Mapping, kind: StableIdKind) -> Result<Query, SourceError> {
    let mut attributes: Vec<String> = mapping.source_attributes().into_iter().collect();
    // For members by uid (RFC 2307) and by primary group (Active Directory).
    attributes.extend(["uid", "primaryGroupID"].map(str::to_owned));
    attributes.extend(ACCOUNT_ATTRIBUTES.map(str::to_owned));
    query(&source.users, "users", attributes, kind)
}

/// The reading of groups.
///
/// # Errors
/// As [`users`].
pub fn groups(source: &LdapSource, searched: &LdapSearch, kind: StableIdKind) -> Result<Query, SourceError> {
    let mut attributes = source.member_attributes.clone();
    attributes.extend(GROUP_NAMES.map(str::to_owned));
    attributes.push("objectSid".to_owned());
    query(searched, "groups", attributes, kind)
}

fn query(
    searched: &LdapSearch,
    place: &'static str,
    mut attributes: Vec<String>,
    stable_id: StableIdKind,
) -> Result<Query, SourceError> {
    attributes.sort_by_key(|name| name.to_ascii_lowercase());
    attributes.dedup_by(|one, other| one.eq_ignore_ascii_case(other));
    Ok(Query {
        base: searched.base.clone(),
        scope: match searched.scope {
            LdapScope::Subtree => Scope::WholeSubtree,
            LdapScope::One => Scope::SingleLevel,
        },
        filter: search(searched, place)?,
        attributes,
        stable_id,
    })
}

fn search(searched: &LdapSearch, place: &'static str) -> Result<Filter, SourceError> {
    Dn::parse(&searched.base).map_err(|error| SourceError::Base { place, error })?;
    Filter::parse(&searched.filter).map_err(|error| SourceError::Filter { place, error })
}

/// An entry as the mapping reads it.
#[must_use]
pub fn attributes(entry: &Entry) -> SourceAttributes {
    let mut attributes = SourceAttributes::default();
    for (name, values) in entry.attributes.iter() {
        for value in values {
            match value {
                AttributeValue::Text(text) => {
                    attributes.texts.entry(name.clone()).or_default().push(text.clone());
                }
                AttributeValue::Binary(bytes) => {
                    attributes.binaries.entry(name.clone()).or_default().push(bytes.clone());
                }
            }
        }
    }
    attributes
}

/// The last part of a security identifier (MS-DTYP section 2.4.2.2): what `primaryGroupID` names.
#[must_use]
pub fn relative_id(object_sid: &[u8]) -> Option<u32> {
    let last = object_sid.len().checked_sub(4).filter(|start| *start >= 8)?;
    Some(u32::from_le_bytes(object_sid[last..].try_into().ok()?))
}
