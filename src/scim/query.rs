//! Query (RFC 7644 s3.4.2): filter, order, paging by index and by cursor (RFC 9865), projection.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde_json::{Value, json};

use crate::directory::query::{Continuation, Next, Page, Query, Queryable, Sort, Start, StoredGroup};
use crate::model::deviation::Strictness;
use crate::model::projection::Projection;
use crate::model::scim_type::ScimType;
use crate::model::user::User;

use super::access::Access;
use super::cursor::Cursor;
use super::error::ScimError;
use super::paging::Fingerprint;
use super::parameters::{Parameters, Shown};
use super::reference::Names;
use super::response::{LIST_SCHEMA, json_response, list};
use super::retrieve::{present_user, show_group};
use super::{Endpoint, Scim, catalogue};

/// Which page is asked for, and how the client walks.
pub(super) struct Asked {
    /// The page before it, when it is known.
    before: Option<Continuation>,
    /// The number of its first result, counted from 1.
    index: u64,
    /// At most this many results.
    pub(super) count: usize,
    by_cursor: bool,
    results: Fingerprint,
    request: Fingerprint,
}

impl Asked {
    /// Reads the paging parameters of a query of `endpoint`.
    ///
    /// # Errors
    /// `invalidValue`, `invalidCount`, `invalidCursor`, `expiredCursor`.
    pub(super) fn of(scim: &Scim, access: &Access, endpoint: &str, parameters: &Parameters) -> Result<Self, ScimError> {
        let results = Fingerprint::of_results(access, endpoint, parameters);
        let request = Fingerprint::of_request(access, endpoint, parameters);
        let now = scim.directory().clock().now();
        let (before, index, count) = match parameters.cursor.as_deref() {
            None => {
                let (index, count) = parameters.page(scim)?;
                let before = (index > 1).then(|| scim.walks().find(&results, index, now)).flatten();
                (before, index, count)
            }
            Some(_) if parameters.start_index.is_some() && access.connection.strictness == Strictness::Strict => {
                let detail = "a page is asked for by startIndex or by cursor, not by both";
                return Err(ScimError::bad_request(ScimType::InvalidCursor, detail));
            }
            Some(text) => {
                let count = parameters.page_by_cursor(scim, access.connection.strictness)?;
                if text.is_empty() {
                    (None, 1, count)
                } else {
                    let cursor = Cursor::read(text, &request, now, scim.settings().cursor_timeout_s)?;
                    let walk = scim.walks().list(&results, cursor.index, &cursor.place, now);
                    let before = Continuation {
                        index: cursor.index,
                        total: cursor.total,
                        next: Next {
                            place: cursor.place,
                            walk,
                        },
                    };
                    let index = before.index;
                    (Some(before), index, count)
                }
            }
        };
        Ok(Self {
            before,
            index,
            count,
            by_cursor: parameters.cursor.is_some(),
            results,
            request,
        })
    }

    /// Where the page begins.
    pub(super) fn start(&self) -> Start<'_> {
        self.before.as_ref().map_or(Start::Index(self.index), Start::After)
    }

    /// The list message for a page, which remembers where it ended.
    pub(super) fn answer(&self, scim: &Scim, total: u64, next: Option<Next>, resources: Vec<Value>) -> Value {
        let now = scim.directory().clock().now();
        let next = next.map(|next| Continuation {
            index: self.index + resources.len() as u64,
            total,
            next,
        });
        if let Some(next) = &next {
            scim.walks().remember(self.results, next, now);
        }
        if !self.by_cursor {
            return list(total, self.index, resources);
        }
        // RFC 9865: no startIndex, and a nextCursor on every page but the last.
        let mut body = json!({
            "schemas": [LIST_SCHEMA],
            "totalResults": total,
            "itemsPerPage": resources.len(),
            "Resources": resources,
        });
        if let Some(next) = next {
            let cursor = Cursor {
                index: next.index,
                total,
                place: next.next.place,
                issued_ms: now.timestamp_millis(),
            };
            body["nextCursor"] = cursor.write(&self.request).into();
        }
        body
    }
}

async fn run<R: Queryable>(
    scim: &Scim,
    access: &Access,
    endpoint: Endpoint,
    parameters: &Parameters,
    with_groups: bool,
) -> Result<(Asked, Page<R>), ScimError> {
    let schemas = scim.schemas(endpoint);
    let filter = parameters.filter(scim, schemas)?;
    let sort = parameters.sort(schemas)?;
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
    let page = scim.directory().query(access.organisation_id(), query).await?;
    Ok((asked, page))
}

/// The answer to a query of one resource type, by URL or by search request.
pub(super) async fn answer(
    scim: &Scim,
    access: &Access,
    endpoint: Endpoint,
    parameters: &Parameters,
) -> Result<Value, ScimError> {
    let projection = parameters.over(scim.schemas(endpoint))?;
    match endpoint {
        Endpoint::Users => {
            let with_groups = projection.wants("groups");
            let (asked, page) = run::<User>(scim, access, endpoint, parameters, with_groups).await?;
            let resources = show_users(scim, access, &page, &projection).await?;
            Ok(asked.answer(scim, page.total, page.next, resources))
        }
        Endpoint::Groups => {
            let (asked, page) = run::<StoredGroup>(scim, access, endpoint, parameters, false).await?;
            let resources = show_groups(scim, access, &page, &projection).await?;
            Ok(asked.answer(scim, page.total, page.next, resources))
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
