//! Two sources, one person: an identity provider over SCIM and a directory feed the same organisation.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use usher::directory::organisation::UpdateOrganisation;
use usher::directory::review::DecideReview;
use usher::directory::suspend::SuspendUser;
use usher::model::connection::Connection;
use usher::model::event::EventKind;
use usher::model::origin::Origin;
use usher::model::review::{Review, Verdict};
use usher::provision::failure::FailureReason;
use usher::provision::plan::PersonAction;
use usher::provision::run::RunReport;
use usher::scim::ScimSettings;

use super::gateway::{EditUser, Gateway, MakeUser, group, person};
use crate::kit::scim::{Client, GROUP, Service, Tenant, USER, slug};

const DN: &str = "dn: uid=ada,ou=people,dc=example,dc=com\nchangetype:";

/// A client of connection `scim`, with these settings.
pub(super) async fn scim(gateway: &Gateway, settings: Value) -> Client {
    let router = usher::scim::router(gateway.directory.clone(), ScimSettings::new("https://usher.example"));
    let service = Service {
        directory: gateway.directory.clone(),
        router,
    };
    let tenant = Tenant {
        service,
        name: "acme".to_owned(),
        id: gateway.organisation,
        permit: gateway.administrator(),
    };
    let mut all = json!({ "name": "scim", "kind": "scim" });
    all.as_object_mut()
        .expect("an object")
        .extend(settings.as_object().expect("settings").clone());
    let connection: Connection = serde_json::from_value(all).expect("a connection");
    tenant.client_of(connection).await
}

pub(super) fn adopts() -> Value {
    json!({ "matching": { "adoption": "adopt" } })
}

fn reviews() -> Value {
    json!({ "matching": { "adoption": "review" } })
}

pub(super) fn ada(more: Value) -> Value {
    let mut user = json!({ "schemas": [USER], "userName": "ada", "externalId": "scim-ada" });
    user.as_object_mut()
        .expect("an object")
        .extend(more.as_object().expect("attributes").clone());
    user
}

/// The directory holds Ada, and both sources know her.
async fn both(directory: Value) -> Option<(Gateway, Client, String)> {
    let gateway = Gateway::start(&person("ada", "")).await?;
    gateway.connect(directory).await;
    gateway.sync().await;
    let client = scim(&gateway, adopts()).await;
    let id = client.post("/Users", ada(json!({}))).await.id();
    assert_eq!(gateway.users().await["ada"].held_by().len(), 2);
    Some((gateway, client, id))
}

async fn list(gateway: &Gateway, connection: &str) -> Vec<Review> {
    let connection = slug(connection);
    let list = gateway.directory.list_reviews(gateway.organisation, &connection);
    list.await.expect("a list")
}

async fn decide(gateway: &Gateway, connection: &str, verdict: Option<Verdict>) {
    let id = list(gateway, connection).await[0].id.clone();
    let connection = slug(connection);
    let decide = DecideReview {
        connection,
        id,
        verdict,
    };
    gateway.act(&decide).await.expect("a decision");
}

