//! Whoever finds no seat when a group, or a role's group, gives a licence to people who are there already: they are passed over
//! with that licence only, listed, and given it in order. Nothing of it is damage.

use serde_json::{Value, json};

use crate::kit::access::Acme;
use crate::kit::scim::slug;

const ROLES: &str = r#"
[[roles]]
key = "agent"
name = "Agent"
[[roles]]
key = "lead"
name = "Lead"
"#;

fn licences(limit: u8, when_full: &str) -> String {
    format!(
        "{ROLES}[[licences]]\nkey = \"basic\"\nname = \"Basic\"\nlimit = 1\n\
         [[licences]]\nkey = \"pro\"\nname = \"Pro\"\nlimit = {limit}\nwhen_full = {when_full}\n"
    )
}

/// Four people in a group, which comes to give a licence with two seats.
async fn given(when_full: &str) -> Acme {
    let acme = Acme::new(&licences(2, when_full)).await;
    let support = acme.group("Support", |_| {}).await;
    for name in ["ada", "grace", "edsger", "barbara"] {
        let user = acme.user(name).await;
        acme.join(support, user).await.expect("a member");
    }
    give(&acme, json!({ "roles": ["agent"], "licences": ["pro"] })).await;
    acme
}

async fn give(acme: &Acme, what: Value) -> Value {
    acme.post("/groups/Support/gives", json!({ "add": what }))
        .await
        .expect(200)
}

async fn limit(acme: &Acme, limit: u8, when_full: &str) {
    let file = licences(limit, when_full);
    let file = format!("[organisation]\nslug = \"acme\"\n{file}[[connections]]\nname = \"entra\"\nkind = \"scim\"\n");
    acme.admin.apply("acme", &file).await.expect(200);
}

/// The words for the seats of four people.
async fn seats(acme: &Acme) -> [String; 4] {
    let mut words = [const { String::new() }; 4];
    for (word, name) in words.iter_mut().zip(["ada", "grace", "edsger", "barbara"]) {
        let user = acme.get(&format!("/users/{name}")).await.expect(200);
        let seat = &user["licences"]["pro"]["seat"];
        *word = match seat {
            Value::Object(seat) => seat.keys().next().cloned().unwrap_or_default(),
            other => other.as_str().unwrap_or("none").to_owned(),
        };
    }
    words
}

#[tokio::test]
async fn whoever_misses_a_seat_has_everything_else_is_listed_with_the_reason_and_is_no_damage() {
    let acme = given("\"refuse\"").await;
    assert_eq!(seats(&acme).await, ["held", "held", "refused", "refused"]);
    acme.verify().await;
    let edsger = acme.get("/users/edsger").await.expect(200);
    assert!(edsger["roles"]["agent"].is_array(), "{edsger:#}");
    assert_eq!(edsger["state"], "active", "whoever misses a seat is not held up");
    let filter = "filter=seat%20eq%20%22refused%22&sort=since";
    let missing = acme.get(&format!("/licences/pro/holders?{filter}")).await.expect(200);
    let missing = missing["items"].as_array().expect("a list");
    let names: Vec<_> = missing.iter().map(|item| item["user_name"].clone()).collect();
    assert_eq!(names, ["edsger", "barbara"]);
    let support = acme.get("/groups/Support").await.expect(200)["id"].clone();
    let because = format!("group:{}", support.as_str().expect("an id"));
    assert_eq!(missing[0]["origins"], json!([because]));
    assert!(missing[0]["since"].is_string());
    let told = acme.get("/events?limit=1000").await.expect(200);
    let told = told["items"].as_array().expect("a list").iter();
    let told: Vec<_> = told
        .filter(|event| event["kind"] == "seat.refused")
        .map(|event| event["data"]["user"].clone())
        .collect();
    assert_eq!(told.len(), 2);
    assert_eq!(told[0], edsger["id"]);
    let forecast = acme.get("/licences/forecast").await.expect(200);
    let pro = forecast["items"].as_array().expect("a list").iter();
    let pro = pro.clone().find(|item| item["licence"] == "pro").expect("pro");
    assert_eq!(
        (&pro["refused"], &pro["waiting"], &pro["short"]),
        (&json!(2), &json!(0), &json!(2))
    );
    // Asked again, nobody loses the place in the queue, and nobody is told of twice.
    let again = give(&acme, json!({ "licences": ["pro"] })).await;
    assert_eq!(
        (&again["changed"], &again["refused"].as_array().map(Vec::len)),
        (&json!(0), &Some(2))
    );
    acme.verify().await;
}

