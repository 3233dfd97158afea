//! Rules that look at groups, followed by readings of changes: only whom a change of a group concerns is read, and the model
//! is what a reading of everything makes of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use serde_json::{Value, json};
use usher::directory::keys;
use usher::provision::brake::HoldReason;
use usher::provision::reading::{Reading, WhyWhole};
use usher::provision::run::{Outcome, RunReport};
use usher::store::{Batch, Store as _};

use super::gateway::{Gateway, group, people, person};
use crate::kit::scim::slug;

const SUFFIX: &str = "dc=example,dc=com";

fn settings() -> Value {
    json!({
        "grants": [
            { "when": "'crew' in groups", "roles": ["sailor"], "teams": ["Deck"] },
            { "when": "'fleet' in groups", "roles": ["admiral"], "licences": ["pro"] },
        ],
        "grantable_roles": ["sailor", "admiral"],
    })
}

async fn settle(gateway: &Gateway, settings: Value) {
    for role in ["sailor", "admiral"] {
        gateway.declare_role(role).await;
    }
    gateway
        .declare_licence(json!({ "key": "pro", "name": "Pro", "limit": 1000 }))
        .await;
    gateway.connect(settings).await;
}

async fn start(ldif: &str, settings: Value) -> Option<Gateway> {
    let gateway = Gateway::start(ldif).await?;
    settle(&gateway, settings).await;
    assert_eq!(gateway.sync().await.failures, []);
    Some(gateway)
}

/// What rules gave whom, and who is in which group, of those that hold somebody.
async fn given(gateway: &Gateway) -> (BTreeMap<String, BTreeSet<String>>, BTreeMap<String, BTreeSet<String>>) {
    let users = gateway.users().await.into_values().filter(|user| user.is_active());
    let given = users.map(|user| {
        let roles = user.roles.keys().map(ToString::to_string);
        let all = roles.chain(user.licences.keys().map(ToString::to_string));
        (user.user_name.clone(), all.collect())
    });
    // A team that nobody was ever in is not made.
    let mut groups = gateway.groups().await;
    groups.retain(|_, members| !members.is_empty());
    (given.collect(), groups)
}

/// Changes the directory, reads what changed, and compares with a gateway that knows nothing and reads everything.
async fn follow(gateway: &Gateway, settings: &Value, ldif: &str) -> RunReport {
    gateway.slapd.modify(ldif);
    let report = gateway.read(Reading::Changes).await;
    assert_eq!(
        (report.reading, report.why_whole.as_ref(), report.outcome),
        (Reading::Changes, None, Outcome::Finished),
        "after\n{ldif}"
    );
    let fresh = Gateway::beside(Arc::clone(&gateway.slapd)).await;
    settle(&fresh, settings.clone()).await;
    fresh.sync().await;
    assert_eq!(given(gateway).await, given(&fresh).await, "after\n{ldif}");
    report
}

fn members(group: &str, what: &str, members: &[&str]) -> String {
    let mut ldif = format!("dn: cn={group},ou=groups,{SUFFIX}\nchangetype: modify\n{what}: member\n");
    for member in members {
        writeln!(ldif, "member: {member},{SUFFIX}").expect("text");
    }
    ldif + "\n"
}

fn added(ldif: &str) -> String {
    let lines = ldif.replacen("objectClass", "changetype: add\nobjectClass", 1);
    let lines = lines.lines().filter(|line| !line.starts_with("entryUUID"));
    lines.map(|line| format!("{line}\n")).collect()
}

