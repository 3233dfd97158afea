//! Permissions given to one user without a role. Roles are the better way for more than one (S003-54).

use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::directory::Directory;
use crate::directory::grant::{GrantPermission, RevokePermission};
use crate::model::role::{Permission, Scope};
use crate::model::slug::Slug;
use crate::model::user::User;

use super::caller::{Administrator, Body, Parameters, Place};
use super::problem::Problem;
use super::users;

/// One permission.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Named {
    permission: Permission,
}

/// `GET .../users/{user}/permissions`.
pub async fn list(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, user)): Place<(String, String)>,
) -> Result<Json<Value>, Problem> {
    let user = users::find(&directory, caller.organisation(), &user).await?;
    Ok(Json(view(&user)))
}

/// `POST .../users/{user}/permissions`: gives one. The answer advises a role, which is the better way (S003-54).
pub async fn grant(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, user)): Place<(String, String)>,
    Body(Named { permission }): Body<Named>,
) -> Result<Json<Value>, Problem> {
    let user = users::find(&directory, caller.organisation(), &user).await?.id;
    let roles = caller.settings.roles.values();
    let bringing = roles.filter(|role| role.scope == Scope::Global && role.permissions.contains(&permission));
    let bringing: Vec<&Slug> = bringing.map(|role| &role.key).collect();
    let advice = match bringing.as_slice() {
        [] => "for more than one person, make a role with this permission and give that",
        _ => "these roles bring the permission: give one of them instead",
    };
    let grant = GrantPermission {
        user,
        permission: permission.clone(),
    };
    let after = directory.run(&caller.permit, &grant).await?;
    let mut shown = view(&after);
    shown["advice"] = json!({ "text": advice, "roles": bringing });
    Ok(Json(shown))
}

/// `DELETE .../users/{user}/permissions?permission=`: takes one back.
pub async fn revoke(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, user)): Place<(String, String)>,
    Parameters(Named { permission }): Parameters<Named>,
) -> Result<Json<Value>, Problem> {
    let user = users::find(&directory, caller.organisation(), &user).await?.id;
    let after = directory
        .run(&caller.permit, &RevokePermission { user, permission })
        .await?;
    Ok(Json(view(&after)))
}

fn view(user: &User) -> Value {
    json!({ "items": user.grants })
}
