//! The mailer inside the test's process, under a clock that the test sets forward.

use std::collections::BTreeSet;
use std::future::Future;
use std::path::Path;
use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use usher::config::MailConfig;
use usher::config::mail::MailTls;
use usher::delivery::mailer::{Mailer, MailerSettings};
use usher::delivery::transport::Transport;
use usher::model::connection::Onboarding;

use super::person;
use crate::kit::mail_server::{MailServer, Protection};
use crate::kit::process::free_ports;
use crate::kit::served::Served;

const HOUR_S: i64 = 3600;

/// A gateway with one organisation whose people are invited, and an administrator.
struct House {
    served: Served,
    scim: String,
    administrator: String,
    folder: tempfile::TempDir,
    mailers: JoinSet<()>,
}

impl House {
    async fn new() -> Self {
        let served = Served::start().await;
        let permit = served.organisation("acme").await;
        served
            .connect(&permit, "entra", |connection| {
                connection.onboarding = Onboarding::Invited
            })
            .await;
        let scim = served.lasting(&permit, "entra").await.text;
        let administrator = served.administrator().await;
        Self {
            served,
            scim,
            administrator,
            folder: tempfile::tempdir().expect("a folder"),
            mailers: JoinSet::new(),
        }
    }

    /// Starts a mailer.
    fn mail(&mut self, config: &MailConfig) {
        let transport = Transport::new(config, self.folder.path()).expect("a transport");
        let settings = MailerSettings {
            public_url: self.served.url.clone(),
            from: config.sender().expect("a sender"),
            retry: config.retry(),
        };
        let mailer = Mailer::new(self.served.directory.clone(), transport, settings);
        self.mailers.spawn(mailer.run(std::future::pending()));
    }

    async fn ask(&self, method: Method, path: &str, token: &str, body: Option<Value>) -> (StatusCode, Value) {
        let request = self.served.http.request(method, format!("{}{path}", self.served.url));
        let request = request.bearer_auth(token);
        let request = match body {
            Some(body) => request
                .header("content-type", "application/json")
                .body(body.to_string()),
            None => request,
        };
        let answer = request.send().await.expect("an answer");
        let (status, text) = (answer.status(), answer.text().await.expect("a body"));
        (status, serde_json::from_str(&text).unwrap_or_else(|_| json!(text)))
    }

    async fn admin(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let path = format!("/api/v1/organisations/acme{path}");
        let (status, body) = self.ask(method, &path, &self.administrator, body).await;
        assert!(status.is_success(), "{path}: {status} {body:#}");
        body
    }

    async fn get(&self, path: &str) -> Value {
        self.admin(Method::GET, path, None).await
    }

    async fn create(&self, person: Value) -> String {
        let (status, made) = self
            .ask(Method::POST, "/scim/acme/v2/Users", &self.scim, Some(person))
            .await;
        assert_eq!(status, 201, "{made:#}");
        made["id"].as_str().expect("an id").to_owned()
    }

    async fn events(&self, kind: &str) -> usize {
        let events = self.get("/events?limit=1000").await;
        let events = events["items"].as_array().expect("events");
        events.iter().filter(|event| event["kind"] == kind).count()
    }

    fn files(&self) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.folder.path().join("mail")) else {
            return Vec::new();
        };
        let texts = entries.map(|entry| entry.expect("an entry").path());
        let texts = texts.filter(|path| path.extension() == Some(Path::new("eml").as_os_str()));
        texts
            .map(|path| std::fs::read_to_string(path).expect("a mail"))
            .collect()
    }

    async fn verified(&self) {
        let (status, told) = self.ask(Method::GET, "/api/v1/verify", &self.administrator, None).await;
        assert_eq!(status, 200);
        let text = told.as_str().map_or_else(|| told.to_string(), str::to_owned);
        assert!(!text.contains("\"violation\""), "{text}");
    }
}

/// Asks again until it is so.
async fn until<F: Future<Output = bool>>(what: &str, is_so: impl Fn() -> F) {
    let asking = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(60), asking).await;
    assert!(waited.is_ok(), "it never came that {what}");
}

#[tokio::test]
async fn an_invitation_that_is_not_accepted_in_time_makes_the_person_prepared_again() {
    let mut house = House::new().await;
    house.mail(&MailConfig::default());
    let ada = house.create(person("ada")).await;
    until("the mail is there", async || !house.files().is_empty()).await;
    until("it is sent", async || house.events("invitation.sent").await == 1).await;
    house.served.pass(7 * 24 * HOUR_S - 60);
    assert_eq!(house.get(&format!("/users/{ada}")).await["state"], "invited");
    house.served.pass(120);
    let path = format!("/users/{ada}");
    until("the person is prepared", async || {
        house.get(&path).await["state"] == "prepared"
    })
    .await;
    assert_eq!(house.events("invitation.expired").await, 1);
    let expired = house.get("/invitations?state=expired").await;
    assert_eq!(expired["items"][0]["user"], json!(ada));
    let again = json!({ "users": [ada], "channel": "email" });
    let sent = house.admin(Method::POST, "/invitations/send", Some(again)).await;
    assert_eq!(sent["items"][0]["state"], "queued", "{sent:#}");
    until("a second mail is there", async || house.files().len() == 2).await;
    house.verified().await;
}

