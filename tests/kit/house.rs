//! An organisation whose people sign in: inside the test's process, with a clock that the test sets forward, and passwords
//! that are hashed cheaply.

use std::sync::Arc;

use serde_json::{Value, json};
use usher::directory::Directory;
use usher::directory::hashing::HashCost;
use usher::model::clock::Clock;
use usher::store::memory::MemoryStore;

use super::gateway::{Caller, Inside};
use super::scim::Answer;
use super::served::Ahead;

/// The users of the organisation.
pub(crate) const USERS: &str = "/api/v1/organisations/acme/users";
/// Its password policy.
pub(crate) const POLICY: &str = "/api/v1/organisations/acme/password-policy";
/// A password that every policy of the tests takes.
pub(crate) const PASSWORD: &str = "Correct-horse-7";

/// The organisation.
pub(crate) struct House {
    /// The gateway.
    pub(crate) inside: Inside,
    /// Its clock.
    pub(crate) clock: Arc<Ahead>,
    /// The organisation's administrator.
    pub(crate) acme: Caller,
}

impl House {
    /// With this password policy.
    pub(crate) async fn with(policy: Value) -> Self {
        let clock = Arc::new(Ahead::default());
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

    /// Asserts that every invariant holds.
    pub(crate) async fn verify(&self) {
        let lines = self.acme.get("/api/v1/organisations/acme/verify").await.expect(200);
        let done = lines.as_array().map_or(&lines, |lines| lines.last().expect("a line"));
        assert_eq!(done["done"]["violations"], 0, "{lines:#}");
    }
}
