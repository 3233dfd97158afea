//! Teams, roles and licences by rule: which rule counts, who comes and leaves, what the plan says.

use serde_json::json;
use usher::model::origin::Origin;
use usher::provision::failure::FailureReason;
use usher::provision::run::RunMode;

use super::gateway::{Gateway, group, people, person};
use crate::kit::scim::slug;

fn ranks() -> serde_json::Value {
    json!([
        { "when": "'staff' in groups", "teams": ["Everyone"], "priority": 50 },
        { "when": "'staff' in groups", "roles": ["reader"], "teams": ["Readers"], "exclusive": true, "set": "rank", "priority": 20 },
        { "when": "'leads' in groups", "roles": ["editor"], "teams": ["Editors"], "licences": ["pro"], "exclusive": true, "set": "rank", "priority": 10 },
    ])
}

#[tokio::test(flavor = "multi_thread")]
async fn of_exclusive_rules_the_first_by_priority_counts_and_teams_follow() {
    let (staff, leads) = (["uid=t0000,ou=people", "uid=t0001,ou=people"], ["uid=t0000,ou=people"]);
    let Some(gateway) = Gateway::start(&(people("t", 2) + &group("staff", &staff) + &group("leads", &leads))).await
    else {
        return;
    };
    gateway
        .declare_licence(json!({ "key": "pro", "name": "Pro", "limit": 1, "when_full": "refuse" }))
        .await;
    for role in ["reader", "editor"] {
        gateway.declare_role(role).await;
    }
    gateway
        .connect(json!({ "grants": ranks(), "grantable_roles": ["reader", "editor"] }))
        .await;
    let dry = gateway.run(RunMode::DryRun).await.expect("a dry run");
    let teams: Vec<_> = dry
        .plan
        .teams
        .iter()
        .map(|team| (team.name.as_str(), team.is_new, team.add))
        .collect();
    assert_eq!(
        teams,
        [("Editors", true, 1), ("Everyone", true, 2), ("Readers", true, 1)]
    );
    assert!(dry.plan.to_string().contains("Everyone: +2, -0"), "{}", dry.plan);
    assert_eq!((dry.seats[0].needed, dry.seats[0].short), (1, 0));
    assert_eq!(gateway.groups().await.len(), 0, "a dry run makes nothing");

    let report = gateway.sync().await;
    assert_eq!(report.failures, []);
    let users = gateway.users().await;
    assert!(users["t0000"].roles.contains_key(&slug("editor")) && !users["t0000"].roles.contains_key(&slug("reader")));
    assert!(users["t0001"].roles.contains_key(&slug("reader")));
    let groups = gateway.groups().await;
    assert_eq!(groups["Editors"].iter().collect::<Vec<_>>(), ["t0000"]);
    assert_eq!(groups["Readers"].iter().collect::<Vec<_>>(), ["t0001"]);
    assert_eq!(groups["Everyone"].len(), 2);
    let edge = gateway.edge("Editors", "t0000").await.expect("an edge");
    assert_eq!(edge.origins, [Origin::Rule(slug("corporate"))].into());
    assert_eq!(gateway.sync().await.changed, 0);

    let demote = "dn: cn=leads,ou=groups,dc=example,dc=com\nchangetype: modify\nreplace: member\nmember: uid=t0001,ou=people,dc=example,dc=com\n";
    gateway.slapd.modify(demote);
    let report = gateway.sync().await;
    let moved: Vec<_> = report
        .plan
        .teams
        .iter()
        .map(|team| (team.name.as_str(), team.add, team.remove))
        .collect();
    assert_eq!(moved, [("Editors", 1, 1), ("Readers", 1, 1)]);
    let groups = gateway.groups().await;
    assert_eq!(groups["Editors"].iter().collect::<Vec<_>>(), ["t0001"]);
    assert_eq!(groups["Readers"].iter().collect::<Vec<_>>(), ["t0000"]);

    gateway.connect(json!({})).await;
    gateway.sync().await;
    let groups = gateway.groups().await;
    assert!(
        groups["Everyone"].is_empty() && groups["Editors"].is_empty(),
        "no rule, no reason"
    );
    assert_eq!(groups["staff"].len(), 2, "what the directory says is another reason");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_team_that_is_missing_is_refused_by_setting_and_what_it_gives_takes_seats() {
    let Some(gateway) = Gateway::start(&(person("ada", "") + &person("bob", ""))).await else {
        return;
    };
    gateway
        .declare_licence(json!({ "key": "pro", "name": "Pro", "limit": 1, "when_full": "refuse" }))
        .await;
    let rules = json!([{ "when": "true", "teams": ["Paid"] }]);
    gateway
        .connect(json!({ "grants": rules, "missing_teams": "refuse" }))
        .await;
    let report = gateway.sync().await;
    assert_eq!((report.changed, report.failures.len()), (0, 2));
    let is_named = |reason: &FailureReason| reason.to_string().contains("there is no team \"Paid\"");
    assert!(
        report.failures.iter().all(|failure| is_named(&failure.reason)),
        "{:?}",
        report.failures
    );

    gateway
        .act(&super::gateway::MakeGroup {
            name: "Paid",
            licences: &["pro"],
        })
        .await
        .expect("a group");
    let dry = gateway.run(RunMode::DryRun).await.expect("a dry run");
    assert_eq!((dry.seats[0].needed, dry.seats[0].short), (2, 1));
    assert_eq!(dry.plan.teams[0].add, 1);
    let report = gateway.sync().await;
    assert_eq!((report.changed, report.failures.len()), (1, 1));
    let users = gateway.users().await;
    assert_eq!(users.len(), 1);
    assert!(users["ada"].licences.contains_key(&slug("pro")));
    assert_eq!(gateway.groups().await["Paid"].len(), 1);
}
