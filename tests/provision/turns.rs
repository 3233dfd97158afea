//! One run at a time, at the right times.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use serde_json::json;
use usher::directory::{DirectoryError, Operation, Unit, keys};
use usher::model::clock::SystemClock;
use usher::model::event::EventKind;
use usher::provision::lease::Lease;
use usher::provision::reading::Reading;
use usher::provision::run::{RunError, RunMode};
use usher::provision::schedule::{self, Scheduler};

use super::gateway::{Gateway, people};

/// Another node's lease.
struct HoldLease(TimeDelta);

#[async_trait::async_trait]
impl Operation for HoldLease {
    type Outcome = ();

    async fn attempt(&self, unit: &mut Unit) -> Result<(), DirectoryError> {
        let connection = "corporate".parse().expect("a slug");
        let lease = Lease {
            owner: unit.clock().uuid(),
            expires: unit.now() + self.0,
            fence: 7,
            is_released: false,
        };
        unit.put(keys::run(unit.organisation(), &connection, "lease"), &lease);
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_waits_for_no_other_and_takes_over_what_has_run_out() {
    let Some(gateway) = Gateway::start(&people("q", 3)).await else {
        return;
    };
    gateway.act(&HoldLease(TimeDelta::seconds(5))).await.expect("a lease");
    let error = gateway.run(RunMode::Apply).await.expect_err("another run");
    assert!(matches!(error, RunError::Busy { .. }));
    gateway.run(RunMode::DryRun).await.expect("a dry run needs no lease");
    gateway.clock.advance_days(1);
    assert_eq!(gateway.sync().await.changed, 3);
    let connection = "corporate".parse().expect("a slug");
    let leases: Vec<Lease> = gateway
        .records(keys::run(gateway.organisation, &connection, "lease"))
        .await;
    assert_eq!(leases[0].fence, 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_gateways_one_reads_the_changes_and_the_others_are_told_so() {
    let Some(gateway) = Gateway::start(&people("q", 20)).await else {
        return;
    };
    gateway.sync().await;
    let lease = async || -> Lease {
        let connection = "corporate".parse().expect("a slug");
        let leases = gateway.records(keys::run(gateway.organisation, &connection, "lease"));
        leases.await.remove(0)
    };
    for reading in [Reading::Changes, Reading::Presence] {
        gateway.slapd.modify(&format!(
            "dn: uid=q0000,ou=people,dc=example,dc=com\nchangetype: modify\nreplace: title\ntitle: {reading}\n"
        ));
        let before = lease().await.fence;
        let runs = (0..4).map(|_| gateway.run_reading(RunMode::Apply, reading));
        let outcomes = futures_util::future::join_all(runs).await;
        let ran = outcomes.iter().filter(|outcome| outcome.is_ok()).count() as u64;
        let is_turned_away = |outcome: &Result<_, RunError>| matches!(outcome, Err(RunError::Busy { .. }));
        assert!(
            outcomes
                .iter()
                .all(|outcome| outcome.is_ok() || is_turned_away(outcome)),
            "{outcomes:?}"
        );
        // Each that ran had the lease to itself.
        assert_eq!(lease().await.fence, before + ran);
        assert!(ran >= 1);
    }
    gateway.act(&HoldLease(TimeDelta::seconds(5))).await.expect("a lease");
    let before = (gateway.model().await, gateway.cursor().await);
    for reading in [Reading::Changes, Reading::Presence] {
        let error = gateway
            .run_reading(RunMode::Apply, reading)
            .await
            .expect_err("another run");
        assert!(matches!(error, RunError::Busy { .. }), "{error}");
    }
    assert_eq!((gateway.model().await, gateway.cursor().await), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_is_due_once_follows_the_settings_and_never_overlaps() {
    let Some(gateway) = Gateway::start("").await else {
        return;
    };
    gateway.connect(json!({ "schedule": "*/10 * * * *" })).await;
    let mut scheduler = Scheduler::new(gateway.directory.clone());
    let at = |time: &str| format!("2026-01-01T{time}Z").parse().expect("a time");
    let place = (gateway.organisation, "corporate".parse().expect("a slug"));
    let mut due = async |time: &str| scheduler.due(at(time)).await.expect("schedules").len();
    assert_eq!(due("00:01:00").await, 0, "a start is no reason to run");
    assert_eq!(due("00:10:00").await, 1);
    assert_eq!(due("00:20:00").await, 0, "the run is still at work");
    scheduler.ended(&place);
    let mut due = async |time: &str| scheduler.due(at(time)).await.expect("schedules").len();
    assert_eq!(due("00:25:00").await, 0, "the time that passed is left out");
    assert_eq!(due("00:30:00").await, 1);
    scheduler.ended(&place);
    gateway.connect(json!({ "schedule": "0 0 3 * * *" })).await;
    let mut due = async |time: &str| scheduler.due(at(time)).await.expect("schedules").len();
    assert_eq!(due("00:40:00").await, 0, "the settings have changed");
    assert_eq!(due("03:00:00").await, 1);
    scheduler.ended(&place);
    gateway.connect(json!({ "schedule": "whenever" })).await;
    assert_eq!(scheduler.due(at("04:00:00")).await.expect("schedules"), []);
    let error = schedule::next("whenever", at("00:00:00"))
        .expect_err("no schedule")
        .to_string();
    assert!(error.starts_with("schedule \"whenever\": "), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_larger_reading_does_for_the_smaller_and_is_never_left_out() {
    let Some(gateway) = Gateway::start("").await else {
        return;
    };
    let schedules =
        json!({ "schedule": "0 3 * * *", "presence_schedule": "0 * * * *", "changes_schedule": "* * * * *" });
    gateway.connect(schedules).await;
    let mut scheduler = Scheduler::new(gateway.directory.clone());
    let at = |time: &str| format!("2026-01-01T{time}Z").parse().expect("a time");
    let place = (gateway.organisation, "corporate".parse().expect("a slug"));
    let due = async |scheduler: &mut Scheduler, time: &str| {
        let due = scheduler.due(at(time)).await.expect("schedules");
        due.into_iter().map(|(_, reading)| reading).collect::<Vec<_>>()
    };
    assert_eq!(due(&mut scheduler, "01:58:30").await, []);
    assert_eq!(due(&mut scheduler, "01:59:00").await, [Reading::Changes]);
    assert_eq!(
        due(&mut scheduler, "03:00:00").await,
        [],
        "the changes are still being read"
    );
    scheduler.ended(&place);
    assert_eq!(
        due(&mut scheduler, "03:00:10").await,
        [Reading::Whole],
        "everything, which does for who is there and for what changed"
    );
    scheduler.ended(&place);
    assert_eq!(due(&mut scheduler, "03:00:20").await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_scheduler_runs_a_connection_by_itself_until_it_is_told_to_stop() {
    let Some(gateway) = Gateway::start(&people("q", 3)).await else {
        return;
    };
    gateway.connect(json!({ "schedule": "* * * * * *" })).await;
    let directory = usher::directory::Directory::new(gateway.store.clone(), Arc::new(SystemClock));
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let scheduler = Scheduler::new(directory).run(async { drop(stopped.await) });
    let scheduler = tokio::spawn(scheduler);
    let finished = async {
        while gateway.events(EventKind::SyncFinished).await == 0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), finished)
        .await
        .expect("a run within 30 seconds");
    assert_eq!(gateway.users().await.len(), 3);
    stop.send(()).expect("it listens");
    tokio::time::timeout(Duration::from_secs(5), scheduler)
        .await
        .expect("it stops")
        .expect("it does not crash");
}

/// The lease of a run whose process was killed is the only trace of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_was_broken_off_with_its_process_is_made_up_for_at_the_start() {
    let Some(gateway) = Gateway::start(&people("q", 3)).await else {
        return;
    };
    gateway.sync().await;
    assert_eq!(
        schedule::broken_off(&gateway.directory).await.expect("leases"),
        [],
        "a run that ended gave its lease back"
    );
    gateway.act(&HoldLease(TimeDelta::seconds(50))).await.expect("a lease");
    let error = gateway
        .run(RunMode::Apply)
        .await
        .expect_err("a run that seems to be at work");
    assert!(matches!(error, RunError::Busy { .. }));
    let place = (gateway.organisation, "corporate".parse().expect("a slug"));
    let broken_off = schedule::broken_off(&gateway.directory).await.expect("leases");
    assert_eq!(broken_off, std::slice::from_ref(&place));
    let mut scheduler = Scheduler::new(gateway.directory.clone()).making_up_for(broken_off);
    let now = gateway.directory.clock().now();
    assert_eq!(scheduler.due(now).await.expect("schedules"), [(place, Reading::Whole)]);
    gateway.sync().await;
    assert_eq!(schedule::broken_off(&gateway.directory).await.expect("leases"), []);
}
