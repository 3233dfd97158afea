//! Resources and their types.

use async_trait::async_trait;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::directory::keys::Count;
use crate::directory::resource::{CreateResource, DeleteResource, UpdateResource};
use crate::directory::stretch::Stretch;
use crate::directory::{Directory, DirectoryError};
use crate::model::id::{OrganisationId, ResourceId};
use crate::model::list::List;
use crate::model::resource::Resource;
use crate::model::slug::Slug;

use super::caller::{Administrator, Body, Parameters, Place};
use super::listing::{AskedWith, Browse, Known, Listing};
use super::problem::Problem;
use super::users;

/// `GET .../resource-types`: all, each with how many resources there are.
pub async fn types(
    State(directory): State<Directory>,
    caller: Administrator,
    Parameters(listing): Parameters<Listing>,
) -> Result<Json<Value>, Problem> {
    let question = listing.read(&directory, &caller, List::ResourceTypes).await?;
    let types: Vec<_> = caller.settings.resource_types.values().collect();
    let counts: Vec<Count> = types.iter().map(|type_| Count::Resources(type_.key.clone())).collect();
    let counts = directory.browse_counts(caller.organisation(), &counts).await?;
    let items = types.iter().zip(counts).map(|(type_, count)| {
        let mut shown = json!(type_);
        shown["resources"] = json!(count);
        shown
    });
    Ok(Json(question.answer(&directory, Known::by("key", items)).await?))
}

/// Which resources to list, beside what every list is asked.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// Of this type only.
    #[serde(rename = "type")]
    type_: Option<Slug>,
}

/// Resources of one type, or of all, with how many users and groups have each.
pub(super) struct Listed {
    pub(super) organisation: OrganisationId,
    pub(super) type_: Option<Slug>,
}

#[async_trait]
impl Browse for Listed {
    type Name = ResourceId;

    async fn browse(
        &self,
        directory: &Directory,
        along: Stretch<ResourceId>,
        limit: usize,
    ) -> Result<Vec<Value>, DirectoryError> {
        let resources = directory
            .browse_resources(self.organisation, self.type_.as_ref(), along, limit)
            .await?;
        let counts: Vec<Count> = resources.iter().flat_map(|resource| counted(resource.id)).collect();
        let counts = directory.browse_counts(self.organisation, &counts).await?;
        let counted = resources.iter().zip(counts.chunks(2));
        Ok(counted.map(|(resource, counts)| view(resource, counts)).collect())
    }
}

/// `GET .../resources`: all, or those of one type, in the order of their creation, or those that are asked for.
pub async fn list(
    State(directory): State<Directory>,
    caller: Administrator,
    AskedWith(listing, wanted): AskedWith<Wanted>,
) -> Result<Json<Value>, Problem> {
    let question = listing.read(&directory, &caller, List::Resources).await?;
    let rows = Listed {
        organisation: caller.organisation(),
        type_: wanted.type_,
    };
    Ok(Json(question.answer(&directory, rows).await?))
}

/// `POST .../resources`: makes one, such as a channel (S003-37). Its owner may be named by user name.
pub async fn create(
    State(directory): State<Directory>,
    caller: Administrator,
    Body(mut draft): Body<Map<String, Value>>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    name_owner(&directory, &caller, &mut draft).await?;
    let draft = serde_json::from_value(Value::Object(draft))
        .map_err(|error| DirectoryError::invalid("resource", error.to_string()))?;
    // One whose time is over gives its name up.
    directory.close_resources(caller.organisation()).await?;
    let made = directory.run(&caller.permit, &CreateResource(draft)).await?;
    Ok((StatusCode::CREATED, shown(&directory, &caller, &made).await?))
}

/// `GET .../resources/{resource}`: by identifier, or by type and name as `TYPE:NAME`; with how many users and groups have it.
pub async fn retrieve(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, resource)): Place<(String, String)>,
) -> Result<Json<Value>, Problem> {
    let resource = find(&directory, &caller, &resource).await?;
    shown(&directory, &caller, &resource).await
}

/// `PATCH .../resources/{resource}`: a JSON merge patch (RFC 7396).
pub async fn update(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, resource)): Place<(String, String)>,
    Body(mut changes): Body<Map<String, Value>>,
) -> Result<Json<Value>, Problem> {
    name_owner(&directory, &caller, &mut changes).await?;
    let update = UpdateResource {
        resource: find(&directory, &caller, &resource).await?.id,
        changes,
    };
    let after = directory.run(&caller.permit, &update).await?;
    shown(&directory, &caller, &after).await
}

/// `DELETE .../resources/{resource}`: for good, with its assignments.
pub async fn delete(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, resource)): Place<(String, String)>,
) -> Result<StatusCode, Problem> {
    let resource = find(&directory, &caller, &resource).await?;
    directory.run(&caller.permit, &DeleteResource(resource.id)).await?;
    directory.close_resources(caller.organisation()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A resource by identifier, or by `TYPE:NAME`. One whose time is over is not found.
pub(super) async fn find(
    directory: &Directory,
    caller: &Administrator,
    named: &str,
) -> Result<Resource, DirectoryError> {
    let organisation = caller.organisation();
    let found = match (named.parse::<ResourceId>(), named.split_once(':')) {
        (Ok(id), _) => directory.browse_resource(organisation, id).await?,
        (Err(_), Some((type_, name))) => match type_.parse() {
            Ok(type_) => directory.browse_resource_name(organisation, &type_, name).await?,
            Err(_) => None,
        },
        (Err(_), None) => None,
    };
    let now = directory.clock().now();
    found
        .filter(|resource| !resource.is_over(now))
        .ok_or_else(|| DirectoryError::not_found("resource", named))
}

async fn name_owner(
    directory: &Directory,
    caller: &Administrator,
    document: &mut Map<String, Value>,
) -> Result<(), Problem> {
    if let Some(Value::String(named)) = document.get("owner") {
        let owner = users::find(directory, caller.organisation(), named).await;
        let owner = owner.map_err(|error| match error {
            DirectoryError::NotFound { .. } => DirectoryError::invalid("owner", error.to_string()),
            other => other,
        })?;
        document.insert("owner".to_owned(), json!(owner.id));
    }
    Ok(())
}

async fn shown(directory: &Directory, caller: &Administrator, resource: &Resource) -> Result<Json<Value>, Problem> {
    let counts = directory
        .browse_counts(caller.organisation(), &counted(resource.id))
        .await?;
    Ok(Json(view(resource, &counts)))
}

fn counted(id: ResourceId) -> [Count; 2] {
    [Count::ResourceUsers(id), Count::ResourceGroups(id)]
}

fn view(resource: &Resource, counts: &[i64]) -> Value {
    let mut shown = facts(resource);
    shown["users"] = json!(counts.first());
    shown["groups"] = json!(counts.get(1));
    shown
}

/// A resource without its counts.
pub(super) fn facts(resource: &Resource) -> Value {
    json!({
        "id": resource.id,
        "type": resource.type_,
        "name": resource.name,
        "owner": resource.owner,
        "settings": resource.settings,
        "enabled": resource.enabled,
        "expires": resource.expires,
        "created": resource.created,
        "last_modified": resource.last_modified,
    })
}