#[tokio::test]
async fn mail_to_a_suspended_person_rests_until_the_person_is_back() {
    let mut house = House::new().await;
    let ada = house.create(person("ada")).await;
    house.admin(Method::POST, &format!("/users/{ada}/suspend"), None).await;
    let before = house.get("/outbox").await["items"][0]["due"].clone();
    house.mail(&MailConfig::default());
    until("the mail rests", async || {
        house.get("/outbox").await["items"][0]["due"] != before
    })
    .await;
    assert!(house.files().is_empty());
    house
        .admin(Method::POST, &format!("/users/{ada}/reactivate"), None)
        .await;
    house.served.pass(20 * 60);
    until("the mail is there", async || house.files().len() == 1).await;
    house.verified().await;
}

#[tokio::test]
async fn a_person_without_an_address_stays_queued_until_there_is_one() {
    let mut house = House::new().await;
    house.mail(&MailConfig::default());
    let mut nobody = person("ada");
    nobody.as_object_mut().expect("a person").remove("emails");
    let ada = house.create(nobody).await;
    let queued = house.get("/invitations?state=queued").await;
    assert_eq!(queued["items"][0]["obstacle"], "no-email", "{queued:#}");
    assert_eq!(house.get(&format!("/users/{ada}")).await["state"], "invited");
    let operations = json!([{ "op": "add", "path": "emails", "value": [{ "value": "ada@acme.example" }] }]);
    let patch = json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations });
    let path = format!("/scim/acme/v2/Users/{ada}");
    let (status, body) = house.ask(Method::PATCH, &path, &house.scim, Some(patch)).await;
    assert!(status.is_success(), "{body:#}");
    until("the mail is there", async || house.files().len() == 1).await;
    until("it is sent", async || house.events("invitation.sent").await == 1).await;
    house.verified().await;
}

#[tokio::test]
async fn a_mail_that_no_server_takes_for_days_is_given_up_with_an_event() {
    let mut house = House::new().await;
    house.mail(&MailConfig {
        host: Some("127.0.0.1".to_owned()),
        port: Some(free_ports().0),
        tls: MailTls::None,
        retry_first_s: 1,
        retry_longest_s: 1,
        ..MailConfig::default()
    });
    house.create(person("ada")).await;
    let queued = async || house.get("/outbox").await["items"][0].clone();
    until("it was tried", async || queued().await["attempts"].as_u64() > Some(0)).await;
    house.served.pass(73 * HOUR_S);
    until("it is dead", async || {
        house.get("/outbox?state=dead").await["items"][0].is_object()
    })
    .await;
    assert_eq!(house.events("mail.undeliverable").await, 1);
    house.verified().await;
    let metrics = house.ask(Method::GET, "/metrics", &house.administrator, None).await.1;
    let metrics = metrics.as_str().expect("text");
    assert!(
        metrics.contains("usher_mail_waiting{organisation=\"acme\",state=\"dead\"} 1"),
        "{metrics}"
    );
}

#[tokio::test]
async fn two_mailers_take_turns_and_send_each_mail_once() {
    let Some(server) = MailServer::start(Protection::Plain) else {
        return;
    };
    let mut house = House::new().await;
    let config = MailConfig {
        host: Some("127.0.0.1".to_owned()),
        port: Some(server.port),
        tls: MailTls::None,
        ..MailConfig::default()
    };
    house.mail(&config);
    house.mail(&config);
    let mut wanted = BTreeSet::new();
    for number in 0..30 {
        house.create(person(&format!("person{number}"))).await;
        wanted.insert(format!("person{number}@acme.example"));
    }
    until("the outbox is empty", async || {
        house.get("/outbox").await["items"] == json!([])
    })
    .await;
    let mails = server.mails();
    let reached: Vec<String> = mails
        .iter()
        .map(|mail| mail["to"][0].as_str().expect("an address").to_owned())
        .collect();
    assert_eq!(reached.len(), wanted.len(), "each once: {reached:?}");
    assert_eq!(reached.into_iter().collect::<BTreeSet<_>>(), wanted);
    assert_eq!(house.events("invitation.sent").await, 30);
}

#[tokio::test]
async fn what_was_to_be_mailed_to_a_deleted_person_is_gone() {
    let house = House::new().await;
    let ada = house.create(person("ada")).await;
    assert_eq!(house.get("/outbox").await["items"][0]["to"], "ada@acme.example");
    house.admin(Method::DELETE, &format!("/users/{ada}"), None).await;
    assert_eq!(house.get("/outbox").await["items"], json!([]));
    assert_eq!(house.get("/invitations").await["items"], json!([]));
    assert_eq!(house.served.directory.next_mails(10).await.expect("mails"), []);
    assert_eq!(house.served.directory.next_ends(10).await.expect("ends"), []);
    house.verified().await;
}
