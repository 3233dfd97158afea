//! What a run tells its operator to set otherwise.

use serde_json::json;
use usher::model::connection::{Connection, ConnectionKind};
use usher::provision::advice::Advice;
use usher::provision::history::{self, Ended};
use usher::provision::reading::Reading;

use super::gateway::{Gateway, person};
use crate::kit::directory_ldif::SUFFIX;
use crate::kit::slapd::{Slapd, Synchronisation};

#[tokio::test(flavor = "multi_thread")]
async fn changes_that_hide_deletions_are_advice_until_somebody_looks_for_them() {
    let Some(slapd) = Slapd::start_with(&person("ada", ""), Synchronisation::Absent) else {
        return;
    };
    let gateway = Gateway::over(slapd).await;
    assert_eq!(
        gateway.sync().await.advice,
        [],
        "a reading of everything sees everybody who is gone"
    );
    let changes = gateway.read(Reading::Changes).await;
    assert_eq!((changes.reading, changes.why_whole), (Reading::Changes, None));
    assert_eq!(changes.advice, [Advice::NoPresenceSchedule]);
    gateway.connect(json!({ "presence_schedule": "0 * * * *" })).await;
    assert_eq!(gateway.read(Reading::Changes).await.advice, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn references_to_other_servers_are_counted_in_the_report_and_the_history() {
    let Some(gateway) = Gateway::start(&person("ada", "")).await else {
        return;
    };
    let whole_tree = json!({ "base": SUFFIX, "filter": "(objectClass=inetOrgPerson)" });
    gateway.connect(json!({ "ldap": { "users": whole_tree } })).await;
    let report = gateway.sync().await;
    assert_eq!(report.referrals, 1);
    assert_eq!(report.advice, [Advice::Referrals { count: 1 }]);
    let name = "corporate".parse().expect("a slug");
    let kept = history::load(&gateway.directory, gateway.organisation, &name).await;
    let kept = kept.expect("the history");
    assert_eq!(
        (kept.len(), kept[0].referrals, kept[0].outcome),
        (1, 1, Ended::Finished)
    );
    assert_eq!(kept[0].run, report.run);
}

#[test]
fn schedules_are_judged_by_what_they_leave_open() {
    let judged = |settings: serde_json::Value, sees_deletions| {
        let name = "corp".parse().expect("a slug");
        let mut all = json!(Connection::new(name, ConnectionKind::Ldap));
        all["ldap"] = json!({
            "urls": ["ldaps://ldap.example"], "bind_dn": "cn=reader", "bind_password_env": "PASSWORD",
            "users": { "base": "dc=example", "filter": "(cn=*)" },
        });
        for (name, value) in settings.as_object().expect("settings") {
            match value.as_object() {
                Some(below) => all[name].as_object_mut().expect("a section").extend(below.clone()),
                None => all[name] = value.clone(),
            }
        }
        let connection: Connection = serde_json::from_value(all).expect("a connection");
        Advice::on_schedules(&connection, sees_deletions)
    };
    let (nightly, often) = ("15 3 * * *", "*/5 * * * *");
    assert_eq!(judged(json!({}), None), [Advice::NoSchedule]);
    assert_eq!(judged(json!({ "schedule": nightly }), Some(false)), []);
    assert_eq!(
        judged(json!({ "changes_schedule": often }), Some(true)),
        [Advice::NoWholeSchedule]
    );
    let both = json!({ "schedule": nightly, "changes_schedule": often });
    assert_eq!(judged(both.clone(), Some(true)), []);
    assert_eq!(judged(both, Some(false)), [Advice::NoPresenceSchedule]);
    let all = json!({ "schedule": nightly, "changes_schedule": often, "presence_schedule": nightly });
    assert_eq!(judged(all, Some(false)), []);
    let off = json!({ "schedule": nightly, "ldap": { "stay_connected": true, "changes": "off" } });
    assert_eq!(judged(off, Some(true)), [Advice::ChangesOff]);
}
