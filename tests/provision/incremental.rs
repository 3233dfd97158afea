//! Runs over what changed, and over who is there, against a real slapd.

use std::collections::BTreeSet;

use serde_json::json;
use usher::provision::plan::PersonAction;
use usher::provision::reading::{Reading, WhyWhole};
use usher::provision::run::{Outcome, RunMode, RunReport};

use super::gateway::{Gateway, group, people, person};

fn names<const N: usize>(names: [&str; N]) -> BTreeSet<String> {
    names.map(str::to_owned).into()
}

fn actions(report: &RunReport) -> Vec<(&str, PersonAction)> {
    let steps = report.plan.people.iter();
    steps.map(|step| (step.name.as_str(), step.action)).collect()
}

async fn start(ldif: &str) -> Option<Gateway> {
    let gateway = Gateway::start(ldif).await?;
    assert_eq!(gateway.sync().await.failures, []);
    Some(gateway)
}

#[tokio::test(flavor = "multi_thread")]
async fn people_who_come_change_move_and_go_are_all_that_is_read() {
    let ldif = people("i", 30) + &group("crew", &["uid=i0000,ou=people", "uid=i0001,ou=people"]);
    let Some(gateway) = start(&ldif).await else { return };
    let idle = gateway.read(Reading::Changes).await;
    assert_eq!((idle.reading, idle.why_whole), (Reading::Changes, None));
    assert_eq!((idle.changed, idle.read.people), (0, 0));
    let modify = "dn: uid=i0002,ou=people,dc=example,dc=com\nchangetype: modify\nadd: title\ntitle: Captain\n\n\
         dn: uid=i0003,ou=people,dc=example,dc=com\nchangetype: delete\n\n\
         dn: uid=i0004,ou=people,dc=example,dc=com\nchangetype: modrdn\nnewrdn: uid=zoe\ndeleteoldrdn: 1\n\n\
         dn: uid=i0005,ou=people,dc=example,dc=com\nchangetype: modify\nadd: pwdAccountLockedTime\n\
         pwdAccountLockedTime: 000001010000Z\n\n";
    let new = person("new", "").replace("objectClass", "changetype: add\nobjectClass");
    let new: Vec<&str> = new.lines().filter(|line| !line.starts_with("entryUUID")).collect();
    gateway.slapd.modify(&(modify.to_owned() + &new.join("\n") + "\n"));
    let report = gateway.read(Reading::Changes).await;
    assert_eq!(
        actions(&report),
        [
            ("i0003", PersonAction::SuspendMissing),
            ("i0005", PersonAction::Suspend),
            ("zoe", PersonAction::Rename),
            ("i0002", PersonAction::Update),
            ("new", PersonAction::Create),
        ]
    );
    assert_eq!((report.reading, report.read.people), (Reading::Changes, 4));
    assert_eq!(gateway.read(Reading::Changes).await.changed, 0, "the cursor moved on");
    let whole = gateway.sync().await;
    assert_eq!(
        whole.changed, 0,
        "a run over everything finds nothing left: {:?}",
        whole.plan
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_around_a_change_follow_it() {
    let ldif = people("i", 6)
        + &group(
            "crew",
            &["uid=i0000,ou=people", "uid=i0001,ou=people", "uid=late,ou=people"],
        )
        + &group("fleet", &["cn=crew,ou=groups", "uid=i0002,ou=people"])
        + &group("other", &["uid=i0003,ou=people"]);
    let Some(gateway) = start(&ldif).await else { return };
    gateway.slapd.modify(
        "dn: uid=i0000,ou=people,dc=example,dc=com\nchangetype: modrdn\nnewrdn: uid=zoe\ndeleteoldrdn: 1\n\n\
         dn: uid=i0001,ou=people,dc=example,dc=com\nchangetype: delete\n\n\
         dn: cn=crew,ou=groups,dc=example,dc=com\nchangetype: modify\nadd: member\n\
         member: uid=i0004,ou=people,dc=example,dc=com\n",
    );
    let report = gateway.read(Reading::Changes).await;
    assert_eq!((report.reading, report.why_whole.as_ref()), (Reading::Changes, None));
    let groups = gateway.groups().await;
    assert_eq!(groups["crew"], names(["zoe", "i0004"]));
    assert_eq!(
        groups["fleet"],
        names(["zoe", "i0004", "i0002"]),
        "the group above as well"
    );
    assert!(
        !report.plan.groups.iter().any(|step| step.name == "other"),
        "a group that nothing touched is not read"
    );
    // Named all along, there at last: the group itself does not change.
    let late = person("late", "").replace("objectClass", "changetype: add\nobjectClass");
    let late: Vec<&str> = late.lines().filter(|line| !line.starts_with("entryUUID")).collect();
    gateway.slapd.modify(&(late.join("\n") + "\n"));
    let report = gateway.read(Reading::Changes).await;
    assert_eq!(report.reading, Reading::Changes);
    assert_eq!(
        gateway.groups().await["fleet"],
        names(["zoe", "i0004", "i0002", "late"])
    );
    assert_eq!(gateway.sync().await.changed, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_there_finds_who_is_gone_new_or_moved() {
    let ldif = people("i", 20) + &group("crew", &["uid=i0000,ou=people", "uid=i0001,ou=people"]);
    let Some(gateway) = Gateway::start(&ldif).await else {
        return;
    };
    gateway.connect(json!({ "ldap": { "changes": "off" } })).await;
    gateway.sync().await;
    gateway.slapd.modify(
        "dn: uid=i0000,ou=people,dc=example,dc=com\nchangetype: delete\n\n\
         dn: uid=i0001,ou=people,dc=example,dc=com\nchangetype: modrdn\nnewrdn: uid=zoe\ndeleteoldrdn: 1\n\n\
         dn: uid=i0002,ou=people,dc=example,dc=com\nchangetype: modify\nadd: title\ntitle: Captain\n",
    );
    let report = gateway.read(Reading::Presence).await;
    assert_eq!(
        actions(&report),
        [("i0000", PersonAction::SuspendMissing), ("zoe", PersonAction::Rename)],
        "attributes alone are not looked at"
    );
    assert_eq!(gateway.groups().await["crew"], names(["zoe"]));
    assert_eq!(actions(&gateway.sync().await), [("i0002", PersonAction::Update)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_read_when_the_changes_do_not_tell() {
    let Some(gateway) = Gateway::start(&people("i", 60)).await else {
        return;
    };
    let why = async || gateway.read(Reading::Changes).await.why_whole;
    assert_eq!(why().await, Some(WhyWhole::First));
    assert_eq!(why().await, None);
    let titled = json!([{ "to": "userName", "from": "uid" }, { "to": "title", "from": "sn" }]);
    gateway.connect(json!({ "mapping": titled })).await;
    assert_eq!(why().await, Some(WhyWhole::Settings));
    assert_eq!(gateway.users().await["i0000"].attributes["title"], json!("Of i0000"));
    assert_eq!(why().await, None, "the settings are the same again");
    // The brake stops the changes; a person is shown the plan of everything, and that is what is approved.
    let gone: String = (0..30)
        .map(|number| format!("dn: uid=i{number:04},ou=people,dc=example,dc=com\nchangetype: delete\n\n"))
        .collect();
    gateway.slapd.modify(&gone);
    let held = gateway.read(Reading::Changes).await;
    assert_eq!((held.outcome, held.why_whole), (Outcome::Held, Some(WhyWhole::Brake)));
    let again = gateway
        .run_reading(RunMode::Apply, Reading::Changes)
        .await
        .expect("a run");
    assert_eq!((again.outcome, again.why_whole), (Outcome::Held, Some(WhyWhole::Held)));
    let approve = usher::provision::held::Approve {
        connection: "corporate".parse().expect("a slug"),
        hash: again.plan_hash,
    };
    gateway.act(&approve).await.expect("an approval");
    let passed = gateway.read(Reading::Changes).await;
    assert_eq!((passed.outcome, passed.changed), (Outcome::Finished, 30));
    assert_eq!(why().await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_failed_is_tried_again_with_the_next_changes() {
    let Some(gateway) = Gateway::start(&people("i", 3)).await else {
        return;
    };
    gateway
        .declare_licence(json!({ "key": "pro", "name": "Pro", "limit": 2 }))
        .await;
    gateway.connect(json!({ "licences": ["pro"] })).await;
    let first = gateway.sync().await;
    assert_eq!(first.failures.len(), 1, "two seats for three people");
    let still = gateway.read(Reading::Changes).await;
    assert_eq!((still.reading, still.failures.len()), (Reading::Changes, 1));
    gateway
        .declare_licence(json!({ "key": "pro", "name": "Pro", "limit": 3 }))
        .await;
    let better = gateway.read(Reading::Changes).await;
    assert_eq!(
        (better.reading, better.changed, better.failures.len()),
        (Reading::Changes, 1, 0)
    );
    assert_eq!(gateway.users().await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_made_one_run_a_whole_one_does_not_make_the_next_one_whole() {
    let ldif = people("i", 12) + &group("crew", &["uid=i0000,ou=people"]);
    let Some(gateway) = Gateway::start(&ldif).await else {
        return;
    };
    gateway.declare_role("sailor").await;
    let settings = json!({
        "grants": [{ "when": "'crew' in groups", "roles": ["sailor"] }], "grantable_roles": ["sailor"],
        "ldap": { "changes_max": 5 },
    });
    gateway.connect(settings).await;
    gateway.sync().await;
    let why = async || gateway.read(Reading::Changes).await.why_whole;
    assert_eq!(why().await, None);
    let join = "dn: cn=crew,ou=groups,dc=example,dc=com\nchangetype: modify\nadd: member\nmember: uid=i0001,ou=people,dc=example,dc=com\n";
    gateway.slapd.modify(join);
    assert_eq!(why().await, None);
    assert!(
        gateway.users().await["i0001"]
            .roles
            .contains_key(&"sailor".parse().expect("a slug"))
    );
    assert_eq!(why().await, None);
    let titles = (0..6).map(|number| {
        format!("dn: uid=i{number:04},ou=people,dc=example,dc=com\nchangetype: modify\nadd: title\ntitle: Mate\n\n")
    });
    gateway.slapd.modify(&titles.collect::<String>());
    assert_eq!(why().await, Some(WhyWhole::TooMany { limit: 5 }));
    assert_eq!(why().await, None);
}
