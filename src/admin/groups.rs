//! Groups: listed and looked at.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use crate::directory::keys::Count;
use crate::directory::select::CountedGroup;
use crate::directory::settings::OrganisationSettings;
use crate::directory::user::inherit::SetGroupDefaults;
use crate::directory::{Directory, DirectoryError};
use crate::model::custom_attribute::Bearer;
use crate::model::group::Group;
use crate::model::id::{GroupId, OrganisationId};
use crate::model::list::List;
use crate::model::locale::Defaults;
use crate::model::slug::Slug;

use super::caller::{Administrator, Body, Parameters, Place};
use super::listing::Listing;
use super::problem::Problem;

/// `GET .../groups`: all, in the order of their creation, or those that are asked for (S001-4, S001-5, S004-9).
pub async fn list(
    State(directory): State<Directory>,
    caller: Administrator,
    Parameters(listing): Parameters<Listing>,
) -> Result<Json<Value>, Problem> {
    let question = listing
        .read(&directory, &caller, List::Groups)
        .await?
        .within(&caller, "group.view");
    let selected = directory
        .select_groups(
            caller.organisation(),
            &question.selection,
            question.turn.clone(),
            question.limit,
        )
        .await?;
    let shown = |counted: &CountedGroup| view(&counted.group, counted.members, &caller.settings);
    Ok(Json(question.page(&selected, shown)))
}

/// `GET .../groups/{group}`: by identifier or name (S001-6).
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
    shown_with(directory, &caller.settings, group).await
}

/// The same, with settings that may be newer than the caller's.
pub(super) async fn shown_with(
    directory: &Directory,
    settings: &OrganisationSettings,
    group: &Group,
) -> Result<Json<Value>, Problem> {
    let members = directory
        .browse_counts(settings.organisation.id, &[Count::Members(group.id)])
        .await?;
    let members = members.first().copied().unwrap_or_default();
    Ok(Json(view(group, members, settings)))
}

/// `PUT .../groups/{group}/defaults`: the language, time zone and country prefix of those whose home group it is, or a group below
/// it, and who have none of their own.
pub async fn set_defaults(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, group)): Place<(String, String)>,
    Body(defaults): Body<Defaults>,
) -> Result<Json<Value>, Problem> {
    let group = find(&directory, caller.organisation(), &group).await?.id;
    let after = directory
        .run(&caller.permit, &SetGroupDefaults { group, defaults })
        .await?;
    Ok(Json(json!({ "id": after.id, "defaults": after.defaults })))
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
    let linked = settings
        .roles
        .values()
        .filter(|role| role.linked_groups.contains(&group.id));
    let linked: Vec<&Slug> = linked.map(|role| &role.key).collect();
    json!({
        "id": group.id,
        "display_name": group.display_name,
        "linked_roles": linked,
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
        "defaults": group.defaults,
        "gives": { "roles": group.grants_roles, "licences": group.grants_licences },
        "attributes": attributes,
        "external_ids": group.external_ids,
        "created": group.created,
        "last_modified": group.last_modified,
    })
}
