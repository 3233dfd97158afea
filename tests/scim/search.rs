//! Search with POST, at every level (RFC 7644 s3.4.3), and queries over several types (s3.4.2.1).

use serde_json::{Value, json};
use usher::model::connection::{Connection, ConnectionKind};
use usher::model::deviation::Strictness;

use crate::kit::scim::{Client, Service, USER, slug};

const SEARCH: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";

async fn people() -> Client {
    let client = Service::client().await;
    for name in ["cleo", "ada", "bob"] {
        client
            .post(
                "/Users",
                json!({ "schemas": [USER], "userName": name, "displayName": format!("D {name}") }),
            )
            .await
            .id();
    }
    client.group("D crew").await;
    client
}

fn names(body: &Value) -> Vec<&str> {
    let resources = body["Resources"].as_array().expect("Resources");
    let name = |resource: &'_ Value| resource["displayName"].as_str().map(str::len).is_some();
    assert!(resources.iter().all(name), "{body:#}");
    resources
        .iter()
        .map(|resource| resource["displayName"].as_str().expect("displayName"))
        .collect()
}

#[tokio::test]
async fn a_search_answers_as_the_query_with_the_same_parameters() {
    let client = people().await;
    let search = json!({
        "schemas": [SEARCH], "filter": "displayName sw \"D\"", "attributes": ["displayName"],
        "sortBy": "displayName", "sortOrder": "descending", "startIndex": 1, "count": 2,
    });
    let by_post = client.post("/Users/.search", search).await.expect(200);
    let by_get = client
        .get("/Users?filter=displayName+sw+%22D%22&attributes=displayName&sortBy=displayName&sortOrder=descending&startIndex=1&count=2")
        .await
        .expect(200);
    assert_eq!(by_post, by_get);
    assert_eq!(names(&by_post), ["D cleo", "D bob"]);
    assert_eq!(by_post["totalResults"], 3);
    let groups = client.post("/Groups/.search", json!({ "schemas": [SEARCH] })).await;
    assert_eq!(names(&groups.expect(200)), ["D crew"]);
}

#[tokio::test]
async fn the_root_searches_all_types_and_an_attribute_of_one_type_has_no_value_in_the_other() {
    let client = people().await;
    let search = |filter: &str| json!({ "schemas": [SEARCH], "filter": filter, "sortBy": "displayName" });
    for (filter, expected) in [
        ("displayName sw \"d\"", vec!["D ada", "D bob", "D cleo", "D crew"]),
        ("userName eq \"bob\"", vec!["D bob"]),
        ("meta.resourceType eq \"Group\"", vec!["D crew"]),
        ("userName pr", vec!["D ada", "D bob", "D cleo"]),
        ("not (userName pr)", vec!["D crew"]),
        ("members pr", vec![]),
        (
            "urn:ietf:params:scim:schemas:core:2.0:User:userName eq \"ada\"",
            vec!["D ada"],
        ),
    ] {
        let found = client.post("/.search", search(filter)).await.expect(200);
        assert_eq!(names(&found), expected, "{filter}");
        assert_eq!(found["totalResults"], expected.len());
    }
    client
        .post("/.search", search("nope pr"))
        .await
        .refused(400, Some("invalidFilter"));
    assert_eq!(client.get("/?count=0").await.expect(200)["totalResults"], 4);
    let mut seen = Vec::new();
    for start in 1..=4 {
        let body = client.get(&format!("?startIndex={start}&count=1")).await.expect(200);
        assert_eq!(body["totalResults"], 4);
        seen.push(names(&body)[0].to_owned());
    }
    assert_eq!(seen, ["D cleo", "D ada", "D bob", "D crew"], "in the order of creation");
}

#[tokio::test]
async fn a_search_is_lenient_about_its_schema_and_strict_where_the_connection_is() {
    let service = Service::new();
    let tenant = service.organisation("acme").await;
    let lenient = tenant.client("scim").await;
    let mut connection = Connection::new(slug("strict"), ConnectionKind::Scim);
    connection.strictness = Strictness::Strict;
    let strict = tenant.client_of(connection).await;
    for body in [
        json!({ "count": 1 }),
        json!({ "schemas": ["urn:example:other"], "count": 1 }),
        json!({ "schemas": [SEARCH], "colour": "red" }),
    ] {
        let _ = lenient.post("/Users/.search", body.clone()).await.expect(200);
        strict
            .post("/Users/.search", body)
            .await
            .refused(400, Some("invalidSyntax"));
    }
    let _ = strict
        .post("/Users/.search", json!({ "schemas": [SEARCH] }))
        .await
        .expect(200);
    for client in [&lenient, &strict] {
        client
            .post("/.search", json!([]))
            .await
            .refused(400, Some("invalidSyntax"));
        let wrong = json!({ "schemas": [SEARCH], "filter": { "userName": "x" } });
        client.post("/.search", wrong).await.refused(400, Some("invalidSyntax"));
    }
}

#[tokio::test]
async fn members_of_a_search_have_their_types() {
    let service = Service::new();
    let tenant = service.organisation("acme").await;
    let lenient = tenant.client("scim").await;
    let mut connection = Connection::new(slug("strict"), ConnectionKind::Scim);
    connection.strictness = Strictness::Strict;
    let strict = tenant.client_of(connection).await;
    let search = |name: &str, value: Value| json!({ "schemas": [SEARCH], name: value });
    for (name, value) in [
        ("attributes", json!(7)),
        ("attributes", json!({ "userName": true })),
        ("attributes", json!([1, "userName"])),
        ("excludedAttributes", json!(false)),
        ("excludedAttributes", json!([["title"]])),
        ("filter", json!(["userName pr"])),
        ("sortBy", json!(1)),
        ("sortOrder", json!(["ascending"])),
        ("startIndex", json!([1])),
        ("count", json!(true)),
        ("cursor", json!(1)),
    ] {
        for client in [&lenient, &strict] {
            let answer = client.post("/Users/.search", search(name, value.clone())).await;
            let detail = answer.refused(400, Some("invalidSyntax"));
            assert!(detail.starts_with(name), "{detail}");
        }
    }
    // As the same parameter is written in a URL.
    let written = search("attributes", json!("userName,title"));
    let _ = lenient.post("/Users/.search", written.clone()).await.expect(200);
    strict
        .post("/Users/.search", written)
        .await
        .refused(400, Some("invalidSyntax"));
}
