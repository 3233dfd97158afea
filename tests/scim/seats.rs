//! Seats at the SCIM door (design.md section 4).

use serde_json::{Value, json};
use usher::directory::keys::{self, Count};
use usher::model::connection::{Connection, ConnectionKind};
use usher::model::licence::WhenFull;

use crate::kit::scim::{Client, Service, Tenant, USER, USHER_USER, slug};

async fn seated(limit: u32, when_full: WhenFull) -> (Tenant, Client) {
    let tenant = Service::new().organisation("acme").await;
    tenant.licence("basic", 1, WhenFull::Refuse).await;
    tenant.licence("pro", limit, when_full).await;
    let mut connection = Connection::new(slug("scim"), ConnectionKind::Scim);
    connection.licences.insert(slug("pro"));
    let client = tenant.client_of(connection).await;
    (tenant, client)
}

async fn used(tenant: &Tenant, licence: &str) -> i64 {
    let key = keys::count(tenant.id, &Count::Seats(slug(licence)));
    let stored = tenant.service.directory.store().get(key).await.expect("read");
    stored.map_or(0, |stored| {
        std::str::from_utf8(&stored.value)
            .expect("text")
            .parse()
            .expect("number")
    })
}

fn person(name: &str) -> Value {
    json!({ "schemas": [USER], "userName": name })
}

fn state(user: &Value) -> &str {
    user[USHER_USER]["lifecycleState"].as_str().expect("a state")
}

#[tokio::test]
async fn a_full_pool_refuses_with_403_that_names_licence_limit_and_use() {
    let (tenant, client) = seated(1, WhenFull::Refuse).await;
    let first = client.user("first").await;
    let detail = client.post("/Users", person("second")).await.refused(403, None);
    assert!(detail.contains("pro") && detail.contains("1 of 1"), "{detail}");
    assert_eq!(
        client.filter("/Users", "userName eq \"second\"").await.expect(200)["totalResults"],
        0
    );
    // What takes no new seat stays free.
    let title = json!([{ "op": "replace", "path": "title", "value": "x" }]);
    let _ = client.patch(&format!("/Users/{first}"), title).await.expect(200);
    let _ = client.delete(&format!("/Users/{first}")).await.expect(204);
    client.user("second").await;
    assert_eq!(used(&tenant, "pro").await, 1);
}

#[tokio::test]
async fn a_suspension_frees_the_seat_and_a_reactivation_needs_one() {
    let (tenant, client) = seated(1, WhenFull::Refuse).await;
    let first = format!("/Users/{}", client.user("first").await);
    let active = |active: bool| json!([{ "op": "replace", "path": "active", "value": active }]);
    let _ = client.patch(&first, active(false)).await.expect(200);
    assert_eq!(used(&tenant, "pro").await, 0);
    let second = format!("/Users/{}", client.user("second").await);
    client.patch(&first, active(true)).await.refused(403, None);
    assert_eq!(client.get(&first).await.expect(200)["active"], false);
    let _ = client.patch(&second, active(false)).await.expect(200);
    let _ = client.patch(&first, active(true)).await.expect(200);
    assert_eq!(used(&tenant, "pro").await, 1);
}

#[tokio::test]
async fn racers_never_both_take_the_last_seat() {
    let (tenant, client) = seated(5, WhenFull::Refuse).await;
    let tasks: Vec<_> = (0..40)
        .map(|n| {
            let client = client.clone();
            tokio::spawn(async move {
                client
                    .post("/Users", person(&format!("racer{n}")))
                    .await
                    .status
                    .as_u16()
            })
        })
        .collect();
    let mut won = 0;
    for task in tasks {
        match task.await.expect("no panic") {
            201 => won += 1,
            403 => {}
            status => panic!("unexpected status {status}"),
        }
    }
    assert_eq!((won, used(&tenant, "pro").await), (5, 5));
    assert_eq!(client.get("/Users?count=0").await.expect(200)["totalResults"], 5);
}

