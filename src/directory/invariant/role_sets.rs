//! Of the roles of one set a person holds one at most.

use std::collections::BTreeMap;

use async_trait::async_trait;

use crate::directory::DirectoryError;
use crate::directory::keys::{self, Table};
use crate::directory::verify::Report;
use crate::model::role::Role;
use crate::model::slug::Slug;
use crate::model::user::User;
use crate::store::{Key, Versioned};

use super::{Invariant, View, readable};

/// The invariant.
pub struct RoleSets;

#[async_trait]
impl Invariant for RoleSets {
    fn name(&self) -> &'static str {
        "role sets"
    }

    async fn verify(&self, view: &View<'_>, report: &mut Report) -> Result<(), DirectoryError> {
        if !has_sets(view, report).await? {
            return Ok(());
        }
        let organisation = view.organisation;
        let roles = |_: &Key, stored: &Versioned| {
            let user = readable::<User>(Some(stored));
            let roles = user.into_iter().flat_map(|user| user.roles.into_keys());
            roles
                .map(|role| keys::named(organisation, Table::Role, &role))
                .collect()
        };
        let mut pages = view.under(&keys::table(organisation, Table::User));
        while let Some(entries) = pages.next(report).await? {
            for entry in view.together(entries, roles).await? {
                let held = entry
                    .others
                    .iter()
                    .filter_map(|stored| readable::<Role>(stored.as_ref()));
                if let Some((one, other)) = two_of_a_set(held) {
                    let what = format!("holds {one} and {other}, of which nobody holds both");
                    view.broken(report, self.name(), &entry.key, what).await;
                }
            }
        }
        Ok(())
    }
}

async fn has_sets(view: &View<'_>, report: &Report) -> Result<bool, DirectoryError> {
    let mut pages = view.under(&keys::table(view.organisation, Table::Role));
    while let Some(entries) = pages.next(report).await? {
        let mut roles = entries.iter().filter_map(|(_, stored)| readable::<Role>(Some(stored)));
        if roles.any(|role| role.one_of.is_some()) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn two_of_a_set(held: impl Iterator<Item = Role>) -> Option<(Slug, Slug)> {
    let mut seen: BTreeMap<Slug, Slug> = BTreeMap::new();
    for role in held {
        let Some(set) = role.one_of else { continue };
        if let Some(other) = seen.insert(set, role.key.clone()) {
            return Some((other, role.key));
        }
    }
    None
}
