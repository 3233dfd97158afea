//! Signing in: who is let in, who is not, and that nobody learns why.

use std::sync::Arc;

use serde_json::{Value, json};
use usher::config::Config;
use usher::directory::keys;
use usher::directory::keys::fold;
use usher::model::id::UserId;
use usher::model::record;
use usher::model::slug::Slug;
use usher::model::user::User;
use usher::store::Batch;
use usher::store::memory::MemoryStore;

use crate::kit::house::{House, PASSWORD, USERS};
use crate::kit::served::Served;

async fn plain() -> House {
    House::with(json!({})).await
}

#[tokio::test]
async fn the_first_sign_in_makes_a_person_active_and_later_ones_change_nothing_of_the_user() {
    let house = plain().await;
    house.enrolled("mia").await;
    assert_eq!(house.user("mia").await["state"], "enrolled");
    let signed_in = house.sign_in("MIA", PASSWORD).await.expect(201);
    assert_eq!(signed_in["duties"], json!([]));
    let active = house.user("mia").await;
    assert_eq!(active["state"], "active");
    let events = house.events().await;
    assert_eq!(events.last().map(String::as_str), Some("user.state_changed"));
    house.clock.pass(60);
    let before = house.credential("mia").await["last_sign_in"].clone();
    house.sign_in("mia", PASSWORD).await.expect(201);
    let last = house.credential("mia").await["last_sign_in"].clone();
    assert_ne!(last, before);
    let mut shown = active.clone();
    shown["last_sign_in"] = last;
    assert_eq!(house.user("mia").await, shown);
    assert_eq!(house.events().await, events);
    house.verify().await;
}

#[tokio::test]
async fn whatever_is_wrong_the_answer_and_the_work_are_the_same() {
    let house = plain().await;
    for name in ["mia", "gone", "locked"] {
        house.enrolled(name).await;
    }
    house.person("prepared").await;
    house
        .acme
        .post(&format!("{USERS}/gone/suspend"), json!(null))
        .await
        .expect(200);
    for _ in 0..5 {
        house.sign_in("locked", "wrong").await.expect(401);
    }
    let long = "x".repeat(100_000);
    let cases = [
        ("acme", "mia", "wrong password"),
        ("acme", "mia", long.as_str()),
        ("acme", "nobody", PASSWORD),
        ("acme", "", ""),
        ("acme", "prepared", PASSWORD),
        ("acme", "gone", PASSWORD),
        ("acme", "locked", PASSWORD),
        ("nowhere", "mia", PASSWORD),
        ("not a slug!", "mia", PASSWORD),
    ];
    let mut answers: Vec<(Value, Vec<String>)> = Vec::new();
    for (organisation, login, password) in cases {
        let hashing = house.inside.directory.hashing();
        let before = hashing.operations();
        let body = json!({ "organisation": organisation, "login": login, "password": password });
        let answer = house.inside.caller("").post("/api/v1/sign-in", body).await;
        assert_eq!(hashing.operations() - before, 1, "{organisation} {login}");
        let mut headers: Vec<String> = answer.headers.keys().map(ToString::to_string).collect();
        headers.sort_unstable();
        answers.push((answer.expect(401), headers));
    }
    for answer in &answers {
        assert_eq!(*answer, answers[0]);
    }
    house.verify().await;
}

#[tokio::test]
async fn every_failed_sign_in_takes_one_commit_whoever_it_is() {
    // The counter of commits is the version that the store gives to a key of our own.
    let house = plain().await;
    house.enrolled("mia").await;
    let store = house.inside.directory.store();
    let mark = async || {
        let key = usher::store::Key::new(&b"z-mark"[..]);
        let mut batch = Batch::new();
        batch.put(key.clone(), "x".as_bytes().to_vec());
        store.commit(batch).await.expect("a commit");
        store.get(key).await.expect("a read").expect("a value").version
    };
    let mut steps = Vec::new();
    for (login, password) in [("mia", "wrong"), ("nobody", "wrong"), ("nobody", PASSWORD)] {
        let before = mark().await;
        house.sign_in(login, password).await.expect(401);
        let after = mark().await;
        steps.push(format!("{before:?} {after:?}"));
        let (before, after) = (number(&format!("{before:?}")), number(&format!("{after:?}")));
        assert_eq!(after - before, 2, "{login}: {steps:?}");
    }
}

