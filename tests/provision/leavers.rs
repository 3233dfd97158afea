//! Who is not seen any more: noted, suspended, deleted; and who comes back.

use std::collections::BTreeSet;

use serde_json::json;
use usher::directory::membership::MemberChanges;
use usher::directory::{DirectoryError, Operation, Unit, keys};
use usher::model::event::EventKind;
use usher::model::group::Group;
use usher::model::membership::Member;
use usher::model::origin::Origin;
use usher::provision::brake::HoldReason;
use usher::provision::failure::FailureReason;
use usher::provision::plan::{GroupAction, PersonAction};
use usher::provision::reading::Reading;
use usher::provision::run::{RunMode, RunReport};

use super::gateway::{EditUser, Gateway, group, people};

const HIDE: &str =
    "dn: uid=l0000,ou=people,dc=example,dc=com\nchangetype: modify\nadd: description\ndescription: hidden\n";
const SHOW: &str = "dn: uid=l0000,ou=people,dc=example,dc=com\nchangetype: modify\ndelete: description\n";

async fn start() -> Option<Gateway> {
    let gateway = Gateway::start(&people("l", 5)).await?;
    gateway
        .connect(json!({
            "leavers": { "suspend_after_runs": 2, "delete_after_days": 30 },
            "ldap": { "users": {
                "base": "ou=people,dc=example,dc=com",
                "filter": "(&(objectClass=inetOrgPerson)(!(description=hidden)))",
            } },
        }))
        .await;
    gateway.sync().await;
    gateway.slapd.modify(HIDE);
    Some(gateway)
}

