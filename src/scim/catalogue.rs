//! `/Roles` and `/Licences`: what a client may name in a user's `roles` and `entitlements`. Read-only; declared by the
//! organisation. The schemas are those that Okta's entitlement discovery looks for (idp.md section 2).

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::directory::keys::Count;
use crate::directory::query::{Next, Place, Start};
use crate::model::Object;
use crate::model::role::Scope;
use crate::model::schema::{USHER_LICENCE, USHER_ROLE};

use super::access::Access;
use super::asked::Asked;
use super::error::ScimError;
use super::identity::may_grant;
use super::parameters::{Parameters, Shown};
use super::query;
use super::response::json_response;
use super::retrieve::ById;
use super::{Endpoint, Scim};

/// `GET /Roles`.
pub(super) async fn roles(
    State(scim): State<Scim>,
    access: Access,
    Shown(parameters): Shown,
    headers: HeaderMap,
) -> Result<Response, ScimError> {
    let body = query::answer(&scim, &access, Endpoint::Roles, &parameters).await?;
    Ok(json_response(StatusCode::OK, &headers, &body))
}

/// `GET /Licences`.
pub(super) async fn licences(
    State(scim): State<Scim>,
    access: Access,
    Shown(parameters): Shown,
    headers: HeaderMap,
) -> Result<Response, ScimError> {
    let body = query::answer(&scim, &access, Endpoint::Licences, &parameters).await?;
    Ok(json_response(StatusCode::OK, &headers, &body))
}

/// `GET /Roles/{id}`.
pub(super) async fn role(
    State(scim): State<Scim>,
    access: Access,
    Path(ById { id }): Path<ById>,
    Shown(parameters): Shown,
    headers: HeaderMap,
) -> Result<Response, ScimError> {
    one(
        &scim,
        &access,
        Endpoint::Roles,
        all_roles(&scim, &access),
        &id,
        &parameters,
        &headers,
    )
}

/// `GET /Licences/{id}`.
pub(super) async fn licence(
    State(scim): State<Scim>,
    access: Access,
    Path(ById { id }): Path<ById>,
    Shown(parameters): Shown,
    headers: HeaderMap,
) -> Result<Response, ScimError> {
    let all = all_licences(&scim, &access).await?;
    one(&scim, &access, Endpoint::Licences, all, &id, &parameters, &headers)
}

fn one(
    scim: &Scim,
    access: &Access,
    endpoint: Endpoint,
    all: Vec<Object>,
    id: &str,
    parameters: &Parameters,
    headers: &HeaderMap,
) -> Result<Response, ScimError> {
    let projection = parameters.over(scim.schemas(access, endpoint))?;
    let mut all = all.into_iter();
    let found = all.find(|resource| resource.get("id").is_some_and(|known| known == id));
    let shown = projection.apply(&found.ok_or_else(|| ScimError::not_found(id))?);
    Ok(json_response(StatusCode::OK, headers, &Value::Object(shown)))
}

/// The roles that a user can hold by itself, in the order of their keys.
pub(super) fn all_roles(scim: &Scim, access: &Access) -> Vec<Object> {
    let base = access.base_url(scim);
    let roles = access.organisation.roles.values();
    let shown = roles.filter(|role| role.scope == Scope::Global).map(|role| {
        json!({
            "id": role.key,
            "displayName": role.name,
            "type": "Role",
            "meta": { "resourceType": "Role", "location": format!("{base}/Roles/{}", role.key) },
            USHER_ROLE.id.as_str(): {
                "grantable": may_grant(&access.connection, &role.key),
                "administers": role.administers,
            },
        })
    });
    shown.filter_map(object).collect()
}

/// The licences with their seats, in the order of their keys.
pub(super) async fn all_licences(scim: &Scim, access: &Access) -> Result<Vec<Object>, ScimError> {
    let base = access.base_url(scim);
    let licences = &access.organisation.licences;
    let counts: Vec<Count> = licences.keys().cloned().map(Count::Seats).collect();
    let used = scim
        .directory()
        .browse_counts(access.organisation_id(), &counts)
        .await?;
    let shown = licences.values().zip(used).map(|(licence, used)| {
        let mut seats = json!({ "used": used });
        if let Some(limit) = licence.limit {
            seats["limit"] = limit.into();
        }
        json!({
            "id": licence.key,
            "displayName": licence.name,
            "type": "Licence",
            "meta": { "resourceType": "Licence", "location": format!("{base}/Licences/{}", licence.key) },
            USHER_LICENCE.id.as_str(): seats,
        })
    });
    Ok(shown.filter_map(object).collect())
}

fn object(value: Value) -> Option<Object> {
    match value {
        Value::Object(object) => Some(object),
        _ => None,
    }
}

/// The answer to a query of a list that is held whole.
pub(super) fn answer(
    scim: &Scim,
    access: &Access,
    endpoint: Endpoint,
    parameters: &Parameters,
    mut resources: Vec<Object>,
) -> Result<Value, ScimError> {
    let schemas = scim.schemas(access, endpoint);
    let projection = parameters.over(schemas)?;
    let asked = Asked::of(scim, access, endpoint.path(), parameters)?;
    if let Some(filter) = parameters.filter(scim, access, schemas)? {
        resources.retain(|resource| filter.matches(resource));
    }
    if let Some((by, order)) = parameters.sort(access, schemas)? {
        resources.sort_by(|left, right| by.compare(left, right, order));
    }
    let total = resources.len();
    let place = |index: u64| usize::try_from(index - 1).unwrap_or(usize::MAX).min(total);
    let (at, count) = match asked.start() {
        Start::Index(index) => (place(index), asked.count),
        Start::After(before) => (place(before.index), asked.count),
        Start::Before(behind) => {
            let end = place(behind.index);
            let at = end.saturating_sub(asked.count);
            (at, end - at)
        }
    };
    let page = resources.iter().skip(at).take(count);
    let shown: Vec<Value> = page.map(|resource| Value::Object(projection.apply(resource))).collect();
    let is_last = at + shown.len() >= total || shown.is_empty();
    // The list hardly ever changes: the number is the place.
    let place = Place {
        id: Uuid::nil(),
        key: None,
    };
    let first = (at > 0 && !shown.is_empty()).then(|| place.clone());
    let next = (!is_last).then_some(Next { place, walk: None });
    Ok(asked.answer(scim, total as u64, (first, next), shown))
}
