//! A suspicious answer changes nothing, and waits for a person or ends as an error.

use serde_json::json;
use usher::directory::DirectoryError;
use usher::model::event::EventKind;
use usher::provision::brake::HoldReason;
use usher::provision::held::{Approve, Discard};
use usher::provision::reading::{Reading, WhyWhole};
use usher::provision::run::{Outcome, RunError, RunMode};
use usher::provision::state;

use super::gateway::{Gateway, group, people};
use crate::kit::tcp_proxy::{Cut, TcpProxy};

fn users(filter: &str) -> serde_json::Value {
    json!({ "ldap": { "users": { "base": "ou=people,dc=example,dc=com", "filter": filter } } })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_dies_in_the_middle_of_a_page_changes_nothing() {
    let Some(gateway) = Gateway::start(&people("b", 600)).await else {
        return;
    };
    gateway.sync().await;
    gateway
        .slapd
        .modify("dn: uid=b0599,ou=people,dc=example,dc=com\nchangetype: delete\n");
    let model = gateway.model().await;
    for cut in [Cut::CloseAfter(30_000), Cut::ResetAfter(60_000)] {
        let proxy = TcpProxy::start([127, 0, 0, 1].into(), gateway.slapd.address(), cut).await;
        let plain = json!({ "ldap": {
            "urls": [format!("ldap://{}", proxy.address())], "allow_plain": true, "page_size": 100,
        } });
        gateway.connect(plain).await;
        let error = gateway.run(RunMode::Apply).await.expect_err("a broken reading");
        assert!(matches!(error, RunError::Snapshot { .. }), "{error}");
        assert_eq!(gateway.model().await, model);
    }
    let connection = "corporate".parse().expect("a slug");
    let known = state::load(&gateway.directory, gateway.organisation, &connection)
        .await
        .expect("a read");
    let known = known.expect("a state");
    assert!(known.last_error.is_some() && known.last_good.is_some());

    gateway.connect(json!({})).await;
    let after = gateway.sync().await;
    assert_eq!(
        after.changed, 1,
        "the lease of the failed runs is free, and the leaver is seen"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_answer_is_held_until_a_person_approves_that_very_plan() {
    let ldif = people("b", 3) + &group("crew", &["uid=b0000,ou=people"]);
    let Some(gateway) = Gateway::start(&ldif).await else {
        return;
    };
    gateway.sync().await;
    let model = gateway.model().await;
    gateway.connect(users("(objectClass=inetorgpersom)")).await;
    let held = gateway.sync().await;
    assert_eq!(held.outcome, Outcome::Held);
    assert!(
        matches!(held.held[0], HoldReason::Empty { linked: 3, .. }),
        "{:?}",
        held.held
    );
    let again = gateway.sync().await;
    assert_eq!((again.outcome, &again.plan_hash), (Outcome::Held, &held.plan_hash));
    assert_eq!(gateway.model().await, model);
    assert_eq!(
        gateway.events(EventKind::SyncHeld).await,
        1,
        "one plan is announced once"
    );

    let connection: usher::model::slug::Slug = "corporate".parse().expect("a slug");
    let waiting = state::held(&gateway.directory, gateway.organisation, &connection)
        .await
        .expect("a read");
    assert_eq!(waiting.expect("a held plan").hash, held.plan_hash);
    let approve = |hash: &str| Approve {
        connection: connection.clone(),
        hash: hash.to_owned(),
    };
    let refused = gateway.act(&approve("another")).await.expect_err("another plan");
    assert!(matches!(refused, DirectoryError::NotFound { .. }));
    assert_eq!(gateway.sync().await.outcome, Outcome::Held);
    gateway.act(&approve(&held.plan_hash)).await.expect("approved");
    let applied = gateway.sync().await;
    assert_eq!(
        (applied.outcome, applied.plan_hash),
        (Outcome::Finished, held.plan_hash)
    );
    assert!(gateway.users().await.values().all(|user| !user.is_active()));
    let waiting = state::held(&gateway.directory, gateway.organisation, &connection)
        .await
        .expect("a read");
    assert_eq!(waiting, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_base_that_is_not_there_is_an_error_and_a_halved_answer_is_held() {
    let Some(gateway) = Gateway::start(&people("b", 20)).await else {
        return;
    };
    gateway.sync().await;
    let model = gateway.model().await;
    let base = "ou=peepul,dc=example,dc=com";
    gateway
        .connect(json!({ "ldap": { "users": { "base": base, "filter": "(objectClass=*)" } } }))
        .await;
    let error = gateway.run(RunMode::Apply).await.expect_err("no such base");
    assert!(error.to_string().contains("reading people"), "{error}");

    gateway.connect(users("(uid=b000*)")).await;
    assert_eq!(
        gateway.sync().await.outcome,
        Outcome::Finished,
        "half is not less than half"
    );
    gateway.connect(users("(objectClass=inetOrgPerson)")).await;
    gateway.sync().await;
    assert_eq!(gateway.users().await.len(), 20);
    let whole = gateway.model().await;
    assert_ne!(whole, model, "they were suspended and came back");
    gateway.connect(users("(|(uid=b000*)(uid=b0011))")).await;
    gateway.sync().await;
    gateway.connect(users("(uid=b0001)")).await;
    let held = gateway.sync().await;
    assert!(
        matches!(held.held[0], HoldReason::Drop { before: 11, now: 1, .. }),
        "{:?}",
        held.held
    );
    let discard = Discard {
        connection: "corporate".parse().expect("a slug"),
    };
    assert!(gateway.act(&discard).await.expect("discarded"));
    assert_eq!(gateway.sync().await.outcome, Outcome::Held, "the next run judges anew");
}

#[tokio::test(flavor = "multi_thread")]
async fn suspensions_and_removals_above_count_and_percentage_are_held() {
    let members: Vec<String> = (0..40).map(|number| format!("uid=b{number:04},ou=people")).collect();
    let members: Vec<&str> = members.iter().map(String::as_str).collect();
    let Some(gateway) = Gateway::start(&(people("b", 40) + &group("all", &members))).await else {
        return;
    };
    gateway.sync().await;
    let brake = |suspensions: u32, percent: u32| {
        let mut settings = users("(!(uid=b000*))");
        settings["brake"] = json!({ "suspensions": suspensions, "percent": percent, "removals_per_group": 100 });
        settings
    };
    for (suspensions, percent) in [(9, 24), (10, 10), (9, 25)] {
        gateway.connect(brake(suspensions, percent)).await;
        let dry = gateway.run(RunMode::DryRun).await.expect("a dry run");
        let what = "people".to_owned();
        let expected = [HoldReason::Suspensions {
            what,
            count: 10,
            of: 40,
        }];
        let expected = if (suspensions, percent) == (9, 24) {
            &expected[..]
        } else {
            &[]
        };
        assert_eq!(dry.held, expected, "{suspensions} {percent}");
    }
    // A class with a percentage of its own is not judged by the shared one, in either direction.
    for (own, is_held) in [(24, true), (25, false)] {
        for shared in [0, 100] {
            let mut settings = brake(9, shared);
            settings["brake"]["suspensions_percent"] = json!(own);
            settings["brake"]["removals_per_group_percent"] = json!(100);
            gateway.connect(settings).await;
            let dry = gateway.run(RunMode::DryRun).await.expect("a dry run");
            assert_eq!(!dry.held.is_empty(), is_held, "{own} {shared}: {:?}", dry.held);
        }
    }
    let mut settings = brake(100, 5);
    settings["brake"]["removals_per_group"] = json!(5);
    gateway.connect(settings).await;
    let held = gateway.sync().await;
    assert!(
        matches!(held.held[..], [HoldReason::Removals { count: 10, of: 40, .. }]),
        "{:?}",
        held.held
    );
    assert_eq!(gateway.groups().await["all"].len(), 40);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_at_all_is_held_whatever_was_read_and_at_the_first_run_too() {
    let ldif = people("b", 6) + &group("crew", &["uid=b0000,ou=people"]);
    let Some(gateway) = Gateway::start(&ldif).await else {
        return;
    };
    gateway.connect(users("(objectClass=inetorgpersom)")).await;
    let first = gateway.read(Reading::Presence).await;
    assert_eq!(first.outcome, Outcome::Held);
    assert!(
        matches!(first.held[0], HoldReason::Empty { linked: 0, .. }),
        "{:?}",
        first.held
    );
    let discard = Discard {
        connection: "corporate".parse().expect("a slug"),
    };
    gateway.connect(users("(objectClass=inetOrgPerson)")).await;
    assert!(gateway.act(&discard).await.expect("discarded"));
    assert_eq!(gateway.sync().await.outcome, Outcome::Finished);
    let model = gateway.model().await;

    // A filter that takes nobody, and then a right that was lost: the settings are as before, and nobody is seen.
    gateway.connect(users("(objectClass=inetorgpersom)")).await;
    let held = gateway.read(Reading::Presence).await;
    assert_eq!(
        (held.outcome, held.why_whole),
        (Outcome::Held, Some(WhyWhole::Settings))
    );
    gateway.connect(users("(objectClass=inetOrgPerson)")).await;
    assert!(gateway.act(&discard).await.expect("discarded"));
    assert_eq!(gateway.model().await, model);
    let after = gateway.read(Reading::Changes).await;
    assert_eq!(
        after.why_whole,
        Some(WhyWhole::Held),
        "what was discarded is judged anew as a whole"
    );
    assert_eq!(gateway.read(Reading::Presence).await.why_whole, None);
    let moved = "dn: ou=people,dc=example,dc=com\nchangetype: modrdn\nnewrdn: ou=folk\ndeleteoldrdn: 1\n\n\
                 dn: ou=people,dc=example,dc=com\nchangetype: add\nobjectClass: organizationalUnit\nou: people\n";
    gateway.slapd.modify(moved);
    let held = gateway.read(Reading::Presence).await;
    assert_eq!((held.outcome, held.why_whole), (Outcome::Held, Some(WhyWhole::Brake)));
    assert!(
        matches!(held.held[0], HoldReason::Empty { linked: 6, .. }),
        "{:?}",
        held.held
    );
    assert_eq!(gateway.model().await, model);
}
