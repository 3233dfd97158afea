//! Who is not seen any more: noted, suspended, deleted; and who comes back.

use std::collections::BTreeSet;

use serde_json::json;
use usher::directory::membership::MemberChanges;
use usher::directory::{DirectoryError, Operation, Unit, keys};
use usher::model::event::EventKind;
use usher::model::group::Group;
use usher::model::membership::Member;
use usher::model::origin::Origin;
use usher::provision::plan::PersonAction;
use usher::provision::reading::Reading;
use usher::provision::run::RunReport;

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
