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
use usher::model::slug::Slug;
use usher::model::token::TokenGrant;
use usher::scim::ScimSettings;
use usher::store::Store;
use usher::store::memory::MemoryStore;

/// A short name.
#[track_caller]
pub(crate) fn slug(text: &str) -> Slug {
    text.parse().expect("a slug")
}

/// A directory with the SCIM service over it.
#[derive(Clone)]
pub(crate) struct Service {
    /// The directory.
    pub(crate) directory: Directory,
    /// Its SCIM routes.
    pub(crate) router: Router,
}

impl Service {
    /// Over the memory engine.
    pub(crate) fn new() -> Self {
        Self::over(Arc::new(MemoryStore::new()))
    }

    /// Over this store.
    pub(crate) fn over(store: Arc<dyn Store>) -> Self {
        Self::with(store, ScimSettings::new("https://usher.example"))
    }

    /// Over this store with these settings.
    pub(crate) fn with(store: Arc<dyn Store>, settings: ScimSettings) -> Self {
        let directory = Directory::new(store, Arc::new(SystemClock));
        let router = usher::scim::router(directory.clone(), settings);
        Self { directory, router }
    }

    /// Makes an organisation.
    pub(crate) async fn organisation(&self, name: &str) -> Tenant {
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
    pub(crate) async fn client() -> Client {
        Self::new().organisation("acme").await.client("scim").await
    }
}

/// One organisation.
#[derive(Clone)]
pub(crate) struct Tenant {
    /// The service.
    pub(crate) service: Service,
    /// The slug.
    pub(crate) name: String,
    /// The identifier.
    pub(crate) id: OrganisationId,
    /// An administrator's permit.
    pub(crate) permit: Permit,
}

impl Tenant {
    /// A client of a SCIM connection with default settings.
    pub(crate) async fn client(&self, connection: &str) -> Client {
        self.client_of(Connection::new(slug(connection), ConnectionKind::Scim))
            .await
    }

    /// A client of this connection.
    pub(crate) async fn client_of(&self, connection: Connection) -> Client {
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
    pub(crate) async fn licence(&self, key: &str, limit: u32, when_full: WhenFull) {
        let licence = Licence {
            limit: Some(limit),
            when_full,
            ..Licence::new(slug(key), key.to_owned())
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
pub(crate) struct Client {
    /// Whose.
    pub(crate) tenant: Tenant,
    /// The bearer token.
    pub(crate) token: String,
}

/// An answer.
#[must_use]
#[derive(Debug)]
pub(crate) struct Answer {
    /// The status.
    pub(crate) status: StatusCode,
    /// The headers.
    pub(crate) headers: HeaderMap,
    /// The body; null when there is none.
    pub(crate) body: Value,
}

impl Answer {
    /// Asserts the status, showing the body otherwise.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{:#}", self.body);
        self.body
    }

    /// The identifier of a created resource.
    #[track_caller]
    pub(crate) fn id(self) -> String {
        self.expect(201)["id"].as_str().expect("an id").to_owned()
    }

    /// Asserts a SCIM error of this status and `scimType`.
    #[track_caller]
    pub(crate) fn refused(self, status: u16, scim_type: Option<&str>) -> String {
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
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
        headers: &[(&str, &str)],
    ) -> Answer {
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
    pub(crate) async fn raw(&self, request: Request<Body>) -> Answer {
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
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None, &[]).await
    }

    /// POST.
    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, Some(body), &[]).await
    }

    /// PUT.
    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        self.send(Method::PUT, path, Some(body), &[]).await
    }

    /// PATCH with these operations.
    pub(crate) async fn patch(&self, path: &str, operations: Value) -> Answer {
        let body = json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations });
        self.send(Method::PATCH, path, Some(body), &[]).await
    }

    /// DELETE.
    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, None, &[]).await
    }

    /// A filter question; the parameters are encoded as Entra does, blanks as `+`.
    pub(crate) async fn filter(&self, endpoint: &str, filter: &str) -> Answer {
        let query: String = form_urlencoded::Serializer::new(String::new())
            .append_pair("filter", filter)
            .finish();
        self.get(&format!("{endpoint}?{query}")).await
    }

    /// Creates a user who has nothing but a name.
    pub(crate) async fn user(&self, user_name: &str) -> String {
        self.post("/Users", json!({ "schemas": [USER], "userName": user_name }))
            .await
            .id()
    }

    /// Creates a group.
    pub(crate) async fn group(&self, display_name: &str) -> String {
        self.post("/Groups", json!({ "schemas": [GROUP], "displayName": display_name }))
            .await
            .id()
    }
}

/// The core user schema.
pub(crate) const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
/// The core group schema.
pub(crate) const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
/// The enterprise extension.
pub(crate) const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
/// Usher's extension.
pub(crate) const USHER_USER: &str = "urn:usher:scim:schemas:extension:2.0:User";
