//! Delete (RFC 7644 s3.6).

use async_trait::async_trait;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;

use crate::directory::membership::{Leaving, MemberChanges};
use crate::directory::{DirectoryError, Operation, Unit, keys};
use crate::model::group::Group;
use crate::model::id::{GroupId, UserId};
use crate::model::membership::Membership;
use crate::model::origin::Origin;
use crate::model::record;
use crate::provision::person::{self, Context};
use crate::provision::team;
use crate::store::{Key, Scan};

use super::access::Access;
use super::error::ScimError;
use super::identity::Rules;
use super::modify::{check_group_version, check_user_version};
use super::response::no_content;
use super::retrieve::ById;
use super::{Scim, regrant};

/// `DELETE /Users/{id}`.
pub(super) async fn user(
    State(scim): State<Scim>,
    access: Access,
    Path(ById { id }): Path<ById>,
    headers: HeaderMap,
) -> Result<Response, ScimError> {
    let user_id: UserId = id.parse().map_err(|_| ScimError::not_found(&id))?;
    let delete = DeleteUser {
        context: access.context(),
        id: user_id,
        headers: &headers,
    };
    scim.directory().run(&access.permit, &delete).await?;
    Ok(no_content(None))
}

struct DeleteUser<'a> {
    context: Context<'a>,
    id: UserId,
    headers: &'a HeaderMap,
}

#[async_trait]
impl Operation for DeleteUser<'_> {
    type Outcome = ();

    async fn attempt(&self, unit: &mut Unit) -> Result<(), DirectoryError> {
        let user = unit.load_user(self.id).await?;
        check_user_version(self.headers, &user)?;
        person::remove(unit, self.context, &user).await?;
        Ok(())
    }
}

/// `DELETE /Groups/{id}`.
pub(super) async fn group(
    State(scim): State<Scim>,
    access: Access,
    Path(ById { id }): Path<ById>,
    headers: HeaderMap,
) -> Result<Response, ScimError> {
    let group_id: GroupId = id.parse().map_err(|_| ScimError::not_found(&id))?;
    let (directory, rules) = (scim.directory(), access.rules());
    let look = LookAtGroup {
        rules,
        id: group_id,
        headers: &headers,
    };
    let group = directory.run(&access.permit, &look).await?;
    let is_sole = group.held_by().len() <= 1;
    let gives = !group.grants_roles.is_empty() || !group.grants_licences.is_empty();
    if !is_sole || gives || rules.mapping.needs_groups() {
        // What membership gave goes first, in parts, while the members are still known. A crash in between leaves a
        // group with fewer members, and a client that was not answered and deletes it again.
        let mut withdraw = WithdrawMembers {
            rules,
            id: group_id,
            is_sole,
            after: None,
        };
        while let Some(last) = directory.run(&access.permit, &withdraw).await? {
            withdraw.after = Some(last);
        }
    }
    directory
        .run(&access.permit, &DeleteGroup { rules, id: group_id })
        .await?;
    directory.purge_groups(access.organisation_id()).await?;
    Ok(no_content(None))
}

/// Judges a deletion before anything is changed.
struct LookAtGroup<'a> {
    rules: Rules<'a>,
    id: GroupId,
    headers: &'a HeaderMap,
}

#[async_trait]
impl Operation for LookAtGroup<'_> {
    type Outcome = Group;

    async fn attempt(&self, unit: &mut Unit) -> Result<Group, DirectoryError> {
        let group = unit.load_group(self.id).await?;
        check_group_version(unit, self.headers, &group).await?;
        team::check_held(&group, &self.rules.context.connection.name)?;
        Ok(group)
    }
}

/// Members that are looked at in one commit.
const WITHDRAWN_AT_ONCE: usize = 200;

/// Takes a part of the members out of a group that is about to go: all of them when no other source holds it, this
/// connection's own otherwise. Answers the last one that was looked at, if there may be more.
struct WithdrawMembers<'a> {
    rules: Rules<'a>,
    id: GroupId,
    is_sole: bool,
    /// Where the part before ended: a large group is read once, not once for each part.
    after: Option<Key>,
}

#[async_trait]
impl Operation for WithdrawMembers<'_> {
    type Outcome = Option<Key>;

    async fn attempt(&self, unit: &mut Unit) -> Result<Option<Key>, DirectoryError> {
        let group = unit.load_group(self.id).await?;
        let origin = Origin::Connection(self.rules.context.connection.name.clone());
        let mut scan = Scan::prefix(&keys::group_members(unit.organisation(), self.id), WITHDRAWN_AT_ONCE);
        if let Some(after) = &self.after {
            scan = scan.after(after.clone());
        }
        let entries = unit.scan(scan).await?;
        let last = entries.last().filter(|_| entries.len() == WITHDRAWN_AT_ONCE);
        let last = last.map(|(key, _)| key.clone());
        let mut members = Vec::new();
        for (key, edge) in &entries {
            let edge: Membership = record::decode(&edge.value)?;
            if self.is_sole || edge.origins.contains(&origin) {
                members.extend(keys::member_of(key));
            }
        }
        let mut changes = MemberChanges::default();
        let leaving = Leaving::These(members);
        unit.remove_members(&group, &leaving, &origin, self.is_sole, &mut changes)
            .await?;
        regrant::after_member_changes(unit, self.rules, &group, &changes).await?;
        unit.note_member_changes(self.id, &changes);
        Ok(last)
    }
}

struct DeleteGroup<'a> {
    rules: Rules<'a>,
    id: GroupId,
}

#[async_trait]
impl Operation for DeleteGroup<'_> {
    type Outcome = ();

    async fn attempt(&self, unit: &mut Unit) -> Result<(), DirectoryError> {
        let mut group = unit.load_group(self.id).await?;
        if group.held_by().len() <= 1 {
            group.grants_roles.clear();
            group.grants_licences.clear();
        }
        team::remove(unit, self.rules.context, &group).await?;
        Ok(())
    }
}
