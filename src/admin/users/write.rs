//! Users made and changed by administrators.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::admin::caller::{Administrator, Body, Place};
use crate::admin::groups;
use crate::admin::problem::Problem;
use crate::directory::Directory;
use crate::directory::user::administer::{CreateUser, NewUser, UpdateUser};
use crate::model::Object;
use crate::model::locale::CountryPrefix;
use crate::model::login::LoginId;
use crate::model::slug::Slug;

use super::{find, view};

/// What a new user is made of.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewUserBody {
    user_name: String,
    /// SCIM attributes, extensions under their URN.
    #[serde(default)]
    attributes: Object,
    /// Make an invitation at once; the person is prepared otherwise.
    #[serde(default)]
    invite: bool,
    /// A first password, instead of an invitation.
    #[serde(default)]
    password: Option<String>,
    #[serde(default)]
    login_ids: Vec<LoginId>,
    #[serde(default)]
    nicknames: Vec<String>,
    #[serde(default)]
    labels: BTreeSet<String>,
    #[serde(default)]
    country_prefix: Option<CountryPrefix>,
    /// The home group: its identifier or name.
    #[serde(default)]
    home_group: Option<String>,
    /// Licences, given directly.
    #[serde(default)]
    licences: Vec<Slug>,
}

/// `POST .../users`: prepared, or invited with `"invite": true`; the invitation's secret is shown once.
pub async fn create(
    State(directory): State<Directory>,
    caller: Administrator,
    Body(new): Body<NewUserBody>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let home_group = match &new.home_group {
        Some(named) => Some(groups::find(&directory, caller.organisation(), named).await?.id),
        None => None,
    };
    let user = NewUser {
        user_name: new.user_name,
        attributes: new.attributes,
        invite: new.invite,
        password: new.password.map(|password| directory.new_password(&password)),
        login_ids: new.login_ids,
        nicknames: new.nicknames,
        labels: new.labels,
        country_prefix: new.country_prefix,
        home_group,
        licences: new.licences,
    };
    let create = CreateUser {
        schemas: &caller.settings.schemas.users,
        user: &user,
    };
    let (made, issued) = directory.run(&caller.permit, &create).await?;
    let mut shown = view(&made, &caller.settings);
    if let Some(issued) = issued {
        shown["invitation"] = json!({
            "id": issued.invitation.id,
            "secret": issued.secret,
            "expires": issued.invitation.expires,
        });
    }
    Ok((StatusCode::CREATED, Json(shown)))
}

/// `PATCH .../users/{user}`: a JSON merge patch (RFC 7396) of what `GET` shows and an administrator may write. `null` takes a
/// value away, an array replaces the whole list.
pub async fn update(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, user)): Place<(String, String)>,
    Body(patch): Body<Object>,
) -> Result<Json<Value>, Problem> {
    let user = find(&directory, caller.organisation(), &user).await?;
    let update = UpdateUser {
        schemas: &caller.settings.schemas.users,
        user: user.id,
        patch: &patch,
    };
    let after = directory.run(&caller.permit, &update).await?;
    Ok(Json(view(&after, &caller.settings)))
}
