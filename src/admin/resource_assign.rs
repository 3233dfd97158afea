//! Who has which resources: assignments, and what users have because of their groups.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::directory::membership::member_uuid;
use crate::directory::resource_assign::{AssignResource, UnassignResource};
use crate::directory::resource_read::Held;
use crate::directory::{Directory, DirectoryError};
use crate::model::membership::Member;
use crate::model::origin::Origin;

use super::caller::{Administrator, Body, Parameters, Place};
use super::group_members::{Named, kind, members, parse_member, write_member};
use super::page::{Paging, page};
use super::problem::Problem;
use super::resources::{facts, find};
use super::{groups, users};

/// `GET .../resources/{resource}/assignments`: users and groups side by side (S001-41).
pub async fn list(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, resource)): Place<(String, String)>,
    Parameters(paging): Parameters<Paging>,
) -> Result<Json<Value>, Problem> {
    let limit = paging.limit()?;
    let after = paging.after(parse_member)?;
    let resource = find(&directory, &caller, &resource).await?;
    let assignments = directory
        .browse_assignments(caller.organisation(), resource.id, after, limit + 1)
        .await?;
    let cursor = |(subject, _): &(Member, _)| write_member(*subject);
    Ok(Json(page(assignments, limit, cursor, |(subject, assignment)| {
        json!({
            "kind": kind(*subject),
            "id": member_uuid(*subject),
            "attributes": assignment.attributes,
            "since": assignment.since,
        })
    })))
}

/// To whom, and what the assignments say.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Assign {
    #[serde(default)]
    users: Vec<String>,
    #[serde(default)]
    groups: Vec<String>,
    #[serde(default)]
    attributes: Map<String, Value>,
}

/// `POST .../resources/{resource}/assignments`: assigns it to users and groups, or changes what the assignments say; all of them
/// or none.
pub async fn assign(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, resource)): Place<(String, String)>,
    Body(Assign {
        users,
        groups,
        attributes,
    }): Body<Assign>,
) -> Result<Json<Value>, Problem> {
    let named = Named { users, groups };
    let resource = find(&directory, &caller, &resource).await?;
    let assign = AssignResource {
        resource: resource.id,
        subjects: members(&directory, &caller, &named).await?,
        attributes,
    };
    let changed = directory.run(&caller.permit, &assign).await?;
    let changed: Vec<_> = changed.into_iter().map(member_uuid).collect();
    Ok(Json(json!({ "changed": changed })))
}

/// `DELETE .../resources/{resource}/assignments/{kind}/{subject}`: takes it from a user (`users`) or a group (`groups`). What
/// comes through a group stays.
pub async fn unassign(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, resource, kind, subject)): Place<(String, String, String, String)>,
) -> Result<StatusCode, Problem> {
    let resource = find(&directory, &caller, &resource).await?;
    let organisation = caller.organisation();
    let subject = match kind.as_str() {
        "users" => Member::User(users::find(&directory, organisation, &subject).await?.id),
        "groups" => Member::Group(groups::find(&directory, organisation, &subject).await?.id),
        _ => return Err(DirectoryError::not_found("assignment", format!("{kind}/{subject}")).into()),
    };
    let unassign = UnassignResource {
        resource: resource.id,
        subjects: vec![subject],
    };
    directory.run(&caller.permit, &unassign).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET .../users/{user}/resources`: what the user has now, and why: directly, or because of a group.
pub async fn of_user(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, user)): Place<(String, String)>,
) -> Result<Json<Value>, Problem> {
    let user = users::find(&directory, caller.organisation(), &user).await?;
    let held = directory.resources_of(caller.organisation(), user.id).await?;
    let items: Vec<Value> = held.iter().map(view).collect();
    Ok(Json(json!({ "items": items })))
}

/// `GET .../groups/{group}/resources`: what its members have because of it (S001-13, S003-36).
pub async fn of_group(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, group)): Place<(String, String)>,
) -> Result<Json<Value>, Problem> {
    let group = groups::find(&directory, caller.organisation(), &group).await?;
    let held = directory.resources_of_group(caller.organisation(), group.id).await?;
    let items: Vec<Value> = held.iter().map(view).collect();
    Ok(Json(json!({ "items": items })))
}

fn view(held: &Held) -> Value {
    let mut shown = facts(&held.resource);
    let origins: Vec<&Origin> = held.reasons.keys().collect();
    shown["origins"] = json!(origins);
    // What is said of the user directly comes before what is said of a group.
    let direct = held
        .reasons
        .get(&Origin::Direct)
        .or_else(|| held.reasons.values().next());
    shown["attributes"] = json!(direct);
    shown
}
