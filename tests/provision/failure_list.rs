//! The failure list has a record for each entry, is read in pages and tried again as a whole or one by one.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use usher::provision::reading::Reading;

use super::gateway::{Gateway, group, people};
use crate::kit::gateway::{Caller, Inside};

const CORP: &str = "/api/v1/organisations/acme/connections/corporate";

/// A gateway of so many people without a seat.
async fn short(count: usize) -> Option<(Gateway, Caller)> {
    let ldif = people("f", count) + &group("crew", &["uid=f0000,ou=people"]);
    let gateway = Gateway::start(&ldif).await?;
    seats(&gateway, 0).await;
    gateway.connect(json!({ "licences": ["pro"] })).await;
    let acme = Inside::of(gateway.directory.clone()).administrator().await;
    Some((gateway, acme))
}

async fn seats(gateway: &Gateway, limit: usize) {
    let licence = json!({ "key": "pro", "name": "Pro", "limit": limit, "when_full": "refuse" });
    gateway.declare_licence(licence).await;
}

/// The list in pages, and its total.
async fn list(acme: &Caller, limit: usize) -> (Vec<Value>, u64) {
    let (mut all, mut after) = (Vec::new(), String::new());
    loop {
        let page = acme
            .get(&format!("{CORP}/failures?limit={limit}{after}"))
            .await
            .expect(200);
        let items = page["items"].as_array().expect("a list");
        assert!(items.len() <= limit);
        all.extend(items.clone());
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => return (all, page["total"].as_u64().expect("a number")),
        }
    }
}

fn names(list: &[Value]) -> BTreeSet<String> {
    let people = list.iter().filter(|item| item["kind"] == "user");
    people
        .map(|item| item["name"].as_str().expect("a name").to_owned())
        .collect()
}

async fn retry(acme: &Caller, query: &str) -> Value {
    let answer = acme
        .post(&format!("{CORP}/failures/retry{query}"), json!({}))
        .await
        .expect(200);
    match answer {
        Value::Array(lines) => lines.last().expect("a line").clone(),
        one => one,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn six_hundred_failures_are_all_listed_and_all_tried_again_by_a_reading_of_changes() {
    let Some((gateway, acme)) = short(600).await else {
        return;
    };
    let report = gateway.sync().await;
    // The group's only member failed, so the group did too.
    assert_eq!(report.failures.len(), 601);
    let (all, total) = list(&acme, 250).await;
    assert_eq!((all.len(), total), (601, 601));
    assert_eq!(names(&all).len(), 600);
    assert!(
        all.iter()
            .all(|item| item["since"].is_string() && item["text"].is_string())
    );
    let state = acme.get(&format!("{CORP}/runs")).await.expect(200);
    assert_eq!(state["failures"]["total"], 601);

    seats(&gateway, 590).await;
    let again = gateway.read(Reading::Changes).await;
    assert_eq!((again.reading, again.why_whole), (Reading::Changes, None));
    assert_eq!(gateway.users().await.len(), 590, "not only the first five hundred");
    let (all, total) = list(&acme, 1000).await;
    assert_eq!((names(&all).len() as u64, all.len() as u64), (10, total));
    seats(&gateway, 600).await;
    gateway.sync().await;
    assert_eq!(list(&acme, 100).await, (vec![], 0));
    acme.get("/api/v1/organisations/acme/verify").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_entry_is_tried_again_alone_and_then_all_of_them() {
    let Some((gateway, acme)) = short(4).await else { return };
    gateway.sync().await;
    seats(&gateway, 3).await;
    let (all, _) = list(&acme, 100).await;
    let of = |name: &str| {
        all.iter()
            .find(|item| item["name"] == name)
            .expect("on the list")
            .clone()
    };
    let id = of("f0002")["external_id"].as_str().expect("an id").to_owned();
    let other = of("f0003")["since"].clone();
    gateway.clock.advance_days(1);
    let line = retry(&acme, &format!("?external_id={id}")).await;
    assert_eq!(
        (&line["done"]["reading"], &line["done"]["changed"]),
        (&json!("failures"), &json!(1)),
        "{line:#}"
    );
    assert_eq!(gateway.users().await.keys().collect::<Vec<_>>(), ["f0002"]);
    let (left, total) = list(&acme, 100).await;
    assert_eq!((names(&left).len(), total), (3, left.len() as u64));
    let still = left.iter().find(|item| item["name"] == "f0003").expect("on the list");
    assert_eq!(still["since"], other, "what was not tried is as old as it was");
    let unknown = retry(&acme, "?external_id=nobody").await;
    assert_eq!(unknown["failed"]["status"], 404, "{unknown:#}");
    assert!(retry(&acme, "").await["done"].is_object());
    assert_eq!(gateway.users().await.len(), 3);
    assert_eq!(names(&list(&acme, 100).await.0).len(), 1);
}

/// Those beyond the bound are counted; a run over everything tries them again, and a reading of changes those that are listed.
#[tokio::test(flavor = "multi_thread")]
async fn no_more_are_listed_than_the_settings_say() {
    let Some(gateway) = Gateway::start(&people("f", 6)).await else {
        return;
    };
    seats(&gateway, 0).await;
    let settings = |listed: u32| json!({ "licences": ["pro"], "failures_listed": listed });
    gateway.connect(settings(3)).await;
    let acme = Inside::of(gateway.directory.clone()).administrator().await;
    assert_eq!(gateway.sync().await.failures.len(), 6);
    let listed = async || {
        let (all, total) = list(&acme, 100).await;
        (all.len(), total)
    };
    assert_eq!(listed().await, (3, 6));
    let (all, _) = list(&acme, 100).await;
    let id = all[1]["external_id"].as_str().expect("an id").to_owned();
    seats(&gateway, 1).await;
    let line = retry(&acme, &format!("?external_id={id}")).await;
    assert_eq!(line["done"]["changed"], json!(1), "{line:#}");
    assert_eq!(listed().await, (2, 5), "one less, and no other in its place");
    // Another bound is no reason to read everything.
    gateway.connect(settings(1)).await;
    let same = gateway.read(Reading::Changes).await;
    assert_eq!(
        (same.reading, same.failures.len()),
        (Reading::Changes, 2),
        "those who were listed"
    );
    assert_eq!(listed().await, (1, 5));
    gateway.connect(settings(100)).await;
    seats(&gateway, 6).await;
    gateway.read(Reading::Changes).await;
    assert_eq!(gateway.users().await.len(), 2, "the one who was listed");
    assert_eq!(listed().await, (0, 4));
    gateway.sync().await;
    assert_eq!(listed().await, (0, 0));
    assert_eq!(gateway.users().await.len(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_erased_is_on_no_failure_list() {
    let ldif = people("e", 2);
    let Some(gateway) = Gateway::start(&ldif).await else {
        return;
    };
    gateway.sync().await;
    let acme = Inside::of(gateway.directory.clone()).administrator().await;
    // A rule that fails for everybody.
    let fails = json!({ "mapping": [{ "to": "userName", "from": "employeeNumber" }] });
    gateway.connect(fails).await;
    assert_eq!(gateway.sync().await.failures.len(), 2);
    acme.post(
        "/api/v1/organisations/acme/users/e0000/erase",
        json!({ "confirm": "e0000" }),
    )
    .await
    .expect(200);
    let (left, _) = list(&acme, 100).await;
    assert!(!json!(left).to_string().contains("e0000"), "{left:#?}");
    assert_eq!(left.len(), 1, "{left:#?}");
}
