//! Requests that are made to hurt, over real HTTP: each is refused in SCIM's form, in bounded time, and the next one is
//! answered as if nothing had happened (reliability.md A9).

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use usher::config::Config;
use usher::server::app;
use usher::store::memory::MemoryStore;

use crate::kit::scim::{Client, Service};

/// Whatever is sent, an answer comes within this time.
const PATIENCE: Duration = Duration::from_secs(20);

/// A gateway on a port of its own, until it is dropped.
struct Open {
    address: String,
    client: Client,
    user: String,
    _stop: oneshot::Sender<()>,
}

impl Open {
    async fn with(config: Config) -> Self {
        let mut service = Service::over(Arc::new(MemoryStore::new()));
        let client = service.organisation("acme").await.client("scim").await;
        service.router = app::router(&service.directory, &config, "https://usher.example");
        let user = client.user("ada").await;
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let (stop, stopped) = oneshot::channel::<()>();
        tokio::spawn(async move {
            let stopped = async { drop(stopped.await) };
            let service = usher::server::Service {
                app: service.router,
                tls: None,
            };
            usher::server::run(listener, service, &config.server, stopped).await;
        });
        Self {
            address,
            client,
            user,
            _stop: stop,
        }
    }

    async fn start() -> Self {
        Self::with(Config::default()).await
    }

    /// Every place that takes a body.
    fn places(&self) -> [(&'static str, String); 5] {
        [
            ("POST", "/Users".to_owned()),
            ("PUT", format!("/Users/{}", self.user)),
            ("PATCH", format!("/Users/{}", self.user)),
            ("POST", "/.search".to_owned()),
            ("POST", "/Bulk".to_owned()),
        ]
    }

    fn head(&self, method: &str, path: &str) -> String {
        format!(
            "{method} /scim/acme/v2{path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nContent-Type: application/scim+json\r\n",
            self.address, self.client.token
        )
    }

    /// Sends a whole request before it reads, and answers the status and the body.
    async fn send(&self, method: &str, path: &str, body: &[u8]) -> (u16, Value) {
        let head = format!("{}Content-Length: {}\r\n\r\n", self.head(method, path), body.len());
        let stream = TcpStream::connect(&self.address).await.expect("a connection");
        let exchange = exchange(stream, head.into_bytes(), body);
        tokio::time::timeout(PATIENCE, exchange)
            .await
            .unwrap_or_else(|_| panic!("{method} {path} stalls"))
            .expect("an answer")
    }

    /// The gateway still does its work.
    async fn works(&self) {
        let (status, body) = self.send("GET", &format!("/Users/{}", self.user), b"").await;
        assert_eq!((status, &body["userName"]), (200, &json!("ada")));
    }
}

async fn exchange(mut stream: TcpStream, head: Vec<u8>, body: &[u8]) -> io::Result<(u16, Value)> {
    stream.write_all(&head).await?;
    stream.write_all(body).await?;
    answer(&mut stream).await
}

/// Reads one answer with a `content-length`.
async fn answer(stream: &mut TcpStream) -> io::Result<(u16, Value)> {
    let mut read = Vec::new();
    let mut part = [0; 4096];
    let is_whole = |read: &[u8]| {
        let text = String::from_utf8_lossy(read);
        let (head, body) = text.split_once("\r\n\r\n")?;
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        (body.len() >= length.and_then(|length| length.parse().ok()).unwrap_or(0)).then(|| text.into_owned())
    };
    loop {
        let length = stream.read(&mut part).await?;
        read.extend_from_slice(&part[..length]);
        if let Some(text) = is_whole(&read) {
            let (head, body) = text.split_once("\r\n\r\n").expect("a head");
            let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
            return Ok((
                status.expect("a status"),
                serde_json::from_str(body).unwrap_or_default(),
            ));
        }
        if length == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

#[track_caller]
fn is_scim_error(answer: &(u16, Value), status: u16, scim_type: Option<&str>, what: &str) {
    let body = &answer.1;
    assert_eq!(answer.0, status, "{what}: {body:#}");
    assert_eq!(
        body["schemas"],
        json!(["urn:ietf:params:scim:api:messages:2.0:Error"]),
        "{what}"
    );
    assert_eq!(body["status"], status.to_string(), "{what}");
    assert_eq!(body["scimType"].as_str(), scim_type, "{what}: {body:#}");
}

#[tokio::test]
async fn deep_broken_and_foreign_bodies_are_refused_everywhere() {
    let open = Open::start().await;
    let deep_arrays = "[".repeat(20_000) + &"]".repeat(20_000);
    let deep_objects = "{\"a\":".repeat(20_000) + "1" + &"}".repeat(20_000);
    let deep_member = format!("{{\"schemas\":[\"x\"],\"name\":{deep_objects}}}");
    let bodies: [(&str, &[u8]); 8] = [
        ("arrays in arrays", deep_arrays.as_bytes()),
        ("objects in objects", deep_objects.as_bytes()),
        ("a deep member", deep_member.as_bytes()),
        ("arrays that never end", &deep_arrays.as_bytes()[..20_000]),
        ("invalid UTF-8", b"{\"userName\":\"\xff\xfe\"}"),
        ("half a surrogate", b"{\"userName\":\"\\ud800\"}"),
        ("a NUL byte", b"{\"userName\":\"a\"}\0"),
        ("no JSON at all", b"<Users/>"),
    ];
    for (method, path) in open.places() {
        for (what, body) in bodies {
            let answer = open.send(method, &path, body).await;
            is_scim_error(&answer, 400, Some("invalidSyntax"), &format!("{method} {path}: {what}"));
        }
    }
    open.works().await;
}

#[tokio::test]
async fn keys_that_come_twice_do_no_harm() {
    let open = Open::start().await;
    let many = format!("{{{}\"userName\":\"z\"}}", "\"userName\":\"a\",".repeat(50_000));
    let bodies = [
        r#"{"userName":"a","userName":"b"}"#,
        r#"{"schemas":[],"schemas":[7],"Operations":[],"operations":{},"Operations":7}"#,
        r#"{"count":1,"Count":2,"COUNT":"x"}"#,
        many.as_str(),
    ];
    for (method, path) in open.places() {
        for body in bodies {
            let (status, answer) = open.send(method, &path, body.as_bytes()).await;
            assert!(status < 500, "{method} {path}: {status} {answer:#}");
        }
    }
    open.works().await;
}

#[tokio::test]
async fn ten_thousand_parentheses_are_refused_wherever_a_filter_is_taken() {
    let open = Open::start().await;
    let nested = "(".repeat(10_000) + "userName pr" + &")".repeat(10_000);
    let chain = "not (".repeat(2_000) + "userName pr" + &")".repeat(2_000);
    let brackets = "emails[".repeat(2_000) + "value pr" + &"]".repeat(2_000);
    for filter in [nested, chain, brackets] {
        let search = json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "filter": filter });
        let started = Instant::now();
        for path in ["/.search", "/Users/.search", "/Groups/.search"] {
            let answer = open.send("POST", path, search.to_string().as_bytes()).await;
            is_scim_error(&answer, 400, Some("invalidFilter"), path);
        }
        let query: String = form_urlencoded::byte_serialize(filter.as_bytes()).collect();
        let (status, _) = open.send("GET", &format!("/Users?filter={query}"), b"").await;
        assert!([400, 414].contains(&status), "{status}");
        let operation = json!({ "op": "replace", "path": format!("emails[{filter}].value"), "value": "x" });
        let patch = json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [operation] });
        let (status, body) = open
            .send("PATCH", &format!("/Users/{}", open.user), patch.to_string().as_bytes())
            .await;
        assert_eq!(status, 400, "{body:#}");
        assert!(started.elapsed() < PATIENCE, "{:?}", started.elapsed());
    }
    open.works().await;
}