async fn steps(gateway: &Gateway) -> Vec<PersonAction> {
    let report = gateway.sync().await;
    assert_eq!(report.failures, []);
    report.plan.people.iter().map(|step| step.action).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leaver_is_noted_then_suspended_then_deleted() {
    let Some(gateway) = start().await else { return };
    assert_eq!(steps(&gateway).await, [PersonAction::Miss]);
    assert!(gateway.users().await["l0000"].is_active());
    assert_eq!(steps(&gateway).await, [PersonAction::SuspendMissing]);
    assert!(!gateway.users().await["l0000"].is_active());
    gateway.clock.advance_days(29);
    assert_eq!(steps(&gateway).await, []);
    gateway.clock.advance_days(1);
    assert_eq!(steps(&gateway).await, [PersonAction::Delete]);
    assert_eq!(gateway.users().await.len(), 4);
    assert_eq!(gateway.events(EventKind::UserDeleted).await, 1);
    gateway.slapd.modify(SHOW);
    assert_eq!(
        steps(&gateway).await,
        [PersonAction::Create],
        "an id that was deleted is somebody new"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_returning_id_revives_the_same_user() {
    let Some(gateway) = start().await else { return };
    let before = gateway.users().await["l0000"].clone();
    gateway.sync().await;
    gateway.slapd.modify(SHOW);
    assert_eq!(
        steps(&gateway).await,
        [PersonAction::Refresh],
        "missed once, and nothing to see"
    );
    assert_eq!(gateway.users().await["l0000"], before);
    gateway.slapd.modify(HIDE);
    gateway.sync().await;
    gateway.sync().await;
    assert!(!gateway.users().await["l0000"].is_active());
    gateway.clock.advance_days(365);
    gateway.slapd.modify(SHOW);
    assert_eq!(steps(&gateway).await, [PersonAction::Reactivate]);
    let after = gateway.users().await["l0000"].clone();
    assert_eq!((after.id, after.is_active()), (before.id, true));
    gateway.slapd.modify(HIDE);
    assert_eq!(steps(&gateway).await, [PersonAction::Miss], "the count begins anew");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leaver_whom_another_source_has_is_only_unlinked() {
    let Some(gateway) = start().await else { return };
    let user = gateway.users().await["l0000"].clone();
    let link = EditUser {
        user: &user,
        edit: |user| {
            drop(
                user.external_ids
                    .insert("other".parse().expect("a slug"), "x-1".to_owned()),
            )
        },
    };
    gateway.act(&link).await.expect("linked elsewhere");
    gateway.sync().await;
    gateway.sync().await;
    gateway.clock.advance_days(31);
    assert_eq!(steps(&gateway).await, [PersonAction::Unlink]);
    let user = gateway.users().await["l0000"].clone();
    assert!(user.is_active(), "our block goes with us");
    assert_eq!(
        user.connections().map(|name| name.as_str()).collect::<Vec<_>>(),
        ["other"]
    );
    assert_eq!(steps(&gateway).await, []);
}

/// Puts a user into a group as an administrator would.
struct PutIn<'a> {
    group: &'a Group,
    member: Member,
}

#[async_trait::async_trait]
impl Operation for PutIn<'_> {
    type Outcome = ();

    async fn attempt(&self, unit: &mut Unit) -> Result<(), DirectoryError> {
        let mut changes = MemberChanges::default();
        unit.add_members(self.group, &[self.member], &Origin::Direct, &mut changes)
            .await?;
        unit.note_member_changes(self.group.id, &changes);
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_is_gone_but_holds_members_of_others_is_only_let_go() {
    let groups = ["crew", "g1", "g2", "g3", "g4", "g5"].map(|cn| group(cn, &["uid=l0000,ou=people"]));
    let Some(gateway) = Gateway::start(&(people("l", 2) + &groups.concat())).await else {
        return;
    };
    gateway.connect(json!({ "leavers": { "suspend_after_runs": 1 } })).await;
    gateway.sync().await;
    let member = Member::User(gateway.users().await["l0001"].id);
    let groups: Vec<Group> = gateway
        .records(keys::table(gateway.organisation, keys::Table::Group))
        .await;
    let group = groups.iter().find(|group| group.display_name == "crew").expect("crew");
    gateway.act(&PutIn { group, member }).await.expect("a member");
    for cn in ["crew", "g1"] {
        gateway.slapd.modify(&format!(
            "dn: cn={cn},ou=groups,dc=example,dc=com\nchangetype: delete\n"
        ));
    }
    gateway.sync().await;
    let left = gateway.groups().await;
    assert_eq!(left["crew"], BTreeSet::from(["l0001".to_owned()]));
    assert!(!left.contains_key("g1"), "nobody else has anything in this one");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_that_a_reading_of_changes_tells_counts_once_and_each_comparison_counts() {
    let Some(gateway) = Gateway::start(&people("l", 5)).await else {
        return;
    };
    gateway
        .connect(json!({ "leavers": { "suspend_after_runs": 3, "delete_after_days": 30 } }))
        .await;
    gateway.sync().await;
    gateway
        .slapd
        .modify("dn: uid=l0000,ou=people,dc=example,dc=com\nchangetype: delete\n");
    let actions = |report: &RunReport| report.plan.people.iter().map(|step| step.action).collect::<Vec<_>>();
    let told = gateway.read(Reading::Changes).await;
    assert_eq!(
        (told.reading, actions(&told)),
        (Reading::Changes, vec![PersonAction::Miss])
    );
    for _ in 0..3 {
        let idle = gateway.read(Reading::Changes).await;
        assert_eq!(
            (idle.reading, actions(&idle)),
            (Reading::Changes, vec![]),
            "told once, counted once"
        );
    }
    let compared = gateway.read(Reading::Presence).await;
    assert_eq!(
        (compared.reading, actions(&compared)),
        (Reading::Presence, vec![PersonAction::Miss])
    );
    assert!(gateway.users().await["l0000"].is_active());
    assert_eq!(actions(&gateway.sync().await), [PersonAction::SuspendMissing]);
    assert!(!gateway.users().await["l0000"].is_active());
    gateway.clock.advance_days(30);
    assert_eq!(actions(&gateway.read(Reading::Changes).await), []);
    assert_eq!(actions(&gateway.read(Reading::Presence).await), [PersonAction::Delete]);
    assert_eq!(gateway.users().await.len(), 4);
}

const GROUPS_TOO: [&str; 3] = ["uid=l0000,ou=people", "uid=l0001,ou=people", "uid=l0002,ou=people"];

/// Two groups, one of which is gone.
async fn with_a_group_gone(leavers: serde_json::Value) -> Option<Gateway> {
    let groups = group("crew", &GROUPS_TOO) + &group("deck", &GROUPS_TOO);
    let gateway = Gateway::start(&(people("l", 5) + &groups)).await?;
    gateway.connect(json!({ "leavers": leavers })).await;
    gateway.sync().await;
    gateway
        .slapd
        .modify("dn: cn=crew,ou=groups,dc=example,dc=com\nchangetype: delete\n");
    Some(gateway)
}

fn group_actions(report: &RunReport) -> Vec<GroupAction> {
    assert_eq!(report.failures, []);
    report.plan.groups.iter().map(|step| step.action).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_is_gone_is_noted_then_emptied_then_deleted() {
    let leavers = json!({ "suspend_after_runs": 2, "delete_after_days": 30 });
    let Some(gateway) = with_a_group_gone(leavers).await else {
        return;
    };
    assert_eq!(group_actions(&gateway.sync().await), [GroupAction::Miss]);
    assert_eq!(
        gateway.groups().await["crew"].len(),
        3,
        "one run without it says little"
    );
    let emptied = gateway.sync().await;
    assert_eq!(group_actions(&emptied), [GroupAction::Empty]);
    assert_eq!(emptied.classes.members_removed, 3);
    assert!(gateway.groups().await["crew"].is_empty());
    assert_eq!(gateway.groups().await["deck"].len(), 3);
    gateway.clock.advance_days(29);
    assert_eq!(group_actions(&gateway.sync().await), []);

    // Another group of the same name waits until the name is free.
    gateway.slapd.modify(
        "dn: cn=crew,ou=groups,dc=example,dc=com\nchangetype: add\nobjectClass: groupOfNames\ncn: crew\n\
         member: uid=l0004,ou=people,dc=example,dc=com\n",
    );
    let report = gateway.sync().await;
    assert!(
        matches!(report.failures[0].reason, FailureReason::Taken { .. }),
        "{:?}",
        report.failures
    );
    gateway.clock.advance_days(1);
    let report = gateway.sync().await;
    let actions: Vec<GroupAction> = report.plan.groups.iter().map(|step| step.action).collect();
    assert_eq!(actions, [GroupAction::Delete]);
    assert_eq!(group_actions(&gateway.sync().await), [GroupAction::Create]);
    assert_eq!(gateway.groups().await["crew"], BTreeSet::from(["l0004".to_owned()]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_is_seen_again_within_its_period_is_the_same_one_with_its_members() {
    let Some(gateway) =
        Gateway::start(&(people("l", 5) + &group("crew", &GROUPS_TOO) + &group("deck", &GROUPS_TOO))).await
    else {
        return;
    };
    let settings = |filter: &str| {
        json!({
            "leavers": { "suspend_after_runs": 1, "delete_after_days": 30 },
            "ldap": { "groups": { "base": "ou=groups,dc=example,dc=com", "filter": filter } },
        })
    };
    gateway.connect(settings("(objectClass=groupOfNames)")).await;
    gateway.sync().await;
    let ids = || async {
        let groups: Vec<Group> = gateway
            .records(keys::table(gateway.organisation, keys::Table::Group))
            .await;
        groups.into_iter().map(|group| group.id).collect::<BTreeSet<_>>()
    };
    let before = ids().await;
    gateway.connect(settings("(cn=deck)")).await;
    assert_eq!(group_actions(&gateway.sync().await), [GroupAction::Empty]);
    assert!(gateway.groups().await["crew"].is_empty());
    gateway.clock.advance_days(29);
    gateway.connect(settings("(objectClass=groupOfNames)")).await;
    assert_eq!(group_actions(&gateway.sync().await), [GroupAction::Keep]);
    assert_eq!((ids().await, gateway.groups().await["crew"].len()), (before, 3));

    gateway.connect(settings("(cn=deck)")).await;
    assert_eq!(
        group_actions(&gateway.sync().await),
        [GroupAction::Empty],
        "the count begins anew"
    );
    gateway.clock.advance_days(30);
    assert_eq!(group_actions(&gateway.sync().await), [GroupAction::Delete]);
    assert!(!gateway.groups().await.contains_key("crew"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_whose_deletion_a_reading_of_changes_tells_is_emptied_once_and_deleted_by_a_comparison() {
    let leavers = json!({ "suspend_after_runs": 1, "delete_after_days": 30 });
    let Some(gateway) = with_a_group_gone(leavers).await else {
        return;
    };
    let told = gateway.read(Reading::Changes).await;
    assert_eq!(
        (told.reading, group_actions(&told)),
        (Reading::Changes, vec![GroupAction::Empty])
    );
    assert!(gateway.groups().await["crew"].is_empty());
    assert_eq!(group_actions(&gateway.read(Reading::Presence).await), []);
    gateway.clock.advance_days(30);
    assert_eq!(group_actions(&gateway.read(Reading::Changes).await), []);
    let compared = gateway.read(Reading::Presence).await;
    assert_eq!(
        (compared.reading, group_actions(&compared)),
        (Reading::Presence, vec![GroupAction::Delete])
    );
    assert!(!gateway.groups().await.contains_key("crew"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_group_that_would_be_emptied_and_many_groups_at_once_are_held() {
    let leavers = json!({ "suspend_after_runs": 1, "delete_after_days": 30 });
    let Some(gateway) = with_a_group_gone(leavers.clone()).await else {
        return;
    };
    let brake = |brake: serde_json::Value| json!({ "leavers": leavers, "brake": brake });
    gateway.connect(brake(json!({ "removals_per_group": 2 }))).await;
    let dry = gateway.run(RunMode::DryRun).await.expect("a dry run");
    assert!(
        matches!(dry.held[..], [HoldReason::Removals { count: 3, of: 3, .. }]),
        "{:?}",
        dry.held
    );
    gateway.connect(brake(json!({ "suspensions": 0 }))).await;
    let dry = gateway.run(RunMode::DryRun).await.expect("a dry run");
    let told: Vec<String> = dry.held.iter().map(ToString::to_string).collect();
    assert_eq!(told, ["1 of 2 groups would be emptied"]);
}
