//! Creating and changing a group on behalf of a connection.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::directory::error::Denial;
use crate::directory::membership::{Leaving, MemberChanges};
use crate::directory::{DirectoryError, Unit};
use crate::model::connection::UnknownMembers;
use crate::model::group::Group;
use crate::model::id::GroupId;
use crate::model::membership::Member;
use crate::model::origin::Origin;
use crate::model::review::ReviewKind;
use crate::model::slug::Slug;

use super::matching::{GroupVerdict, judge_group};
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
    let mut group = Group::new(GroupId::new(unit.clock().uuid()), team.display_name.clone(), now);
    group.kind = context.organisation.organisation.groups.default_kind;
    group.attributes.clone_from(&team.attributes);
    group.external_ids = BTreeMap::from_iter(link);
    group.sources = BTreeSet::from([context.connection.name.clone()]);
    unit.create_group(group).await
}

/// Changes a group's record; its members are not touched.
///
/// A group that other connections hold is theirs to name, unless the matching policy lets this one adopt it.
///
/// # Errors
/// [`DirectoryError::Mutability`] for another connection's group; as [`create`].
pub async fn update(
    unit: &mut Unit,
    context: Context<'_>,
    before: &Group,
    team: &Team,
) -> Result<Group, DirectoryError> {
    let name = &context.connection.name;
    let mut after = before.clone();
    if !is_held(before, name) {
        let verdict = adoption(unit, context, before, team).await?;
        if verdict != GroupVerdict::Adopt {
            let is_same = before.display_name == team.display_name && before.attributes == team.attributes;
            let reason = "another connection manages this group".to_owned();
            let attribute = "displayName".to_owned();
            return match verdict {
                _ if is_same => Ok(after),
                GroupVerdict::Review(question) => Err(DirectoryError::AwaitsReview(question)),
                GroupVerdict::Adopt | GroupVerdict::Refuse => Err(DirectoryError::Mutability { attribute, reason }),
            };
        }
        unit.forget_review(name, ReviewKind::Group, team.external_id.as_deref(), &team.display_name)
            .await?;
        after.sources.insert(name.clone());
    }
    after.display_name.clone_from(&team.display_name);
    after.attributes.clone_from(&team.attributes);
    match &team.external_id {
        Some(id) => after.external_ids.insert(context.connection.name.clone(), id.clone()),
        None => after.external_ids.remove(&context.connection.name),
    };
    unit.update_group(before, after).await
}

/// Whether the connection may link a group of another source, with what an administrator said about it.
async fn adoption(
    unit: &mut Unit,
    context: Context<'_>,
    group: &Group,
    team: &Team,
) -> Result<GroupVerdict, DirectoryError> {
    let verdict = judge_group(context, group, team.external_id.as_deref(), &team.display_name);
    let said = match verdict.question() {
        Some(question) => unit.verdict(question).await?,
        None => None,
    };
    Ok(verdict.after(said))
}

/// Whether the connection may change the group's record: it holds it, or nobody does.
fn is_held(group: &Group, connection: &Slug) -> bool {
    let held_by = group.held_by();
    held_by.is_empty() || held_by.contains(connection)
}

/// Refuses a connection that neither made nor adopted the group.
///
/// # Errors
/// [`DirectoryError::Denied`].
pub fn check_held(group: &Group, connection: &Slug) -> Result<(), DirectoryError> {
    if is_held(group, connection) {
        Ok(())
    } else {
        Err(DirectoryError::Denied(Denial::HeldByAnother))
    }
}

/// Refuses a removal before anything of the group is taken: whoever does something with the members first asks here, through whichever
/// door, so that a group which has to stay stays whole.
///
/// # Errors
/// [`DirectoryError::Denied`] when the group is another source's, and as [`Unit::may_delete_group`] where no other source holds it.
pub async fn may_remove(unit: &mut Unit, context: Context<'_>, group: &Group) -> Result<(), DirectoryError> {
    check_held(group, &context.connection.name)?;
    if group.held_by().len() <= 1 {
        unit.may_delete_group(group).await?;
    }
    Ok(())
}

/// The connection no longer has the group: deleted when no other source does, unlinked otherwise. True when deleted.
///
/// # Errors
/// As [`may_remove`]; as the store's read.
pub async fn remove(unit: &mut Unit, context: Context<'_>, group: &Group) -> Result<bool, DirectoryError> {
    may_remove(unit, context, group).await?;
    if group.held_by().len() <= 1 {
        unit.delete_group(group).await?;
        return Ok(true);
    }
    let_go(unit, context, group).await?;
    Ok(false)
}

/// The connection no longer has the group, and the group stays for others.
///
/// # Errors
/// As the store's read.
pub async fn let_go(unit: &mut Unit, context: Context<'_>, group: &Group) -> Result<(), DirectoryError> {
    let mut after = group.clone();
    after.sources.remove(&context.connection.name);
    after.external_ids.remove(&context.connection.name);
    unit.update_group(group, after).await.map(|_| ())
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
