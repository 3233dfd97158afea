//! The cost of one change must not grow with the directory or the group: each operation at 1,000 and at 100,000, over
//! SCIM on a sled store, in one run. At the end the ratios are printed; the aim is 1.5 or less.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request};
use criterion::Criterion;
use futures_util::StreamExt as _;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tower::ServiceExt as _;
use usher::directory::connection::PutConnection;
use usher::directory::token::IssueToken;
use usher::directory::{Directory, Principal};
use usher::model::clock::SystemClock;
use usher::model::connection::{Connection, ConnectionKind};
use usher::model::token::TokenGrant;
use usher::scim::ScimSettings;
use usher::store::sled::{SledSettings, SledStore};

const SIZES: [usize; 2] = [1_000, 100_000];
const OPERATIONS: [&str; 4] = ["create", "get", "filter by userName", "PATCH one member"];

struct Gateway {
    _folder: tempfile::TempDir,
    router: Router,
    token: String,
    users: Vec<String>,
    group: String,
}

impl Gateway {
    async fn with_users(size: usize) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let store = SledStore::open(&folder.path().join("store"), SledSettings::default()).expect("a store");
        let directory = Directory::new(Arc::new(store), Arc::new(SystemClock));
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
        let mut gateway = Self {
            _folder: folder,
            router,
            token,
            users: Vec::new(),
            group: String::new(),
        };
        let created = futures_util::stream::iter(0..size).map(|n| gateway.create(format!("user{n}@example.com")));
        gateway.users = created.buffered(64).collect().await;
        let body = json!({ "displayName": "Everyone" });
        gateway.group = gateway.send(Method::POST, "/Groups", Some(body)).await["id"]
            .as_str()
            .expect("id")
            .to_owned();
        // The last one stays outside: it is the member that comes and goes.
        let members: Vec<&String> = gateway.users[..size - 1].iter().collect();
        for part in members.chunks(1_000) {
            gateway.change_members("add", part).await;
        }
        gateway
    }

    async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let request = Request::builder()
            .method(method)
            .uri(format!("/scim/acme/v2{path}"))
            .header("authorization", format!("Bearer {}", self.token))
            .header("content-type", "application/scim+json")
            .body(body.map_or_else(Body::empty, |body| Body::from(body.to_string())))
            .expect("a request");
        let response = self.router.clone().oneshot(request).await.expect("an answer");
        let status = response.status();
        let bytes = response.into_body().collect().await.expect("a body").to_bytes();
        let body = if bytes.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&bytes).expect("JSON")
        };
        assert!(status.is_success(), "{status}: {body}");
        body
    }

    async fn create(&self, user_name: String) -> String {
        let body = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
            "userName": user_name,
            "displayName": user_name,
            "name": { "givenName": "Given", "familyName": "Family" },
            "emails": [{ "value": user_name, "type": "work", "primary": true }],
        });
        self.send(Method::POST, "/Users", Some(body)).await["id"]
            .as_str()
            .expect("id")
            .to_owned()
    }

    async fn change_members(&self, op: &str, ids: &[&String]) {
        let members: Vec<Value> = ids.iter().map(|id| json!({ "value": id })).collect();
        let body = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": [{ "op": op, "path": "members", "value": members }],
        });
        self.send(Method::PATCH, &format!("/Groups/{}", self.group), Some(body))
            .await;
    }

    /// One operation, the `n`th of its kind.
    async fn once(&self, operation: &str, n: usize) {
        // A walk over the users in steps that visit all of them.
        let at = n.wrapping_mul(7919) % self.users.len();
        match operation {
            "create" => drop(
                self.create(format!("new{n}-{}@example.com", uuid::Uuid::now_v7()))
                    .await,
            ),
            "get" => drop(
                self.send(Method::GET, &format!("/Users/{}", self.users[at]), None)
                    .await,
            ),
            "filter by userName" => {
                let filter = format!("/Users?filter=userName+eq+%22user{at}%40example.com%22");
                assert_eq!(self.send(Method::GET, &filter, None).await["totalResults"], 1);
            }
            _ => {
                let outsider = [self.users.last().expect("a user")];
                self.change_members(if n.is_multiple_of(2) { "add" } else { "remove" }, &outsider)
                    .await;
            }
        }
    }
}

fn main() {
    let runtime = Runtime::new().expect("a runtime");
    let gateways: Vec<Gateway> = SIZES
        .iter()
        .map(|size| runtime.block_on(Gateway::with_users(*size)))
        .collect();
    let mut criterion = Criterion::default()
        .sample_size(30)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(5))
        .configure_from_args();
    for operation in OPERATIONS {
        let mut group = criterion.benchmark_group(operation);
        for (size, gateway) in SIZES.iter().zip(&gateways) {
            let mut n = 0;
            group.bench_function(size.to_string(), |bencher| {
                bencher.iter_custom(|rounds| {
                    let started = std::time::Instant::now();
                    for _ in 0..rounds {
                        n += 1;
                        runtime.block_on(gateway.once(operation, n));
                    }
                    started.elapsed()
                });
            });
        }
        group.finish();
    }
    criterion.final_summary();
    print_ratios();
}

/// Reads the medians that criterion stored in this run.
fn print_ratios() {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), std::path::PathBuf::from);
    println!(
        "\n{:<22}{:>14}{:>14}{:>8}",
        "median per operation", SIZES[0], SIZES[1], "ratio"
    );
    for operation in OPERATIONS {
        let medians: Option<Vec<f64>> = SIZES
            .iter()
            .map(|size| {
                let path = target
                    .join("criterion")
                    .join(operation)
                    .join(size.to_string())
                    .join("new/estimates.json");
                let estimates: Value = serde_json::from_slice(&std::fs::read(path).ok()?).ok()?;
                estimates["median"]["point_estimate"].as_f64()
            })
            .collect();
        match medians.as_deref() {
            Some([small, large]) => {
                println!(
                    "{operation:<22}{:>11.0} µs{:>11.0} µs{:>8.2}",
                    small / 1e3,
                    large / 1e3,
                    large / small
                );
            }
            _ => println!("{operation:<22} was not measured"),
        }
    }
}
