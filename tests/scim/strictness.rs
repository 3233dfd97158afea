//! Every tolerated deviation: a lenient connection reads it as it was meant and journals its rule, a strict one refuses it.

use axum::http::Method;
use serde_json::{Value, json};
use usher::model::connection::{Connection, ConnectionKind};
use usher::model::deviation::{Deviation, Strictness};

use crate::kit::scim::{Client, ENTERPRISE, GROUP, Service, Tenant, USER, slug};

const PATCH_OP: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// One client of each kind, each in an organisation of its own.
async fn clients() -> [Client; 2] {
    let client = async |tenant: Tenant, strictness: Strictness| {
        let mut connection = Connection::new(slug("scim"), ConnectionKind::Scim);
        connection.strictness = strictness;
        tenant.client_of(connection).await
    };
    let service = Service::new();
    [
        client(service.organisation("lenient").await, Strictness::Lenient).await,
        client(service.organisation("strict").await, Strictness::Strict).await,
    ]
}

/// The rules that the last request met.
async fn rules(client: &Client) -> Vec<String> {
    let directory = &client.tenant.service.directory;
    directory.flush_journal().await.expect("written");
    let entries = directory
        .list_journal(client.tenant.id, &slug("scim"), None, 1)
        .await
        .expect("a journal");
    let rules = entries.into_iter().flat_map(|(_, entry)| entry.normalised);
    rules.map(|rule| rule.rule).collect()
}

fn operation(operation: Value) -> Value {
    json!({ "schemas": [PATCH_OP], "Operations": [operation] })
}

fn user(more: Value) -> Value {
    let mut body = json!({ "schemas": [USER], "userName": "new" });
    let members = more.as_object().expect("an object").clone();
    body.as_object_mut().expect("an object").extend(members);
    body
}

/// What a PATCH of a user may do leniently only.
fn patches() -> Vec<(&'static str, Value)> {
    let replace = |path: &str, value: Value| operation(json!({ "op": "replace", "path": path, "value": value }));
    let merge = |value: Value| operation(json!({ "op": "add", "value": value }));
    vec![
        (
            "operationCase",
            operation(json!({ "op": "Replace", "path": "title", "value": "x" })),
        ),
        (
            "operationsKey",
            json!({ "schemas": [PATCH_OP], "operations": [{ "op": "add", "path": "title", "value": "x" }] }),
        ),
        (
            "patchSchemaMissing",
            json!({ "Operations": [{ "op": "add", "path": "title", "value": "x" }] }),
        ),
        ("booleanText", replace("active", json!("False"))),
        ("booleanText", replace("roles[primary eq \"True\"].display", json!("D"))),
        ("unqualifiedAttribute", replace("department", json!("D"))),
        ("unqualifiedAttribute", merge(json!({ "department": "D" }))),
        ("dotForColon", replace(&format!("{ENTERPRISE}.department"), json!("D"))),
        (
            "oldName",
            replace(&format!("{ENTERPRISE}:manager"), json!({ "managerId": "x" })),
        ),
        (
            "removeListed",
            operation(json!({ "op": "remove", "path": "emails", "value": [{ "value": "a@example.com" }] })),
        ),
        (
            "removeListed",
            operation(json!({ "op": "remove", "path": "roles", "value": [{ "value": "agent" }] })),
        ),
        (
            "emptyText",
            operation(json!({ "op": "add", "path": "", "value": { "title": "x" } })),
        ),
        (
            "unknownSchema",
            json!({ "schemas": [PATCH_OP, "urn:example:x"], "Operations": [{ "op": "add", "path": "title", "value": "x" }] }),
        ),
        ("singleForMany", replace("emails", json!({ "value": "a@example.com" }))),
        ("arrayForSingle", replace("name", json!([{ "givenName": "A" }]))),
        ("bareValue", replace(&format!("{ENTERPRISE}:manager"), json!("x"))),
        ("emptyText", replace("title", json!(""))),
        ("readOnlyIgnored", merge(json!({ "id": "x", "title": "x" }))),
        ("keyIsPath", merge(json!({ "name.givenName": "A" }))),
        (
            "createdFromFilter",
            replace("emails[type eq \"home\"].value", json!("h@example.com")),
        ),
        (
            "unknownExtension",
            merge(json!({ "urn:example:x:1.0:User": { "y": 1 } })),
        ),
        ("unknownAttribute", merge(json!({ "shoeSize": 42, "title": "x" }))),
        (
            "severalPrimaries",
            replace(
                "emails",
                json!([{ "value": "a@b.c", "primary": true }, { "value": "d@e.f", "primary": true }]),
            ),
        ),
        (
            "jsonText",
            operation(json!({ "op": "add", "path": "roles", "value": [{ "value": "{\"value\":\"x\"}" }] })),
        ),
    ]
}

