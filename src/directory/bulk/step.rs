//! One step of a task: the operation for one person, and what it demands.

use serde_json::Map;

use crate::directory::authorise::{Demand, On};
use crate::directory::delete::DeleteUser;
use crate::directory::group_members::{AddMembers, ChangeGroupRole, Reasons, RemoveMembers, RoleChange};
use crate::directory::invitation::browse::ResendInvitation;
use crate::directory::invitation::{InviteUser, RevokeInvitation};
use crate::directory::keys::{self, Table};
use crate::directory::licence::{AssignLicence, FreeLicence};
use crate::directory::resource_assign::{AssignResource, UnassignResource};
use crate::directory::role_assignment::{AssignRole, WithdrawRole};
use crate::directory::suspend::{ReactivateUser, SuspendUser};
use crate::directory::user::home::MoveUser;
use crate::directory::{DirectoryError, Operation, Unit};
use crate::model::bulk::BulkTask;
use crate::model::id::{GroupId, OrganisationId, ResourceId, UserId};
use crate::model::invitation::Channel;
use crate::model::membership::{Member, Membership};
use crate::model::resource::Assignment;
use crate::model::slug::Slug;
use crate::store::Key;

/// A task for one person.
pub(in crate::directory) struct Step<'a> {
    /// What.
    pub(in crate::directory) task: &'a BulkTask,
    /// To whom.
    pub(in crate::directory) user: UserId,
}

#[async_trait::async_trait]
impl Operation for Step<'_> {
    /// Whether anything changed.
    type Outcome = bool;

    async fn attempt(&self, unit: &mut Unit) -> Result<bool, DirectoryError> {
        take_step(unit, self.task, self.user).await?;
        Ok(!unit.is_unchanged())
    }
}

/// Does a task to one person. The operations are those that change a single one; what they refuse because there is nothing to take
/// is nothing here.
pub(in crate::directory) async fn take_step(
    unit: &mut Unit,
    task: &BulkTask,
    user: UserId,
) -> Result<(), DirectoryError> {
    match task {
        BulkTask::AddToGroup { group } => add_to_group(unit, *group, user).await,
        BulkTask::RemoveFromGroup { group } => remove_from_group(unit, *group, user).await,
        BulkTask::GiveRole { role, group } => give_role(unit, role, *group, user).await,
        BulkTask::WithdrawRole { role, group } => withdraw_role(unit, role, *group, user).await,
        BulkTask::AssignLicence { licence, cost_centre } => {
            let assign = AssignLicence {
                user,
                licence: licence.clone(),
                cost_centre: cost_centre.clone(),
            };
            assign.attempt(unit).await.map(drop)
        }
        BulkTask::FreeLicence { licence } => free_licence(unit, licence, user).await,
        BulkTask::Invite => {
            let channel = Some(Channel::Email);
            InviteUser { user, channel }.attempt(unit).await.map(drop)
        }
        BulkTask::Resend => resend(unit, user).await,
        BulkTask::RevokeInvitation => revoke_invitation(unit, user).await,
        BulkTask::Suspend => SuspendUser(user).attempt(unit).await.map(drop),
        BulkTask::Reactivate => ReactivateUser(user).attempt(unit).await.map(drop),
        BulkTask::Move { to, take_history } => {
            let (to, take_history) = (*to, *take_history);
            MoveUser { user, to, take_history }.attempt(unit).await.map(drop)
        }
        BulkTask::AssignResource { resource } => assign_resource(unit, *resource, user).await,
        BulkTask::WithdrawResource { resource } => withdraw_resource(unit, *resource, user).await,
        BulkTask::Delete => DeleteUser(user).attempt(unit).await,
    }
}

async fn add_to_group(unit: &mut Unit, group: GroupId, user: UserId) -> Result<(), DirectoryError> {
    let members = vec![Member::User(user)];
    AddMembers { group, members }.attempt(unit).await.map(drop)
}

