//! Discovery (RFC 7644 s4): what this service provider does, truthfully.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde_json::{Value, json};

use crate::model::schema::{SERVICE_PROVIDER_CONFIG, Schema, USHER_SERVICE_PROVIDER_CONFIG, protocol_schemas};

use super::access::Access;
use super::error::ScimError;
use super::parameters::Shown;
use super::response::{json_response, list};
use super::{Endpoint, Scim, ScimSettings};

/// Filters are refused here (RFC 7644 s4): the answer does not depend on them.
fn refuse_filter(parameters: &Shown) -> Result<(), ScimError> {
    if parameters.0.has_filter() {
        let detail = "the discovery endpoints do not support filters";
        return Err(ScimError::new(StatusCode::FORBIDDEN, detail));
    }
    Ok(())
}

/// `GET /ServiceProviderConfig` (RFC 7643 s5). Every number here is enforced.
pub(super) async fn service_provider_config(
    State(scim): State<Scim>,
    access: Access,
    parameters: Shown,
    headers: HeaderMap,
) -> Result<Response, ScimError> {
    refuse_filter(&parameters)?;
    let settings = scim.settings();
    let mut body = json!({
        "schemas": [SERVICE_PROVIDER_CONFIG.id],
        "patch": { "supported": true },
        "bulk": {
            "supported": true,
            "maxOperations": settings.bulk_operations_max,
            "maxPayloadSize": settings.bulk_bytes_max,
        },
        "filter": { "supported": true, "maxResults": settings.page_max },
        "changePassword": { "supported": true },
        "sort": { "supported": true },
        "etag": { "supported": true },
        // RFC 9865: clients that know index paging only must not break, so it stays the default.
        "pagination": {
            "cursor": true,
            "index": true,
            "defaultPaginationMethod": "index",
            "defaultPageSize": settings.page_default,
            "maxPageSize": settings.page_max,
            "cursorTimeout": settings.cursor_timeout_s,
        },
        "authenticationSchemes": authentication_schemes(&scim, &access),
        "meta": {
            "resourceType": "ServiceProviderConfig",
            "location": format!("{}/ServiceProviderConfig", access.base_url(&scim)),
        },
    });
    if parameters.0.names(&USHER_SERVICE_PROVIDER_CONFIG.id) {
        body["schemas"] = json!([SERVICE_PROVIDER_CONFIG.id, USHER_SERVICE_PROVIDER_CONFIG.id]);
        body[USHER_SERVICE_PROVIDER_CONFIG.id.as_str()] = limits(settings);
    }
    Ok(json_response(StatusCode::OK, &headers, &body))
}

/// The bounds for which RFC 7643 s5 has no attribute. Shown on request only (s2.2, `returned`): clients are known that
/// refuse a configuration with members that they do not know.
fn limits(settings: &ScimSettings) -> Value {
    json!({
        "maxPayloadSize": settings.body_bytes_max,
        "maxFilterLength": settings.filter.length,
        "maxFilterDepth": settings.filter.depth,
        "maxPatchOperations": settings.patch_operations_max,
        "maxMembers": settings.members_max,
        "maxRecordsRead": settings.budget.records,
    })
}

/// RFC 7643 s5: what the connection takes. The first is what its settings ask for.
fn authentication_schemes(scim: &Scim, access: &Access) -> Value {
    let organisation = &access.organisation.organisation.slug;
    let token_endpoint = format!("{}/oauth/{organisation}/token", scim.settings().public_url);
    let client = access.connection.oauth.as_ref();
    let is_required = client.is_some_and(|client| client.required);
    let lasting = if is_required {
        "A token of this connection that its operator made: this connection takes access tokens only"
    } else {
        "A token of this connection that its operator made, in the Authorization header"
    };
    json!([
        {
            "type": "oauthbearertoken",
            "name": "OAuth 2.0 access token",
            "description": format!(
                "An access token from {token_endpoint} in the Authorization header, for a signed assertion of the client or \
                 its secret (client_credentials or the jwt-bearer grant)"
            ),
            "specUri": "https://www.rfc-editor.org/info/rfc7523",
            "primary": client.is_some(),
        },
        {
            "type": "oauthbearertoken",
            "name": "Bearer token",
            "description": lasting,
            "specUri": "https://www.rfc-editor.org/info/rfc6750",
            "primary": client.is_none(),
        },
    ])
}

