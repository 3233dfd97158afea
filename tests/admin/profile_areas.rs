//! Areas of settings, each opened by one permission (S003-1), and the numbers of telephone systems (S003-9..13, S004-32).

use axum::http::Method;
use serde_json::{Value, json};

use super::profile_rights::ask;
use crate::kit::access::{ACME, Acme};
use crate::kit::custom_attributes::OWN;

/// The profile, with a cost centre that pays for what no other does.
const LYNES: &str = "profile = \"lynes\"\n[[cost_centres]]\nkey = \"main\"\nname = \"Main\"\ndefault = true\n";

const AREAS: [&str; 11] = [
    "account",
    "roles-and-permissions",
    "cost-centres",
    "users-and-teams",
    "guests",
    "telephony-system",
    "contacts",
    "opening-hours",
    "labels",
    "survey",
    "insights",
];

/// What is viewed and edited: method, path, body, and the areas that open it. `NEW` is another name for each person who asks.
fn probes() -> Vec<(Method, &'static str, Value, &'static [&'static str])> {
    let (users, teams) = (&["users-and-teams"][..], &["users-and-teams"][..]);
    let (roles, guests, numbers) = (
        &["roles-and-permissions"][..],
        &["guests"][..],
        &["telephony-system"][..],
    );
    let account = &["account"][..];
    let new_user = json!({ "user_name": "new-NEW@acme.example", "invite": false });
    vec![
        (Method::GET, "", Value::Null, account),
        (Method::PUT, "/password-policy", json!({ "min_length": 9 }), account),
        (Method::PUT, "/licences/basic", json!({ "name": "Basic" }), account),
        (Method::GET, "/audit", Value::Null, account),
        (
            Method::GET,
            "/users",
            Value::Null,
            &["users-and-teams", "roles-and-permissions"],
        ),
        (Method::POST, "/users", new_user, users),
        (
            Method::PATCH,
            "/users/target@acme.example",
            json!({ "nicknames": ["NEW"] }),
            users,
        ),
        (Method::GET, "/groups", Value::Null, teams),
        (Method::POST, "/groups", json!({ "display_name": "NEW" }), teams),
        (Method::PATCH, "/groups/Support", json!({ "link": "NEW" }), teams),
        (
            Method::POST,
            "/groups/Support/members",
            json!({ "users": ["target@acme.example"] }),
            teams,
        ),
        (Method::GET, "/roles", Value::Null, roles),
        (Method::POST, "/roles", json!({ "key": "NEW", "name": "New" }), roles),
        (Method::PUT, "/default-permissions", json!({ "everyone": [] }), roles),
        (
            Method::GET,
            "/cost-centres",
            Value::Null,
            &["account", "cost-centres", "survey"],
        ),
        (
            Method::PUT,
            "/cost-centres/NEW",
            json!({ "name": "New" }),
            &["cost-centres"],
        ),
        (
            Method::POST,
            "/users/target@acme.example/licences",
            json!({ "licence": "survey" }),
            &["users-and-teams", "survey"],
        ),
        (Method::GET, "/guests", Value::Null, guests),
        (
            Method::POST,
            "/guests",
            json!({ "name": "NEW", "email": "NEW@acme.example" }),
            guests,
        ),
        (Method::GET, "/resources", Value::Null, numbers),
        (
            Method::POST,
            "/resources",
            json!({ "type": "number", "name": "NEW" }),
            numbers,
        ),
    ]
}

fn named(text: &str, name: &str) -> String {
    text.replace("NEW", name)
}

#[tokio::test]
async fn each_area_is_viewed_and_edited_by_whoever_has_its_permission_and_by_nobody_else() {
    let acme = Acme::new(LYNES).await;
    acme.post("/groups", json!({ "display_name": "Support" }))
        .await
        .expect(201);
    acme.user("target@acme.example").await;
    let mut opened = vec![("organisation.settings".to_owned(), AREAS.to_vec())];
    opened.extend(AREAS.map(|area| (format!("area.{area}"), vec![area])));
    for (permission, areas) in opened {
        let key = permission.replace('.', "-");
        let role = json!({ "key": format!("of-{key}"), "name": key, "permissions": [permission] });
        acme.role(role).await;
        let name = format!("{key}@acme.example");
        acme.user(&name).await;
        acme.assign(&name, &format!("of-{key}")).await.expect(200);
        let person = acme.person(&name).await;
        for (method, path, body, opened_by) in probes() {
            let (path, body) = (named(path, &key), named(&body.to_string(), &key));
            let body: Value = serde_json::from_str(&body).expect("JSON");
            let status = ask(&person, method.clone(), &path, body).await;
            let is_open = opened_by.iter().any(|area| areas.contains(area));
            assert_eq!(status < 300, is_open, "{permission}: {method} {path} answers {status}");
            assert_eq!(
                status == 403,
                !is_open,
                "{permission}: {method} {path} answers {status}"
            );
        }
        // The areas of the product itself: whoever has the permission has it, and no other area's.
        for area in AREAS {
            let path = format!("/users/{name}/explain?permission=area.{area}");
            let told = acme.get(&path).await.expect(200);
            assert_eq!(told["allowed"], areas.contains(&area), "{permission}: {area}");
        }
    }
    acme.verify().await;
}

/// Makes numbers and the like.
async fn resources(acme: &Acme, made: &[(&str, &str)]) {
    for (type_, name) in made {
        let made = json!({ "type": type_, "name": name });
        acme.post("/resources", made).await.expect(201);
    }
}

/// What somebody has: name, attributes and origins of each resource of a type.
async fn held(acme: &Acme, user: &str, type_: &str) -> Vec<(Value, Value, Value)> {
    let held = acme.get(&format!("/users/{user}/resources")).await.expect(200);
    let items = held["items"].as_array().expect("a list").iter();
    items
        .filter(|item| item["type"] == type_)
        .map(|item| {
            (
                item["name"].clone(),
                item["attributes"].clone(),
                item["origins"].clone(),
            )
        })
        .collect()
}

#[tokio::test]
async fn a_person_has_a_mobile_and_a_landline_number_with_what_is_set_on_each_and_shows_numbers_of_teams() {
    let acme = Acme::new("profile = \"lynes\"").await;
    let (ada, landline, mobile) = ("ada@acme.example", "+31201234567", "+31612345678");
    for name in [ada, "bob@acme.example"] {
        acme.post("/users", json!({ "user_name": name, "invite": false }))
            .await
            .expect(201);
    }
    let team = json!({ "display_name": "Support", "users": [ada] });
    let team = acme.post("/groups", team).await.expect(201);
    resources(
        &acme,
        &[
            ("number", landline),
            ("number", mobile),
            ("display-number", "+31800"),
            ("display-number", "+31900"),
        ],
    )
    .await;
    let set = async |number: &str, attributes: Value| {
        let whom = json!({ "users": [ada], "attributes": attributes });
        acme.post(&format!("/resources/{number}/assignments"), whom).await
    };
    // A mobile and a landline number, where applicable (S003-9).
    let revision = acme.get(&format!("/users/{ada}")).await.expect(200)["last_modified"].clone();
    set(&format!("number:{landline}"), json!({ "kind": "landline" }))
        .await
        .expect(200);
    let linked = json!({ "kind": "mobile", "linkedNumber": landline, "mex": true });
    set(&format!("number:{mobile}"), json!({ "kind": "mobile", "mex": "yes" }))
        .await
        .expect(400);
    set(&format!("number:{mobile}"), linked.clone()).await.expect(200);
    let mut numbers = held(&acme, ada, "number").await;
    numbers.sort_by_key(|(name, ..)| name.to_string());
    assert_eq!(
        numbers,
        [
            (json!(landline), json!({ "kind": "landline" }), json!(["direct"])),
            (json!(mobile), linked, json!(["direct"])),
        ]
    );
    // mex is off again (S003-11), saved by itself: the person's record is what it was (S003-12).
    let off = json!({ "kind": "mobile", "linkedNumber": landline, "mex": false });
    set(&format!("number:{mobile}"), off.clone()).await.expect(200);
    assert!(held(&acme, ada, "number").await.iter().any(|(_, said, _)| *said == off));
    assert_eq!(
        acme.get(&format!("/users/{ada}")).await.expect(200)["last_modified"],
        revision
    );
    // A number is one person's, and no team's.
    let path = format!("/resources/number:{mobile}/assignments");
    acme.post(&path, json!({ "users": ["bob@acme.example"] }))
        .await
        .expect(409);
    acme.post(&path, json!({ "groups": ["Support"] })).await.expect(400);
    // Further numbers that may be shown: the team's, and one of the person's own (S003-13).
    let path = "/resources/display-number:+31800/assignments";
    acme.post(path, json!({ "groups": ["Support"] })).await.expect(200);
    set("display-number:+31900", json!({ "display": true }))
        .await
        .expect(200);
    let group = format!("group:{}", team["id"].as_str().expect("an id"));
    let mut shown = held(&acme, ada, "display-number").await;
    shown.sort_by_key(|(name, ..)| name.to_string());
    assert_eq!((&shown[0].0, &shown[0].2), (&json!("+31800"), &json!([group])));
    assert_eq!(
        shown[1],
        (json!("+31900"), json!({ "display": true }), json!(["direct"]))
    );
    assert_eq!(held(&acme, "bob@acme.example", "display-number").await, []);
    acme.verify().await;
}

#[tokio::test]
async fn a_ring_to_number_is_given_to_one_agent_and_stands_with_the_agents_attributes() {
    let acme = Acme::new("profile = \"convirza\"").await;
    for name in ["ada", "grace"] {
        acme.user(name).await;
    }
    resources(&acme, &[("ring-to", "+31201234567")]).await;
    let path = "/resources/ring-to:+31201234567/assignments";
    acme.post(path, json!({ "users": ["ada"] })).await.expect(200);
    assert_eq!(held(&acme, "ada", "ring-to").await.len(), 1);
    acme.post(path, json!({ "users": ["grace"] })).await.expect(409);
    acme.delete(&format!("{path}/users/ada")).await.expect(204);
    acme.post(path, json!({ "users": ["grace"] })).await.expect(200);
    assert_eq!(
        (
            held(&acme, "ada", "ring-to").await.len(),
            held(&acme, "grace", "ring-to").await.len()
        ),
        (0, 1)
    );
    // The same as an identity provider says it: an attribute, which a list is filtered by.
    let ring_to = json!({ "attributes": { OWN: { "agentRingTo": "+31201234567" } } });
    let path = format!("{ACME}/users/grace");
    let wrong = json!({ "attributes": { OWN: { "agentRingTo": ["+31201234567"] } } });
    acme.admin.send(Method::PATCH, &path, Some(wrong)).await.expect(400);
    acme.admin.send(Method::PATCH, &path, Some(ring_to)).await.expect(200);
    let filter = usher::cli::gateway::escaped("attributes.agentRingTo eq \"+31201234567\"");
    let found = acme.get(&format!("/users?filter={filter}")).await.expect(200);
    let found = found["items"].as_array().expect("a list");
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["user_name"], "grace");
    acme.verify().await;
}

#[tokio::test]
async fn help_about_browsers_and_faults_is_opened_by_a_permission_that_every_role_has() {
    let acme = Acme::new("profile = \"24sessions\"").await;
    for name in ["the-user", "the-operator", "the-manager", "the-admin", "nobody"] {
        acme.user(name).await;
        let may = async || {
            let path = format!("/users/{name}/explain?permission=help.view");
            acme.get(&path).await.expect(200)["allowed"].clone()
        };
        assert_eq!(may().await, false, "{name}");
        if let Some(role) = name.strip_prefix("the-") {
            acme.assign(name, role).await.expect(200);
            assert_eq!(may().await, true, "{name}");
        }
    }
}
