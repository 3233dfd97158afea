//! The same runs against three real servers: OpenLDAP, 389-DS, Samba as an Active Directory domain controller.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use usher::provision::brake::HoldReason;
use usher::provision::plan::PersonAction;
use usher::provision::run::{Outcome, RunError, RunMode, RunReport};

use super::gateway::Gateway;
use crate::kit::real_directory::{Account, RealDirectory, ServerKind, on_real_servers};

on_real_servers!(
    a_base_that_is_not_there_is_an_error_and_a_filter_that_takes_nobody_is_held,
    a_deleted_person_is_missed_then_suspended_then_deleted,
    a_small_directory_arrives_and_a_second_run_changes_nothing,
    a_switched_off_account_is_suspended_and_comes_back,
    members_come_and_go_and_groups_too,
    renames_and_moves_keep_the_user,
);

async fn a_small_directory_arrives_and_a_second_run_changes_nothing(directory: RealDirectory) {
    directory.add_people(&["ada", "bob", "cat", "dan"]);
    directory.disable("dan");
    directory.add_group("crew", &[directory.dn("ada"), directory.dn("bob")]);
    directory.add_group("fleet", &[directory.dn("cat"), directory.group_dn("crew")]);
    // In a circle, and spelt as people spell.
    directory.add_member("crew", &directory.group_dn("fleet").to_uppercase());
    let gateway = Gateway::over(directory).await;

    let dry = gateway.run(RunMode::DryRun).await.expect("a dry run");
    let first = gateway.sync().await;
    assert_eq!(first.outcome, Outcome::Finished);
    assert_eq!(
        (&first.failures[..], first.dangling, &first.plan_hash),
        (&[][..], 0, &dry.plan_hash)
    );
    let users = gateway.users().await;
    let active: BTreeMap<&str, bool> = users
        .iter()
        .map(|(name, user)| (name.as_str(), user.is_active()))
        .collect();
    let [ada, bob, cat, dan] = ["ada", "bob", "cat", "dan"].map(|name| gateway.real().login(name));
    let expected = [(&ada, true), (&bob, true), (&cat, true), (&dan, false)];
    assert_eq!(
        active,
        expected.map(|(name, is_active)| (name.as_str(), is_active)).into()
    );
    assert_eq!(users[&ada].emails().collect::<Vec<_>>(), ["ada@example.com"]);
    let everyone = BTreeSet::from([ada, bob, cat]);
    let groups = ["crew", "fleet"].map(|name| (name.to_owned(), everyone.clone()));
    assert_eq!(gateway.groups().await, groups.into());

    let model = gateway.model().await;
    let second = gateway.sync().await;
    assert_eq!((second.changed, second.unchanged), (0, 6));
    assert_eq!(gateway.model().await, model);
}

async fn renames_and_moves_keep_the_user(directory: RealDirectory) {
    directory.add_people(&["ada", "bob"]);
    directory.add_group("crew", &[directory.dn("ada"), directory.dn("bob")]);
    let gateway = Gateway::over(directory).await;
    gateway.sync().await;
    let (real, before) = (gateway.real(), gateway.users().await);

    real.rename(&real.dn("ada"), &real.rdn("zoe"), None);
    if real.kind() == ServerKind::Samba {
        // There the login name is an attribute of its own.
        real.replace(&real.dn("zoe"), "sAMAccountName", &real.login("zoe"));
    }
    let unit = real.add_unit("sales", &real.people());
    real.rename(&real.dn("bob"), &real.rdn("bob"), Some(&unit));
    let report = gateway.sync().await;
    assert_eq!(
        (actions(&report), &report.failures[..]),
        (vec![PersonAction::Rename, PersonAction::Refresh], &[][..]),
        "a move alone is remembered and changes nothing of the user"
    );
    let after = gateway.users().await;
    assert_eq!(after.len(), 2);
    assert_eq!(after[&real.login("zoe")].id, before[&real.login("ada")].id);
    assert_eq!(after[&real.login("bob")], before[&real.login("bob")]);
    // Each of these servers keeps its members' names right itself.
    assert_eq!(
        gateway.groups().await["crew"],
        BTreeSet::from([real.login("bob"), real.login("zoe")])
    );
    assert_eq!(gateway.sync().await.changed, 0);
}

