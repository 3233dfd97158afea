//! Pages that are turned: previous, next, last and first (S004-16), while others come and go, at a bounded cost; and people by their
//! last sign-in.

use serde_json::{Value, json};
use usher::cli::gateway::escaped;
use usher::directory::Directory;
use usher::directory::select::{ListLimits, Turn};
use usher::model::list::List;
use usher::model::selection::{Asked, Selection};

use crate::kit::access::{ACME, Acme};
use crate::kit::house::{House, PASSWORD, USERS};

async fn page(acme: &Acme, asked: &str) -> (Vec<String>, Value) {
    let answer = acme.admin.get(&format!("{ACME}/users?{asked}")).await.expect(200);
    let items = answer["items"].as_array().expect("items").iter();
    let names = items.map(|user| user["user_name"].as_str().expect("a name").to_owned());
    (names.collect(), answer)
}

fn cursor(answer: &Value, which: &str) -> String {
    escaped(
        answer[which]
            .as_str()
            .unwrap_or_else(|| panic!("no {which}: {answer:#}")),
    )
}

/// Seven people in the order of the alphabet, a to g.
async fn seven() -> Acme {
    let acme = Acme::new("").await;
    for name in ["a", "b", "c", "d", "e", "f", "g"] {
        acme.user(name).await;
    }
    acme
}

#[tokio::test]
async fn a_list_has_previous_next_and_last_in_whatever_order() {
    let acme = seven().await;
    let lower = ["a", "b", "c", "d", "e", "f", "g"];
    for (order, all) in [
        ("", lower),
        ("&sort=user_name", lower),
        ("&sort=user_name&descending=true", ["g", "f", "e", "d", "c", "b", "a"]),
        ("&filter=active+eq+true", lower),
    ] {
        let (first, answer) = page(&acme, &format!("limit=3{order}")).await;
        assert_eq!(first, all[..3], "{order}");
        assert_eq!(answer.get("previous"), None, "nothing is in front of the first page");
        let (second, answer) = page(&acme, &format!("limit=3{order}&after={}", cursor(&answer, "next"))).await;
        assert_eq!(second, all[3..6], "{order}");
        let (back, front) = page(&acme, &format!("limit=3{order}&before={}", cursor(&answer, "previous"))).await;
        assert_eq!(back, first, "{order}");
        assert_eq!(front.get("previous"), None, "{order}");
        let (again, _) = page(&acme, &format!("limit=3{order}&after={}", cursor(&front, "next"))).await;
        assert_eq!(again, second, "{order}");
        let (last, answer) = page(&acme, &format!("limit=3{order}&last=true&count=true")).await;
        assert_eq!(last, all[4..], "as long as any other: {order}");
        assert_eq!((answer.get("next"), &answer["total"]), (None, &json!(7)), "{order}");
        let (before, _) = page(&acme, &format!("limit=3{order}&before={}", cursor(&answer, "previous"))).await;
        assert_eq!(before, all[1..4], "{order}");
    }
    let refused = acme.get("/users?descending=true").await.expect(400);
    assert!(
        refused["detail"].as_str().expect("words").contains("sort"),
        "{refused:#}"
    );
    let (_, sorted) = page(&acme, "limit=3&sort=user_name&last=true").await;
    let previous = cursor(&sorted, "previous");
    for elsewhere in ["", "&sort=user_name&descending=true", "&sort=created"] {
        let asked = format!("/users?limit=3{elsewhere}&before={previous}");
        let refused = acme.get(&asked).await.expect(400);
        assert!(
            refused["detail"].as_str().expect("words").contains("cursor"),
            "{elsewhere}"
        );
    }
}

#[tokio::test]
async fn going_back_stays_true_while_others_come_and_go() {
    let acme = seven().await;
    for order in ["", "&sort=user_name"] {
        let (last, answer) = page(&acme, &format!("limit=2{order}&last=true")).await;
        assert_eq!(last, ["f", "g"]);
        let previous = cursor(&answer, "previous");
        let (middle, _) = page(&acme, &format!("limit=2{order}&before={previous}")).await;
        assert_eq!(middle, ["d", "e"], "{order}");
    }
    let (_, answer) = page(&acme, "limit=2&sort=user_name&last=true").await;
    let (plain, previous) = (page(&acme, "limit=2&last=true").await.1, cursor(&answer, "previous"));
    // The row that the cursor names goes, one in front of it too, and another comes.
    for gone in ["f", "d"] {
        acme.delete(&format!("/users/{gone}")).await.expect(204);
    }
    acme.user("cc").await;
    let (names, answer) = page(&acme, &format!("limit=2&sort=user_name&before={previous}")).await;
    assert_eq!(names, ["cc", "e"], "nobody is missed or doubled");
    let (names, _) = page(
        &acme,
        &format!("limit=9&sort=user_name&before={}", cursor(&answer, "previous")),
    )
    .await;
    assert_eq!(names, ["a", "b", "c"]);
    let (names, _) = page(&acme, &format!("limit=2&before={}", cursor(&plain, "previous"))).await;
    assert_eq!(names, ["c", "e"], "in the order of their creation");
    // When all that was in front has gone, what is the first page now is what the reader looks for.
    let (_, second) = page(&acme, "limit=1&sort=user_name").await;
    let (_, second) = page(
        &acme,
        &format!("limit=1&sort=user_name&after={}", cursor(&second, "next")),
    )
    .await;
    acme.delete("/users/a").await.expect(204);
    let (names, answer) = page(
        &acme,
        &format!("limit=1&sort=user_name&before={}", cursor(&second, "previous")),
    )
    .await;
    assert_eq!(
        (names.as_slice(), answer.get("previous")),
        (["b".to_owned()].as_slice(), None)
    );
}

