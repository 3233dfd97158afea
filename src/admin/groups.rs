//! Groups: listed and looked at.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use crate::directory::keys::Count;
use crate::directory::settings::OrganisationSettings;
use crate::directory::{Directory, DirectoryError};
use crate::model::custom_attribute::Bearer;
use crate::model::group::Group;
use crate::model::id::{GroupId, OrganisationId};

use super::caller::{Administrator, Parameters, Place};
use super::page::{Paging, page};
use super::problem::Problem;

/// `GET .../groups`: all, in the order of their creation.
pub async fn list(
    State(directory): State<Directory>,
    caller: Administrator,
    Parameters(paging): Parameters<Paging>,
) -> Result<Json<Value>, Problem> {
    let limit = paging.limit()?;
    let after = paging.after(|cursor| cursor.parse().ok())?;
    let groups = directory.browse_groups(caller.organisation(), after, limit + 1).await?;
    let counts: Vec<Count> = groups.iter().map(|group| Count::Members(group.id)).collect();
    let counts = directory.browse_counts(caller.organisation(), &counts).await?;
    let counted: Vec<(Group, i64)> = groups.into_iter().zip(counts).collect();
    let cursor = |(group, _): &(Group, i64)| group.id.to_string();
    Ok(Json(page(counted, limit, cursor, |(group, members)| {
        view(group, *members, &caller.settings)
    })))
}

/// `GET .../groups/{group}`: by identifier or name.
pub async fn retrieve(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, group)): Place<(String, String)>,
) -> Result<Json<Value>, Problem> {
    let group = find(&directory, caller.organisation(), &group).await?;
    shown(&directory, &caller, &group).await
}

/// A group with how many members it has.
pub(super) async fn shown(
    directory: &Directory,
    caller: &Administrator,
    group: &Group,
) -> Result<Json<Value>, Problem> {
    let members = directory
        .browse_counts(caller.organisation(), &[Count::Members(group.id)])
        .await?;
    let members = members.first().copied().unwrap_or_default();
    Ok(Json(view(group, members, &caller.settings)))
}

pub(super) async fn find(
    directory: &Directory,
    organisation: OrganisationId,
    named: &str,
) -> Result<Group, DirectoryError> {
    let by_id = match named.parse::<GroupId>() {
        Ok(id) => directory.browse_group(organisation, id).await?,
        Err(_) => None,
    };
    match by_id {
        Some(group) => Ok(group),
        None => directory
            .browse_group_name(organisation, named)
            .await?
            .ok_or_else(|| DirectoryError::not_found("group", named)),
    }
}

/// A group as the admin API shows one; never what the organisation declares to be secret.
pub(super) fn view(group: &Group, members: i64, settings: &OrganisationSettings) -> Value {
    let mut attributes = group.attributes.clone();
    if let Some(custom) = settings.custom(Bearer::Group) {
        custom.hide_unseen(&mut attributes);
    }
    json!({
        "id": group.id,
        "display_name": group.display_name,
        "kind": group.kind,
        "enabled": group.enabled,
        "parent": group.parent,
        "level": group.level(),
        "code": group.code,
        "is_billing_root": group.is_billing_root,
        "link": group.link,
        "avatar": group.avatar,
        "is_default": group.is_default,
        "members": members,
        "gives": { "roles": group.grants_roles, "licences": group.grants_licences },
        "attributes": attributes,
        "external_ids": group.external_ids,
        "created": group.created,
        "last_modified": group.last_modified,
    })
}
