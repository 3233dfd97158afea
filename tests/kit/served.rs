//! A gateway inside the test's process that is reached over HTTP, with a clock that the test can set forward.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::TimeDelta;
use reqwest::Client;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use usher::config::Config;
use usher::directory::connection::PutConnection;
use usher::directory::token::{IssueToken, IssuedToken, RevokeToken};
use usher::directory::{Directory, Permit, Principal, keys};
use usher::model::clock::{Clock, SystemClock, Timestamp};
use usher::model::connection::{Connection, ConnectionKind};
use usher::model::id::OrganisationId;
use usher::model::token::TokenGrant;
use usher::server::Service;
use usher::store::Store;
use usher::store::memory::MemoryStore;

use super::scim::slug;

/// The machine's clock, so many seconds ahead.
#[derive(Debug, Default)]
pub(crate) struct Ahead(AtomicI64);

impl Clock for Ahead {
    fn now(&self) -> Timestamp {
        SystemClock.now() + TimeDelta::seconds(self.0.load(Ordering::SeqCst))
    }

    fn uuid(&self) -> uuid::Uuid {
        SystemClock.uuid()
    }

    fn secret(&self) -> [u8; 32] {
        SystemClock.secret()
    }
}

/// The gateway.
pub(crate) struct Served {
    /// `http://127.0.0.1:PORT`.
    pub(crate) url: String,
    /// Its directory.
    pub(crate) directory: Directory,
    /// Its store.
    pub(crate) store: Arc<dyn Store>,
    /// For requests.
    pub(crate) http: Client,
    clock: Arc<Ahead>,
    _stop: oneshot::Sender<()>,
}

impl Served {
    /// With default settings.
    pub(crate) async fn start() -> Self {
        Self::with(Config::default()).await
    }

    /// With these settings.
    pub(crate) async fn with(config: Config) -> Self {
        Self::over(Arc::new(MemoryStore::new()), config).await
    }

    /// Over this store.
    pub(crate) async fn over(store: Arc<dyn Store>, config: Config) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let clock = Arc::new(Ahead::default());
        let directory = Directory::new(Arc::clone(&store), Arc::clone(&clock) as Arc<dyn Clock>);
        let service = Service {
            app: usher::server::app::router(&directory, &config, &url),
            tls: None,
        };
        let (stop, stopped) = oneshot::channel::<()>();
        tokio::spawn(async move {
            let stopped = async { drop(stopped.await) };
            usher::server::run(listener, service, &config.server, stopped).await;
        });
        Self {
            url,
            directory,
            store,
            http: Client::builder().no_proxy().build().expect("a client"),
            clock,
            _stop: stop,
        }
    }

    /// Lets time pass.
    pub(crate) fn pass(&self, seconds: i64) {
        self.clock.0.fetch_add(seconds, Ordering::SeqCst);
    }

    /// The present, in seconds.
    pub(crate) fn now(&self) -> i64 {
        self.clock.now().timestamp()
    }

    /// Makes an organisation, and answers an administrator's permit.
    pub(crate) async fn organisation(&self, name: &str) -> Permit {
        let made = self
            .directory
            .create_organisation(&Principal::system(), &slug(name), name)
            .await;
        permit(made.expect("an organisation").id)
    }

    /// Makes a SCIM connection, or changes one.
    pub(crate) async fn connect(&self, permit: &Permit, name: &str, set: impl FnOnce(&mut Connection)) {
        let mut connection = Connection::new(slug(name), ConnectionKind::Scim);
        set(&mut connection);
        let put = self.directory.run(permit, &PutConnection(connection)).await;
        put.expect("a connection");
    }

    /// A lasting token of a connection.
    pub(crate) async fn lasting(&self, permit: &Permit, connection: &str) -> IssuedToken {
        let grant = TokenGrant::Connection {
            organisation: permit.organisation(),
            connection: slug(connection),
        };
        self.issue(permit, grant).await
    }

    /// An administrator's token.
    pub(crate) async fn administrator(&self) -> String {
        self.issue(&permit(keys::GATEWAY), TokenGrant::Gateway).await.text
    }

    async fn issue(&self, permit: &Permit, grant: TokenGrant) -> IssuedToken {
        let issue = IssueToken {
            grant,
            label: String::new(),
            expires: None,
        };
        self.directory.run(permit, &issue).await.expect("a token")
    }

    /// Withdraws a token.
    pub(crate) async fn revoke(&self, permit: &Permit, issued: &IssuedToken) {
        let revoked = self.directory.run(permit, &RevokeToken(issued.token.id)).await;
        revoked.expect("a token that was there");
    }

    /// The status of a SCIM question with this token.
    pub(crate) async fn scim_status(&self, organisation: &str, token: &str) -> u16 {
        let url = format!("{}/scim/{organisation}/v2/Users?count=1", self.url);
        let asked = self.http.get(url).bearer_auth(token).send().await;
        asked.expect("an answer").status().as_u16()
    }

    /// Sends a form to the token endpoint.
    pub(crate) async fn token(&self, organisation: &str, form: &[(&str, &str)]) -> TokenAnswer {
        let request = self.http.post(format!("{}/oauth/{organisation}/token", self.url));
        TokenAnswer::of(request.form(form)).await
    }
}

fn permit(organisation: OrganisationId) -> Permit {
    Principal::system().administer(organisation).expect("the system may")
}

/// What the token endpoint answered.
#[must_use]
#[derive(Debug)]
pub(crate) struct TokenAnswer {
    /// The status.
    pub(crate) status: u16,
    /// The headers.
    pub(crate) headers: reqwest::header::HeaderMap,
    /// The body.
    pub(crate) body: Value,
}

impl TokenAnswer {
    /// Sends a request.
    pub(crate) async fn of(request: reqwest::RequestBuilder) -> Self {
        let answer = request.send().await.expect("an answer");
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let text = answer.text().await.expect("a body");
        Self {
            status,
            headers,
            body: serde_json::from_str(&text).unwrap_or_else(|_| json!(text)),
        }
    }

    /// The access token of a good answer.
    #[track_caller]
    pub(crate) fn access(self) -> String {
        assert_eq!(self.status, 200, "{:#}", self.body);
        self.body["access_token"].as_str().expect("a token").to_owned()
    }

    /// Asserts a refusal of this kind, and answers its description.
    #[track_caller]
    pub(crate) fn refused(self, status: u16, error: &str) -> String {
        let Self {
            status: found, body, ..
        } = self;
        assert_eq!((found, body["error"].as_str()), (status, Some(error)), "{body:#}");
        body["error_description"].as_str().expect("a description").to_owned()
    }
}
