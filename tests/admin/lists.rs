//! Lists that are filtered, sorted, searched and paged (S004-9, S004-14..16; RFC 7644 sections 3.4.2.2 and 3.4.2.3), by one
//! mechanism for every noun.

use axum::http::Method;
use serde_json::{Value, json};
use usher::cli::gateway::escaped;
use usher::directory::Directory;
use usher::directory::select::ListLimits;
use usher::model::list::List;
use usher::model::selection::{Asked, Selection};

use crate::kit::access::{ACME, Acme};
use crate::kit::gateway::Caller;

const FILE: &str = r#"
[organisation.groups]
depth = 3
[[roles]]
key = "agent"
name = "Call agent"
[[roles]]
key = "operator"
name = "Operator"
scope = "group"
permissions = ["user.view@group", "group.view@group"]
[[licences]]
key = "pro"
name = "Pro"
limit = 5
[[resource_types]]
key = "room"
name = "Room"
[[user_attributes]]
name = "badge"
type = "string"
searchable = true
[[user_attributes]]
name = "pin"
type = "string"
returned = "never"
"#;

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// What stands in `member` of every item, in order, over all pages of `size`.
async fn all(caller: &Caller, list: &str, parameters: &[(&str, &str)], member: &str, size: usize) -> Vec<String> {
    let mut address = format!("{ACME}/{list}?limit={size}");
    for (name, value) in parameters {
        address = format!("{address}&{name}={}", escaped(value));
    }
    let (mut found, mut page) = (Vec::new(), address.clone());
    loop {
        let answer = caller.get(&page).await.expect(200);
        let items = answer["items"].as_array().expect("items");
        assert!(items.len() <= size, "{answer:#}");
        let text = |item: &Value| {
            item[member]
                .as_str()
                .map_or_else(|| item[member].to_string(), str::to_owned)
        };
        found.extend(items.iter().map(text));
        match answer["next"].as_str() {
            Some(next) => page = format!("{address}&after={}", escaped(next)),
            None => return found,
        }
    }
}

async fn users(acme: &Acme, filter: &str) -> Vec<String> {
    all(&acme.admin, "users", &[("filter", filter)], "user_name", 2).await
}

/// Four people who differ in most things.
async fn people() -> Acme {
    let acme = Acme::new(FILE).await;
    for (name, title, department) in [
        ("ada", "Countess", "Mathematics"),
        ("grace", "Admiral", "Navy"),
        ("alan", "Fellow", "Mathematics"),
    ] {
        acme.user(name).await;
        let custom = "urn:usher:scim:schemas:extension:acme:2.0:User";
        let change = json!({ "attributes": {
            "title": title,
            ENTERPRISE: { "department": department },
            custom: { "badge": format!("B-{name}"), "pin": "1234" },
        } });
        let path = format!("{ACME}/users/{name}");
        acme.admin.patch(&path, change).await.expect(200);
    }
    acme.post("/users", json!({ "user_name": "Zoe", "labels": ["vip"], "login_ids": [{ "kind": "email", "value": "zoe@acme.example" }] }))
        .await
        .expect(201);
    acme.assign("ada", "agent").await.expect(200);
    acme.post("/users/grace/licences", json!({ "licence": "pro" }))
        .await
        .expect(200);
    acme.post("/users/alan/suspend", json!({})).await.expect(200);
    acme
}

