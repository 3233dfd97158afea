//! The history of runs and the trial of a connection, over the admin API.

use serde_json::{Value, json};

use crate::kit::gateway::{Caller, Inside};

/// A directory at a port that nobody listens on: the first port that this process bound and gave back.
async fn unreachable(runs_kept: u32) -> (Inside, Caller) {
    let inside = Inside::new();
    let acme = inside.administrator().await.organisation("acme").await;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    drop(listener);
    let file = format!(
        "[organisation]\nslug = \"acme\"\n[[connections]]\nname = \"corp\"\nkind = \"ldap\"\nruns_kept = {runs_kept}\n\
         [connections.ldap]\nurls = [\"ldap://127.0.0.1:{port}\"]\nallow_plain = true\nbind_dn = \"cn=reader,dc=example\"\n\
         bind_password_file = {:?}\nusers = {{ base = \"dc=example\", filter = \"(cn=*)\" }}\n",
        concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")
    );
    acme.apply("acme", &file).await.expect(200);
    (inside, acme)
}

const CORP: &str = "/api/v1/organisations/acme/connections/corp";

async fn runs(acme: &Caller) -> Vec<Value> {
    let state = acme.get(&format!("{CORP}/runs")).await.expect(200);
    state["runs"].as_array().expect("runs").clone()
}

async fn run(acme: &Caller, query: &str) {
    let answer = acme.post(&format!("{CORP}/sync{query}"), json!({})).await.expect(200);
    assert!(answer.get("failed").is_some(), "{answer:#}");
}

#[tokio::test]
async fn a_failed_run_is_kept_with_its_reason_and_the_newest_comes_first() {
    let (_inside, acme) = unreachable(2).await;
    assert!(runs(&acme).await.is_empty());
    run(&acme, "").await;
    let first = runs(&acme).await;
    assert_eq!(first.len(), 1);
    assert_eq!(
        (&first[0]["outcome"], &first[0]["reading"]),
        (&json!("failed"), &json!("whole"))
    );
    let error = first[0]["error"].as_str().expect("a reason");
    assert!(error.contains("no directory server can be used"), "{error}");
    run(&acme, "?reading=changes").await;
    run(&acme, "?reading=presence").await;
    let kept = runs(&acme).await;
    let readings: Vec<&Value> = kept.iter().map(|run| &run["reading"]).collect();
    assert_eq!(readings, ["presence", "changes"], "the oldest of three is gone");
    acme.get("/api/v1/organisations/acme/verify").await.expect(200);
}

#[tokio::test]
async fn a_dry_run_is_in_no_history() {
    let (_inside, acme) = unreachable(50).await;
    run(&acme, "?dry_run=true").await;
    assert!(runs(&acme).await.is_empty());
}

#[tokio::test]
async fn more_runs_than_can_be_kept_are_refused_with_the_setting() {
    let inside = Inside::new();
    let acme = inside.administrator().await.organisation("acme").await;
    let file = "[organisation]\nslug = \"acme\"\n[[connections]]\nname = \"corp\"\nkind = \"scim\"\nruns_kept = 501\n";
    let problem = acme.apply("acme", file).await.expect(422);
    assert!(problem.to_string().contains("runs_kept"), "{problem:#}");
}

#[tokio::test]
async fn a_trial_says_why_a_directory_cannot_be_reached_and_writes_nothing() {
    let (_inside, acme) = unreachable(50).await;
    let answer = acme.post(&format!("{CORP}/test"), json!({})).await.expect(200);
    let report = &answer["done"];
    assert_eq!(report["verdict"], "failure");
    let findings = report["findings"].as_array().expect("findings");
    assert!(
        findings.iter().any(|finding| finding["finding"] == "unreachable"),
        "{report:#}"
    );
    assert!(runs(&acme).await.is_empty());
    acme.post("/api/v1/organisations/acme/connections/none/test", json!({}))
        .await
        .expect(404);
}

#[tokio::test]
async fn a_trial_of_a_client_knows_the_address_and_the_last_request() {
    let inside = Inside::new();
    let acme = inside.administrator().await.organisation("acme").await;
    let file = "[organisation]\nslug = \"acme\"\n[[connections]]\nname = \"entra\"\nkind = \"scim\"\n";
    acme.apply("acme", file).await.expect(200);
    let client = acme.connection("acme", "entra").await;
    client.scim_user("acme", "ada").await;
    let answer = acme
        .post("/api/v1/organisations/acme/connections/entra/test", json!({}))
        .await
        .expect(200);
    let report = answer["done"].to_string();
    for part in [
        "https://usher.example/scim/acme/v2",
        "the last request, POST /Users",
        "\"verdict\":\"good\"",
    ] {
        assert!(report.contains(part), "{part} is not in {report}");
    }
    assert!(!report.contains("ada"), "nobody is named: {report}");
}
