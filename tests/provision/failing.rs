//! An entry that cannot be used is left as it is: its memberships too.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::json;
use usher::provision::history::{self, Ended};
use usher::provision::progress::Progress;
use usher::provision::reading::Reading;
use usher::provision::run::{Outcome, RunError, RunMode, SyncRun};
use usher::provision::state;

use super::gateway::{Gateway, group, people, person};
use crate::kit::scim::slug;

/// `mail` names the user, so that an entry can lose its name without losing its DN.
fn named_by_mail() -> serde_json::Value {
    json!({ "mapping": [{ "to": "userName", "from": "mail" }] })
}

fn mails(uids: &[&str]) -> BTreeSet<String> {
    uids.iter().map(|uid| format!("{uid}@example.com")).collect()
}

const CREW: &str = "dn: cn=crew,ou=groups,dc=example,dc=com\nchangetype: modify\n";

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_can_no_longer_be_mapped_keeps_its_memberships() {
    let ldif = people("f", 3) + &group("crew", &["uid=f0000,ou=people", "uid=f0001,ou=people"]);
    let Some(gateway) = Gateway::start(&ldif).await else {
        return;
    };
    gateway.connect(named_by_mail()).await;
    gateway.sync().await;
    let person = "dn: uid=f0001,ou=people,dc=example,dc=com\nchangetype: modify\n";
    gateway.slapd.modify(&format!("{person}delete: mail\n"));
    let report = gateway.sync().await;
    assert_eq!((report.changed, report.failures.len()), (0, 1), "{:?}", report.failures);
    assert_eq!(report.plan.dangling.count, 0);
    assert_eq!(gateway.groups().await["crew"], mails(&["f0000", "f0001"]));

    gateway.slapd.modify(&format!(
        "{CREW}add: member\nmember: uid=f0002,ou=people,dc=example,dc=com\n-\n\
         delete: member\nmember: uid=f0001,ou=people,dc=example,dc=com\n"
    ));
    assert_eq!(gateway.sync().await.classes.members_added, 1);
    assert_eq!(gateway.groups().await["crew"], mails(&["f0000", "f0001", "f0002"]));
    assert_eq!(gateway.sync().await.changed, 0, "nothing is done twice");

    gateway
        .slapd
        .modify(&format!("{person}add: mail\nmail: f0001@example.com\n"));
    assert_eq!(gateway.sync().await.failures, []);
    assert_eq!(
        gateway.groups().await["crew"],
        mails(&["f0000", "f0002"]),
        "what was left for later is done when the entry is good again"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_by_uid_who_has_lost_it_stays() {
    let crew = "dn: cn=crew,ou=groups,dc=example,dc=com\nobjectClass: posixGroup\ncn: crew\ngidNumber: 700\n\
                memberUid: f0000\nmemberUid: f0001\n\n";
    let renamed = "dn: cn=f0001,ou=people,dc=example,dc=com\nobjectClass: inetOrgPerson\nuid: f0001\ncn: f0001\n\
                   sn: F\nmail: f0001@example.com\n\n";
    let Some(gateway) = Gateway::start(&(person("f0000", "") + renamed + crew)).await else {
        return;
    };
    gateway
        .connect(json!({ "mapping": [{ "to": "userName", "from": "uid" }] }))
        .await;
    gateway.sync().await;
    let both = BTreeSet::from(["f0000".to_owned(), "f0001".to_owned()]);
    assert_eq!(gateway.groups().await["crew"], both);
    gateway
        .slapd
        .modify("dn: cn=f0001,ou=people,dc=example,dc=com\nchangetype: modify\ndelete: uid\n");
    let report = gateway.sync().await;
    assert_eq!((report.changed, report.failures.len()), (0, 1), "{:?}", report.failures);
    assert_eq!(gateway.groups().await["crew"], both);
}

#[tokio::test(flavor = "multi_thread")]
async fn people_below_a_group_without_a_name_stay_in_the_groups_above() {
    let ldif = people("f", 2)
        + "dn: o=inner,ou=groups,dc=example,dc=com\nobjectClass: organization\nobjectClass: extensibleObject\no: inner\n\
           cn: inner\nmember: uid=f0001,ou=people,dc=example,dc=com\n\n"
        + &group("crew", &["uid=f0000,ou=people", "o=inner,ou=groups"]);
    let Some(gateway) = Gateway::start(&ldif).await else {
        return;
    };
    gateway
        .connect(json!({ "ldap": { "groups": { "base": "ou=groups,dc=example,dc=com", "filter": "(member=*)" } } }))
        .await;
    gateway.sync().await;
    let before = gateway.groups().await;
    assert_eq!(before["crew"].len(), 2);
    gateway
        .slapd
        .modify("dn: o=inner,ou=groups,dc=example,dc=com\nchangetype: modify\ndelete: cn\n");
    let report = gateway.sync().await;
    assert_eq!((report.changed, report.failures.len()), (0, 1), "{:?}", report.failures);
    assert_eq!(gateway.groups().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_crashes_while_it_plans_or_applies_is_a_failed_run_and_the_next_one_goes_on() {
    let Some(gateway) = Gateway::start(&people("f", 3)).await else {
        return;
    };
    let corporate = slug("corporate");
    let crashes: [fn(&Progress) -> bool; 2] = [
        |progress| matches!(progress, Progress::Planned { .. }),
        |progress| matches!(progress, Progress::Applying { .. }),
    ];
    for (number, is_the_moment) in crashes.into_iter().enumerate() {
        let report =
            Arc::new(move |progress: Progress| assert!(!is_the_moment(&progress), "a fault of whoever is told"));
        let (directory, organisation) = (&gateway.directory, gateway.organisation);
        let run = SyncRun::execute(
            directory,
            organisation,
            &corporate,
            RunMode::Apply,
            Reading::Whole,
            report,
        );
        let error = run.await.expect_err("a crash");
        assert!(matches!(error, RunError::Crashed), "{error}");
        let runs = history::load(directory, organisation, &corporate)
            .await
            .expect("a history");
        assert_eq!((runs.len(), runs[0].outcome), (number + 1, Ended::Failed));
        assert!(
            runs[0].error.as_ref().is_some_and(|error| error.contains("crashed")),
            "{:?}",
            runs[0].error
        );
        let state = state::load(directory, organisation, &corporate).await.expect("a read");
        assert!(state.expect("a state").last_error.is_some());
    }
    assert_eq!(gateway.users().await.len(), 3, "what was applied stays");
    let next = gateway.sync().await;
    assert_eq!(
        (next.outcome, next.entries.people.skipped),
        (Outcome::Finished, 3),
        "the lease is free"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_says_of_memberships_too_what_was_read_changed_skipped_and_left() {
    let ldif = people("f", 4)
        + &group(
            "crew",
            &["uid=f0000,ou=people", "uid=f0001,ou=people", "uid=f0002,ou=people"],
        );
    let Some(gateway) = Gateway::start(&ldif).await else {
        return;
    };
    gateway.connect(named_by_mail()).await;
    let tally = |report: &usher::provision::run::RunReport| {
        let of = report.entries.memberships;
        [of.read, of.changed, of.skipped, of.failed]
    };
    assert_eq!(tally(&gateway.sync().await), [3, 3, 0, 0]);
    assert_eq!(tally(&gateway.sync().await), [3, 0, 3, 0]);
    gateway.slapd.modify(&format!(
        "{CREW}add: member\nmember: uid=f0003,ou=people,dc=example,dc=com\n-\n\
         delete: member\nmember: uid=f0001,ou=people,dc=example,dc=com\n"
    ));
    assert_eq!(tally(&gateway.sync().await), [3, 2, 2, 0]);
    let summaries = history::load(&gateway.directory, gateway.organisation, &slug("corporate")).await;
    let summaries = summaries.expect("a history");
    assert_eq!(summaries[0].entries.memberships.changed, 2);
    let took = summaries.iter().map(|run| {
        let of = run.entries;
        (of.people.ms + of.groups.ms + of.memberships.ms, run.duration.total_ms)
    });
    for (classes, total) in took {
        assert!(classes <= total, "{classes} {total}");
    }
}
