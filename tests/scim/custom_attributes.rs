//! Attributes that an organisation defines behave like those of the RFC (RFC 7643 sections 3.3, 6 and 7).

use serde_json::{Value, json};
use usher::directory::query::{Page, Query, QueryBudget, Queryable as _, Start};
use usher::model::deviation::Strictness;
use usher::model::filter::{Filter, FilterLimits};
use usher::model::user::User;

use crate::kit::custom_attributes::{OWN, OWN_GROUP, client, create};
use crate::kit::scim::{Client, GROUP, USER};

async fn names(client: &Client, filter: &str) -> Vec<String> {
    let found = client.filter("/Users", filter).await.expect(200);
    let users = found["Resources"].as_array().expect("a list");
    users
        .iter()
        .map(|user| user["userName"].as_str().expect("a name").to_owned())
        .collect()
}

#[tokio::test]
async fn discovery_shows_them_to_their_own_organisation_only() {
    let client = client().await;
    let schema = client.get(&format!("/Schemas/{OWN}")).await.expect(200);
    assert_eq!(schema["id"], OWN);
    assert_eq!(
        schema["attributes"][0],
        json!({
            "name": "badge", "type": "string", "multiValued": false, "description": "What opens the doors",
            "required": false, "caseExact": false, "mutability": "readWrite", "returned": "default",
            "uniqueness": "server",
        })
    );
    assert_eq!(schema["attributes"][8]["referenceTypes"], json!(["external"]));
    let types = client.get("/ResourceTypes/User").await.expect(200);
    let extensions = types["schemaExtensions"].as_array().expect("a list");
    assert!(extensions.contains(&json!({ "schema": OWN, "required": false })));
    let other = client.tenant.service.organisation("globex").await.client("scim").await;
    for path in ["/Schemas", "/ResourceTypes"] {
        let own = client.get(path).await.expect(200).to_string();
        assert!(own.contains(OWN) && own.contains(OWN_GROUP), "{path}");
        let foreign = other.get(path).await.expect(200).to_string();
        assert!(!foreign.contains("acme:2.0"), "{path}");
    }
    other.get(&format!("/Schemas/{OWN}")).await.refused(404, None);
    let filter = format!("{OWN}:badge eq \"B1\"");
    other
        .filter("/Users", &filter)
        .await
        .refused(400, Some("invalidFilter"));
}

#[tokio::test]
async fn values_of_every_type_are_stored_and_shown_under_the_urn() {
    let client = client().await;
    let own = json!({
        "badge": "B1", "locker": 7, "site": "north", "code": "Xy", "rate": 1.5, "remote": true,
        "hired": "2020-01-01T00:00:00Z", "keyring": "AQID", "homepage": "https://acme.example/ada",
        "tags": ["a", "b"], "desk": { "room": "R1", "row": 2 },
        "certificates": [{ "value": "iso", "type": "work", "level": 3 }], "rank": "captain",
    });
    let created = create(&client, "ada", own.clone()).await.expect(201);
    assert_eq!(created[OWN], own);
    assert!(created["schemas"].as_array().expect("a list").contains(&json!(OWN)));
    let path = format!("/Users/{}", created["id"].as_str().expect("an id"));
    assert_eq!(client.get(&path).await.expect(200)[OWN], own);
    let plain = client.user("bob").await;
    let plain = client.get(&format!("/Users/{plain}")).await.expect(200);
    assert_eq!(
        plain["schemas"].as_array().map(|schemas| schemas.contains(&json!(OWN))),
        Some(false)
    );
}

