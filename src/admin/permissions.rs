//! The catalogue of permissions, and what everyone may do.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::directory::permission::{DeletePermission, EditPermission, PutDefaultGrants};
use crate::directory::{Directory, DirectoryError};
use crate::model::effective::DefaultGrants;
use crate::model::list::List;
use crate::model::permission::definition::Definition;
use crate::model::permission::gateway::GATEWAY_ACTIONS;
use crate::model::slug::Slug;

use super::caller::{Administrator, Body, Parameters, Place};
use super::listing::{Known, Listing};
use super::problem::Problem;

/// `GET .../permissions`: the catalogue, and the actions of the gateway's own, which need no entry in it.
pub async fn list(
    State(directory): State<Directory>,
    caller: Administrator,
    Parameters(listing): Parameters<Listing>,
) -> Result<Json<Value>, Problem> {
    let question = listing.read(&directory, &caller, List::Permissions).await?;
    let mut answer = question.answer(&directory, known(&caller)).await?;
    answer["gateway_actions"] = json!(GATEWAY_ACTIONS);
    Ok(Json(answer))
}

/// The catalogue.
pub(super) fn known(caller: &Administrator) -> Known {
    let definitions = caller.settings.permissions.values();
    Known::by("key", definitions.map(|definition| json!(definition)))
}

/// `PUT .../permissions/{key}`: makes one, or replaces it.
pub async fn put(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, key)): Place<(String, String)>,
    Body(definition): Body<Definition>,
) -> Result<Json<Value>, Problem> {
    if definition.key.as_str() != key {
        let detail = format!(
            "key: the address is for {key:?}, the permission for {:?}",
            definition.key.as_str()
        );
        return Err(Problem::bad_request(detail));
    }
    directory
        .run(&caller.permit, &EditPermission(definition.clone()))
        .await?;
    Ok(Json(json!(definition)))
}

/// `DELETE .../permissions/{key}`.
pub async fn delete(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, key)): Place<(String, String)>,
) -> Result<StatusCode, Problem> {
    let key: Slug = key.parse().map_err(|_| DirectoryError::not_found("permission", key))?;
    directory.run(&caller.permit, &DeletePermission(key)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET .../default-permissions`.
pub async fn defaults(caller: Administrator) -> Json<Value> {
    Json(json!(caller.settings.defaults))
}

/// `PUT .../default-permissions`: what everyone and every guest may do, whole.
pub async fn set_defaults(
    State(directory): State<Directory>,
    caller: Administrator,
    Body(defaults): Body<DefaultGrants>,
) -> Result<Json<Value>, Problem> {
    directory
        .run(&caller.permit, &PutDefaultGrants(defaults.clone()))
        .await?;
    Ok(Json(json!(defaults)))
}
