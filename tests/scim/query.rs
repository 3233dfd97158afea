//! Filters and pages.

use serde_json::json;

use crate::kit::scim::{Client, Service, USER};

async fn people() -> Client {
    let client = Service::client().await;
    for (name, title, mail) in [
        ("ada", "Engineer", "ada@example.com"),
        ("bob", "Manager", "bob@example.com"),
        ("cleo", "Engineer", "cleo@other.example"),
    ] {
        let body = json!({
            "schemas": [USER], "userName": name, "displayName": format!("Display {name}"), "title": title,
            "externalId": format!("ext-{name}"), "emails": [{ "value": mail, "type": "work" }],
        });
        client.post("/Users", body).await.id();
    }
    client
}

async fn names(client: &Client, filter: &str) -> Vec<String> {
    let body = client.filter("/Users", filter).await.expect(200);
    let resources = body["Resources"].as_array().expect("Resources");
    assert_eq!(body["totalResults"], resources.len());
    resources
        .iter()
        .map(|user| user["userName"].as_str().expect("userName").to_owned())
        .collect()
}

#[tokio::test]
async fn filters_find_by_index_and_by_reading() {
    let client = people().await;
    for (filter, expected) in [
        ("userName eq \"ADA\"", vec!["ada"]),
        ("externalId eq \"ext-bob\"", vec!["bob"]),
        ("externalId eq \"EXT-bob\"", vec![]),
        ("emails eq \"cleo@other.example\"", vec!["cleo"]),
        ("emails.value eq \"bob@example.com\"", vec!["bob"]),
        ("emails[type eq \"work\"].value eq \"ada@example.com\"", vec!["ada"]),
        ("emails[type eq \"home\" and value eq \"ada@example.com\"]", vec![]),
        ("displayName eq \"display CLEO\"", vec!["cleo"]),
        ("title eq \"engineer\"", vec!["ada", "cleo"]),
        ("title eq \"engineer\" and not (userName eq \"ada\")", vec!["cleo"]),
        ("userName eq \"ada\" or userName eq \"bob\"", vec!["ada", "bob"]),
        ("userName eq \"ada\" and title eq \"Manager\"", vec![]),
        ("emails.value ew \"example.com\"", vec!["ada", "bob"]),
        ("userName eq \"nobody\"", vec![]),
        ("active eq \"True\"", vec!["ada", "bob", "cleo"]),
        (
            "urn:usher:scim:schemas:extension:2.0:User:lifecycleState eq \"active\"",
            vec!["ada", "bob", "cleo"],
        ),
        ("id eq \"not-an-id\"", vec![]),
    ] {
        assert_eq!(names(&client, filter).await, expected, "{filter}");
    }
}

#[tokio::test]
async fn a_filter_that_cannot_be_understood_is_refused_never_ignored() {
    let client = people().await;
    for filter in [
        "userName",
        "userName eq",
        "nope eq \"x\"",
        "userName xx \"y\"",
        "(userName eq \"a\"",
        "",
    ] {
        client
            .filter("/Users", filter)
            .await
            .refused(400, Some("invalidFilter"));
    }
    client
        .filter("/Users", "password eq \"x\"")
        .await
        .refused(403, Some("sensitive"));
    client
        .filter("/Users", &"(".repeat(10_000))
        .await
        .refused(400, Some("invalidFilter"));
}

#[tokio::test]
async fn pages_are_stable_and_end_with_an_empty_one() {
    let client = people().await;
    let mut seen = Vec::new();
    for start in 1..=4 {
        let body = client
            .get(&format!("/Users?startIndex={start}&count=1"))
            .await
            .expect(200);
        assert_eq!(body["totalResults"], 3);
        assert_eq!(body["startIndex"], start);
        let page = body["Resources"].as_array().expect("Resources").clone();
        assert_eq!(body["itemsPerPage"], page.len());
        seen.extend(
            page.iter()
                .map(|user| user["userName"].as_str().expect("name").to_owned()),
        );
    }
    assert_eq!(seen, ["ada", "bob", "cleo"]);
    let none = client.get("/Users?count=0").await.expect(200);
    assert_eq!(
        (none["totalResults"].clone(), none["Resources"].clone()),
        (json!(3), json!([]))
    );
    let below = client.get("/Users?startIndex=-5&count=-1").await.expect(200);
    assert_eq!(
        (below["startIndex"].clone(), below["itemsPerPage"].clone()),
        (json!(1), json!(0))
    );
    client.get("/Users?count=many").await.refused(400, Some("invalidValue"));
}

#[tokio::test]
async fn projection_shows_what_is_asked_for_and_always_the_id() {
    let client = people().await;
    let body = client
        .get("/Users?attributes=userName,emails.value&count=1")
        .await
        .expect(200);
    let user = body["Resources"][0].as_object().expect("user").clone();
    let keys: Vec<&str> = user.keys().map(String::as_str).collect();
    assert_eq!(keys, ["emails", "id", "schemas", "userName"]);
    let body = client
        .get("/Users?excludedAttributes=emails,id&count=1")
        .await
        .expect(200);
    assert!(body["Resources"][0].get("emails").is_none());
    assert!(body["Resources"][0].get("id").is_some());
    client
        .get("/Users?attributes=userName&excludedAttributes=emails")
        .await
        .refused(400, Some("invalidValue"));
}

#[tokio::test]
async fn edges_are_filtered_from_both_sides() {
    let client = people().await;
    let found = client.filter("/Users", "userName eq \"ada\"").await.expect(200);
    let ada = found["Resources"][0]["id"].as_str().expect("id").to_owned();
    let group = client.group("G").await;
    client.group("Empty").await;
    let add = json!([{ "op": "add", "path": "members", "value": [{ "value": ada }] }]);
    let _ = client.patch(&format!("/Groups/{group}"), add).await.expect(204);
    assert_eq!(names(&client, &format!("groups.value eq \"{group}\"")).await, ["ada"]);
    assert_eq!(
        names(&client, &format!("not (groups.value eq \"{group}\")")).await,
        ["bob", "cleo"]
    );
    assert_eq!(names(&client, "groups pr").await, ["ada"]);
    let found = client
        .filter("/Groups", &format!("members.value eq \"{ada}\""))
        .await
        .expect(200);
    assert_eq!(found["totalResults"], 1);
    assert_eq!(found["Resources"][0]["displayName"], "G");
    // Entra's reference check.
    let check = format!("/Groups?attributes=id&filter=id+eq+%22{group}%22+and+members+eq+%22{ada}%22");
    assert_eq!(client.get(&check).await.expect(200)["totalResults"], 1);
}
