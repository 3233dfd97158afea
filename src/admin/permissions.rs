//! The catalogue of permissions, and what everyone may do.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::directory::permission::{DeletePermission, EditPermission, PutDefaultGrants};
use crate::directory::{Directory, DirectoryError};
use crate::model::effective::DefaultGrants;
use crate::model::permission::definition::Definition;
use crate::model::permission::gateway::GATEWAY_ACTIONS;
use crate::model::slug::Slug;

use super::caller::{Administrator, Body, Nothing, Parameters, Place};
use super::problem::Problem;

/// `GET .../permissions`: the catalogue, and the actions of the gateway's own, which need no entry in it.
pub async fn list(caller: Administrator, Parameters(Nothing {}): Parameters<Nothing>) -> Json<Value> {
    let items: Vec<&Definition> = caller.settings.permissions.values().collect();
    Json(json!({ "items": items, "gateway_actions": GATEWAY_ACTIONS }))
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
pub async fn defaults(caller: Administrator, Parameters(Nothing {}): Parameters<Nothing>) -> Json<Value> {
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
