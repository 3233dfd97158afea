//! A gateway that stays connected follows a directory by itself, in the order of the changes, within moments.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use usher::directory::Directory;
use usher::model::clock::SystemClock;
use usher::model::event::EventKind;
use usher::provision::schedule::Scheduler;

use super::gateway::Gateway;
use crate::kit::real_directory::{RealDirectory, on_one_server};

/// Far above the second that is meant, for machines that do ten other things. The second itself is measured by
/// `tests/bench/stay_connected`.
const PATIENCE: Duration = Duration::from_secs(20);
/// Changes one after the other.
const CHANGES: usize = 5;

on_one_server!(
    openldap,
    OpenLdap,
    a_connection_that_stays_connected_follows_within_moments
);
on_one_server!(ds389, Ds389, a_connection_that_stays_connected_follows_within_moments);

/// How long until the gateway has it.
async fn until(what: &str, mut has_arrived: impl AsyncFnMut() -> bool) -> Duration {
    let begun = Instant::now();
    let arrived = async {
        while !has_arrived().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let arrived = tokio::time::timeout(PATIENCE, arrived).await;
    arrived.unwrap_or_else(|_| panic!("{what} does not arrive"));
    begun.elapsed()
}

async fn a_connection_that_stays_connected_follows_within_moments(directory: RealDirectory) {
    directory.add_people(&["ada", "bob", "cat"]);
    directory.add_group("crew", &[directory.dn("ada")]);
    let gateway = Gateway::over(directory).await;
    gateway.connect(json!({ "ldap": { "stay_connected": true } })).await;
    gateway.sync().await;
    let (real, runs) = (gateway.real(), gateway.events(EventKind::SyncFinished).await);
    let shared = Directory::new(gateway.store.clone(), Arc::new(SystemClock));
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let scheduler = tokio::spawn(Scheduler::new(shared).run(async { drop(stopped.await) }));
    let title = async |name: &str| {
        gateway.users().await[&real.login(name)]
            .attributes
            .get("title")
            .cloned()
    };
    // The first may find the gateway on its way to the server.
    real.replace(&real.dn("ada"), "title", "Captain 0");
    until("the first change", async || {
        title("ada").await == Some(json!("Captain 0"))
    })
    .await;
    let mut took = Vec::new();
    for number in 1..=CHANGES {
        let wanted = format!("Captain {number}");
        real.replace(&real.dn("ada"), "title", &wanted);
        took.push(until(&wanted, async || title("ada").await == Some(json!(wanted))).await);
    }
    eprintln!("{:?}: changes were there after {took:?}", real.kind());

    // What belongs together is not torn apart: somebody new, and then the membership.
    real.add_people(&["dan"]);
    real.add_member("crew", &real.dn("dan"));
    let dan = real.login("dan");
    let joined = until("the membership", async || {
        let (users, groups) = (gateway.users().await, gateway.groups().await);
        let is_member = groups["crew"].contains(&dan);
        assert!(
            !is_member || users.contains_key(&dan),
            "nobody is a member before being there"
        );
        is_member
    });
    eprintln!(
        "{:?}: somebody new was in a group after {:?}",
        real.kind(),
        joined.await
    );

    real.delete(&real.dn("bob"));
    let gone = until("the deletion", async || {
        !gateway.users().await[&real.login("bob")].is_active()
    })
    .await;
    eprintln!("{:?}: somebody deleted was suspended after {gone:?}", real.kind());
    assert!(
        gateway.events(EventKind::SyncFinished).await > runs,
        "each by a run of its own, with brake and history"
    );
    stop.send(()).expect("it listens");
    scheduler.await.expect("it does not crash");
}
