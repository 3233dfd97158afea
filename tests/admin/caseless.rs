//! What must be unique without case is compared case folded in full, and a store of an earlier release is brought into that form.

use std::sync::Arc;

use serde_json::json;
use usher::directory::Directory;
use usher::directory::keys::{self, Index, Unique};
use usher::model::clock::SystemClock;
use usher::model::fold::fold_name;
use usher::model::id::UserId;
use usher::store::memory::MemoryStore;
use usher::store::{Batch, Store};

use crate::kit::gateway::{Caller, Inside};

const USERS: &str = "/api/v1/organisations/acme/users";

async fn user(acme: &Caller, name: &str) -> UserId {
    let body = json!({ "user_name": name, "attributes": { "displayName": name } });
    let made = acme.post(USERS, body).await.expect(201);
    made["id"].as_str().expect("an id").parse().expect("an id")
}

#[tokio::test]
async fn names_that_differ_by_case_alone_are_one_name_in_every_script() {
    let acme = Inside::new().administrator().await.organisation("acme").await;
    for (name, same) in [
        ("ΝΙΚΟΣ", "νικος"),
        ("Σίσυφος", "ΣΊΣΥΦΟΣ"),
        ("straße", "STRASSE"),
        ("Ｆｕｌｌ", "full"),
        ("ﬁlip", "FILIP"),
        ("Ꭰ", "ꭰ"),
    ] {
        assert_eq!(fold_name(name), fold_name(same));
        user(&acme, name).await;
        let refused = acme.post(USERS, json!({ "user_name": same })).await.expect(409);
        assert_eq!(refused["attribute"], "userName", "{refused:#}");
        let filter: String = form_urlencoded::byte_serialize(format!("user_name eq \"{same}\"").as_bytes()).collect();
        let found = acme.get(&format!("{USERS}?filter={filter}")).await.expect(200);
        assert_eq!(found["items"][0]["user_name"], name, "{found:#}");
        let group = json!({ "display_name": name });
        let groups = "/api/v1/organisations/acme/groups";
        acme.post(groups, group).await.expect(201);
        acme.post(groups, json!({ "display_name": same })).await.expect(409);
    }
    user(&acme, "maß").await;
    user(&acme, "mas").await;
}

/// The form that earlier releases gave.
fn lower(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).collect()
}

#[tokio::test]
async fn the_names_of_an_earlier_release_are_found_after_its_store_was_opened() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let directory = Directory::new(Arc::clone(&store), Arc::new(SystemClock));
    let inside = Inside::of(directory.clone());
    let acme = inside.administrator().await.organisation("acme").await;
    let organisation = directory.list_organisations().await.expect("a list")[0].organisation.id;
    let unique = |folded: &str| keys::unique(organisation, Unique::UserName, folded);
    let index = |folded: &str, id: UserId| keys::index(organisation, Index::UserDisplayName, folded, id.uuid());
    // As an earlier release had written it: in lower case.
    let name = "Νίκος Straße";
    let id = user(&acme, name).await;
    let mut batch = Batch::new();
    batch.delete(unique(&fold_name(name)));
    batch.put(unique(&lower(name)), id.to_string());
    batch.delete(index(&fold_name(name), id));
    batch.put(index(&lower(name), id), "");
    store.commit(batch).await.expect("a commit");
    let missing: String = form_urlencoded::byte_serialize(name.as_bytes()).collect();
    acme.get(&format!("{USERS}?user_name={missing}")).await.expect(200);
    let verified = acme.get("/api/v1/organisations/acme/verify").await.expect(200);
    assert_ne!(verified["done"]["violations"], 0);
    let upgraded = directory.upgrade_names().await.expect("an upgrade");
    assert_eq!((upgraded.moved, upgraded.taken), (2, 0));
    let again = directory.upgrade_names().await.expect("an upgrade");
    assert_eq!((again.moved, again.taken), (0, 0), "once is enough");
    acme.post(USERS, json!({ "user_name": "νίκοσ strasse" }))
        .await
        .expect(409);
    let verified = inside.administrator().await.get("/api/v1/verify").await.expect(200);
    assert_eq!(verified["done"]["violations"], 0, "{verified:#}");
}

#[tokio::test]
async fn two_names_that_have_become_one_are_kept_and_told() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let directory = Directory::new(Arc::clone(&store), Arc::new(SystemClock));
    let acme = Inside::of(directory.clone())
        .administrator()
        .await
        .organisation("acme")
        .await;
    let organisation = directory.list_organisations().await.expect("a list")[0].organisation.id;
    user(&acme, "strasse").await;
    let mut batch = Batch::new();
    let other = uuid::Uuid::new_v4().to_string();
    batch.put(keys::unique(organisation, Unique::UserName, "straße"), other.clone());
    store.commit(batch).await.expect("a commit");
    let upgraded = directory.upgrade_names().await.expect("an upgrade");
    assert_eq!((upgraded.moved, upgraded.taken), (0, 1));
    let kept = store
        .get(keys::unique(organisation, Unique::UserName, "straße"))
        .await
        .expect("a read");
    assert_eq!(kept.expect("the other's").value, other.as_bytes());
}