fn number(text: &str) -> u64 {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    digits.parse().expect("a number")
}

#[tokio::test]
async fn the_delay_grows_with_every_further_failure_and_a_right_sign_in_forgets_them() {
    let lock_out = json!({ "attempts": 3, "first_delay_s": 60, "growth": 2, "max_delay_s": 200 });
    let house = House::with(json!({ "lock_out": lock_out })).await;
    house.enrolled("mia").await;
    for _ in 0..3 {
        house.sign_in("mia", "wrong").await.expect(401);
    }
    let mut delays = Vec::new();
    for expected in [60, 120, 200, 200] {
        // Within the delay the right password opens nothing, and nothing is counted.
        house.clock.pass(expected - 2);
        house.sign_in("mia", PASSWORD).await.expect(401);
        let known = house.credential("mia").await;
        assert!(known["locked_until"].is_string(), "{known:#}");
        delays.push(known["failures"].as_u64().expect("a number"));
        house.clock.pass(3);
        assert_eq!(house.credential("mia").await["locked_until"], Value::Null);
        house.sign_in("mia", "wrong").await.expect(401);
    }
    assert_eq!(delays, [3, 4, 5, 6]);
    house.clock.pass(201);
    house.sign_in("mia", PASSWORD).await.expect(201);
    assert_eq!(house.credential("mia").await["failures"], 0);
    let locked = house
        .events()
        .await
        .iter()
        .filter(|kind| *kind == "sign_in.locked")
        .count();
    assert_eq!(locked, 5, "one notice for each delay");
    house.verify().await;
}

#[tokio::test]
async fn an_administrator_lets_a_locked_person_in_again() {
    let house = plain().await;
    house.enrolled("mia").await;
    for _ in 0..5 {
        house.sign_in("mia", "wrong").await.expect(401);
    }
    house.sign_in("mia", PASSWORD).await.expect(401);
    let unlock = format!("{USERS}/mia/unlock");
    let unlocked = house.acme.post(&unlock, json!(null)).await.expect(200);
    assert_eq!(unlocked, json!({ "unlocked": true }));
    assert_eq!(
        house.acme.post(&unlock, json!(null)).await.expect(200)["unlocked"],
        false
    );
    house.sign_in("mia", PASSWORD).await.expect(201);
}

#[tokio::test]
async fn an_address_that_guesses_must_wait_whatever_it_tries() {
    let mut config = Config::default();
    config.sign_in.address_attempts = 3;
    config.sign_in.address_first_delay_s = 100;
    let served = Served::with(config).await;
    let guess = async |login: &str| {
        let body = json!({ "organisation": "acme", "login": login, "password": "wrong" });
        let request = served.http.post(format!("{}/api/v1/sign-in", served.url)).json(&body);
        request.send().await.expect("an answer")
    };
    for login in ["ada", "mia", "noa"] {
        assert_eq!(guess(login).await.status(), 401);
    }
    let answer = guess("eve").await;
    assert_eq!(answer.status(), 429);
    let wait: u64 = answer.headers()["retry-after"]
        .to_str()
        .expect("a text")
        .parse()
        .expect("seconds");
    assert!((50..=100).contains(&wait), "{wait}");
}

#[tokio::test]
async fn a_sign_in_by_single_sign_on_is_reported_and_counts() {
    let house = plain().await;
    house.person("mia").await;
    let report = format!("{USERS}/mia/signed-in");
    let after = house.acme.post(&report, json!(null)).await.expect(200);
    assert_eq!(after["state"], "active", "A4: the link stands for the password");
    let events = house.events().await;
    house.acme.post(&report, json!(null)).await.expect(200);
    assert_eq!(house.events().await, events);
    assert!(house.credential("mia").await["last_sign_in"].is_string());
    house
        .acme
        .post(&format!("{USERS}/mia/suspend"), json!(null))
        .await
        .expect(200);
    house.acme.post(&report, json!(null)).await.expect(400);
    house.verify().await;
}

