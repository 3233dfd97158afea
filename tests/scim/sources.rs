//! Several sources in one organisation: who may change what, and what a change of groups takes along.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use axum::http::Method;
use serde_json::json;
use tokio::sync::Notify;
use usher::directory::suspend::{ReactivateUser, SuspendUser};
use usher::directory::token::RevokeToken;
use usher::model::connection::{Adoption, Connection, ConnectionKind, GrantRule};
use usher::model::licence::WhenFull;
use usher::store::memory::MemoryStore;
use usher::store::{Batch, Committed, Found, Health, Read, Scrub, Store, StoreError};

use crate::kit::scim::{Client, GROUP, Service, Tenant, USER, USHER_USER, slug};

async fn ruled(rule: &str) -> (Tenant, Client) {
    let tenant = Service::new().organisation("acme").await;
    tenant.licence("pro", 10_000, WhenFull::Refuse).await;
    let mut connection = Connection::new(slug("scim"), ConnectionKind::Scim);
    connection.grants.push(GrantRule {
        licences: BTreeSet::from([slug("pro")]),
        ..GrantRule::new(rule)
    });
    let client = tenant.client_of(connection).await;
    (tenant, client)
}

fn add(ids: &[String]) -> serde_json::Value {
    let members: Vec<_> = ids.iter().map(|id| json!({ "value": id })).collect();
    json!([{ "op": "add", "path": "members", "value": members }])
}

fn remove(id: &str) -> serde_json::Value {
    json!([{ "op": "remove", "path": format!("members[value eq \"{id}\"]") }])
}

async fn has_seat(client: &Client, id: &str) -> bool {
    let user = client.get(&format!("/Users/{id}")).await.expect(200);
    user[USHER_USER].get("licences").is_some()
}

#[tokio::test]
async fn what_one_connection_made_another_cannot_delete_or_rename() {
    let tenant = Service::new().organisation("acme").await;
    let (a, b) = (tenant.client("a").await, tenant.client("b").await);
    let user = format!("/Users/{}", a.user("ada").await);
    let group = format!("/Groups/{}", a.group("Team").await);
    b.delete(&user).await.refused(403, None);
    b.delete(&group).await.refused(403, None);
    let rename = json!([{ "op": "replace", "path": "displayName", "value": "Hijacked" }]);
    b.patch(&group, rename.clone()).await.refused(400, Some("mutability"));
    b.put(&group, json!({ "schemas": [GROUP], "displayName": "Hijacked" }))
        .await
        .refused(400, Some("mutability"));
    assert_eq!(a.get(&group).await.expect(200)["displayName"], "Team");
    let _ = a.patch(&group, rename).await.expect(204);
    let _ = a.delete(&group).await.expect(204);
    let _ = a.delete(&user).await.expect(204);
}

#[tokio::test]
async fn who_was_adopted_stays_until_the_last_source_lets_go() {
    let tenant = Service::new().organisation("acme").await;
    let a = tenant.client("a").await;
    let mut adopting = Connection::new(slug("b"), ConnectionKind::Scim);
    adopting.matching.adoption = Adoption::Adopt;
    let b = tenant.client_of(adopting).await;
    let id = a.user("ada").await;
    let adopted = b
        .post("/Users", json!({ "schemas": [USER], "userName": "ada" }))
        .await
        .id();
    assert_eq!(adopted, id);
    let _ = a.delete(&format!("/Users/{id}")).await.expect(204);
    assert_eq!(b.get(&format!("/Users/{id}")).await.expect(200)["userName"], "ada");
    let _ = b.delete(&format!("/Users/{id}")).await.expect(204);
    b.get(&format!("/Users/{id}")).await.refused(404, None);
}

#[tokio::test]
async fn leaving_two_groups_at_once_leaves_no_grant_behind() {
    let (_, client) = ruled("'A' in groups || 'B' in groups").await;
    let (a, b) = (
        format!("/Groups/{}", client.group("A").await),
        format!("/Groups/{}", client.group("B").await),
    );
    let mut users = Vec::new();
    for n in 0..40 {
        users.push(client.user(&format!("u{n}")).await);
    }
    let _ = client.patch(&a, add(&users)).await.expect(204);
    let _ = client.patch(&b, add(&users)).await.expect(204);
    let mut tasks = Vec::new();
    for (id, path) in users
        .iter()
        .flat_map(|id| [(id.clone(), a.clone()), (id.clone(), b.clone())])
    {
        let client = client.clone();
        tasks.push(tokio::spawn(async move {
            client.patch(&path, remove(&id)).await.expect(204)
        }));
    }
    for task in tasks {
        task.await.expect("no panic");
    }
    for id in &users {
        assert!(!has_seat(&client, id).await, "{id} is in no group and has a seat");
    }
}

#[tokio::test]
async fn a_rename_gives_and_takes_what_rules_say_of_the_name() {
    let (_, client) = ruled("'Staff' in groups").await;
    let user = client.user("ada").await;
    let group = format!("/Groups/{}", client.group("People").await);
    let _ = client.patch(&group, add(std::slice::from_ref(&user))).await.expect(204);
    assert!(!has_seat(&client, &user).await);
    let rename = |name: &str| json!([{ "op": "replace", "path": "displayName", "value": name }]);
    let _ = client.patch(&group, rename("Staff")).await.expect(204);
    assert!(has_seat(&client, &user).await);
    let _ = client.patch(&group, rename("Others")).await.expect(204);
    assert!(!has_seat(&client, &user).await);
}

