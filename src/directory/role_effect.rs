//! What giving a role to a user, or taking it, would change: told before it is done (S000-19).

use std::collections::BTreeSet;

use serde::Serialize;

use crate::model::effective::{Effective, Place};
use crate::model::id::{GroupId, OrganisationId};
use crate::model::origin::Origin;
use crate::model::role::Role;
use crate::model::slug::Slug;
use crate::model::user::User;

use super::role_set::others_of_set;
use super::{Directory, DirectoryError};

/// An action at a place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Ability {
    /// The action.
    pub action: Slug,
    /// Where it counts.
    pub place: Place,
}

/// What a change of one role would mean for one user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RoleEffect {
    /// Whether the user was given the role by an administrator: then taking it is judged, and giving it otherwise.
    pub held: bool,
    /// What the user could do that the user cannot do now.
    pub gained: BTreeSet<Ability>,
    /// What the user could not do any more.
    pub lost: BTreeSet<Ability>,
    /// Whether the user would administer the organisation.
    pub administers: bool,
    /// Groups whose membership comes with the role: they would be joined, or left by whoever has no other reason to be there.
    pub groups: BTreeSet<GroupId>,
    /// Roles of the same set that the user holds: it is given in the place of those, or not at all.
    pub in_place_of: BTreeSet<Slug>,
}

impl Directory {
    /// What a change of a role would mean for a user. Nothing is changed. What the role's groups give in their turn is not
    /// followed.
    ///
    /// # Errors
    /// As the store's read.
    pub async fn role_effect(
        &self,
        organisation: OrganisationId,
        user: &User,
        role: &Role,
    ) -> Result<RoleEffect, DirectoryError> {
        let mut changed = user.clone();
        let settings = self.load_organisation(organisation).await?;
        let in_place_of = others_of_set(user, role, |key| settings.roles.get(key));
        changed.roles.retain(|key, _| !in_place_of.contains(key));
        let origins = changed.roles.entry(role.key.clone()).or_default();
        let held = origins.remove(&Origin::Direct);
        if !held {
            origins.insert(Origin::Direct);
        }
        if origins.is_empty() {
            changed.roles.remove(&role.key);
        }
        let before = self.effective_of(organisation, user).await?;
        let after = self.effective_of(organisation, &changed).await?;
        let (old, new) = (abilities(&before), abilities(&after));
        Ok(RoleEffect {
            held,
            gained: new.difference(&old).cloned().collect(),
            lost: old.difference(&new).cloned().collect(),
            administers: after.administers,
            groups: role.linked_groups.clone(),
            in_place_of,
        })
    }
}

/// What somebody can do now: what sleeps is left out.
fn abilities(effective: &Effective) -> BTreeSet<Ability> {
    let awake = effective.rights.iter().filter(|right| right.asleep.is_empty());
    awake
        .map(|right| Ability {
            action: right.action.clone(),
            place: right.place,
        })
        .collect()
}
