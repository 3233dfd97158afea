//! Every list of the OpenAPI document is asked in the same way, and its pages are turned in both directions (S001-32, S004-9,
//! S004-14..16).

use std::collections::BTreeSet;

use serde_json::{Value, json};
use usher::admin::{listing, openapi};
use usher::cli::gateway::escaped;
use usher::directory::{DirectoryError, Operation, Unit, keys};
use usher::model::review::Review;
use usher::provision::failure::list::Listed;

use crate::kit::access::{ACME, Acme};
use crate::kit::gateway::Caller;
use crate::kit::scim::slug;

/// Answers with `items` that are no lists, and why.
const NO_LISTS: [(&str, &str); 3] = [
    ("/organisations/{org}/groups/tree", "is a tree"),
    (
        "/organisations/{org}/templates/{name}/variables",
        "explains a wording, the same for everybody",
    ),
    (
        "/organisations/{org}/users/{user}/permissions",
        "is what a user was given, in texts, and is given back whole",
    ),
];

/// What is asked of a path's parameters; nothing for one that this organisation cannot have.
fn place(path: &str, jobs: &[(&str, String)]) -> Option<String> {
    let known = [
        ("{org}", "acme"),
        ("{user}", "ada"),
        ("{group}", "North"),
        ("{role}", "agent"),
        ("{key}", "pro"),
        ("{resource}", "room:North"),
        ("{name}", "entra"),
    ];
    let mut place = path.to_owned();
    for (name, value) in known {
        place = place.replace(name, value);
    }
    for (name, value) in jobs {
        place = place.replace(name, value);
    }
    (!place.contains('{')).then(|| format!("/api/v1{place}"))
}

/// The schema behind a reference.
fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        Some(reference) => document.pointer(reference.trim_start_matches('#')).expect("a schema"),
        None => schema,
    }
}

/// The members that an answer can have.
fn members(document: &Value, schema: &Value) -> BTreeSet<String> {
    let schema = resolved(document, schema);
    let own = schema["properties"].as_object().into_iter().flatten();
    let mut names: BTreeSet<String> = own.map(|(name, _)| name.clone()).collect();
    for part in schema["allOf"].as_array().into_iter().flatten() {
        names.extend(members(document, part));
    }
    names
}

/// The addresses of lists, with the parameters that each takes and the members of its answer.
fn lists() -> Vec<(String, BTreeSet<String>, BTreeSet<String>)> {
    let document = openapi::document();
    let mut lists = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        let operation = &item["get"];
        let schema = &operation["responses"]["200"]["content"]["application/json"]["schema"];
        let answer = members(document, schema);
        if !answer.contains("items") || NO_LISTS.iter().any(|(known, _)| known == path) {
            continue;
        }
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let asked = parameters.filter(|parameter| parameter["in"] == "query");
        let asked = asked.map(|parameter| parameter["name"].as_str().expect("a name").to_owned());
        lists.push((path.clone(), asked.collect(), answer));
    }
    lists
}

#[test]
fn every_list_of_the_document_takes_what_every_list_takes() {
    let lists = lists();
    assert!(lists.len() >= 38, "{}", lists.len());
    for name in [
        "filter", "sort", "limit", "after", "before", "last", "count", "q", "state", "view",
    ] {
        assert!(listing::members().contains(name), "{name}");
    }
    for (path, asked, answer) in lists {
        let missing: Vec<_> = listing::members().difference(&asked).collect();
        assert!(missing.is_empty(), "{path} does not take {missing:?}");
        for cursor in ["next", "previous", "total"] {
            assert!(answer.contains(cursor), "{path} does not answer {cursor}");
        }
    }
    for (path, reason) in NO_LISTS {
        assert!(
            openapi::document()["paths"].get(path).is_some(),
            "{path} {reason}, and is gone"
        );
    }
}

/// Records of a connection's runs, put where these put them.
struct Left;

#[async_trait::async_trait]
impl Operation for Left {
    type Outcome = ();