#[tokio::test]
async fn users_are_filtered_by_what_the_list_shows() {
    let acme = people().await;
    let north = acme
        .post("/groups", json!({ "display_name": "North" }))
        .await
        .expect(201);
    acme.post("/groups/North/members", json!({ "users": ["ada", "grace"] }))
        .await
        .expect(200);
    let in_north = format!("groups eq {}", north["id"]);
    for (filter, expected) in [
        ("user_name eq \"ADA\"", vec!["ada"]),
        ("userName sw \"a\"", vec!["ada", "alan"]),
        ("state eq \"suspended\"", vec!["alan"]),
        ("active eq false", vec!["alan"]),
        ("state ne \"active\"", vec!["alan", "Zoe"]),
        ("labels eq \"VIP\"", vec!["Zoe"]),
        ("login_ids.value eq \"zoe@acme.example\"", vec!["Zoe"]),
        ("login_ids[kind eq \"email\" and value co \"acme\"]", vec!["Zoe"]),
        ("emails co \"grace@\"", vec!["grace"]),
        (
            "emails.type eq \"work\" and not (user_name eq \"ada\")",
            vec!["grace", "alan"],
        ),
        ("roles eq \"agent\"", vec!["ada"]),
        ("roles[value eq \"agent\" and origin eq \"direct\"]", vec!["ada"]),
        ("licences[value eq \"pro\" and seat eq \"held\"]", vec!["grace"]),
        ("attributes.department eq \"mathematics\"", vec!["ada", "alan"]),
        ("department eq \"Navy\" or title eq \"fellow\"", vec!["grace", "alan"]),
        ("attributes.badge eq \"b-ada\"", vec!["ada"]),
        ("title pr and sources eq \"entra\"", vec!["ada", "grace", "alan"]),
        (
            "created gt \"2020-01-01T00:00:00Z\" and home_group eq null",
            vec!["ada", "grace", "alan", "Zoe"],
        ),
        ("groups pr", vec!["ada", "grace"]),
        ("groups.display eq \"north\"", vec!["ada", "grace"]),
        (in_north.as_str(), vec!["ada", "grace"]),
    ] {
        assert_eq!(users(&acme, filter).await, expected, "{filter}");
    }
}

#[tokio::test]
async fn an_index_changes_no_answer() {
    let acme = people().await;
    // What stands behind `not` is looked up in no index.
    for term in [
        "user_name eq \"ada\"",
        "login_ids eq \"zoe@acme.example\"",
        "emails eq \"grace@acme.example\"",
        "display_name eq \"Alan the Person\"",
        "roles eq \"agent\"",
        "licences eq \"pro\"",
        "attributes.badge eq \"B-grace\"",
        "user_name eq \"ada\" or emails eq \"grace@acme.example\"",
        "user_name eq \"nobody\"",
    ] {
        let (narrowed, plain) = (
            users(&acme, term).await,
            users(&acme, &format!("not (not ({term}))")).await,
        );
        assert_eq!(narrowed, plain, "{term}");
    }
}

#[tokio::test]
async fn what_a_list_does_not_show_is_refused_by_name() {
    let acme = people().await;
    for (list, parameters, word) in [
        ("users", "filter=shoe_size+eq+42", "shoe_size"),
        ("users", "filter=roles.colour+pr", "roles.colour"),
        ("users", "filter=password+pr", "password"),
        ("users", "filter=attributes.pin+eq+%221234%22", "pin"),
        ("users", "filter=user_name+like+%22a%22", "like"),
        ("users", "sort=shoe_size", "shoe_size"),
        ("users", "state=asleep", "prepared"),
        ("groups", "filter=user_name+pr", "display_name"),
        ("groups", "state=active", "state"),
        ("roles", "filter=externalId+pr", "externalId"),
        ("resources", "sort=colour", "colour"),
        ("invitations", "state=lost", "queued"),
        ("users", "view=None", "view"),
    ] {
        let answer = acme.get(&format!("/{list}?{parameters}")).await;
        let status = if parameters.starts_with("view") { 404 } else { 400 };
        let problem = answer.expect(status);
        let detail = problem["detail"].as_str().expect("a detail");
        assert!(detail.contains(word), "{list}?{parameters}: {detail}");
    }
}

