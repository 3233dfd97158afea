//! Query (RFC 7644 s3.4.2): filter, paging, projection.

use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde_json::Value;

use crate::directory::query::{Page, Query, Queryable, StoredGroup};
use crate::model::filter::{Filter, ResolvedFilter};
use crate::model::projection::Projection;
use crate::model::schema::SchemaSet;
use crate::model::scim_type::ScimType;
use crate::model::user::User;

use super::access::Access;
use super::error::ScimError;
use super::response::{json_response, list};
use super::retrieve::{group_names, present_user, show_group};
use super::{Endpoint, Scim};

/// The parameters of a query. Unknown ones are ignored: the URL that an administrator types may carry a client's own
/// (idp.md section 1.4).
#[derive(Debug, Default)]
pub(super) struct Parameters {
    filter: Option<String>,
    start_index: Option<String>,
    count: Option<String>,
    attributes: Option<String>,
    excluded_attributes: Option<String>,
}

impl Parameters {
    fn parse(query: &str) -> Self {
        let mut parameters = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let slot = match name.to_ascii_lowercase().as_str() {
                "filter" => &mut parameters.filter,
                "startindex" => &mut parameters.start_index,
                "count" => &mut parameters.count,
                "attributes" => &mut parameters.attributes,
                "excludedattributes" => &mut parameters.excluded_attributes,
                _ => continue,
            };
            *slot = Some(value.into_owned());
        }
        parameters
    }

    /// Whether the client sent a filter.
    pub(super) fn has_filter(&self) -> bool {
        self.filter.is_some()
    }

    /// Whether the client says what it wants to see: a PATCH then answers with the resource (RFC 7644 s3.5.2).
    pub(super) fn asks_for_attributes(&self) -> bool {
        self.attributes.is_some() || self.excluded_attributes.is_some()
    }

    /// What is shown (RFC 7644 s3.9).
    pub(super) fn over(&self, schemas: &SchemaSet) -> Result<Projection, ScimError> {
        let (attributes, excluded) = (self.attributes.as_deref(), self.excluded_attributes.as_deref());
        Ok(Projection::parse(attributes, excluded, schemas)?)
    }

    fn resolve(&self, scim: &Scim, endpoint: Endpoint) -> Result<Option<ResolvedFilter>, ScimError> {
        let Some(text) = &self.filter else { return Ok(None) };
        let filter = Filter::parse(text, scim.settings().filter)?;
        Ok(Some(filter.resolve(scim.schemas(endpoint))?))
    }

    /// RFC 7644 s3.4.2.4: a start below 1 is 1, a negative count is 0.
    fn page(&self, scim: &Scim) -> Result<(u64, usize), ScimError> {
        let start = number("startIndex", self.start_index.as_deref())?.unwrap_or(1).max(1);
        let settings = scim.settings();
        let count = number("count", self.count.as_deref())?;
        let count = count.map_or(settings.page_default, |count| {
            usize::try_from(count.max(0)).unwrap_or(usize::MAX)
        });
        Ok((start.unsigned_abs(), count.min(settings.page_max)))
    }
}

fn number(name: &str, text: Option<&str>) -> Result<Option<i64>, ScimError> {
    let Some(text) = text else { return Ok(None) };
    let parsed = text.trim().parse();
    parsed.map(Some).map_err(|_| {
        ScimError::bad_request(
            ScimType::InvalidValue,
            format!("{name} is {text:?}: it must be a whole number"),
        )
    })
}

/// The parameters of any request; only `attributes` and `excludedAttributes` count outside a query.
pub(super) struct Shown(pub(super) Parameters);

impl FromRequestParts<Scim> for Shown {
    type Rejection = ScimError;

    async fn from_request_parts(parts: &mut Parts, _: &Scim) -> Result<Self, ScimError> {
        Ok(Self(Parameters::parse(parts.uri.query().unwrap_or_default())))
    }
}

async fn run<R: Queryable>(
    scim: &Scim,
    access: &Access,
    endpoint: Endpoint,
    parameters: &Parameters,
    with_groups: bool,
) -> Result<(u64, Page<R>), ScimError> {
    let filter = parameters.resolve(scim, endpoint)?;
    let (start_index, count) = parameters.page(scim)?;
    let query = Query {
        filter: filter.as_ref(),
        start_index,
        count,
        connection: Some(&access.connection.name),
        with_groups,
        budget: scim.settings().budget,
    };
    Ok((
        start_index,
        scim.directory().query(access.organisation_id(), query).await?,
    ))
}

/// `GET /Users`.
pub(super) async fn users(
    State(scim): State<Scim>,
    access: Access,
    Shown(parameters): Shown,
    headers: HeaderMap,
) -> Result<Response, ScimError> {
    let projection = parameters.over(scim.schemas(Endpoint::Users))?;
    let (start_index, page) =
        run::<User>(&scim, &access, Endpoint::Users, &parameters, projection.wants("groups")).await?;
    let names = group_names(&scim, &access, page.groups.iter().flatten()).await?;
    let none = Vec::new();
    let groups = page.groups.iter().chain(std::iter::repeat(&none));
    let resources = page
        .resources
        .iter()
        .zip(groups)
        .map(|(user, groups)| Value::Object(present_user(&scim, &access, user, groups, &names, &projection).0));
    let body = list(page.total, start_index, resources.collect());
    Ok(json_response(StatusCode::OK, &headers, &body))
}

/// `GET /Groups`.
pub(super) async fn groups(
    State(scim): State<Scim>,
    access: Access,
    Shown(parameters): Shown,
    headers: HeaderMap,
) -> Result<Response, ScimError> {
    let projection = parameters.over(scim.schemas(Endpoint::Groups))?;
    let (start_index, page) = run::<StoredGroup>(&scim, &access, Endpoint::Groups, &parameters, false).await?;
    let mut resources = Vec::with_capacity(page.resources.len());
    for stored in &page.resources {
        resources.push(Value::Object(show_group(&scim, &access, stored, &projection).await?.0));
    }
    let body = list(page.total, start_index, resources);
    Ok(json_response(StatusCode::OK, &headers, &body))
}
