//! Limits on how often somebody may ask (RFC 6585 s4; IPSIE AL1, Rate Limiting).

use reqwest::Response;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use usher::config::Config;

use crate::kit::served::{Served, TokenAnswer};

fn config(set: impl FnOnce(&mut Config)) -> Config {
    let mut config = Config::default();
    set(&mut config);
    config
}

/// Three at once, then one a second.
fn three_requests() -> Config {
    config(|config| {
        config.scim.requests_per_second = 1;
        config.scim.requests_burst = 3;
    })
}

async fn ask(served: &Served, organisation: &str, path: &str, token: &str) -> Response {
    let url = format!("{}/scim/{organisation}/v2{path}", served.url);
    served.http.get(url).bearer_auth(token).send().await.expect("an answer")
}

/// Asks until it is too much; the answer that says so.
async fn flood(served: &Served, organisation: &str, path: &str, token: &str) -> Response {
    for _ in 0..1_000 {
        let answer = ask(served, organisation, path, token).await;
        if answer.status() == 429 {
            return answer;
        }
        assert_eq!(answer.status(), 200);
    }
    panic!("a thousand requests were let in");
}

#[tokio::test]
async fn too_many_requests_are_answered_429_with_retry_after_in_scim_form() {
    let served = Served::with(three_requests()).await;
    let acme = served.organisation("acme").await;
    served.connect(&acme, "scim", |_| {}).await;
    let token = served.lasting(&acme, "scim").await.text;
    for path in ["/Users", "/Groups", "/ServiceProviderConfig"] {
        let refused = flood(&served, "acme", path, &token).await;
        let seconds: u64 = refused.headers()["retry-after"]
            .to_str()
            .expect("a text")
            .parse()
            .expect("seconds");
        assert!((1..=3).contains(&seconds), "{seconds}");
        assert_eq!(refused.headers()["content-type"], "application/scim+json");
        let body: Value = refused.json().await.expect("JSON");
        assert_eq!(body["schemas"], json!(["urn:ietf:params:scim:api:messages:2.0:Error"]));
        assert_eq!(body["status"], "429");
    }
}

#[tokio::test]
async fn one_organisations_flood_limits_nobody_else() {
    let served = Served::with(three_requests()).await;
    let mut tokens = Vec::new();
    for name in ["acme", "globex"] {
        let permit = served.organisation(name).await;
        served.connect(&permit, "scim", |_| {}).await;
        served.connect(&permit, "second", |_| {}).await;
        tokens.push(served.lasting(&permit, "scim").await.text);
        tokens.push(served.lasting(&permit, "second").await.text);
    }
    flood(&served, "acme", "/Users", &tokens[0]).await;
    assert_eq!(
        ask(&served, "acme", "/Users", &tokens[1]).await.status(),
        200,
        "the other connection"
    );
    assert_eq!(
        ask(&served, "globex", "/Users", &tokens[2]).await.status(),
        200,
        "the other organisation"
    );
}

#[tokio::test]
async fn two_tokens_of_a_connection_share_its_limit() {
    let served = Served::with(three_requests()).await;
    let acme = served.organisation("acme").await;
    served.connect(&acme, "scim", |_| {}).await;
    let tokens = [
        served.lasting(&acme, "scim").await.text,
        served.lasting(&acme, "scim").await.text,
    ];
    let asked = (0..12).map(|at| ask(&served, "acme", "/Users", &tokens[at % 2]));
    let answers = futures_util::future::join_all(asked).await;
    let let_in = answers.iter().filter(|answer| answer.status() == 200).count();
    assert!(
        (3..=6).contains(&let_in),
        "{let_in} of twelve at once were let in, three may be"
    );
}