#[tokio::test]
async fn a_password_of_an_earlier_release_goes_on_working_and_moves() {
    // Earlier releases kept the hash in the user record.
    let house = plain().await;
    house.enrolled("mia").await;
    let id: UserId = house.user("mia").await["id"]
        .as_str()
        .expect("an id")
        .parse()
        .expect("an id");
    let directory = &house.inside.directory;
    let slug: Slug = "acme".parse().expect("a slug");
    let settings = directory.find_organisation(&slug).await.expect("a read").expect("acme");
    let organisation = settings.organisation.id;
    let credential = keys::credential::credential(organisation, id);
    let store = directory.store();
    let stored = store
        .get(credential.clone())
        .await
        .expect("a read")
        .expect("a credential");
    let known: Value = serde_json::from_slice(&stored.value).expect("JSON");
    let key = keys::user(organisation, id);
    let stored = store.get(key.clone()).await.expect("a read").expect("a user");
    let mut user: User = record::decode(&stored.value).expect("a user");
    user.password_hash = Some(known["hash"].as_str().expect("a hash").to_owned());
    let mut batch = Batch::new();
    batch.put(key.clone(), record::encode(&user));
    batch.delete(credential.clone());
    store.commit(batch).await.expect("a commit");
    assert_eq!(house.credential("mia").await["has_password"], true);
    house.sign_in("mia", "wrong").await.expect(401);
    house.verify().await;
    house.sign_in("mia", PASSWORD).await.expect(201);
    let stored = store.get(key).await.expect("a read").expect("a user");
    let moved: User = record::decode(&stored.value).expect("a user");
    assert_eq!(moved.password_hash, None);
    assert!(store.get(credential).await.expect("a read").is_some());
    house.verify().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sign_ins_of_one_person_at_once_all_get_a_session_of_their_own() {
    let house = plain().await;
    house.enrolled("mia").await;
    let all: Vec<_> = (0..6)
        .map(|_| {
            let anyone = house.inside.caller("");
            let body = json!({ "organisation": "acme", "login": fold("Mia"), "password": PASSWORD });
            tokio::spawn(async move { anyone.post("/api/v1/sign-in", body).await.expect(201) })
        })
        .collect();
    let mut tokens = std::collections::BTreeSet::new();
    for signed_in in all {
        let answer = signed_in.await.expect("an answer");
        tokens.insert(answer["token"].as_str().expect("a token").to_owned());
    }
    assert_eq!(tokens.len(), 6);
    let listed = house.acme.get(&format!("{USERS}/mia/sessions")).await.expect(200);
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(6));
    let changes = house.events().await;
    let first = changes.iter().filter(|kind| *kind == "user.state_changed").count();
    assert_eq!(first, 2, "enrolled, then active: once each");
    house.verify().await;
}

#[tokio::test]
async fn a_hash_of_another_cost_is_renewed_by_a_right_sign_in() {
    use usher::directory::Directory;
    use usher::directory::hashing::HashCost;
    use usher::model::clock::SystemClock;

    use crate::kit::gateway::Inside;

    let store = Arc::new(MemoryStore::new());
    let with = |memory_kib| {
        let cost = HashCost {
            memory_kib,
            iterations: 1,
            parallelism: 1,
            at_once: 1,
        };
        let directory = Directory::new(Arc::clone(&store) as _, Arc::new(SystemClock));
        Inside::of(directory.with_hashing(cost))
    };
    let cheap = with(64);
    let acme = cheap.administrator().await.organisation("acme").await;
    let mia = json!({ "user_name": "mia", "password": PASSWORD });
    acme.post(USERS, mia).await.expect(201);
    let dear = with(128);
    let sign_in = async |password: &str| {
        let body = json!({ "organisation": "acme", "login": "mia", "password": password });
        let before = dear.directory.hashing().operations();
        let answer = dear.caller("").post("/api/v1/sign-in", body).await;
        (answer.status.as_u16(), dear.directory.hashing().operations() - before)
    };
    assert_eq!(sign_in("wrong").await, (401, 1));
    assert_eq!(
        sign_in(PASSWORD).await,
        (201, 2),
        "compared as it was made, then hashed anew"
    );
    assert_eq!(sign_in(PASSWORD).await, (201, 1));
}
