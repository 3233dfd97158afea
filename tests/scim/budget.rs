//! Store round trips of each operation: what a network engine will cost.

use std::sync::Arc;

use serde_json::json;
use usher::scim::ScimSettings;
use usher::store::memory::MemoryStore;
use usher::store::observed::Observed;

use crate::kit::scim::{Client, Service, USER};

async fn observed() -> (Arc<Observed<MemoryStore>>, Client) {
    let store = Arc::new(Observed::new(Arc::new(MemoryStore::new())));
    // The journal is written behind the requests, whenever it is time: not their round trips.
    let mut settings = ScimSettings::new("https://usher.example");
    settings.journal_entries_max = 0;
    let client = Service::with(Arc::clone(&store) as _, settings)
        .organisation("acme")
        .await
        .client("scim")
        .await;
    let _ = client.get("/ServiceProviderConfig").await.expect(200);
    (store, client)
}

macro_rules! round_trips {
    ($store:expr, $call:expr) => {{
        let before = $store.report().round_trips();
        let answer = $call.await;
        assert!(answer.status.is_success(), "{:#}", answer.body);
        $store.report().round_trips() - before
    }};
}

#[tokio::test]
async fn each_operation_keeps_its_budget() {
    let (store, client) = observed().await;
    let user = client.user("ada").await;
    let group = client.group("G").await;
    let add = json!([{ "op": "add", "path": "members", "value": [{ "value": user }] }]);
    let remove = json!([{ "op": "remove", "path": format!("members[value eq \"{user}\"]") }]);
    assert!(
        round_trips!(store, client.patch(&format!("/Groups/{group}"), add)) <= 4,
        "adding one member"
    );
    assert!(
        round_trips!(store, client.get(&format!("/Users/{user}"))) <= 2,
        "one user, who is in a group"
    );
    assert!(
        round_trips!(store, client.filter("/Users", "userName eq \"ada\"")) <= 2,
        "by name, in a group"
    );
    assert!(
        round_trips!(store, client.patch(&format!("/Groups/{group}"), remove)) <= 4,
        "removing one member"
    );
    for n in 0..100 {
        client.user(&format!("user{n}")).await;
    }
    assert!(
        round_trips!(store, client.get("/Users?count=100")) <= 3,
        "a page of 100"
    );
    let create = json!({ "schemas": [USER], "userName": "new", "externalId": "x", "emails": [{ "value": "a@b.c" }] });
    let spent = round_trips!(store, client.post("/Users", create));
    assert!(spent <= 4, "creating a user: {spent}");
}
