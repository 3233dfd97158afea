//! The privacy desk: data handed over, erased from every record, left alone.

use std::sync::Arc;

use axum::http::Method;
use serde_json::{Value, json};
use usher::store::memory::MemoryStore;
use usher::store::sled::{SledSettings, SledStore};
use usher::store::{Key, SCAN_ENTRIES_MAX, Scan, Store};

use crate::kit::gateway::{Caller, Inside};

const FILE: &str = "[organisation]\nslug = \"acme\"\nlocal_changes = \"refused\"\n[[roles]]\nkey = \"member\"\nname = \"Member\"\n\
                    [[licences]]\nkey = \"pro\"\nname = \"Pro\"\nlimit = 9\n\
                    [[connections]]\nname = \"entra\"\nkind = \"scim\"\nroles = [\"member\"]\nlicences = [\"pro\"]\n\
                    onboarding = \"prepared\"\n";

const USERS: &str = "/api/v1/organisations/acme/users";

/// What leads to the person, as it is written and folded.
const TRACES: [&str; 5] = ["lovelace", "ada.l@", "+31 20 5550 1815", "ext-1815", "countess"];

async fn person(client: &Caller) -> String {
    let user = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": "ada.l@acme.example",
        "externalId": "ext-1815",
        "displayName": "Ada Lovelace",
        "name": { "givenName": "Ada", "familyName": "Lovelace" },
        "emails": [{ "value": "ada.l@acme.example", "type": "work", "primary": true }],
        "phoneNumbers": [{ "value": "+31 20 5550 1815", "type": "work" }],
    });
    client.post("/scim/acme/v2/Users", user).await.id()
}

/// A person who has left a trace in every kind of record that a client can reach.
async fn known(store: Arc<dyn Store>) -> (Inside, Caller, String) {
    let inside = Inside::over(store);
    let acme = inside.administrator().await.organisation("acme").await;
    acme.apply("acme", FILE).await.expect(200);
    let client = acme.connection("acme", "entra").await;
    let id = person(&client).await;
    let other = client.scim_user("acme", "bob").await;
    let members: Vec<Value> = [&id, &other].map(|id| json!({ "value": id })).into();
    let group = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
        "displayName": "crew",
        "members": members,
    });
    client.post("/scim/acme/v2/Groups", group).await.id();
    let patch = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{ "op": "replace", "path": "displayName", "value": "Countess Lovelace" }],
    });
    client
        .send(Method::PATCH, &format!("/scim/acme/v2/Users/{id}"), Some(patch))
        .await
        .expect(200);
    // A refusal in the journal, and an answer that is kept for an idempotency key.
    let double = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": "ADA.L@acme.example",
    });
    client.post("/scim/acme/v2/Users", double).await.expect(409);
    let suspend = format!("{USERS}/{id}/suspend");
    acme.send_with(Method::POST, &suspend, None, &[("idempotency-key", "one")])
        .await
        .expect(200);
    acme.post(&format!("{USERS}/{id}/reactivate"), json!(null))
        .await
        .expect(200);
    acme.post(&format!("{USERS}/{id}/invite"), json!(null))
        .await
        .expect(201);
    (inside, acme, id)
}

/// Every key and value that holds a trace.
async fn traces(store: &dyn Store) -> Vec<String> {
    let mut found = Vec::new();
    let mut scan = Scan::prefix(&Key::new(Vec::<u8>::new()), SCAN_ENTRIES_MAX);
    loop {
        let entries = store.scan(scan.clone()).await.expect("a scan");
        for (key, stored) in &entries {
            let text = format!("{key:?} {}", String::from_utf8_lossy(&stored.value)).to_lowercase();
            found.extend(
                TRACES
                    .iter()
                    .filter(|trace| text.contains(**trace))
                    .map(|trace| format!("{trace}: {text}")),
            );
        }
        match entries.last() {
            Some((last, _)) => scan = scan.after(last.clone()),
            None => return found,
        }
    }
}

