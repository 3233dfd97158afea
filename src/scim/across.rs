//! Queries over several resource types (RFC 7644 s3.4.2.1): users and groups at the base URL. An attribute that one type does
//! not have has no value there. Without a sort all are in the order of their creation.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde_json::Value;
use uuid::Uuid;

use crate::directory::query::{Continuation, Listed, Next, Place, Query, Queryable, Sort, Start, StoredGroup, Walk};
use crate::model::filter::ResolvedFilter;
use crate::model::schema::SchemaSet;
use crate::model::sort::SortKey;
use crate::model::user::User;

use super::access::Access;
use super::asked::Asked;
use super::error::ScimError;
use super::parameters::{Order, Parameters, Shown};
use super::query::{show_groups, show_users};
use super::response::json_response;
use super::{Endpoint, Scim};

/// The name of the base URL among the endpoints.
const ROOT: &str = "/";

/// `GET` at the base URL.
pub(super) async fn query(
    State(scim): State<Scim>,
    access: Access,
    Shown(parameters): Shown,
    headers: HeaderMap,
) -> Result<Response, ScimError> {
    let body = answer(&scim, &access, &parameters).await?;
    Ok(json_response(StatusCode::OK, &headers, &body))
}

/// What is asked of one resource type.
struct Part {
    filter: Option<ResolvedFilter>,
    sort: Option<Order>,
}

impl Part {
    fn of(scim: &Scim, access: &Access, schemas: &SchemaSet, parameters: &Parameters) -> Result<Self, ScimError> {
        Ok(Self {
            filter: parameters.filter(scim, access, schemas)?,
            sort: parameters.sort(access, schemas)?,
        })
    }

    fn query<'a>(&'a self, scim: &Scim, access: &'a Access, with_groups: bool) -> Query<'a> {
        Query {
            filter: self.filter.as_ref(),
            sort: self.sort.as_ref().map(|(by, order)| Sort { by, order: *order }),
            start: Start::Index(1),
            count: 0,
            connection: Some(&access.connection.name),
            with_groups,
            budget: scim.settings().budget,
            indexes: true,
        }
    }
}

/// A page of several types.
struct Mixed {
    total: u64,
    ends: (Option<Place>, Option<Next>),
    shown: Vec<Value>,
}

/// The answer to a query over all resource types, by URL or by search request.
pub(super) async fn answer(scim: &Scim, access: &Access, parameters: &Parameters) -> Result<Value, ScimError> {
    let users = Part::of(scim, access, &access.organisation.schemas.users_across, parameters)?;
    let groups = Part::of(scim, access, &access.organisation.schemas.groups_across, parameters)?;
    let asked = Asked::of(scim, access, ROOT, parameters)?;
    let parts = (&users, &groups);
    let Mixed { total, ends, shown } = page(scim, access, parameters, parts, asked.start(), asked.count).await?;
    Ok(asked.answer(scim, total, ends, shown))
}

async fn page(
    scim: &Scim,
    access: &Access,
    parameters: &Parameters,
    parts: (&Part, &Part),
    start: Start<'_>,
    count: usize,
) -> Result<Mixed, ScimError> {
    let is_back = matches!(start, Start::Before(_));
    let Walk { ids, mut at } = match start {
        Start::After(Continuation {
            next: Next { walk: Some(walk), .. },
            ..
        })
        | Start::Before(Continuation {
            next: Next { walk: Some(walk), .. },
            ..
        }) => walk.clone(),
        _ => listed(scim, access, parts, start).await?,
    };
    let end = at;
    let mut shown: Vec<(Value, Place)> = Vec::new();
    while (if is_back { at > 0 } else { at < ids.len() }) && shown.len() < count {
        let wanted = count - shown.len();
        let part = if is_back {
            &ids[at.saturating_sub(wanted)..at]
        } else {
            &ids[at..ids.len().min(at + wanted)]
        };
        at = if is_back { at - part.len() } else { at + part.len() };
        let mut found = show(scim, access, parameters, parts, part).await?;
        let found = part.iter().filter_map(|id| {
            let (resource, key) = found.remove(id)?;
            Some((resource, Place { id: *id, key }))
        });
        let found: Vec<_> = found.collect();
        let place = if is_back { 0 } else { shown.len() };
        shown.splice(place..place, found);
    }
    if is_back && shown.is_empty() {
        // All that was in front has gone: what is now the first page is what the client looks for.
        return Box::pin(page(scim, access, parameters, parts, Start::Index(1), count)).await;
    }
    let is_last = !is_back && at >= ids.len();
    let number = shown.len() as u64;
    let (total, is_first) = match start {
        Start::Index(index) => (ids.len() as u64, index == 1),
        Start::After(before) if is_last => (before.index - 1 + number, false),
        Start::After(before) => (before.total.max(before.index + number), false),
        Start::Before(behind) => (behind.total.max(number), at == 0),
    };
    let at = if is_back { end } else { at };
    let first = shown.first().filter(|_| !is_first).map(|(_, place)| place.clone());
    let last = shown.last().filter(|_| !is_last).map(|(_, place)| place.clone());
    let next = last.map(|place| Next {
        place,
        walk: Some(Walk { ids, at }),
    });
    Ok(Mixed {
        total,
        ends: (first, next),
        shown: shown.into_iter().map(|(resource, _)| resource).collect(),
    })
}