#[tokio::test]
async fn a_seat_that_frees_and_a_raised_limit_go_to_those_who_miss_one_in_order() {
    for policy in ["\"refuse\"", "{ overage = 2 }"] {
        let acme = given(policy).await;
        assert_eq!(seats(&acme).await, ["held", "held", "refused", "refused"]);
        let ada = acme.get("/users/ada").await.expect(200);
        acme.delete(&format!(
            "/groups/Support/members/{}",
            ada["id"].as_str().expect("an id")
        ))
        .await
        .expect(200);
        assert_eq!(seats(&acme).await, ["none", "held", "held", "refused"], "{policy}");
        acme.verify().await;
        limit(&acme, 4, "\"refuse\"").await;
        assert_eq!(seats(&acme).await, ["none", "held", "held", "held"], "{policy}");
        acme.verify().await;
    }
}

#[tokio::test]
async fn whoever_is_refused_the_licence_that_stands_in_as_well_is_in_the_queue_of_the_first() {
    let acme = given("{ fallback = \"basic\" }").await;
    assert_eq!(seats(&acme).await, ["held", "held", "fallback", "refused"]);
    acme.verify().await;
    limit(&acme, 3, "{ fallback = \"basic\" }").await;
    assert_eq!(seats(&acme).await, ["held", "held", "fallback", "held"]);
    acme.verify().await;
}

#[tokio::test]
async fn a_role_that_puts_people_into_a_group_is_followed_also_for_those_who_find_no_seat() {
    let acme = Acme::new(&licences(1, "\"refuse\"")).await;
    let support = acme
        .group("Support", |group| {
            group.grants_licences = [slug("pro")].into();
            group.grants_roles = [slug("agent")].into();
        })
        .await;
    let (ada, grace) = (acme.user("ada").await, acme.user("grace").await);
    acme.assign("ada", "lead").await.expect(200);
    acme.assign("grace", "lead").await.expect(200);
    acme.put("/roles/lead/groups/Support", json!({})).await.expect(200);
    for user in [ada, grace] {
        assert_eq!(acme.membership(support, user).await, json!(["role:lead"]));
        assert_eq!(acme.roles(user).await["agent"], json!([format!("group:{support}")]));
    }
    let seats = seats(&acme).await;
    assert_eq!((seats[0].as_str(), seats[1].as_str()), ("held", "refused"));
    acme.verify().await;
    // Whoever is taken out of the group leaves the queue, too.
    acme.withdraw("grace", "lead").await.expect(200);
    let listed = acme.get("/licences").await.expect(200);
    let pro = listed["items"].as_array().expect("a list").iter();
    let pro = pro.clone().find(|item| item["key"] == "pro").expect("pro");
    assert_eq!((&pro["used"], &pro["waiting"]), (&json!(1), &json!(0)));
    acme.verify().await;
}

#[tokio::test]
async fn a_suspended_person_leaves_the_queue_and_a_door_that_asks_for_the_seat_is_still_refused() {
    let acme = given("\"refuse\"").await;
    acme.post("/users/edsger/suspend", Value::Null).await.expect(200);
    assert_eq!(seats(&acme).await[2], "unneeded");
    acme.verify().await;
    let refused = acme.post("/users/edsger/reactivate", Value::Null).await;
    assert_eq!(refused.status, 403, "{refused:?}");
    let refused = acme.post("/users/barbara/licences", json!({ "licence": "pro" })).await;
    assert_eq!(refused.status, 403, "{refused:?}");
    assert_eq!(seats(&acme).await[3], "refused");
    acme.verify().await;
}

#[tokio::test]
async fn a_role_that_a_group_gives_takes_no_number_of_holders() {
    let acme = given("\"refuse\"").await;
    let refused = acme
        .put(
            "/roles/agent",
            json!({ "key": "agent", "name": "Agent", "max_holders": 1 }),
        )
        .await
        .expect(400);
    assert_eq!(refused["attribute"], "roles.agent.max_holders");
    acme.verify().await;
}