fn roles(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(ToString::to_string).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_into_a_group_or_leaves_it_is_all_that_is_read() {
    let crew: Vec<String> = (0..60).map(|number| format!("uid=g{number:04},ou=people")).collect();
    let crew: Vec<&str> = crew.iter().map(String::as_str).collect();
    let ldif = people("g", 80) + &group("crew", &crew) + &group("fleet", &["uid=g0000,ou=people"]);
    let Some(gateway) = start(&ldif, settings()).await else {
        return;
    };
    let report = follow(&gateway, &settings(), &members("crew", "add", &["uid=g0070,ou=people"])).await;
    assert_eq!((report.read.people, report.failures.len()), (1, 0));
    let steps: Vec<&str> = report.plan.people.iter().map(|step| step.name.as_str()).collect();
    assert_eq!(steps, ["g0070"]);
    assert!(gateway.groups().await["Deck"].contains("g0070"));

    let report = follow(
        &gateway,
        &settings(),
        &members("crew", "delete", &["uid=g0001,ou=people"]),
    )
    .await;
    assert_eq!(report.read.people, 1);
    assert_eq!(
        report.plan.losses.len(),
        2,
        "a role and a team: {:?}",
        report.plan.losses
    );
    assert!(!gateway.users().await["g0001"].roles.contains_key(&slug("sailor")));
    assert!(!gateway.groups().await["Deck"].contains("g0001"));

    let report = follow(
        &gateway,
        &settings(),
        &members("fleet", "add", &["uid=g0070,ou=people"]),
    )
    .await;
    assert_eq!(report.read.people, 1);
    assert!(gateway.users().await["g0070"].licences.contains_key(&slug("pro")));

    // Somebody changes who is in large groups: the groups themselves are no concern of it.
    let title = format!("dn: uid=g0002,ou=people,{SUFFIX}\nchangetype: modify\nadd: title\ntitle: Mate\n\n");
    let report = follow(&gateway, &settings(), &title).await;
    assert_eq!((report.read.people, report.read.groups), (1, 0));
    assert_eq!(report.plan.losses, []);
    assert_eq!(
        gateway.sync().await.changed,
        0,
        "a run over everything finds nothing left"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lies_below_a_group_follows_it_through_chains_and_circles() {
    for nesting in ["flatten", "keep"] {
        let ldif = people("n", 8)
            + &group("leaf", &["uid=n0000,ou=people"])
            + &group("crew", &["cn=leaf,ou=groups", "uid=n0001,ou=people"])
            + &group("fleet", &["cn=crew,ou=groups"])
            + &group("ring", &["cn=fleet,ou=groups", "uid=n0006,ou=people"])
            + &group(
                "other",
                &["uid=n0002,ou=people", "uid=n0003,ou=people", "uid=late,ou=people"],
            );
        let mut settings = settings();
        settings["ldap"] = json!({ "nesting": nesting });
        let Some(gateway) = start(&ldif, settings.clone()).await else {
            return;
        };
        let follow = async |ldif: &str| follow(&gateway, &settings, ldif).await;
        let report = follow(&members("leaf", "add", &["uid=n0004,ou=people"])).await;
        assert_eq!(report.read.people, 1, "{nesting}");
        assert_eq!(
            given(&gateway).await.0["n0004"],
            roles(&["admiral", "pro", "sailor"]),
            "{nesting}"
        );
        // A group comes in, with whoever is in it.
        let report = follow(&members("leaf", "add", &["cn=other,ou=groups"])).await;
        assert_eq!(report.read.people, 2, "{nesting}");
        follow(&members("leaf", "delete", &["cn=other,ou=groups"])).await;
        assert_eq!(given(&gateway).await.0["n0002"], roles(&[]), "{nesting}");
        // A circle, and the way out of it.
        follow(&members("leaf", "add", &["cn=ring,ou=groups"])).await;
        assert_eq!(
            given(&gateway).await.0["n0006"],
            roles(&["admiral", "pro", "sailor"]),
            "{nesting}"
        );
        follow(&members("fleet", "add", &["cn=fleet,ou=groups"])).await;
        follow(&members(
            "leaf",
            "delete",
            &["cn=ring,ou=groups", "uid=n0000,ou=people"],
        ))
        .await;
        // One who is in it by another way stays.
        follow(&members("fleet", "add", &["uid=n0001,ou=people"])).await;
        follow(&members("crew", "delete", &["uid=n0001,ou=people"])).await;
        assert_eq!(
            given(&gateway).await.0["n0001"],
            roles(&["admiral", "pro"]),
            "{nesting}"
        );
        // Names: of a group, which rules look at, and of somebody in it.
        let rename =
            |dn: &str, rdn: &str| format!("dn: {dn},{SUFFIX}\nchangetype: modrdn\nnewrdn: {rdn}\ndeleteoldrdn: 1\n\n");
        follow(&rename("cn=crew,ou=groups", "cn=gang")).await;
        assert_eq!(
            given(&gateway).await.0["n0004"],
            roles(&["admiral", "pro"]),
            "{nesting}"
        );
        follow(&rename("cn=other,ou=groups", "cn=crew")).await;
        follow(&rename("uid=n0002,ou=people", "uid=zoe")).await;
        assert_eq!(given(&gateway).await.0["zoe"], roles(&["sailor"]), "{nesting}");
        // Named all along, there at last.
        follow(&added(&person("late", ""))).await;
        assert_eq!(given(&gateway).await.0["late"], roles(&["sailor"]), "{nesting}");
        // Groups that come and go.
        follow(&format!("dn: cn=crew,ou=groups,{SUFFIX}\nchangetype: delete\n\n")).await;
        assert_eq!(given(&gateway).await.0["zoe"], roles(&[]), "{nesting}");
        follow(&added(&group("crew", &["uid=n0005,ou=people", "cn=ring,ou=groups"]))).await;
        assert_eq!(given(&gateway).await.0["n0005"], roles(&["sailor"]), "{nesting}");
        assert_eq!(gateway.sync().await.changed, 0, "{nesting}");
    }
}

/// Two groups have one name, so only one of them is a group here; rules look at both.
#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_cannot_be_used_here_counts_for_rules_all_the_same() {
    let twin = group("crew", &["uid=t0001,ou=people"]).replace("cn=crew,ou=groups", "cn=crew,ou=more,ou=groups");
    let id = "7e6cbb3e-13e0-4b0f-9c3b-2f6a52f9e001";
    let twin: String = twin
        .lines()
        .map(|line| match line.starts_with("entryUUID") {
            true => format!("entryUUID: {id}\n"),
            false => format!("{line}\n"),
        })
        .collect();
    let unit = format!("dn: ou=more,ou=groups,{SUFFIX}\nobjectClass: organizationalUnit\nou: more\n\n");
    let ldif = people("t", 5) + &group("crew", &["uid=t0000,ou=people"]) + &unit + &twin;
    let Some(gateway) = Gateway::start(&ldif).await else {
        return;
    };
    settle(&gateway, settings()).await;
    assert_eq!(gateway.sync().await.failures.len(), 1, "one of the two");
    assert_eq!(given(&gateway).await.0["t0001"], roles(&["sailor"]));
    for crew in ["crew,ou=more", "crew"] {
        follow(&gateway, &settings(), &members(crew, "add", &["uid=t0002,ou=people"])).await;
        assert_eq!(given(&gateway).await.0["t0002"], roles(&["sailor"]));
        follow(
            &gateway,
            &settings(),
            &members(crew, "delete", &["uid=t0002,ou=people"]),
        )
        .await;
        assert_eq!(given(&gateway).await.0["t0002"], roles(&[]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn losses_by_a_change_of_a_group_are_counted_and_held() {
    let crew = [
        "uid=l0000,ou=people",
        "uid=l0001,ou=people",
        "uid=l0002,ou=people",
        "uid=l0003,ou=people",
    ];
    let mut settings = settings();
    settings["brake"] = json!({ "losses": 1, "losses_percent": 10 });
    let Some(gateway) = start(&(people("l", 4) + &group("crew", &crew)), settings.clone()).await else {
        return;
    };
    let report = follow(&gateway, &settings, &members("crew", "delete", &crew[..1])).await;
    assert_eq!(report.held, [], "one may");
    let model = gateway.model().await;
    gateway.slapd.modify(&members("crew", "delete", &crew[1..3]));
    let held = gateway.read(Reading::Changes).await;
    // A person is to see the plan of everything.
    assert_eq!((held.outcome, held.why_whole), (Outcome::Held, Some(WhyWhole::Brake)));
    let losses = held
        .held
        .iter()
        .filter(|reason| matches!(reason, HoldReason::Losses { count: 2, of: 3, .. }));
    assert_eq!(losses.count(), 2, "the role and the team: {:?}", held.held);
    assert_eq!(gateway.model().await, model, "nothing is changed");
    let approve = usher::provision::held::Approve {
        connection: slug("corporate"),
        hash: held.plan_hash,
    };
    gateway.act(&approve).await.expect("an approval");
    assert_eq!(gateway.read(Reading::Changes).await.outcome, Outcome::Finished);
    // What the held plan knew was not learned before it was applied.
    follow(&gateway, &settings, &members("crew", "add", &crew[1..2])).await;
    assert_eq!(given(&gateway).await.0["l0001"], roles(&["sailor"]));
}

/// What an earlier release left behind does not say what groups held.
#[tokio::test(flavor = "multi_thread")]
async fn everything_is_read_once_where_it_is_not_known_what_groups_held() {
    let ldif = people("o", 3) + &group("crew", &["uid=o0000,ou=people"]);
    let Some(gateway) = start(&ldif, settings()).await else {
        return;
    };
    let key = keys::run(gateway.organisation, &slug("corporate"), "state");
    let stored = gateway.store.get(key.clone()).await.expect("a read").expect("a state");
    let mut state: Value = serde_json::from_slice(&stored.value).expect("JSON");
    assert_eq!(
        state.as_object_mut().expect("an object").remove("knows_groups"),
        Some(json!(true))
    );
    let mut batch = Batch::new();
    batch.put(key, state.to_string());
    gateway.store.commit(batch).await.expect("a commit");
    assert_eq!(gateway.read(Reading::Changes).await.why_whole, None, "nothing changed");
    gateway.slapd.modify(&members("crew", "add", &["uid=o0001,ou=people"]));
    assert_eq!(
        gateway.read(Reading::Changes).await.why_whole,
        Some(WhyWhole::GroupRules)
    );
    follow(&gateway, &settings(), &members("crew", "add", &["uid=o0002,ou=people"])).await;
    // Rules that look at no group need not know.
    gateway.connect(json!({})).await;
    gateway.sync().await;
    let left = gateway
        .stored(keys::table(gateway.organisation, keys::Table::SourceGroup))
        .await;
    assert_eq!(left, []);
}
