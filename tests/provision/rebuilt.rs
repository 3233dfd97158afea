//! Changes that a rebuilt directory shows: other ids under the same names, other names, half of everything gone.

use serde_json::{Value, json};
use usher::provision::brake::HoldReason;
use usher::provision::reading::{Reading, WhyWhole};
use usher::provision::run::{Outcome, RunMode};
use uuid::Uuid;

use super::gateway::{Gateway, group, people};
use crate::kit::slapd::Slapd;

/// The same entries with other stable ids.
fn rebuilt(ldif: &str) -> String {
    let line = |line: &str| match line.strip_prefix("entryUUID: ") {
        Some(_) => format!("entryUUID: {}\n", Uuid::now_v7()),
        None => format!("{line}\n"),
    };
    ldif.lines().map(line).collect()
}

/// Nothing else stops the run.
fn brake(more: &Value) -> Value {
    let mut brake = json!({ "deletions": 1000, "suspensions": 1000, "removals_per_group": 1000 });
    let more = more.as_object().expect("settings").clone();
    brake.as_object_mut().expect("an object").extend(more);
    json!({ "brake": brake })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_with_other_ids_under_the_same_names_is_held() {
    let groups: String = (0..12)
        .map(|number| group(&format!("g{number}"), &["uid=b0000,ou=people"]))
        .collect();
    let ldif = people("b", 30) + &groups;
    let Some(gateway) = Gateway::start(&ldif).await else {
        return;
    };
    gateway.sync().await;
    let model = gateway.model().await;
    let Some(other) = Slapd::start(&rebuilt(&ldif)) else {
        return;
    };
    let mut settings = brake(&json!({}));
    settings["ldap"] = json!({
        "urls": [format!("ldaps://{}", other.tls_address())], "ca_file": other.ca_file(),
    });
    gateway.connect(settings.clone()).await;
    let held = gateway.sync().await;
    let expected = |what: &str, count| HoldReason::IdChanges {
        what: what.to_owned(),
        count,
        of: count,
    };
    assert_eq!(held.outcome, Outcome::Held);
    assert_eq!(held.held, [expected("people", 30), expected("groups", 12)]);
    assert_eq!(gateway.model().await, model);
    assert!(held.plan.to_string().contains("id_changed"), "{}", held.plan);

    settings["brake"]["id_changes"] = json!(30);
    gateway.connect(settings).await;
    let dry = gateway.run(RunMode::DryRun).await.expect("a dry run");
    assert_eq!(dry.held, [], "the setting is the bound");
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_that_change_between_two_readings_of_changes_make_it_a_whole_one_that_is_held() {
    let Some(gateway) = Gateway::start(&people("b", 30)).await else {
        return;
    };
    gateway.connect(brake(&json!({}))).await;
    gateway.sync().await;
    let model = gateway.model().await;
    for number in 0..12 {
        let dn = format!("dn: uid=b{number:04},ou=people,dc=example,dc=com\nchangetype:");
        let entry = format!("objectClass: inetOrgPerson\nuid: b{number:04}\ncn: b\nsn: b\n");
        gateway.slapd.modify(&format!("{dn} delete\n\n{dn} add\n{entry}"));
    }
    let held = gateway.read(Reading::Changes).await;
    assert_eq!((held.outcome, held.reading), (Outcome::Held, Reading::Whole));
    assert!(matches!(held.why_whole, Some(WhyWhole::Brake)), "{:?}", held.why_whole);
    assert!(
        matches!(held.held[..], [HoldReason::IdChanges { count: 12, of: 30, .. }]),
        "{:?}",
        held.held
    );
    assert_eq!(gateway.model().await, model);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_person_who_comes_back_under_another_id_does_not_stop_a_run() {
    let Some(gateway) = Gateway::start(&people("b", 30)).await else {
        return;
    };
    gateway.sync().await;
    let dn = "dn: uid=b0000,ou=people,dc=example,dc=com\nchangetype:";
    let entry = "objectClass: inetOrgPerson\nuid: b0000\ncn: b\nsn: b\n";
    gateway.slapd.modify(&format!("{dn} delete\n\n{dn} add\n{entry}"));
    let report = gateway.sync().await;
    assert_eq!((report.outcome, report.plan.id_changes.len()), (Outcome::Finished, 1));
    let again = gateway.sync().await;
    assert_eq!(again.plan.id_changes, [], "an exchange is counted once");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_new_names_at_once_are_held() {
    let Some(gateway) = Gateway::start(&people("b", 30)).await else {
        return;
    };
    gateway.sync().await;
    let rename = |number: usize| {
        format!(
            "dn: uid=b{number:04},ou=people,dc=example,dc=com\nchangetype: modrdn\nnewrdn: uid=c{number:04}\ndeleteoldrdn: 1\n\n"
        )
    };
    gateway.slapd.modify(&(0..21).map(rename).collect::<String>());
    let model = gateway.model().await;
    for reading in [Reading::Changes, Reading::Whole] {
        let held = gateway.read(reading).await;
        let what = "people".to_owned();
        assert_eq!(
            held.held,
            [HoldReason::Renames {
                what,
                count: 21,
                of: 30
            }]
        );
        assert_eq!(gateway.model().await, model);
    }
    gateway.connect(json!({ "brake": { "renames": 21 } })).await;
    assert_eq!(gateway.sync().await.outcome, Outcome::Finished);
    assert!(gateway.users().await.contains_key("c0020"));
}

#[tokio::test(flavor = "multi_thread")]
async fn how_much_may_be_missing_is_a_setting_and_nothing_at_all_always_stops() {
    let Some(gateway) = Gateway::start(&people("b", 20)).await else {
        return;
    };
    gateway.sync().await;
    let only = |filter: &str, drop: u32| {
        let mut settings = brake(&json!({ "drop_percent": drop }));
        settings["ldap"] = json!({ "users": { "base": "ou=people,dc=example,dc=com", "filter": filter } });
        settings
    };
    for (drop, is_held) in [(49, true), (50, false), (100, false)] {
        gateway.connect(only("(uid=b000*)", drop)).await;
        let dry = gateway.run(RunMode::DryRun).await.expect("a dry run");
        assert_eq!(!dry.held.is_empty(), is_held, "{drop}: {:?}", dry.held);
    }
    gateway.connect(only("(uid=nobody)", 100)).await;
    assert_eq!(gateway.sync().await.outcome, Outcome::Held);
}
