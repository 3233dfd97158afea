//! The SCIM 2.0 service provider (RFC 7643, RFC 7644): one table of routes, one file per operation.
//!
//! Every request passes the same doors: [`access`] (whose token, which connection), [`body`] (JSON into the canonical
//! form), one operation over the directory, [`response`]; an error takes the same way and becomes a status in [`error`]
//! only.

pub mod access;
mod across;
mod aside;
mod asked;
pub mod body;
mod bulk;
mod catalogue;
pub mod create;
mod cursor;
pub mod delete;
pub mod discovery;
pub mod error;
mod grants;
pub mod identity;
mod journal;
mod limit;
mod me;
pub mod members;
pub mod modify;
mod paging;
mod parameters;
pub mod query;
mod reference;
mod regrant;
pub mod replace;
pub mod response;
pub mod retrieve;
mod search;
mod withdraw;

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::middleware;
use axum::routing::{any, get, post};
use parking_lot::RwLock;

use crate::directory::Directory;
use crate::directory::query::QueryBudget;
use crate::directory::settings::OrganisationSettings;
use crate::model::connection::Connection;
use crate::model::custom_attribute::Bearer;
use crate::model::filter::FilterLimits;
use crate::model::id::OrganisationId;
use crate::model::schema::{ResourceSchemas, SchemaSet};
use crate::model::slug::Slug;
use crate::provision::mapping::Mapping;
use crate::rate::Limits;

use access::Access;
use error::ScimError;
use paging::Walks;

/// What an operator may set. ServiceProviderConfig shows it, and the service keeps to it (reliability.md A9).
#[derive(Debug, Clone)]
pub struct ScimSettings {
    /// The address that clients know the gateway by, without a slash at the end: the start of every `location`.
    pub public_url: String,
    /// Bytes of a request body.
    pub body_bytes_max: usize,
    /// Results on one page at most.
    pub page_max: usize,
    /// Results on one page when the client does not say.
    pub page_default: usize,
    /// The bounds of a filter.
    pub filter: FilterLimits,
    /// Operations in one PATCH.
    pub patch_operations_max: usize,
    /// Members named in one request.
    pub members_max: usize,
    /// Records that one query may read.
    pub budget: QueryBudget,
    /// Seconds after which a cursor ends (RFC 9865).
    pub cursor_timeout_s: u64,
    /// Operations in one bulk request.
    pub bulk_operations_max: usize,
    /// Bytes of a bulk request.
    pub bulk_bytes_max: usize,
    /// Requests that the journal of each connection keeps; 0 for no journal.
    pub journal_entries_max: usize,
    /// How often each connection may ask.
    pub limits: Arc<Limits>,
}

impl ScimSettings {
    /// The defaults for a gateway at this address.
    #[must_use]
    pub fn new(public_url: impl Into<String>) -> Self {
        Self {
            public_url: public_url.into(),
            body_bytes_max: 4 << 20,
            page_max: 200,
            page_default: 100,
            filter: FilterLimits::default(),
            patch_operations_max: 1_000,
            members_max: 5_000,
            budget: QueryBudget::default(),
            cursor_timeout_s: 3_600,
            bulk_operations_max: 1_000,
            bulk_bytes_max: 4 << 20,
            journal_entries_max: 1_000,
            limits: Arc::new(Limits::none()),
        }
    }
}

/// What every handler shares.
#[derive(Clone)]
pub struct Scim(Arc<Shared>);

struct Shared {
    directory: Directory,
    settings: ScimSettings,
    roles: SchemaSet,
    licences: SchemaSet,
    mappings: Mappings,
    walks: Walks,
}

/// Compiled rules, each with the connection's settings that it was compiled from.
type Mappings = RwLock<HashMap<(OrganisationId, Slug), (Arc<Connection>, Arc<Mapping>)>>;

impl Scim {
    fn directory(&self) -> &Directory {
        &self.0.directory
    }

    fn settings(&self) -> &ScimSettings {
        &self.0.settings
    }

    /// A connection's rules, compiled once for as long as its settings stay the same.
    fn mapping(&self, of: &OrganisationSettings, connection: &Arc<Connection>) -> Result<Arc<Mapping>, ScimError> {
        let key = (of.organisation.id, connection.name.clone());
        if let Some((compiled, mapping)) = self.0.mappings.read().get(&key)
            && Arc::ptr_eq(compiled, connection)
        {
            return Ok(Arc::clone(mapping));
        }
        let mapping = Mapping::compile(connection, of.custom(Bearer::User)).map_err(|error| {
            tracing::error!(connection.name = %connection.name, error = %error, "a connection's rules cannot be used");
            let detail = "the rules of this connection cannot be used: ask the gateway's operator";
            ScimError::new(StatusCode::INTERNAL_SERVER_ERROR, detail)
        })?;
        let mapping = Arc::new(mapping);
        self.0
            .mappings
            .write()
            .insert(key, (Arc::clone(connection), Arc::clone(&mapping)));
        Ok(mapping)
    }

