//! A user's licences, given and taken directly.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::admin::caller::{Administrator, Body, Place};
use crate::admin::problem::Problem;
use crate::directory::licence::{AssignLicence, FreeLicence};
use crate::directory::{Directory, DirectoryError};
use crate::model::slug::Slug;

use super::{find, view};

/// Which licence to give.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Given {
    licence: Slug,
}

/// `POST .../users/{user}/licences`: gives a licence directly; a seat is taken when one is needed.
pub async fn assign(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, user)): Place<(String, String)>,
    Body(given): Body<Given>,
) -> Result<Json<Value>, Problem> {
    let user = find(&directory, caller.organisation(), &user).await?;
    let assign = AssignLicence {
        user: user.id,
        licence: given.licence,
    };
    let after = directory.run(&caller.permit, &assign).await?;
    Ok(Json(view(&after, &caller.settings)))
}

/// `DELETE .../users/{user}/licences/{key}`: takes a directly given licence away. `staying` lists the other reasons for which
/// the person keeps it.
pub async fn free(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, user, key)): Place<(String, String, String)>,
) -> Result<Json<Value>, Problem> {
    let user = find(&directory, caller.organisation(), &user).await?;
    let missing = |_| DirectoryError::not_found("licence", &key);
    let free = FreeLicence {
        user: user.id,
        licence: key.parse().map_err(missing)?,
    };
    let (after, staying) = directory.run(&caller.permit, &free).await?;
    let mut shown = view(&after, &caller.settings);
    shown["staying"] = json!(staying);
    Ok(Json(shown))
}
