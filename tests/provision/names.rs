//! Names that move between people in one run, and a group that somebody else uses in the last moment.

use std::sync::Arc;

use serde_json::json;
use tokio::runtime::Handle;
use usher::directory::membership::MemberChanges;
use usher::directory::verify::Report;
use usher::directory::{DirectoryError, Operation, Unit, keys};
use usher::model::group::Group;
use usher::model::membership::Member;
use usher::model::origin::Origin;
use usher::provision::failure::FailureReason;
use usher::provision::plan::PersonAction;
use usher::provision::progress::{self, Progress};
use usher::provision::reading::Reading;
use usher::provision::run::{RunMode, SyncRun};

use super::gateway::{Gateway, group, people, person};
use crate::kit::scim::slug;

fn named(uid: &str, name: &str) -> String {
    person(uid, &format!("displayName: {name}\n"))
}

fn now_named(uid: &str, name: &str) -> String {
    format!(
        "dn: uid={uid},ou=people,dc=example,dc=com\nchangetype: modify\nreplace: displayName\ndisplayName: {name}\n\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn people_exchange_their_names_in_one_run() {
    let ldif: String = [
        ("p1", "a"),
        ("p2", "b"),
        ("p3", "c"),
        ("p4", "d"),
        ("p5", "e"),
        ("p6", "f"),
        ("p7", "g"),
    ]
    .map(|(uid, name)| named(uid, name))
    .concat();
    let Some(gateway) = Gateway::start(&ldif).await else {
        return;
    };
    gateway
        .connect(json!({ "mapping": [{ "to": "userName", "from": "displayName" }] }))
        .await;
    gateway.sync().await;
    let before = gateway.users().await;
    // Two exchange, three go round, and two follow each other to a free name.
    let moves = [
        ("p1", "b"),
        ("p2", "A"),
        ("p3", "d"),
        ("p4", "e"),
        ("p5", "c"),
        ("p6", "g"),
        ("p7", "h"),
    ];
    gateway
        .slapd
        .modify(&moves.map(|(uid, name)| now_named(uid, name)).concat());
    let report = gateway.sync().await;
    assert_eq!(report.failures, []);
    assert_eq!(report.changed, 7);
    assert!(
        report
            .plan
            .people
            .iter()
            .all(|step| step.action == PersonAction::Rename)
    );
    let after = gateway.users().await;
    let was = ["a", "b", "c", "d", "e", "f", "g"].map(|name| before[name].id);
    let is = ["b", "A", "d", "e", "c", "g", "h"].map(|name| after[name].id);
    assert_eq!(was, is);
    assert_eq!(gateway.sync().await.changed, 0);
    let (findings, mut found) = tokio::sync::mpsc::channel(16);
    let summary = gateway.directory.verify(&mut Report::new(findings)).await;
    assert_eq!(
        summary.expect("a verification").violations,
        0,
        "{:?}",
        found.recv().await
    );
}

/// Puts a user into a group as an administrator would.
struct PutIn {
    group: Group,
    member: Member,
}

#[async_trait::async_trait]
impl Operation for PutIn {
    type Outcome = ();

    async fn attempt(&self, unit: &mut Unit) -> Result<(), DirectoryError> {
        let mut changes = MemberChanges::default();
        unit.add_members(&self.group, &[self.member], &Origin::Direct, &mut changes)
            .await?;
        unit.note_member_changes(self.group.id, &changes);
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_gets_a_member_between_plan_and_apply_is_not_deleted() {
    let ldif = people("l", 2) + &group("crew", &["uid=l0000,ou=people"]) + &group("rest", &["uid=l0000,ou=people"]);
    let Some(gateway) = Gateway::start(&ldif).await else {
        return;
    };
    gateway.sync().await;
    let groups: Vec<Group> = gateway
        .records(keys::table(gateway.organisation, keys::Table::Group))
        .await;
    let crew = groups.into_iter().find(|group| group.display_name == "crew");
    let put = PutIn {
        group: crew.expect("crew"),
        member: Member::User(gateway.users().await["l0001"].id),
    };
    gateway
        .slapd
        .modify("dn: cn=crew,ou=groups,dc=example,dc=com\nchangetype: delete\n");
    let (directory, permit) = (gateway.directory.clone(), gateway.administrator());
    let report: progress::Report = Arc::new(move |progress| {
        if matches!(progress, Progress::Planned { .. }) {
            let added = async { directory.run(&permit, &put).await };
            tokio::task::block_in_place(|| Handle::current().block_on(added)).expect("a member");
        }
    });
    let (connection, mode) = (slug("corporate"), RunMode::Apply);
    let organisation = gateway.organisation;
    let run = SyncRun::execute(
        &gateway.directory,
        organisation,
        &connection,
        mode,
        Reading::Whole,
        report,
    );
    let report = run.await.expect("a good run");
    assert_eq!(report.failures[0].reason, FailureReason::Outdated);
    assert!(gateway.groups().await["crew"].contains("l0001"));
    assert_eq!(gateway.sync().await.failures, []);
    let crew = &gateway.groups().await["crew"];
    assert_eq!(crew.iter().collect::<Vec<_>>(), ["l0001"], "the next run lets it go");
}
