//! Whom a run may take over, by name and by e-mail, and whom it may not.

use serde_json::{Value, json};
use usher::directory::organisation::UpdateOrganisation;
use usher::provision::failure::FailureReason;
use usher::provision::plan::PersonAction;

use super::gateway::{Gateway, MakeUser, person};

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
