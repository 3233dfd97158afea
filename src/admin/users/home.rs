//! Moving a user to another home group, and looking at the permissions afterwards.

use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::admin::caller::{Administrator, Body, Place};
use crate::admin::groups;
use crate::admin::problem::Problem;
use crate::directory::Directory;
use crate::directory::user::home::{MoveUser, ReviewPermissions};

use super::{find, view};

/// Where to move somebody.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Moved {
    /// The new home group: its identifier or name.
    to: String,
    /// Whether the product takes what was done before along (S004-27).
    #[serde(default)]
    take_history: bool,
}

/// `POST .../users/{user}/move`: makes another group the home group. What the groups give by membership follows; everything else
/// stays, and a review of the permissions is pending.
pub async fn move_user(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, user)): Place<(String, String)>,
    Body(moved): Body<Moved>,
) -> Result<Json<Value>, Problem> {
    let user = find(&directory, caller.organisation(), &user).await?;
    let to = groups::find(&directory, caller.organisation(), &moved.to).await?;
    let operation = MoveUser {
        user: user.id,
        to: to.id,
        take_history: moved.take_history,
    };
    let after = directory.run(&caller.permit, &operation).await?;
    Ok(Json(view(&after, &caller.settings)))
}

/// `POST .../users/{user}/review-permissions`: an administrator has looked at them. Answers whether that was pending.
pub async fn review(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, user)): Place<(String, String)>,
) -> Result<Json<Value>, Problem> {
    let user = find(&directory, caller.organisation(), &user).await?;
    let (after, was_pending) = directory.run(&caller.permit, &ReviewPermissions(user.id)).await?;
    let mut shown = view(&after, &caller.settings);
    shown["reviewed"] = json!(was_pending);
    Ok(Json(shown))
}
