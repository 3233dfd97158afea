//! What happens between the plan and its confirmation, and to it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use async_trait::async_trait;
use serde_json::{Value, json};
use usher::directory::Directory;
use usher::model::clock::SystemClock;
use usher::server::sweep;
use usher::store::memory::MemoryStore;
use usher::store::{Batch, Committed, Found, Health, Read, Scrub, Store, StoreError};

use super::{ORG, PEOPLE, World, confirm, outcomes, path};
use crate::admin::verify::verify_ok;
use crate::kit::gateway::Inside;

#[tokio::test]
async fn whoever_changed_since_the_plan_is_left_out_and_the_rest_is_done() {
    let world = World::new().await;
    let job = world.plan(json!({ "operation": "suspend", "users": PEOPLE })).await;
    let patch = json!({ "attributes": { "title": "Countess" } });
    world.acme.patch(&format!("{ORG}/users/grace"), patch).await.expect(200);
    world.acme.delete(&format!("{ORG}/users/alan")).await.expect(204);
    let done = world.confirm(&job).await;
    let results: Vec<_> = outcomes(&done, "result")
        .into_iter()
        .map(|(_, outcome)| outcome)
        .collect();
    assert_eq!(results[..2], ["change", "stale"]);
    assert_eq!(results[3], "change");
    assert_ne!(results[2], "change", "somebody who is gone is not suspended");
    assert_eq!(world.user("grace").await["active"], true);
    assert_eq!(world.user("edsger").await["active"], false);
    let reason = done["items"][1]["result"]["reason"].as_str().expect("a reason");
    assert!(reason.contains("plan again"), "{reason}");
    verify_ok(&world.inside).await;
}

#[tokio::test]
async fn what_became_impossible_is_refused_at_the_item_and_what_became_possible_is_not_done() {
    let world = World::new().await;
    let assign = json!({ "operation": "assign_licence", "licence": "pro", "users": ["ada", "grace", "alan"] });
    let job = world.plan(assign).await;
    assert_eq!(outcomes(&job, "planned")[2], ("alan", "refused"));
    // Somebody else takes one seat: one item that was to have it is refused.
    world.post("/users/edsger/licences", json!({ "licence": "pro" })).await;
    let done = world.confirm(&job).await;
    assert_eq!(
        outcomes(&done, "result"),
        [("ada", "change"), ("grace", "refused"), ("alan", "refused")]
    );
    assert_eq!(
        done["results"],
        json!({ "change": 1, "nothing": 0, "refused": 2, "stale": 0 })
    );
    let suspended = world
        .plan(json!({ "operation": "reactivate", "users": ["ada", "grace"] }))
        .await;
    assert_eq!(suspended["planned"]["nothing"], 2);
    let done = world.confirm(&suspended).await;
    assert_eq!(done["results"], suspended["planned"]);
}

#[tokio::test]
async fn another_confirm_a_discarded_plan_and_a_changed_target_are_conflicts() {
    let world = World::new().await;
    let body = json!({ "operation": "add_to_group", "group": "North", "users": ["ada"] });
    let job = world.plan(body.clone()).await;
    let wrong = world
        .acme
        .post(&path(&job, "/confirm"), json!({ "confirm": "0".repeat(32) }))
        .await;
    assert_eq!(wrong.expect(409)["type"], "urn:usher:problem:another-plan");
    let discarded = world.acme.post(&path(&job, "/discard"), json!(null)).await.expect(200);
    assert_eq!(discarded["state"], "discarded");
    world.acme.post(&path(&job, "/discard"), json!(null)).await.expect(200);
    let late = confirm(&world.acme, &job).await.expect(409);
    assert_eq!(late["type"], "urn:usher:problem:job-discarded");
    let job = world.plan(body.clone()).await;
    let renamed = json!({ "display_name": "Far North" });
    world
        .acme
        .patch(&format!("{ORG}/groups/North"), renamed)
        .await
        .expect(200);
    let changed = confirm(&world.acme, &job).await.expect(409);
    assert_eq!(changed["type"], "urn:usher:problem:target-changed");
    let back = json!({ "display_name": "North" });
    world
        .acme
        .patch(&format!("{ORG}/groups/Far%20North"), back)
        .await
        .expect(200);
    let job = world.plan(body).await;
    world.confirm(&job).await;
    let late = world.acme.post(&path(&job, "/discard"), json!(null)).await.expect(409);
    assert_eq!(late["type"], "urn:usher:problem:job-confirmed");
    assert_eq!(world.members("North").await, 1);
    let all = world.acme.get(&format!("{ORG}/bulk")).await.expect(200);
    let states = all["items"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|job| job["state"].as_str());
    let states: Vec<_> = states.map(Option::unwrap_or_default).collect();
    assert_eq!(states, ["done", "planned", "discarded"], "the newest first");
}

