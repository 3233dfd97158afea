//! Seats that come and go with roles (X02-4): whoever is given a role with `takes_seat` has its licence by it, at every door. The
//! seat ledger then takes the seat, or refuses the role with the person.

use std::collections::BTreeMap;

use crate::model::origin::Origin;
use crate::model::role::{Role, Scope};
use crate::model::slug::Slug;
use crate::model::user::User;

use super::membership::claim_licence;
use super::{DirectoryError, Unit};

/// Brings what a user claims by roles in line with the roles that the user has. `taken` tells which licence comes with a role.
pub fn follow_roles(user: &mut User, taken: impl Fn(&Slug) -> Option<Slug>) {
    let due: BTreeMap<Slug, Slug> = user
        .roles
        .keys()
        .filter_map(|role| Some((role.clone(), taken(role)?)))
        .collect();
    // A claim without a reason is dropped by the seat ledger, which gives the seat back.
    for (licence, claim) in &mut user.licences {
        claim.origins.retain(|origin| match origin {
            Origin::Role(role) => due.get(role) == Some(licence),
            _ => true,
        });
    }
    for (role, licence) in due {
        claim_licence(user, &licence, Origin::Role(role));
    }
}

impl Unit {
    /// Brings what a user claims by roles in line with the roles, which are relied on.
    ///
    /// # Errors
    /// As [`Unit::find`].
    pub(super) async fn follow_seats(&mut self, user: &mut User) -> Result<(), DirectoryError> {
        let mut taken = BTreeMap::new();
        for key in user.roles.keys().cloned().collect::<Vec<_>>() {
            let role = self.find_role(&key).await?;
            if let Some(licence) = role.as_ref().and_then(Role::seat_taken) {
                taken.insert(key, licence.clone());
            }
        }
        follow_roles(user, |role| taken.get(role).cloned());
        Ok(())
    }
}

/// Judges what a role says of a seat that comes with it.
///
/// # Errors
/// [`DirectoryError::InvalidValue`] with the place.
pub(super) fn check(role: &Role) -> Result<(), DirectoryError> {
    let reason = match (role.takes_seat, &role.requires_licence, role.scope) {
        (true, None, _) => "names no licence: set requires_licence to the one whose seat it takes",
        (true, Some(_), Scope::Group) => "is for roles that are held in the whole organisation: leave it out",
        (true, Some(_), Scope::Global) | (false, ..) => return Ok(()),
    };
    Err(DirectoryError::invalid(
        format!("roles.{}.takes_seat", role.key),
        reason,
    ))
}
