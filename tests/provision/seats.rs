//! A run never takes a seat too many, and says before who will get none.

use std::collections::BTreeSet;

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde_json::json;
use usher::directory::keys::Count;
use usher::provision::failure::{FailureReason, list};
use usher::provision::run::{RunMode, RunReport};

use super::gateway::{Gateway, MakeGroup, group, people};
use crate::kit::scim::slug;

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
    let kept = list::page(&gateway.directory, gateway.organisation, &connection, None, 100)
        .await
        .expect("a list");
    let kept: Vec<_> = kept.into_iter().map(|(_, listed)| listed.failure).collect();
    assert_eq!(kept, report.failures);

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

fn modify_group(name: &str, how: &str, member: &str) -> String {
    format!(
        "dn: cn={name},ou=groups,dc=example,dc=com\nchangetype: modify\n{how}: member\n\
         member: uid={member},ou=people,dc=example,dc=com\n\n"
    )
}

impl Gateway {
    async fn in_use(&self, licence: &str) -> i64 {
        let count = [Count::Seats(slug(licence))];
        let counts = self.directory.browse_counts(self.organisation, &count).await;
        counts.expect("a read")[0]
    }

    /// A run that does what the dry run before it said, to the seat.
    async fn foreseen(&self, what: &str) -> RunReport {
        let dry = self.run(RunMode::DryRun).await.expect("a dry run");
        let report = self.sync().await;
        assert_eq!(report.plan_hash, dry.plan_hash, "{what}");
        assert_eq!((&report.seats, &report.failures), (&dry.seats, &dry.failures), "{what}");
        for seat in &dry.seats {
            assert_eq!(self.in_use(seat.licence.as_str()).await, seat.after, "{what}: {seat:?}");
        }
        report
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seat_that_is_freed_by_leaving_a_team_is_foreseen() {
    let Some(gateway) = Gateway::start(&(people("s", 3) + &group("paid", &["uid=s0000,ou=people"]))).await else {
        return;
    };
    gateway
        .declare_licence(json!({ "key": "pro", "name": "Pro", "limit": 1, "when_full": "refuse" }))
        .await;
    let team = MakeGroup {
        name: "Payers",
        licences: &["pro"],
    };
    gateway.act(&team).await.expect("a group");
    gateway
        .connect(json!({ "grants": [{ "when": "'paid' in groups", "teams": ["Payers"] }] }))
        .await;
    assert_eq!(gateway.foreseen("one comes").await.seats[0].after, 1);
    gateway
        .slapd
        .modify(&(modify_group("paid", "add", "s0001") + &modify_group("paid", "delete", "s0000")));
    let report = gateway.foreseen("one goes and another comes").await;
    let seat = &report.seats[0];
    assert_eq!(
        (seat.used, seat.needed, seat.freed, seat.short, seat.after),
        (1, 1, 1, 0, 1)
    );
    assert!(
        report
            .plan
            .to_string()
            .contains("1 needed, 1 freed, 0 short, then 1 in use")
    );
    gateway.slapd.modify(&modify_group("paid", "add", "s0002"));
    let report = gateway.foreseen("one too many").await;
    assert_eq!((report.seats[0].short, report.failures.len()), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn seats_that_a_group_of_the_directory_gives_are_foreseen() {
    let members = ["uid=s0000,ou=people", "uid=s0001,ou=people"];
    let Some(gateway) = Gateway::start(&(people("s", 4) + &group("crew", &members))).await else {
        return;
    };
    gateway
        .declare_licence(json!({ "key": "pro", "name": "Pro", "limit": 2, "when_full": "refuse" }))
        .await;
    let crew = MakeGroup {
        name: "crew",
        licences: &["pro"],
    };
    gateway.act(&crew).await.expect("a group");
    gateway
        .connect(json!({ "matching": { "by": ["user_name"], "adoption": "adopt" } }))
        .await;
    let seat = &gateway.foreseen("two come").await.seats[0];
    assert_eq!((seat.needed, seat.after), (2, 2));
    gateway.slapd.modify(&modify_group("crew", "add", "s0002"));
    let report = gateway.foreseen("one too many").await;
    let reason = &report.failures[0].reason;
    assert!(
        matches!(reason, FailureReason::MembersWithoutSeat { count: 1, .. }),
        "{reason:?}"
    );
    assert_eq!(
        (report.changed, report.seats[0].short),
        (0, 1),
        "nothing can be done yet"
    );
    gateway.slapd.modify(&modify_group("crew", "delete", "s0000"));
    let report = gateway.foreseen("one goes").await;
    assert_eq!(
        (report.failures.len(), report.seats[0].freed, report.seats[0].after),
        (0, 1, 2)
    );
    assert_eq!(
        gateway.groups().await["crew"].iter().collect::<Vec<_>>(),
        ["s0001", "s0002"]
    );
    let lock = "dn: uid=s0001,ou=people,dc=example,dc=com\nchangetype: modify\nadd: pwdAccountLockedTime\n\
                pwdAccountLockedTime: 000001010000Z\n\n";
    gateway
        .slapd
        .modify(&(lock.to_owned() + &modify_group("crew", "delete", "s0001")));
    let seat = &gateway.foreseen("one is suspended and leaves").await.seats[0];
    assert_eq!((seat.freed, seat.after), (1, 1), "the seat is freed once");
}

/// Rounds of a random history.
const ROUNDS: usize = 12;

#[tokio::test(flavor = "multi_thread")]
async fn whatever_happens_the_dry_run_knows_the_seats() {
    for (seed, when_full) in [
        (1, json!("refuse")),
        (2, json!("wait")),
        (3, json!({ "fallback": "basic" })),
    ] {
        let keeper = ["uid=s0000,ou=people"];
        let ldif = people("s", 8) + &group("crew", &keeper) + &group("fleet", &keeper) + &group("paid", &keeper);
        let Some(gateway) = Gateway::start(&ldif).await else {
            return;
        };
        gateway
            .declare_licence(json!({ "key": "basic", "name": "Basic", "limit": 3, "when_full": "refuse" }))
            .await;
        gateway
            .declare_licence(json!({ "key": "pro", "name": "Pro", "limit": 3, "when_full": when_full }))
            .await;
        for made in [
            MakeGroup {
                name: "crew",
                licences: &["pro"],
            },
            MakeGroup {
                name: "fleet",
                licences: &["basic", "pro"],
            },
            MakeGroup {
                name: "Payers",
                licences: &["pro"],
            },
        ] {
            gateway.act(&made).await.expect("a group");
        }
        let rule = |licences: &[&str]| {
            json!({
                "matching": { "by": ["user_name"], "adoption": "adopt" },
                "brake": { "suspensions": 100, "removals_per_group": 100, "deletions": 100, "renames": 100 },
                "grants": [{ "when": "'paid' in groups", "teams": ["Payers"], "licences": licences }],
            })
        };
        gateway.connect(rule(&[])).await;
        let mut random = StdRng::seed_from_u64(seed);
        let mut members: BTreeSet<(&str, usize)> = BTreeSet::new();
        let mut locked: BTreeSet<usize> = BTreeSet::new();
        gateway.foreseen("the first run").await;
        for round in 0..ROUNDS {
            let mut ldif = String::new();
            for _ in 0..random.random_range(1..5) {
                let number = random.random_range(1..8);
                let name = format!("s{number:04}");
                let group = ["crew", "fleet", "paid"][random.random_range(0..3)];
                match random.random_range(0..5) {
                    0 => {
                        let (how, value) = match locked.remove(&number) {
                            true => ("delete", ""),
                            false => ("add", "pwdAccountLockedTime: 000001010000Z\n"),
                        };
                        if how == "add" {
                            locked.insert(number);
                        }
                        let dn = format!("uid={name},ou=people,dc=example,dc=com");
                        let modify = format!("dn: {dn}\nchangetype: modify\n{how}: pwdAccountLockedTime\n{value}\n");
                        ldif.push_str(&modify);
                    }
                    _ if members.remove(&(group, number)) => ldif.push_str(&modify_group(group, "delete", &name)),
                    _ => {
                        members.insert((group, number));
                        ldif.push_str(&modify_group(group, "add", &name));
                    }
                }
            }
            if random.random_range(0..4) == 0 {
                gateway.connect(rule([&["basic"][..], &[]][round % 2])).await;
            }
            gateway.slapd.modify(&ldif);
            gateway.foreseen(&format!("seed {seed}, round {round}: {ldif}")).await;
        }
    }
}