/// Who is in the group for other reasons only stays, and that is refused: the reasons say where it is changed.
async fn remove_from_group(unit: &mut Unit, group: GroupId, user: UserId) -> Result<(), DirectoryError> {
    let member = Member::User(user);
    if !is_member(unit, group, user).await? {
        return unit.load_user(user).await.map(drop);
    }
    let remove = RemoveMembers {
        group,
        members: vec![member],
        reasons: Reasons::Local,
    };
    let (_, staying) = remove.attempt(unit).await?;
    match staying.first() {
        Some((_, origins)) if unit.is_unchanged() => {
            let reasons: Vec<String> = origins.iter().map(ToString::to_string).collect();
            Err(DirectoryError::Mutability {
                attribute: "members".to_owned(),
                reason: format!("the membership comes from {}: change it there", reasons.join(", ")),
            })
        }
        _ => Ok(()),
    }
}

async fn is_member(unit: &mut Unit, group: GroupId, user: UserId) -> Result<bool, DirectoryError> {
    let key = keys::group_member(unit.organisation(), group, Member::User(user));
    Ok(unit.find::<Membership>(&key).await?.is_some())
}

async fn give_role(unit: &mut Unit, role: &Slug, group: Option<GroupId>, user: UserId) -> Result<(), DirectoryError> {
    let role = role.clone();
    match group {
        None => {
            let in_place = false;
            AssignRole { user, role, in_place }.attempt(unit).await.map(drop)
        }
        Some(group) => {
            let give = ChangeGroupRole {
                group,
                role,
                members: vec![Member::User(user)],
                change: RoleChange::Give,
            };
            give.attempt(unit).await.map(drop)
        }
    }
}

async fn withdraw_role(
    unit: &mut Unit,
    role: &Slug,
    group: Option<GroupId>,
    user: UserId,
) -> Result<(), DirectoryError> {
    let person = unit.load_user(user).await?;
    match group {
        None if !person.roles.contains_key(role) => Ok(()),
        None => {
            let role = role.clone();
            WithdrawRole { user, role }.attempt(unit).await.map(drop)
        }
        Some(group) if !is_member(unit, group, user).await? => Ok(()),
        Some(group) => {
            let take = ChangeGroupRole {
                group,
                role: role.clone(),
                members: vec![Member::User(user)],
                change: RoleChange::Take,
            };
            take.attempt(unit).await.map(drop)
        }
    }
}

async fn free_licence(unit: &mut Unit, licence: &Slug, user: UserId) -> Result<(), DirectoryError> {
    let person = unit.load_user(user).await?;
    if !person.licences.contains_key(licence) {
        return Ok(());
    }
    let licence = licence.clone();
    let (_, staying) = FreeLicence { user, licence }.attempt(unit).await?;
    if !staying.is_empty() && unit.is_unchanged() {
        let reasons: Vec<String> = staying.iter().map(ToString::to_string).collect();
        return Err(DirectoryError::Mutability {
            attribute: "licences".to_owned(),
            reason: format!("the licence comes from {}: change it there", reasons.join(", ")),
        });
    }
    Ok(())
}

/// The way it went before. A link is shown to whoever asks for it, and a job has nobody to show it to.
async fn resend(unit: &mut Unit, user: UserId) -> Result<(), DirectoryError> {
    let person = unit.load_user(user).await?;
    let Some(id) = person.invitation else {
        return Err(DirectoryError::invalid(
            "invitation",
            "the person has none that could be sent again: invite first",
        ));
    };
    let channel = Some(Channel::Email);
    ResendInvitation { id, channel }.attempt(unit).await.map(drop)
}

async fn revoke_invitation(unit: &mut Unit, user: UserId) -> Result<(), DirectoryError> {
    if unit.load_user(user).await?.invitation.is_none() {
        return Ok(());
    }
    RevokeInvitation(user).attempt(unit).await.map(drop)
}

/// What an assignment says stays as it is where there is one already.
async fn assign_resource(unit: &mut Unit, resource: ResourceId, user: UserId) -> Result<(), DirectoryError> {
    let key = keys::assignment(unit.organisation(), resource, Member::User(user));
    if unit.find::<Assignment>(&key).await?.is_some() {
        return Ok(());
    }
    let assign = AssignResource {
        resource,
        subjects: vec![Member::User(user)],
        attributes: Map::new(),
    };
    assign.attempt(unit).await.map(drop)
}

