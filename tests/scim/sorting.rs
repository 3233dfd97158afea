//! Sorting (RFC 7644 s3.4.2.3).

use serde_json::json;

use crate::kit::scim::{Client, Service, USER};

async fn people() -> Client {
    let client = Service::client().await;
    for (name, title) in [
        ("d", Some("beta")),
        ("a", None),
        ("c", Some("Alpha")),
        ("b", Some("beta")),
    ] {
        let mut body = json!({ "schemas": [USER], "userName": name, "emails": [
            { "value": format!("z{name}@example.com") },
            { "value": format!("{name}@example.com"), "primary": true },
        ] });
        if let Some(title) = title {
            body["title"] = title.into();
        }
        client.post("/Users", body).await.id();
    }
    client
}

async fn order(client: &Client, query: &str) -> String {
    let body = client.get(&format!("/Users?{query}")).await.expect(200);
    let resources = body["Resources"].as_array().expect("Resources");
    resources
        .iter()
        .map(|user| user["userName"].as_str().expect("name"))
        .collect()
}

#[tokio::test]
async fn results_come_in_the_order_asked_for_and_else_in_that_of_creation() {
    let client = people().await;
    for (query, expected) in [
        ("", "dacb"),
        ("sortOrder=descending", "dacb"),
        ("sortBy=userName", "abcd"),
        ("sortBy=USERNAME&sortOrder=Descending", "dcba"),
        // Without a value last when ascending, first when descending; equal values in the order of creation.
        ("sortBy=title", "cdba"),
        ("sortBy=title&sortOrder=descending", "adbc"),
        // The primary value of a list.
        ("sortBy=emails", "abcd"),
        ("sortBy=emails.value&filter=title+pr", "bcd"),
        ("sortBy=meta.created", "dacb"),
        ("sortBy=userName&startIndex=2&count=2", "bc"),
        ("sortBy=userName&startIndex=9", ""),
    ] {
        assert_eq!(order(&client, query).await, expected, "{query}");
    }
}

#[tokio::test]
async fn an_order_that_cannot_be_made_is_refused() {
    let client = people().await;
    for (query, scim_type) in [
        ("sortBy=nope", "invalidPath"),
        ("sortBy=name", "invalidPath"),
        ("sortBy=userName&sortOrder=sideways", "invalidValue"),
        ("sortBy=password", "sensitive"),
    ] {
        client
            .get(&format!("/Users?{query}"))
            .await
            .refused(400, Some(scim_type));
    }
}
