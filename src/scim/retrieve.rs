//! Retrieve one resource (RFC 7644 s3.4.1), and how a resource is shown.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde_json::{Value, json};

use crate::directory::keys;
use crate::directory::query::{Queryable, StoredGroup};
use crate::model::Object;
use crate::model::id::{GroupId, UserId};
use crate::model::membership::Member;
use crate::model::projection::Projection;
use crate::model::record;
use crate::model::user::User;
use crate::store::{Found, Read, SCAN_ENTRIES_MAX, Scan};

use super::access::Access;
use super::error::ScimError;
use super::parameters::Shown;
use super::response::{is_unmodified, not_modified, resource_response};
use super::{Endpoint, Scim, members};

/// The last part of the path.
#[derive(serde::Deserialize)]
pub(super) struct ById {
    /// The identifier as the client wrote it.
    pub(super) id: String,
}

/// `GET /Users/{id}`.
pub(super) async fn user(
    State(scim): State<Scim>,
    access: Access,
    Path(ById { id }): Path<ById>,
    Shown(projection): Shown,
    headers: HeaderMap,
) -> Result<Response, ScimError> {
    let projection = projection.over(scim.schemas(&access, Endpoint::Users))?;
    let user_id: UserId = id.parse().map_err(|_| ScimError::not_found(&id))?;
    let organisation = access.organisation_id();
    let mut reads = vec![Read::Get(keys::user(organisation, user_id))];
    if projection.wants("groups") {
        reads.push(Read::Scan(groups_of(organisation, user_id)));
    }
    let mut found = scim
        .directory()
        .store()
        .read(reads)
        .await
        .map_err(from_store)?
        .into_iter();
    let stored = found
        .next()
        .and_then(Found::into_value)
        .ok_or_else(|| ScimError::not_found(&id))?;
    let user: User = record::decode(&stored.value).map_err(crate::directory::DirectoryError::from)?;
    if is_unmodified(&headers, user.revision) {
        return Ok(not_modified(user.revision));
    }
    let edges = found.next().map(Found::into_entries).unwrap_or_default();
    let groups: Vec<GroupId> = edges
        .iter()
        .filter_map(|(key, _)| keys::last_uuid(key))
        .map(GroupId::new)
        .collect();
    let names = group_names(&scim, &access, &groups).await?;
    let (shown, location) = present_user(&scim, &access, &user, &groups, &names, &projection);
    Ok(resource_response(
        StatusCode::OK,
        &headers,
        &shown,
        user.revision,
        &location,
    ))
}

fn groups_of(organisation: crate::model::id::OrganisationId, user: UserId) -> Scan {
    Scan::prefix(&keys::member_groups(organisation, Member::User(user)), SCAN_ENTRIES_MAX)
}

/// The store's error as an answer.
pub(super) fn from_store(error: crate::store::StoreError) -> ScimError {
    crate::directory::DirectoryError::from(error).into()
}

/// The names of groups; one that has just been deleted has none.
pub(super) async fn group_names<'a>(
    scim: &Scim,
    access: &Access,
    groups: impl IntoIterator<Item = &'a GroupId>,
) -> Result<Names, ScimError> {
    let distinct: BTreeSet<GroupId> = groups.into_iter().copied().collect();
    Ok(scim
        .directory()
        .group_names(access.organisation_id(), &distinct)
        .await?)
}

/// Names of groups.
pub(super) type Names = BTreeMap<GroupId, Arc<str>>;

/// A user with groups, as this client sees it, and its address.
pub(super) fn present_user(
    scim: &Scim,
    access: &Access,
    user: &User,
    groups: &[GroupId],
    names: &Names,
    projection: &Projection,
) -> (Object, String) {
    let base = access.base_url(scim);
    let mut resource = user.represent(Some(&access.connection.name));
    let groups: Vec<Value> = groups
        .iter()
        .filter_map(|id| {
            let display: &str = names.get(id)?;
            let address = format!("{base}/Groups/{id}");
            Some(json!({ "value": id, "$ref": address, "display": display, "type": "direct" }))
        })
        .collect();
    if !groups.is_empty() {
        resource.insert("groups".to_owned(), groups.into());
    }
    let location = format!("{base}/Users/{}", user.id);
    (place(resource, &location, projection), location)
}

/// A user whose groups have still to be read.
pub(super) async fn show_user(
    scim: &Scim,
    access: &Access,
    user: &User,
    projection: &Projection,
) -> Result<(Object, String), ScimError> {
    let mut groups = Vec::new();
    // A user who was made by this request is in no group yet.
    if projection.wants("groups") && user.revision > 1 {
        let scan = groups_of(access.organisation_id(), user.id);
        let edges = scim.directory().store().scan(scan).await.map_err(from_store)?;
        groups.extend(
            edges
                .iter()
                .filter_map(|(key, _)| keys::last_uuid(key))
                .map(GroupId::new),
        );
    }
    let names = group_names(scim, access, &groups).await?;
    Ok(present_user(scim, access, user, &groups, &names, projection))
}

/// `GET /Groups/{id}`.
pub(super) async fn group(
    State(scim): State<Scim>,
    access: Access,
    Path(ById { id }): Path<ById>,
    Shown(projection): Shown,
    headers: HeaderMap,
) -> Result<Response, ScimError> {
    let projection = projection.over(scim.schemas(&access, Endpoint::Groups))?;
    let group_id: GroupId = id.parse().map_err(|_| ScimError::not_found(&id))?;
    let stored = load_stored_group(&scim, &access, group_id).await?;
    if is_unmodified(&headers, stored.state.revision) {
        return Ok(not_modified(stored.state.revision));
    }
    let (shown, location) = show_group(&scim, &access, &stored, &projection).await?;
    Ok(resource_response(
        StatusCode::OK,
        &headers,
        &shown,
        stored.state.revision,
        &location,
    ))
}

/// A group with what is kept beside its record.
pub(super) async fn load_stored_group(scim: &Scim, access: &Access, id: GroupId) -> Result<StoredGroup, ScimError> {
    let organisation = access.organisation_id();
    let stored = scim.directory().find_stored_group(organisation, id).await?;
    stored.ok_or_else(|| ScimError::not_found(&id.to_string()))
}

/// A group as this client sees it. Its members are read only when they are shown: Entra asks without them for every group
/// in every cycle (idp.md section 9).
pub(super) async fn show_group(
    scim: &Scim,
    access: &Access,
    stored: &StoredGroup,
    projection: &Projection,
) -> Result<(Object, String), ScimError> {
    let base = access.base_url(scim);
    let mut resource = stored.represent(Some(&access.connection.name));
    if projection.wants("members") && stored.state.members > 0 {
        let all = scim
            .directory()
            .list_members(access.organisation_id(), stored.group.id)
            .await?;
        let shown: Vec<Value> = all.into_iter().map(|member| members::shown(member, &base)).collect();
        if !shown.is_empty() {
            resource.insert("members".to_owned(), shown.into());
        }
    }
    let location = format!("{base}/Groups/{}", stored.group.id);
    Ok((place(resource, &location, projection), location))
}

/// Adds the address and takes away what is not to be shown.
fn place(mut resource: Object, location: &str, projection: &Projection) -> Object {
    if let Some(meta) = resource.get_mut("meta") {
        meta["location"] = location.into();
    }
    projection.apply(&resource)
}
