//! What somebody new is given in the request that makes the person: groups, roles, licences, resources, an invitation (S000-4,
//! S000-6, S001-29, S002-3). All of it is one commit: what is refused is named, and then nothing is there.

use std::collections::BTreeSet;

use serde_json::Map;

use crate::directory::authorise::Authority;
use crate::directory::group_members::AddMembers;
use crate::directory::resource_assign::AssignResource;
use crate::directory::{DirectoryError, Operation as _, Unit};
use crate::model::effective::Target;
use crate::model::id::UserId;
use crate::model::membership::Member;
use crate::model::origin::Origin;
use crate::model::slug::Slug;
use crate::model::user::User;

use super::administer::NewUser;

/// Things of one kind that one newcomer is given at most.
const PARTS_MAX: usize = 100;

/// Whether the acting person may make somebody who is given all this: each part needs the right that its own request needs, where
/// the newcomer is going to be. Whoever may create in some groups only makes people in those (S001-24).
///
/// # Errors
/// [`DirectoryError::Denied`]; [`DirectoryError::InvalidValue`] for too much at once; as [`Unit::find`].
pub(super) async fn may_bring(unit: &mut Unit, new: &NewUser) -> Result<(), DirectoryError> {
    let counts = [
        ("groups", new.groups.len()),
        ("roles", new.roles.len()),
        ("licences", new.licences.len()),
        ("resources", new.resources.len()),
    ];
    if let Some((part, count)) = counts.into_iter().find(|(_, count)| *count > PARTS_MAX) {
        let reason =
            format!("{count} are too many, at most {PARTS_MAX} come with a new user: give the others afterwards");
        return Err(DirectoryError::invalid(part, reason));
    }
    if !matches!(unit.authority(), Authority::Person(_)) {
        return Ok(());
    }
    let mut target = Target::default();
    for group in &new.groups {
        let own = unit.target_group(*group).await?;
        unit.demand("group.members", &own)?;
        target.groups.extend(own.groups);
        target.above.extend(own.above);
    }
    if let Some(home) = new.home_group {
        let own = unit.target_group(home).await?;
        unit.demand("user.create", &own)?;
        target.groups.extend(own.groups);
        target.above.extend(own.above);
    }
    let needed = [
        ("user.create", true),
        ("user.invite", new.invite),
        ("user.password", new.password.is_some()),
        ("role.assign", !new.roles.is_empty()),
        ("licence.assign", !new.licences.is_empty()),
        ("resource.manage", !new.resources.is_empty()),
    ];
    for (action, _) in needed.into_iter().filter(|(_, is_needed)| *is_needed) {
        // A resource is assigned in the whole organisation, whoever has it.
        let place = if action == "resource.manage" {
            Target::organisation()
        } else {
            target.clone()
        };
        unit.demand(action, &place)?;
    }
    Ok(())
}

/// Puts roles on the record of somebody new, before it is written.
///
/// # Errors
/// As [`Unit::assignable_role`], with the part of the request.
pub(super) async fn give_roles(unit: &mut Unit, user: &mut User, roles: &[Slug]) -> Result<(), DirectoryError> {
    for key in roles {
        let role = unit.assignable_role(key).await.map_err(|error| part("roles", error))?;
        user.roles.entry(role.key).or_default().insert(Origin::Direct);
    }
    Ok(())
}

/// Puts somebody new into groups and assigns resources. Answers whether there was anything to do.
///
/// # Errors
/// As [`AddMembers`] and [`AssignResource`], with the part of the request.
pub(super) async fn settle(unit: &mut Unit, user: UserId, new: &NewUser) -> Result<bool, DirectoryError> {
    for group in new.groups.iter().collect::<BTreeSet<_>>() {
        let add = AddMembers {
            group: *group,
            members: vec![Member::User(user)],
        };
        add.attempt(unit).await.map_err(|error| part("groups", error))?;
    }
    for resource in new.resources.iter().collect::<BTreeSet<_>>() {
        let assign = AssignResource {
            resource: *resource,
            subjects: vec![Member::User(user)],
            attributes: Map::new(),
        };
        assign.attempt(unit).await.map_err(|error| part("resources", error))?;
    }
    Ok(!new.groups.is_empty() || !new.resources.is_empty())
}

/// What is not there is a fault of the request, and not of its address.
fn part(part: &'static str, error: DirectoryError) -> DirectoryError {
    match error {
        DirectoryError::NotFound { .. } => DirectoryError::invalid(part, error.to_string()),
        other => other,
    }
}