    async fn attempt(&self, unit: &mut Unit) -> Result<(), DirectoryError> {
        let (organisation, entra) = (unit.organisation(), slug("entra"));
        for (tag, kind, id) in [(b'g', "group", "g-1"), (b'u', "user", "u-1"), (b'u', "user", "u-2")] {
            let listed: Listed = serde_json::from_value(json!({
                "failure": { "kind": kind, "external_id": id, "name": id, "reason": { "reason": "no_stable_id" } },
                "since": unit.now(),
            }))
            .expect("a failure");
            unit.put(keys::failure(organisation, &entra, tag, id), &listed);
        }
        for id in ["b0", "a1", "c2"] {
            let review: Review = serde_json::from_value(json!({
                "id": id.repeat(16), "kind": "user", "name": id, "found": uuid::Uuid::nil(), "matched": "userName",
                "since": unit.now(),
            }))
            .expect("a review");
            unit.put(keys::review(organisation, &entra, &review.id), &review);
        }
        Ok(())
    }
}

const FILE: &str = r#"
[[cost_centres]]
key = "main"
name = "Main"
default = true
[[cost_centres]]
key = "other"
name = "Other"
[[roles]]
key = "agent"
name = "Agent"
[[roles]]
key = "boss"
name = "Boss"
[[licences]]
key = "pro"
name = "Pro"
[[licences]]
key = "basic"
name = "Basic"
[[permissions]]
key = "call.make"
name = "Make calls"
[[permissions]]
key = "call.record"
name = "Record calls"
[[resource_types]]
key = "room"
name = "Room"
[[resource_types]]
key = "line"
name = "Line"
[[connections]]
name = "okta"
kind = "scim"
"#;

