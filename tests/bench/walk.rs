//! Walking all pages must cost time in proportion to their number: all pages by index and by cursor, with and without a filter
//! and an order, of 10,000 and of 100,000 users, over SCIM on the memory engine. Prints the ratios; linear is 10.

use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tokio::runtime::Builder;
use tower::ServiceExt as _;
use usher::directory::connection::PutConnection;
use usher::directory::token::IssueToken;
use usher::directory::{Directory, Principal};
use usher::model::clock::SystemClock;
use usher::model::connection::{Connection, ConnectionKind};
use usher::model::token::TokenGrant;
use usher::scim::ScimSettings;
use usher::store::memory::MemoryStore;

const SIZES: [usize; 2] = [10_000, 100_000];
/// What is asked, by its name.
const QUERIES: [(&str, &str); 3] = [
    ("all", ""),
    ("filtered", "filter=title+eq+%22even%22&"),
    ("sorted", "sortBy=displayName&sortOrder=descending&"),
];
const WAYS: [&str; 2] = ["index", "cursor"];

struct Gateway {
    router: Router,
    token: String,
    users: usize,
}

impl Gateway {
    async fn with_users(users: usize) -> Self {
        let directory = Directory::new(Arc::new(MemoryStore::new()), Arc::new(SystemClock));
        let slug = |text: &str| text.parse().expect("a slug");
        let acme = directory
            .create_organisation(&Principal::system(), &slug("acme"), "Acme")
            .await
            .expect("created");
        let permit = Principal::system().administer(acme.id).expect("the system may");
        let connection = Connection::new(slug("scim"), ConnectionKind::Scim);
        directory
            .run(&permit, &PutConnection(connection))
            .await
            .expect("a connection");
        let grant = TokenGrant::Connection {
            organisation: acme.id,
            connection: slug("scim"),
        };
        let issue = IssueToken {
            grant,
            label: String::new(),
            expires: None,
        };
        let token = directory.run(&permit, &issue).await.expect("a token").text;
        let router = usher::scim::router(directory, ScimSettings::new("https://usher.example"));
        let gateway = Self { router, token, users };
        for n in 0..users {
            // Names in another order than that of creation, so that sorting has something to do.
            let mixed = n.wrapping_mul(7_919) % users;
            let body = json!({
                "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
                "userName": format!("user{n}@example.com"),
                "displayName": format!("Person {mixed:06}"),
                "title": if n % 2 == 0 { "even" } else { "odd" },
            });
            let request = Request::post("/scim/acme/v2/Users").header("content-type", "application/scim+json");
            gateway.send(request, Body::from(body.to_string())).await;
        }
        gateway
    }

    async fn send(&self, request: axum::http::request::Builder, body: Body) -> Value {
        let request = request.header("authorization", format!("Bearer {}", self.token));
        let response = self
            .router
            .clone()
            .oneshot(request.body(body).expect("a request"))
            .await;
        let response = response.expect("an answer");
        let status = response.status();
        let bytes = response.into_body().collect().await.expect("a body").to_bytes();
        assert!(status.is_success(), "{status}");
        serde_json::from_slice(&bytes).expect("JSON")
    }

    /// Reads all pages of a query.
    async fn walk(&self, (name, query): (&str, &str), way: &str) {
        let expected = if name == "filtered" { self.users / 2 } else { self.users };
        let mut seen = 0;
        let mut next = if way == "index" {
            "startIndex=1".to_owned()
        } else {
            "cursor".to_owned()
        };
        loop {
            let path = format!("/scim/acme/v2/Users?{query}count=200&attributes=userName&{next}");
            let page = self.send(Request::get(path), Body::empty()).await;
            seen += page["Resources"].as_array().map_or(0, Vec::len);
            next = match page["nextCursor"].as_str() {
                Some(cursor) => format!("cursor={cursor}"),
                None if way == "index" && seen < expected => format!("startIndex={}", seen + 1),
                None => break,
            };
        }
        assert_eq!(seen, expected, "{name} by {way}");
    }
}

/// The time that this thread has computed; the clock where the system does not tell, and then others' work counts too.
fn spent() -> Duration {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = told.and_then(|line| line.split(' ').next()?.parse().ok());
    static STARTED: LazyLock<Instant> = LazyLock::new(Instant::now);
    nanoseconds.map_or_else(|| STARTED.elapsed(), Duration::from_nanos)
}

fn main() {
    // All on this thread, so that its time is all of the time.
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let gateways = SIZES.map(|size| runtime.block_on(Gateway::with_users(size)));
    println!("{:<26}{:>12}{:>12}{:>8}", "all pages", SIZES[0], SIZES[1], "ratio");
    for query in QUERIES {
        for way in WAYS {
            let [small, large] = gateways.each_ref().map(|gateway| {
                let started = spent();
                runtime.block_on(gateway.walk(query, way));
                spent() - started
            });
            let name = format!("{} by {way}", query.0);
            let ratio = large.as_secs_f64() / small.as_secs_f64();
            println!(
                "{name:<26}{:>9} ms{:>9} ms{ratio:>8.1}",
                small.as_millis(),
                large.as_millis()
            );
        }
    }
}
