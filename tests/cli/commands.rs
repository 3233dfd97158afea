//! Command lines beside a running gateway, from anywhere, and on a store that no gateway serves.

use serde_json::{Value, json};

use crate::kit::gateway::{Gateway, Ran, usher};

async fn scim_user(gateway: &Gateway, name: &str) -> Value {
    let user = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": name,
        "displayName": "Ada Lovelace",
        "emails": [{ "value": format!("{name}@acme.example") }],
    });
    let asked = reqwest::Client::new()
        .post(format!("{}/Users", gateway.bootstrapped("scim_base_url")))
        .bearer_auth(gateway.bootstrapped("scim_token"))
        .header("content-type", "application/scim+json")
        .body(user.to_string())
        .send()
        .await
        .expect("an answer");
    assert_eq!(asked.status(), 201);
    asked.json().await.expect("JSON")
}

#[tokio::test]
async fn the_same_command_gives_the_same_answer_with_and_without_a_gateway() {
    let mut gateway = Gateway::start();
    scim_user(&gateway, "ada").await;
    let commands: &[&[&str]] = &[
        &["org", "list"],
        &["org", "show", "default"],
        &["user", "list"],
        &["user", "list", "--find", "ada@", "--json"],
        &["user", "show", "ada", "--json"],
        &["group", "list"],
        &["licence", "list", "--json"],
        &["token", "list"],
        &["token", "list", "--gateway", "--json"],
        &["verify"],
        &["verify", "--org", "default", "--json"],
    ];
    let beside: Vec<String> = commands
        .iter()
        .map(|command| gateway.command(command).expect(0).out)
        .collect();
    gateway.terminate();
    for (command, beside) in commands.iter().zip(beside) {
        let (alone, beside) = (gateway.command(command).expect(0).out, beside);
        assert_eq!(without_records(&alone), without_records(&beside), "{command:?}");
    }
}

