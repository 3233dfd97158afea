//! The gateway of one history, with everyone who knocks.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::http::Method;
use chrono::TimeDelta;
use parking_lot::Mutex;
use proptest::prelude::*;
use serde_json::{Value, json};
use tempfile::NamedTempFile;
use totp_rs::Totp;
use usher::directory::Directory;
use usher::directory::hashing::HashCost;
use usher::model::clock::Clock;
use usher::model::id::OrganisationId;
use usher::store::memory::MemoryStore;

use super::directory::connection;
use super::organisation::{Variant, file};
use super::step::patch;
use crate::kit::gateway::{Caller, Inside};
use crate::kit::house::Standing;
use crate::kit::plain_ldap::PlainLdap;
use crate::kit::scim::{Answer, slug};

/// A password that the first policy takes.
pub(super) const PASSWORD: &str = "Correct-horse-7";

/// The gateway, which many histories share: each has an organisation of its own.
pub(super) struct Gateway {
    inside: Inside,
    clock: Arc<Standing>,
    root: Caller,
    histories: AtomicU32,
    directory: Arc<PlainLdap>,
    password: NamedTempFile,
}

impl Gateway {
    pub(super) async fn new() -> Self {
        let clock = Arc::new(Standing::new());
        let cheap = HashCost {
            memory_kib: 64,
            iterations: 1,
            parallelism: 1,
            at_once: 4,
        };
        let directory = Directory::new(Arc::new(MemoryStore::new()), Arc::clone(&clock) as Arc<dyn Clock>);
        let inside = Inside::of(directory.with_hashing(cheap));
        let root = inside.administrator().await;
        let mut password = NamedTempFile::new().expect("a temporary file");
        writeln!(password, "sync secret").expect("the password file");
        Self {
            inside,
            clock,
            root,
            histories: AtomicU32::new(0),
            directory: Arc::new(PlainLdap::start().await),
            password,
        }
    }

    /// A new organisation.
    pub(super) async fn world(&self) -> World {
        let name = format!("org{}", self.histories.fetch_add(1, Ordering::Relaxed));
        let administrator = self.root.organisation(&name).await;
        let variant = Variant::first();
        let password = self.password.path().display().to_string();
        let connection = connection(&name, &self.directory.url(), &password);
        let text = file(&name, variant, &connection);
        administrator.apply(&name, &text).await.expect(200);
        let found = self.inside.directory.find_organisation(&slug(&name)).await;
        World {
            id: found.expect("a read").expect("an organisation").organisation.id,
            inside: self.inside.clone(),
            clock: Arc::clone(&self.clock),
            path: format!("/api/v1/organisations/{name}"),
            provider: administrator.connection(&name, "entra").await,
            administrator,
            slug: name,
            variant,
            directory: Arc::clone(&self.directory),
            connection,
            users: Vec::new(),
            groups: Vec::new(),
            things: BTreeMap::new(),
            plans: Vec::new(),
            secret: None,
            person: None,
            session: None,
            device: None,
            own: false,
            twice: false,
            ceilings: BTreeMap::new(),
            log: Mutex::default(),
        }
    }
}

