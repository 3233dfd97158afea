//! Groups: made, changed, disabled, deleted.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::directory::group_edit::{CreateGroup, DeleteGroup, UpdateGroup};
use crate::directory::group_gives::ChangeGives;
use crate::directory::{Directory, DirectoryError};
use crate::model::membership::Member;
use crate::model::slug::Slug;

use super::caller::{Administrator, Body, Parameters, Place};
use super::group_members::as_named;
use super::groups::{find, shown};
use super::problem::Problem;
use super::trial::Trial;
use super::{resources, users};

/// `POST .../groups`: makes one, with its first members (`users`) and what is assigned to it (`resources`), all of it or nothing. With
/// `dry_run` none is made.
pub async fn create(
    State(directory): State<Directory>,
    caller: Administrator,
    Parameters(trial): Parameters<Trial>,
    Body(mut draft): Body<Map<String, Value>>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let (directory, status) = trial.place(directory);
    name_parent(&directory, &caller, &mut draft).await?;
    let (members, given): (Vec<String>, Vec<String>) = (taken(&mut draft, "users")?, taken(&mut draft, "resources")?);
    let (mut users, mut resources) = (Vec::new(), Vec::new());
    for named in &members {
        let user = users::find(&directory, caller.organisation(), named).await;
        users.push(user.map_err(|error| users::write::part("users", error))?.id);
    }
    for named in &given {
        let resource = resources::find(&directory, &caller, named).await;
        resources.push(resource.map_err(|error| users::write::part("resources", error))?.id);
    }
    let draft = serde_json::from_value(Value::Object(draft))
        .map_err(|error| DirectoryError::invalid("group", error.to_string()))?;
    let create = CreateGroup {
        draft,
        settings: &caller.settings,
        users,
        resources,
    };
    let group = directory.run(&caller.permit, &create).await.map_err(|error| {
        let users: Vec<Member> = create.users.iter().copied().map(Member::User).collect();
        users::write::part("users", as_named(error, members.iter().zip(&users)))
    })?;
    Ok((status, shown(&directory, &caller, &group).await?))
}

/// `PATCH .../groups/{group}`: a JSON merge patch (RFC 7396).
pub async fn update(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, group)): Place<(String, String)>,
    Body(changes): Body<Map<String, Value>>,
) -> Result<Json<Value>, Problem> {
    change(&directory, &caller, &group, changes).await
}

/// `POST .../groups/{group}/disable`: its rights sleep; nothing is taken away.
pub async fn disable(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, group)): Place<(String, String)>,
) -> Result<Json<Value>, Problem> {
    let changes = Map::from_iter([("enabled".to_owned(), json!(false))]);
    change(&directory, &caller, &group, changes).await
}

/// `POST .../groups/{group}/enable`: its rights are in force again.
pub async fn enable(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, group)): Place<(String, String)>,
) -> Result<Json<Value>, Problem> {
    let changes = Map::from_iter([("enabled".to_owned(), json!(true))]);
    change(&directory, &caller, &group, changes).await
}

async fn change(
    directory: &Directory,
    caller: &Administrator,
    group: &str,
    mut changes: Map<String, Value>,
) -> Result<Json<Value>, Problem> {
    name_parent(directory, caller, &mut changes).await?;
    let update = UpdateGroup {
        group: find(directory, caller.organisation(), group).await?.id,
        changes,
        settings: &caller.settings,
    };
    let after = directory.run(&caller.permit, &update).await?;
    shown(directory, caller, &after).await
}

/// `DELETE .../groups/{group}`: for good; members lose what they had because of it.
pub async fn delete(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, group)): Place<(String, String)>,
) -> Result<StatusCode, Problem> {
    let group = find(&directory, caller.organisation(), &group).await?;
    directory.run(&caller.permit, &DeleteGroup(group.id)).await?;
    directory.purge_groups(caller.organisation()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Roles and licences.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Gives {
    #[serde(default)]
    roles: BTreeSet<Slug>,
    #[serde(default)]
    licences: BTreeSet<Slug>,
}

/// What a group gives from now on, and what no more.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GivesChange {
    #[serde(default)]
    add: Gives,
    #[serde(default)]
    remove: Gives,
}

/// `POST .../groups/{group}/gives`: changes what members have by being members; those who are there already get it, too.
pub async fn change_gives(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, group)): Place<(String, String)>,
    Body(GivesChange { add, remove }): Body<GivesChange>,
) -> Result<Json<Value>, Problem> {
    let group = find(&directory, caller.organisation(), &group).await?;
    let change = ChangeGives {
        add_roles: add.roles,
        remove_roles: remove.roles,
        add_licences: add.licences,
        remove_licences: remove.licences,
    };
    let (after, given) = directory.change_group_gives(&caller.permit, group.id, &change).await?;
    Ok(Json(json!({
        "gives": { "roles": after.grants_roles, "licences": after.grants_licences },
        "changed": given.changed,
        "refused": given.refused,
    })))
}

/// Takes a member of a document that the record's own structure does not know; its default when it is missing.
///
/// # Errors
/// 400 when it is not what it should be.
pub(super) fn taken<T: DeserializeOwned + Default>(
    document: &mut Map<String, Value>,
    member: &'static str,
) -> Result<T, DirectoryError> {
    let value = document.remove(member).map(serde_json::from_value).transpose();
    let value = value.map_err(|error| DirectoryError::invalid(member, error.to_string()))?;
    Ok(value.unwrap_or_default())
}

/// A parent may be named as well.
async fn name_parent(
    directory: &Directory,
    caller: &Administrator,
    document: &mut Map<String, Value>,
) -> Result<(), Problem> {
    if let Some(Value::String(named)) = document.get("parent") {
        let parent = find(directory, caller.organisation(), named).await;
        let parent = parent.map_err(|error| match error {
            DirectoryError::NotFound { .. } => DirectoryError::invalid("parent", error.to_string()),
            other => other,
        })?;
        document.insert("parent".to_owned(), json!(parent.id));
    }
    Ok(())
}
