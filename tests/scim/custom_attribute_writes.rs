//! Writing attributes that an organisation defines: unique, required, read-only, secret and retired ones.

use serde_json::{Value, json};

use crate::kit::custom_attributes::{ATTRIBUTES, OWN, client, create};
use crate::kit::scim::{Client, Service, USER, slug};

async fn own(client: &Client, id: &str) -> Value {
    client.get(&format!("/Users/{id}")).await.expect(200)[OWN].clone()
}

#[tokio::test]
async fn a_unique_value_is_taken_at_every_door_and_free_again_afterwards() {
    let client = client().await;
    let ada = create(&client, "ada", json!({ "badge": "B1" })).await.id();
    let bob = create(&client, "bob", json!({ "badge": "B2", "locker": 1 })).await.id();
    let (ada, bob) = (format!("/Users/{ada}"), format!("/Users/{bob}"));
    let detail = create(&client, "eve", json!({ "badge": "b1" }))
        .await
        .refused(409, Some("uniqueness"));
    assert!(detail.contains(&format!("{OWN}:badge")), "{detail}");
    let replace = |badge: &str| json!({ "schemas": [USER, OWN], "userName": "bob", OWN: { "badge": badge } });
    client.put(&bob, replace("B1")).await.refused(409, Some("uniqueness"));
    let take = |attribute: &str, value: Value| json!([{ "op": "replace", "path": format!("{OWN}:{attribute}"), "value": value }]);
    client
        .patch(&bob, take("badge", json!("B1")))
        .await
        .refused(409, Some("uniqueness"));
    client
        .patch(&ada, take("locker", json!(1)))
        .await
        .refused(409, Some("uniqueness"));
    let _ = client.patch(&ada, take("badge", json!("b1"))).await.expect(200);
    let _ = client.patch(&ada, take("badge", json!("B3"))).await.expect(200);
    let _ = client.put(&bob, replace("B1")).await.expect(200);
    let _ = client.patch(&ada, take("locker", json!(1))).await.expect(200);
    let _ = client.delete(&bob).await.expect(204);
    let _ = create(&client, "eve", json!({ "badge": "B1" })).await.id();
    assert_eq!(client.violations().await, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_parallel_creations_with_one_unique_value_exactly_one_wins() {
    let client = client().await;
    let racers = (0..16).map(|n| {
        let client = client.clone();
        tokio::spawn(async move {
            create(&client, &format!("u{n}"), json!({ "badge": "B1" }))
                .await
                .status
                .as_u16()
        })
    });
    let mut statuses = Vec::new();
    for racer in racers.collect::<Vec<_>>() {
        statuses.push(racer.await.expect("an answer"));
    }
    statuses.sort_unstable();
    assert_eq!(
        statuses.iter().filter(|status| **status == 201).count(),
        1,
        "{statuses:?}"
    );
    assert_eq!(
        statuses.iter().filter(|status| **status == 409).count(),
        15,
        "{statuses:?}"
    );
    let found = client
        .filter("/Users", &format!("{OWN}:badge eq \"B1\""))
        .await
        .expect(200);
    assert_eq!(found["totalResults"], 1);
}

#[tokio::test]
async fn mutability_is_kept_to() {
    let client = client().await;
    let sent = json!({ "grade": "A", "hired": "2020-01-01T00:00:00Z", "pin": "1234", "site": "north" });
    let id = create(&client, "ada", sent).await.id();
    let path = format!("/Users/{id}");
    let shown = json!({ "hired": "2020-01-01T00:00:00Z", "site": "north" });
    assert_eq!(
        own(&client, &id).await,
        shown,
        "read-only is ignored, write-only is not shown"
    );
    let set = |attribute: &str, value: &str| json!([{ "op": "replace", "path": format!("{OWN}:{attribute}"), "value": value }]);
    client
        .patch(&path, set("grade", "B"))
        .await
        .refused(400, Some("mutability"));
    client
        .patch(&path, set("hired", "2021-01-01T00:00:00Z"))
        .await
        .refused(400, Some("mutability"));
    let stored = |user: Value| user["attributes"][OWN]["pin"].clone();
    assert_eq!(stored(client.stored(&id).await), "1234");
    // Whoever sends back what was shown does not take away what was not.
    let back = json!({ "schemas": [USER, OWN], "userName": "ada", OWN: shown });
    let _ = client.put(&path, back).await.expect(200);
    assert_eq!(stored(client.stored(&id).await), "1234");
    let _ = client
        .patch(&path, json!([{ "op": "remove", "path": format!("{OWN}:pin") }]))
        .await
        .expect(200);
    assert_eq!(stored(client.stored(&id).await), Value::Null);
}

#[tokio::test]
async fn a_retired_attribute_is_hidden_and_its_values_come_back() {
    let client = client().await;
    let id = create(&client, "ada", json!({ "badge": "B1", "site": "north" }))
        .await
        .id();
    let path = format!("/Users/{id}");
    let named = |name: &str| {
        format!("[organisation]\nslug = \"acme\"\n[[user_attributes]]\nname = \"{name}\"\ntype = \"string\"\n")
    };
    let _ = client
        .tenant
        .declare(&format!("{}unique = true\nretired = true\n", named("badge")))
        .await
        .expect("retired");
    assert_eq!(own(&client, &id).await, json!({ "site": "north" }));
    let schema = client.get(&format!("/Schemas/{OWN}")).await.expect(200);
    assert!(!schema.to_string().contains("badge"));
    client
        .filter("/Users", &format!("{OWN}:badge eq \"B1\""))
        .await
        .refused(400, Some("invalidFilter"));
    let back = json!({ "schemas": [USER, OWN], "userName": "ada", OWN: { "site": "south" } });
    let _ = client.put(&path, back).await.expect(200);
    let _ = client
        .patch(&path, json!([{ "op": "remove", "path": OWN }]))
        .await
        .expect(200);
    let shown = client.get(&path).await.expect(200);
    assert_eq!(
        (shown.get(OWN), shown["schemas"].as_array().map(Vec::len)),
        (None, Some(2)),
        "{shown:#}"
    );
    assert_eq!(client.violations().await, "");
    let _ = client.tenant.declare(ATTRIBUTES).await.expect("back in use");
    assert_eq!(own(&client, &id).await, json!({ "badge": "B1" }));
    create(&client, "bob", json!({ "badge": "B1" }))
        .await
        .refused(409, Some("uniqueness"));
}

#[tokio::test]
async fn what_the_service_keeps_of_them_can_be_verified() {
    let client = client().await;
    for n in 0..5 {
        let own = json!({ "badge": format!("B{n}"), "tags": ["x", "y"], "hired": "2020-01-01T00:00:00Z" });
        let id = create(&client, &format!("u{n}"), own).await.id();
        let patch = json!([{ "op": "replace", "path": format!("{OWN}:badge"), "value": format!("C{n}") }]);
        let _ = client.patch(&format!("/Users/{id}"), patch).await.expect(200);
        if n % 2 == 0 {
            let _ = client.delete(&format!("/Users/{id}")).await.expect(204);
        }
    }
    assert_eq!(
        client.violations().await,
        "",
        "nothing is left behind and nothing is missing"
    );
}

#[tokio::test]
async fn required_attributes_are_needed_by_writes_and_not_by_reads() {
    let tenant = Service::new().organisation("acme").await;
    let client = tenant.client("scim").await;
    let before = client.user("before").await;
    let file =
        "[organisation]\nslug = \"acme\"\n[[user_attributes]]\nname = \"cost\"\ntype = \"string\"\nrequired = true\n";
    let _ = tenant.declare(file).await.expect("declared");
    let types = client.get("/ResourceTypes/User").await.expect(200);
    let extensions = types["schemaExtensions"].as_array().expect("a list");
    assert!(extensions.contains(&json!({ "schema": OWN, "required": true })));
    let missing = client
        .post("/Users", json!({ "schemas": [USER], "userName": "new" }))
        .await;
    let detail = missing.refused(400, Some("invalidValue"));
    assert!(detail.contains(&format!("{OWN}:cost")), "{detail}");
    create(&client, "new", json!({ "cost": " " }))
        .await
        .refused(400, Some("invalidValue"));
    let path = format!("/Users/{before}");
    let _ = client.get(&path).await.expect(200);
    let replace = json!({ "schemas": [USER], "userName": "before" });
    client.put(&path, replace).await.refused(400, Some("invalidValue"));
    // Whoever leaves can always be switched off.
    let off = json!([{ "op": "replace", "path": "active", "value": false }]);
    assert_eq!(client.patch(&path, off).await.expect(200)["active"], false);
    let give = json!([{ "op": "add", "path": format!("{OWN}:cost"), "value": "C1" }]);
    let _ = client.patch(&path, give).await.expect(200);
    // RFC 7644 section 3.5.2.2: removing a required attribute is an error of mutability.
    for target in [format!("{OWN}:cost"), OWN.to_owned()] {
        let take = json!([{ "op": "remove", "path": target }]);
        let detail = client.patch(&path, take).await.refused(400, Some("mutability"));
        assert!(detail.contains("cost"), "{detail}");
    }
    let clear = json!([{ "op": "replace", "path": format!("{OWN}:cost"), "value": null }]);
    client.patch(&path, clear).await.refused(400, Some("invalidValue"));
}

#[tokio::test]
async fn each_attribute_belongs_to_the_connection_that_wrote_it() {
    use usher::model::connection::{Adoption, Connection, ConnectionKind};

    let strong = client().await;
    let mut second = Connection::new(slug("second"), ConnectionKind::Scim);
    second.matching.adoption = Adoption::Adopt;
    second.precedence = 200;
    let weak = strong.tenant.client_of(second).await;
    let id = create(&strong, "ada", json!({ "badge": "B1" })).await.id();
    let adopted = create(&weak, "ada", json!({ "badge": "B2", "site": "north" })).await;
    assert_eq!(adopted.expect(201)[OWN], json!({ "badge": "B1", "site": "north" }));
    let path = format!("/Users/{id}");
    let patch = json!([{ "op": "replace", "value": { OWN: { "badge": "B3", "rate": 2 } } }]);
    let _ = weak.patch(&path, patch).await.expect(200);
    assert_eq!(
        own(&strong, &id).await,
        json!({ "badge": "B1", "site": "north", "rate": 2 })
    );
    let stored = strong.stored(&id).await;
    assert_eq!(stored["owners"][format!("{OWN}:badge")], "scim");
    assert_eq!(stored["owners"][format!("{OWN}:rate")], "second");
    let body = json!({ "schemas": [USER, OWN], "userName": "ada", OWN: { "badge": "B4" } });
    let _ = strong.put(&path, body).await.expect(200);
    assert_eq!(
        own(&strong, &id).await,
        json!({ "badge": "B4", "site": "north", "rate": 2 }),
        "a PUT takes away nothing that it never wrote"
    );
}
