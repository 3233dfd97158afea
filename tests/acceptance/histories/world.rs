//! The gateway of one history, with everyone who knocks.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::http::Method;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::step::patch;
use crate::kit::gateway::{Caller, Inside};
use crate::kit::scim::Answer;

/// The gateway, which many histories share: each has an organisation of its own.
pub(super) struct Gateway {
    inside: Inside,
    root: Caller,
    histories: AtomicU32,
}

impl Gateway {
    pub(super) async fn new() -> Self {
        let inside = Inside::new();
        let root = inside.administrator().await;
        Self {
            inside,
            root,
            histories: AtomicU32::new(0),
        }
    }

    /// A new organisation.
    pub(super) async fn world(&self) -> World {
        let slug = format!("org{}", self.histories.fetch_add(1, Ordering::Relaxed));
        let administrator = self.root.organisation(&slug).await;
        administrator.apply(&slug, &file(&slug, 2, 0)).await.expect(200);
        let provider = administrator.connection(&slug, "entra").await;
        World {
            inside: self.inside.clone(),
            path: format!("/api/v1/organisations/{slug}"),
            slug,
            administrator,
            provider,
            users: Vec::new(),
            groups: Vec::new(),
            secret: None,
        }
    }
}

/// One organisation, and what is known of it from the answers.
pub(super) struct World {
    inside: Inside,
    slug: String,
    path: String,
    administrator: Caller,
    provider: Caller,
    users: Vec<String>,
    groups: Vec<String>,
    secret: Option<String>,
}

/// An organisation whose connection gives a scarce licence, and another to leads.
fn file(slug: &str, limit: u8, policy: u8) -> String {
    let when_full = match policy % 4 {
        0 => "\"refuse\"".to_owned(),
        1 => "\"wait\"".to_owned(),
        2 => "{ fallback = \"basic\" }".to_owned(),
        _ => format!("{{ overage = {} }}", limit + 1),
    };
    format!(
        "[organisation]\nslug = \"{slug}\"\n\
         [[roles]]\nkey = \"member\"\nname = \"Member\"\n\
         [[roles]]\nkey = \"agent\"\nname = \"Agent\"\nincludes = [\"member\"]\n\
         [[roles]]\nkey = \"head\"\nname = \"Head\"\nmax_holders = 2\n\
         [[licences]]\nkey = \"basic\"\nname = \"Basic\"\nlimit = 4\n\
         [[licences]]\nkey = \"pro\"\nname = \"Pro\"\nlimit = {limit}\nwhen_full = {when_full}\n\
         [[licences]]\nkey = \"lead\"\nname = \"Lead\"\nlimit = 1\nwhen_full = \"wait\"\n\
         [[connections]]\nname = \"entra\"\nkind = \"scim\"\nonboarding = \"prepared\"\nlicences = [\"pro\"]\nroles = [\"member\"]\n\
         [[connections.grants]]\nwhen = \"'leads' in groups\"\nlicences = [\"lead\"]\n"
    )
}

