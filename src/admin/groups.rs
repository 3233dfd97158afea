//! Groups and their members.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use crate::directory::keys::Count;
use crate::directory::user::inherit::SetGroupDefaults;
use crate::directory::{Directory, DirectoryError};
use crate::model::group::Group;
use crate::model::id::{GroupId, OrganisationId, UserId};
use crate::model::locale::Defaults;
use crate::model::membership::Member;

use super::caller::{Administrator, Body, Parameters, Place};
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
    let (groups, more) = match caller.bounded("group.view") {
        None => (
            directory.browse_groups(caller.organisation(), after, limit + 1).await?,
            None,
        ),
        Some(effective) => {
            let right = (effective.as_ref(), "group.view");
            let reached = directory
                .reachable_groups(caller.organisation(), right, after, limit)
                .await?;
            (reached.items, reached.next)
        }
    };
    let counts: Vec<Count> = groups.iter().map(|group| Count::Members(group.id)).collect();
    let counts = directory.browse_counts(caller.organisation(), &counts).await?;
    let counted: Vec<(Group, i64)> = groups.into_iter().zip(counts).collect();
    let cursor = |(group, _): &(Group, i64)| group.id.to_string();
    let mut answer = page(counted, limit, cursor, |(group, members)| view(group, *members));
    if let Some(more) = more {
        answer["next"] = json!(more);
    }
    Ok(Json(answer))
}

/// `GET .../groups/{group}`: by identifier or name.
pub async fn retrieve(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, group)): Place<(String, String)>,
) -> Result<Json<Value>, Problem> {
    let group = find(&directory, caller.organisation(), &group).await?;
    let members = directory
        .browse_counts(caller.organisation(), &[Count::Members(group.id)])
        .await?;
    Ok(Json(view(&group, members.first().copied().unwrap_or_default())))
}

/// `GET .../groups/{group}/members`: with the reasons why each is in.
pub async fn members(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, group)): Place<(String, String)>,
    Parameters(paging): Parameters<Paging>,
) -> Result<Json<Value>, Problem> {
    let limit = paging.limit()?;
    let after = paging.after(parse_member)?;
    let group = find(&directory, caller.organisation(), &group).await?;
    let members = directory
        .browse_members(caller.organisation(), group.id, after, limit + 1)
        .await?;
    Ok(Json(page(
        members,
        limit,
        |(member, _)| write_member(*member),
        |(member, edge)| {
            let (kind, id) = match member {
                Member::User(id) => ("user", id.uuid()),
                Member::Group(id) => ("group", id.uuid()),
            };
            json!({
                "kind": kind,
                "id": id,
                "origins": edge.origins,
                "roles": edge.roles,
                "since": edge.since,
            })
        },
    )))
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

fn write_member(member: Member) -> String {
    match member {
        Member::User(id) => format!("u{id}"),
        Member::Group(id) => format!("g{id}"),
    }
}

fn parse_member(cursor: &str) -> Option<Member> {
    if let Some(id) = cursor.strip_prefix('u') {
        return id.parse::<UserId>().ok().map(Member::User);
    }
    let id = cursor.strip_prefix('g')?;
    id.parse::<GroupId>().ok().map(Member::Group)
}

fn view(group: &Group, members: i64) -> Value {
    json!({
        "id": group.id,
        "display_name": group.display_name,
        "kind": group.kind,
        "enabled": group.enabled,
        "members": members,
        "defaults": group.defaults,
        "external_ids": group.external_ids,
        "created": group.created,
        "last_modified": group.last_modified,
    })
}