async fn withdraw_resource(unit: &mut Unit, resource: ResourceId, user: UserId) -> Result<(), DirectoryError> {
    unit.load_user(user).await?;
    let subject = Member::User(user);
    let key = keys::assignment(unit.organisation(), resource, subject);
    if unit.find::<Assignment>(&key).await?.is_none() {
        return Ok(());
    }
    let subjects = vec![subject];
    UnassignResource { resource, subjects }.attempt(unit).await
}

/// What a person must be allowed to do for a step: as for the request that changes one (`admin/demand.rs`). None: not for persons.
pub(super) fn demands(task: &BulkTask, user: UserId) -> Vec<Demand> {
    let to_user = |action| {
        vec![Demand {
            action,
            on: On::User(user),
        }]
    };
    let in_group = |action, group| Demand {
        action,
        on: On::Group(group),
    };
    match task {
        BulkTask::AddToGroup { group } | BulkTask::RemoveFromGroup { group } => vec![in_group("group.members", *group)],
        BulkTask::GiveRole { group: None, .. } | BulkTask::WithdrawRole { group: None, .. } => to_user("role.assign"),
        BulkTask::GiveRole { group: Some(group), .. } | BulkTask::WithdrawRole { group: Some(group), .. } => {
            vec![in_group("group.roles", *group)]
        }
        BulkTask::AssignLicence { .. } | BulkTask::FreeLicence { .. } => to_user("licence.assign"),
        BulkTask::Invite | BulkTask::Resend | BulkTask::RevokeInvitation => to_user("user.invite"),
        BulkTask::Suspend | BulkTask::Reactivate => to_user("user.suspend"),
        BulkTask::Move { to, .. } => {
            let mut demands = to_user("user.update");
            demands.push(in_group("group.members", *to));
            demands
        }
        BulkTask::AssignResource { .. } | BulkTask::WithdrawResource { .. } => Vec::new(),
        BulkTask::Delete => to_user("user.delete"),
    }
}

/// The records that a task is about, beside the people.
pub(in crate::directory) fn targets(organisation: OrganisationId, task: &BulkTask) -> Vec<Key> {
    let role_key = |role: &Slug| keys::named(organisation, Table::Role, role);
    let licence_key = |licence: &Slug| keys::named(organisation, Table::Licence, licence);
    match task {
        BulkTask::AddToGroup { group } | BulkTask::RemoveFromGroup { group } | BulkTask::Move { to: group, .. } => {
            vec![keys::group(organisation, *group)]
        }
        BulkTask::GiveRole { role, group } | BulkTask::WithdrawRole { role, group } => {
            let group = group.map(|group| keys::group(organisation, group));
            std::iter::once(role_key(role)).chain(group).collect()
        }
        BulkTask::AssignLicence { licence, .. } | BulkTask::FreeLicence { licence } => vec![licence_key(licence)],
        BulkTask::AssignResource { resource } | BulkTask::WithdrawResource { resource } => {
            vec![keys::resource(organisation, *resource)]
        }
        BulkTask::Invite
        | BulkTask::Resend
        | BulkTask::RevokeInvitation
        | BulkTask::Suspend
        | BulkTask::Reactivate
        | BulkTask::Delete => Vec::new(),
    }
}

/// The same in words: kind and name, in the same order.
pub(super) fn target_names(task: &BulkTask) -> Vec<(&'static str, String)> {
    match task {
        BulkTask::AddToGroup { group } | BulkTask::RemoveFromGroup { group } | BulkTask::Move { to: group, .. } => {
            vec![("group", group.to_string())]
        }
        BulkTask::GiveRole { role, group } | BulkTask::WithdrawRole { role, group } => {
            let group = group.map(|group| ("group", group.to_string()));
            std::iter::once(("role", role.to_string())).chain(group).collect()
        }
        BulkTask::AssignLicence { licence, .. } | BulkTask::FreeLicence { licence } => {
            vec![("licence", licence.to_string())]
        }
        BulkTask::AssignResource { resource } | BulkTask::WithdrawResource { resource } => {
            vec![("resource", resource.to_string())]
        }
        BulkTask::Invite
        | BulkTask::Resend
        | BulkTask::RevokeInvitation
        | BulkTask::Suspend
        | BulkTask::Reactivate
        | BulkTask::Delete => Vec::new(),
    }
}
