//! Saved views (S004-11, S004-12): kept, used, shared, dropped, and gone with their owner.

use serde_json::{Value, json};

use crate::kit::access::{ACME, Acme};
use crate::kit::gateway::Caller;

const FILE: &str = r#"
[[roles]]
key = "viewer"
name = "Viewer"
permissions = ["user.view"]
[[roles]]
key = "sharer"
name = "Sharer"
permissions = ["user.view", "view.share"]
"#;

async fn people() -> Acme {
    let acme = Acme::new(FILE).await;
    for (name, role) in [("ada", "viewer"), ("bob", "viewer"), ("cleo", "sharer")] {
        acme.user(name).await;
        acme.assign(name, role).await.expect(200);
    }
    acme.post("/users", json!({ "user_name": "zoe" })).await.expect(201);
    acme
}

fn names(answer: &Value, member: &str) -> Vec<String> {
    let items = answer["items"].as_array().expect("items").iter();
    items
        .map(|item| item[member].as_str().expect("a name").to_owned())
        .collect()
}

async fn listed(caller: &Caller, query: &str) -> Vec<String> {
    names(
        &caller.get(&format!("{ACME}/users?{query}")).await.expect(200),
        "user_name",
    )
}

async fn views(caller: &Caller) -> Vec<String> {
    names(&caller.get(&format!("{ACME}/views")).await.expect(200), "name")
}

#[tokio::test]
async fn a_view_is_kept_used_changed_and_reset() {
    let acme = people().await;
    let ada = acme.person("ada").await;
    let path = format!("{ACME}/views");
    let view = json!({
        "name": "Active ones",
        "list": "users",
        "filter": "state eq \"active\"",
        "sort": "user_name",
        "descending": true,
        "columns": ["user_name", "emails", "attributes.title"],
        "page_size": 2,
    });
    let made = ada.post(&path, view.clone()).await.expect(201);
    assert_eq!(made["shared"], false);
    assert_eq!(listed(&ada, "view=active%20ONES").await, ["cleo", "bob"], "two a page");
    assert_eq!(
        listed(&ada, "view=Active%20ones&limit=9&sort=user_name").await,
        ["ada", "bob", "cleo"]
    );
    let narrowed = "view=Active%20ones&filter=user_name+ne+%22bob%22&limit=9";
    assert_eq!(listed(&ada, narrowed).await, ["cleo", "ada"]);
    ada.post(&path, view.clone()).await.expect(409);
    let one = format!("{path}/{}", made["id"].as_str().expect("an id"));
    let other = json!({ "name": "Prepared", "list": "users", "state": "prepared" });
    let changed = ada.put(&one, other).await.expect(200);
    assert_eq!(changed["id"], made["id"]);
    assert_eq!(listed(&ada, "view=Prepared").await, ["zoe"]);
    ada.get(&format!("{ACME}/users?view=Active%20ones")).await.expect(404);
    let of_groups = json!({ "name": "Teams", "list": "groups", "filter": "kind eq \"team\"" });
    ada.post(&path, of_groups).await.expect(201);
    let gone = ada.delete(&format!("{path}?list=users")).await.expect(200);
    assert_eq!(gone["deleted"], 1);
    assert_eq!(views(&ada).await, ["Teams"]);
    acme.verify().await;
}

#[tokio::test]
async fn a_view_that_the_list_cannot_answer_is_refused() {
    let acme = people().await;
    for (view, place) in [
        (json!({ "name": " ", "list": "users" }), "name"),
        (json!({ "name": "A", "list": "users", "filter": "colour pr" }), "filter"),
        (
            json!({ "name": "A", "list": "users", "filter": "a ".repeat(2000) }),
            "filter",
        ),
        (json!({ "name": "A", "list": "users", "sort": "colour" }), "sort"),
        (json!({ "name": "A", "list": "groups", "state": "active" }), "state"),
        (
            json!({ "name": "A", "list": "users", "columns": ["colour"] }),
            "columns",
        ),
        (json!({ "name": "A", "list": "users", "page_size": 0 }), "page_size"),
        (json!({ "name": "A", "list": "shoes" }), "view"),
        (json!({ "name": "A", "list": "users", "shared": "yes" }), "shared"),
    ] {
        let problem = acme.post("/views", view.clone()).await.expect(400);
        assert_eq!(problem["attribute"], place, "{view}");
    }
}

#[tokio::test]
async fn a_persons_views_are_nobody_elses_and_shared_ones_are_everyones() {
    let acme = people().await;
    let (ada, bob, cleo) = (
        acme.person("ada").await,
        acme.person("bob").await,
        acme.person("cleo").await,
    );
    let path = format!("{ACME}/views");
    let own = ada
        .post(&path, json!({ "name": "Mine", "list": "users" }))
        .await
        .expect(201);
    let shared = json!({ "name": "Ours", "list": "users", "state": "prepared", "shared": true });
    ada.post(&path, shared.clone()).await.expect(403);
    let made = cleo.post(&path, shared).await.expect(201);
    let (own, made) = (
        format!("{path}/{}", own["id"].as_str().expect("an id")),
        format!("{path}/{}", made["id"].as_str().expect("an id")),
    );
    assert_eq!(views(&ada).await, ["Mine", "Ours"]);
    assert_eq!(views(&bob).await, ["Ours"]);
    assert_eq!(views(&acme.admin).await, ["Ours"]);
    assert_eq!(listed(&bob, "view=Ours").await, ["zoe"]);
    for stranger in [&bob, &cleo, &acme.admin] {
        stranger.get(&own).await.expect(404);
        stranger.delete(&own).await.expect(404);
    }
    bob.delete(&made).await.expect(403);
    bob.put(&made, json!({ "name": "Theirs", "list": "users" }))
        .await
        .expect(403);
    let hidden = json!({ "name": "Ours", "list": "users", "state": "active" });
    ada.post(&path, hidden).await.expect(201);
    assert_eq!(
        listed(&ada, "view=Ours").await,
        ["ada", "bob", "cleo"],
        "one's own comes first"
    );
    acme.admin.delete(&made).await.expect(204);
    assert_eq!(views(&bob).await, [""; 0]);
}

#[tokio::test]
async fn views_go_with_their_owner_and_are_in_the_export_and_the_audit_log() {
    let acme = people().await;
    let ada = acme.person("ada").await;
    let view = json!({ "name": "Mine", "list": "users", "filter": "user_name eq \"bob\"" });
    ada.post(&format!("{ACME}/views"), view).await.expect(201);
    let export = acme.get("/users/ada/export").await.expect(200);
    assert_eq!(
        export["held"]["View"][0]["views"][0]["says"]["name"], "Mine",
        "{export:#}"
    );
    let audit = acme.get("/audit?kind=view").await.expect(200);
    assert_eq!(audit["items"][0]["changes"][0]["outcome"], "created", "{audit:#}");
    acme.delete("/users/ada").await.expect(204);
    acme.verify().await;
    let events = acme.get("/events").await.expect(200).to_string();
    assert!(events.contains("view.saved"), "{events}");
}

#[tokio::test]
async fn a_hundred_views_are_enough() {
    let acme = people().await;
    for number in 0..100 {
        let view =
            json!({ "name": format!("View {number}"), "list": "users", "filter": "user_name co \"a\" or labels pr" });
        acme.post("/views", view).await.expect(201);
    }
    let refused = acme
        .post("/views", json!({ "name": "One more", "list": "users" }))
        .await
        .expect(400);
    assert!(
        refused["detail"].as_str().expect("a detail").contains("100"),
        "{refused}"
    );
}
