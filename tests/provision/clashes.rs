//! Entries of one reading that want the same: the dry run says who gets it, and the run does so, however many there are.

use serde_json::json;
use usher::directory::organisation::UpdateOrganisation;
use usher::directory::role_assignment::{AssignRole, WithdrawRole};
use usher::model::custom_attribute::{Bearer, urn};
use usher::model::slug::Slug;
use usher::provision::difference::Difference;
use usher::provision::failure::{Failure, FailureReason};
use usher::provision::organisation_file;
use usher::provision::progress::silent;
use usher::provision::reading::Reading;
use usher::provision::rehearse::Sink;
use usher::provision::run::{RunReport, SyncRun};

use super::gateway::{Gateway, person};

const FILE: &str = r#"
[organisation]
slug = "acme"

[[user_attributes]]
name = "badge"
type = "string"
unique = true
"#;

/// What a dry run tells.
#[derive(Default)]
struct Told(Vec<Difference>);

#[async_trait::async_trait]
impl Sink for Told {
    async fn take(&mut self, differences: Vec<Difference>) -> Result<(), usher::directory::DirectoryError> {
        self.0.extend(differences);
        Ok(())
    }
}

/// A dry run of everything that holds at most so many bytes unpacked, and what it lists.
async fn dry_run(gateway: &Gateway, open_bytes_max: usize) -> (RunReport, Vec<Difference>) {
    let packing = gateway.directory.clone().with_rehearsals(open_bytes_max);
    let mut sink = Told::default();
    let connection = "corporate".parse().expect("a slug");
    let run = SyncRun::preview(
        &packing,
        gateway.organisation,
        &connection,
        Reading::Whole,
        silent(),
        &mut sink,
    );
    (run.await.expect("a dry run"), sink.0)
}

/// People of whom several have one badge, one address, or one telephone number to sign in by.
fn people() -> String {
    let mut ldif = String::new();
    for number in 0..60 {
        let badge = number % 20;
        ldif += &person(&format!("b{number:02}"), &format!("employeeType: B{badge}\n"));
    }
    for number in 0..20 {
        let mail = format!("shared{}@example.com", number % 5);
        let uid = format!("m{number:02}");
        ldif += &person(&uid, "").replace(&format!("{uid}@example.com"), &mail);
    }
    for (place, spelling) in ["+49 151 1234567", "+49 151 12345 67", "+491511234567"]
        .iter()
        .enumerate()
    {
        ldif += &person(&format!("t{place}"), "").replace(
            &format!("\nuid: t{place}"),
            &format!("\nuid: {spelling}\nuid: t{place}"),
        );
    }
    ldif
}

async fn start() -> Option<Gateway> {
    let gateway = Gateway::start(&people()).await?;
    let file = organisation_file::parse(FILE).expect("a good file");
    let administrator = gateway.administrator();
    let declared = gateway.directory.declare(&administrator, &file.declaration);
    declared.await.expect("declared");
    let settings = gateway.directory.load_organisation(gateway.organisation).await;
    let mut organisation = settings.expect("settings").organisation.clone();
    organisation.verified_domains = vec!["example.com".to_owned()];
    gateway
        .act(&UpdateOrganisation(organisation))
        .await
        .expect("a verified domain");
    let own = urn(&"acme".parse().expect("a slug"), Bearer::User);
    let rule = |to: &str, from: &str| json!({ "to": to, "from": from });
    let badge = format!("{own}:badge");
    let mapping = [
        rule("userName", "uid"),
        rule("emails", "mail"),
        rule(&badge, "employeeType"),
    ];
    gateway
        .connect(json!({ "mapping": mapping, "matching": { "by": ["email"], "adoption": "adopt" } }))
        .await;
    Some(gateway)
}

