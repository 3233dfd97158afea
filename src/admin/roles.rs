//! Roles: made, changed, linked to groups, compared, deleted with a confirmation.

use std::collections::BTreeSet;

use async_trait::async_trait;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::directory::group_gives::ChangeGives;
use crate::directory::keys::Count;
use crate::directory::role_assignment::CreateRole;
use crate::directory::role_deletion::LinkedGroups;
use crate::directory::role_edit::{EditRole, LinkGroup};
use crate::directory::stretch::Stretch;
use crate::directory::{Directory, DirectoryError};
use crate::model::id::{OrganisationId, UserId};
use crate::model::list::List;
use crate::model::matrix;
use crate::model::role::Role;
use crate::model::slug::Slug;
use crate::model::user::User;

use super::caller::{Administrator, Body, Parameters, Place};
use super::group_edit::taken;
use super::listing::{Browse, Known, Listing};
use super::problem::Problem;
use super::{groups, users};

/// `GET .../roles`: all, in the order of their keys, or those that are asked for.
pub async fn list(
    State(directory): State<Directory>,
    caller: Administrator,
    Parameters(listing): Parameters<Listing>,
) -> Result<Json<Value>, Problem> {
    let question = listing.read(&directory, &caller, List::Roles).await?;
    let roles = known(&directory, &caller).await?;
    Ok(Json(question.answer(&directory, roles).await?))
}

/// The organisation's roles, with how many people hold each.
///
/// # Errors
/// As the store's read.
pub(super) async fn known(directory: &Directory, caller: &Administrator) -> Result<Known, DirectoryError> {
    let roles: Vec<&Role> = caller.settings.roles.values().collect();
    let counts: Vec<Count> = roles.iter().map(|role| Count::RoleHolders(role.key.clone())).collect();
    let counts = directory.browse_counts(caller.organisation(), &counts).await?;
    let counted = roles.into_iter().zip(counts);
    Ok(Known::by("key", counted.map(|(role, holders)| view(role, holders))))
}

/// `GET .../roles/{role}`.
pub async fn retrieve(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, key)): Place<(String, String)>,
) -> Result<Json<Value>, Problem> {
    let role = find(&caller, &key)?;
    Ok(Json(shown(&directory, &caller, &role).await?))
}

/// `POST .../roles`: makes one, and gives it to `users` in the same moment.
pub async fn create(
    State(directory): State<Directory>,
    caller: Administrator,
    Body(mut document): Body<Map<String, Value>>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let named: Vec<String> = taken(&mut document, "users")?;
    let role = serde_json::from_value(Value::Object(document))
        .map_err(|error| DirectoryError::invalid("role", error.to_string()))?;
    let mut holders = Vec::with_capacity(named.len());
    for name in &named {
        let user = users::find(&directory, caller.organisation(), name).await;
        holders.push(user.map_err(|error| users::write::part("users", error))?.id);
    }
    let create = CreateRole { role, users: holders };
    let role = directory.run(&caller.permit, &create).await?;
    Ok((StatusCode::CREATED, Json(shown(&directory, &caller, &role).await?)))
}

/// `PUT .../roles/{role}`: what it is to be, whole.
pub async fn replace(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, key)): Place<(String, String)>,
    Body(role): Body<Role>,
) -> Result<Json<Value>, Problem> {
    if role.key.as_str() != key {
        let detail = format!(
            "key: the address is for {key:?}, the role for {:?}: a role keeps its key",
            role.key.as_str()
        );
        return Err(Problem::bad_request(detail));
    }
    let role = directory.run(&caller.permit, &EditRole { role, is_new: false }).await?;
    Ok(Json(shown(&directory, &caller, &role).await?))
}

/// How to delete.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Manner {
    /// What becomes of its linked groups.
    #[serde(default)]
    linked_groups: LinkedGroups,
    /// The `confirm` of the impact that was seen.
    confirm: Option<String>,
}

