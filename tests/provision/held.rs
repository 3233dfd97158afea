//! A plan that is held is kept as it was, until it is applied, discarded, replaced, or names somebody who is erased.

use serde_json::{Value, json};
use usher::directory::keys;
use usher::provision::reading::Reading;
use usher::provision::run::Outcome;

use super::gateway::{Gateway, group, people};
use crate::kit::gateway::{Caller, Inside};
use crate::kit::scim::slug;

const CORP: &str = "/api/v1/organisations/acme/connections/corporate";

/// A gateway whose next run would suspend six of seven people, and is held for it.
async fn held() -> Option<(Gateway, Caller)> {
    let ldif = people("h", 7) + &group("crew", &["uid=h0000,ou=people", "uid=h0001,ou=people"]);
    let gateway = Gateway::start(&ldif).await?;
    gateway.sync().await;
    gateway.connect(few("(uid=h0006)")).await;
    assert_eq!(gateway.sync().await.outcome, Outcome::Held);
    let acme = Inside::of(gateway.directory.clone()).administrator().await;
    Some((gateway, acme))
}

fn few(filter: &str) -> Value {
    json!({
        "leavers": { "suspend_after_runs": 1 },
        "ldap": { "users": { "base": "ou=people,dc=example,dc=com", "filter": filter } },
    })
}

async fn head(acme: &Caller) -> Value {
    acme.get(&format!("{CORP}/runs")).await.expect(200)["held"].clone()
}

/// Everything that is kept, read in pages of two.
async fn differences(acme: &Caller) -> Vec<Value> {
    let (mut all, mut after) = (Vec::new(), String::new());
    loop {
        let page = acme
            .get(&format!("{CORP}/held/differences?limit=2{after}"))
            .await
            .expect(200);
        all.extend(page["items"].as_array().expect("a list").clone());
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => return all,
        }
    }
}

async fn parts(gateway: &Gateway) -> usize {
    let parts = gateway
        .stored(keys::held_parts(gateway.organisation, &slug("corporate")))
        .await;
    parts.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_held_is_shown_though_the_directory_has_changed_and_another_plan_says_what_is_different() {
    let Some((gateway, acme)) = held().await else { return };
    let kept = differences(&acme).await;
    let suspended: Vec<&Value> = kept.iter().filter(|step| step["action"] == "suspend_missing").collect();
    assert_eq!(suspended.len(), 6, "{kept:#?}");
    let active = json!({ "what": "active", "before": true, "after": false });
    assert!(
        suspended
            .iter()
            .all(|step| step["changes"].as_array().expect("changes").contains(&active)),
        "{suspended:#?}"
    );
    assert_eq!(head(&acme).await["kept"]["differences"], kept.len());

    let hash = head(&acme).await["hash"].clone();
    acme.post(&format!("{CORP}/held/approve"), json!({ "hash": hash }))
        .await
        .expect(204);
    gateway.connect(few("(|(uid=h0006)(uid=h0005))")).await;
    assert_eq!(differences(&acme).await, kept, "nothing is read again for it");
    assert_eq!(
        gateway.sync().await.outcome,
        Outcome::Held,
        "another plan than the approved one"
    );
    let other = head(&acme).await;
    assert_eq!(
        (
            &other["instead_of"]["hash"],
            &other["instead_of"]["gone"],
            &other["instead_of"]["new"]
        ),
        (&hash, &json!(1), &json!(0)),
        "{other:#}"
    );
    assert!(other["instead_of"]["approved"].is_string(), "{other:#}");
    assert_eq!(
        other["instead_of"]["examples"],
        json!([{ "how": "gone", "action": "suspend_missing", "name": "h0005" }])
    );
    let now = differences(&acme).await;
    assert_eq!(now.len() + 1, kept.len(), "the earlier plan's parts are gone");
    let hash = other["hash"].clone();
    acme.post(&format!("{CORP}/held/approve"), json!({ "hash": hash }))
        .await
        .expect(204);
    assert_eq!(gateway.sync().await.outcome, Outcome::Finished);
    assert_eq!(parts(&gateway).await, 0, "nothing is kept of what was done");
    acme.get(&format!("{CORP}/held/differences")).await.expect(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_that_is_discarded_leaves_nothing() {
    let Some((gateway, acme)) = held().await else { return };
    assert!(parts(&gateway).await > 0);
    acme.delete(&format!("{CORP}/held")).await.expect(200);
    assert_eq!(parts(&gateway).await, 0);
    acme.get("/api/v1/organisations/acme/verify").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_erased_is_in_no_held_plan() {
    let Some((gateway, acme)) = held().await else { return };
    // The members of a group that would go are told with the group.
    gateway
        .slapd
        .modify("dn: cn=crew,ou=groups,dc=example,dc=com\nchangetype: delete\n");
    assert_eq!(gateway.read(Reading::Whole).await.outcome, Outcome::Held);
    let before = differences(&acme).await;
    let says = |all: &[Value], name: &str| json!(all).to_string().contains(name);
    assert!(says(&before, "h0000") && says(&before, "h0001"), "{before:#?}");
    acme.post(
        "/api/v1/organisations/acme/users/h0000/erase",
        json!({ "confirm": "h0000" }),
    )
    .await
    .expect(200);
    let after = differences(&acme).await;
    assert!(!says(&after, "h0000"), "{after:#?}");
    assert!(says(&after, "h0001"), "others stay: {after:#?}");
    let crew = |all: &[Value]| all.iter().any(|step| step["name"] == "crew");
    assert!(crew(&before) && crew(&after), "the group's step stays");
    acme.get("/api/v1/organisations/acme/verify").await.expect(200);
}