#[tokio::test]
async fn racers_for_one_user_name_have_one_winner() {
    let client = Service::client().await;
    let tasks: Vec<_> = (0..20)
        .map(|n| {
            let client = client.clone();
            let name = if n % 2 == 0 {
                "same@example.com"
            } else {
                "SAME@example.com"
            };
            tokio::spawn(async move { client.post("/Users", person(name)).await.status.as_u16() })
        })
        .collect();
    let mut statuses = Vec::new();
    for task in tasks {
        statuses.push(task.await.expect("no panic"));
    }
    statuses.sort_unstable();
    assert_eq!(statuses[0], 201);
    assert!(statuses[1..].iter().all(|status| *status == 409), "{statuses:?}");
}

#[tokio::test]
async fn those_who_wait_are_promoted_in_order_when_a_seat_frees_or_the_limit_rises() {
    let (tenant, client) = seated(1, WhenFull::Wait).await;
    let mut paths = Vec::new();
    for name in ["first", "second", "third", "fourth"] {
        paths.push(format!("/Users/{}", client.user(name).await));
    }
    let second = client.get(&paths[1]).await.expect(200);
    assert_eq!((state(&second), &second["active"]), ("waiting", &json!(true)));
    let _ = client.delete(&paths[0]).await.expect(204);
    assert_eq!(state(&client.get(&paths[1]).await.expect(200)), "active");
    assert_eq!(state(&client.get(&paths[2]).await.expect(200)), "waiting");
    tenant.licence("pro", 2, WhenFull::Wait).await;
    assert_eq!(state(&client.get(&paths[2]).await.expect(200)), "active");
    assert_eq!(state(&client.get(&paths[3]).await.expect(200)), "waiting");
    assert_eq!(used(&tenant, "pro").await, 2);
}