#[tokio::test]
async fn lists_are_put_in_order_and_a_walk_stays_true_while_others_come_and_go() {
    let acme = people().await;
    let sorted = |more: &'static [(&'static str, &'static str)]| all(&acme.admin, "users", more, "user_name", 3);
    assert_eq!(sorted(&[("sort", "user_name")]).await, ["ada", "alan", "grace", "Zoe"]);
    let reverse = sorted(&[("sort", "user_name"), ("descending", "true")]).await;
    assert_eq!(reverse, ["Zoe", "grace", "alan", "ada"]);
    let by_title = sorted(&[("sort", "attributes.title"), ("filter", "title pr")]).await;
    assert_eq!(by_title, ["grace", "ada", "alan"]);
    let page = acme.get("/users?sort=user_name&limit=2").await.expect(200);
    let next = page["next"].as_str().expect("more");
    acme.user("aaron").await;
    acme.user("bob").await;
    acme.delete("/users/alan").await.expect(204);
    let rest = format!("/users?sort=user_name&limit=9&after={next}");
    let rest = acme.get(&rest).await.expect(200);
    let names: Vec<&Value> = rest["items"]
        .as_array()
        .expect("items")
        .iter()
        .map(|user| &user["user_name"])
        .collect();
    assert_eq!(names, ["bob", "grace", "Zoe"], "nobody is missed or doubled");
    let counted = acme
        .get("/users?count=true&limit=1&filter=user_name+sw+%22a%22")
        .await
        .expect(200);
    assert_eq!(
        (counted["total"].as_u64(), counted["items"].as_array().map(Vec::len)),
        (Some(2), Some(1))
    );
    assert_eq!(page["total"], Value::Null, "nobody asked");
    let elsewhere = format!("/users?sort=user_name&descending=true&after={next}");
    let detail = acme.get(&elsewhere).await.expect(400);
    assert!(
        detail["detail"].as_str().expect("a detail").contains("cursor"),
        "{detail}"
    );
    acme.get(&format!("/users?after={next}")).await.expect(400);
}

#[tokio::test]
async fn people_are_searched_by_the_start_of_a_name_and_the_answer_has_pages() {
    let acme = people().await;
    for (q, expected) in [
        ("A", &["ada", "alan"][..]),
        ("zoe@acme.example", &["Zoe"]),
        ("nobody", &[]),
    ] {
        assert_eq!(
            all(&acme.admin, "users", &[("q", q)], "user_name", 1).await,
            expected,
            "{q}"
        );
    }
    let both = all(
        &acme.admin,
        "users",
        &[("q", "a"), ("state", "suspended")],
        "user_name",
        5,
    )
    .await;
    assert_eq!(both, ["alan"]);
}

#[tokio::test]
async fn every_list_is_asked_in_the_same_way() {
    let acme = people().await;
    for (name, kind) in [("North", "team"), ("South", "group")] {
        acme.post("/groups", json!({ "display_name": name, "kind": kind }))
            .await
            .expect(201);
        acme.post("/resources", json!({ "type": "room", "name": name }))
            .await
            .expect(201);
        acme.post(
            "/guests",
            json!({ "name": name, "email": format!("{name}@example.org") }),
        )
        .await
        .expect(201);
        acme.post("/guest-links", json!({ "name": name })).await.expect(201);
    }
    acme.post("/groups/South/members", json!({ "users": ["ada"] }))
        .await
        .expect(200);
    acme.post("/users/Zoe/invite", json!({})).await.expect(201);
    for (list, filter, sort, q, member, expected) in [
        (
            "groups",
            "kind eq \"team\"",
            "display_name",
            "ort",
            "display_name",
            "North",
        ),
        ("groups", "members gt 0", "members", "South", "display_name", "South"),
        ("roles", "scope eq \"group\"", "name", "operator", "key", "operator"),
        ("roles", "holders eq 1", "holders", "call", "key", "agent"),
        ("licences", "used ge 1 and limit lt 9", "used", "pro", "key", "pro"),
        (
            "resources",
            "type eq \"room\" and enabled eq true",
            "name",
            "nor",
            "name",
            "North",
        ),
        ("guests", "email ew \"example.org\"", "created", "sou", "name", "South"),
        ("guest-links", "joined eq 0", "name", "NORTH", "name", "North"),
        (
            "invitations",
            "channel eq \"link\"",
            "expires",
            "zoe",
            "user_name",
            "Zoe",
        ),
        (
            "roles/agent/holders",
            "origins eq \"direct\"",
            "user_name",
            "ada",
            "user_name",
            "ada",
        ),
        (
            "licences/pro/holders",
            "state eq \"active\"",
            "since",
            "gra",
            "user_name",
            "grace",
        ),
    ] {
        let asked = [("filter", filter), ("sort", sort), ("q", q)];
        assert_eq!(all(&acme.admin, list, &asked, member, 1).await, [expected], "{list}");
        let other = [("filter", "not (created pr or not (created pr))")];
        let is_dated = acme.get(&format!("/{list}?filter=created+pr")).await.status == 200;
        if is_dated {
            assert_eq!(all(&acme.admin, list, &other, member, 5).await, [""; 0], "{list}");
        }
    }
    for (list, filter, member, expected) in [
        (
            "groups/South/members",
            "kind eq \"user\" and origins eq \"direct\"",
            "kind",
            "user",
        ),
        (
            "audit",
            "changes[kind eq \"view\" and outcome eq \"created\"]",
            "request",
            "",
        ),
    ] {
        let found = all(&acme.admin, list, &[("filter", filter)], member, 1).await;
        let expected: &[&str] = if expected.is_empty() { &[] } else { &[expected] };
        assert_eq!(found, expected, "{list}");
    }
    let joined = all(
        &acme.admin,
        "audit",
        &[("filter", "changes.kind eq \"membership\"")],
        "id",
        1,
    )
    .await;
    assert_eq!(joined.len(), 1, "one commit put somebody into a group");
    acme.get("/audit?filter=colour+pr").await.expect(400);
    let nobody = acme.get("/groups/South/members?q=nobody").await.expect(200);
    assert_eq!(nobody["items"], json!([]));
    let queued = acme.get("/invitations?state=queued").await.expect(200);
    assert_eq!(queued["items"], json!([]));
}

