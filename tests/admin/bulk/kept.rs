//! How long plans are good for and kept, what tells of them, and whose they are.

use std::sync::Arc;

use serde_json::{Value, json};
use usher::directory::Directory;
use usher::directory::keys::{self, Table};
use usher::model::clock::Clock;
use usher::model::id::{JobId, OrganisationId};
use usher::model::job::{Job, JobItem, JobState};
use usher::model::record;
use usher::server::sweep;
use usher::store::memory::MemoryStore;
use usher::store::{Batch, Scan, Store};

use super::{ORG, World, confirm, outcomes, path};
use crate::admin::verify::{verify, verify_ok};
use crate::kit::gateway::Inside;
use crate::kit::house::Standing;

const HOUR: i64 = 3600;

#[tokio::test]
async fn a_plan_is_good_for_an_hour_and_kept_for_a_month() {
    let clock = Arc::new(Standing::new());
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let directory = Directory::new(Arc::clone(&store), Arc::clone(&clock) as Arc<dyn Clock>);
    let world = World::of(Inside::of(directory)).await;
    let body = json!({ "operation": "suspend", "users": ["ada"] });
    let (late, good) = (world.plan(body.clone()).await, world.plan(body).await);
    clock.pass(HOUR - 1);
    world.confirm(&good).await;
    clock.pass(1);
    let refused = confirm(&world.acme, &late).await.expect(409);
    assert_eq!(refused["type"], "urn:usher:problem:plan-expired");
    world.confirm(&good).await;
    clock.pass(29 * 24 * HOUR);
    sweep::sweep(&world.inside.directory).await.expect("a sweep");
    world.acme.get(&path(&late, "")).await.expect(200);
    clock.pass(24 * HOUR);
    sweep::sweep(&world.inside.directory).await.expect("a sweep");
    world.acme.get(&path(&late, "")).await.expect(404);
    world.acme.get(&path(&good, "")).await.expect(404);
    let organisation = organisation(&world).await;
    let left = Scan::prefix(&keys::table(organisation, Table::Job), 10);
    assert_eq!(store.scan(left).await.expect("entries"), []);
    verify_ok(&world.inside).await;
}

async fn organisation(world: &World) -> OrganisationId {
    let found = world.inside.directory.list_organisations().await.expect("a list");
    found[0].organisation.id
}

#[tokio::test]
async fn each_change_names_the_work_it_is_an_item_of() {
    let world = World::new().await;
    let job = world
        .plan(json!({ "operation": "suspend", "users": ["ada", "grace"] }))
        .await;
    world.confirm(&job).await;
    let id = job["id"].as_str().expect("an id");
    let audit = world.acme.get(&format!("{ORG}/audit?actor={id}")).await.expect(200);
    let subjects: Vec<&Value> = audit["items"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|entry| &entry["changes"][0]["subject"])
        .collect();
    assert_eq!(subjects, [&job["items"][1]["user"], &job["items"][0]["user"]]);
    let events = world.acme.get(&format!("{ORG}/events?limit=1000")).await.expect(200);
    let of_job = events["items"].as_array().expect("a list").iter();
    let of_job = of_job
        .filter(|event| event["subject"] == job["id"])
        .map(|event| event["kind"].as_str());
    let of_job: Vec<_> = of_job.map(Option::unwrap_or_default).collect();
    assert_eq!(of_job, ["job.confirmed", "job.done"]);
}