#[tokio::test]
async fn a_full_pool_falls_back_and_overage_has_a_second_limit() {
    let (tenant, client) = seated(1, WhenFull::Fallback(slug("basic"))).await;
    client.user("first").await;
    let second = client.post("/Users", person("second")).await.expect(201);
    assert_eq!(
        second[USHER_USER]["licences"],
        json!([{ "value": "basic", "state": "held" }])
    );
    client.post("/Users", person("third")).await.refused(403, None);
    assert_eq!((used(&tenant, "pro").await, used(&tenant, "basic").await), (1, 1));

    let (tenant, client) = seated(1, WhenFull::Overage(2)).await;
    client.user("first").await;
    client.user("second").await;
    client.post("/Users", person("third")).await.refused(403, None);
    let events = tenant
        .service
        .directory
        .events_after(tenant.id, 0, 1000)
        .await
        .expect("events");
    assert!(events.iter().any(|event| event.event.kind.as_str() == "seat.overage"));
    let numbers: Vec<u64> = events.iter().map(|event| event.number).collect();
    assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_licence_named_in_entitlements_takes_a_seat_and_gives_it_back() {
    let tenant = Service::new().organisation("acme").await;
    tenant.licence("pro", 1, WhenFull::Refuse).await;
    let client = tenant.client("scim").await;
    let (a, b) = (client.user("a").await, client.user("b").await);
    let take = json!([{ "op": "add", "path": "entitlements", "value": [{ "value": "pro" }] }]);
    let _ = client.patch(&format!("/Users/{a}"), take.clone()).await.expect(200);
    client
        .patch(&format!("/Users/{b}"), take.clone())
        .await
        .refused(403, None);
    let give = json!([{ "op": "remove", "path": "entitlements[value eq \"pro\"]" }]);
    let _ = client.patch(&format!("/Users/{a}"), give).await.expect(200);
    let _ = client.patch(&format!("/Users/{b}"), take).await.expect(200);
}

#[tokio::test]
async fn a_rule_by_group_gives_a_licence_to_members_and_takes_it_back() {
    let tenant = Service::new().organisation("acme").await;
    tenant.licence("pro", 1, WhenFull::Refuse).await;
    let mut connection = Connection::new(slug("scim"), ConnectionKind::Scim);
    connection.grants.push(usher::model::connection::GrantRule {
        licences: [slug("pro")].into(),
        ..usher::model::connection::GrantRule::new("'Engineering' in groups")
    });
    let client = tenant.client_of(connection).await;
    let (a, b) = (client.user("a").await, client.user("b").await);
    let group = format!("/Groups/{}", client.group("Engineering").await);
    let add = |id: &str| json!([{ "op": "add", "path": "members", "value": [{ "value": id }] }]);
    let remove = |id: &str| json!([{ "op": "remove", "path": format!("members[value eq \"{id}\"]") }]);
    let _ = client.patch(&group, add(&a)).await.expect(204);
    assert_eq!(used(&tenant, "pro").await, 1);
    client.patch(&group, add(&b)).await.refused(403, None);
    assert_eq!(
        client.get(&group).await.expect(200)["members"].as_array().map(Vec::len),
        Some(1)
    );
    // A change of the user keeps what the group gives.
    let title = json!([{ "op": "replace", "path": "title", "value": "x" }]);
    let _ = client.patch(&format!("/Users/{a}"), title).await.expect(200);
    assert_eq!(used(&tenant, "pro").await, 1);
    let _ = client.patch(&group, remove(&a)).await.expect(204);
    assert_eq!(used(&tenant, "pro").await, 0);
    let _ = client.patch(&group, add(&b)).await.expect(204);
    let _ = client.delete(&group).await.expect(204);
    assert_eq!(used(&tenant, "pro").await, 0);
}

/// A tenant with two licences, and a client whose users name their licences in `entitlements`.
async fn two_pools(basic: (u32, WhenFull), pro: (u32, WhenFull)) -> (Tenant, Client) {
    let tenant = Service::new().organisation("acme").await;
    tenant.licence("pro", pro.0, pro.1).await;
    tenant.licence("basic", basic.0, basic.1).await;
    let client = tenant.client("scim").await;
    (tenant, client)
}

/// Makes a person with these licences; the answer is the path.
async fn entitled(client: &Client, name: &str, licences: &[&str]) -> String {
    let path = format!("/Users/{}", client.user(name).await);
    let _ = client.patch(&path, entitle(licences)).await.expect(200);
    path
}

fn entitle(licences: &[&str]) -> Value {
    let values: Vec<Value> = licences.iter().map(|key| json!({ "value": key })).collect();
    json!([{ "op": "replace", "path": "entitlements", "value": values }])
}

fn seats(user: &Value) -> Vec<(&str, &str)> {
    let seats = user[USHER_USER]["licences"].as_array().into_iter().flatten();
    seats
        .map(|seat| {
            (
                seat["value"].as_str().expect("a licence"),
                seat["state"].as_str().expect("a state"),
            )
        })
        .collect()
}

async fn waiting(tenant: &Tenant, licence: &str) -> i64 {
    let key = keys::count(tenant.id, &Count::Waiting(slug(licence)));
    let stored = tenant.service.directory.store().get(key).await.expect("read");
    stored.map_or(0, |stored| {
        std::str::from_utf8(&stored.value)
            .expect("text")
            .parse()
            .expect("number")
    })
}

#[tokio::test]
async fn one_change_that_frees_two_seats_of_a_pool_serves_the_next_two_who_wait() {
    for is_deletion in [false, true] {
        for waiters in [1, 2, 3] {
            let (tenant, client) = two_pools((1, WhenFull::Fallback(slug("pro"))), (2, WhenFull::Wait)).await;
            entitled(&client, "a", &["basic"]).await;
            let both = entitled(&client, "b", &["basic", "pro"]).await;
            let mut queue = Vec::new();
            for number in 0..waiters {
                queue.push(entitled(&client, &format!("c{number}"), &["pro"]).await);
            }
            assert_eq!(
                (used(&tenant, "pro").await, waiting(&tenant, "pro").await),
                (2, waiters)
            );
            if is_deletion {
                let _ = client.delete(&both).await.expect(204);
            } else {
                let off = json!([{ "op": "replace", "path": "active", "value": false }]);
                let _ = client.patch(&both, off).await.expect(200);
            }
            assert_eq!(used(&tenant, "pro").await, waiters.min(2));
            assert_eq!(waiting(&tenant, "pro").await, (waiters - 2).max(0));
            for (place, path) in queue.iter().enumerate() {
                let user = client.get(path).await.expect(200);
                let expected = if place < 2 { "held" } else { "waiting" };
                assert_eq!(seats(&user), [("pro", expected)]);
            }
        }
    }
}

#[tokio::test]
async fn a_group_that_is_emptied_gives_each_of_its_seats_to_another_who_waits() {
    let tenant = Service::new().organisation("acme").await;
    tenant.licence("pro", 3, WhenFull::Wait).await;
    let mut connection = Connection::new(slug("scim"), ConnectionKind::Scim);
    connection.grants.push(usher::model::connection::GrantRule {
        licences: [slug("pro")].into(),
        ..usher::model::connection::GrantRule::new("'Engineering' in groups")
    });
    let client = tenant.client_of(connection).await;
    let group = format!("/Groups/{}", client.group("Engineering").await);
    let mut members = Vec::new();
    for name in ["a", "b", "c"] {
        members.push(json!({ "value": client.user(name).await }));
    }
    let add = json!([{ "op": "add", "path": "members", "value": members }]);
    let _ = client.patch(&group, add).await.expect(204);
    let mut queue = Vec::new();
    for name in ["d", "e", "f", "g"] {
        queue.push(entitled(&client, name, &["pro"]).await);
    }
    assert_eq!((used(&tenant, "pro").await, waiting(&tenant, "pro").await), (3, 4));
    let empty = json!([{ "op": "remove", "path": "members" }]);
    let _ = client.patch(&group, empty).await.expect(204);
    assert_eq!((used(&tenant, "pro").await, waiting(&tenant, "pro").await), (3, 1));
    for (place, path) in queue.iter().enumerate() {
        let expected = if place < 3 { "held" } else { "waiting" };
        assert_eq!(seats(&client.get(path).await.expect(200)), [("pro", expected)]);
    }
}

#[tokio::test]
async fn a_seat_that_someone_gives_back_goes_to_their_own_waiting_claim_when_it_is_its_turn() {
    let (tenant, client) = two_pools((1, WhenFull::Fallback(slug("pro"))), (1, WhenFull::Wait)).await;
    entitled(&client, "a", &["basic"]).await;
    let first = entitled(&client, "w", &["basic", "pro"]).await;
    let second = entitled(&client, "x", &["pro"]).await;
    assert_eq!((used(&tenant, "pro").await, waiting(&tenant, "pro").await), (1, 2));
    let _ = client.patch(&first, entitle(&["pro"])).await.expect(200);
    assert_eq!(seats(&client.get(&first).await.expect(200)), [("pro", "held")]);
    assert_eq!(seats(&client.get(&second).await.expect(200)), [("pro", "waiting")]);
    assert_eq!((used(&tenant, "pro").await, waiting(&tenant, "pro").await), (1, 1));
}

#[tokio::test]
async fn a_seat_that_someone_gives_back_goes_past_their_own_claim_to_who_waits_longer() {
    let (tenant, client) = two_pools((1, WhenFull::Fallback(slug("pro"))), (1, WhenFull::Wait)).await;
    entitled(&client, "a", &["basic"]).await;
    let late = entitled(&client, "w", &["basic"]).await;
    let early = entitled(&client, "x", &["pro"]).await;
    let _ = client.patch(&late, entitle(&["basic", "pro"])).await.expect(200);
    assert_eq!((used(&tenant, "pro").await, waiting(&tenant, "pro").await), (1, 2));
    let _ = client.patch(&late, entitle(&["pro"])).await.expect(200);
    assert_eq!(seats(&client.get(&early).await.expect(200)), [("pro", "held")]);
    assert_eq!(seats(&client.get(&late).await.expect(200)), [("pro", "waiting")]);
    assert_eq!((used(&tenant, "pro").await, waiting(&tenant, "pro").await), (1, 1));
}