#[tokio::test]
async fn a_person_finds_and_sorts_only_whom_the_rights_reach() {
    let acme = Acme::new(FILE).await;
    let (north, south) = (acme.group("North", |_| {}).await, acme.group("South", |_| {}).await);
    let mut people = Vec::new();
    for name in ["mia", "zoe", "bob", "ann"] {
        people.push(acme.user(name).await);
    }
    for user in &people[..3] {
        acme.join(north, *user).await.expect("a member");
    }
    acme.join(south, people[3]).await.expect("a member");
    acme.group_role(north, people[0], "operator").await;
    let mia = acme.person("mia").await;
    let sorted = all(&mia, "users", &[("sort", "user_name")], "user_name", 2).await;
    assert_eq!(sorted, ["bob", "mia", "zoe"]);
    let found = all(&mia, "users", &[("filter", "user_name sw \"a\"")], "user_name", 2).await;
    assert_eq!(found, [""; 0]);
    assert_eq!(all(&mia, "users", &[("q", "ann")], "user_name", 2).await, [""; 0]);
    let groups = all(
        &mia,
        "groups",
        &[("sort", "display_name"), ("descending", "true")],
        "display_name",
        1,
    )
    .await;
    assert_eq!(groups, ["North"]);
    assert_eq!(mia.send(Method::GET, &format!("{ACME}/roles"), None).await.status, 403);
}

#[tokio::test]
async fn one_page_costs_no_more_than_the_limits_say() {
    let acme = people().await;
    let limits = ListLimits {
        page_size: 1,
        looked_at: 2,
        sorted: 3,
        reached: 2,
    };
    let directory: Directory = acme.inside.directory.clone().with_list_limits(limits);
    let schemas = &directory
        .load_organisation(acme.id)
        .await
        .expect("a read")
        .schemas
        .clone();
    let read = |filter: Option<&str>, sort: Option<&str>| {
        let asked = Asked {
            filter: filter.map(str::to_owned),
            sort: sort.map(str::to_owned),
            ..Asked::default()
        };
        Selection::read(List::Users, schemas, &asked).expect("a question")
    };
    let last = read(Some("title eq \"Fellow\""), None);
    let page = directory.select_users(acme.id, &last, None, 5).await.expect("a page");
    assert_eq!(page.items, [], "two rows were looked at");
    let page = directory
        .select_users(acme.id, &last, page.next.as_ref(), 5)
        .await
        .expect("a page");
    assert_eq!(page.items.len(), 1);
    let refused = directory
        .select_users(acme.id, &read(None, Some("user_name")), None, 5)
        .await;
    assert!(
        refused.expect_err("four rows").to_string().contains("narrow"),
        "the cure is named"
    );
    let one = read(Some("user_name eq \"ada\""), Some("user_name"));
    let page = directory.select_users(acme.id, &one, None, 5).await.expect("a page");
    assert_eq!(page.items.len(), 1, "an index keeps it small");
    let named = read(None, None).only(page.items.iter().map(|user| user.id.uuid()));
    let page = directory.select_users(acme.id, &named, None, 5).await.expect("a page");
    assert_eq!(page.items[0].user_name, "ada");
    assert_eq!(page.next, None);
}
