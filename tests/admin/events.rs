//! The event feed.

use crate::kit::gateway::Inside;

#[tokio::test]
async fn the_feed_has_every_event_once_in_order_however_it_is_read() {
    let inside = Inside::new();
    let acme = inside.administrator().await.organisation("acme").await;
    acme.apply(
        "acme",
        "[organisation]\nslug = \"acme\"\n[[connections]]\nname = \"entra\"\nkind = \"scim\"\n",
    )
    .await
    .expect(200);
    let client = acme.connection("acme", "entra").await;
    for number in 0..4 {
        client.scim_user("acme", &format!("user{number}")).await;
    }
    let path = "/api/v1/organisations/acme/events";
    let whole = acme.get(&format!("{path}?limit=1000")).await.expect(200);
    let whole = whole["items"].as_array().expect("a list").clone();
    let numbers: Vec<u64> = whole
        .iter()
        .map(|event| event["number"].as_u64().expect("a number"))
        .collect();
    let expected: Vec<u64> = (1..=numbers.len() as u64).collect();
    assert_eq!(numbers, expected);
    let created = whole.iter().filter(|event| event["kind"] == "user.created").count();
    assert_eq!(created, 4);
    let mut parts = Vec::new();
    let mut after = 0;
    loop {
        let page = acme.get(&format!("{path}?after={after}&limit=2")).await.expect(200);
        let items = page["items"].as_array().expect("a list");
        let Some(last) = items.last() else { break };
        after = last["number"].as_u64().expect("a number");
        parts.extend(items.iter().cloned());
    }
    assert_eq!(parts, whole);
}
