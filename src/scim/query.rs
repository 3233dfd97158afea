//! Query (RFC 7644 s3.4.2): filter, order, paging by index and by cursor (RFC 9865), projection.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde_json::Value;

use crate::directory::query::{Page, Query, Queryable, Sort, StoredGroup};
use crate::model::projection::Projection;
use crate::model::user::User;

use super::access::Access;
use super::asked::Asked;
use super::error::ScimError;
use super::parameters::{Parameters, Shown};
use super::reference::Names;
use super::response::json_response;
use super::retrieve::{parents_of, present_user, show_group};
use super::{Endpoint, Scim, catalogue};

async fn run<R: Queryable>(
    scim: &Scim,
    access: &Access,
    endpoint: Endpoint,
    parameters: &Parameters,
    with_groups: bool,
) -> Result<(Asked, Page<R>), ScimError> {
    let schemas = scim.schemas(access, endpoint);
    let filter = parameters.filter(scim, access, schemas)?;
    let sort = parameters.sort(access, schemas)?;
    let asked = Asked::of(scim, access, endpoint.path(), parameters)?;
    let query = Query {
        filter: filter.as_ref(),
        sort: sort.as_ref().map(|(by, order)| Sort { by, order: *order }),
        start: asked.start(),
        count: asked.count,
        connection: Some(&access.connection.name),
        with_groups,
        budget: scim.settings().budget,
        indexes: true,
    };
    let page: Page<R> = scim.directory().query(access.organisation_id(), query).await?;
    Ok((asked, page))
}

/// The answer to a query of one resource type, by URL or by search request.
pub(super) async fn answer(
    scim: &Scim,
    access: &Access,
    endpoint: Endpoint,
    parameters: &Parameters,
) -> Result<Value, ScimError> {
    let projection = parameters.over(scim.schemas(access, endpoint))?;
    match endpoint {
        Endpoint::Users => {
            let with_groups = projection.wants("groups");
            let (asked, page) = run::<User>(scim, access, endpoint, parameters, with_groups).await?;
            let resources = show_users(scim, access, &page, &projection).await?;
            Ok(asked.answer(scim, page.total, (page.first, page.next), resources))
        }
        Endpoint::Groups => {
            let (asked, page) = run::<StoredGroup>(scim, access, endpoint, parameters, false).await?;
            let resources = show_groups(scim, access, &page, &projection).await?;
            Ok(asked.answer(scim, page.total, (page.first, page.next), resources))
        }
        Endpoint::Roles => catalogue::answer(scim, access, endpoint, parameters, catalogue::all_roles(scim, access)),
        Endpoint::Licences => {
            let all = catalogue::all_licences(scim, access).await?;
            catalogue::answer(scim, access, endpoint, parameters, all)
        }
    }
}

/// The users of a page as this client sees them.
pub(super) async fn show_users(
    scim: &Scim,
    access: &Access,
    page: &Page<User>,
    projection: &Projection,
) -> Result<Vec<Value>, ScimError> {
    let groups = page.groups.iter().flatten();
    let names = Names::read(scim, access, &page.resources, groups, projection).await?;
    let none = Vec::new();
    let groups = page.groups.iter().chain(std::iter::repeat(&none));
    let users = page.resources.iter().zip(groups);
    Ok(users
        .map(|(user, groups)| Value::Object(present_user(scim, access, user, groups, &names, projection).0))
        .collect())
}

/// The groups of a page as this client sees them.
pub(super) async fn show_groups(
    scim: &Scim,
    access: &Access,
    page: &Page<StoredGroup>,
    projection: &Projection,
) -> Result<Vec<Value>, ScimError> {
    // Known from then on: the groups one by one read no name again.
    let parents = parents_of(&page.resources, projection);
    let _ = scim.directory().group_names(access.organisation_id(), &parents).await?;
    let mut resources = Vec::with_capacity(page.resources.len());
    for stored in &page.resources {
        resources.push(Value::Object(show_group(scim, access, stored, projection).await?.0));
    }
    Ok(resources)
}

/// `GET /Users`.
pub(super) async fn users(
    State(scim): State<Scim>,
    access: Access,
    Shown(parameters): Shown,
    headers: HeaderMap,
) -> Result<Response, ScimError> {
    let body = answer(&scim, &access, Endpoint::Users, &parameters).await?;
    Ok(json_response(StatusCode::OK, &headers, &body))
}

/// `GET /Groups`.
pub(super) async fn groups(
    State(scim): State<Scim>,
    access: Access,
    Shown(parameters): Shown,
    headers: HeaderMap,
) -> Result<Response, ScimError> {
    let body = answer(&scim, &access, Endpoint::Groups, &parameters).await?;
    Ok(json_response(StatusCode::OK, &headers, &body))
}
