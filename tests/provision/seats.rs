//! A run never takes a seat too many, and says before who will get none.

use serde_json::json;
use usher::provision::failure::FailureReason;
use usher::provision::run::RunMode;
use usher::provision::state;

use super::gateway::{Gateway, people};

async fn start(when_full: serde_json::Value) -> Option<Gateway> {
    let gateway = Gateway::start(&people("s", 20)).await?;
    gateway
        .declare_licence(json!({ "key": "pro", "name": "Pro", "limit": 10, "when_full": when_full }))
        .await;
    gateway.connect(json!({ "licences": ["pro"] })).await;
    Some(gateway)
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_seats_for_twenty_people_let_ten_in_and_list_the_others() {
    let Some(gateway) = start(json!("refuse")).await else {
        return;
    };
    let dry = gateway.run(RunMode::DryRun).await.expect("a dry run");
    let seats = &dry.seats[0];
    assert_eq!(
        (seats.used, seats.limit, seats.needed, seats.short),
        (0, Some(10), 20, 10)
    );
    let report = gateway.sync().await;
    assert_eq!((report.changed, report.failures.len()), (10, 10));
    assert_eq!(report.failures, dry.failures, "all of them were foreseen");
    for failure in &report.failures {
        assert!(
            matches!(
                failure.reason,
                FailureReason::NoSeat {
                    used: 10,
                    limit: 10,
                    ..
                }
            ),
            "{failure:?}"
        );
    }
    assert_eq!(gateway.users().await.len(), 10);
    let connection = "corporate".parse().expect("a slug");
    let kept = state::failures(&gateway.directory, gateway.organisation, &connection)
        .await
        .expect("a list");
    assert_eq!((kept.total, kept.failures), (10, report.failures));

    gateway
        .declare_licence(json!({ "key": "pro", "name": "Pro", "limit": 15 }))
        .await;
    let later = gateway.sync().await;
    assert_eq!(
        (later.changed, later.failures.len()),
        (5, 5),
        "the list is tried again by itself"
    );
    assert_eq!(gateway.users().await.len(), 15);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_queue_everyone_is_stored_and_ten_wait() {
    let Some(gateway) = start(json!("wait")).await else {
        return;
    };
    let report = gateway.sync().await;
    assert_eq!((report.changed, report.failures.len()), (20, 0));
    let users = gateway.users().await;
    let waiting = users
        .values()
        .filter(|user| user.licences.values().any(|claim| claim.is_waiting()));
    assert_eq!(waiting.count(), 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seat_that_is_freed_in_a_run_is_taken_in_the_same_run() {
    let Some(gateway) = start(json!("refuse")).await else {
        return;
    };
    gateway.sync().await;
    let seated = gateway.users().await.into_keys().next().expect("somebody");
    gateway.slapd.modify(&format!(
        "dn: uid={seated},ou=people,dc=example,dc=com\nchangetype: modify\nadd: pwdAccountLockedTime\n\
         pwdAccountLockedTime: 000001010000Z\n"
    ));
    let report = gateway.sync().await;
    assert_eq!(
        (report.changed, report.failures.len()),
        (2, 9),
        "one is suspended, one comes in"
    );
    assert_eq!((report.seats[0].freed, report.seats[0].short), (1, 9));
}
