//! A group that may not be deleted is refused before anything of it is taken.

use std::collections::BTreeSet;

use serde_json::json;
use usher::model::origin::Origin;
use usher::provision::failure::{FailureReason, Kind};
use usher::provision::plan::GroupAction;

use super::gateway::{Gateway, group, people};
use crate::kit::gateway::Inside;
use crate::kit::scim::slug;

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_a_role_is_linked_to_stays_whole_until_the_link_is_gone() {
    let ldif = people("d", 3) + &group("crew", &["uid=d0000,ou=people", "uid=d0001,ou=people"]);
    let Some(gateway) = Gateway::start(&(ldif + &group("rest", &["uid=d0002,ou=people"]))).await else {
        return;
    };
    gateway.connect(json!({ "leavers": { "suspend_after_runs": 1 } })).await;
    gateway.declare_role("staff").await;
    gateway.sync().await;
    let acme = Inside::of(gateway.directory.clone()).administrator().await;
    let link = "/api/v1/organisations/acme/roles/staff/groups/crew";
    acme.put(link, json!({})).await.expect(200);
    gateway
        .slapd
        .modify("dn: cn=crew,ou=groups,dc=example,dc=com\nchangetype: delete\n");
    let before = gateway.model().await;

    let first = gateway.sync().await;
    let actions: Vec<GroupAction> = first.plan.groups.iter().map(|step| step.action).collect();
    assert_eq!(actions, [GroupAction::Delete]);
    let [failure] = first.failures.as_slice() else {
        panic!("one failure: {:?}", first.failures)
    };
    assert_eq!((failure.kind, failure.name.as_deref()), (Kind::Group, Some("crew")));
    let refused = |reason: &FailureReason| matches!(reason, FailureReason::Refused { detail } if detail.contains("roles put their holders into this group"));
    assert!(refused(&failure.reason), "{failure:?}");
    assert_eq!(gateway.model().await, before, "nothing of it is taken");
    let edge = gateway.edge("crew", "d0000").await.expect("an edge");
    assert_eq!(edge.origins, [Origin::Connection(slug("corporate"))].into());

    let second = gateway.sync().await;
    assert_eq!(
        (&second.plan_hash, &second.failures),
        (&first.plan_hash, &first.failures)
    );
    assert_eq!(gateway.model().await, before, "nor in the next run");

    acme.delete(link).await.expect(200);
    assert_eq!(gateway.sync().await.failures, []);
    let left: BTreeSet<String> = gateway.groups().await.into_keys().collect();
    assert_eq!(left, BTreeSet::from(["rest".to_owned()]));
}
