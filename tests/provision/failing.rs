//! An entry that cannot be used is left as it is: its memberships too.

use std::collections::BTreeSet;

use serde_json::json;

use super::gateway::{Gateway, group, people, person};

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