/// `GET .../roles/{role}/impact`: what deleting it would mean.
pub async fn impact(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, key)): Place<(String, String)>,
    Parameters(manner): Parameters<Manner>,
) -> Result<Json<Value>, Problem> {
    let role = find(&caller, &key)?;
    let impact = directory
        .role_impact(caller.organisation(), &role.key, manner.linked_groups)
        .await?;
    Ok(Json(json!(impact)))
}

/// `DELETE .../roles/{role}`: with the `confirm` of its impact; without it, the answer is the impact and nothing happens.
pub async fn delete(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, key)): Place<(String, String)>,
    Parameters(manner): Parameters<Manner>,
) -> Result<Json<Value>, Problem> {
    let role = find(&caller, &key)?;
    let confirm = manner.confirm.as_deref();
    let impact = directory
        .delete_role(&caller.permit, &role.key, manner.linked_groups, confirm)
        .await?;
    Ok(Json(json!(impact)))
}

/// Everyone who holds a role in the whole organisation, with the reasons.
struct Holders<'a> {
    organisation: OrganisationId,
    role: &'a Slug,
}

#[async_trait]
impl Browse for Holders<'_> {
    type Name = UserId;

    async fn browse(
        &self,
        directory: &Directory,
        along: Stretch<UserId>,
        limit: usize,
    ) -> Result<Vec<Value>, DirectoryError> {
        let holders = directory
            .browse_role_holders(self.organisation, self.role, along, limit)
            .await?;
        let shown = |user: &User| {
            json!({
                "id": user.id,
                "user_name": user.user_name,
                "display_name": user.display_name(),
                "state": user.state(),
                "origins": user.roles.get(self.role),
                "role": self.role,
            })
        };
        Ok(holders.iter().map(shown).collect())
    }
}

/// `GET .../roles/{role}/holders`: everyone who holds it in the organisation, with the reasons.
pub async fn holders(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, key)): Place<(String, String)>,
    Parameters(listing): Parameters<Listing>,
) -> Result<Json<Value>, Problem> {
    let role = find(&caller, &key)?.key;
    let question = listing.read(&directory, &caller, List::RoleHolders).await?;
    let holders = Holders {
        organisation: caller.organisation(),
        role: &role,
    };
    Ok(Json(question.answer(&directory, holders).await?))
}

/// `PUT .../roles/{role}/groups/{group}`: its holders are in the group from now on.
pub async fn link(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, key, group)): Place<(String, String, String)>,
) -> Result<Json<Value>, Problem> {
    set_link(&directory, &caller, &key, &group, true).await
}

/// `DELETE .../roles/{role}/groups/{group}`: they are in it for other reasons only.
pub async fn unlink(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, key, group)): Place<(String, String, String)>,
) -> Result<Json<Value>, Problem> {
    set_link(&directory, &caller, &key, &group, false).await
}

/// `PUT .../groups/{group}/linked-roles/{role}`: the same link from the group's end (S003-56). Answers the group.
pub async fn link_group(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, group, key)): Place<(String, String, String)>,
) -> Result<Json<Value>, Problem> {
    drop(set_link(&directory, &caller, &key, &group, true).await?);
    group_shown(&directory, &caller, &group).await
}

/// `DELETE .../groups/{group}/linked-roles/{role}`: takes it back from the group's end. Answers the group.
pub async fn unlink_group(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, group, key)): Place<(String, String, String)>,
) -> Result<Json<Value>, Problem> {
    drop(set_link(&directory, &caller, &key, &group, false).await?);
    group_shown(&directory, &caller, &group).await
}

/// `PUT .../roles/{role}/given-by/{group}`: the group's members hold the role from now on: what the group gives, from the role's
/// end (S003-56). Answers the role.
pub async fn give_by(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, key, group)): Place<(String, String, String)>,
) -> Result<Json<Value>, Problem> {
    let role = BTreeSet::from([find(&caller, &key)?.key]);
    let change = ChangeGives {
        add_roles: role,
        ..ChangeGives::default()
    };
    set_gives(&directory, &caller, &key, &group, &change).await
}