#[tokio::test]
async fn a_large_group_with_rules_is_deleted_in_parts() {
    let (_, client) = ruled("'Big' in groups").await;
    let mut users = Vec::new();
    for n in 0..450 {
        users.push(client.user(&format!("u{n}")).await);
    }
    let group = format!("/Groups/{}", client.group("Big").await);
    let _ = client.patch(&group, add(&users)).await.expect(204);
    assert!(has_seat(&client, &users[449]).await);
    let _ = client.delete(&group).await.expect(204);
    client.get(&group).await.refused(404, None);
    for id in users.iter().step_by(50) {
        assert!(!has_seat(&client, id).await);
    }
}

#[tokio::test]
async fn a_large_group_with_rules_is_emptied_in_parts() {
    let (_, client) = ruled("'Big' in groups").await;
    // All of them together are more than one commit takes.
    let title = "x".repeat(15_000);
    let mut users = Vec::new();
    for n in 0..320 {
        let body = json!({ "schemas": [USER], "userName": format!("u{n}"), "title": title });
        users.push(client.post("/Users", body).await.id());
    }
    let group = format!("/Groups/{}", client.group("Big").await);
    let everyone = json!([{ "op": "remove", "path": "members" }]);
    let nobody = json!([{ "op": "replace", "path": "members", "value": [] }]);
    for empty in [everyone, nobody] {
        for part in users.chunks(100) {
            let _ = client.patch(&group, add(part)).await.expect(204);
        }
        assert!(has_seat(&client, &users[319]).await);
        let stale = [("if-match", "W/\"1\"")];
        let body = json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": empty });
        let refused = client.send(Method::PATCH, &group, Some(body.clone()), &stale).await;
        refused.refused(412, None);
        assert!(
            has_seat(&client, &users[0]).await,
            "a refused request leaves everyone in"
        );
        let tag = client.get(&group).await.headers["etag"]
            .to_str()
            .expect("text")
            .to_owned();
        let emptied = client
            .send(Method::PATCH, &group, Some(body), &[("if-match", tag.as_str())])
            .await;
        let _ = emptied.expect(204);
        assert!(client.get(&group).await.expect(200).get("members").is_none());
        for id in users.iter().step_by(50) {
            assert!(!has_seat(&client, id).await);
        }
    }
}

#[tokio::test]
async fn sending_an_administrators_block_back_does_not_make_it_the_clients_own() {
    let tenant = Service::new().organisation("acme").await;
    let client = tenant.client("scim").await;
    let id = client.user("ada").await;
    let path = format!("/Users/{id}");
    let user = id.parse().expect("an id");
    let directory = &tenant.service.directory;
    directory
        .run(&tenant.permit, &SuspendUser(user))
        .await
        .expect("suspended");
    let shown = client.get(&path).await.expect(200);
    assert_eq!(shown["active"], false);
    let _ = client.put(&path, shown).await.expect(200);
    directory
        .run(&tenant.permit, &ReactivateUser(user))
        .await
        .expect("reactivated");
    assert_eq!(client.get(&path).await.expect(200)["active"], true);
}

/// A store whose next commit waits until it is let through.
struct Held {
    engine: MemoryStore,
    is_holding: std::sync::atomic::AtomicBool,
    reached: Notify,
    go_on: Notify,
    done: Notify,
}

#[async_trait]
impl Store for Held {
    fn engine(&self) -> &'static str {
        self.engine.engine()
    }

    async fn read(&self, reads: Vec<Read>) -> Result<Vec<Found>, StoreError> {
        self.engine.read(reads).await
    }

    async fn commit(&self, batch: Batch) -> Result<Committed, StoreError> {
        let is_held = self.is_holding.swap(false, std::sync::atomic::Ordering::SeqCst);
        if is_held {
            self.reached.notify_one();
            self.go_on.notified().await;
        }
        let committed = self.engine.commit(batch).await;
        if is_held {
            self.done.notify_one();
        }
        committed
    }

    fn health(&self) -> Health {
        self.engine.health()
    }

    async fn scrub(&self) -> Result<Scrub, StoreError> {
        self.engine.scrub().await
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.engine.close().await
    }
}

#[tokio::test]
async fn a_token_is_revoked_even_when_the_revoking_client_hangs_up() {
    let store = Arc::new(Held {
        engine: MemoryStore::new(),
        is_holding: false.into(),
        reached: Notify::new(),
        go_on: Notify::new(),
        done: Notify::new(),
    });
    let client = Service::over(Arc::clone(&store) as _)
        .organisation("acme")
        .await
        .client("scim")
        .await;
    let _ = client.get("/Users").await.expect(200);
    let tenant = client.tenant.clone();
    let id = tenant.service.directory.list_tokens(tenant.id).await.expect("tokens")[0].id;
    store.is_holding.store(true, std::sync::atomic::Ordering::SeqCst);
    let revoking = tokio::spawn(async move { tenant.service.directory.run(&tenant.permit, &RevokeToken(id)).await });
    store.reached.notified().await;
    revoking.abort();
    assert!(revoking.await.expect_err("broken off").is_cancelled());
    store.go_on.notify_one();
    store.done.notified().await;
    // What is forgotten is forgotten right after the commit, by the task that made it.
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
    client.get("/Users").await.refused(401, None);
}
