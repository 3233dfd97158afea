//! Delivery: mail from a real gateway to a real mail server, into files, across crashes; and the mailer over a clock of the
//! test's own.

mod crash;
mod files;
mod mailer;
mod secure;
mod smtp;

use std::path::Path;
use std::time::{Duration, Instant};

use regex::Regex;
use serde_json::{Value, json};

use crate::kit::gateway::Gateway;

/// An organisation whose SCIM connection invites everybody.
const FILE: &str = "[organisation]\nslug = \"default\"\nname = \"Acme & Söhne\"\n[[connections]]\nname = \"scim\"\nkind = \
                    \"scim\"\nonboarding = \"invited\"\n";

/// A gateway with this `[mail]`, whose people are invited as they come.
#[track_caller]
fn inviting(folder: &Path, mail: &str) -> Gateway {
    let config = folder.join("usher.toml");
    std::fs::write(&config, format!("[mail]\n{mail}")).expect("a file");
    let gateway = Gateway::start_with(&["--config", config.to_str().expect("UTF-8")]);
    let file = gateway.file("default.toml", FILE);
    gateway.command(&["apply", &file]).expect(0);
    gateway
}

/// `[mail]` for a server of this machine that speaks without TLS, with short pauses.
fn plain(port: u16) -> String {
    format!(
        "host = \"127.0.0.1\"\nport = {port}\ntls = \"none\"\nallow_plaintext = true\nfrom = \"Acme \
         <no-reply@acme.example>\"\nretry_first_s = 1\nretry_longest_s = 1\n"
    )
}

/// A person as an identity provider sends one.
fn person(name: &str) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": name,
        "displayName": "Ada <script>alert(1)</script>",
        "emails": [{ "value": "home@example.com" }, { "value": format!("{name}@acme.example"), "primary": true }],
    })
}

/// Creates a person over SCIM.
async fn create(gateway: &Gateway, person: Value) -> Value {
    let asked = reqwest::Client::new()
        .post(format!("{}/Users", gateway.bootstrapped("scim_base_url")))
        .bearer_auth(gateway.bootstrapped("scim_token"))
        .header("content-type", "application/scim+json")
        .body(person.to_string())
        .send()
        .await
        .expect("an answer");
    assert_eq!(asked.status(), 201);
    asked.json().await.expect("JSON")
}

/// The link in a mail.
#[track_caller]
fn link(text: &str) -> String {
    let pattern = Regex::new(r"https?://\S+/invitations/[A-Za-z0-9_-]{43}").expect("a pattern");
    let found = pattern.find(text).unwrap_or_else(|| panic!("no link in {text}"));
    found.as_str().to_owned()
}

/// Waits until a command's JSON is as wanted.
#[track_caller]
fn wait_until(gateway: &Gateway, command: &[&str], is_so: impl Fn(&Value) -> bool) -> Value {
    let started = Instant::now();
    loop {
        let shown = gateway.command(command).expect(0).json();
        if is_so(&shown) {
            return shown;
        }
        assert!(
            started.elapsed() < Duration::from_secs(60),
            "{command:?}: {shown:#}\n{}",
            gateway.read_log()
        );
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[track_caller]
fn state(gateway: &Gateway, user: &str) -> String {
    let shown = gateway.command(&["user", "show", user, "--json"]).expect(0).json();
    shown["state"].as_str().expect("a state").to_owned()
}
