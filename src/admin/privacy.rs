//! The privacy desk: a person's data handed over, erased, left alone.

use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::directory::privacy::{NoteExport, RestrictUser};
use crate::directory::{Directory, DirectoryError};
use crate::model::id::UserId;

use super::caller::{Administrator, Body, Place};
use super::problem::Problem;
use super::users::{find, view};

/// `GET .../users/{user}/export`: everything that is held about the person, without secrets.
pub async fn export(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, user)): Place<(String, String)>,
) -> Result<Json<Value>, Problem> {
    let user = find(&directory, caller.organisation(), &user).await?;
    let held = directory.export_user(&caller.settings, &user).await?;
    directory.run(&caller.permit, &NoteExport::Person(user.id)).await?;
    Ok(Json(held))
}

/// What must be typed.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Confirmation {
    /// The user name of the person, as it is shown. For somebody who was deleted before: the identifier.
    confirm: String,
    /// Further names, addresses and numbers of the person to look for: a maiden name, an address that was never stored. At most 50 of
    /// 3 to 500 characters.
    #[serde(default)]
    #[schemars(length(max = 50))]
    names: Vec<String>,
}

/// `POST .../users/{user}/erase`: for good; nothing personal is left. Answers what was masked, and what a person must look at.
pub async fn erase(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, named)): Place<(String, String)>,
    Body(confirmation): Body<Confirmation>,
) -> Result<Json<Value>, Problem> {
    let id = match find(&directory, caller.organisation(), &named).await {
        Ok(user) => {
            directory.confirm_erasure(&user, &confirmation.confirm)?;
            user.id
        }
        Err(DirectoryError::NotFound { .. }) if confirmation.confirm == named => {
            let missing = |_| DirectoryError::not_found("user", &named);
            named.parse::<UserId>().map_err(missing)?
        }
        Err(error) => return Err(error.into()),
    };
    let erased = directory.erase_user(&caller.permit, id, &confirmation.names).await?;
    Ok(Json(json!({
        "erased": id,
        "looked_for": erased.looked_for,
        "records": erased.records,
        "left": erased.left,
    })))
}

/// Whether processing is restricted.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Restriction {
    restricted: bool,
}

/// `PUT .../users/{user}/restriction`: the data is kept and used for nothing, or used again.
pub async fn restrict(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, user)): Place<(String, String)>,
    Body(restriction): Body<Restriction>,
) -> Result<Json<Value>, Problem> {
    let user = find(&directory, caller.organisation(), &user).await?;
    let restrict = RestrictUser {
        user: user.id,
        restricted: restriction.restricted,
    };
    let after = directory.run(&caller.permit, &restrict).await?;
    Ok(Json(view(&after, &caller.settings)))
}