/// Every match in order, and where the page begins.
async fn listed(
    scim: &Scim,
    access: &Access,
    (users, groups): (&Part, &Part),
    start: Start<'_>,
) -> Result<Walk, ScimError> {
    let mut all = matches::<User>(scim, access, users).await?;
    all.extend(matches::<StoredGroup>(scim, access, groups).await?);
    let order = users.sort.as_ref().map(|(_, order)| *order);
    let compare = |left: &Listed, right: &Listed| {
        let by_key = order.map_or(Ordering::Equal, |order| left.0.compare(&right.0, order));
        by_key.then_with(|| left.1.cmp(&right.1))
    };
    all.sort_unstable_by(compare);
    let at = match start {
        Start::Index(index) => usize::try_from(index.saturating_sub(1)).unwrap_or(usize::MAX),
        Start::After(before) => {
            let place = entry(&before.next.place);
            all.partition_point(|entry| compare(entry, &place) != Ordering::Greater)
        }
        Start::Before(behind) => {
            let place = entry(&behind.next.place);
            all.partition_point(|entry| compare(entry, &place) == Ordering::Less)
        }
    };
    let ids: Arc<[Uuid]> = all.into_iter().map(|(_, id)| id).collect();
    let at = at.min(ids.len());
    Ok(Walk { ids, at })
}

fn entry(place: &Place) -> Listed {
    (place.key.clone().unwrap_or_default(), place.id)
}

async fn matches<R: Queryable>(scim: &Scim, access: &Access, part: &Part) -> Result<Vec<Listed>, ScimError> {
    let query = part.query(scim, access, false);
    let matches = scim.directory().matches::<R>(access.organisation_id(), query).await?;
    Ok(matches.entries)
}

/// A resource as it is shown, and what it is sorted by.
type Found = (Value, Option<SortKey>);

/// The resources of these identifiers that still match, whichever type they are of.
async fn show(
    scim: &Scim,
    access: &Access,
    parameters: &Parameters,
    (users, groups): (&Part, &Part),
    ids: &[Uuid],
) -> Result<HashMap<Uuid, Found>, ScimError> {
    let organisation = access.organisation_id();
    let projection = parameters.over(scim.schemas(access, Endpoint::Users))?;
    let query = users.query(scim, access, projection.wants("groups"));
    let page = scim.directory().resources::<User>(organisation, query, ids).await?;
    let shown = show_users(scim, access, &page, &projection).await?;
    let mut found = HashMap::new();
    found.extend(by_id(&page.resources, query, shown));
    let projection = parameters.over(scim.schemas(access, Endpoint::Groups))?;
    let query = groups.query(scim, access, false);
    let page = scim
        .directory()
        .resources::<StoredGroup>(organisation, query, ids)
        .await?;
    let shown = show_groups(scim, access, &page, &projection).await?;
    found.extend(by_id(&page.resources, query, shown));
    Ok(found)
}

fn by_id<R: Queryable>(resources: &[R], query: Query<'_>, shown: Vec<Value>) -> Vec<(Uuid, Found)> {
    let key = |resource: &R| {
        let sort = query.sort?;
        Some(sort.by.key(&resource.represent(query.connection)).bounded())
    };
    let found = resources.iter().zip(shown);
    found
        .map(|(resource, shown)| (resource.uuid(), (shown, key(resource))))
        .collect()
}