#[tokio::test]
async fn an_erased_person_is_in_no_record_and_every_count_is_right() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let (inside, acme, id) = known(Arc::clone(&store)).await;
    inside.directory.flush_journal().await.expect("a flush");
    assert!(
        !traces(store.as_ref()).await.is_empty(),
        "the search finds what is there"
    );
    let erase = format!("{USERS}/{id}/erase");
    acme.post(&erase, json!({ "confirm": "ada" })).await.expect(400);
    acme.get(&format!("{USERS}/{id}")).await.expect(200);
    let erased = acme
        .post(&erase, json!({ "confirm": "ada.l@acme.example" }))
        .await
        .expect(200);
    assert_eq!(erased["left"], json!([]));
    assert!(
        erased["records"]["Audit"].as_u64().is_some_and(|masked| masked > 0),
        "{erased:#}"
    );
    assert_eq!(traces(store.as_ref()).await, Vec::<String>::new());
    acme.get(&format!("{USERS}/{id}")).await.expect(404);
    let organisation = acme.get("/api/v1/organisations/acme").await.expect(200);
    assert_eq!(organisation["users"], 1);
    let verified = acme.get("/api/v1/organisations/acme/verify").await.expect(200);
    assert_eq!(verified["done"]["violations"], 0, "{verified:#}");
    // The history stays, without the person: who was told of by an identifier is still told of.
    let told = acme
        .get(&format!("/api/v1/organisations/acme/audit?subject={id}"))
        .await
        .expect(200);
    let text = told.to_string();
    assert!(
        text.contains("(erased)") && text.contains("displayName") && text.contains(&id),
        "{text}"
    );
    let events = acme
        .get("/api/v1/organisations/acme/events?limit=1000")
        .await
        .expect(200)
        .to_string();
    assert!(events.contains("user.erased") && events.contains(&id));
    // Again, by the identifier alone.
    acme.post(&erase, json!({ "confirm": id })).await.expect(200);
    let nobody = uuid::Uuid::nil().to_string();
    acme.post(&format!("{USERS}/{nobody}/erase"), json!({ "confirm": nobody }))
        .await
        .expect(404);
}

#[tokio::test]
async fn an_embedded_store_shows_nothing_of_an_erased_person_after_it_is_opened_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let open = || Arc::new(SledStore::open(folder.path(), SledSettings::default()).expect("a store")) as Arc<dyn Store>;
    let (inside, acme, id) = known(open()).await;
    let body = json!({ "confirm": "ada.l@acme.example" });
    acme.post(&format!("{USERS}/{id}/erase"), body).await.expect(200);
    inside.directory.store().close().await.expect("an end");
    drop((inside, acme));
    let store = open();
    assert_eq!(traces(store.as_ref()).await, Vec::<String>::new());
    store.close().await.expect("an end");
}

#[tokio::test]
async fn what_belongs_to_others_is_left_and_told() {
    let (_, acme, id) = known(Arc::new(MemoryStore::new())).await;
    let client = acme.connection("acme", "entra").await;
    let group = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
        "displayName": "friends of Ada Lovelace",
    });
    let _ = acme.get(&format!("{USERS}/{id}")).await.expect(200);
    let patch = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{ "op": "replace", "path": "displayName", "value": "Ada Lovelace" }],
    });
    client
        .send(Method::PATCH, &format!("/scim/acme/v2/Users/{id}"), Some(patch))
        .await
        .expect(200);
    let group = client.post("/scim/acme/v2/Groups", group).await.id();
    let body = json!({ "confirm": "ada.l@acme.example" });
    let erased = acme.post(&format!("{USERS}/{id}/erase"), body).await.expect(200);
    let left = erased["left"].as_array().expect("a list");
    assert!(left.contains(&json!({ "table": "Group", "id": group })), "{erased:#}");
}

#[tokio::test]
async fn a_person_gets_everything_that_is_held_and_nothing_of_others() {
    let (_, acme, id) = known(Arc::new(MemoryStore::new())).await;
    let held = acme.get(&format!("{USERS}/{id}/export")).await.expect(200);
    assert_eq!(held["user"]["user_name"], "ada.l@acme.example");
    assert_eq!(held["user"]["external_ids"]["entra"], "ext-1815");
    assert!(held["user"]["roles"].get("member").is_some() && held["user"]["licences"].get("pro").is_some());
    for table in ["GroupMember", "Event", "Audit", "Link", "Invitation"] {
        let items = held["held"][table].as_array();
        assert!(
            items.is_some_and(|items| !items.is_empty()),
            "{table} is missing: {held:#}"
        );
    }
    let text = held.to_string();
    assert!(!text.contains("bob"), "another person's data is handed over");
    for item in held["held"]["Invitation"].as_array().expect("invitations") {
        assert_eq!(item["secret_hash"], "***");
    }
}

#[tokio::test]
async fn restriction_is_shown_and_told_and_lifted() {
    let (_, acme, id) = known(Arc::new(MemoryStore::new())).await;
    let path = format!("{USERS}/{id}/restriction");
    let put = async |restricted: bool| {
        let body = json!({ "restricted": restricted });
        acme.send(Method::PUT, &path, Some(body)).await.expect(200)["restricted"].clone()
    };
    assert_eq!(put(true).await, true);
    assert_eq!(put(true).await, true);
    assert_eq!(acme.get(&format!("{USERS}/{id}")).await.expect(200)["restricted"], true);
    assert_eq!(put(false).await, false);
    let events = acme
        .get("/api/v1/organisations/acme/events?limit=1000")
        .await
        .expect(200);
    let kinds: Vec<&str> = events["items"]
        .as_array()
        .expect("events")
        .iter()
        .filter_map(|event| event["kind"].as_str())
        .collect();
    let told = kinds.iter().filter(|kind| kind.contains("restricted")).count();
    assert_eq!(told, 2, "{kinds:?}");
}
