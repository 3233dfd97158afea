//! Connections: shown with their settings. They hold no secret: a directory's password is in a file or the environment.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use crate::directory::keys::Count;
use crate::directory::{Directory, DirectoryError};
use crate::model::slug::Slug;

use super::caller::{Administrator, Place};
use super::problem::Problem;

/// `GET .../connections`: all, each with how many people it is linked to.
pub async fn list(State(directory): State<Directory>, caller: Administrator) -> Result<Json<Value>, Problem> {
    let connections: Vec<_> = caller.settings.connections.values().collect();
    let counts: Vec<Count> = connections
        .iter()
        .map(|connection| Count::Linked(connection.name.clone()))
        .collect();
    let counts = directory.browse_counts(caller.organisation(), &counts).await?;
    let items: Vec<Value> = connections
        .iter()
        .zip(counts)
        .map(|(connection, linked)| {
            json!({
                "name": connection.name,
                "kind": connection.kind,
                "onboarding": connection.onboarding,
                "schedule": connection.schedule,
                "linked": linked,
            })
        })
        .collect();
    Ok(Json(json!({ "items": items })))
}

/// `GET .../connections/{name}`: one, with all its settings.
pub async fn retrieve(
    caller: Administrator,
    Place((_, name)): Place<(String, String)>,
) -> Result<Json<Value>, Problem> {
    let slug = name.parse::<Slug>().ok();
    let found = slug.and_then(|slug| caller.settings.connections.get(&slug));
    let connection = found.ok_or_else(|| DirectoryError::not_found("connection", &name))?;
    Ok(Json(json!(connection.as_ref())))
}