#[tokio::test]
async fn thirty_two_megabytes_are_refused_with_413_whether_their_length_is_announced_or_not() {
    let open = Open::start().await;
    let body = vec![b' '; 32 << 20];
    for (method, path) in open.places() {
        let announced = open.send(method, &path, &body).await;
        is_scim_error(&announced, 413, None, &format!("{method} {path}"));
        // In chunks, as a client sends what it does not know the length of.
        let mut stream = TcpStream::connect(&open.address).await.expect("a connection");
        let head = format!("{}Transfer-Encoding: chunked\r\n\r\n", open.head(method, &path));
        let chunked = async {
            stream.write_all(head.as_bytes()).await?;
            for part in body.chunks(1 << 20) {
                stream.write_all(format!("{:x}\r\n", part.len()).as_bytes()).await?;
                stream.write_all(part).await?;
                stream.write_all(b"\r\n").await?;
            }
            stream.write_all(b"0\r\n\r\n").await?;
            answer(&mut stream).await
        };
        let chunked = tokio::time::timeout(PATIENCE, chunked).await.expect("no stall");
        is_scim_error(
            &chunked.expect("an answer"),
            413,
            None,
            &format!("{method} {path} in chunks"),
        );
    }
    open.works().await;
}

#[tokio::test]
async fn a_body_that_is_announced_as_far_too_large_is_refused_before_it_is_sent() {
    let open = Open::start().await;
    let mut stream = TcpStream::connect(&open.address).await.expect("a connection");
    let head = format!("{}Content-Length: {}\r\n\r\n", open.head("POST", "/Users"), 1_u64 << 40);
    stream.write_all(head.as_bytes()).await.expect("sent");
    let refused = tokio::time::timeout(PATIENCE, answer(&mut stream))
        .await
        .expect("no stall");
    is_scim_error(&refused.expect("an answer"), 413, None, "a terabyte");
    open.works().await;
}

#[tokio::test]
async fn a_body_that_trickles_in_meets_the_time_for_a_request() {
    let mut config = Config::default();
    config.server.request_timeout_s = 1;
    let open = Open::with(config).await;
    for (method, path) in open.places() {
        let mut stream = TcpStream::connect(&open.address).await.expect("a connection");
        let head = format!("{}Content-Length: 1000000\r\n\r\n{{", open.head(method, &path));
        stream.write_all(head.as_bytes()).await.expect("sent");
        let ended = tokio::time::timeout(PATIENCE, answer(&mut stream))
            .await
            .expect("an end");
        is_scim_error(&ended.expect("an answer"), 503, None, &format!("{method} {path}"));
    }
    open.works().await;
}

#[tokio::test]
async fn whatever_is_not_there_below_scim_is_not_there_in_scims_form() {
    let open = Open::start().await;
    for path in [
        "/Nothing",
        "/Users/a/b",
        "/Users/../x",
        "/%ff",
        "/Users/%00",
        "/Users/x?filter=%zz",
    ] {
        let answer = open.send("GET", path, b"").await;
        is_scim_error(&answer, 404, None, path);
    }
    for path in ["/scim", "/scim/", "/scim/acme", "/scim/acme/v1/Users", "/scim/acme/v2x"] {
        let mut stream = TcpStream::connect(&open.address).await.expect("a connection");
        let head = format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
        stream.write_all(head.as_bytes()).await.expect("sent");
        is_scim_error(&answer(&mut stream).await.expect("an answer"), 404, None, path);
    }
}
