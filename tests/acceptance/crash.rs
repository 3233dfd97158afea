//! kill -9 at a random moment loses nothing that was acknowledged (design.md section 3; reliability.md B5).
//!
//! Several clients write at random over HTTP, each to users of its own, and note what was acknowledged. The process is
//! killed, the store verified and the gateway started again; then every user must be as acknowledged, or as the one write
//! that was under way would have left it.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::scim_http::ScimHttp;
use crate::kit::gateway::Gateway;

/// Kills in one run; `USHER_CRASH_ROUNDS` sets another number.
const ROUNDS: u64 = 30;
/// Clients that write at once.
const WRITERS: u64 = 6;

/// What is known of one user.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Known {
    title: Option<String>,
    active: bool,
    is_member: bool,
}

/// A user's acknowledged state (`None`: deleted), and the state that an unanswered write would lead to.
#[derive(Debug, Clone)]
struct Account {
    acknowledged: Option<Known>,
    under_way: Option<Option<Known>>,
}

/// A small generator: the same seed writes the same history as long as the answers are the same.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// One client's users by id, and its creations that were not answered by name.
struct Writer {
    number: u64,
    dice: Dice,
    accounts: BTreeMap<String, Account>,
    unanswered: Vec<String>,
    created: u64,
}

impl Writer {
    fn new(number: u64, seed: u64) -> Self {
        let dice = Dice(seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        Self {
            number,
            dice,
            accounts: BTreeMap::new(),
            unanswered: Vec::new(),
            created: 0,
        }
    }

    /// Writes until the gateway no longer answers.
    async fn write(mut self, client: ScimHttp, group: String) -> Self {
        while self.write_once(&client, &group).await.is_ok() {}
        self
    }

    async fn write_once(&mut self, client: &ScimHttp, group: &str) -> Result<(), reqwest::Error> {
        let living: Vec<String> = self
            .accounts
            .iter()
            .filter(|(_, a)| a.acknowledged.is_some())
            .map(|(id, _)| id.clone())
            .collect();
        if living.len() < 5 || self.dice.roll(4) == 0 {
            return self.create(client).await;
        }
        let id = living[usize::try_from(self.dice.roll(living.len() as u64)).expect("small")].clone();
        let before = self.accounts[&id].acknowledged.clone().expect("living");
        let user = format!("/Users/{id}");
        let (after, answer) = match self.dice.roll(8) {
            0 => {
                self.begin(&id, None);
                (None, client.send(Method::DELETE, &user, None).await)
            }
            1..=3 => {
                let title = format!("t{}", self.dice.roll(1_000_000));
                let after = Some(Known {
                    title: Some(title.clone()),
                    ..before
                });
                self.begin(&id, after.clone());
                let operation = json!({ "op": "replace", "path": "title", "value": title });
                (after, client.patch(&user, operation).await)
            }
            4 | 5 => {
                let after = Some(Known {
                    active: !before.active,
                    ..before.clone()
                });
                self.begin(&id, after.clone());
                let operation = json!({ "op": "replace", "path": "active", "value": !before.active });
                (after, client.patch(&user, operation).await)
            }
            _ => {
                let after = Some(Known {
                    is_member: !before.is_member,
                    ..before.clone()
                });
                self.begin(&id, after.clone());
                let op = if before.is_member { "remove" } else { "add" };
                let operation = json!({ "op": op, "path": "members", "value": [{ "value": id }] });
                (after, client.patch(&format!("/Groups/{group}"), operation).await)
            }
        };
        let (status, body) = answer?;
        assert!(status.is_success(), "{status}: {body}");
        self.accounts.insert(
            id,
            Account {
                acknowledged: after,
                under_way: None,
            },
        );
        Ok(())
    }

    fn begin(&mut self, id: &str, after: Option<Known>) {
        self.accounts.get_mut(id).expect("known").under_way = Some(after);
    }

    async fn create(&mut self, client: &ScimHttp) -> Result<(), reqwest::Error> {
        self.created += 1;
        let name = format!("w{}-{}", self.number, self.created);
        self.unanswered.push(name.clone());
        let (status, body) = client.create(&name).await?;
        assert_eq!(status, StatusCode::CREATED, "{body}");
        self.unanswered.retain(|unanswered| *unanswered != name);
        let id = body["id"].as_str().expect("an id").to_owned();
        let fresh = Known {
            title: None,
            active: true,
            is_member: false,
        };
        self.accounts.insert(
            id,
            Account {
                acknowledged: Some(fresh),
                under_way: None,
            },
        );
        Ok(())
    }

    /// Compares what is stored with what was acknowledged, and takes over what the unanswered writes came to.
    async fn check(&mut self, client: &ScimHttp) -> usize {
        for (id, account) in &mut self.accounts {
            let found = read(client, id).await;
            let may_be = account.under_way.take();
            let is_right = found == account.acknowledged || may_be.is_some_and(|after| found == after);
            assert!(
                is_right,
                "user {id}: acknowledged {:?}, found {found:?}",
                account.acknowledged
            );
            account.acknowledged = found;
        }
        for name in std::mem::take(&mut self.unanswered) {
            assert!(client.count(&format!("userName eq \"{name}\"")).await <= 1, "{name}");
        }
        // A deleted user stays deleted: it was checked once more, and is then let go.
        let checked = self.accounts.len();
        self.accounts.retain(|_, account| account.acknowledged.is_some());
        checked
    }
}

async fn read(client: &ScimHttp, id: &str) -> Option<Known> {
    let (status, body) = client
        .send(Method::GET, &format!("/Users/{id}"), None)
        .await
        .expect("an answer");
    if status == StatusCode::NOT_FOUND {
        return None;
    }
    assert_eq!(status, StatusCode::OK, "{body}");
    Some(Known {
        title: body["title"].as_str().map(str::to_owned),
        active: body["active"].as_bool().expect("a boolean"),
        is_member: body["groups"].as_array().is_some_and(|groups| !groups.is_empty()),
    })
}

async fn make_group(client: &ScimHttp) -> String {
    let body = json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "Everyone" });
    let (status, body) = client
        .send(Method::POST, "/Groups", Some(body))
        .await
        .expect("an answer");
    assert_eq!(status, StatusCode::CREATED, "{body}");
    body["id"].as_str().expect("an id").to_owned()
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .ok()
        .map_or(default, |text| text.parse().expect("a number"))
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_was_acknowledged_is_lost_by_kill_9() {
    let rounds = setting("USHER_CRASH_ROUNDS", ROUNDS);
    let seed = setting("USHER_CRASH_SEED", rand::random::<u32>().into());
    println!("USHER_CRASH_SEED={seed}");
    let mut dice = Dice(seed);
    let mut gateway = Gateway::start();
    let group = make_group(&ScimHttp::of(&gateway)).await;
    let mut writers: Vec<Writer> = (0..WRITERS).map(|number| Writer::new(number, seed)).collect();
    let mut checked = 0;
    for round in 0..rounds {
        let client = ScimHttp::of(&gateway);
        let tasks: Vec<_> = writers
            .drain(..)
            .map(|writer| tokio::spawn(writer.write(client.clone(), group.clone())))
            .collect();
        // The random moment is the point of the test: nothing is waited for.
        tokio::time::sleep(Duration::from_millis(20 + dice.roll(400))).await;
        gateway.kill();
        for task in tasks {
            writers.push(task.await.expect("the writer ended well"));
        }
        let verified = gateway.command(&["verify", "--json"]);
        assert_eq!(verified.code, 0, "round {round}: {} {}", verified.out, verified.err);
        gateway.start_again();
        let client = ScimHttp::of(&gateway);
        for writer in &mut writers {
            checked += writer.check(&client).await;
        }
    }
    let total = check_feed(&gateway).await;
    println!("{rounds} kills, {checked} users compared, {total} events without a gap, nothing lost");
    assert!(checked > 100, "too little was written to say anything");
}

/// The events of the organisation are numbered from 1 without gaps.
async fn check_feed(gateway: &Gateway) -> u64 {
    let (http, token) = (reqwest::Client::new(), gateway.bootstrapped("admin_token"));
    let mut last = 0;
    loop {
        let url = format!(
            "{}/api/v1/organisations/default/events?after={last}&limit=1000",
            gateway.url
        );
        let answer = http.get(url).bearer_auth(&token).send().await.expect("an answer");
        let body: Value = serde_json::from_slice(&answer.bytes().await.expect("a body")).expect("JSON");
        let events = body["events"]
            .as_array()
            .or_else(|| body["items"].as_array())
            .expect("events")
            .clone();
        if events.is_empty() {
            return last;
        }
        for event in events {
            last += 1;
            assert_eq!(event["number"], last);
        }
    }
}