fn told(failures: &[Failure]) -> Vec<(Option<String>, String)> {
    let mut told: Vec<_> = failures
        .iter()
        .map(|failure| (failure.name.clone(), failure.reason.to_string()))
        .collect();
    told.sort();
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_of_several_who_want_the_same_gets_it_in_the_dry_run_and_in_the_run() {
    for open_bytes_max in [0, 4_000, usize::MAX] {
        let Some(gateway) = start().await else { return };
        let (dry, differences) = dry_run(&gateway, open_bytes_max).await;
        let done = gateway.sync().await;
        assert_eq!(done.plan_hash, dry.plan_hash);
        assert_eq!(told(&done.failures), told(&dry.failures), "{open_bytes_max}");
        let users = gateway.users().await;
        let first = |start: &str| -> Vec<&String> { users.keys().filter(|name| name.starts_with(start)).collect() };
        let expected = |start: &str, count: usize| {
            (0..count)
                .map(|number| format!("{start}{number:02}"))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            first("b"),
            expected("b", 20).iter().collect::<Vec<_>>(),
            "{open_bytes_max}"
        );
        assert_eq!(
            first("m"),
            expected("m", 5).iter().collect::<Vec<_>>(),
            "{open_bytes_max}"
        );
        assert_eq!(first("+49").len(), 1, "{open_bytes_max}");
        let told_names: Vec<&str> = differences.iter().map(|difference| difference.name.as_str()).collect();
        assert_eq!(
            told_names.len(),
            users.len(),
            "each of those who come, and nobody else: {told_names:?}"
        );
        assert!(
            told_names.iter().all(|name| users.contains_key(*name)),
            "{told_names:?}"
        );
        assert_eq!(done.failures.len(), 83 - users.len());
        let by_the_plan = |failure: &Failure| matches!(failure.reason, FailureReason::Duplicate { .. });
        assert!(done.failures.iter().all(by_the_plan), "{:?}", done.failures);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_given_up_and_taken_within_one_plan_is_foreseen_whatever_is_packed() {
    let Some(gateway) = start().await else { return };
    gateway.sync().await;
    let own = urn(&"acme".parse().expect("a slug"), Bearer::User);
    // b00 gives its badge to b01, whose own goes to nobody; two newcomers want that one.
    let badge = |uid: &str, badge: &str| {
        format!(
            "dn: uid={uid},ou=people,dc=example,dc=com\nchangetype: modify\nreplace: employeeType\nemployeeType: {badge}\n\n"
        )
    };
    let new = |uid: &str| {
        format!(
            "dn: uid={uid},ou=people,dc=example,dc=com\nchangetype: add\nobjectClass: inetOrgPerson\nuid: {uid}\ncn: {uid}\nsn: N\nemployeeType: B1\n\n"
        )
    };
    // Those who had failed for these badges get others, so that only the newcomers want them.
    let others: String = ["b20", "b21", "b40", "b41"]
        .iter()
        .map(|uid| badge(uid, &format!("of {uid}")))
        .collect();
    let changes = badge("b00", "B0 new") + &badge("b01", "B0") + &others + &new("n0") + &new("n1");
    gateway.slapd.modify(&changes);
    let mut lists = Vec::new();
    for open_bytes_max in [0, usize::MAX] {
        let (dry, differences) = dry_run(&gateway, open_bytes_max).await;
        lists.push((told(&dry.failures), differences));
    }
    let [one, other] = lists.try_into().expect("two lists");
    assert_eq!(one, other);
    let done = gateway.sync().await;
    assert_eq!(told(&done.failures), one.0);
    let users = gateway.users().await;
    let badge = |uid: &str| users[uid].attributes[&own]["badge"].clone();
    assert_eq!([badge("b00"), badge("b01")], ["B0 new", "B0"]);
    let came: Vec<bool> = ["n0", "n1"].iter().map(|uid| users.contains_key(*uid)).collect();
    assert_eq!(
        came.iter().filter(|came| **came).count(),
        1,
        "one of two: {:?}",
        done.failures
    );
}

const SET: &str = r#"
[organisation]
slug = "acme"

[[roles]]
key = "agent"
name = "Agent"
one_of = "kind"

[[roles]]
key = "expert"
name = "Expert"
one_of = "kind"
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_second_role_of_a_set_fails_for_that_person_alone_in_the_dry_run_and_in_the_run() {
    let ldif = person("ada", "") + &person("bob", "");
    let Some(gateway) = Gateway::start(&ldif).await else {
        return;
    };
    let file = organisation_file::parse(SET).expect("a good file");
    let administrator = gateway.administrator();
    let declared = gateway.directory.declare(&administrator, &file.declaration);
    declared.await.expect("declared");
    gateway.connect(json!({})).await;
    gateway.sync().await;
    let user = gateway.users().await["ada"].id;
    let agent: Slug = "agent".parse().expect("a slug");
    let role = agent.clone();
    gateway
        .act(&AssignRole {
            user,
            role,
            in_place: false,
        })
        .await
        .expect("a role");
    let expert = json!([{ "when": "true", "roles": ["expert"] }]);
    gateway
        .connect(json!({ "grants": expert, "grantable_roles": ["expert"] }))
        .await;
    let (dry, differences) = dry_run(&gateway, usize::MAX).await;
    let told_of: Vec<(&str, bool, bool)> = differences
        .iter()
        .map(|difference| {
            let fails = difference.failure.is_some();
            (difference.name.as_str(), fails, difference.changes.is_empty())
        })
        .collect();
    assert_eq!(told_of, [("ada", true, true), ("bob", false, false)]);
    let done = gateway.sync().await;
    assert_eq!(told(&done.failures), told(&dry.failures));
    let failures = told(&done.failures);
    assert_eq!(failures.len(), 1, "{failures:?}");
    assert_eq!(failures[0].0.as_deref(), Some("ada"));
    assert!(failures[0].1.contains("exclude each other"), "{failures:?}");
    let roles = async |name: &str| {
        let users = gateway.users().await;
        users[name].roles.keys().map(Slug::to_string).collect::<Vec<_>>()
    };
    assert_eq!(
        (roles("ada").await, roles("bob").await),
        (vec!["agent".to_owned()], vec!["expert".to_owned()])
    );
    gateway
        .act(&WithdrawRole { user, role: agent })
        .await
        .expect("a role less");
    assert_eq!(told(&gateway.sync().await.failures), []);
    assert_eq!(roles("ada").await, ["expert"]);
}
