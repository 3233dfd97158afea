//! What the ledger tells: refusals, thresholds; and that nobody overtakes who waits.

use serde_json::{Value, json};
use usher::config::Config;
use usher::directory::licence::PutLicence;
use usher::directory::{Directory, Principal};
use usher::model::licence::Licence;
use usher::model::lifecycle::Step;

use super::{acme, apply, assert_whole, events, get, post};
use crate::kit::gateway::{Caller, Inside};
use crate::kit::scim::slug;
use crate::kit::served::Served;

fn pro(limit: u32, more: &str) -> String {
    format!("[[licences]]\nkey = \"pro\"\nname = \"Pro\"\nlimit = {limit}\n{more}\n")
}

fn with_seat(name: &str) -> Value {
    json!({ "user_name": name, "licences": ["pro"] })
}

#[tokio::test]
async fn a_refused_seat_is_told_once_an_hour_for_each_person() {
    let served = Served::with(Config::default()).await;
    let permit = served.organisation("acme").await;
    let mut licence = Licence::new(slug("pro"), "Pro".to_owned());
    licence.limit = Some(0);
    served.directory.put_licence(&permit, licence).await.expect("a licence");
    let token = served.administrator().await;
    let create = |name: &'static str| {
        let url = format!("{}/api/v1/organisations/acme/users", served.url);
        let request = served.http.post(url).bearer_auth(&token).json(&with_seat(name));
        async move { request.send().await.expect("an answer").status().as_u16() }
    };
    let told = || async {
        let all = served
            .directory
            .events_after(permit.organisation(), 0, 1000)
            .await
            .expect("events");
        let all = all.into_iter().map(|numbered| numbered.event);
        all.filter(|event| event.kind.as_str() == "seat.refused")
            .collect::<Vec<_>>()
    };
    for _ in 0..3 {
        assert_eq!(create("ada").await, 403);
    }
    let first = told().await;
    assert_eq!(first.len(), 1);
    assert_eq!(first[0].subject, "pro");
    assert_eq!(json!(first[0].data), json!({ "licence": "pro", "used": 0, "limit": 0 }));
    assert_eq!(create("grace").await, 403);
    assert_eq!(told().await.len(), 2);
    served.pass(3601);
    assert_eq!(create("ADA").await, 403);
    assert_eq!(told().await.len(), 3);
}

#[tokio::test]
async fn a_threshold_is_told_once_for_each_time_it_is_reached() {
    let (_inside, acme, _) = acme(&pro(4, "thresholds = [50, 100]")).await;
    let told = |events: Vec<Value>| -> Vec<(Value, Value)> {
        events
            .iter()
            .map(|event| (event["data"]["percent"].clone(), event["data"]["used"].clone()))
            .collect()
    };
    for name in ["a", "b", "c"] {
        post(&acme, "/users", with_seat(name)).await.expect(201);
    }
    assert_eq!(told(events(&acme, "licence.threshold").await), [(json!(50), json!(2))]);
    for name in ["b", "c"] {
        acme.delete(&format!("{}/users/{name}", super::ACME)).await.expect(204);
    }
    post(&acme, "/users", with_seat("d")).await.expect(201);
    assert_eq!(
        events(&acme, "licence.threshold").await.len(),
        2,
        "it was left and is reached again"
    );
    // A lowered limit reaches a threshold as well.
    apply(&acme, &pro(2, "thresholds = [50, 100]")).await.expect(200);
    let last = events(&acme, "licence.threshold").await.pop().expect("an event");
    assert_eq!(
        (&last["data"]["percent"], &last["data"]["used"]),
        (&json!(100), &json!(2))
    );
    apply(&acme, &pro(2, "thresholds = [0]")).await.expect(422);
    assert_whole(&acme).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_seats_taken_at_once_exactly_one_reaches_the_threshold() {
    let (_inside, acme, _) = acme(&pro(40, "thresholds = [50]")).await;
    let tasks: Vec<_> = (0..32)
        .map(|number| {
            let acme = acme.clone();
            tokio::spawn(async move {
                post(&acme, "/users", with_seat(&format!("user{number}")))
                    .await
                    .expect(201)
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("no panic");
    }
    assert_eq!(events(&acme, "licence.threshold").await.len(), 1);
    assert_whole(&acme).await;
}

/// Raises the limit without handing the seats out, as when the gateway is stopped in between.
async fn raise(directory: &Directory, limit: u32, change: impl FnOnce(&mut Licence)) -> bool {
    let settings = directory
        .find_organisation(&slug("acme"))
        .await
        .expect("a read")
        .expect("acme");
    let permit = Principal::system()
        .administer(settings.organisation.id)
        .expect("the system may");
    let mut licence = settings.licences[&slug("pro")].clone();
    licence.limit = Some(limit);
    change(&mut licence);
    directory.run(&permit, &PutLicence(licence)).await.is_ok()
}

async fn seats(acme: &Caller) -> Vec<(String, String)> {
    let holders = get(acme, "/licences/pro/holders").await;
    let holders = holders["items"].as_array().expect("a list").clone();
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    holders
        .iter()
        .map(|holder| (text(&holder["user_name"]), text(&holder["state"])))
        .collect()
}

async fn one_waits() -> (Inside, Caller) {
    let (inside, acme, _) = acme(&pro(1, "when_full = \"wait\"")).await;
    for name in ["ada", "grace"] {
        post(&acme, "/users", with_seat(name)).await.expect(201);
    }
    (inside, acme)
}

fn states(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected
        .iter()
        .map(|(name, state)| ((*name).to_owned(), (*state).to_owned()))
        .collect()
}

#[tokio::test]
async fn a_newcomer_does_not_overtake_who_waits_while_a_raised_limit_is_handed_out() {
    let (inside, acme) = one_waits().await;
    assert!(raise(&inside.directory, 2, |_| {}).await);
    post(&acme, "/users", with_seat("edsger")).await.expect(201);
    let expected = states(&[("ada", "prepared"), ("grace", "prepared"), ("edsger", "waiting")]);
    assert_eq!(seats(&acme).await, expected);
    assert_whole(&acme).await;
    // With two free seats the newcomer hands one on, and the next newcomer the other.
    let (inside, acme) = one_waits().await;
    assert!(raise(&inside.directory, 3, |_| {}).await);
    post(&acme, "/users", with_seat("edsger")).await.expect(201);
    post(&acme, "/users", with_seat("barbara")).await.expect(201);
    let expected = states(&[
        ("ada", "prepared"),
        ("grace", "prepared"),
        ("edsger", "prepared"),
        ("barbara", "waiting"),
    ]);
    assert_eq!(seats(&acme).await, expected);
    assert_whole(&acme).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_a_seat_is_needed_does_not_change_while_somebody_is_given_the_licence() {
    for round in 0..8 {
        let (inside, acme, _) = acme(&pro(100, "")).await;
        let creating = {
            let acme = acme.clone();
            tokio::spawn(async move { post(&acme, "/users", with_seat("ada")).await.expect(201) })
        };
        let changed = raise(&inside.directory, 100, |licence| licence.consumes_from = Step::Active).await;
        creating.await.expect("no panic");
        let licence = get(&acme, "/licences").await["items"][0].clone();
        // Whoever came first: the person has a seat by the old rule, or none by the new one.
        let expected = if changed {
            (json!("active"), json!(0))
        } else {
            (json!("prepared"), json!(1))
        };
        assert_eq!(
            (licence["consumes_from"].clone(), licence["used"].clone()),
            expected,
            "round {round}"
        );
        assert_whole(&acme).await;
    }
}