fn actions(report: &RunReport) -> Vec<PersonAction> {
    report.plan.people.iter().map(|step| step.action).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_source_with_the_smaller_number_has_the_say_over_an_attribute() {
    let Some(gateway) = Gateway::start(&person("ada", "title: Analyst\n")).await else {
        return;
    };
    gateway.connect(json!({ "precedence": 10 })).await;
    gateway.sync().await;
    let mut settings = adopts();
    settings["precedence"] = json!(20);
    let client = scim(&gateway, settings).await;
    let user = ada(json!({ "title": "Boss", "nickName": "Countess" }));
    let id = client.post("/Users", user.clone()).await.id();
    let known = gateway.users().await["ada"].clone();
    assert_eq!(
        (&known.attributes["title"], &known.attributes["nickName"]),
        (&json!("Analyst"), &json!("Countess"))
    );
    gateway.sync().await;
    assert_eq!(gateway.users().await["ada"].attributes["nickName"], json!("Countess"));

    // The other way round.
    gateway.connect(json!({ "precedence": 30 })).await;
    client.put(&format!("/Users/{id}"), user).await.expect(200);
    gateway.sync().await;
    assert_eq!(gateway.users().await["ada"].attributes["title"], json!("Boss"));
    gateway
        .slapd
        .modify(&format!("{DN} modify\nreplace: title\ntitle: Chief Analyst\n"));
    gateway.sync().await;
    assert_eq!(gateway.users().await["ada"].attributes["title"], json!("Boss"));

    // Whoever gives up the say leaves it to the other, and so does whoever goes.
    client.put(&format!("/Users/{id}"), ada(json!({}))).await.expect(200);
    gateway.sync().await;
    assert_eq!(gateway.users().await["ada"].attributes["title"], json!("Chief Analyst"));
    let boss = ada(json!({ "title": "Boss" }));
    client.put(&format!("/Users/{id}"), boss).await.expect(200);
    assert_eq!(gateway.users().await["ada"].attributes["title"], json!("Boss"));
    client.delete(&format!("/Users/{id}")).await.expect(204);
    gateway.sync().await;
    assert_eq!(gateway.users().await["ada"].attributes["title"], json!("Chief Analyst"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verified_address_joins_the_two_whatever_their_names_and_an_unverified_one_does_not() {
    let Some(gateway) = Gateway::start(&person("ada", "")).await else {
        return;
    };
    let by_email = json!({ "matching": { "by": ["email"], "adoption": "adopt" } });
    let client = scim(&gateway, by_email.clone()).await;
    let user = json!({ "schemas": [USER], "userName": "countess", "emails": [{ "value": "ADA@example.com" }] });
    let id = client.post("/Users", user).await.id();
    gateway.connect(by_email).await;
    let dry = gateway
        .run(usher::provision::run::RunMode::DryRun)
        .await
        .expect("a dry run");
    assert_eq!(actions(&dry), [PersonAction::Create]);
    let settings = gateway
        .directory
        .load_organisation(gateway.organisation)
        .await
        .expect("settings");
    let mut organisation = settings.organisation.clone();
    organisation.verified_domains = vec!["example.com".to_owned()];
    gateway
        .act(&UpdateOrganisation(organisation))
        .await
        .expect("a verified domain");
    let report = gateway.sync().await;
    assert_eq!(actions(&report), [PersonAction::Adopt]);
    let users = gateway.users().await;
    let only = users.values().next().expect("one user");
    assert_eq!((users.len(), only.id.to_string(), only.held_by().len()), (1, id, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_of_the_other_source_is_refused_at_both_doors_unless_the_policy_says_otherwise() {
    let Some(gateway) = Gateway::start(&(person("ada", "") + &person("bob", ""))).await else {
        return;
    };
    let client = scim(&gateway, json!({})).await;
    let bob = client.user("Bob").await;
    let report = gateway.sync().await;
    let taken = FailureReason::Taken {
        attribute: "userName".to_owned(),
        by: Some(bob.parse().expect("an id")),
    };
    assert_eq!(
        report
            .failures
            .iter()
            .map(|failure| &failure.reason)
            .collect::<Vec<_>>(),
        [&taken]
    );
    let _ = client
        .post("/Users", ada(json!({})))
        .await
        .refused(409, Some("uniqueness"));
    let users = gateway.users().await;
    assert!(users.values().all(|user| user.held_by().len() == 1));
    assert!(list(&gateway, "scim").await.is_empty() && list(&gateway, "corporate").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_puts_a_doubtful_person_on_the_list_and_links_whom_an_administrator_approves() {
    let Some(gateway) = Gateway::start(&person("ada", "")).await else {
        return;
    };
    let client = scim(&gateway, json!({})).await;
    let id = client.post("/Users", ada(json!({}))).await.id();
    gateway.connect(reviews()).await;
    for _ in 0..2 {
        let report = gateway.sync().await;
        let review = FailureReason::Review {
            attribute: "userName".to_owned(),
            found: id.parse().expect("an id"),
        };
        assert_eq!((report.changed, &report.failures[0].reason), (0, &review));
    }
    let waiting = list(&gateway, "corporate").await;
    assert_eq!(
        (waiting.len(), waiting[0].name.as_str(), waiting[0].matched.as_str()),
        (1, "ada", "userName")
    );
    assert_eq!(waiting[0].found.to_string(), id);
    assert_eq!(gateway.events(EventKind::ReviewRequested).await, 1, "asked once");

    decide(&gateway, "corporate", Some(Verdict::Rejected)).await;
    let report = gateway.sync().await;
    assert!(
        matches!(report.failures[0].reason, FailureReason::Taken { .. }),
        "{:?}",
        report.failures
    );
    decide(&gateway, "corporate", None).await;
    assert!(matches!(
        gateway.sync().await.failures[0].reason,
        FailureReason::Review { .. }
    ));
    decide(&gateway, "corporate", Some(Verdict::Approved)).await;
    let report = gateway.sync().await;
    assert_eq!(
        (actions(&report), report.failures.len()),
        (vec![PersonAction::Adopt], 0)
    );
    assert_eq!(gateway.users().await["ada"].held_by().len(), 2);
    assert!(list(&gateway, "corporate").await.is_empty());
    assert_eq!(gateway.sync().await.changed, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scim_client_waits_for_review_with_409_and_is_let_in_by_approval() {
    let Some(gateway) = Gateway::start(&person("ada", "")).await else {
        return;
    };
    gateway.sync().await;
    let client = scim(&gateway, reviews()).await;
    for _ in 0..2 {
        let detail = client
            .post("/Users", ada(json!({})))
            .await
            .refused(409, Some("uniqueness"));
        assert!(detail.contains("waits for review"), "{detail}");
    }
    assert_eq!(list(&gateway, "scim").await.len(), 1);
    decide(&gateway, "scim", Some(Verdict::Rejected)).await;
    let detail = client
        .post("/Users", ada(json!({})))
        .await
        .refused(409, Some("uniqueness"));
    assert!(!detail.contains("review"), "{detail}");
    decide(&gateway, "scim", Some(Verdict::Approved)).await;
    let id = client.post("/Users", ada(json!({}))).await.id();
    assert_eq!(gateway.users().await["ada"].id.to_string(), id);
    assert!(list(&gateway, "scim").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_administers_is_adopted_by_nobody_without_approval() {
    let Some(gateway) = Gateway::start(&person("ada", "")).await else {
        return;
    };
    let role = json!({ "key": "owner", "name": "Owner", "administers": true });
    let role = usher::directory::role::PutRole(serde_json::from_value(role).expect("a role"));
    gateway.act(&role).await.expect("a good role");
    let made = MakeUser {
        user_name: "ada",
        attributes: json!({}),
    };
    let made = gateway.act(&made).await.expect("a user");
    let promote = EditUser {
        user: &made,
        edit: |user| drop(user.roles.insert(slug("owner"), [Origin::Direct].into())),
    };
    gateway.act(&promote).await.expect("an owner");
    gateway.connect(adopts()).await;
    let report = gateway.sync().await;
    assert!(
        matches!(report.failures[0].reason, FailureReason::Review { .. }),
        "{:?}",
        report.failures
    );
    decide(&gateway, "corporate", Some(Verdict::Approved)).await;
    assert_eq!(actions(&gateway.sync().await), [PersonAction::Adopt]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_waits_for_review_too() {
    let Some(gateway) = Gateway::start(&(person("ada", "") + &group("crew", &["uid=ada,ou=people"]))).await else {
        return;
    };
    let client = scim(&gateway, json!({})).await;
    let crew = client.group("Crew").await;
    gateway.connect(reviews()).await;
    let report = gateway.sync().await;
    assert!(
        matches!(report.failures[0].reason, FailureReason::Review { .. }),
        "{:?}",
        report.failures
    );
    assert!(gateway.groups().await["Crew"].is_empty());
    decide(&gateway, "corporate", Some(Verdict::Approved)).await;
    assert_eq!(gateway.sync().await.failures, []);
    let shown = client.get(&format!("/Groups/{crew}")).await.expect(200);
    assert_eq!(shown["members"].as_array().map(Vec::len), Some(1), "{shown:#}");
    assert!(list(&gateway, "corporate").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_leaves_one_source_stays_for_the_other_and_whoever_leaves_both_is_deleted() {
    let leavers = json!({ "leavers": { "suspend_after_runs": 1, "delete_after_days": 30 } });
    let Some((gateway, client, id)) = both(leavers.clone()).await else {
        return;
    };
    gateway.slapd.modify(&format!("{DN} delete\n\ndn: uid=eve,ou=people,dc=example,dc=com\nchangetype: add\nobjectClass: inetOrgPerson\nuid: eve\ncn: eve\nsn: eve\n"));
    gateway.sync().await;
    gateway.clock.advance_days(30);
    assert_eq!(actions(&gateway.sync().await), [PersonAction::Unlink]);
    let user = gateway.users().await["ada"].clone();
    assert_eq!(
        (user.is_active(), user.held_by()),
        (true, BTreeSet::from([&slug("scim")]))
    );
    assert_eq!(client.delete(&format!("/Users/{id}")).await.status, 204);
    assert!(!gateway.users().await.contains_key("ada"));

    // The other way round.
    let Some((gateway, client, id)) = both(leavers).await else {
        return;
    };
    assert_eq!(client.delete(&format!("/Users/{id}")).await.status, 204);
    let user = gateway.users().await["ada"].clone();
    assert_eq!(
        (user.is_active(), user.held_by()),
        (true, BTreeSet::from([&slug("corporate")]))
    );
    assert_eq!(gateway.sync().await.failures, []);
    gateway.slapd.modify(&format!("{DN} delete\n\ndn: uid=eve,ou=people,dc=example,dc=com\nchangetype: add\nobjectClass: inetOrgPerson\nuid: eve\ncn: eve\nsn: eve\n"));
    gateway.sync().await;
    gateway.clock.advance_days(30);
    assert_eq!(actions(&gateway.sync().await), [PersonAction::Delete]);
    assert!(!gateway.users().await.contains_key("ada"));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_source_moves_its_own_members_of_a_group_only() {
    let ldif = person("ada", "") + &person("eve", "") + &group("crew", &["uid=ada,ou=people", "uid=eve,ou=people"]);
    let Some(gateway) = Gateway::start(&ldif).await else {
        return;
    };
    let client = scim(&gateway, adopts()).await;
    let (crew, bob) = (client.group("crew").await, client.user("bob").await);
    let replace = |members: Value| json!([{ "op": "replace", "path": "members", "value": members }]);
    let path = format!("/Groups/{crew}");
    client
        .patch(&path, replace(json!([{ "value": bob }])))
        .await
        .expect(204);
    gateway.connect(adopts()).await;
    gateway.sync().await;
    let names = |groups: &std::collections::BTreeMap<String, BTreeSet<String>>| {
        groups["crew"].iter().cloned().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(names(&gateway.groups().await), "ada bob eve");
    client.patch(&path, replace(json!([]))).await.expect(204);
    assert_eq!(names(&gateway.groups().await), "ada eve");
    let body = json!({ "schemas": [GROUP], "displayName": "crew", "members": [{ "value": bob }] });
    client.put(&path, body).await.expect(200);
    gateway.slapd.modify(
        "dn: cn=crew,ou=groups,dc=example,dc=com\nchangetype: modify\ndelete: member\nmember: uid=ada,ou=people,dc=example,dc=com\n",
    );
    gateway.sync().await;
    assert_eq!(names(&gateway.groups().await), "bob eve");
    let edge = gateway.edge("crew", "bob").await.expect("an edge");
    assert_eq!(edge.origins, [Origin::Connection(slug("scim"))].into());
}

#[tokio::test(flavor = "multi_thread")]
async fn active_is_what_both_say_and_no_source_lifts_an_administrators_block() {
    let mapping = json!({ "mapping": [
        { "to": "userName", "from": "uid" },
        { "to": "active", "expression": "!('off' in source.description)" },
    ] });
    let Some((gateway, client, id)) = both(mapping).await else {
        return;
    };
    let switch = |word: &str| format!("{DN} modify\nreplace: description\ndescription: {word}\n");
    let set = |active: bool| json!([{ "op": "replace", "path": "active", "value": active }]);
    let path = format!("/Users/{id}");
    for (directory, provider, expected) in [
        ("off", true, false),
        ("off", false, false),
        ("on", false, false),
        ("on", true, true),
    ] {
        gateway.slapd.modify(&switch(directory));
        gateway.sync().await;
        client.patch(&path, set(provider)).await.expect(200);
        assert_eq!(
            gateway.users().await["ada"].is_active(),
            expected,
            "{directory} {provider}"
        );
    }
    gateway
        .act(&SuspendUser(gateway.users().await["ada"].id))
        .await
        .expect("suspended");
    for directory in ["off", "on"] {
        gateway.slapd.modify(&switch(directory));
        gateway.sync().await;
    }
    for provider in [false, true] {
        client.patch(&path, set(provider)).await.expect(200);
    }
    client.put(&path, ada(json!({ "active": true }))).await.expect(200);
    assert!(
        !gateway.users().await["ada"].is_active(),
        "nobody but an administrator lifts it"
    );
}