#[tokio::test]
async fn the_last_page_is_read_from_the_end_and_no_further_than_the_limits_say() {
    let acme = seven().await;
    let limits = ListLimits {
        page_size: 1,
        looked_at: 2,
        sorted: 100,
        reached: 2,
    };
    let directory: Directory = acme.inside.directory.clone().with_list_limits(limits);
    let settings = directory.load_organisation(acme.id).await.expect("a read");
    let asked = Asked {
        filter: Some("user_name eq \"g\" or nicknames pr".to_owned()),
        ..Asked::default()
    };
    let selection = Selection::read(List::Users, &settings.schemas, &asked).expect("a question");
    let last = directory
        .select_users(acme.id, &selection, Turn::Last, 3)
        .await
        .expect("a page");
    let names: Vec<&str> = last.items.iter().map(|user| user.user_name.as_str()).collect();
    assert_eq!(
        names,
        ["g"],
        "found among the last two, which is all that may be looked at"
    );
    let previous = last.previous.expect("more is in front");
    let short = directory
        .select_users(acme.id, &selection, Turn::Previous(previous), 3)
        .await
        .expect("a page");
    assert!(
        short.items.is_empty() && short.previous.is_some(),
        "two rows were looked at, and it goes on"
    );
    let forwards = short.next.expect("what was in front of");
    let found = directory
        .select_users(acme.id, &selection, Some(&forwards), 3)
        .await
        .expect("a page");
    assert!(found.items.is_empty() && found.next.is_some(), "{found:?}");
}

#[tokio::test]
async fn people_are_found_and_sorted_by_their_last_sign_in_and_so_are_those_who_never_did() {
    let house = House::with(json!({})).await;
    for name in ["ada", "grace", "alan", "zoe"] {
        house.enrolled(name).await;
    }
    let mut seen = Vec::new();
    for name in ["alan", "ada", "grace"] {
        house.clock.pass(3600);
        house.sign_in(name, PASSWORD).await.expect(201);
        seen.push(house.credential(name).await["last_sign_in"].clone());
    }
    let list = async |asked: &str| -> Vec<String> {
        let answer = house.acme.get(&format!("{USERS}?{asked}")).await.expect(200);
        let items = answer["items"].as_array().expect("items").iter();
        let names = items.map(|user| user["user_name"].as_str().expect("a name").to_owned());
        names.collect()
    };
    assert_eq!(list("sort=last_sign_in").await, ["alan", "ada", "grace", "zoe"]);
    assert_eq!(
        list("sort=last_sign_in&descending=true&limit=2").await,
        ["zoe", "grace"]
    );
    assert_eq!(list("filter=not+(last_sign_in+pr)").await, ["zoe"]);
    let since = escaped(seen[1].as_str().expect("an instant"));
    assert_eq!(list(&format!("filter=last_sign_in+lt+%22{since}%22")).await, ["alan"]);
    assert_eq!(
        list(&format!(
            "filter=last_sign_in+ge+%22{since}%22+and+active+eq+true&sort=user_name"
        ))
        .await,
        ["ada", "grace"]
    );
    let shown = house.acme.get(&format!("{USERS}?sort=last_sign_in")).await.expect(200);
    assert_eq!(
        (&shown["items"][0]["last_sign_in"], &shown["items"][3]["last_sign_in"]),
        (&seen[0], &Value::Null)
    );
    assert_eq!(house.user("grace").await["last_sign_in"], seen[2]);
    let file = "/api/v1/organisations/acme/export/users?columns=user_name,last_sign_in&sort=last_sign_in";
    let (_, bytes) = house.acme.bytes(axum::http::Method::GET, file, Vec::new()).await;
    let text = String::from_utf8(bytes).expect("text");
    let rows: Vec<&str> = text.lines().collect();
    assert_eq!(rows[1], format!("alan,{}", seen[0].as_str().expect("an instant")));
    assert_eq!(rows[4], "zoe,");
    let plan = json!({ "operation": "suspend", "filter": "not (last_sign_in pr)" });
    let job = house
        .acme
        .post("/api/v1/organisations/acme/bulk", plan)
        .await
        .expect(201);
    assert_eq!(job["items"][0]["user_name"], "zoe", "{job:#}");
    assert_eq!(job["count"], 1);
}
