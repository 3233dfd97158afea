//! Users: found, looked at, suspended, invited, deleted; written and given licences in the files below.

pub mod home;
pub mod licences;
pub mod write;

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::directory::delete::DeleteUser;
use crate::directory::invitation::RevokeInvitation;
use crate::directory::settings::OrganisationSettings;
use crate::directory::suspend::{ReactivateUser, SuspendUser};
use crate::directory::{Directory, DirectoryError};
use crate::model::clock::Timestamp;
use crate::model::custom_attribute::Bearer;
use crate::model::id::{OrganisationId, UserId};
use crate::model::list::List;
use crate::model::user::User;

use super::caller::{Administrator, Place};
use super::listing::{AskedWith, literal};
use super::problem::Problem;

/// Which users to list, beside what every list is asked.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// A login id of any kind.
    user_name: Option<String>,
    /// An e-mail address.
    email: Option<String>,
}

/// `GET .../users`: all in the order of their creation, or those that are asked for (S001-4, S004-9, S004-14). As a file:
/// [`super::export`].
pub async fn list(
    State(directory): State<Directory>,
    caller: Administrator,
    AskedWith(mut listing, wanted): AskedWith<Wanted>,
) -> Result<Json<Value>, Problem> {
    let organisation = caller.organisation();
    if let Some(email) = &wanted.email {
        listing = listing.narrowed(&format!("emails.value eq {}", literal(email)));
    }
    let mut question = listing
        .read(&directory, &caller, List::Users)
        .await?
        .within(&caller, "user.view");
    if let Some(name) = &wanted.user_name {
        let named = directory.browse_user_name(organisation, name).await?;
        question.selection = question.selection.only(named.map(|user| user.id.uuid()));
    }
    let turn = question.turn.clone();
    let selected = directory
        .select_users(organisation, &question.selection, turn, question.limit)
        .await?;
    let signed_in = directory.last_sign_ins(organisation, &selected.items).await?;
    let signed_in: BTreeMap<UserId, Option<Timestamp>> =
        selected.items.iter().map(|user| user.id).zip(signed_in).collect();
    Ok(Json(question.page(&selected, |user| {
        let mut shown = view(user, &caller.settings);
        shown["last_sign_in"] = json!(signed_in.get(&user.id));
        shown
    })))
}

/// `GET .../users/{user}` (S004-21): by identifier, or by any login id. `effective` tells the language, the time zone and the
/// country prefix in force, and where each comes from.
pub async fn retrieve(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, user)): Place<(String, String)>,
) -> Result<Json<Value>, Problem> {
    let found = find(&directory, caller.organisation(), &user).await?;
    let mut shown = view(&found, &caller.settings);
    let effective = directory.effective_locale(&caller.settings, &found).await?;
    shown["effective"] = effective.to_json();
    let signed_in = directory.last_sign_ins(caller.organisation(), &[found]).await?;
    shown["last_sign_in"] = json!(signed_in.first());
    Ok(Json(shown))
}

/// `DELETE .../users/{user}`: for good; the identifier is never used again.
pub async fn delete(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, user)): Place<(String, String)>,
) -> Result<StatusCode, Problem> {
    let user = find(&directory, caller.organisation(), &user).await?;
    directory.run(&caller.permit, &DeleteUser(user.id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST .../users/{user}/suspend`: an administrator's block, which no connection lifts.
pub async fn suspend(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, user)): Place<(String, String)>,
) -> Result<Json<Value>, Problem> {
    let user = find(&directory, caller.organisation(), &user).await?;
    let after = directory.run(&caller.permit, &SuspendUser(user.id)).await?;
    Ok(Json(view(&after, &caller.settings)))
}

/// `POST .../users/{user}/reactivate`: lifts the administrator's block; a connection's own stays.
pub async fn reactivate(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, user)): Place<(String, String)>,
) -> Result<Json<Value>, Problem> {
    let user = find(&directory, caller.organisation(), &user).await?;
    let after = directory.run(&caller.permit, &ReactivateUser(user.id)).await?;
    Ok(Json(view(&after, &caller.settings)))
}

/// `POST .../users/{user}/revoke-invitation`: whether one was out.
pub async fn revoke_invitation(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, user)): Place<(String, String)>,
) -> Result<Json<Value>, Problem> {
    let user = find(&directory, caller.organisation(), &user).await?;
    let revoked = directory.run(&caller.permit, &RevokeInvitation(user.id)).await?;
    Ok(Json(json!({ "revoked": revoked })))
}

/// A user by identifier or user name.
pub(super) async fn find(
    directory: &Directory,
    organisation: OrganisationId,
    named: &str,
) -> Result<User, DirectoryError> {
    let by_id = match named.parse::<UserId>() {
        Ok(id) => directory.browse_user(organisation, id).await?,
        Err(_) => None,
    };
    match by_id {
        Some(user) => Ok(user),
        None => directory
            .browse_user_name(organisation, named)
            .await?
            .ok_or_else(|| DirectoryError::not_found("user", named)),
    }
}

/// A user as the admin API shows one. Never the password's hash, nor what the organisation declares to be secret.
pub(super) fn view(user: &User, settings: &OrganisationSettings) -> Value {
    let mut attributes = user.attributes.clone();
    if let Some(custom) = settings.custom(Bearer::User) {
        custom.hide_unseen(&mut attributes);
    }
    json!({
        "id": user.id,
        "user_name": user.user_name,
        "display_name": user.display_name(),
        "emails": user.emails().collect::<Vec<_>>(),
        "state": user.state(),
        "active": user.is_active(),
        "restricted": user.restricted,
        "suspended_by": user.facts.suspended_by,
        "login_ids": user.login_ids,
        "nicknames": user.nicknames,
        "labels": user.labels,
        "country_prefix": user.country_prefix,
        "home_group": user.home_group,
        "review_pending": user.review_pending,
        "external_ids": user.external_ids,
        "roles": user.roles,
        "licences": user.licences,
        "attributes": attributes,
        "created": user.created,
        "last_modified": user.last_modified,
    })
}
