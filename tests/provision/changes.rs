//! What changes in the directory arrives, as the change that it is.

use std::collections::BTreeSet;

use serde_json::json;
use usher::model::lifecycle::Block;
use usher::provision::plan::PersonAction;
use usher::provision::run::RunError;

use super::gateway::{EditUser, Gateway, group, people, person};

fn actions(report: &usher::provision::run::RunReport) -> Vec<(&str, PersonAction)> {
    report
        .plan
        .people
        .iter()
        .map(|step| (step.name.as_str(), step.action))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn renames_moves_and_changes_keep_the_user() {
    let Some(gateway) = Gateway::start(&people("c", 4)).await else {
        return;
    };
    gateway.sync().await;
    let before = gateway.users().await;
    gateway.slapd.modify(
        "dn: ou=leavers,dc=example,dc=com\nchangetype: add\nobjectClass: organizationalUnit\nou: leavers\n\n\
         dn: uid=c0000,ou=people,dc=example,dc=com\nchangetype: modrdn\nnewrdn: uid=zoe\ndeleteoldrdn: 1\n\n\
         dn: ou=sales,ou=people,dc=example,dc=com\nchangetype: add\nobjectClass: organizationalUnit\nou: sales\n\n\
         dn: uid=c0001,ou=people,dc=example,dc=com\nchangetype: modrdn\nnewrdn: uid=c0001\ndeleteoldrdn: 1\n\
         newsuperior: ou=sales,ou=people,dc=example,dc=com\n\n\
         dn: uid=c0002,ou=people,dc=example,dc=com\nchangetype: modify\nadd: title\ntitle: Captain\n",
    );
    let report = gateway.sync().await;
    assert_eq!(
        actions(&report),
        [
            ("zoe", PersonAction::Rename),
            ("c0002", PersonAction::Update),
            ("c0001", PersonAction::Refresh),
        ]
    );
    let after = gateway.users().await;
    assert_eq!(after["zoe"].id, before["c0000"].id);
    assert_eq!(
        after["c0001"], before["c0001"],
        "a move alone changes nothing of the user"
    );
    assert_eq!(after["c0002"].attributes["title"], json!("Captain"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_is_given_up_can_be_taken_in_the_same_run() {
    let Some(gateway) = Gateway::start(&people("c", 2)).await else {
        return;
    };
    gateway.sync().await;
    let before = gateway.users().await;
    gateway.slapd.modify(
        "dn: uid=c0000,ou=people,dc=example,dc=com\nchangetype: modrdn\nnewrdn: uid=first\ndeleteoldrdn: 1\n\n\
         dn: uid=c0001,ou=people,dc=example,dc=com\nchangetype: modrdn\nnewrdn: uid=c0000\ndeleteoldrdn: 1\n",
    );
    assert_eq!(gateway.sync().await.failures, []);
    let after = gateway.users().await;
    assert_eq!(after["first"].id, before["c0000"].id);
    assert_eq!(after["c0000"].id, before["c0001"].id);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_account_is_suspended_and_comes_back_but_never_past_an_administrator() {
    let Some(gateway) = Gateway::start(&people("c", 2)).await else {
        return;
    };
    gateway.sync().await;
    let lock = |what: &str| {
        format!("dn: uid=c0000,ou=people,dc=example,dc=com\nchangetype: modify\n{what}: pwdAccountLockedTime\n")
    };
    gateway
        .slapd
        .modify(&(lock("add") + "pwdAccountLockedTime: 000001010000Z\n"));
    assert_eq!(actions(&gateway.sync().await), [("c0000", PersonAction::Suspend)]);
    assert!(!gateway.users().await["c0000"].is_active());

    let user = gateway.users().await["c0000"].clone();
    let block = EditUser {
        user: &user,
        edit: |user| {
            user.facts.suspended_by.insert(Block::Administrator);
        },
    };
    gateway.act(&block).await.expect("a block");
    gateway.slapd.modify(&lock("delete"));
    assert_eq!(actions(&gateway.sync().await), [("c0000", PersonAction::Reactivate)]);
    let user = gateway.users().await["c0000"].clone();
    assert_eq!(
        user.facts.suspended_by,
        BTreeSet::from([Block::Administrator]),
        "only our own block is lifted"
    );

    let lift = EditUser {
        user: &user,
        edit: |user| user.facts.suspended_by.clear(),
    };
    gateway.act(&lift).await.expect("a lifted block");
    assert_eq!(gateway.sync().await.changed, 0);
    assert!(gateway.users().await["c0000"].is_active());
}

#[tokio::test(flavor = "multi_thread")]
async fn members_come_and_go_and_those_of_others_stay() {
    let ldif = people("c", 3) + &group("crew", &["uid=c0000,ou=people", "uid=c0001,ou=people"]);
    let Some(gateway) = Gateway::start(&ldif).await else {
        return;
    };
    gateway.sync().await;
    gateway.slapd.modify(
        "dn: cn=crew,ou=groups,dc=example,dc=com\nchangetype: modify\ndelete: member\n\
         member: uid=c0000,ou=people,dc=example,dc=com\n-\nadd: member\n\
         member: uid=c0002,ou=people,dc=example,dc=com\n",
    );
    let report = gateway.sync().await;
    assert_eq!((report.classes.members_added, report.classes.members_removed), (1, 1));
    let crew = || async { gateway.groups().await["crew"].clone() };
    assert_eq!(crew().await, BTreeSet::from(["c0001".to_owned(), "c0002".to_owned()]));
    let origins = gateway.edge("crew", "c0001").await.expect("an edge").origins;
    assert_eq!(
        origins.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["connection:corporate"]
    );

    gateway
        .slapd
        .modify("dn: cn=crew,ou=groups,dc=example,dc=com\nchangetype: modrdn\nnewrdn: cn=staff\ndeleteoldrdn: 1\n");
    gateway.sync().await;
    assert_eq!(gateway.groups().await.into_keys().collect::<Vec<_>>(), ["staff"]);
    gateway
        .slapd
        .modify("dn: cn=staff,ou=groups,dc=example,dc=com\nchangetype: delete\n");
    gateway.connect(json!({ "brake": { "deletions": 5 } })).await;
    let held = gateway.sync().await;
    assert_eq!(held.held.len(), 1, "no group at all is a suspicious answer");
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_give_roles_by_rule() {
    let ldif = people("c", 2) + &group("leads", &["cn=chiefs,ou=groups"]) + &group("chiefs", &["uid=c0000,ou=people"]);
    let Some(gateway) = Gateway::start(&ldif).await else {
        return;
    };
    gateway.declare_role("lead").await;
    let rules = json!({
        "grants": [{ "when": "'leads' in groups && source.mail.exists(m, m.endsWith('@example.com'))", "roles": ["lead"] }],
        "grantable_roles": ["lead"],
    });
    gateway.connect(rules).await;
    gateway.sync().await;
    let holders = || async {
        let users = gateway.users().await;
        users
            .into_values()
            .filter(|user| !user.roles.is_empty())
            .map(|user| user.user_name)
            .collect::<Vec<_>>()
    };
    assert_eq!(holders().await, ["c0000"]);
    gateway.slapd.modify(
        "dn: cn=chiefs,ou=groups,dc=example,dc=com\nchangetype: modify\nreplace: member\n\
         member: uid=c0001,ou=people,dc=example,dc=com\n",
    );
    gateway.sync().await;
    assert_eq!(holders().await, ["c0001"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_rule_stops_the_run_before_anything_and_is_named() {
    let Some(gateway) = Gateway::start(&person("ada", "")).await else {
        return;
    };
    gateway
        .connect(json!({ "mapping": [{ "to": "userName", "from": "uid" }, { "to": "shoeSize", "from": "x" }] }))
        .await;
    let error = gateway
        .run(usher::provision::run::RunMode::Apply)
        .await
        .expect_err("a wrong rule");
    assert!(matches!(error, RunError::Mapping { .. }));
    let message = error.to_string();
    assert!(
        message.starts_with("connection corporate: mapping[1] (to \"shoeSize\"): "),
        "{message}"
    );
    assert!(gateway.users().await.is_empty());
}
