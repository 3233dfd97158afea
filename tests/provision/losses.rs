//! What a plan takes from people who stay is judged too: a role, a licence, a team of the rules.

use serde_json::{Value, json};
use usher::provision::brake::HoldReason;
use usher::provision::held::Approve;
use usher::provision::plan::Loss;
use usher::provision::reading::{Reading, WhyWhole};
use usher::provision::run::{Outcome, RunMode};

use super::gateway::{Gateway, people};
use crate::kit::scim::slug;

/// A directory of 40, where rules give everyone a role, a licence and a team.
async fn start() -> Option<Gateway> {
    let gateway = Gateway::start(&people("p", 40)).await?;
    gateway.declare_licence(json!({ "key": "pro", "name": "Pro" })).await;
    gateway.declare_role("reader").await;
    gateway.connect(settings("uid", json!({}))).await;
    let report = gateway.sync().await;
    assert_eq!(
        (report.outcome, report.plan.losses.as_slice()),
        (Outcome::Finished, [].as_slice())
    );
    Some(gateway)
}

/// The rules look at this attribute.
fn settings(attribute: &str, brake: Value) -> Value {
    json!({
        "brake": brake,
        "grantable_roles": ["reader"],
        "grants": [{
            "when": format!("source.{attribute}.exists(value, value.startsWith('p00'))"),
            "roles": ["reader"], "licences": ["pro"], "teams": ["Everyone"],
        }],
    })
}

fn lost(losses: &[Loss]) -> Vec<(&str, &str, u64, u64)> {
    losses
        .iter()
        .map(|loss| (loss.what.as_str(), loss.name.as_str(), loss.count, loss.of))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_typo_in_a_rule_is_held_and_takes_nothing() {
    let Some(gateway) = start().await else { return };
    let model = gateway.model().await;
    gateway.connect(settings("udi", json!({}))).await;
    let held = gateway.sync().await;
    let all = [("licence", "pro"), ("role", "reader"), ("team", "Everyone")];
    let expected = |(what, name): (&str, &str)| HoldReason::Losses {
        what: what.to_owned(),
        name: name.to_owned(),
        count: 40,
        of: 40,
    };
    assert_eq!(held.outcome, Outcome::Held);
    let mut reasons = held.held.clone();
    reasons.sort_by_key(ToString::to_string);
    assert_eq!(reasons, all.map(expected));
    assert_eq!(reasons[1].to_string(), "40 of 40 people would lose role reader");
    assert_eq!(gateway.model().await, model);

    // A person may mean it.
    let approve = Approve {
        connection: slug("corporate"),
        hash: held.plan_hash,
    };
    gateway.act(&approve).await.expect("approved");
    assert_eq!(gateway.sync().await.outcome, Outcome::Finished);
    let users = gateway.users().await;
    assert!(
        users
            .values()
            .all(|user| user.roles.is_empty() && user.licences.is_empty() && user.is_active())
    );
    assert!(gateway.groups().await["Everyone"].is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn losses_are_held_above_their_count_and_their_part_of_those_who_have_it() {
    let Some(gateway) = start().await else { return };
    // Ten of the forty are no longer meant; the other thirty are as they were.
    let narrow = |brake: Value| {
        let mut settings = settings("uid", brake);
        settings["grants"][0]["when"] = json!("source.uid.exists(value, !value.startsWith('p000'))");
        settings
    };
    for (losses, percent, is_held) in [(9, 24, true), (10, 0, false), (9, 25, false)] {
        gateway
            .connect(narrow(
                json!({ "losses": losses, "losses_percent": percent, "percent": 0 }),
            ))
            .await;
        let dry = gateway.run(RunMode::DryRun).await.expect("a dry run");
        let expected = [
            ("role", "reader", 10, 40),
            ("licence", "pro", 10, 40),
            ("team", "Everyone", 10, 40),
        ];
        assert_eq!(lost(&dry.plan.losses), expected, "{losses} {percent}");
        assert_eq!(dry.held.len(), if is_held { 3 } else { 0 }, "{:?}", dry.held);
    }

    // A reading of changes that would take from too many becomes one of everything, which says of how many.
    let by_title = |brake: Value| {
        let mut settings = settings("uid", brake);
        settings["grants"][0]["when"] = json!("!('Guest' in source.title)");
        settings
    };
    gateway
        .connect(by_title(json!({ "losses": 2, "losses_percent": 10 })))
        .await;
    gateway.sync().await;
    let title = |range: std::ops::Range<u32>| {
        for number in range {
            gateway.slapd.modify(&format!(
                "dn: uid=p{number:04},ou=people,dc=example,dc=com\nchangetype: modify\nadd: title\ntitle: Guest\n"
            ));
        }
    };
    title(0..3);
    let few = gateway.read(Reading::Changes).await;
    assert_eq!((few.outcome, few.why_whole), (Outcome::Finished, Some(WhyWhole::Brake)));
    assert_eq!(lost(&few.plan.losses)[0], ("role", "reader", 3, 40));
    title(3..8);
    let many = gateway.read(Reading::Changes).await;
    assert_eq!(many.outcome, Outcome::Held);
    assert_eq!(lost(&many.plan.losses)[0], ("role", "reader", 5, 37));
}
