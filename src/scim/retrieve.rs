//! Retrieve one resource (RFC 7644 s3.4.1), and how a resource is shown.

use std::collections::BTreeSet;
use std::str::FromStr;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde_json::{Value, json};

use crate::directory::membership::member_uuid;
use crate::directory::query::{Queryable, StoredGroup};
use crate::directory::{DirectoryError, keys};
use crate::model::Object;
use crate::model::id::{GroupId, UserId};
use crate::model::membership::Member;
use crate::model::projection::Projection;
use crate::model::record;
use crate::model::represent::version;
use crate::model::schema::{SchemaSet, USHER_GROUP};
use crate::model::user::User;
use crate::store::{Found, Read, SCAN_ENTRIES_MAX, Scan};

use super::access::Access;
use super::error::ScimError;
use super::parameters::{Parameters, Shown};
use super::reference::{self, Names};
use super::response::{is_another, is_unmodified, not_modified, resource_response};
use super::{Endpoint, Scim, members};

/// The last part of the path.
#[derive(serde::Deserialize)]
pub(super) struct ById {
    /// The identifier as the client wrote it.
    pub(super) id: String,
}

/// What every request about one resource begins with: which one is meant, and what the answer shows of it.
pub(super) struct Target<'a, Id> {
    /// The resource.
    pub(super) id: Id,
    /// The definitions of its type.
    pub(super) schemas: &'a SchemaSet,
    /// What is shown (RFC 7644 s3.9).
    pub(super) projection: Projection,
}

impl<'a, Id: FromStr> Target<'a, Id> {
    /// Reads the last part of a path and the parameters.
    ///
    /// # Errors
    /// 404 for what is no identifier of ours; as [`Parameters::over`].
    pub(super) fn of(
        scim: &'a Scim,
        access: &'a Access,
        endpoint: Endpoint,
        id: &str,
        parameters: &Parameters,
    ) -> Result<Self, ScimError> {
        let schemas = scim.schemas(access, endpoint);
        Ok(Self {
            projection: parameters.over(schemas)?,
            id: id.parse().map_err(|_| ScimError::not_found(id))?,
            schemas,
        })
    }
}

/// `GET /Users/{id}`.
pub(super) async fn user(
    State(scim): State<Scim>,
    access: Access,
    Path(ById { id }): Path<ById>,
    Shown(parameters): Shown,
    headers: HeaderMap,
) -> Result<Response, ScimError> {
    let target = Target::<UserId>::of(&scim, &access, Endpoint::Users, &id, &parameters)?;
    let (user_id, projection) = (target.id, target.projection);
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
    let user: User = record::decode(&stored.value).map_err(DirectoryError::from)?;
    check_version(&headers, user.revision)?;
    if is_unmodified(&headers, user.revision) {
        let location = format!("{}/Users/{user_id}", access.base_url(&scim));
        return Ok(not_modified(user.revision, &location));
    }
    let edges = found.next().map(Found::into_entries).unwrap_or_default();
    let groups: Vec<GroupId> = edges
        .iter()
        .filter_map(|(key, _)| keys::last_uuid(key))
        .map(GroupId::new)
        .collect();
    let names = Names::read(&scim, &access, [&user], &groups, &projection).await?;
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
    DirectoryError::from(error).into()
}

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
    names.complete_manager(&mut resource, &base);
    let groups = names.groups(groups, &base);
    if !groups.is_empty() {
        resource.insert("groups".to_owned(), groups.into());
    }
    let location = format!("{base}/Users/{}", user.id);
    (place(resource, &location, projection), location)
}

/// The answer to a request that made or changed a user, whose groups have still to be read.
pub(super) async fn answer_user(
    scim: &Scim,
    access: &Access,
    (status, headers): (StatusCode, &HeaderMap),
    user: &User,
    projection: &Projection,
) -> Result<Response, ScimError> {
    let mut groups = Vec::new();
    // A user who was made by this request is in no group yet, unless there are groups for newcomers.
    let has_groups = user.revision > 1 || !access.organisation.default_groups.is_empty();
    if projection.wants("groups") && has_groups {
        let scan = groups_of(access.organisation_id(), user.id);
        let edges = scim.directory().store().scan(scan).await.map_err(from_store)?;
        groups.extend(
            edges
                .iter()
                .filter_map(|(key, _)| keys::last_uuid(key))
                .map(GroupId::new),
        );
    }
    let names = Names::read(scim, access, [user], &groups, projection).await?;
    let (shown, location) = present_user(scim, access, user, &groups, &names, projection);
    Ok(resource_response(status, headers, &shown, user.revision, &location))
}

/// `GET /Groups/{id}`.
pub(super) async fn group(
    State(scim): State<Scim>,
    access: Access,
    Path(ById { id }): Path<ById>,
    Shown(parameters): Shown,
    headers: HeaderMap,
) -> Result<Response, ScimError> {
    let target = Target::<GroupId>::of(&scim, &access, Endpoint::Groups, &id, &parameters)?;
    let stored = load_stored_group(&scim, &access, target.id).await?;
    check_version(&headers, stored.state.revision)?;
    if is_unmodified(&headers, stored.state.revision) {
        let location = format!("{}/Groups/{}", access.base_url(&scim), target.id);
        return Ok(not_modified(stored.state.revision, &location));
    }
    answer_group(&scim, &access, (StatusCode::OK, &headers), &stored, &target.projection).await
}

/// The condition of a GET, which a client seldom has (RFC 9110 s13.1.1).
fn check_version(headers: &HeaderMap, revision: u64) -> Result<(), DirectoryError> {
    if is_another(headers, revision) {
        return Err(DirectoryError::VersionMismatch {
            actual: version(revision),
        });
    }
    Ok(())
}

/// The answer that shows a group.
pub(super) async fn answer_group(
    scim: &Scim,
    access: &Access,
    (status, headers): (StatusCode, &HeaderMap),
    stored: &StoredGroup,
    projection: &Projection,
) -> Result<Response, ScimError> {
    let (shown, location) = show_group(scim, access, stored, projection).await?;
    Ok(resource_response(
        status,
        headers,
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

/// The parents that are shown with these groups.
pub(super) fn parents_of<'a>(
    groups: impl IntoIterator<Item = &'a StoredGroup>,
    projection: &Projection,
) -> BTreeSet<GroupId> {
    let shows_parent = projection.wants(&format!("{}:parent", USHER_GROUP.id));
    let groups = groups.into_iter().filter(|_| shows_parent);
    groups.filter_map(|stored| stored.group.parent).collect()
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
    let parents = parents_of([stored], projection);
    let names = scim.directory().group_names(access.organisation_id(), &parents).await?;
    reference::complete_parent(&mut resource, &names, &base);
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
    if projection.wants(&format!("{}:memberRoles", USHER_GROUP.id)) && stored.state.members > 0 {
        let roles = scim
            .directory()
            .list_member_roles(access.organisation_id(), stored.group.id)
            .await?;
        let roles: Vec<Value> = roles
            .into_iter()
            .map(|(member, role)| json!({ "value": member_uuid(member), "role": role }))
            .collect();
        if let Some(extension) = resource.get_mut(&USHER_GROUP.id).filter(|_| !roles.is_empty()) {
            extension["memberRoles"] = roles.into();
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
