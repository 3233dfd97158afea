//! Whose data a user sees, by area (S004-29): each area is saved by itself (S004-30).

use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::directory::grant::SetAccess;
use crate::directory::{Directory, DirectoryError};
use crate::model::access::{AccessList, Area, Mode};
use crate::model::user::User;

use super::caller::{Administrator, Body, Place};
use super::problem::Problem;
use super::{groups, users};

/// What a user is to see of an area.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAccess {
    mode: Mode,
    /// Groups by identifier or name, for mode `list`.
    #[serde(default)]
    groups: Vec<String>,
}

/// `GET .../users/{user}/access`: every area.
pub async fn list(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, user)): Place<(String, String)>,
) -> Result<Json<Value>, Problem> {
    let user = users::find(&directory, caller.organisation(), &user).await?;
    Ok(Json(view(&user)))
}

/// `PUT .../users/{user}/access/{area}`: what the user is to see of one.
pub async fn set(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, user, area)): Place<(String, String, String)>,
    Body(new): Body<NewAccess>,
) -> Result<Json<Value>, Problem> {
    let user = users::find(&directory, caller.organisation(), &user).await?.id;
    let mut areas = Area::ALL.into_iter();
    let known = areas.find(|known| known.as_str() == area);
    let area = known.ok_or_else(|| DirectoryError::not_found("area", area))?;
    let mut list = AccessList {
        mode: new.mode,
        ..AccessList::default()
    };
    for group in &new.groups {
        list.groups
            .insert(groups::find(&directory, caller.organisation(), group).await?.id);
    }
    let after = directory.run(&caller.permit, &SetAccess { user, area, list }).await?;
    Ok(Json(view(&after)))
}

fn view(user: &User) -> Value {
    let areas = Area::ALL.into_iter().map(|area| {
        let list = user.access.get(&area).cloned().unwrap_or_default();
        (area.as_str().to_owned(), json!(list))
    });
    Value::Object(areas.collect())
}
