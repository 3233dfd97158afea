//! Licences and cost centres edited one by one, by whoever may manage licences (S003-1).

use axum::http::Method;
use serde_json::json;

use super::verify::verify_ok;
use crate::kit::access::{ACME, Acme};
use crate::kit::gateway::Caller;

/// An organisation of lynes, and its finance department.
async fn lynes() -> (Acme, Caller) {
    let acme = Acme::new("profile = \"lynes\"").await;
    for name in ["fin", "ada", "grace"] {
        acme.user(&format!("{name}@acme.example")).await;
    }
    acme.assign("fin@acme.example", "finance").await.expect(200);
    let finance = acme.person("fin@acme.example").await;
    (acme, finance)
}

#[tokio::test]
async fn finance_edits_licences_and_a_raised_limit_lets_those_in_who_wait() {
    let (acme, finance) = lynes().await;
    let path = format!("{ACME}/licences/desk");
    let licence = |limit: u32| json!({ "name": "Desk", "limit": limit, "when_full": "wait", "thresholds": [50, 100] });
    let made = finance.put(&path, licence(1)).await.expect(200);
    assert_eq!((&made["key"], &made["limit"]), (&json!("desk"), &json!(1)));
    assert_eq!(made["thresholds"], json!([50, 100]));
    for name in ["ada@acme.example", "grace@acme.example"] {
        let given = json!({ "licence": "desk" });
        acme.post(&format!("/users/{name}/licences"), given).await.expect(200);
    }
    let seat =
        async |name: &str| acme.get(&format!("/users/{name}")).await.expect(200)["licences"]["desk"]["seat"].clone();
    assert!(seat("grace@acme.example").await.get("waiting").is_some());
    let raised = finance.put(&path, licence(2)).await.expect(200);
    assert_eq!(
        (&raised["used"], &raised["waiting"]),
        (&json!(2), &json!(0)),
        "{raised:#}"
    );
    assert!(seat("grace@acme.example").await.get("held").is_some());
    for (body, attribute) in [
        (json!({ "name": " " }), "licences.desk.name"),
        (
            json!({ "name": "Desk", "thresholds": [101] }),
            "licences.desk.thresholds",
        ),
        (
            json!({ "name": "Desk", "required_for_roles": ["nobody"] }),
            "licences.desk.required_for_roles",
        ),
        (
            json!({ "name": "Desk", "consumes_from": "active" }),
            "licences.desk.consumes_from",
        ),
    ] {
        let refused = finance.put(&path, body).await.expect(400);
        assert_eq!(refused["attribute"], attribute, "{refused:#}");
    }
    let read = acme.get("/audit?kind=licence&subject=desk").await.expect(200);
    assert_eq!(read["items"].as_array().map(Vec::len), Some(2), "{read:#}");
    verify_ok(&acme.inside).await;
}

#[tokio::test]
async fn finance_edits_cost_centres_and_charges_seats_to_them() {
    let (acme, finance) = lynes().await;
    let centre = |key: &str| format!("{ACME}/cost-centres/{key}");
    let main = json!({ "name": "Main", "default": true });
    finance.put(&centre("headquarters"), main).await.expect(200);
    finance
        .put(&centre("sales"), json!({ "name": "Sales" }))
        .await
        .expect(200);
    let licence = json!({ "name": "Desk" });
    finance.put(&format!("{ACME}/licences/desk"), licence).await.expect(200);
    let given = json!({ "licence": "desk" });
    acme.post("/users/ada@acme.example/licences", given).await.expect(200);
    let charge = format!("{ACME}/users/ada@acme.example/licences/desk/cost-centre");
    finance
        .put(&charge, json!({ "cost_centre": "sales" }))
        .await
        .expect(200);
    let refused = finance.delete(&centre("sales")).await.expect(400);
    assert!(
        refused["detail"].as_str().is_some_and(|told| told.contains("1 seats")),
        "{refused:#}"
    );
    finance.put(&charge, json!({ "cost_centre": null })).await.expect(200);
    finance.delete(&centre("sales")).await.expect(204);
    finance.delete(&centre("sales")).await.expect(404);
    let refused = finance.delete(&centre("headquarters")).await.expect(400);
    assert!(
        refused["detail"].as_str().is_some_and(|told| told.contains("default")),
        "{refused:#}"
    );
    let listed = finance.get(&format!("{ACME}/cost-centres")).await.expect(200);
    let keys: Vec<_> = listed["items"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|item| &item["key"])
        .collect();
    assert!(
        keys.contains(&&json!("headquarters")) && !keys.contains(&&json!("sales")),
        "{listed:#}"
    );
    verify_ok(&acme.inside).await;
}

#[tokio::test]
async fn who_may_not_manage_licences_edits_none() {
    let (acme, _) = lynes().await;
    let ada = acme.person("ada@acme.example").await;
    for (method, path, body) in [
        (Method::PUT, "licences/desk", Some(json!({ "name": "Desk" }))),
        (Method::PUT, "cost-centres/sales", Some(json!({ "name": "Sales" }))),
        (Method::DELETE, "cost-centres/sales", None),
    ] {
        let refused = ada.send(method, &format!("{ACME}/{path}"), body).await;
        assert!(
            [403, 404].contains(&refused.status.as_u16()),
            "{path}: {:#}",
            refused.body
        );
    }
    let listed = acme.get("/licences").await.expect(200);
    assert!(!listed.to_string().contains("desk"));
}
