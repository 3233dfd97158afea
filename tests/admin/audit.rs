//! The audit log: what is in it, what never is, how it is asked and when it is forgotten.

use axum::http::Method;
use serde_json::{Value, json};

use crate::kit::gateway::{Caller, Inside};

const FILE: &str = "[organisation]\nslug = \"acme\"\n[[licences]]\nkey = \"pro\"\nname = \"Pro\"\nlimit = 3\n\
                    [[connections]]\nname = \"entra\"\nkind = \"scim\"\n\
                    [[user_attributes]]\nname = \"pin\"\ntype = \"string\"\nreturned = \"never\"\nmutability = \"writeOnly\"\n\
                    [[user_attributes]]\nname = \"shoe\"\ntype = \"string\"\n";

const AUDIT: &str = "/api/v1/organisations/acme/audit";

async fn acme() -> (Inside, Caller, Caller) {
    let inside = Inside::new();
    let acme = inside.administrator().await.organisation("acme").await;
    acme.apply("acme", FILE).await.expect(200);
    let client = acme.connection("acme", "entra").await;
    (inside, acme, client)
}

/// The changes that a question finds, each with its entry's actor and request, newest first.
async fn changes(caller: &Caller, query: &str) -> Vec<Value> {
    let answer = caller.get(&format!("{AUDIT}?{query}")).await.expect(200);
    let items = answer["items"].as_array().expect("a list").clone();
    items
        .into_iter()
        .flat_map(|item| {
            let mut changes = item["changes"].as_array().expect("changes").clone();
            for change in &mut changes {
                change["actor"] = item["actor"].clone();
                change["request"] = item["request"].clone();
            }
            changes
        })
        .collect()
}

async fn patch(client: &Caller, id: &str, path: &str, value: Value) {
    let patch = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{ "op": "replace", "path": path, "value": value }],
    });
    let request = [("x-request-id", "request-7")];
    let path = format!("/scim/acme/v2/Users/{id}");
    client
        .send_with(Method::PATCH, &path, Some(patch), &request)
        .await
        .expect(200);
}

#[tokio::test]
async fn a_change_is_told_with_its_author_its_request_and_both_values() {
    let (_, acme, client) = acme().await;
    let id = client.scim_user("acme", "ada").await;
    patch(&client, &id, "displayName", json!("Countess")).await;
    let told = changes(&acme, &format!("subject={id}")).await;
    assert_eq!(told.len(), 2, "{told:#?}");
    let changed = &told[0];
    assert_eq!(
        (&changed["kind"], &changed["outcome"]),
        (&json!("user"), &json!("updated"))
    );
    assert_eq!(
        changed["fields"],
        json!({ "displayName": { "before": "ada the person", "after": "Countess" } })
    );
    assert_eq!(changed["actor"]["door"], "scim");
    assert_eq!(changed["actor"]["connection"], "entra");
    assert_eq!(changed["request"], "request-7");
    // What a connection creates is told without its values: the record has them.
    let created = &told[1];
    assert_eq!(created["outcome"], "created");
    assert!(created.get("fields").is_none(), "{created:#}");
}

#[tokio::test]
async fn secrets_are_never_told() {
    let (inside, acme, client) = acme().await;
    let id = client.scim_user("acme", "ada").await;
    patch(&client, &id, "password", json!("Correct-horse-9-staple")).await;
    let urn = "urn:usher:acme:2.0:User";
    let schemas = client.get("/scim/acme/v2/Schemas").await.expect(200);
    let own = schemas["Resources"].as_array().expect("schemas").iter();
    let own = own
        .filter_map(|schema| schema["id"].as_str())
        .find(|id| id.contains("acme"));
    let urn = own.unwrap_or(urn).to_owned();
    patch(&client, &id, &format!("{urn}:pin"), json!("1234-tulip")).await;
    patch(&client, &id, &format!("{urn}:shoe"), json!("clog")).await;
    acme.post("/api/v1/organisations/acme/tokens", json!({ "label": "second" }))
        .await
        .expect(201);
    let whole = acme.get(&format!("{AUDIT}?limit=1000")).await.expect(200).to_string();
    for secret in ["Correct-horse-9-staple", "argon2", "1234-tulip", "ush_"] {
        assert!(!whole.contains(secret), "{secret} is in the log");
    }
    assert!(whole.contains("clog"));
    let told = changes(&acme, &format!("subject={id}&kind=user")).await;
    let pin = told
        .iter()
        .find_map(|change| change["fields"].get(format!("{urn}:pin")));
    assert_eq!(
        pin.expect("the change is told"),
        &json!({ "before": null, "after": "***" })
    );
    let tokens = changes(&acme, "kind=token&limit=1").await;
    assert_eq!(tokens[0]["fields"]["secret_hash"]["after"], "***");
    drop(inside);
}

#[tokio::test]
async fn configuration_is_told_with_its_values_however_it_came() {
    let (_, acme, _) = acme().await;
    acme.apply("acme", &FILE.replace("limit = 3", "limit = 5"))
        .await
        .expect(200);
    let told = changes(&acme, "kind=licence").await;
    assert_eq!(told[0]["fields"], json!({ "limit": { "before": 3, "after": 5 } }));
    assert_eq!(
        (&told[0]["subject"], &told[0]["outcome"]),
        (&json!("pro"), &json!("updated"))
    );
    assert_eq!(told[1]["fields"]["limit"], json!({ "before": null, "after": 3 }));
    acme.apply("acme", &FILE.replace("limit = 3", "limit = 5"))
        .await
        .expect(200);
    assert_eq!(
        changes(&acme, "kind=licence").await.len(),
        2,
        "nothing changed, nothing is told"
    );
}

