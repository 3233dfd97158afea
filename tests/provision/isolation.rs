//! One entry that cannot be applied, in the middle of many that are in flight with it.

use std::sync::Arc;

use serde_json::json;
use tokio::runtime::Handle;
use tokio::task::block_in_place;
use usher::model::event::EventKind;
use usher::provision::failure::Kind;
use usher::provision::progress::{Progress, Report};
use usher::provision::reading::Reading;
use usher::provision::run::{RunMode, SyncRun};

use super::gateway::{Gateway, MakeUser, people};

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_somebody_takes_after_the_plan_fails_alone_and_everybody_else_comes_in() {
    let Some(gateway) = Gateway::start(&people("t", 300)).await else {
        return;
    };
    let gateway = Arc::new(gateway);
    // When the plan is made, and before its first step, an administrator makes a user of that name.
    let report: Report = {
        let gateway = Arc::clone(&gateway);
        Arc::new(move |progress| {
            if matches!(progress, Progress::Planned { .. }) {
                let by_hand = MakeUser {
                    user_name: "t0150",
                    attributes: json!({}),
                };
                block_in_place(|| Handle::current().block_on(gateway.act(&by_hand))).expect("a free name");
            }
        })
    };
    let (connection, mode) = ("corporate".parse().expect("a slug"), RunMode::Apply);
    let (directory, organisation) = (&gateway.directory, gateway.organisation);
    let run = SyncRun::execute(directory, organisation, &connection, mode, Reading::Whole, report);
    let run = run.await.expect("a good run");
    assert_eq!((run.plan.failures.len(), run.changed), (0, 299), "nobody foresaw it");
    let failures: Vec<_> = run
        .failures
        .iter()
        .map(|failure| (failure.kind, failure.name.as_deref()))
        .collect();
    assert_eq!(failures, [(Kind::User, Some("t0150"))]);
    let users = gateway.users().await;
    assert_eq!(users.len(), 300);
    let strangers = users.values().filter(|user| user.sources.is_empty());
    assert_eq!(
        strangers.map(|user| user.user_name.as_str()).collect::<Vec<_>>(),
        ["t0150"]
    );
    assert_eq!(
        gateway.events(EventKind::UserCreated).await,
        300,
        "one for each, and no more"
    );
    let next = gateway.sync().await;
    assert_eq!(
        (next.changed, next.failures.len()),
        (0, 1),
        "the list is tried again, the others are done"
    );
}
