//! Users: found, looked at, suspended, invited, deleted; written and given licences in the files below.

pub mod home;
pub mod licences;
pub mod write;

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
use crate::model::custom_attribute::Bearer;
use crate::model::id::{OrganisationId, UserId};
use crate::model::list::List;
use crate::model::user::User;

use super::caller::{Administrator, Parameters, Place};
use super::listing::{Listing, literal};
use super::problem::Problem;

/// Which users to list.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<usize>,
    after: Option<String>,
    /// Only those who satisfy this filter (RFC 7644 section 3.4.2.2) over the names that the items show.
    filter: Option<String>,
    /// In the order of this member; in that of their creation when missing.
    sort: Option<String>,
    /// The greatest first.
    #[serde(default)]
    descending: bool,
    /// Only those in this state: `prepared`, `invited`, `enrolled`, `active`, `waiting` or `suspended`.
    state: Option<String>,
    /// The start of an e-mail address or display name, or a whole login id.
    q: Option<String>,
    /// Answer `total` as well: how many there are on all pages. It is missing when there are too many to look at.
    #[serde(default)]
    count: bool,
    /// As this saved view says, by its name.
    view: Option<String>,
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
    Parameters(wanted): Parameters<Wanted>,
) -> Result<Json<Value>, Problem> {
    let organisation = caller.organisation();
    let mut listing = Listing {
        limit: wanted.limit,
        after: wanted.after,
        filter: wanted.filter,
        sort: wanted.sort,
        descending: wanted.descending,
        state: wanted.state,
        q: wanted.q,
        count: wanted.count,
        view: wanted.view,
    };
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
    let selected = directory
        .select_users(organisation, &question.selection, question.after(), question.limit)
        .await?;
    Ok(Json(question.page(&selected, |user| view(user, &caller.settings))))
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
