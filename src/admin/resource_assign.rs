//! Who has which resources: assignments, and what users have because of their groups.

use async_trait::async_trait;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::directory::keys::Count;
use crate::directory::membership::member_uuid;
use crate::directory::resource_assign::{AssignResource, RESOURCES_AT_ONCE, UnassignResource, WithdrawResources};
use crate::directory::resource_read::Held;
use crate::directory::stretch::Stretch;
use crate::directory::{Directory, DirectoryError};
use crate::model::fold::fold;
use crate::model::id::OrganisationId;
use crate::model::list::List;
use crate::model::membership::Member;
use crate::model::origin::Origin;
use crate::model::resource::{Assignment, Resource};

use super::caller::{Administrator, Body, Parameters, Place};
use super::group_members::{MemberName, Named, called, kind, member_of, members};
use super::listing::{Browse, Known, Listing};
use super::problem::Problem;
use super::resources::{facts, find};
use super::{groups, users};

/// What a resource is assigned to: groups first, then users.
struct Assignments {
    organisation: OrganisationId,
    resource: Resource,
}

#[async_trait]
impl Browse for Assignments {
    type Name = MemberName;

    fn name(&self, item: &Value) -> String {
        member_of(item)
    }

    async fn browse(
        &self,
        directory: &Directory,
        along: Stretch<MemberName>,
        limit: usize,
    ) -> Result<Vec<Value>, DirectoryError> {
        let resource = &self.resource;
        let along = along.and_then(|MemberName(subject)| Some(subject));
        let assigned = directory
            .browse_assignments(self.organisation, resource.id, along, limit)
            .await?;
        let names = called(
            directory,
            self.organisation,
            assigned.iter().map(|(subject, _)| *subject),
        )
        .await?;
        let shown = |(subject, assignment): &(Member, Assignment)| {
            json!({
                "kind": kind(*subject),
                "id": member_uuid(*subject),
                "subject": names.get(subject),
                "attributes": assignment.attributes,
                "since": assignment.since,
                "type": resource.type_,
                "resource": resource.name,
                "resource_id": resource.id,
            })
        };
        Ok(assigned.iter().map(shown).collect())
    }
}

/// `GET .../resources/{resource}/assignments`: users and groups side by side (S001-41).
pub async fn list(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, resource)): Place<(String, String)>,
    Parameters(listing): Parameters<Listing>,
) -> Result<Json<Value>, Problem> {
    let resource = find(&directory, &caller, &resource).await?;
    let question = listing.read(&directory, &caller, List::ResourceAssignments).await?;
    let assignments = Assignments {
        organisation: caller.organisation(),
        resource,
    };
    Ok(Json(question.answer(&directory, assignments).await?))
}

/// To whom, and what the assignments say.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Assign {
    #[serde(default)]
    users: Vec<String>,
    #[serde(default)]
    groups: Vec<String>,
    #[serde(default)]
    attributes: Map<String, Value>,
}

/// `POST .../resources/{resource}/assignments`: assigns it to users and groups, or changes what the assignments say; all of them
/// or none.
pub async fn assign(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, resource)): Place<(String, String)>,
    Body(Assign {
        users,
        groups,
        attributes,
    }): Body<Assign>,
) -> Result<Json<Value>, Problem> {
    let named = Named { users, groups };
    let resource = find(&directory, &caller, &resource).await?;
    let assign = AssignResource {
        resource: resource.id,
        subjects: members(&directory, &caller, &named).await?,
        attributes,
    };
    let changed = directory.run(&caller.permit, &assign).await?;
    let changed: Vec<_> = changed.into_iter().map(member_uuid).collect();
    Ok(Json(json!({ "changed": changed })))
}