    /// Users and groups are as the organisation defines them, the rest is the same for all.
    fn schemas<'a>(&'a self, access: &'a Access, endpoint: Endpoint) -> &'a SchemaSet {
        self.schemas_of(&access.organisation.schemas, endpoint)
    }

    fn schemas_of<'a>(&'a self, own: &'a ResourceSchemas, endpoint: Endpoint) -> &'a SchemaSet {
        match endpoint {
            Endpoint::Users => &own.users,
            Endpoint::Groups => &own.groups,
            Endpoint::Roles => &self.0.roles,
            Endpoint::Licences => &self.0.licences,
        }
    }

    fn walks(&self) -> &Walks {
        &self.0.walks
    }
}

/// The resource endpoints (RFC 7644 s3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoint {
    /// `/Users`.
    Users,
    /// `/Groups`.
    Groups,
    /// `/Roles`: read-only.
    Roles,
    /// `/Licences`: read-only.
    Licences,
}

impl Endpoint {
    /// All of them, in the order in which discovery lists them.
    pub const ALL: [Self; 4] = [Self::Users, Self::Groups, Self::Roles, Self::Licences];

    /// Its path below the base URL.
    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            Self::Users => "/Users",
            Self::Groups => "/Groups",
            Self::Roles => "/Roles",
            Self::Licences => "/Licences",
        }
    }
}

/// Where the routes are: one base URL for each organisation.
const BASE: &str = "/scim/{org}/v2";

/// The SCIM service over a directory.
pub fn router(directory: Directory, settings: ScimSettings) -> Router {
    let scim = Scim(Arc::new(Shared {
        directory,
        settings,
        roles: SchemaSet::role(),
        licences: SchemaSet::licence(),
        mappings: RwLock::default(),
        walks: Walks::default(),
    }));
    let limit = middleware::from_fn_with_state(scim.clone(), limit::limit);
    app(scim).layer(limit)
}

/// The routes with what every operation passes, one inside a bulk request too: the journal, and whether the client takes JSON.
fn app(scim: Scim) -> Router {
    let routes = resources()
        .merge(reading())
        // s3.7 bulk: Ping, custom clients. Its operations come back through these routes.
        .route("/Bulk", post(bulk::run))
        // s3.11: nobody.
        .route("/Me", any(me::me))
        .fallback(error::no_such_endpoint)
        .method_not_allowed_fallback(error::method_not_allowed)
        .with_state(scim.clone());
    // The base URL as some people type it, with a slash at the end.
    let typed = Router::new()
        .route("/scim/{org}/v2/", get(across::query))
        .method_not_allowed_fallback(error::method_not_allowed);
    Router::new()
        .nest(BASE, routes)
        .merge(typed.with_state(scim.clone()))
        .layer(middleware::from_fn(me::negotiate))
        .layer(middleware::from_fn_with_state(scim, journal::journal))
}

/// Users and groups, each route with its section of RFC 7644 and who calls it.
fn resources() -> Router<Scim> {
    Router::new()
        // s3.3 create, s3.4.2 query: every identity provider.
        .route("/Users", get(query::users).post(create::user))
        .route("/Groups", get(query::groups).post(create::group))
        // s3.4.2.1 and s3.4.3 query by URL and by POST, over one type or all: SailPoint, custom clients.
        .route("/", get(across::query))
        .route("/.search", post(search::everything))
        .route("/Users/.search", post(search::users))
        .route("/Groups/.search", post(search::groups))
        // s3.4.1 retrieve, s3.5.1 replace, s3.5.2 modify, s3.6 delete: every identity provider.
        .route(
            "/Users/{id}",
            get(retrieve::user)
                .put(replace::user)
                .patch(modify::user)
                .delete(delete::user),
        )
        .route(
            "/Groups/{id}",
            get(retrieve::group)
                .put(replace::group)
                .patch(modify::group)
                .delete(delete::group),
        )
}

/// What can only be read.
fn reading() -> Router<Scim> {
    Router::new()
        // Okta with entitlements, SailPoint.
        .route("/Roles", get(catalogue::roles))
        .route("/Roles/.search", post(search::roles))
        .route("/Roles/{id}", get(catalogue::role))
        .route("/Licences", get(catalogue::licences))
        .route("/Licences/.search", post(search::licences))
        .route("/Licences/{id}", get(catalogue::licence))
        // s4 discovery: CyberArk, SailPoint, Rippling, Okta with entitlements.
        .route("/ServiceProviderConfig", get(discovery::service_provider_config))
        .route("/ResourceTypes", get(discovery::resource_types))
        .route("/ResourceTypes/{name}", get(discovery::resource_type))
        .route("/Schemas", get(discovery::schemas))
        .route("/Schemas/{urn}", get(discovery::schema))
}