/// What a body may do leniently only.
fn bodies() -> Vec<(&'static str, Value)> {
    vec![
        ("unknownSchema", user(json!({ "schemas": [USER, "urn:example:x"] }))),
        ("coreSchemaMissing", json!({ "userName": "new" })),
        (
            "undeclaredExtension",
            user(json!({ ENTERPRISE: { "department": "D" } })),
        ),
        ("booleanText", user(json!({ "active": "true" }))),
        ("keyIsPath", user(json!({ "name.givenName": "A" }))),
        ("keyIsPath", user(json!({ format!("{ENTERPRISE}:department"): "D" }))),
        ("unqualifiedAttribute", user(json!({ "department": "D" }))),
        ("emptyText", user(json!({ "title": "" }))),
        ("singleForMany", user(json!({ "emails": { "value": "a@example.com" } }))),
        ("arrayForSingle", user(json!({ "name": [{ "givenName": "A" }] }))),
        ("bareValue", user(json!({ "emails": ["a@example.com"] }))),
        (
            "severalPrimaries",
            user(json!({ "emails": [{ "value": "a@b.c", "primary": true }, { "value": "d@e.f", "primary": true }] })),
        ),
        ("jsonText", user(json!({ "roles": [{ "value": "{\"value\":\"x\"}" }] }))),
        ("unknownAttribute", user(json!({ "shoeSize": 42 }))),
        ("unknownExtension", user(json!({ "urn:example:x:1.0:User": {} }))),
    ]
}

