//! A user's licences, given and taken directly.

use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::admin::caller::{Administrator, Body, Place};
use crate::admin::problem::Problem;
use crate::directory::cost_centre::ChargeSeat;
use crate::directory::licence::{AssignLicence, FreeLicence};
use crate::directory::{Directory, DirectoryError};
use crate::model::slug::Slug;

use super::{find, view};

/// Which licence to give.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Given {
    licence: Slug,
    /// Who pays; the default cost centre when none is named.
    #[serde(default)]
    cost_centre: Option<Slug>,
}

/// Who is to pay for a seat.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Charged {
    /// `null` for the default cost centre.
    cost_centre: Option<Slug>,
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
        cost_centre: given.cost_centre,
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
    let free = FreeLicence {
        user: user.id,
        licence: parse(&key)?,
    };
    let (after, staying) = directory.run(&caller.permit, &free).await?;
    let mut shown = view(&after, &caller.settings);
    shown["staying"] = json!(staying);
    Ok(Json(shown))
}

/// `PUT .../users/{user}/licences/{key}/cost-centre`: has the seat paid for by another cost centre.
pub async fn charge(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, user, key)): Place<(String, String, String)>,
    Body(charged): Body<Charged>,
) -> Result<Json<Value>, Problem> {
    let user = find(&directory, caller.organisation(), &user).await?;
    let charge = ChargeSeat {
        user: user.id,
        licence: parse(&key)?,
        cost_centre: charged.cost_centre,
    };
    let after = directory.run(&caller.permit, &charge).await?;
    Ok(Json(view(&after, &caller.settings)))
}

fn parse(key: &str) -> Result<Slug, DirectoryError> {
    key.parse().map_err(|_| DirectoryError::not_found("licence", key))
}
