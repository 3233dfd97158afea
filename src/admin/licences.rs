//! Licences: limit, use, and who holds or waits for a seat.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use crate::directory::keys::Count;
use crate::directory::{Directory, DirectoryError};
use crate::model::licence::Licence;
use crate::model::slug::Slug;
use crate::model::user::User;

use super::caller::{Administrator, Parameters, Place};
use super::page::{Paging, page};
use super::problem::Problem;

/// `GET .../licences`: all, with how many seats are in use and how many people wait.
pub async fn list(State(directory): State<Directory>, caller: Administrator) -> Result<Json<Value>, Problem> {
    let licences: Vec<&Licence> = caller.settings.licences.values().collect();
    let counts: Vec<Count> = licences
        .iter()
        .flat_map(|licence| [Count::Seats(licence.key.clone()), Count::Waiting(licence.key.clone())])
        .collect();
    let counts = directory.browse_counts(caller.organisation(), &counts).await?;
    let items: Vec<Value> = licences
        .iter()
        .zip(counts.chunks(2))
        .map(|(licence, counts)| view(licence, counts))
        .collect();
    Ok(Json(json!({ "items": items })))
}

/// `GET .../licences/{key}/holders`: everyone who is meant to have it, with the state of the seat.
pub async fn holders(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, key)): Place<(String, String)>,
    Parameters(paging): Parameters<Paging>,
) -> Result<Json<Value>, Problem> {
    let limit = paging.limit()?;
    let after = paging.after(|cursor| cursor.parse().ok())?;
    let missing = || DirectoryError::not_found("licence", &key);
    let slug: Slug = key.parse().map_err(|_| missing())?;
    if !caller.settings.licences.contains_key(&slug) {
        return Err(missing().into());
    }
    let holders = directory
        .browse_holders(caller.organisation(), &slug, after, limit + 1)
        .await?;
    let shown = |user: &User| {
        json!({
            "id": user.id,
            "user_name": user.user_name,
            "state": user.state(),
            "claim": user.licences.get(&slug),
        })
    };
    Ok(Json(page(holders, limit, |user| user.id.to_string(), shown)))
}

fn view(licence: &Licence, counts: &[i64]) -> Value {
    json!({
        "key": licence.key,
        "name": licence.name,
        "limit": licence.limit,
        "used": counts.first(),
        "waiting": counts.get(1),
        "consumes_from": licence.consumes_from,
        "when_full": licence.when_full,
    })
}
