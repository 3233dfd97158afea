//! Delete (RFC 7644 s3.6).

use async_trait::async_trait;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;

use crate::directory::{DirectoryError, Operation, Unit};
use crate::model::group::Group;
use crate::model::id::{GroupId, UserId};
use crate::provision::person::{self, Context};
use crate::provision::team;

use super::Scim;
use super::access::Access;
use super::error::ScimError;
use super::identity::Rules;
use super::modify::check_user_version;
use super::response::no_content;
use super::retrieve::ById;
use super::withdraw::{self, LookAtGroup};

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
    let look = MayDelete {
        rules,
        look: LookAtGroup {
            id: group_id,
            headers: &headers,
        },
    };
    let group = directory.run(&access.permit, &look).await?;
    let is_sole = group.held_by().len() <= 1;
    let gives = !group.grants_roles.is_empty() || !group.grants_licences.is_empty();
    if !is_sole || gives || rules.mapping.needs_groups() {
        // What membership gave goes first, while the members are still known: all of it when no other source holds the
        // group, this connection's own otherwise.
        withdraw::members(&scim, &access, group_id, is_sole).await?;
    }
    directory
        .run(&access.permit, &DeleteGroup { rules, id: group_id })
        .await?;
    directory.purge_groups(access.organisation_id()).await?;
    Ok(no_content(None))
}

/// Refuses a deletion before anything of the group is taken.
struct MayDelete<'a> {
    rules: Rules<'a>,
    look: LookAtGroup<'a>,
}

#[async_trait]
impl Operation for MayDelete<'_> {
    type Outcome = Group;

    async fn attempt(&self, unit: &mut Unit) -> Result<Group, DirectoryError> {
        let group = self.look.attempt(unit).await?;
        team::may_remove(unit, self.rules.context, &group).await?;
        Ok(group)
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
