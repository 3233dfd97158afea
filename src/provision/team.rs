//! Creating and changing a group on behalf of a connection.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::directory::membership::{Leaving, MemberChanges};
use crate::directory::{DirectoryError, Unit};
use crate::model::connection::UnknownMembers;
use crate::model::group::{Group, Kind};
use crate::model::id::GroupId;
use crate::model::membership::Member;
use crate::model::origin::Origin;

use super::person::Context;

/// A group as a connection presents it.
#[derive(Debug, Clone, PartialEq)]
pub struct Team {
    /// The connection's own identifier, if it has one.
    pub external_id: Option<String>,
    /// Its name.
    pub display_name: String,
    /// Every other attribute, canonical.
    pub attributes: Map<String, Value>,
}

/// One change of members, in the order in which the client asked for them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MemberStep {
    /// These come in.
    Add(Vec<Member>),
    /// These leave.
    Remove(Vec<Member>),
    /// Exactly these remain.
    Replace(Vec<Member>),
}

/// Makes a new group without members.
///
/// # Errors
/// [`DirectoryError::Uniqueness`]; as the store's read.
pub async fn create(unit: &mut Unit, context: Context<'_>, team: &Team) -> Result<Group, DirectoryError> {
    let now = unit.now();
    let link = team
        .external_id
        .iter()
        .map(|id| (context.connection.name.clone(), id.clone()));
    let group = Group {
        id: GroupId::new(unit.clock().uuid()),
        display_name: team.display_name.clone(),
        kind: Kind::default(),
        enabled: true,
        parent: None,
        attributes: team.attributes.clone(),
        external_ids: BTreeMap::from_iter(link),
        grants_roles: BTreeSet::new(),
        grants_licences: BTreeSet::new(),
        created: now,
        last_modified: now,
        revision: 0,
    };
    unit.create_group(group).await
}

/// Changes a group's record; its members are not touched.
///
/// # Errors
/// As [`create`].
pub async fn update(
    unit: &mut Unit,
    context: Context<'_>,
    before: &Group,
    team: &Team,
) -> Result<Group, DirectoryError> {
    let mut after = before.clone();
    after.display_name.clone_from(&team.display_name);
    after.attributes.clone_from(&team.attributes);
    match &team.external_id {
        Some(id) => after.external_ids.insert(context.connection.name.clone(), id.clone()),
        None => after.external_ids.remove(&context.connection.name),
    };
    unit.update_group(before, after).await
}

/// Applies changes of members. `unknown` are those that the caller could not even read as identifiers. A replacement or removal takes away this connection's reason only: who is in the group for
/// another reason stays, unless the connection owns memberships by policy.
///
/// # Errors
/// [`DirectoryError::InvalidValue`] for an unknown member where the connection refuses those; seats.
pub async fn change_members(
    unit: &mut Unit,
    context: Context<'_>,
    group: &Group,
    steps: &[MemberStep],
    unknown: Vec<String>,
) -> Result<MemberChanges, DirectoryError> {
    let mut changes = MemberChanges {
        unknown,
        ..MemberChanges::default()
    };
    let origin = Origin::Connection(context.connection.name.clone());
    let owns = context.connection.owns_memberships;
    for step in steps {
        match step {
            MemberStep::Add(members) => unit.add_members(group, members, &origin, &mut changes).await?,
            MemberStep::Remove(members) => {
                let leaving = Leaving::These(members.clone());
                unit.remove_members(group, &leaving, &origin, owns, &mut changes)
                    .await?;
            }
            MemberStep::Replace(members) => {
                let leaving = Leaving::AllBut(members.clone());
                unit.remove_members(group, &leaving, &origin, owns, &mut changes)
                    .await?;
                unit.add_members(group, members, &origin, &mut changes).await?;
            }
        }
    }
    if let Some(unknown) = changes.unknown.first()
        && context.connection.unknown_members == UnknownMembers::Refuse
    {
        let reason = format!("{unknown:?} is no user or group of this organisation");
        return Err(DirectoryError::invalid("members", reason));
    }
    unit.note_member_changes(group.id, &changes);
    Ok(changes)
}