async fn a_switched_off_account_is_suspended_and_comes_back(directory: RealDirectory) {
    directory.add_people(&["ada", "bob"]);
    let gateway = Gateway::over(directory).await;
    gateway.sync().await;
    let bob = gateway.real().login("bob");
    gateway.real().disable("bob");
    assert_eq!(actions(&gateway.sync().await), [PersonAction::Suspend]);
    assert!(!gateway.users().await[&bob].is_active());
    gateway.real().enable("bob");
    assert_eq!(actions(&gateway.sync().await), [PersonAction::Reactivate]);
    assert!(gateway.users().await[&bob].is_active());
}

async fn a_deleted_person_is_missed_then_suspended_then_deleted(directory: RealDirectory) {
    directory.add_people(&["ada", "bob", "cat", "dan", "eve"]);
    let gateway = Gateway::over(directory).await;
    let leavers = json!({ "leavers": { "suspend_after_runs": 2, "delete_after_days": 30 } });
    gateway.connect(leavers).await;
    gateway.sync().await;
    let (real, bob) = (gateway.real(), gateway.real().login("bob"));
    real.delete(&real.dn("bob"));
    assert_eq!(actions(&gateway.sync().await), [PersonAction::Miss]);
    assert!(gateway.users().await[&bob].is_active());
    assert_eq!(actions(&gateway.sync().await), [PersonAction::SuspendMissing]);
    assert!(!gateway.users().await[&bob].is_active());
    gateway.clock.advance_days(30);
    assert_eq!(actions(&gateway.sync().await), [PersonAction::Delete]);
    assert_eq!(gateway.users().await.len(), 4);
}

async fn members_come_and_go_and_groups_too(directory: RealDirectory) {
    directory.add_people(&["ada", "bob"]);
    directory.add_group("crew", &[directory.dn("ada"), directory.dn("bob")]);
    directory.add_group("staff", &[directory.dn("ada")]);
    let gateway = Gateway::over(directory).await;
    gateway.sync().await;
    let real = gateway.real();
    real.remove_member("crew", &real.dn("bob"));
    real.add_member("staff", &real.dn("bob"));
    real.rename(&real.group_dn("staff"), "cn=everyone", None);
    let report = gateway.sync().await;
    assert_eq!(
        (report.classes.members_added, report.classes.members_removed),
        (1, 1),
        "{:?}",
        report.plan.groups
    );
    let (ada, bob) = (real.login("ada"), real.login("bob"));
    let expected = BTreeMap::from([
        ("crew".to_owned(), BTreeSet::from([ada.clone()])),
        ("everyone".to_owned(), BTreeSet::from([ada, bob])),
    ]);
    assert_eq!(gateway.groups().await, expected);
}

async fn a_base_that_is_not_there_is_an_error_and_a_filter_that_takes_nobody_is_held(directory: RealDirectory) {
    directory.add_people(&["ada", "bob"]);
    let gateway = Gateway::over(directory).await;
    gateway.sync().await;
    let model = gateway.model().await;
    let users = |base: String, filter: &str| json!({ "ldap": { "users": { "base": base, "filter": filter } } });
    let (real, filter) = (gateway.real(), gateway.real().user_filter());
    gateway
        .connect(users(format!("ou=nowhere,{}", real.base()), filter))
        .await;
    let error = gateway.run(RunMode::Apply).await.expect_err("no such base");
    assert!(matches!(error, RunError::Snapshot { .. }), "{error}");
    gateway
        .connect(users(real.people(), "(objectClass=inetOrgPersom)"))
        .await;
    assert_held_as_empty(&gateway.sync().await);
    assert_eq!(gateway.model().await, model);
}