#[tokio::test]
async fn what_a_lenient_connection_tolerates_a_strict_one_refuses() {
    let [lenient, strict] = clients().await;
    let mut wrong = Vec::new();
    for (rule, body) in bodies() {
        let created = lenient.post("/Users", body.clone()).await.id();
        if !rules(&lenient).await.iter().any(|known| known == rule) {
            wrong.push(format!("POST {rule}: the journal has {:?}", rules(&lenient).await));
        }
        let _ = lenient.delete(&format!("/Users/{created}")).await.expect(204);
        let refused = strict.post("/Users", body).await;
        if refused.status != 400 {
            wrong.push(format!(
                "POST {rule}: strict answers {} {}",
                refused.status, refused.body
            ));
        }
    }
    for (rule, body) in patches() {
        for (client, expected) in [(&lenient, 200), (&strict, 400)] {
            let id = client.user("ada").await;
            let path = format!("/Users/{id}");
            let answer = client.send(Method::PATCH, &path, Some(body.clone()), &[]).await;
            if answer.status != expected {
                wrong.push(format!(
                    "PATCH {rule}: {} answers {} {}",
                    client.tenant.name, answer.status, answer.body
                ));
            } else if expected == 200 && !rules(client).await.iter().any(|known| known == rule) {
                wrong.push(format!("PATCH {rule}: the journal has {:?}", rules(client).await));
            }
            let _ = client.delete(&path).await.expect(204);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn listed_members_are_removed_leniently_and_all_of_them_by_the_letter() {
    for client in clients().await {
        let (ada, bob) = (client.user("ada").await, client.user("bob").await);
        let body = json!({ "schemas": [GROUP], "displayName": "G", "members": [{ "value": ada }, { "value": bob }] });
        let group = client.post("/Groups", body).await.id();
        let path = format!("/Groups/{group}");
        let listed = json!([{ "op": "remove", "path": "members", "value": [{ "value": ada }] }]);
        let answer = client.patch(&path, listed).await;
        let shown = client.get(&path).await.expect(200);
        let left = shown["members"].as_array().map_or(0, Vec::len);
        if client.tenant.name == "lenient" {
            let _ = answer.expect(204);
            assert_eq!(left, 1);
        } else {
            // RFC 7644 s3.5.2.2: a remove has no value; without a filter it would take all away.
            answer.refused(400, Some("invalidSyntax"));
            assert_eq!(left, 2);
        }
        let all = json!([{ "op": "remove", "path": "members" }]);
        let _ = client.patch(&path, all).await.expect(204);
        assert_eq!(
            rules(&client).await,
            ["removedAll"],
            "as the RFC says, and worth a line"
        );
        assert!(client.get(&path).await.expect(200).get("members").is_none());
    }
}

#[tokio::test]
async fn read_only_attributes_of_a_replacement_are_ignored_by_both() {
    for client in clients().await {
        let path = format!("/Users/{}", client.user("ada").await);
        let before = client.get(&path).await.expect(200);
        let mut body = before.clone();
        body["id"] = "other".into();
        body["meta"] = json!({ "resourceType": "Group", "version": "W/\"77\"" });
        body["groups"] = json!([{ "value": "x" }]);
        body["urn:usher:scim:schemas:extension:2.0:User"] = json!({ "lifecycleState": "prepared" });
        assert_eq!(
            client.put(&path, body).await.expect(200),
            before,
            "{}",
            client.tenant.name
        );
    }
}

#[tokio::test]
async fn an_element_that_lost_its_value_goes_leniently_and_stays_by_the_letter() {
    for client in clients().await {
        let emails =
            json!([{ "value": "a@example.com", "type": "work" }, { "value": "b@example.com", "type": "home" }]);
        let id = client.post("/Users", user(json!({ "emails": emails }))).await.id();
        let remove = operation(json!({ "op": "remove", "path": "emails[type eq \"work\"].value" }));
        let path = format!("/Users/{id}");
        let answer = client.send(Method::PATCH, &path, Some(remove), &[]).await;
        let left = answer.expect(200)["emails"].as_array().map_or(0, Vec::len);
        if client.tenant.name == "lenient" {
            assert_eq!(rules(&client).await, ["hollowElementRemoved"]);
            assert_eq!(left, 1);
        } else {
            assert_eq!(left, 2);
        }
    }
}

/// What a question may do leniently only, with the error of a strict connection.
const QUESTIONS: [(&str, &str, &str); 9] = [
    ("unqualifiedAttribute", "filter=department eq \"x\"", "invalidFilter"),
    ("unqualifiedAttribute", "filter=manager.value pr", "invalidFilter"),
    ("unqualifiedAttribute", "sortBy=department", "invalidPath"),
    (
        "bareComplex",
        "filter=urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager eq \"x\"",
        "invalidFilter",
    ),
    ("bareComplex", "sortBy=emails", "invalidPath"),
    ("booleanText", "filter=active eq \"True\"", "invalidFilter"),
    ("booleanText", "filter=emails[primary eq \"false\"]", "invalidFilter"),
    (
        "subAfterBrackets",
        "filter=emails[type eq \"work\"].value sw \"x\"",
        "invalidFilter",
    ),
    ("indexWithCursor", "cursor=&startIndex=2", "invalidCursor"),
];

/// What the RFC allows in a question, so that both read it and neither has anything to note.
const ALLOWED: [&str; 8] = [
    "filter=USERNAME EQ \"x\"",
    "filter=urn:ietf:params:scim:schemas:core:2.0:User:userName Sw \"x\"",
    "filter=urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value eq \"x\"",
    // RFC 7644 section 3.4.2.2 writes this itself.
    "filter=emails co \"example.com\"",
    "filter=active eq true and title eq null",
    "filter=emails[type eq \"work\" and value co \"@example.com\"]",
    "sortBy=name.familyName&sortOrder=Descending",
    "filter=userName pr&unknown=1&",
];

fn encoded(question: &str) -> String {
    question
        .replace(' ', "+")
        .replace('"', "%22")
        .replace(['['], "%5B")
        .replace([']'], "%5D")
}

#[tokio::test]
async fn what_a_question_may_do_leniently_is_noted_and_refused_by_a_strict_connection() {
    let [lenient, strict] = clients().await;
    for (rule, question, scim_type) in QUESTIONS {
        for endpoint in ["/Users", "/"] {
            let path = format!("{endpoint}?{}", encoded(question));
            let _ = lenient.get(&path).await.expect(200);
            assert_eq!(rules(&lenient).await, [rule], "{path}");
            strict.get(&path).await.refused(400, Some(scim_type));
        }
    }
    for question in ALLOWED {
        for client in [&lenient, &strict] {
            let _ = client.get(&format!("/Users?{}", encoded(question))).await.expect(200);
            assert!(rules(client).await.is_empty(), "{question}: {:?}", rules(client).await);
        }
    }
}

#[tokio::test]
async fn a_search_request_is_held_to_the_same_rules() {
    let [lenient, strict] = clients().await;
    let search =
        |filter: &str| json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "filter": filter });
    let filter = search("manager eq \"x\"");
    let _ = lenient.post("/Users/.search", filter.clone()).await.expect(200);
    assert_eq!(rules(&lenient).await, ["unqualifiedAttribute", "bareComplex"]);
    strict
        .post("/Users/.search", filter)
        .await
        .refused(400, Some("invalidFilter"));
}

#[tokio::test]
async fn a_replaced_element_keeps_what_the_path_says_leniently() {
    for client in clients().await {
        let emails = json!([{ "value": "a@example.com", "type": "work" }]);
        let path = format!(
            "/Users/{}",
            client.post("/Users", user(json!({ "emails": emails }))).await.id()
        );
        let replace =
            json!([{ "op": "replace", "path": "emails[type eq \"work\"]", "value": { "value": "b@example.com" } }]);
        let shown = client.patch(&path, replace).await.expect(200);
        if client.tenant.name == "lenient" {
            assert_eq!(rules(&client).await, ["labelsKept"]);
            assert_eq!(shown["emails"], json!([{ "value": "b@example.com", "type": "work" }]));
        } else {
            assert!(rules(&client).await.is_empty());
            assert_eq!(shown["emails"], json!([{ "value": "b@example.com" }]));
        }
    }
}

#[tokio::test]
async fn a_put_unassigns_what_its_client_has_sent_and_keeps_what_another_client_did() {
    for strictness in [Strictness::Lenient, Strictness::Strict] {
        let tenant = Service::new().organisation("acme").await;
        let mut first = Connection::new(slug("first"), ConnectionKind::Scim);
        first.strictness = strictness;
        let mut second = Connection::new(slug("second"), ConnectionKind::Scim);
        second.strictness = strictness;
        second.matching.adoption = usher::model::connection::Adoption::Adopt;
        let (first, second) = (tenant.client_of(first).await, tenant.client_of(second).await);
        let id = first
            .post("/Users", user(json!({ "title": "T", "nickName": "N" })))
            .await
            .id();
        let path = format!("/Users/{id}");
        let adopted = second.post("/Users", user(json!({ "locale": "en" }))).await.expect(201);
        assert_eq!((&adopted["id"], &adopted["title"]), (&json!(id), &json!("T")));
        let shown = second.put(&path, user(json!({}))).await.expect(200);
        assert_eq!((&shown["title"], &shown["locale"]), (&json!("T"), &Value::Null));
        let shown = first.put(&path, user(json!({ "nickName": "N" }))).await.expect(200);
        assert_eq!((&shown["title"], &shown["nickName"]), (&Value::Null, &json!("N")));
    }
}

#[test]
fn the_removal_of_all_members_is_told_loudly() {
    let attribute = "members".to_owned();
    assert!(
        Deviation::RemovedAll {
            attribute: attribute.clone()
        }
        .is_loud()
    );
    assert!(!Deviation::RemoveListed { attribute }.is_loud());
}
