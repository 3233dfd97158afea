//! A SCIM service in process: a directory over the memory engine (or any other), one organisation, one connection, and
//! clients that are values.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;
use usher::directory::connection::PutConnection;
use usher::directory::token::IssueToken;
use usher::directory::{Directory, Permit, Principal};
use usher::model::clock::SystemClock;
use usher::model::connection::{Connection, ConnectionKind};
use usher::model::id::OrganisationId;
use usher::model::licence::{Licence, WhenFull};
use usher::model::lifecycle::Step;
use usher::model::slug::Slug;
use usher::model::token::TokenGrant;
use usher::scim::ScimSettings;
use usher::store::Store;
use usher::store::memory::MemoryStore;

/// A short name.
#[track_caller]
pub fn slug(text: &str) -> Slug {
    text.parse().expect("a slug")
}

/// A directory with the SCIM service over it.
#[derive(Clone)]
pub struct Service {
    /// The directory.
    pub directory: Directory,
    /// Its SCIM routes.
    pub router: Router,
}

impl Service {
    /// Over the memory engine.
    pub fn new() -> Self {
        Self::over(Arc::new(MemoryStore::new()))
    }

    /// Over this store.
    pub fn over(store: Arc<dyn Store>) -> Self {
        Self::with(store, ScimSettings::new("https://usher.example"))
    }

    /// Over this store with these settings.
    pub fn with(store: Arc<dyn Store>, settings: ScimSettings) -> Self {
        let directory = Directory::new(store, Arc::new(SystemClock));
        let router = usher::scim::router(directory.clone(), settings);
        Self { directory, router }
    }

    /// Makes an organisation.
    pub async fn organisation(&self, name: &str) -> Tenant {
        let organisation = self
            .directory
            .create_organisation(&Principal::system(), &slug(name), name)
            .await;
        let id = organisation.expect("an organisation").id;
        let permit = Principal::system().administer(id).expect("the system may");
        Tenant {
            service: self.clone(),
            name: name.to_owned(),
            id,
            permit,
        }
    }

    /// A client of organisation `acme`'s connection `scim`, with everything that it needs.
    pub async fn client() -> Client {
        Self::new().organisation("acme").await.client("scim").await
    }
}

/// One organisation.
#[derive(Clone)]
pub struct Tenant {
    /// The service.
    pub service: Service,
    /// The slug.
    pub name: String,
    /// The identifier.
    pub id: OrganisationId,
    /// An administrator's permit.
    pub permit: Permit,
}

impl Tenant {
    /// A client of a SCIM connection with default settings.
    pub async fn client(&self, connection: &str) -> Client {
        self.client_of(Connection::new(slug(connection), ConnectionKind::Scim))
            .await
    }

    /// A client of this connection.
    pub async fn client_of(&self, connection: Connection) -> Client {
        let name = connection.name.clone();
        self.service
            .directory
            .run(&self.permit, &PutConnection(connection))
            .await
            .expect("a connection");
        let grant = TokenGrant::Connection {
            organisation: self.id,
            connection: name,
        };
        let issue = IssueToken {
            grant,
            label: String::new(),
            expires: None,
        };
        let issued = self.service.directory.run(&self.permit, &issue).await.expect("a token");
        Client {
            tenant: self.clone(),
            token: issued.text,
        }
    }

    /// Declares a licence.
    pub async fn licence(&self, key: &str, limit: u32, when_full: WhenFull) {
        let licence = Licence {
            key: slug(key),
            name: key.to_owned(),
            limit: Some(limit),
            consumes_from: Step::Prepared,
            when_full,
        };
        self.service
            .directory
            .put_licence(&self.permit, licence)
            .await
            .expect("a licence");
    }
}

/// An identity provider with its token.
#[derive(Clone)]
pub struct Client {
    /// Whose.
    pub tenant: Tenant,
    /// The bearer token.
    pub token: String,
}

/// An answer.
#[must_use]
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body; null when there is none.
    pub body: Value,
}

impl Answer {
    /// Asserts the status, showing the body otherwise.
    #[track_caller]
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{:#}", self.body);
        self.body
    }

    /// The identifier of a created resource.
    #[track_caller]
    pub fn id(self) -> String {
        self.expect(201)["id"].as_str().expect("an id").to_owned()
    }

    /// Asserts a SCIM error of this status and `scimType`.
    #[track_caller]
    pub fn refused(self, status: u16, scim_type: Option<&str>) -> String {
        assert_eq!(self.headers["content-type"], "application/scim+json");
        let body = self.expect(status);
        assert_eq!(body["schemas"], json!(["urn:ietf:params:scim:api:messages:2.0:Error"]));
        assert_eq!(body["status"], status.to_string());
        assert_eq!(body.get("scimType").and_then(Value::as_str), scim_type, "{body:#}");
        body["detail"].as_str().expect("a detail").to_owned()
    }
}

impl Client {
    /// Sends a request to a path below the organisation's base URL.
    pub async fn send(&self, method: Method, path: &str, body: Option<Value>, headers: &[(&str, &str)]) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("/scim/{}/v2{path}", self.tenant.name))
            .header("authorization", format!("Bearer {}", self.token));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = match body {
            Some(body) => {
                request = request.header("content-type", "application/scim+json; charset=utf-8");
                Body::from(body.to_string())
            }
            None => Body::empty(),
        };
        self.raw(request.body(body).expect("a request")).await
    }

    /// Sends a request as it is.
    pub async fn raw(&self, request: Request<Body>) -> Answer {
        let response = self
            .tenant
            .service
            .router
            .clone()
            .oneshot(request)
            .await
            .expect("an answer");
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.expect("a body").to_bytes();
        let body = if bytes.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&bytes).expect("JSON")
        };
        Answer {
            status: parts.status,
            headers: parts.headers,
            body,
        }
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None, &[]).await
    }

    /// POST.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, Some(body), &[]).await
    }

    /// PUT.
    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.send(Method::PUT, path, Some(body), &[]).await
    }

    /// PATCH with these operations.
    pub async fn patch(&self, path: &str, operations: Value) -> Answer {
        let body = json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations });
        self.send(Method::PATCH, path, Some(body), &[]).await
    }

    /// DELETE.
    pub async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, None, &[]).await
    }

    /// A filter question; the parameters are encoded as Entra does, blanks as `+`.
    pub async fn filter(&self, endpoint: &str, filter: &str) -> Answer {
        let query: String = form_urlencoded::Serializer::new(String::new())
            .append_pair("filter", filter)
            .finish();
        self.get(&format!("{endpoint}?{query}")).await
    }

    /// Creates a user who has nothing but a name.
    pub async fn user(&self, user_name: &str) -> String {
        self.post("/Users", json!({ "schemas": [USER], "userName": user_name }))
            .await
            .id()
    }

    /// Creates a group.
    pub async fn group(&self, display_name: &str) -> String {
        self.post("/Groups", json!({ "schemas": [GROUP], "displayName": display_name }))
            .await
            .id()
    }
}

/// The core user schema.
pub const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
/// The core group schema.
pub const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
/// The enterprise extension.
pub const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
/// Usher's extension.
pub const USHER_USER: &str = "urn:usher:scim:schemas:extension:2.0:User";
