//! Users made and changed by administrators.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::{Extension, State};
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::admin::caller::{Administrator, Body, Parameters, Place};
use crate::admin::connections::PublicUrl;
use crate::admin::problem::Problem;
use crate::admin::trial::Trial;
use crate::admin::{groups, invitations, resources};
use crate::directory::user::administer::{CreateUser, NewUser, UpdateUser};
use crate::directory::{Directory, DirectoryError};
use crate::model::Object;
use crate::model::invitation::Channel;
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
    /// Make an invitation at once; the person is prepared otherwise. Without this, as the organisation's invite_new_users says.
    invite: Option<bool>,
    /// How the invitation is handed over. Without this by mail where the person has an e-mail address, else by a link that whoever asked
    /// is shown; the answer says which.
    channel: Option<Channel>,
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
    /// Other groups that the person is put into: identifiers or names.
    #[serde(default)]
    groups: Vec<String>,
    /// Roles in the whole organisation.
    #[serde(default)]
    roles: Vec<Slug>,
    /// Licences, given directly.
    #[serde(default)]
    licences: Vec<Slug>,
    /// Resources that are assigned: identifiers, or `type:name`.
    #[serde(default)]
    resources: Vec<String>,
}

/// `POST .../users`: prepared, or invited with `"invite": true`, with everything that the person is to have from the first moment:
/// all of it or nothing. The invitation's secret is shown once, unless it goes by mail. With `dry_run` nobody is made, and there is no
/// secret to show.
pub async fn create(
    State(directory): State<Directory>,
    caller: Administrator,
    Parameters(trial): Parameters<Trial>,
    public: Option<Extension<PublicUrl>>,
    Body(new): Body<NewUserBody>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let (directory, status) = trial.place(directory);
    let organisation = caller.organisation();
    let home_group = match &new.home_group {
        Some(named) => Some(groups::find(&directory, organisation, named).await?.id),
        None => None,
    };
    let mut joined = Vec::with_capacity(new.groups.len());
    for named in &new.groups {
        let group = groups::find(&directory, organisation, named).await;
        joined.push(group.map_err(|error| part("groups", error))?.id);
    }
    let mut assigned = Vec::with_capacity(new.resources.len());
    for named in &new.resources {
        let resource = resources::find(&directory, &caller, named).await;
        assigned.push(resource.map_err(|error| part("resources", error))?.id);
    }
    let user = NewUser {
        user_name: new.user_name,
        attributes: new.attributes,
        invite: caller.settings.organisation.invites(new.invite, new.password.is_some()),
        channel: new.channel,
        password: new.password.map(|password| directory.new_password(&password)),
        login_ids: new.login_ids,
        nicknames: new.nicknames,
        labels: new.labels,
        country_prefix: new.country_prefix,
        home_group,
        groups: joined,
        roles: new.roles,
        licences: new.licences,
        resources: assigned,
    };
    let create = CreateUser {
        schemas: &caller.settings.schemas.users,
        user: &user,
    };
    let (made, issued) = directory.run(&caller.permit, &create).await?;
    let mut shown = view(&made, &caller.settings);
    if let Some(issued) = issued.filter(|_| status == StatusCode::CREATED) {
        shown["invitation"] = invitations::issued_view(&directory, &issued, public.as_deref());
    }
    Ok((status, Json(shown)))
}

/// What a body names and is not there is a fault of the body, and not of its address.
pub(in crate::admin) fn part(part: &'static str, error: DirectoryError) -> DirectoryError {
    match error {
        DirectoryError::NotFound { .. } => DirectoryError::invalid(part, error.to_string()),
        other => other,
    }
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
