//! The audit log tells of what administrators do with resources, with what people sign in with, and with data that leaves.

use serde_json::{Value, json};

use crate::kit::access::{ACME, Acme};
use crate::kit::house::{House, PASSWORD};

const FILE: &str =
    "[[resource_types]]\nkey = \"room\"\nname = \"Room\"\nattributes = [{ name = \"seat\", type = \"string\" }]\n";

/// Kind, subject and outcome of every change that is asked for, the oldest first.
async fn told(acme: &Acme, query: &str) -> Vec<(String, String, String)> {
    let read = acme.get(&format!("/audit?{query}")).await.expect(200);
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let entries = read["items"].as_array().expect("entries").iter().rev();
    let changes = entries.flat_map(|entry| entry["changes"].as_array().expect("changes"));
    changes
        .map(|change| {
            (
                text(&change["kind"]),
                text(&change["subject"]),
                text(&change["outcome"]),
            )
        })
        .collect()
}

#[tokio::test]
async fn a_resource_is_told_with_its_values_and_with_who_gets_and_loses_it() {
    let acme = Acme::new(FILE).await;
    let ada = acme.user("ada").await.to_string();
    let made = acme
        .post("/resources", json!({ "type": "room", "name": "North" }))
        .await
        .expect(201);
    let id = made["id"].as_str().expect("an id").to_owned();
    let path = format!("{ACME}/resources/{id}");
    acme.admin.patch(&path, json!({ "name": "South" })).await.expect(200);
    acme.post(&format!("/resources/{id}/assignments"), json!({ "users": ["ada"] }))
        .await
        .expect(200);
    let unassigned = acme.delete(&format!("/resources/{id}/assignments/users/ada")).await;
    assert!(unassigned.status.is_success(), "{:#}", unassigned.body);
    let deleted = acme.delete(&format!("/resources/{id}")).await;
    assert!(deleted.status.is_success(), "{:#}", deleted.body);
    let row = |kind: &str, outcome: &str| (kind.to_owned(), id.clone(), outcome.to_owned());
    let expected = [
        row("resource", "created"),
        row("resource", "updated"),
        row("assignment", "created"),
        row("assignment", "deleted"),
        row("resource", "deleted"),
    ];
    assert_eq!(told(&acme, &format!("subject={id}")).await, expected);
    let renamed = acme
        .get(&format!("/audit?subject={id}&kind=resource"))
        .await
        .expect(200);
    let renamed = &renamed["items"][1]["changes"][0]["fields"]["name"];
    assert_eq!(renamed, &json!({ "before": "North", "after": "South" }));
    let of_ada = told(&acme, &format!("subject={ada}&kind=assignment")).await;
    assert_eq!(of_ada.len(), 2, "an assignment is found by who has it: {of_ada:?}");
}

#[tokio::test]
async fn data_that_leaves_is_told_and_an_erased_person_was_not_just_deleted() {
    let acme = Acme::new("").await;
    let ada = acme.user("ada").await.to_string();
    acme.get("/users/ada/export").await.expect(200);
    for table in ["users", "groups"] {
        let (status, _) = acme
            .admin
            .bytes(axum::http::Method::GET, &format!("{ACME}/export/{table}"), Vec::new())
            .await;
        assert_eq!(status, 200);
    }
    let (status, _) = acme
        .admin
        .bytes(axum::http::Method::GET, &format!("{ACME}/audit/export"), Vec::new())
        .await;
    assert_eq!(status, 200);
    acme.get("/export/nothing").await.expect(404);
    let row = |subject: &str| ("export".to_owned(), subject.to_owned(), "created".to_owned());
    let expected = [row(&ada), row("users"), row("groups"), row("audit")];
    assert_eq!(told(&acme, "kind=export").await, expected);
    acme.post("/users/ada/erase", json!({ "confirm": "ada" }))
        .await
        .expect(200);
    let outcomes: Vec<String> = told(&acme, &format!("subject={ada}&kind=user"))
        .await
        .into_iter()
        .map(|(_, _, outcome)| outcome)
        .collect();
    assert_eq!(outcomes.last().map(String::as_str), Some("erased"), "{outcomes:?}");
}

#[tokio::test]
async fn what_administrators_do_with_somebodys_way_in_is_told() {
    let house = House::with(json!({})).await;
    house.enrolled("ada").await;
    let id = house.user("ada").await["id"].as_str().expect("an id").to_owned();
    house.sign_in("ada", PASSWORD).await.expect(201);
    assert!(!house.sign_in("ada", "wrong").await.status.is_success());
    let path = format!("{ACME}/users/ada");
    for act in ["unlock", "reset-link"] {
        let done = house.acme.post(&format!("{path}/{act}"), json!({})).await;
        assert!(done.status.is_success(), "{act}: {:#}", done.body);
    }
    house.acme.delete(&format!("{path}/sessions")).await.expect(200);
    assert!(house.events().await.contains(&"session.ended".to_owned()));
    let ended = format!("{ACME}/audit?subject={id}&kind=session");
    let ended = house.acme.get(&ended).await.expect(200);
    assert_eq!(ended["items"][0]["changes"][0]["outcome"], "deleted", "{ended:#}");
    let read = house
        .acme
        .get(&format!("{ACME}/audit?subject={id}&kind=credential"))
        .await
        .expect(200);
    let words: Vec<&Value> = read["items"]
        .as_array()
        .expect("entries")
        .iter()
        .rev()
        .map(|entry| &entry["changes"][0]["fields"]["event"]["after"])
        .collect();
    assert_eq!(words, ["sign_in.unlocked", "password.reset_requested"], "{read:#}");
}
