//! Search with POST (RFC 7644 s3.4.3): a query whose parameters are in the body, where no log or cache keeps
//! them. What a search bar asks over people and groups (S001-32).

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use super::access::Access;
use super::body::Document;
use super::error::ScimError;
use super::parameters::Parameters;
use super::response::json_response;
use super::{Endpoint, Scim, across, query};

/// `POST /Users/.search`.
pub(super) async fn users(
    State(scim): State<Scim>,
    access: Access,
    headers: HeaderMap,
    document: Document,
) -> Result<Response, ScimError> {
    one(&scim, &access, Endpoint::Users, &headers, document).await
}

/// `POST /Groups/.search`.
pub(super) async fn groups(
    State(scim): State<Scim>,
    access: Access,
    headers: HeaderMap,
    document: Document,
) -> Result<Response, ScimError> {
    one(&scim, &access, Endpoint::Groups, &headers, document).await
}

/// `POST /Roles/.search`.
pub(super) async fn roles(
    State(scim): State<Scim>,
    access: Access,
    headers: HeaderMap,
    document: Document,
) -> Result<Response, ScimError> {
    one(&scim, &access, Endpoint::Roles, &headers, document).await
}

/// `POST /Licences/.search`.
pub(super) async fn licences(
    State(scim): State<Scim>,
    access: Access,
    headers: HeaderMap,
    document: Document,
) -> Result<Response, ScimError> {
    one(&scim, &access, Endpoint::Licences, &headers, document).await
}

async fn one(
    scim: &Scim,
    access: &Access,
    endpoint: Endpoint,
    headers: &HeaderMap,
    document: Document,
) -> Result<Response, ScimError> {
    let parameters = parse(access, document)?;
    let body = query::answer(scim, access, endpoint, &parameters).await?;
    Ok(json_response(StatusCode::OK, headers, &body))
}

/// `POST /.search`: over all resource types.
pub(super) async fn everything(
    State(scim): State<Scim>,
    access: Access,
    headers: HeaderMap,
    document: Document,
) -> Result<Response, ScimError> {
    let parameters = parse(&access, document)?;
    let body = across::answer(&scim, &access, &parameters).await?;
    Ok(json_response(StatusCode::OK, &headers, &body))
}

fn parse(access: &Access, Document(body): Document) -> Result<Parameters, ScimError> {
    let (parameters, deviations) = Parameters::of_search(body, access.connection.strictness)?;
    access.journal("search", &deviations);
    Ok(parameters)
}