#[tokio::test]
async fn memberships_of_one_commit_are_one_change() {
    let (_, acme, client) = acme().await;
    let mut ids = Vec::new();
    for name in ["ada", "bob", "cas"] {
        ids.push(client.scim_user("acme", name).await);
    }
    let members: Vec<Value> = ids.iter().map(|id| json!({ "value": id })).collect();
    let group = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
        "displayName": "crew",
        "members": members,
    });
    let group = client.post("/scim/acme/v2/Groups", group).await.id();
    let told = changes(&acme, &format!("kind=membership&subject={group}")).await;
    assert_eq!(told.len(), 1);
    assert_eq!(told[0]["members"].as_array().expect("members").len(), 3);
    let of_bob = changes(&acme, &format!("kind=membership&subject={}", ids[1])).await;
    assert_eq!(of_bob, told);
    client
        .delete(&format!("/scim/acme/v2/Users/{}", ids[1]))
        .await
        .expect(204);
    let told = changes(&acme, &format!("subject={}", ids[1])).await;
    let words: Vec<_> = told
        .iter()
        .map(|change| (&change["kind"], &change["outcome"]))
        .collect();
    assert!(words.contains(&(&json!("membership"), &json!("deleted"))), "{words:?}");
    assert!(words.contains(&(&json!("user"), &json!("deleted"))), "{words:?}");
}

#[tokio::test]
async fn every_filter_narrows_and_pages_join_to_the_whole() {
    let (_, acme, client) = acme().await;
    for number in 0..7 {
        client.scim_user("acme", &format!("user{number}")).await;
    }
    let by_connection = changes(&acme, "actor=entra").await;
    assert_eq!(by_connection.len(), 7);
    assert_eq!(changes(&acme, "door=scim").await, by_connection);
    assert_eq!(changes(&acme, "kind=user").await, by_connection);
    assert!(changes(&acme, "door=ldap").await.is_empty());
    assert!(changes(&acme, "to=2001-01-01T00:00:00Z").await.is_empty());
    assert!(changes(&acme, "from=2999-01-01T00:00:00Z").await.is_empty());
    assert_eq!(
        changes(&acme, "kind=user&from=2001-01-01T00:00:00Z&to=2999-01-01T00:00:00Z")
            .await
            .len(),
        7
    );
    let whole = acme.get(&format!("{AUDIT}?limit=1000")).await.expect(200);
    assert!(whole.get("next").is_none());
    let (mut parts, mut after) = (Vec::new(), String::new());
    loop {
        let page = acme.get(&format!("{AUDIT}?limit=3{after}")).await.expect(200);
        parts.extend(page["items"].as_array().expect("items").iter().cloned());
        match page.get("next").and_then(Value::as_str) {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    assert_eq!(&json!(parts), &whole["items"]);
    let lines = acme.get(&format!("{AUDIT}/export?format=jsonl")).await.expect(200);
    // That it was taken away is told in the log as well.
    let lines = lines.as_array().expect("lines").iter();
    let others: Vec<&Value> = lines.filter(|line| line["changes"][0]["kind"] != "export").collect();
    assert_eq!(json!(others), whole["items"]);
}

#[tokio::test]
async fn an_unknown_word_is_refused_with_those_that_are_known() {
    let (_, acme, client) = acme().await;
    let refused = acme.get(&format!("{AUDIT}?kind=shoe")).await.expect(400);
    assert!(refused["detail"].as_str().expect("a detail").contains("membership"));
    acme.get(&format!("{AUDIT}?door=window")).await.expect(400);
    acme.get(&format!("{AUDIT}?after=nothing")).await.expect(400);
    acme.get(&format!("{AUDIT}?colour=red")).await.expect(400);
    client.get(AUDIT).await.expect(403);
}

#[tokio::test]
async fn the_gateway_has_a_log_of_its_own() {
    let inside = Inside::new();
    let administrator = inside.administrator().await;
    administrator
        .post("/api/v1/tokens", json!({ "label": "spare" }))
        .await
        .expect(201);
    let told = administrator.get("/api/v1/audit?kind=token").await.expect(200);
    assert_eq!(told["items"][0]["changes"][0]["fields"]["label"]["after"], "spare");
    let acme = administrator.organisation("acme").await;
    acme.get("/api/v1/audit").await.expect(403);
}

#[tokio::test]
async fn the_log_forgets_what_is_older_than_the_organisation_wants() {
    let gateway = crate::kit::served::Served::start().await;
    let permit = gateway.organisation("acme").await;
    let id = permit.organisation();
    gateway.connect(&permit, "entra", |_| ()).await;
    let old = gateway
        .directory
        .list_audit(id, &Default::default(), None, 100)
        .await
        .expect("entries");
    assert!(!old.0.is_empty());
    gateway.pass(364 * 24 * 60 * 60);
    usher::server::sweep::sweep(&gateway.directory).await.expect("a sweep");
    let kept = gateway
        .directory
        .list_audit(id, &Default::default(), None, 100)
        .await
        .expect("entries");
    assert_eq!(kept, old);
    gateway.connect(&permit, "okta", |_| ()).await;
    gateway.pass(2 * 24 * 60 * 60);
    usher::server::sweep::sweep(&gateway.directory).await.expect("a sweep");
    let (kept, _) = gateway
        .directory
        .list_audit(id, &Default::default(), None, 100)
        .await
        .expect("entries");
    let subjects: Vec<&str> = kept
        .iter()
        .map(|entry| entry.entry.changes[0].subject.as_str())
        .collect();
    assert_eq!(subjects, ["okta"]);
}