/// A store that stops taking commits after a number of them, as one does whose process is killed.
struct Mortal {
    store: MemoryStore,
    left: AtomicI64,
    is_mortal: AtomicBool,
    refused: AtomicU64,
}

#[async_trait]
impl Store for Mortal {
    fn engine(&self) -> &'static str {
        "memory"
    }

    async fn read(&self, reads: Vec<Read>) -> Result<Vec<Found>, StoreError> {
        self.store.read(reads).await
    }

    async fn commit(&self, batch: Batch) -> Result<Committed, StoreError> {
        if self.is_mortal.load(Ordering::SeqCst) && self.left.fetch_sub(1, Ordering::SeqCst) <= 0 {
            self.refused.fetch_add(1, Ordering::SeqCst);
            return Err(StoreError::Closed);
        }
        self.store.commit(batch).await
    }

    fn health(&self) -> Health {
        self.store.health()
    }

    async fn scrub(&self) -> Result<Scrub, StoreError> {
        self.store.scrub().await
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.store.close().await
    }
}

#[tokio::test]
async fn work_that_was_broken_off_goes_on_at_the_next_start_and_nothing_is_done_twice() {
    // Wherever it breaks off: at the confirmation, at an item, at the end.
    for survives in 0..6 {
        let store = Arc::new(Mortal {
            store: MemoryStore::new(),
            left: AtomicI64::new(survives),
            is_mortal: AtomicBool::new(false),
            refused: AtomicU64::new(0),
        });
        let world = World::over(Arc::clone(&store) as Arc<dyn Store>).await;
        let body = json!({ "operation": "assign_licence", "licence": "queue", "users": PEOPLE });
        let job = world.plan(body).await;
        store.is_mortal.store(true, Ordering::SeqCst);
        let broken = confirm(&world.acme, &job).await;
        assert_eq!(broken.status, 503, "{survives}: {}", broken.body);
        assert!(store.refused.load(Ordering::SeqCst) > 0);
        store.is_mortal.store(false, Ordering::SeqCst);
        // Another process on the same store.
        let directory = Directory::new(Arc::clone(&store) as Arc<dyn Store>, Arc::new(SystemClock));
        sweep::sweep(&directory).await.expect("a sweep");
        let later = Inside::of(directory);
        let acme = later.caller(world.acme.token());
        let shown = acme.get(&path(&job, "")).await.expect(200);
        if survives == 0 {
            assert_eq!(shown["state"], "planned", "what was not confirmed is not done");
            continue;
        }
        assert_eq!(
            (&shown["state"], &shown["results"]),
            (&json!("done"), &job["planned"]),
            "{survives}"
        );
        let events = acme.get(&format!("{ORG}/events?limit=1000")).await.expect(200);
        let given: Vec<&Value> = events["items"]
            .as_array()
            .expect("a list")
            .iter()
            .filter(|event| event["kind"] == "licence.assigned")
            .collect();
        assert_eq!(given.len(), PEOPLE.len(), "{survives}: each once");
        assert!(
            given.iter().all(|event| event["actor"]["job"] == job["id"]),
            "{survives}"
        );
        verify_ok(&later).await;
    }
}

#[tokio::test]
async fn what_is_left_when_the_token_is_withdrawn_is_refused() {
    let store = Arc::new(Mortal {
        store: MemoryStore::new(),
        left: AtomicI64::new(2),
        is_mortal: AtomicBool::new(false),
        refused: AtomicU64::new(0),
    });
    let world = World::over(Arc::clone(&store) as Arc<dyn Store>).await;
    let job = world
        .plan(json!({ "operation": "suspend", "users": ["ada", "grace"] }))
        .await;
    store.is_mortal.store(true, Ordering::SeqCst);
    assert_eq!(confirm(&world.acme, &job).await.status, 503);
    store.is_mortal.store(false, Ordering::SeqCst);
    let token = job["actor"]["token"].as_str().expect("a token");
    world.root.delete(&format!("{ORG}/tokens/{token}")).await.expect(204);
    let directory = Directory::new(Arc::clone(&store) as Arc<dyn Store>, Arc::new(SystemClock));
    sweep::sweep(&directory).await.expect("a sweep");
    let root = Inside::of(directory).caller(world.root.token());
    let shown = root.get(&path(&job, "")).await.expect(200);
    assert_eq!(outcomes(&shown, "result"), [("ada", "change"), ("grace", "refused")]);
    assert_eq!(shown["state"], "done");
}
