//! A directory run and SCIM clients at the same time, over one organisation.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::json;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use usher::model::connection::{Connection, ConnectionKind};
use usher::provision::progress::{Progress, Report};
use usher::provision::reading::Reading;
use usher::provision::run::{RunMode, SyncRun};
use usher::scim::ScimSettings;

use super::gateway::{Gateway, people};
use crate::kit::scim::{Client, Service, Tenant, USER, slug};

async fn scim_client(gateway: &Gateway) -> Client {
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
    let mut connection = Connection::new(slug("scim"), ConnectionKind::Scim);
    connection.licences = BTreeSet::from([slug("pro")]);
    tenant.client_of(connection).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_and_scim_clients_that_race_for_the_last_seats_never_take_one_too_many() {
    let Some(gateway) = Gateway::start(&people("r", 20)).await else {
        return;
    };
    gateway
        .declare_licence(json!({ "key": "pro", "name": "Pro", "limit": 10, "when_full": "refuse" }))
        .await;
    gateway.connect(json!({ "licences": ["pro"] })).await;
    let client = scim_client(&gateway).await;
    // The plan counts on ten seats; at that moment the others begin to take them.
    let planned = Arc::new(Semaphore::new(0));
    let mut creates = JoinSet::new();
    for number in 0..20 {
        let (client, planned) = (client.clone(), Arc::clone(&planned));
        creates.spawn(async move {
            let _turn = planned.acquire().await.expect("never closed");
            let user = json!({ "schemas": [USER], "userName": format!("scim{number}") });
            client.post("/Users", user).await.status
        });
    }
    let report: Report = Arc::new(move |progress| {
        if matches!(progress, Progress::Planned { .. }) {
            planned.add_permits(20);
        }
    });
    let connection = slug("corporate");
    let run = SyncRun::execute(
        &gateway.directory,
        gateway.organisation,
        &connection,
        RunMode::Apply,
        Reading::Whole,
        report,
    );
    let report = run.await.expect("a good run");
    let statuses = creates.join_all().await;
    let created = statuses.iter().filter(|status| status.as_u16() == 201).count() as u64;
    let refused = statuses.iter().filter(|status| status.is_client_error()).count() as u64;
    assert_eq!(created + refused, 20, "{statuses:?}");
    assert_eq!(report.changed + created, 10, "every seat is taken, and no seat twice");
    assert_eq!(report.changed + report.failures.len() as u64, 20);
    let users = gateway.users().await;
    assert_eq!(users.len(), 10);
    assert!(users.values().all(|user| user.licences.contains_key(&slug("pro"))));
    let dry = gateway.run(RunMode::DryRun).await.expect("a dry run");
    assert_eq!((dry.seats[0].used, dry.seats[0].limit), (10, Some(10)));
}