#[tokio::test]
async fn a_limited_request_is_answered_before_its_body_arrives() {
    let served = Served::with(three_requests()).await;
    let acme = served.organisation("acme").await;
    served.connect(&acme, "scim", |_| {}).await;
    let token = served.lasting(&acme, "scim").await.text;
    let address = served.url.strip_prefix("http://").expect("an address");
    let mut statuses = Vec::new();
    for _ in 0..4 {
        flood(&served, "acme", "/Users", &token).await;
        let mut stream = tokio::net::TcpStream::connect(address).await.expect("a connection");
        let head = format!(
            "POST /scim/acme/v2/Users HTTP/1.1\r\nhost: usher\r\nauthorization: Bearer {token}\r\ncontent-type: \
             application/scim+json\r\ncontent-length: 1000000\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.expect("a head");
        // Not a byte of the body is sent. Whoever waited for it would not answer.
        let mut start = [0; 12];
        let read = tokio::time::timeout(std::time::Duration::from_secs(20), stream.read_exact(&mut start)).await;
        match read {
            Ok(read) => drop(read.expect("an answer")),
            // The bucket had filled by one meanwhile, so the request was let in.
            Err(_) => continue,
        }
        statuses.push(String::from_utf8_lossy(&start).into_owned());
        break;
    }
    assert_eq!(statuses, ["HTTP/1.1 429"]);
}

#[tokio::test]
async fn failures_of_an_address_are_limited_and_a_good_token_works_all_the_same() {
    let served = Served::with(config(|config| config.server.failures_per_minute = 3)).await;
    let acme = served.organisation("acme").await;
    served.connect(&acme, "scim", |_| {}).await;
    let token = served.lasting(&acme, "scim").await.text;
    let mut statuses = Vec::new();
    for _ in 0..6 {
        statuses.push(ask(&served, "acme", "/Users", "ush_wrong").await.status().as_u16());
    }
    assert_eq!(statuses[..3], [401, 401, 401]);
    assert!(statuses.contains(&429), "{statuses:?}");
    assert_eq!(ask(&served, "acme", "/Users", &token).await.status(), 200);
    let admin = format!("{}/api/v1/organisations", served.url);
    let refused = TokenAnswer::of(served.http.get(&admin).bearer_auth("ush_wrong")).await;
    assert_eq!(refused.status, 429, "the doors share the limit");
    assert!(refused.headers.contains_key("retry-after"));
}

#[tokio::test]
async fn an_address_is_taken_from_trusted_proxies_only() {
    let wrong = async |served: &Served, from: &str| {
        let url = format!("{}/scim/acme/v2/Users", served.url);
        let request = served
            .http
            .get(url)
            .bearer_auth("ush_wrong")
            .header("x-forwarded-for", from);
        request.send().await.expect("an answer").status().as_u16()
    };
    let direct = Served::with(config(|config| config.server.failures_per_minute = 1)).await;
    assert_eq!(wrong(&direct, "192.0.2.1").await, 401);
    assert_eq!(
        wrong(&direct, "192.0.2.2").await,
        429,
        "a client cannot choose its address"
    );
    let proxied = Served::with(config(|config| {
        config.server.failures_per_minute = 1;
        config.server.trusted_proxies = vec!["127.0.0.1".parse().expect("an address")];
    }))
    .await;
    assert_eq!(wrong(&proxied, "192.0.2.1").await, 401);
    assert_eq!(wrong(&proxied, "192.0.2.2").await, 401);
    assert_eq!(
        wrong(&proxied, "198.51.100.7, 192.0.2.2").await,
        429,
        "the proxy's own word is the last"
    );
}

#[tokio::test]
async fn the_token_endpoint_is_limited_by_address() {
    let served = Served::with(config(|config| config.server.token_requests_per_minute = 2)).await;
    let mut answers = Vec::new();
    for _ in 0..4 {
        answers.push(served.token("acme", &[("grant_type", "client_credentials")]).await);
    }
    assert_eq!((answers[0].status, answers[1].status), (401, 401));
    let last = answers.pop().expect("an answer");
    assert!(last.headers.contains_key("retry-after"));
    assert_eq!(last.headers["cache-control"], "no-store");
    last.refused(429, "temporarily_unavailable");
}

#[tokio::test]
async fn an_administrators_token_is_limited_and_others_are_not() {
    let served = Served::with(config(|config| {
        config.server.admin_requests_per_second = 1;
        config.server.admin_requests_burst = 2;
    }))
    .await;
    let (first, second) = (served.administrator().await, served.administrator().await);
    let url = format!("{}/api/v1/organisations", served.url);
    let mut last = TokenAnswer::of(served.http.get(&url).bearer_auth(&first)).await;
    for _ in 0..100 {
        if last.status == 429 {
            break;
        }
        last = TokenAnswer::of(served.http.get(&url).bearer_auth(&first)).await;
    }
    assert_eq!(
        (last.status, &last.body["type"]),
        (429, &json!("urn:usher:problem:too-many-requests"))
    );
    assert!(last.headers.contains_key("retry-after"));
    assert_eq!(
        TokenAnswer::of(served.http.get(&url).bearer_auth(&second)).await.status,
        200
    );
}

#[tokio::test]
async fn operations_inside_a_bulk_request_count_as_one() {
    let served = Served::with(config(|config| {
        config.scim.requests_per_second = 1;
        config.scim.requests_burst = 2;
    }))
    .await;
    let acme = served.organisation("acme").await;
    served.connect(&acme, "scim", |_| {}).await;
    let token = served.lasting(&acme, "scim").await.text;
    let operations: Vec<Value> = (0..10)
        .map(|n| {
            let user =
                json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": format!("u{n}") });
            json!({ "method": "POST", "path": "/Users", "bulkId": format!("b{n}"), "data": user })
        })
        .collect();
    let body = json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": operations });
    let url = format!("{}/scim/acme/v2/Bulk", served.url);
    let answer = TokenAnswer::of(served.http.post(url).bearer_auth(&token).json(&body)).await;
    let done = answer.body["Operations"].as_array().expect("operations");
    assert!(done.iter().all(|operation| operation["status"] == "201"), "{done:?}");
}