/// The request journal is written behind the requests, so that the number of records moves by itself.
fn without_records(text: &str) -> String {
    let number = regex::Regex::new(r#"\d+( records)|("records": ?)\d+"#).expect("a pattern");
    number.replace_all(text, "N$1$2").into_owned()
}

#[tokio::test]
async fn a_user_is_found_suspended_reactivated_and_deleted() {
    let gateway = Gateway::start();
    let created = scim_user(&gateway, "ada").await;
    let shown = gateway.command(&["user", "show", "ADA", "--json"]).expect(0).json();
    assert_eq!(shown["id"], created["id"]);
    assert_eq!(shown["state"], "active");
    assert!(!shown.to_string().contains("password"), "{shown}");
    let suspended = gateway.command(&["user", "suspend", "ada", "--json"]).expect(0).json();
    assert_eq!(
        (&suspended["state"], &suspended["active"]),
        (&json!("suspended"), &json!(false))
    );
    let back = gateway
        .command(&["user", "reactivate", "ada", "--json"])
        .expect(0)
        .json();
    assert_eq!(back["state"], "active");
    let careful = gateway.command(&["user", "delete", "ada"]).expect(2);
    assert!(careful.sentence().contains("--yes"), "{careful:?}");
    gateway.command(&["user", "delete", "ada", "--yes"]).expect(0);
    let gone = gateway.command(&["user", "show", "ada"]).expect(1);
    assert_eq!(gone.sentence(), "usher: user \"ada\" does not exist");
    gateway.command(&["verify"]).expect(0);
}

#[tokio::test]
async fn a_token_is_issued_once_works_and_is_revoked() {
    let gateway = Gateway::start();
    let issued = gateway
        .command(&["token", "issue", "--connection", "scim", "--json"])
        .expect(0)
        .json();
    let token = issued["token"].as_str().expect("a token");
    let url = format!("{}/Users", gateway.bootstrapped("scim_base_url"));
    let ask = || async {
        let asked = reqwest::Client::new().get(&url).bearer_auth(token).send().await;
        asked.expect("an answer").status().as_u16()
    };
    assert_eq!(ask().await, 200);
    let listed = gateway.command(&["token", "list"]).expect(0).out;
    assert!(
        listed.contains(issued["id"].as_str().expect("an id")) && !listed.contains("ush_"),
        "{listed}"
    );
    gateway
        .command(&["token", "revoke", issued["id"].as_str().expect("an id")])
        .expect(0);
    assert_eq!(ask().await, 401);
}

#[test]
fn an_address_and_a_token_are_enough() {
    let gateway = Gateway::start();
    let from_elsewhere = |token: &str| {
        let mut command = usher();
        command
            .args(["org", "list"])
            .env("USHER_URL", &gateway.url)
            .env("USHER_TOKEN", token);
        Ran::of(&mut command)
    };
    let listed = from_elsewhere(&gateway.bootstrapped("admin_token")).expect(0);
    assert!(listed.out.contains("default"), "{}", listed.out);
    let refused = from_elsewhere("ush_wrong").expect(1);
    assert_eq!(refused.sentence(), "usher: the credential is missing, wrong or expired");
    let half = Ran::of(usher().args(["org", "list"]).env("USHER_URL", &gateway.url)).expect(2);
    assert!(half.sentence().contains("USHER_TOKEN"), "{half:?}");
}

#[test]
fn nothing_to_reach_is_code_3_with_the_cure() {
    let folder = tempfile::tempdir().expect("a folder");
    let nothing = Ran::of(usher().args(["user", "list", "--data"]).arg(folder.path())).expect(3);
    assert!(
        nothing.sentence().contains("usher serve") && nothing.err.contains("USHER_URL"),
        "{nothing:?}"
    );
    assert_eq!(
        std::fs::read_dir(folder.path()).expect("a folder").count(),
        0,
        "asking makes nothing"
    );
    let refused = Ran::of(
        usher()
            .args(["user", "list"])
            .env("USHER_URL", "http://127.0.0.1:1")
            .env("USHER_TOKEN", "ush_x"),
    )
    .expect(3);
    assert!(refused.sentence().contains("http://127.0.0.1:1"), "{refused:?}");
}

#[test]
fn a_gateway_that_was_killed_is_not_waited_for() {
    let mut gateway = Gateway::start();
    gateway.kill();
    let listed = gateway.command(&["org", "list"]).expect(0);
    assert!(listed.out.contains("default"), "{}", listed.out);
}

#[test]
fn a_locked_store_without_a_gateway_that_answers_is_code_3() {
    let gateway = Gateway::start();
    std::fs::remove_file(gateway.data.join("gateway.json")).expect("removed");
    let locked = gateway.command(&["org", "list"]).expect(3);
    assert!(locked.sentence().contains("open in another process"), "{locked:?}");
}

#[test]
fn a_lost_bootstrap_file_locks_nobody_out() {
    let mut gateway = Gateway::start();
    std::fs::remove_file(gateway.data.join("bootstrap.json")).expect("removed");
    let told = gateway.command(&["org", "list"]).expect(2);
    assert!(told.sentence().contains("usher token issue --gateway"), "{told:?}");
    gateway.terminate();
    let issued = gateway
        .command(&["token", "issue", "--gateway", "--json"])
        .expect(0)
        .json();
    gateway.start_again();
    let token = issued["token"].as_str().expect("a token");
    Ran::of(usher().args(["org", "list", "--url", &gateway.url, "--token", token])).expect(0);
}

#[test]
fn every_command_has_help_with_examples() {
    let commands = [
        "serve", "apply", "sync", "org", "user", "group", "guest", "licence", "token", "check", "verify",
    ];
    let all = Ran::of(usher().arg("--help")).expect(0).out;
    for command in commands {
        assert!(all.contains(&format!("\n  {command} ")), "{command} is not in:\n{all}");
        let help = Ran::of(usher().args([command, "--help"])).expect(0).out;
        assert!(
            help.contains("Examples:") && help.contains(&format!("usher {command}")),
            "{help}"
        );
    }
    assert!(all.contains("Exit codes:"), "{all}");
    Ran::of(usher().arg("--version")).expect(0);
    Ran::of(usher().arg("sing")).expect(2);
}

#[test]
fn a_sync_of_something_that_is_no_directory_fails_with_the_reason() {
    let gateway = Gateway::start();
    let ran = gateway.command(&["sync", "scim"]).expect(1);
    assert!(ran.sentence().contains("not of kind ldap"), "{ran:?}");
    let ran = gateway.command(&["sync", "nothing"]).expect(1);
    assert_eq!(ran.sentence(), "usher: connection \"nothing\" does not exist");
}