/// Everything of a kind, as one page (RFC 7644 s4: paging does not apply).
fn all_of(headers: &HeaderMap, shown: Vec<Value>) -> Response {
    json_response(StatusCode::OK, headers, &list(shown.len() as u64, 1, shown))
}

fn shown_types(scim: &Scim, access: &Access) -> Vec<Value> {
    let base = access.base_url(scim);
    Endpoint::ALL
        .into_iter()
        .map(|endpoint| {
            let resource_type = scim.schemas(access, endpoint).resource_type();
            let mut shown = resource_type.to_scim_json();
            shown["meta"]["location"] = format!("{base}/ResourceTypes/{}", resource_type.name).into();
            shown
        })
        .collect()
}

/// `GET /ResourceTypes` (RFC 7643 s6).
pub(super) async fn resource_types(
    State(scim): State<Scim>,
    access: Access,
    parameters: Shown,
    headers: HeaderMap,
) -> Result<Response, ScimError> {
    refuse_filter(&parameters)?;
    Ok(all_of(&headers, shown_types(&scim, &access)))
}

/// `GET /ResourceTypes/{name}`.
pub(super) async fn resource_type(
    State(scim): State<Scim>,
    access: Access,
    parameters: Shown,
    Path(path): Path<std::collections::HashMap<String, String>>,
    headers: HeaderMap,
) -> Result<Response, ScimError> {
    refuse_filter(&parameters)?;
    let name = path.get("name").map(String::as_str).unwrap_or_default();
    let found = shown_types(&scim, &access)
        .into_iter()
        .find(|shown| shown["id"] == name);
    let shown = found.ok_or_else(|| ScimError::not_found(name))?;
    Ok(json_response(StatusCode::OK, &headers, &shown))
}

fn shown_schemas(scim: &Scim, access: &Access) -> Vec<Value> {
    let base = access.base_url(scim);
    let show = |schema: &Schema| {
        let mut shown = schema.to_scim_json();
        shown["meta"]["location"] = format!("{base}/Schemas/{}", schema.id).into();
        shown
    };
    let of_resources = Endpoint::ALL
        .into_iter()
        .flat_map(|endpoint| scim.schemas(access, endpoint).schemas());
    of_resources
        .map(|schema| show(schema))
        .chain(protocol_schemas().iter().map(|schema| show(schema)))
        .collect()
}

/// `GET /Schemas` (RFC 7643 s7): a ListResponse, as Entra requires.
pub(super) async fn schemas(
    State(scim): State<Scim>,
    access: Access,
    parameters: Shown,
    headers: HeaderMap,
) -> Result<Response, ScimError> {
    refuse_filter(&parameters)?;
    Ok(all_of(&headers, shown_schemas(&scim, &access)))
}

/// `GET /Schemas/{urn}`.
pub(super) async fn schema(
    State(scim): State<Scim>,
    access: Access,
    parameters: Shown,
    Path(path): Path<std::collections::HashMap<String, String>>,
    headers: HeaderMap,
) -> Result<Response, ScimError> {
    refuse_filter(&parameters)?;
    let urn = path.get("urn").map(String::as_str).unwrap_or_default();
    let is_it = |shown: &Value| shown["id"].as_str().is_some_and(|id| id.eq_ignore_ascii_case(urn));
    let shown = shown_schemas(&scim, &access)
        .into_iter()
        .find(is_it)
        .ok_or_else(|| ScimError::not_found(urn))?;
    Ok(json_response(StatusCode::OK, &headers, &shown))
}
