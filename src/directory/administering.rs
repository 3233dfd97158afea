//! Who administers an organisation.

use std::collections::BTreeSet;

use crate::model::slug::Slug;

use super::settings::OrganisationSettings;

/// Whether one of these roles administers the organisation, itself or by what it includes.
#[must_use]
pub fn administers<'a>(organisation: &OrganisationSettings, roles: impl Iterator<Item = &'a Slug>) -> bool {
    let mut pending: Vec<&Slug> = roles.collect();
    let mut seen: BTreeSet<&Slug> = BTreeSet::new();
    while let Some(key) = pending.pop() {
        let Some(role) = organisation.roles.get(key).filter(|_| seen.insert(key)) else {
            continue;
        };
        if role.administers {
            return true;
        }
        pending.extend(role.includes.iter());
    }
    false
}