/// `DELETE .../roles/{role}/given-by/{group}`: they hold it for other reasons only. Answers the role.
pub async fn give_by_no_more(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, key, group)): Place<(String, String, String)>,
) -> Result<Json<Value>, Problem> {
    let role = BTreeSet::from([find(&caller, &key)?.key]);
    let change = ChangeGives {
        remove_roles: role,
        ..ChangeGives::default()
    };
    set_gives(&directory, &caller, &key, &group, &change).await
}

async fn set_gives(
    directory: &Directory,
    caller: &Administrator,
    key: &str,
    group: &str,
    change: &ChangeGives,
) -> Result<Json<Value>, Problem> {
    let group = groups::find(directory, caller.organisation(), group).await?;
    directory.change_group_gives(&caller.permit, group.id, change).await?;
    let role = find(caller, key)?;
    Ok(Json(shown(directory, caller, &role).await?))
}

/// A group after a change of the roles that are linked to it.
async fn group_shown(directory: &Directory, caller: &Administrator, group: &str) -> Result<Json<Value>, Problem> {
    let group = groups::find(directory, caller.organisation(), group).await?;
    let settings = directory.load_organisation(caller.organisation()).await?;
    groups::shown_with(directory, &settings, &group).await
}

async fn set_link(
    directory: &Directory,
    caller: &Administrator,
    key: &str,
    group: &str,
    linked: bool,
) -> Result<Json<Value>, Problem> {
    let role = find(caller, key)?.key;
    let group = groups::find(directory, caller.organisation(), group).await?.id;
    let role = directory
        .run(&caller.permit, &LinkGroup { role, group, linked })
        .await?;
    Ok(Json(shown(directory, caller, &role).await?))
}

/// `GET .../users/{user}/roles/{role}`: what giving it would change for the user, or taking it from one who was given it.
pub async fn effect(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, user, key)): Place<(String, String, String)>,
) -> Result<Json<Value>, Problem> {
    let user = users::find(&directory, caller.organisation(), &user).await?;
    let role = find(&caller, &key)?;
    let effect = directory.role_effect(caller.organisation(), &user, &role).await?;
    Ok(Json(json!(effect)))
}

/// `PUT .../users/{user}/roles/{role}`: gives it.
pub async fn assign(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, user, role)): Place<(String, String, String)>,
) -> Result<Json<Value>, Problem> {
    let user = users::find(&directory, caller.organisation(), &user).await?.id;
    let role = find(&caller, &role)?.key;
    let assign = crate::directory::role_assignment::AssignRole { user, role };
    let after = directory.run(&caller.permit, &assign).await?;
    Ok(Json(users::view(&after, &caller.settings)))
}

/// `DELETE .../users/{user}/roles/{role}`: takes back what was given this way.
pub async fn withdraw(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, user, key)): Place<(String, String, String)>,
) -> Result<Json<Value>, Problem> {
    let user = users::find(&directory, caller.organisation(), &user).await?.id;
    let role: Slug = key.parse().map_err(|_| DirectoryError::not_found("role", key))?;
    let withdraw = crate::directory::role_assignment::WithdrawRole { user, role };
    let after = directory.run(&caller.permit, &withdraw).await?;
    Ok(Json(users::view(&after, &caller.settings)))
}

/// `GET .../roles/matrix`: every role with every permission, side by side (S000-8, S001-26, S003-16).
pub async fn matrix(caller: Administrator) -> Json<Value> {
    Json(json!(matrix::of(&caller.settings.roles, &caller.settings.permissions)))
}

fn find(caller: &Administrator, key: &str) -> Result<Role, DirectoryError> {
    let role = key.parse::<Slug>().ok().and_then(|key| caller.settings.roles.get(&key));
    role.cloned().ok_or_else(|| DirectoryError::not_found("role", key))
}

async fn shown(directory: &Directory, caller: &Administrator, role: &Role) -> Result<Value, DirectoryError> {
    let count = [Count::RoleHolders(role.key.clone())];
    let counts = directory.browse_counts(caller.organisation(), &count).await?;
    Ok(view(role, counts.first().copied().unwrap_or_default()))
}

fn view(role: &Role, holders: i64) -> Value {
    let mut view = json!(role);
    view["holders"] = json!(holders);
    view
}