/// 389-DS says "success" to an account without rights, and even for a base that does not exist.
#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_lost_its_rights_changes_nothing() {
    let Some(directory) = RealDirectory::open(ServerKind::Ds389) else {
        return;
    };
    directory.add_people(&["ada", "bob"]);
    let gateway = Gateway::over(directory).await;
    gateway.sync().await;
    let model = gateway.model().await;
    let (stranger, _) = gateway.real().account(Account::Stranger);
    let nowhere = format!("ou=nowhere,{}", gateway.real().base());
    for base in [gateway.real().people(), nowhere] {
        let users = json!({ "base": base, "filter": gateway.real().user_filter() });
        gateway
            .connect(json!({ "ldap": { "bind_dn": stranger, "users": users } }))
            .await;
        assert_held_as_empty(&gateway.sync().await);
        assert_eq!(gateway.model().await, model);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unique_members_and_members_by_uid_are_members_as_well() {
    for kind in [ServerKind::OpenLdap, ServerKind::Ds389] {
        let Some(directory) = RealDirectory::open(kind) else {
            continue;
        };
        directory.add_people(&["ada", "bob"]);
        directory.modify(&format!(
            "dn: cn=unique,{groups}\nchangetype: add\nobjectClass: groupOfUniqueNames\ncn: unique\nuniqueMember: {ada}\n\n\
             dn: cn=unix,{groups}\nchangetype: add\nobjectClass: posixGroup\ncn: unix\ngidNumber: 7\nmemberUid: bob\n",
            groups = directory.groups(),
            ada = directory.dn("ada"),
        ));
        let gateway = Gateway::over(directory).await;
        let filter = "(|(objectClass=groupOfUniqueNames)(objectClass=posixGroup))";
        let groups = json!({ "base": gateway.real().groups(), "filter": filter });
        gateway.connect(json!({ "ldap": { "groups": groups } })).await;
        assert_eq!(gateway.sync().await.failures, []);
        let expected = [("unique", "ada"), ("unix", "bob")];
        let expected = expected.map(|(group, name)| (group.to_owned(), BTreeSet::from([name.to_owned()])));
        assert_eq!(gateway.groups().await, expected.into(), "{kind:?}");
    }
}

/// Nobody is a `member` of the group that is everybody's primary one (MS-ADTS, attribute primaryGroupID).
#[tokio::test(flavor = "multi_thread")]
async fn everybody_is_in_the_primary_group_of_a_domain() {
    let Some(directory) = RealDirectory::open(ServerKind::Samba) else {
        return;
    };
    directory.add_people(&["ada", "bob"]);
    directory.add_group("crew", &[directory.dn("ada")]);
    let gateway = Gateway::over(directory).await;
    let filter = format!(
        "(&(objectClass=group)(|(cn=Domain Users)(sAMAccountName={})))",
        gateway.real().login("crew")
    );
    // From the root of the domain, where the server also refers to its other trees.
    let groups = json!({ "base": "DC=lab,DC=test", "filter": filter });
    gateway.connect(json!({ "ldap": { "groups": groups } })).await;
    let report = gateway.sync().await;
    assert_eq!(report.failures, []);
    let (ada, bob) = (gateway.real().login("ada"), gateway.real().login("bob"));
    let expected = BTreeMap::from([
        ("Domain Users".to_owned(), BTreeSet::from([ada.clone(), bob])),
        ("crew".to_owned(), BTreeSet::from([ada])),
    ]);
    assert_eq!(gateway.groups().await, expected);
}

fn assert_held_as_empty(report: &RunReport) {
    assert_eq!(report.outcome, Outcome::Held);
    assert!(
        report
            .held
            .iter()
            .any(|reason| matches!(reason, HoldReason::Empty { what, linked: 2 } if what == "people")),
        "{:?}",
        report.held
    );
}

fn actions(report: &RunReport) -> Vec<PersonAction> {
    report.plan.people.iter().map(|step| step.action).collect()
}
