//! What "Start" promises: one command, no configuration, everything to go on printed once and kept.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;

use crate::kit::gateway::{Gateway, Ran, read_json, usher};

async fn status(url: &str, token: &str) -> u16 {
    let asked = reqwest::Client::new().get(url).bearer_auth(token).send().await;
    asked.expect("an answer").status().as_u16()
}

#[tokio::test]
async fn the_first_start_makes_an_organisation_a_connection_and_tokens_that_work() {
    let gateway = Gateway::start();
    let made = gateway.bootstrap();
    assert_eq!(made["organisation"], "default");
    assert_eq!(made["scim_base_url"], format!("{}/scim/default/v2", gateway.url));
    assert_eq!(made["admin_base_url"], format!("{}/api/v1", gateway.url));
    let admin = gateway.bootstrapped("admin_token");
    let scim = gateway.bootstrapped("scim_token");
    assert_eq!(
        status(&format!("{}/api/v1/organisations", gateway.url), &admin).await,
        200
    );
    assert_eq!(
        status(&format!("{}/scim/default/v2/Users", gateway.url), &scim).await,
        200
    );
    assert_eq!(
        status(&format!("{}/api/v1/organisations", gateway.url), "ush_wrong").await,
        401
    );
    let connections = gateway.command(&["org", "show", "default", "--json"]).expect(0).json();
    assert_eq!(connections["slug"], "default");
}

#[test]
fn the_first_start_prints_base_url_token_and_next_step_once() {
    let mut gateway = Gateway::start();
    let made = gateway.bootstrap();
    gateway.terminate();
    for name in ["scim_base_url", "scim_token", "admin_base_url", "admin_token"] {
        let shown = made[name].as_str().expect("a text");
        assert_eq!(
            gateway.greeting.matches(shown).count(),
            1,
            "{name}: {}",
            gateway.greeting
        );
    }
    assert!(gateway.greeting.contains("Next: "), "{}", gateway.greeting);
    assert!(!gateway.read_log().contains("ush_"), "a token was logged");
}

#[test]
fn what_the_first_start_writes_only_its_owner_may_read() {
    let gateway = Gateway::start();
    for name in ["bootstrap.json", "gateway.json"] {
        let mode = std::fs::metadata(gateway.data.join(name))
            .expect("a file")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let mode = std::fs::metadata(&gateway.data).expect("a folder").permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[tokio::test]
async fn a_second_start_keeps_everything_and_brings_the_addresses_up_to_date() {
    let mut gateway = Gateway::start();
    let first = gateway.bootstrap();
    gateway.command(&["org", "create", "acme"]).expect(0);
    gateway.terminate();
    gateway.start_again();
    let second = gateway.bootstrap();
    for name in ["organisation", "scim_token", "admin_token"] {
        assert_eq!(first[name], second[name], "{name}");
    }
    assert_eq!(second["scim_base_url"], format!("{}/scim/default/v2", gateway.url));
    let organisations = gateway.command(&["org", "list", "--json"]).expect(0).json();
    let slugs: Vec<_> = organisations
        .as_array()
        .expect("a list")
        .iter()
        .map(|org| &org["slug"])
        .collect();
    assert_eq!(slugs, ["acme", "default"]);
    let scim = gateway.bootstrapped("scim_token");
    assert_eq!(
        status(&format!("{}/scim/default/v2/Users", gateway.url), &scim).await,
        200
    );
    gateway.terminate();
    assert!(
        !gateway.greeting.contains("ush_"),
        "a second start shows no token: {}",
        gateway.greeting
    );
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_a_kill() {
    let mut gateway = Gateway::start();
    gateway.command(&["org", "create", "acme"]).expect(0);
    gateway.kill();
    assert!(
        gateway.data.join("gateway.json").exists(),
        "a killed gateway withdraws nothing"
    );
    gateway.start_again();
    gateway.command(&["org", "show", "acme"]).expect(0);
    gateway.command(&["verify"]).expect(0);
}

#[tokio::test]
async fn health_and_readiness_need_no_token() {
    let gateway = Gateway::start();
    let get = |path: &str| reqwest::get(format!("{}{path}", gateway.url));
    let health = get("/healthz").await.expect("an answer");
    assert_eq!(health.status(), 200);
    assert_eq!(
        health.json::<serde_json::Value>().await.expect("JSON"),
        json!({ "status": "ok" })
    );
    let ready = get("/readyz").await.expect("an answer");
    assert_eq!(ready.status(), 200);
    assert!(ready.headers().contains_key("x-request-id"));
    let ready = ready.json::<serde_json::Value>().await.expect("JSON");
    assert_eq!(ready, json!({ "status": "ready", "engine": "sled" }));
}

#[test]
fn a_running_gateway_says_where_it_is_until_it_stops() {
    let mut gateway = Gateway::start();
    let told = read_json(&gateway.data.join("gateway.json"));
    assert_eq!(told["url"], gateway.url);
    gateway.terminate();
    assert!(!gateway.data.join("gateway.json").exists());
}

#[test]
fn a_port_in_use_is_one_sentence_with_the_cure() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let folder = tempfile::tempdir().expect("a folder");
    let ran = Ran::of(
        usher()
            .args(["serve", "--listen", &address, "--data"])
            .arg(folder.path()),
    )
    .expect(1);
    let sentence = ran.sentence();
    assert!(sentence.contains(&address) && sentence.contains("port is in use") && sentence.contains("--listen"));
}

#[test]
fn a_locked_data_folder_is_one_sentence_with_the_cure() {
    let gateway = Gateway::start();
    let second = Ran::of(
        usher()
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(&gateway.data),
    )
    .expect(1);
    let sentence = second.sentence();
    assert!(sentence.contains(gateway.data.to_str().expect("UTF-8")), "{sentence}");
    assert!(
        sentence.contains("open in another process; stop that process"),
        "{sentence}"
    );
    gateway.command(&["org", "list"]).expect(0);
}

#[test]
fn a_data_folder_that_cannot_be_written_is_one_sentence_with_the_cure() {
    let folder = tempfile::tempdir().expect("a folder");
    // A file in place of a folder: not even root can write below it.
    let file = folder.path().join("data");
    std::fs::write(&file, "").expect("a file");
    for data in [file.clone(), file.join("below")] {
        let ran = Ran::of(usher().args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(&data)).expect(1);
        let sentence = ran.sentence();
        assert!(sentence.contains(data.to_str().expect("UTF-8")), "{sentence}");
        assert!(sentence.contains("--data"), "{sentence}");
    }
}

#[test]
fn engine_memory_starts_and_keeps_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = folder.path().join("usher.toml");
    std::fs::write(&config, "[store]\nengine = \"memory\"\n").expect("a file");
    let mut gateway = Gateway::start_with(&["--config", config.to_str().expect("UTF-8")]);
    gateway.command(&["org", "create", "acme"]).expect(0);
    assert!(!gateway.data.join("store").exists());
    gateway.terminate();
    gateway.start_again();
    gateway.command(&["org", "show", "acme"]).expect(1);
}
