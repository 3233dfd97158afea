//! A whole directory with the edge cases of real ones arrives, and a second run finds nothing to do.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde_json::json;
use usher::model::event::EventKind;
use usher::provision::failure::Kind;
use usher::provision::run::{Outcome, RunMode};

use super::gateway::{Gateway, group, people, person};
use crate::kit::directory_ldif::Directory;

/// Who is in each group, nested ones included, by the truth.
fn effective(truth: &Directory) -> BTreeMap<String, BTreeSet<String>> {
    let below = |start: usize| {
        let (mut seen, mut open, mut names) = (HashSet::new(), vec![start], BTreeSet::new());
        while let Some(group) = open.pop() {
            if seen.insert(group) {
                names.extend(
                    truth.groups[group]
                        .users
                        .iter()
                        .map(|user| truth.users[*user].uid.clone()),
                );
                open.extend(&truth.groups[group].groups);
            }
        }
        names
    };
    let groups = truth.groups.iter().enumerate();
    groups.map(|(index, group)| (group.cn.clone(), below(index))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn three_thousand_people_arrive_with_their_groups_and_a_second_run_changes_nothing() {
    let truth = Directory::generate(3_000, 60);
    let Some(gateway) = Gateway::start(&truth.ldif()).await else {
        return;
    };
    let dry = gateway.run(RunMode::DryRun).await.expect("a dry run");
    assert_eq!(dry.outcome, Outcome::Planned);
    assert!(gateway.users().await.is_empty(), "a dry run changes nothing");

    let first = gateway.sync().await;
    assert_eq!(first.outcome, Outcome::Finished);
    assert_eq!(first.plan_hash, dry.plan_hash, "the dry run is what the run did");
    assert_eq!(first.changed, first.plan.steps());
    assert_eq!(first.failures, [], "nobody fails");
    // The ghost member, the placeholder of the empty group.
    assert_eq!(first.dangling, 2);

    let users = gateway.users().await;
    assert_eq!(users.len(), truth.users.len());
    for expected in &truth.users {
        let user = &users[&expected.uid];
        assert_eq!(user.is_active(), !expected.disabled, "{}", expected.uid);
        assert_eq!(user.display_name(), Some(expected.cn.trim()));
        let mails: Vec<&str> = user.emails().collect();
        assert_eq!(mails, expected.mails, "{}", expected.uid);
        assert_eq!(user.external_ids.values().collect::<Vec<_>>(), [&expected.entry_uuid]);
    }
    assert_eq!(gateway.groups().await, effective(&truth));

    let (model, before) = (gateway.model().await, gateway.store.report());
    let second = gateway.sync().await;
    assert_eq!((second.changed, second.unchanged), (0, 3_060));
    let cost = gateway.store.report().since(&before);
    assert!(
        cost.round_trips() < 30,
        "a run over 3,060 unchanged entries cost {cost:?}"
    );
    assert_eq!(gateway.model().await, model);
    assert_eq!(gateway.events(EventKind::SyncFinished).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_of_ten_thousand_members_arrives_and_loses_one() {
    let names: Vec<String> = (0..10_000)
        .map(|number| format!("uid=m{number:04},ou=people"))
        .collect();
    let members: Vec<&str> = names.iter().map(String::as_str).collect();
    let ldif = people("m", 10_000) + &group("everyone", &members);
    let Some(gateway) = Gateway::start(&ldif).await else {
        return;
    };
    let first = gateway.sync().await;
    assert_eq!(first.failures, []);
    assert_eq!(gateway.groups().await["everyone"].len(), 10_000);

    gateway.slapd.modify(
        "dn: cn=everyone,ou=groups,dc=example,dc=com\nchangetype: modify\ndelete: member\n\
         member: uid=m0042,ou=people,dc=example,dc=com\n",
    );
    let before = gateway.store.report();
    let second = gateway.sync().await;
    assert_eq!(
        (
            second.changed,
            second.classes.members_removed,
            second.classes.members_added
        ),
        (1, 1, 0)
    );
    let cost = gateway.store.report().since(&before);
    assert!(cost.round_trips() < 40, "one member of ten thousand cost {cost:?}");
    let members = gateway.groups().await["everyone"].clone();
    assert_eq!((members.len(), members.contains("m0042")), (9_999, false));
}

#[tokio::test(flavor = "multi_thread")]
async fn nested_groups_stay_nested_where_the_settings_say_so() {
    let ldif = people("n", 3)
        + &group(
            "outer",
            &["uid=n0000,ou=people", "cn=inner,ou=groups", "cn=outer,ou=groups"],
        )
        + &group("inner", &["uid=n0001,ou=people", "cn=outer,ou=groups"]);
    let Some(gateway) = Gateway::start(&ldif).await else {
        return;
    };
    gateway.connect(json!({ "ldap": { "nesting": "keep" } })).await;
    assert_eq!(gateway.sync().await.failures, []);
    let sets = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    let nested = BTreeMap::from([
        ("outer".to_owned(), sets(&["n0000", "[inner]"])),
        ("inner".to_owned(), sets(&["n0001", "[outer]"])),
    ]);
    assert_eq!(gateway.groups().await, nested);
    assert_eq!(gateway.sync().await.changed, 0);

    gateway.connect(json!({ "ldap": { "nesting": "flatten" } })).await;
    gateway.sync().await;
    let flat = sets(&["n0000", "n0001"]);
    let flat = BTreeMap::from([("outer".to_owned(), flat.clone()), ("inner".to_owned(), flat)]);
    assert_eq!(gateway.groups().await, flat);
}

#[tokio::test(flavor = "multi_thread")]
async fn members_by_uid_are_found_as_well() {
    let posix = "dn: cn=unix,ou=groups,dc=example,dc=com\nobjectClass: posixGroup\ncn: unix\ngidNumber: 7\n\
                 memberUid: p0000\nmemberUid: p0002\nmemberUid: nobody\n\n";
    let Some(gateway) = Gateway::start(&(people("p", 3) + posix)).await else {
        return;
    };
    let report = gateway.sync().await;
    assert_eq!(report.dangling, 1);
    assert_eq!(report.plan.dangling.examples, ["unix: nobody"]);
    assert_eq!(
        gateway.groups().await["unix"],
        BTreeSet::from(["p0000".to_owned(), "p0002".to_owned()])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_without_a_name_or_with_the_name_of_another_fail_alone() {
    let twin = person("twin", "").replace("uid: twin", "uid: t0000");
    let nameless = "dn: cn=nameless,ou=people,dc=example,dc=com\nobjectClass: inetOrgPerson\ncn: nameless\nsn: X\n\n";
    let ldif = people("t", 2) + &twin.replace("dn: uid=twin", "dn: cn=twin") + nameless;
    let Some(gateway) = Gateway::start(&ldif).await else {
        return;
    };
    let report = gateway.sync().await;
    assert_eq!(report.failures.len(), 2, "{:?}", report.failures);
    assert!(report.failures.iter().all(|failure| failure.kind == Kind::User));
    let reasons: BTreeSet<String> = report
        .failures
        .iter()
        .map(|failure| failure.reason.to_string())
        .collect();
    let first = reasons.iter().next().expect("a reason");
    assert!(
        first.starts_with("entry ") && first.ends_with("has the same userName; change one of them"),
        "{first}"
    );
    assert!(
        reasons
            .iter()
            .any(|reason| reason.starts_with("mapping: the entry has no value for userName"))
    );
    assert_eq!(gateway.users().await.len(), 2);
    let again = gateway.sync().await;
    assert_eq!(
        (again.changed, again.failures.len()),
        (0, 2),
        "they fail again, and nothing else happens"
    );
}
