//! `/metrics`: what it shows, and to whom.

use serde_json::json;
use usher::directory::{Directory, Principal};

use crate::kit::gateway::Gateway;
use crate::kit::scim::USER;
use crate::kit::served::Served;

async fn scrape(served: &Served, token: &str) -> (u16, String) {
    let request = served.http.get(format!("{}/metrics", served.url)).bearer_auth(token);
    let answer = request.send().await.expect("an answer");
    (answer.status().as_u16(), answer.text().await.expect("a text"))
}

/// The value of the sample whose name and labels are these, in any order.
fn sample(text: &str, name: &str, labels: &[&str]) -> Option<f64> {
    let mut lines = text.lines().filter(|line| line.starts_with(&format!("{name}{{")));
    let line = lines.find(|line| labels.iter().all(|label| line.contains(label)))?;
    line.rsplit_once(' ').and_then(|(_, value)| value.parse().ok())
}

async fn apply(directory: &Directory, served: &Served, organisation: &str, file: &str) -> String {
    let administrator = served.administrator().await;
    let slug = organisation.parse().expect("a slug");
    let made = directory
        .create_organisation(&Principal::system(), &slug, organisation)
        .await;
    made.expect("an organisation");
    let url = format!("{}/api/v1/organisations/{organisation}/apply", served.url);
    let request = served.http.post(url).bearer_auth(&administrator).body(file.to_owned());
    assert_eq!(request.send().await.expect("an answer").status().as_u16(), 200);
    administrator
}

#[tokio::test]
async fn only_an_administrator_of_the_gateway_sees_metrics() {
    let served = Served::start().await;
    let permit = served.organisation("acme").await;
    served.connect(&permit, "entra", |_| {}).await;
    let token = served.lasting(&permit, "entra").await;
    assert_eq!(scrape(&served, "nothing").await.0, 401);
    assert_eq!(scrape(&served, &token.text).await.0, 403);
    let (status, text) = scrape(&served, &served.administrator().await).await;
    assert_eq!(status, 200);
    assert!(text.contains("# TYPE usher_http_requests_total counter"), "{text}");
}

#[tokio::test]
async fn seats_and_runs_are_shown_by_organisation_and_nobody_is_named() {
    let served = Served::start().await;
    let file = "[organisation]\nslug = \"metrica\"\n[[licences]]\nkey = \"pro\"\nname = \"Pro\"\nlimit = 3\n\
         [[connections]]\nname = \"entra\"\nkind = \"scim\"\nlicences = [\"pro\"]\n[[connections]]\nname = \"corp\"\n\
         kind = \"ldap\"\n[connections.ldap]\nurls = [\"ldaps://127.0.0.1:1\"]\nbind_dn = \"cn=reader,dc=example\"\n\
         bind_password_env = \"USHER_TEST_NO_SUCH_PASSWORD\"\nusers = { base = \"dc=example\", filter = \"(cn=*)\" }\n";
    let administrator = apply(&served.directory, &served, "metrica", file).await;
    let issue = served
        .http
        .post(format!("{}/api/v1/organisations/metrica/tokens", served.url))
        .bearer_auth(&administrator)
        .json(&json!({ "connection": "entra" }));
    let issued: serde_json::Value = issue.send().await.expect("an answer").json().await.expect("JSON");
    let user = json!({ "schemas": [USER], "userName": "ada.lovelace@metrica.example", "displayName": "Ada Lovelace" });
    let create = served
        .http
        .post(format!("{}/scim/metrica/v2/Users", served.url))
        .bearer_auth(issued["token"].as_str().expect("a token"))
        .header("content-type", "application/scim+json")
        .body(user.to_string());
    assert_eq!(create.send().await.expect("an answer").status().as_u16(), 201);
    let run = served
        .http
        .post(format!(
            "{}/api/v1/organisations/metrica/connections/corp/sync",
            served.url
        ))
        .bearer_auth(&administrator);
    let answer = run.send().await.expect("an answer").text().await.expect("a text");
    assert!(answer.contains("failed"), "{answer}");

    let (_, text) = scrape(&served, &administrator).await;
    let organisation = "organisation=\"metrica\"";
    let of = |name: &str, labels: &[&str]| sample(&text, name, &[&[organisation], labels].concat());
    assert_eq!(of("usher_seats_used", &["licence=\"pro\""]), Some(1.0), "{text}");
    assert_eq!(of("usher_seats_limit", &["licence=\"pro\""]), Some(3.0));
    let corp = "connection=\"corp\"";
    assert_eq!(of("usher_sync_failing", &[corp]), Some(1.0));
    assert_eq!(of("usher_sync_held", &[corp]), Some(0.0));
    assert_eq!(of("usher_sync_failures", &[corp]), Some(0.0));
    assert_eq!(
        of("usher_sync_runs_total", &[corp, "outcome=\"failed\""]),
        Some(1.0),
        "{text}"
    );
    let created = sample(&text, "usher_http_requests_total", &["door=\"scim\"", "status=\"201\""]);
    assert!(created.is_some_and(|count| count >= 1.0), "{text}");
    for name in ["ada", "Lovelace", "reader"] {
        assert!(!text.contains(name), "{name} is in {text}");
    }
}

#[tokio::test]
async fn an_address_of_its_own_shows_metrics_without_a_token() {
    // A free port, found by taking one and giving it back.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    drop(listener);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("usher.toml");
    std::fs::write(&file, format!("[server]\nmetrics_listen = {address:?}\n")).expect("a file");
    let gateway = Gateway::start_with(&["--config", file.to_str().expect("UTF-8")]);
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    let status = |url: String| async { http.get(url).send().await.expect("an answer").status().as_u16() };
    assert_eq!(status(format!("http://{address}/metrics")).await, 200);
    assert_eq!(status(format!("http://{address}/api/v1/organisations")).await, 404);
    assert_eq!(status(format!("{}/metrics", gateway.url)).await, 401);
}
