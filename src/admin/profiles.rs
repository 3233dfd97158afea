//! Profiles that come with the gateway.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use crate::directory::Directory;
use crate::model::list::List;
use crate::provision::profile::{self, PROFILES, Profile};

use super::caller::{Caller, Parameters, Place};
use super::listing::{Known, Listing};
use super::problem::Problem;

/// `GET /profiles`: all, with what each is for.
pub async fn list(
    State(directory): State<Directory>,
    _: Caller,
    Parameters(listing): Parameters<Listing>,
) -> Result<Json<Value>, Problem> {
    let question = listing.read_alone(&directory, List::Profiles)?;
    let items = PROFILES.map(|profile| json!({ "name": profile.name, "summary": profile.summary() }));
    Ok(Json(question.answer(&directory, Known::by("name", items)).await?))
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
