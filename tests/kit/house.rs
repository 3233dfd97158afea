//! An organisation whose people sign in: inside the test's process, with a clock that the test sets forward, and passwords
//! that are hashed cheaply.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use serde_json::{Value, json};
use usher::directory::Directory;
use usher::directory::hashing::HashCost;
use usher::model::clock::{Clock, SystemClock, Timestamp};
use usher::store::memory::MemoryStore;

use super::gateway::{Caller, Inside};
use super::scim::Answer;

/// The users of the organisation.
pub(crate) const USERS: &str = "/api/v1/organisations/acme/users";
/// Its password policy.
pub(crate) const POLICY: &str = "/api/v1/organisations/acme/password-policy";
/// A password that every policy of the tests takes.
pub(crate) const PASSWORD: &str = "Correct-horse-7";

/// A clock that stands still until the test sets it forward, in the midst of a time step of RFC 6238.
pub(crate) struct Standing(AtomicI64);

impl Standing {
    /// At an instant of its own.
    pub(crate) fn new() -> Self {
        Self(AtomicI64::new(1_800_000_015))
    }

    /// Lets time pass.
    pub(crate) fn pass(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for Standing {
    fn now(&self) -> Timestamp {
        Timestamp::from_timestamp(self.0.load(Ordering::SeqCst), 0).expect("an instant")
    }

    fn uuid(&self) -> uuid::Uuid {
        SystemClock.uuid()
    }

    fn secret(&self) -> [u8; 32] {
        SystemClock.secret()
    }
}

/// The organisation.
pub(crate) struct House {
    /// The gateway.
    pub(crate) inside: Inside,
    /// Its clock.
    pub(crate) clock: Arc<Standing>,
    /// The organisation's administrator.
    pub(crate) acme: Caller,
}

impl House {
    /// With this password policy.
    pub(crate) async fn with(policy: Value) -> Self {
        let clock = Arc::new(Standing::new());
        let cheap = HashCost {
            memory_kib: 64,
            iterations: 1,
            parallelism: 1,
            at_once: 4,
        };
        let directory = Directory::new(Arc::new(MemoryStore::new()), Arc::clone(&clock) as Arc<dyn Clock>);
        let inside = Inside::of(directory.with_hashing(cheap));
        let acme = inside.administrator().await.organisation("acme").await;
        let house = Self { inside, clock, acme };
        house.acme.put(POLICY, policy).await.expect(200);
        house
    }

    /// Makes a person without a password.
    pub(crate) async fn person(&self, name: &str) {
        self.acme.post(USERS, json!({ "user_name": name })).await.expect(201);
    }

    /// Makes a person with [`PASSWORD`].
    pub(crate) async fn enrolled(&self, name: &str) {
        self.person(name).await;
        self.set_password(name, PASSWORD).await.expect(200);
    }

    /// Sets a password that need not be changed.
    pub(crate) async fn set_password(&self, name: &str, password: &str) -> Answer {
        let body = json!({ "password": password, "must_change": false });
        self.acme.post(&format!("{USERS}/{name}/password"), body).await
    }

    /// A user, as the administrator sees it.
    pub(crate) async fn user(&self, name: &str) -> Value {
        self.acme.get(&format!("{USERS}/{name}")).await.expect(200)
    }

    /// What is known of how a user signs in.
    pub(crate) async fn credential(&self, name: &str) -> Value {
        self.acme.get(&format!("{USERS}/{name}/credential")).await.expect(200)
    }

    /// Signs somebody in.
    pub(crate) async fn sign_in(&self, login: &str, password: &str) -> Answer {
        self.sign_in_with(login, password, json!({})).await
    }

    /// Signs somebody in with more than a password.
    pub(crate) async fn sign_in_with(&self, login: &str, password: &str, more: Value) -> Answer {
        let mut body = json!({ "organisation": "acme", "login": login, "password": password });
        for (name, value) in more.as_object().expect("an object") {
            body[name] = value.clone();
        }
        self.inside.caller("").post("/api/v1/sign-in", body).await
    }

    /// Whoever has the session that a sign-in gave.
    #[track_caller]
    pub(crate) fn session(&self, signed_in: Answer) -> Caller {
        let answer = signed_in.expect(201);
        self.inside.caller(answer["token"].as_str().expect("a token"))
    }

    /// The kinds of the events so far.
    pub(crate) async fn events(&self) -> Vec<String> {
        let path = "/api/v1/organisations/acme/events?limit=1000";
        let events = self.acme.get(path).await.expect(200);
        let kinds = events["items"].as_array().expect("a list").iter();
        kinds
            .map(|event| event["kind"].as_str().expect("a kind").to_owned())
            .collect()
    }

    /// What verification finds.
    pub(crate) async fn violations(&self) -> Vec<Value> {
        let path = "/api/v1/organisations/acme/verify";
        let lines = match self.acme.get(path).await.expect(200) {
            Value::Array(lines) => lines,
            only => vec![only],
        };
        assert!(
            lines.last().is_some_and(|line| line.get("done").is_some()),
            "{lines:#?}"
        );
        let found = lines.iter().filter_map(|line| line.get("violation"));
        found.cloned().collect()
    }

    /// Asserts that every invariant holds.
    pub(crate) async fn verify(&self) {
        assert_eq!(self.violations().await, Vec::<Value>::new());
    }
}
