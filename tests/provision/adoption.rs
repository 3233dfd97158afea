//! Whom a run may take over, by name and by e-mail, and whom it may not.

use serde_json::{Value, json};
use usher::directory::organisation::UpdateOrganisation;
use usher::directory::review::DecideReview;
use usher::model::review::Verdict;
use usher::provision::failure::FailureReason;
use usher::provision::held::Approve;
use usher::provision::history::{self, Ended};
use usher::provision::plan::PersonAction;
use usher::provision::run::Outcome;

use super::gateway::{Gateway, MakeUser, people, person};

fn by_hand() -> MakeUser {
    MakeUser {
        user_name: "Ada",
        attributes: json!({ "emails": [{ "value": "ada@example.com" }], "nickName": "Countess" }),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_made_by_hand_is_refused_by_default_and_adopted_by_policy() {
    let Some(gateway) = Gateway::start(&person("ada", "title: Analyst\n")).await else {
        return;
    };
    let made = gateway.act(&by_hand()).await.expect("a user");
    let report = gateway.sync().await;
    let taken = FailureReason::Taken {
        attribute: "userName".to_owned(),
        by: Some(made.id),
    };
    assert_eq!((report.changed, &report.failures[0].reason), (0, &taken));

    gateway.connect(json!({ "matching": { "adoption": "adopt" } })).await;
    let report = gateway.sync().await;
    assert_eq!(report.plan.people[0].action, PersonAction::Adopt);
    let users = gateway.users().await;
    let ada = users.values().next().expect("one user");
    assert_eq!((users.len(), ada.id), (1, made.id));
    assert_eq!(ada.attributes["title"], Value::from("Analyst"));
    assert!(ada.external_ids.contains_key(&"corporate".parse().expect("a slug")));
    assert_eq!(gateway.sync().await.changed, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_entries_with_one_mail_only_one_adopts_and_only_in_a_verified_domain() {
    let ldif = person("a1", "").replace("a1@", "ada@") + &person("a2", "").replace("a2@", "ADA@");
    let Some(gateway) = Gateway::start(&ldif).await else {
        return;
    };
    let made = gateway.act(&by_hand()).await.expect("a user");
    gateway
        .connect(json!({ "matching": { "by": ["email"], "adoption": "adopt" } }))
        .await;
    let dry = gateway
        .run(usher::provision::run::RunMode::DryRun)
        .await
        .expect("a dry run");
    assert!(
        dry.plan.people.iter().all(|step| step.action == PersonAction::Create),
        "the domain is not verified"
    );

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
    let adopted: Vec<_> = report.plan.people.iter().map(|step| (step.action, step.user)).collect();
    assert_eq!(adopted, [(PersonAction::Adopt, Some(made.id))]);
    let taken = FailureReason::Taken {
        attribute: "emails".to_owned(),
        by: Some(made.id),
    };
    assert_eq!(
        report
            .failures
            .iter()
            .map(|failure| &failure.reason)
            .collect::<Vec<_>>(),
        [&taken]
    );
    assert_eq!(gateway.users().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_run_asks_its_questions_all_the_same_and_is_in_the_history_once() {
    let Some(gateway) = Gateway::start(&(people("p", 3) + &person("zed", ""))).await else {
        return;
    };
    let strict = json!({
        "matching": { "adoption": "review" },
        "brake": { "suspensions": 0, "percent": 0, "drop_percent": 100 },
    });
    gateway.connect(strict).await;
    gateway.sync().await;
    gateway.act(&by_hand()).await.expect("a user");
    gateway
        .slapd
        .modify("dn: uid=zed,ou=people,dc=example,dc=com\nchangetype: delete\n");
    gateway.slapd.modify(
        "dn: uid=ada,ou=people,dc=example,dc=com\nchangetype: add\nobjectClass: inetOrgPerson\nuid: ada\ncn: ada\nsn: A\n",
    );
    let report = gateway.sync().await;
    assert_eq!(report.outcome, Outcome::Held, "{:?}", report.held);
    let connection = "corporate".parse().expect("a slug");
    let waiting = gateway.directory.list_reviews(gateway.organisation, &connection).await;
    let waiting = waiting.expect("a list");
    assert_eq!(
        waiting.iter().map(|review| review.name.as_str()).collect::<Vec<_>>(),
        ["ada"]
    );
    let decide = DecideReview {
        connection: connection.clone(),
        id: waiting[0].id.clone(),
        verdict: Some(Verdict::Approved),
    };
    gateway.act(&decide).await.expect("decided");
    let runs = history::load(&gateway.directory, gateway.organisation, &connection).await;
    let runs: Vec<Ended> = runs.expect("a history").iter().map(|run| run.outcome).collect();
    assert_eq!(runs, [Ended::Held, Ended::Finished]);

    let again = gateway.sync().await;
    assert_eq!(again.outcome, Outcome::Held);
    assert!(
        again.plan.people.iter().any(|step| step.action == PersonAction::Adopt),
        "what is approved is in the plan"
    );
    let approve = Approve {
        connection,
        hash: again.plan_hash,
    };
    gateway.act(&approve).await.expect("approved");
    let report = gateway.sync().await;
    assert_eq!((report.outcome, report.failures.len()), (Outcome::Finished, 0));
    let people = report.entries.people;
    assert_eq!(
        (people.read, people.changed, people.skipped, people.failed),
        (4, 2, 3, 0)
    );
}