/// Two of everything that there can be two of, and the jobs' identifiers.
async fn full() -> (Acme, Vec<(&'static str, String)>) {
    let acme = Acme::new(FILE).await;
    acme.root.organisation("beta").await;
    for name in ["ada", "grace", "alan"] {
        acme.user(name).await;
        acme.assign(name, "agent").await.expect(200);
        let licence = json!({ "licence": "pro" });
        acme.post(&format!("/users/{name}/licences"), licence).await.expect(200);
    }
    for name in ["North", "South", "West"] {
        acme.post("/groups", json!({ "display_name": name })).await.expect(201);
        acme.post("/resources", json!({ "type": "room", "name": name }))
            .await
            .expect(201);
        let people = json!({ "users": ["ada", "grace", "alan"] });
        acme.post(&format!("/groups/{name}/members"), people.clone())
            .await
            .expect(200);
        let everybody = json!({ "users": ["ada", "grace"], "groups": ["North"] });
        acme.post(&format!("/resources/room:{name}/assignments"), everybody)
            .await
            .expect(200);
        let guest = json!({ "name": name, "email": format!("{name}@example.org") });
        acme.post("/guests", guest).await.expect(201);
        acme.post("/guest-links", json!({ "name": name })).await.expect(201);
        acme.post("/views", json!({ "name": name, "list": "users" }))
            .await
            .expect(201);
        acme.post("/tokens", json!({ "label": name })).await.expect(201);
        acme.root
            .post("/api/v1/tokens", json!({ "label": name }))
            .await
            .expect(201);
        let mail = format!("{name}@acme.example");
        let invited = json!({
            "user_name": mail, "attributes": { "emails": [{ "value": mail, "primary": true }] },
        });
        acme.post("/users", invited).await.expect(201);
        let channel = json!({ "channel": "email" });
        acme.post(&format!("/users/{mail}/invite"), channel).await.expect(201);
    }
    acme.run(&Left).await.expect("a change");
    let mut jobs = Vec::new();
    for _ in 0..2 {
        let plan = json!({ "operation": "suspend", "users": ["ada", "grace", "nobody"] });
        let job = acme.post("/bulk", plan).await.expect(201);
        let rows = b"user_name\nx@acme.example\ny@acme.example\nz@acme.example\n".to_vec();
        let (status, planned) = acme
            .admin
            .bytes(axum::http::Method::POST, &format!("{ACME}/imports"), rows)
            .await;
        assert_eq!(status, 201, "{}", String::from_utf8_lossy(&planned));
        let import: Value = serde_json::from_slice(&planned).expect("JSON");
        let id = |value: &Value| value["id"].as_str().expect("an id").to_owned();
        jobs = vec![("{job}", id(&job)), ("{import}", id(&import))];
    }
    (acme, jobs)
}

fn items(answer: &Value) -> Vec<Value> {
    answer["items"].as_array().expect("items").clone()
}

/// All items, by turning pages of `size` from one end to the other.
async fn turned(caller: &Caller, address: &str, size: usize, back: bool) -> Vec<Value> {
    let (cursor, parameter) = if back {
        ("previous", "before")
    } else {
        ("next", "after")
    };
    let mut page = if back {
        format!("{address}?limit={size}&last=true")
    } else {
        format!("{address}?limit={size}")
    };
    let mut found: Vec<Value> = Vec::new();
    loop {
        let answer = caller.get(&page).await.expect(200);
        let part = items(&answer);
        assert!(part.len() <= size, "{page}: {answer:#}");
        found = if back {
            [part, found].concat()
        } else {
            [found, part].concat()
        };
        match answer[cursor].as_str() {
            Some(place) => page = format!("{address}?limit={size}&{parameter}={}", escaped(place)),
            None => return found,
        }
        assert!(found.len() < 500, "{address} has no end");
    }
}

#[tokio::test]
async fn every_list_refuses_what_it_does_not_know_and_has_pages_in_both_directions() {
    let (acme, jobs) = full().await;
    let mut small = Vec::new();
    for (path, ..) in lists() {
        // A token of its own: how often one may ask is limited.
        let tokens = match path.starts_with("/organisations/{org}/") {
            true => format!("{ACME}/tokens"),
            false => "/api/v1/tokens".to_owned(),
        };
        let issued = acme.root.post(&tokens, json!({ "label": path })).await.expect(201);
        let caller = &acme.inside.caller(issued["token"].as_str().expect("a token"));
        let Some(address) = place(&path, &jobs) else {
            panic!("{path}: the test does not know what to put there");
        };
        // A person's own sessions, and a plan that the brake holds: shown where there are such.
        if path == "/sessions" || path.ends_with("/held/differences") {
            continue;
        }
        for (asked, name) in [
            ("no_such_parameter=1", "no_such_parameter"),
            ("filter=no_such_member+pr", "no_such_member"),
            (
                "sort=no_such_member",
                if path.ends_with("audit") {
                    "sort"
                } else {
                    "no_such_member"
                },
            ),
            ("limit=0", "limit"),
            ("limit=1001", "limit"),
            ("after=x&last=true", "after"),
            ("after=%21%21", "cursor"),
        ] {
            let refused = caller.get(&format!("{address}?{asked}")).await.expect(400);
            let told = refused["detail"].as_str().expect("a detail");
            assert!(told.contains(name), "{path}?{asked}: {told}");
        }
        let whole = caller
            .get(&format!("{address}?limit=1000&count=true"))
            .await
            .expect(200);
        assert!(whole.get("next").is_none() && whole.get("previous").is_none(), "{path}");
        let whole_items = items(&whole);
        // How many failures there are is counted beside the list, which runs keep: these were put there past them.
        if !path.ends_with("/failures") {
            assert_eq!(whole["total"], json!(whole_items.len()), "{path}");
        }
        for size in if whole_items.len() > 20 { [25, 40] } else { [2, 3] } {
            assert_eq!(
                turned(caller, &address, size, false).await,
                whole_items,
                "{path} by {size}"
            );
            assert_eq!(
                turned(caller, &address, size, true).await,
                whole_items,
                "{path} back by {size}"
            );
        }
        if whole_items.len() < 2 {
            small.push(path);
        }
    }
    assert_eq!(
        small,
        ["/organisations/{org}/users/{user}/sessions"],
        "these show nothing of pages: give them two items"
    );
}

#[tokio::test]
async fn a_parameter_that_an_address_does_not_take_is_refused_by_name_whatever_is_asked() {
    let acme = Acme::new(FILE).await;
    for path in [
        "/roles/matrix?q=x",
        "/templates/invitation/variables?limit=1",
        "/password-policy?x=1",
        "?x=1",
    ] {
        let refused = acme.get(path).await.expect(400);
        let told = refused["detail"].as_str().expect("a detail");
        let name = path
            .split_once('?')
            .and_then(|(_, asked)| asked.split_once('='))
            .expect("one")
            .0;
        assert!(told.contains(name) && told.contains("parameter"), "{path}: {told}");
    }
    let refused = acme.put("/roles/agent?confirm=1", json!({})).await.expect(400);
    assert!(refused["detail"].as_str().expect("a detail").starts_with("confirm"));
    let gateway = acme.root.get("/api/v1/tokens?view=x").await.expect(400);
    assert!(gateway["detail"].as_str().expect("a detail").contains("view"));
}