#[tokio::test]
async fn a_wrong_value_is_refused_by_the_name_of_its_attribute() {
    let client = client().await;
    for (attribute, value) in [
        ("badge", json!(5)),
        ("locker", json!("five")),
        ("locker", json!(1.5)),
        ("rate", json!("1.5")),
        ("remote", json!("maybe")),
        ("hired", json!("yesterday")),
        ("keyring", json!("***")),
        ("homepage", json!("no uri")),
        ("tags", json!([1])),
        ("desk", json!({ "row": 1 })),
        ("certificates", json!([{ "level": "high" }])),
    ] {
        let detail = create(&client, "ada", json!({ attribute: value.clone() }))
            .await
            .refused(400, Some("invalidValue"));
        assert!(
            detail.contains(&format!("{OWN}:{attribute}")),
            "{attribute} {value}: {detail}"
        );
        let id = client
            .user(&format!("user-{attribute}-{value}").replace(['"', '{', '}', '[', ']'], ""))
            .await;
        let patch = json!([{ "op": "replace", "path": format!("{OWN}:{attribute}"), "value": value }]);
        let detail = client
            .patch(&format!("/Users/{id}"), patch)
            .await
            .refused(400, Some("invalidValue"));
        assert!(detail.contains(attribute), "{detail}");
    }
}

#[tokio::test]
async fn patch_takes_every_form_that_clients_send() {
    let client = client().await;
    let id = create(&client, "ada", json!({ "site": "north", "tags": ["a"] }))
        .await
        .id();
    let path = format!("/Users/{id}");
    let run = async |operation: Value| client.patch(&path, json!([operation])).await.expect(200)[OWN].clone();
    let at = |attribute: &str| format!("{OWN}:{attribute}");
    assert_eq!(
        run(json!({ "op": "replace", "path": at("site"), "value": "south" })).await["site"],
        "south"
    );
    assert_eq!(
        run(json!({ "op": "add", "path": at("tags"), "value": ["b"] })).await["tags"],
        json!(["a", "b"])
    );
    let removed = run(json!({ "op": "remove", "path": at("tags[value eq \"a\"]") })).await;
    assert_eq!(removed["tags"], json!(["b"]));
    assert_eq!(
        run(json!({ "op": "add", "path": at("desk.room"), "value": "R9" })).await["desk"]["room"],
        "R9"
    );
    let certificates = json!([{ "value": "iso", "type": "work" }, { "value": "itil", "type": "home" }]);
    let _ = run(json!({ "op": "add", "path": at("certificates"), "value": certificates })).await;
    let levelled =
        run(json!({ "op": "replace", "path": at("certificates[type eq \"work\"].level"), "value": 4 })).await;
    assert_eq!(
        levelled["certificates"][0],
        json!({ "value": "iso", "type": "work", "level": 4 })
    );
    let removed = run(json!({ "op": "remove", "path": at("certificates[type eq \"home\"]") })).await;
    assert_eq!(removed["certificates"].as_array().map(Vec::len), Some(1));
    let nested = run(json!({ "op": "replace", "value": { OWN: { "rate": 2.5, "SITE": "north" } } })).await;
    assert_eq!((&nested["rate"], &nested["site"]), (&json!(2.5), &json!("north")));
    assert_eq!(
        run(json!({ "op": "replace", "value": { at("site"): "east" } })).await["site"],
        "east"
    );
    assert_eq!(
        run(json!({ "op": "add", "path": OWN, "value": { "remote": true } })).await["remote"],
        true
    );
    assert_eq!(
        run(json!({ "op": "remove", "path": at("site") })).await.get("site"),
        None
    );
    assert_eq!(run(json!({ "op": "remove", "path": OWN })).await, Value::Null);
}