impl World {
    /// What an administrator may do with a person, by the last part of the address.
    const VERBS: [&'static str; 5] = ["suspend", "reactivate", "invite", "invite", "revoke-invitation"];

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

    /// A request of the administrator, relative to the organisation. Any answer but a fault of our own will do.
    pub(super) async fn admin(&self, method: Method, path: &str, body: Option<Value>) -> Result<(), TestCaseError> {
        let answer = self
            .administrator
            .send(method, &format!("{}/{path}", self.path), body)
            .await;
        no_fault_of_ours(&answer, path)
    }

    /// A person whom no identity provider brings.
    pub(super) async fn prepare(&mut self, name: &str, invites: bool) -> Result<(), TestCaseError> {
        let user = json!({ "user_name": name, "licences": ["basic"], "invite": invites });
        let answer = self.administrator.post(&format!("{}/users", self.path), user).await;
        no_fault_of_ours(&answer, "users")?;
        if let Some(id) = answer.body["id"]
            .as_str()
            .or_else(|| answer.body["user"]["id"].as_str())
        {
            self.users.push(id.to_owned());
        }
        Ok(())
    }

    /// Erases a person who is there.
    pub(super) async fn erase(&self, who: u8) -> Result<(), TestCaseError> {
        let path = format!("{}/users/{}", self.path, self.user_id(who));
        let found = self.administrator.get(&path).await;
        let confirm = json!({ "confirm": found.body["user_name"] });
        let answer = self.administrator.post(&format!("{path}/erase"), confirm).await;
        no_fault_of_ours(&answer, "erase")
    }

    pub(super) fn members(&self, picks: &[u8]) -> Value {
        picks
            .iter()
            .map(|pick| json!({ "value": self.user_id(*pick) }))
            .collect()
    }

    /// A request of the identity provider. Any answer but a fault of our own will do.
    pub(super) async fn scim(&self, method: Method, path: &str, body: Option<Value>) -> Result<(), TestCaseError> {
        let answer = self
            .provider
            .send(method, &format!("/scim/{}/v2/{path}", self.slug), body)
            .await;
        no_fault_of_ours(&answer, path)
    }

    pub(super) async fn create(&mut self, endpoint: &str, resource: &Value) -> Result<(), TestCaseError> {
        let path = format!("/scim/{}/v2/{endpoint}", self.slug);
        let answer = self.provider.post(&path, resource.clone()).await;
        no_fault_of_ours(&answer, endpoint)?;
        if let Some(id) = answer.body["id"].as_str() {
            let made = if endpoint == "Users" {
                &mut self.users
            } else {
                &mut self.groups
            };
            if !made.iter().any(|known| known == id) {
                made.push(id.to_owned());
            }
        }
        Ok(())
    }

    pub(super) async fn change_group(&self, group: u8, operations: Value) -> Result<(), TestCaseError> {
        self.scim(Method::PATCH, &self.group(group), Some(patch(operations)))
            .await
    }

    pub(super) async fn administer(&mut self, who: u8, verb: u8) -> Result<(), TestCaseError> {
        let verb = Self::VERBS[usize::from(verb) % Self::VERBS.len()];
        let path = format!("{}/users/{}/{verb}", self.path, self.user_id(who));
        let answer = self.administrator.post(&path, Value::Null).await;
        no_fault_of_ours(&answer, verb)?;
        if let Some(secret) = answer.body["secret"].as_str() {
            self.secret = Some(secret.to_owned());
        }
        Ok(())
    }

    pub(super) async fn delete(&self, who: u8) -> Result<(), TestCaseError> {
        let path = format!("{}/users/{}", self.path, self.user_id(who));
        no_fault_of_ours(&self.administrator.delete(&path).await, "delete")
    }

    pub(super) async fn accept(&self) -> Result<(), TestCaseError> {
        let Some(secret) = &self.secret else { return Ok(()) };
        let accepted = json!({ "secret": secret, "password": "Correct-horse-7" });
        let answer = self
            .inside
            .caller("")
            .post("/api/v1/invitations/accept", accepted)
            .await;
        no_fault_of_ours(&answer, "accept")
    }

    pub(super) async fn limit(&self, limit: u8, policy: u8) -> Result<(), TestCaseError> {
        no_fault_of_ours(
            &self
                .administrator
                .apply(&self.slug, &file(&self.slug, limit, policy))
                .await,
            "apply",
        )
    }

    /// Everything that must hold, whatever happened.
    pub(super) async fn check(&self) -> Result<(), TestCaseError> {
        let verified = self.administrator.get(&format!("{}/verify", self.path)).await;
        let lines = verified
            .body
            .as_array()
            .cloned()
            .unwrap_or_else(|| vec![verified.body.clone()]);
        let done = lines.last().map(|line| line["done"]["violations"].clone());
        prop_assert_eq!(done, Some(json!(0)), "{:#?}", lines);
        self.check_people().await?;
        self.check_events().await
    }

    /// Names are unique, and who holds or waits for a seat agrees with the numbers of each licence.
    async fn check_people(&self) -> Result<(), TestCaseError> {
        let users = self.items("users").await;
        let names: BTreeSet<_> = users
            .iter()
            .map(|user| user["user_name"].to_string().to_lowercase())
            .collect();
        prop_assert_eq!(names.len(), users.len(), "a user name is there twice");
        for licence in self.items("licences").await {
            let key = licence["key"].as_str().unwrap_or_default();
            let held: usize = users.iter().map(|user| seats(user, key)).sum();
            prop_assert_eq!(&licence["used"], &json!(held), "{}: {:#?}", key, users);
        }
        Ok(())
    }

    /// Numbers without gaps, from the first on.
    async fn check_events(&self) -> Result<(), TestCaseError> {
        let events = self.items("events").await;
        for (index, event) in events.iter().enumerate() {
            prop_assert_eq!(&event["number"], &json!(index + 1), "an event is missing");
        }
        Ok(())
    }

    /// Every item of a list, page by page.
    async fn items(&self, list: &str) -> Vec<Value> {
        let mut items = Vec::new();
        let mut after = String::new();
        loop {
            let path = match list {
                "licences" => format!("{}/{list}", self.path),
                _ => format!("{}/{list}?limit=100{after}", self.path),
            };
            let mut page = self.administrator.get(&path).await.expect(200);
            if let Some(found) = page["items"].as_array_mut() {
                items.append(found);
            }
            match page["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => return items,
            }
        }
    }
}

/// The seats that the person holds from this licence's pool: as the licence itself, and in place of another.
fn seats(user: &Value, key: &str) -> usize {
    let claims = user["licences"].as_object().into_iter().flatten();
    let held = claims.filter(|(licence, claim)| {
        let seat = &claim["seat"];
        (*licence == key && seat.get("held").is_some()) || seat["fallback"]["licence"] == json!(key)
    });
    held.count()
}

fn picked(made: &[String], pick: u8) -> String {
    if made.is_empty() {
        return "00000000-0000-7000-8000-000000000000".to_owned();
    }
    made[usize::from(pick) % made.len()].clone()
}

fn no_fault_of_ours(answer: &Answer, what: &str) -> Result<(), TestCaseError> {
    prop_assert!(
        !answer.status.is_server_error(),
        "{}: {} {:#}",
        what,
        answer.status,
        answer.body
    );
    Ok(())
}
