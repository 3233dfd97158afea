//! Delete (RFC 7644 s3.6).

use async_trait::async_trait;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;

use crate::directory::membership::{Leaving, MemberChanges};
use crate::directory::{DirectoryError, Operation, Unit};
use crate::model::id::{GroupId, UserId};
use crate::model::origin::Origin;
use crate::provision::person::{self, Context};

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
    let delete = DeleteGroup {
        rules: access.rules(),
        id: group_id,
        headers: &headers,
    };
    scim.directory().run(&access.permit, &delete).await?;
    scim.directory().purge_groups(access.organisation_id()).await?;
    Ok(no_content(None))
}

struct DeleteGroup<'a> {
    rules: Rules<'a>,
    id: GroupId,
    headers: &'a HeaderMap,
}

#[async_trait]
impl Operation for DeleteGroup<'_> {
    type Outcome = ();

    async fn attempt(&self, unit: &mut Unit) -> Result<(), DirectoryError> {
        let before = unit.load_group(self.id).await?;
        check_group_version(unit, self.headers, &before).await?;
        let mut group = before.clone();
        let gives = !group.grants_roles.is_empty() || !group.grants_licences.is_empty();
        if gives || self.rules.mapping.needs_groups() {
            // What the group gave goes with it, while its members are still known.
            let everyone = Leaving::AllBut(Vec::new());
            let origin = Origin::Connection(self.rules.context.connection.name.clone());
            let mut changes = MemberChanges::default();
            unit.remove_members(&before, &everyone, &origin, true, &mut changes)
                .await?;
            regrant::after_member_changes(unit, self.rules, &before, &changes).await?;
            group.grants_roles.clear();
            group.grants_licences.clear();
        }
        unit.delete_group(&group).await
    }
}