#[tokio::test]
async fn filters_compare_by_type_and_indexes_change_nothing() {
    let client = client().await;
    let years = [2019, 2020, 2021];
    for (n, year) in years.into_iter().enumerate() {
        let own = json!({
            "badge": format!("B{n}"), "locker": n * 10, "site": "North", "code": "Xy", "rate": 0.5 + n as f64,
            "remote": n == 1, "hired": format!("{year}-01-01T02:00:00+02:00"), "tags": ["all", format!("t{n}")],
            "desk": { "room": format!("R{n}"), "row": n }, "certificates": [{ "type": "work", "level": n }],
        });
        let _ = create(&client, &format!("u{n}"), own).await.id();
    }
    client.user("plain").await;
    let settings = client
        .tenant
        .service
        .directory
        .load_organisation(client.tenant.id)
        .await
        .expect("settings");
    for (filter, expected) in [
        ("badge eq \"b1\"", &["u1"] as &[&str]),
        ("badge eq \"none\"", &[]),
        ("badge sw \"b\"", &["u0", "u1", "u2"]),
        ("badge ne \"B1\"", &["u0", "u2", "plain"]),
        ("locker eq 10", &["u1"]),
        ("locker ge 10", &["u1", "u2"]),
        ("locker lt 10", &["u0"]),
        ("site eq \"nORTH\"", &["u0", "u1", "u2"]),
        ("site co \"rt\"", &["u0", "u1", "u2"]),
        ("code eq \"Xy\"", &["u0", "u1", "u2"]),
        ("code eq \"xy\"", &[]),
        ("rate gt 1", &["u1", "u2"]),
        ("remote eq true", &["u1"]),
        ("hired eq \"2020-01-01T00:00:00Z\"", &["u1"]),
        ("hired gt \"2020-01-01T00:00:00Z\"", &["u2"]),
        ("tags eq \"T2\"", &["u2"]),
        ("tags[value eq \"t0\"]", &["u0"]),
        ("tags pr", &["u0", "u1", "u2"]),
        ("desk.row le 1", &["u0", "u1"]),
        ("certificates[type eq \"work\" and level ge 2]", &["u2"]),
    ] {
        let filter = format!("{OWN}:{filter}");
        let mut found = names(&client, &filter).await;
        found.sort();
        let mut expected = expected.to_vec();
        expected.sort_unstable();
        assert_eq!(found, expected, "{filter}");
        let parsed = Filter::parse(&filter, FilterLimits::default()).expect("a filter");
        let resolved = parsed
            .resolve(&settings.schemas.users, Strictness::Strict)
            .expect("known attributes");
        let query = Query {
            filter: Some(&resolved),
            sort: None,
            start: Start::Index(1),
            count: 100,
            connection: None,
            with_groups: false,
            budget: QueryBudget::default(),
            indexes: false,
        };
        let directory = &client.tenant.service.directory;
        let page: Page<User> = directory.query(client.tenant.id, query).await.expect("a page");
        let mut scanned: Vec<_> = page.resources.iter().map(|user| user.user_name.clone()).collect();
        scanned.sort();
        assert_eq!(scanned, expected, "without indexes: {filter}");
        assert!(
            page.resources
                .iter()
                .all(|user| user.represent(None).contains_key("id"))
        );
    }
    // A name without its URN is the only extension's that has it.
    assert_eq!(names(&client, "locker eq 20").await, ["u2"]);
    client
        .filter("/Users", &format!("{OWN}:remote gt true"))
        .await
        .refused(400, Some("invalidFilter"));
    client
        .filter("/Users", &format!("{OWN}:pin eq \"1\""))
        .await
        .refused(403, Some("sensitive"));
}

#[tokio::test]
async fn an_indexed_equality_reads_no_more_than_it_finds() {
    let client = client().await;
    for n in 0..30 {
        let own = json!({ "badge": format!("B{n}"), "site": format!("s{}", n % 10), "rate": n });
        let _ = create(&client, &format!("u{n}"), own).await.id();
    }
    let settings = client
        .tenant
        .service
        .directory
        .load_organisation(client.tenant.id)
        .await
        .expect("settings");
    for (filter, is_cheap) in [
        ("badge eq \"b7\"", true),
        ("site eq \"S3\"", true),
        ("rate eq 7", false),
    ] {
        let parsed = Filter::parse(&format!("{OWN}:{filter}"), FilterLimits::default()).expect("a filter");
        let resolved = parsed
            .resolve(&settings.schemas.users, Strictness::Strict)
            .expect("known attributes");
        let query = Query {
            filter: Some(&resolved),
            sort: None,
            start: Start::Index(1),
            count: 100,
            connection: None,
            with_groups: false,
            budget: QueryBudget { records: 5 },
            indexes: true,
        };
        let page: Result<Page<User>, _> = client.tenant.service.directory.query(client.tenant.id, query).await;
        assert_eq!(page.is_ok(), is_cheap, "{filter}");
    }
}