/// One organisation, and what is known of it from the answers.
pub(super) struct World {
    pub(super) slug: String,
    pub(super) path: String,
    /// What the file says that was applied last.
    pub(super) variant: Variant,
    /// The most seats of each licence that may be in use: a limit may be lowered below those that are.
    pub(super) ceilings: BTreeMap<String, i64>,
    pub(super) administrator: Caller,
    pub(super) directory: Arc<PlainLdap>,
    /// The directory's connection, as the file has it.
    connection: String,
    id: OrganisationId,
    inside: Inside,
    clock: Arc<Standing>,
    provider: Caller,
    users: Vec<String>,
    groups: Vec<String>,
    /// Resources, views, guests and their links; secrets by which guests join.
    things: BTreeMap<&'static str, Vec<String>>,
    /// Work on many people that was planned.
    plans: Vec<(&'static str, Value)>,
    secret: Option<String>,
    person: Option<Caller>,
    session: Option<Caller>,
    device: Option<Totp>,
    own: bool,
    twice: bool,
    log: Mutex<Vec<String>>,
}

impl World {
    /// What an administrator may do with a person, by the last part of the address.
    const VERBS: [&'static str; 5] = ["suspend", "reactivate", "invite", "invite", "revoke-invitation"];

    /// Who sends the requests from now on, and whether each comes twice.
    pub(super) fn begin(&mut self, own: bool, twice: bool) {
        (self.own, self.twice) = (own, twice);
    }

    /// What happened, for whoever reads of a failure.
    pub(super) fn explain(&self, error: TestCaseError) -> TestCaseError {
        match error {
            TestCaseError::Fail(reason) => {
                TestCaseError::fail(format!("{reason}\nafter:\n{}", self.log.lock().join("\n")))
            }
            rejected @ TestCaseError::Reject(_) => rejected,
        }
    }

    fn note(&self, method: &Method, path: &str, body: Option<&Value>, answer: &Answer) -> Result<(), TestCaseError> {
        let body = body.map(ToString::to_string).unwrap_or_default();
        self.log
            .lock()
            .push(format!("{method} {path} {body} -> {}", answer.status));
        prop_assert!(
            !answer.status.is_server_error(),
            "{} {}: {} {:#}",
            method,
            path,
            answer.status,
            answer.body
        );
        Ok(())
    }

    pub(super) fn user_id(&self, pick: u8) -> String {
        picked(&self.users, pick)
    }

    pub(super) fn user(&self, pick: u8) -> String {
        format!("Users/{}", self.user_id(pick))
    }

    pub(super) fn group(&self, pick: u8) -> String {
        format!("Groups/{}", picked(&self.groups, pick))
    }

    pub(super) fn group_id(&self, pick: u8) -> String {
        picked(&self.groups, pick)
    }

    /// A request to the admin API, relative to the organisation. Any answer but a fault of our own will do. A write that is
    /// repeated with its idempotency key is answered alike.
    pub(super) async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Result<Answer, TestCaseError> {
        let address = format!("{}/{path}", self.path);
        let caller = self.person.as_ref().filter(|_| self.own).unwrap_or(&self.administrator);
        if !self.twice || method == Method::GET {
            let answer = caller.send(method.clone(), &address, body.clone()).await;
            self.note(&method, path, body.as_ref(), &answer)?;
            return Ok(answer);
        }
        let key = format!("key{}", self.log.lock().len());
        let headers = [("idempotency-key", key.as_str())];
        let first = caller.send_with(method.clone(), &address, body.clone(), &headers).await;
        self.note(&method, path, body.as_ref(), &first)?;
        let again = caller.send_with(method.clone(), &address, body.clone(), &headers).await;
        self.note(&method, path, body.as_ref(), &again)?;
        if first.status.is_success() {
            prop_assert_eq!(again.status, first.status, "{} {} again", method, path);
        }
        Ok(first)
    }

    pub(super) async fn admin(&self, method: Method, path: &str, body: Option<Value>) -> Result<(), TestCaseError> {
        self.ask(method, path, body).await.map(|_| ())
    }

    /// A request of somebody without a token.
    pub(super) async fn knock(&self, path: &str, body: Value) -> Result<(), TestCaseError> {
        let answer = self.inside.caller("").post(path, body.clone()).await;
        self.note(&Method::POST, path, Some(&body), &answer)
    }

    /// A person whom no identity provider brings.
    pub(super) async fn prepare(&mut self, name: &str, invites: bool) -> Result<(), TestCaseError> {
        let user = json!({ "user_name": name, "licences": ["basic"], "invite": invites });
        let answer = self.ask(Method::POST, "users", Some(user)).await?;
        self.note_user(&answer.body);
        Ok(())
    }

    pub(super) fn note_user(&mut self, shown: &Value) {
        if let Some(id) = shown["id"].as_str() {
            add(&mut self.users, id);
        }
        self.note_secret(&shown["invitation"]);
    }

    pub(super) fn note_group(&mut self, shown: &Value) {
        if let Some(id) = shown["id"].as_str() {
            add(&mut self.groups, id);
        }
    }

    /// What a SCIM bulk request has made.
    pub(super) fn note_location(&mut self, location: &str) {
        let mut parts = location.rsplit('/');
        match (parts.next(), parts.next()) {
            (Some(id), Some("Users")) => add(&mut self.users, id),
            (Some(id), Some("Groups")) => add(&mut self.groups, id),
            _ => {}
        }
    }

    pub(super) fn note_secret(&mut self, issued: &Value) {
        if let Some(secret) = issued["secret"].as_str() {
            self.secret = Some(secret.to_owned());
        }
    }

    /// A view, a guest, a link or a resource that was made.
    pub(super) fn note_thing(&mut self, kind: &'static str, shown: &Value) {
        if let Some(id) = shown["id"].as_str() {
            add(self.things.entry(kind).or_default(), id);
        }
        if let Some(secret) = shown["secret"].as_str() {
            add(self.things.entry("secrets").or_default(), secret);
        }
    }

    pub(super) fn thing(&self, kind: &str, pick: u8) -> String {
        picked(self.things.get(kind).map_or(&[], Vec::as_slice), pick)
    }

    pub(super) fn note_plan(&mut self, kind: &'static str, planned: &Value) {
        if planned["id"].is_string() {
            self.plans.push((kind, planned.clone()));
        }
    }

    pub(super) fn plan(&self, pick: u8) -> Option<(&'static str, Value)> {
        self.plans.get(usize::from(pick) % self.plans.len().max(1)).cloned()
    }

    /// Plans what a file of people says.
    pub(super) async fn import(&self, rows: &str) -> Result<Value, TestCaseError> {
        let path = format!("{}/imports", self.path);
        let (status, answer) = self
            .administrator
            .bytes(Method::POST, &path, rows.as_bytes().to_vec())
            .await;
        self.log.lock().push(format!("import {rows:?} -> {status}"));
        prop_assert!(status < 500, "import: {status} {}", String::from_utf8_lossy(&answer));
        Ok(serde_json::from_slice(&answer).unwrap_or_default())
    }

    /// Erases a person who is there.
    pub(super) async fn erase(&self, who: u8) -> Result<(), TestCaseError> {
        let path = format!("users/{}", self.user_id(who));
        let confirm = json!({ "confirm": self.user_name(&self.user_id(who)).await });
        self.admin(Method::POST, &format!("{path}/erase"), Some(confirm)).await
    }

    pub(super) async fn user_name(&self, user: &str) -> Value {
        let found = self.administrator.get(&format!("{}/users/{user}", self.path)).await;
        found.body["user_name"].clone()
    }

    pub(super) fn members(&self, picks: &[u8]) -> Value {
        picks
            .iter()
            .map(|pick| json!({ "value": self.user_id(*pick) }))
            .collect()
    }

    /// A request of the identity provider. Any answer but a fault of our own will do.
    pub(super) async fn provide(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<Answer, TestCaseError> {
        let address = format!("/scim/{}/v2/{path}", self.slug);
        let answer = self.provider.send(method.clone(), &address, body.clone()).await;
        self.note(&method, &address, body.as_ref(), &answer)?;
        Ok(answer)
    }

    pub(super) async fn scim(&self, method: Method, path: &str, body: Option<Value>) -> Result<(), TestCaseError> {
        self.provide(method, path, body).await.map(|_| ())
    }

    pub(super) async fn create(&mut self, endpoint: &str, resource: &Value) -> Result<(), TestCaseError> {
        let made = self.provide(Method::POST, endpoint, Some(resource.clone())).await?;
        let id = made.body["id"].as_str().unwrap_or_default().to_owned();
        self.note_location(&format!("{endpoint}/{id}"));
        Ok(())
    }

    pub(super) async fn change_group(&self, group: u8, operations: Value) -> Result<(), TestCaseError> {
        self.scim(Method::PATCH, &self.group(group), Some(patch(operations)))
            .await
    }

    pub(super) async fn administer(&mut self, who: u8, verb: u8) -> Result<(), TestCaseError> {
        let verb = Self::VERBS[usize::from(verb) % Self::VERBS.len()];
        let path = format!("users/{}/{verb}", self.user_id(who));
        let answer = self.ask(Method::POST, &path, Some(Value::Null)).await?;
        self.note_secret(&answer.body);
        Ok(())
    }

    pub(super) async fn accept(&self) -> Result<(), TestCaseError> {
        let Some(secret) = &self.secret else { return Ok(()) };
        let accepted = json!({ "secret": secret, "password": PASSWORD });
        self.knock("/api/v1/invitations/accept", accepted).await
    }

    /// Applies another file, and looks how many seats may be in use from now on.
    pub(super) async fn apply(&mut self, variant: Variant) -> Result<(), TestCaseError> {
        let text = file(&self.slug, variant, &self.connection);
        let answer = self.administrator.apply(&self.slug, &text).await;
        self.note(&Method::POST, "apply", Some(&json!(format!("{variant:?}"))), &answer)?;
        if answer.status.is_success() {
            self.variant = variant;
            self.look_at_ceilings().await;
        }
        Ok(())
    }

    /// From now on this person's own rights count, where they are asked for.
    pub(super) async fn let_in(&mut self, user: &str) -> Result<(), TestCaseError> {
        let issued = self.ask(Method::POST, "tokens", Some(json!({ "user": user }))).await?;
        if let Some(token) = issued.body["token"].as_str() {
            self.person = Some(self.inside.caller(token));
        }
        Ok(())
    }

    /// Somebody signs in, rightly or wrongly; a session is used from then on.
    pub(super) async fn sign_in(&mut self, user: &str, password: &str) -> Result<(), TestCaseError> {
        let code = self.device.as_ref().map(|device| self.code(device));
        let body = json!({
            "organisation": self.slug, "login": self.user_name(user).await.as_str().unwrap_or("nobody"),
            "password": password, "totp": code,
        });
        let answer = self.inside.caller("").post("/api/v1/sign-in", body.clone()).await;
        self.note(&Method::POST, "sign-in", Some(&body), &answer)?;
        if let Some(token) = answer.body["token"].as_str() {
            let session = self.inside.caller(token);
            self.person = Some(session.clone());
            self.session = Some(session);
        }
        Ok(())
    }

    /// What a person does for themselves.
    pub(super) async fn in_session(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<Value, TestCaseError> {
        let Some(session) = &self.session else {
            return Ok(Value::Null);
        };
        let answer = session.send(method.clone(), path, body.clone()).await;
        self.note(&method, path, body.as_ref(), &answer)?;
        Ok(answer.body)
    }

    /// Sets up a second factor, or takes it away.
    pub(super) async fn second_factor(&mut self, sets_up: bool) -> Result<(), TestCaseError> {
        const FACTOR: &str = "/api/v1/session/second-factor";
        if sets_up {
            let given = self.in_session(Method::POST, FACTOR, Some(Value::Null)).await?;
            self.device = given["url"].as_str().and_then(|url| Totp::from_url(url).ok());
        }
        let Some(device) = &self.device else { return Ok(()) };
        let proof = json!({ "totp": self.code(device) });
        let verb = if sets_up { "confirm" } else { "remove" };
        self.in_session(Method::POST, &format!("{FACTOR}/{verb}"), Some(proof))
            .await
            .map(|_| ())
    }

    fn code(&self, device: &Totp) -> String {
        device.generate(self.clock.now().timestamp().unsigned_abs()).to_string()
    }

    /// Time passes, for everyone; what the gateway does by itself is done.
    pub(super) async fn pass(&self, seconds: i64) -> Result<(), TestCaseError> {
        self.clock.pass(seconds);
        self.log.lock().push(format!("{seconds} seconds pass"));
        if TimeDelta::seconds(seconds) > TimeDelta::days(1) {
            let directory = &self.inside.directory;
            let swept = directory.sweep_jobs(self.id).await;
            prop_assert!(swept.is_ok(), "{swept:?}");
            let swept = directory.sweep_idempotency(self.id).await;
            prop_assert!(swept.is_ok(), "{swept:?}");
        }
        self.close_resources().await
    }

    /// Resources whose time is over go.
    pub(super) async fn close_resources(&self) -> Result<(), TestCaseError> {
        let closed = self.inside.directory.close_resources(self.id).await;
        prop_assert!(closed.is_ok(), "{closed:?}");
        Ok(())
    }
}

fn add(made: &mut Vec<String>, id: &str) {
    if !id.is_empty() && !made.iter().any(|known| known == id) {
        made.push(id.to_owned());
    }
}

fn picked(made: &[String], pick: u8) -> String {
    if made.is_empty() {
        return "00000000-0000-7000-8000-000000000000".to_owned();
    }
    made[usize::from(pick) % made.len()].clone()
}
