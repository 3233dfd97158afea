//! Profiles that come with the gateway.

use axum::Json;
use serde_json::{Value, json};

use crate::provision::profile::{self, PROFILES, Profile};

use super::caller::{Caller, Place};
use super::problem::Problem;

/// `GET /profiles`: all, with what each is for.
pub async fn list(_: Caller) -> Json<Value> {
    let items = PROFILES.map(|profile| json!({ "name": profile.name, "summary": profile.summary() }));
    Json(json!({ "items": items }))
}

/// `GET /profiles/{name}`: one, with its file.
pub async fn retrieve(_: Caller, Place(name): Place<String>) -> Result<Json<Value>, Problem> {
    let profile = Profile::find(&name).ok_or_else(|| {
        let detail = format!("{name:?} is not a profile: use one of {}", profile::names());
        Problem::new(axum::http::StatusCode::NOT_FOUND, detail)
    })?;
    Ok(Json(
        json!({ "name": profile.name, "summary": profile.summary(), "file": profile.text }),
    ))
}