/// `DELETE .../resources/{resource}/assignments/{kind}/{subject}`: takes it from a user (`users`) or a group (`groups`). What
/// comes through a group stays.
pub async fn unassign(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, resource, kind, subject)): Place<(String, String, String, String)>,
) -> Result<StatusCode, Problem> {
    let resource = find(&directory, &caller, &resource).await?;
    let organisation = caller.organisation();
    let subject = match kind.as_str() {
        "users" => Member::User(users::find(&directory, organisation, &subject).await?.id),
        "groups" => Member::Group(groups::find(&directory, organisation, &subject).await?.id),
        _ => return Err(DirectoryError::not_found("assignment", format!("{kind}/{subject}")).into()),
    };
    let unassign = UnassignResource {
        resource: resource.id,
        subjects: vec![subject],
    };
    directory.run(&caller.permit, &unassign).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET .../users/{user}/resources`: what the user has now, and why: directly, or because of a group.
pub async fn of_user(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, user)): Place<(String, String)>,
    Parameters(listing): Parameters<Listing>,
) -> Result<Json<Value>, Problem> {
    let user = users::find(&directory, caller.organisation(), &user).await?;
    let question = listing.read(&directory, &caller, List::HeldResources).await?;
    let held = directory.resources_of(caller.organisation(), user.id).await?;
    let items = Known::by("id", held.iter().map(view));
    Ok(Json(question.answer(&directory, items).await?))
}

/// `GET .../groups/{group}/resources`: what its members have because of it (S001-13, S003-36).
pub async fn of_group(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, group)): Place<(String, String)>,
    Parameters(listing): Parameters<Listing>,
) -> Result<Json<Value>, Problem> {
    let group = groups::find(&directory, caller.organisation(), &group).await?;
    let question = listing.read(&directory, &caller, List::HeldResources).await?;
    let held = directory.resources_of_group(caller.organisation(), group.id).await?;
    let items = Known::by("id", held.iter().map(view));
    Ok(Json(question.answer(&directory, items).await?))
}

/// Which resources to take, and whether to do it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Withdraw {
    /// Each by its identifier, or its type and name: `meeting-type:Intake`.
    resources: Vec<String>,
    /// Only answer what would be taken: nothing changes.
    #[serde(default)]
    preview: bool,
}

/// `DELETE .../groups/{group}/resources`: takes several from the group at once, all of them or none (S001-43).
pub async fn withdraw(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, group)): Place<(String, String)>,
    Body(asked): Body<Withdraw>,
) -> Result<Json<Value>, Problem> {
    let organisation = caller.organisation();
    let group = groups::find(&directory, organisation, &group).await?;
    if asked.resources.len() > RESOURCES_AT_ONCE {
        let reason = format!("at most {RESOURCES_AT_ONCE} at once: send them in parts");
        return Err(DirectoryError::invalid("resources", reason).into());
    }
    // Looked for among those of the group: what else there is, is not for everybody who may ask here.
    let held = directory.resources_of_group(organisation, group.id).await?;
    let mut resources = Vec::new();
    for name in &asked.resources {
        let mut held = held.iter().map(|held| &held.resource);
        let found = held.find(|resource| is_called(resource, name));
        resources.push(found.ok_or_else(|| DirectoryError::not_found("assignment", name))?.id);
    }
    let withdraw = WithdrawResources {
        group: group.id,
        resources,
    };
    let taken = match asked.preview {
        true => directory.rehearse_withdrawal(&caller.permit, &withdraw).await?,
        false => directory.run(&caller.permit, &withdraw).await?,
    };
    let members = Count::Members(group.id);
    let members = directory.browse_counts(organisation, &[members]).await?;
    let taken = held.iter().filter(|held| taken.contains(&held.resource.id));
    Ok(Json(json!({
        "removed": taken.map(|held| facts(&held.resource)).collect::<Vec<_>>(),
        "members": members.first(),
        "preview": asked.preview,
    })))
}

fn is_called(resource: &Resource, name: &str) -> bool {
    resource.id.to_string() == name
        || name
            .split_once(':')
            .is_some_and(|(type_, name)| resource.type_.as_str() == type_ && fold(&resource.name) == fold(name))
}

fn view(held: &Held) -> Value {
    let mut shown = facts(&held.resource);
    let origins: Vec<&Origin> = held.reasons.keys().collect();
    shown["origins"] = json!(origins);
    // What is said of the user directly comes before what is said of a group.
    let direct = held
        .reasons
        .get(&Origin::Direct)
        .or_else(|| held.reasons.values().next());
    shown["attributes"] = json!(direct);
    shown
}