#[tokio::test]
async fn nobody_of_another_organisation_is_found_and_no_job_of_one() {
    let world = World::new().await;
    let other = world.root.organisation("other").await;
    let made = other
        .post("/api/v1/organisations/other/users", json!({ "user_name": "mallory" }))
        .await
        .expect(201);
    let id = made["id"].as_str().expect("an id");
    let job = world
        .plan(json!({ "operation": "delete", "users": [id, "mallory", "0190e3c2-0000-7000-8000-000000000000"] }))
        .await;
    let refusals: Vec<_> = outcomes(&job, "planned")
        .into_iter()
        .map(|(_, outcome)| outcome)
        .collect();
    assert_eq!(refusals, ["refused"; 3]);
    for item in job["items"].as_array().expect("items") {
        assert_eq!(item["user"], json!(null));
        let reason = item["planned"]["reason"].as_str().expect("a reason");
        assert_eq!(reason, format!("user {} does not exist", item["named"]));
    }
    world.confirm(&job).await;
    other.get("/api/v1/organisations/other/users/mallory").await.expect(200);
    let theirs = path(&job, "").replace("/acme/", "/other/");
    other.get(&theirs).await.expect(404);
    other
        .post(&format!("{theirs}/confirm"), json!({ "confirm": job["confirm"] }))
        .await
        .expect(404);
}

#[tokio::test]
async fn items_come_in_pages_and_everything_of_a_forgotten_person_is_masked() {
    let world = World::new().await;
    let gone = json!({ "operation": "suspend", "users": ["ada", "grace", "alan", "Babbage, Charles"] });
    let job = world.plan(gone).await;
    let first = world.acme.get(&path(&job, "?limit=3")).await.expect(200);
    assert_eq!(
        (first["items"].as_array().map(Vec::len), &first["next"]),
        (Some(3), &json!("3"))
    );
    let rest = world.acme.get(&path(&job, "?limit=3&after=3")).await.expect(200);
    assert_eq!(
        (rest["items"][0]["number"].as_u64(), &rest["next"]),
        (Some(4), &json!(null))
    );
    world.acme.get(&path(&job, "?after=x")).await.expect(400);
    // Only now there is somebody of that name, who asks to be forgotten.
    world.post("/users", json!({ "user_name": "Babbage, Charles" })).await;
    let user = world.user("Babbage,%20Charles").await;
    let erase = format!("{ORG}/users/{}/erase", user["id"].as_str().expect("an id"));
    let erased = world.acme.post(&erase, json!({ "confirm": "Babbage, Charles" })).await;
    assert!(erased.status.is_success(), "{}", erased.body);
    let shown = world.acme.get(&path(&job, "")).await.expect(200);
    assert!(!shown.to_string().contains("Babbage"), "{shown:#}");
    assert_eq!(shown["items"][3]["named"], "(erased)");
}

#[tokio::test]
async fn verification_finds_items_without_a_job_and_jobs_without_items() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let world = World::over(Arc::clone(&store)).await;
    let organisation = organisation(&world).await;
    let job = world
        .plan(json!({ "operation": "suspend", "users": ["ada", "grace"] }))
        .await;
    let id: JobId = job["id"].as_str().expect("an id").parse().expect("an id");
    verify_ok(&world.inside).await;
    let head = keys::job(organisation, id);
    let stored = store.get(head.clone()).await.expect("a read").expect("a head");
    let whole: Job = record::decode(&stored.value).expect("a job");
    let last = keys::job_item(organisation, id, 2);
    let item = store.get(last.clone()).await.expect("a read").expect("an item");
    let plant = |key: &usher::store::Key, value: Option<Vec<u8>>| {
        let mut batch = Batch::new();
        match value {
            Some(value) => batch.put(key.clone(), value),
            None => batch.delete(key.clone()),
        };
        batch
    };
    let mut early: JobItem = record::decode(&item.value).expect("an item");
    early.result = Some(early.planned.clone());
    let mut done = whole.clone();
    done.state = JobState::Done;
    for (key, damage, good) in [
        (&last, None, item.value.to_vec()),
        (&last, Some(record::encode(&early)), item.value.to_vec()),
        (&head, None, stored.value.to_vec()),
        (&head, Some(record::encode(&done)), stored.value.to_vec()),
    ] {
        store.commit(plant(key, damage)).await.expect("a commit");
        let (violations, _) = verify(&world.root).await;
        let is_found = violations.iter().any(|violation| violation["invariant"] == "jobs");
        assert!(is_found, "{violations:#?}");
        store.commit(plant(key, Some(good))).await.expect("a commit");
        verify_ok(&world.inside).await;
    }
}