#[tokio::test]
async fn they_sort_and_are_projected() {
    let client = client().await;
    for (name, locker) in [("a", 20), ("b", 3), ("c", 100)] {
        let own = json!({ "locker": locker, "notes": "seen on request", "rank": "x", "pin": "1234" });
        let _ = create(&client, name, own).await.id();
    }
    let shown = async |query: &str| client.get(&format!("/Users?{query}")).await.expect(200)["Resources"].clone();
    let sorted = shown(&format!("sortBy={OWN}:locker&attributes=userName")).await;
    let order: Vec<_> = sorted
        .as_array()
        .expect("a list")
        .iter()
        .map(|user| &user["userName"])
        .collect();
    assert_eq!(order, ["b", "a", "c"]);
    assert_eq!(sorted[0][OWN], json!({ "rank": "x" }), "what is returned always is");
    let sorted = shown(&format!("sortBy={OWN}:locker&sortOrder=descending&count=1")).await;
    assert_eq!(sorted[0][OWN], json!({ "locker": 100, "rank": "x" }));
    let asked = shown(&format!("attributes={OWN}:notes,{OWN}:pin&count=1")).await;
    assert_eq!(asked[0][OWN], json!({ "notes": "seen on request", "rank": "x" }));
    let whole = shown(&format!("attributes={OWN}&count=1")).await;
    assert_eq!(
        whole[0][OWN],
        json!({ "locker": 20, "notes": "seen on request", "rank": "x" })
    );
    let without = shown(&format!("excludedAttributes={OWN}:locker,{OWN}:rank&count=1")).await;
    assert_eq!(without[0][OWN], json!({ "rank": "x" }));
}

#[tokio::test]
async fn groups_searches_and_bulk_know_them_too() {
    let client = client().await;
    let group = json!({ "schemas": [GROUP, OWN_GROUP], "displayName": "G", OWN_GROUP: { "floor": 3, "ticket": "T1" } });
    let id = client.post("/Groups", group.clone()).await.id();
    let again = json!({ "schemas": [GROUP], "displayName": "H", OWN_GROUP: { "ticket": "t1" } });
    client
        .post("/Groups", again.clone())
        .await
        .refused(409, Some("uniqueness"));
    let patch = json!([{ "op": "replace", "path": format!("{OWN_GROUP}:floor"), "value": 4 }]);
    let _ = client.patch(&format!("/Groups/{id}"), patch).await.expect(204);
    let found = client
        .filter("/Groups", &format!("{OWN_GROUP}:ticket eq \"T1\""))
        .await
        .expect(200);
    assert_eq!(found["Resources"][0][OWN_GROUP], json!({ "floor": 4, "ticket": "T1" }));
    let operation = json!({ "method": "POST", "path": "/Users", "bulkId": "1", "data": {
        "schemas": [USER, OWN], "userName": "ada", OWN: { "locker": 4 } } });
    let bulk = json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": [operation] });
    assert_eq!(
        client.post("/Bulk", bulk).await.expect(200)["Operations"][0]["status"],
        "201"
    );
    let search = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
        "filter": format!("{OWN}:locker eq 4 or {OWN_GROUP}:floor eq 4"), "sortBy": "meta.created",
        "attributes": [format!("{OWN}:locker"), format!("{OWN_GROUP}:floor")],
    });
    let across = client.post("/.search", search).await.expect(200);
    assert_eq!(across["totalResults"], 2, "{across:#}");
    assert_eq!(across["Resources"][0][OWN_GROUP], json!({ "floor": 4 }));
    assert_eq!(across["Resources"][1][OWN], json!({ "locker": 4 }));
    let _ = client.delete(&format!("/Groups/{id}")).await.expect(204);
    let _ = client.post("/Groups", again).await.id();
}
