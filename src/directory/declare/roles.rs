//! The roles and licences of a declaration, which may name each other.

use std::collections::BTreeSet;

use crate::directory::keys::{self, Table};
use crate::directory::licence::PutLicence;
use crate::directory::role::PutRole;
use crate::directory::{DirectoryError, Operation, Unit};
use crate::model::licence::{Licence, WhenFull};
use crate::model::role::Role;
use crate::model::slug::Slug;

use super::{Declare, Rehearsal, in_order, lay_part, note, refuse};

impl Declare<'_> {
    /// Roles that need no licence, licences, and the roles that need one.
    pub(super) async fn lay_roles(&self, unit: &mut Unit, shown: &mut Rehearsal) -> Result<(), DirectoryError> {
        let needing = needing_a_licence(&self.0.roles);
        let (needing, free): (Vec<Role>, Vec<Role>) = self
            .0
            .roles
            .iter()
            .cloned()
            .partition(|role| needing.contains(&role.key));
        lay_some_roles(unit, shown, &free, &BTreeSet::new()).await?;
        let bare = name_roles(unit, &needing, &self.0.licences).await?;
        for licence in in_order(&self.0.licences, |licence| &licence.key, falls_back_to) {
            let key = keys::named(unit.organisation(), Table::Licence, &licence.key);
            let part = PutLicence(licence.clone());
            lay_part::<Licence>(unit, shown, format!("licences.{}", licence.key), &key, &part).await?;
        }
        lay_some_roles(unit, shown, &needing, &bare).await?;
        for permission in &self.0.permissions {
            if let Err(error) = unit.refuse_unfit_roles(&permission.key).await {
                refuse(shown, format!("permissions.{}", permission.key), error)?;
            }
        }
        Ok(())
    }
}

/// Roles in the order of what they include. `bare` are those of which there is no more than the name so far.
async fn lay_some_roles(
    unit: &mut Unit,
    shown: &mut Rehearsal,
    roles: &[Role],
    bare: &BTreeSet<Slug>,
) -> Result<(), DirectoryError> {
    for role in in_order(roles, |role| &role.key, |role| role.includes.iter().collect()) {
        let key = keys::named(unit.organisation(), Table::Role, &role.key);
        let place = format!("roles.{}", role.key);
        let part = PutRole(kept_links(unit, role).await?);
        if bare.contains(&role.key) {
            let result = part.attempt(unit).await.map(drop);
            note::<Role>(unit, shown, place, &key, None, result).await?;
        } else {
            lay_part::<Role>(unit, shown, place, &key, &part).await?;
        }
    }
    Ok(())
}

/// A role and a licence may name each other: the roles that a licence is for have their names before it. Answers those that were
/// not there.
async fn name_roles(unit: &mut Unit, needing: &[Role], licences: &[Licence]) -> Result<BTreeSet<Slug>, DirectoryError> {
    let mut bare = BTreeSet::new();
    for role in needing {
        let is_named = licences
            .iter()
            .any(|licence| licence.required_for_roles.contains(&role.key));
        if is_named && unit.find_role(&role.key).await?.is_none() {
            let key = keys::named(unit.organisation(), Table::Role, &role.key);
            unit.put(key, &Role::new(role.key.clone(), role.name.clone()));
            bare.insert(role.key.clone());
        }
    }
    Ok(bare)
}

/// The roles that need a licence, and those that include one of them.
fn needing_a_licence(roles: &[Role]) -> BTreeSet<Slug> {
    let mut needing = BTreeSet::new();
    loop {
        let before = needing.len();
        for role in roles {
            if role.requires_licence.is_some() || role.includes.iter().any(|other| needing.contains(other)) {
                needing.insert(role.key.clone());
            }
        }
        if needing.len() == before {
            return needing;
        }
    }
}

/// A declared role with the links that administrators made, when the file names none: groups are data, not settings.
async fn kept_links(unit: &mut Unit, role: &Role) -> Result<Role, DirectoryError> {
    let mut role = role.clone();
    if role.linked_groups.is_empty()
        && let Some(present) = unit.find_role(&role.key).await?
    {
        role.linked_groups = present.linked_groups;
    }
    Ok(role)
}

fn falls_back_to(licence: &Licence) -> Vec<&Slug> {
    match &licence.when_full {
        WhenFull::Fallback(other) => vec![other],
        WhenFull::Refuse | WhenFull::Wait | WhenFull::Overage(_) => Vec::new(),
    }
}
