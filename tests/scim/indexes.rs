//! Indexes narrow what is read; they never change what is found.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::json;
use usher::directory::query::{Page, Query, QueryBudget, Queryable, Start, StoredGroup};
use usher::model::deviation::Strictness;
use usher::model::filter::{Filter, FilterLimits};
use usher::model::schema::SchemaSet;
use usher::model::user::User;
use uuid::Uuid;

use crate::kit::scim::{Client, GROUP, Service, USER, slug};

/// People and groups with few values, so that filters hit several; their identifiers.
async fn data() -> (Client, Vec<String>) {
    let client = Service::client().await;
    let mut known = Vec::new();
    for n in 0..24 {
        let body = json!({
            "schemas": [USER], "userName": format!("User{n}"), "externalId": format!("x{}", n % 20 + n / 20 * 100),
            "displayName": format!("Name {}", n % 5), "title": format!("T{}", n % 3),
            "emails": [
                { "value": format!("mail{}@example.com", n % 7), "type": "work" },
                { "value": format!("Home{n}@example.com"), "type": "home" },
            ],
        });
        known.push(client.post("/Users", body).await.id());
    }
    for n in 0..5 {
        let members: Vec<_> = known
            .iter()
            .skip(n)
            .step_by(3)
            .map(|id| json!({ "value": id }))
            .collect();
        let body = json!({ "schemas": [GROUP], "displayName": format!("Name {n}"), "members": members });
        known.push(client.post("/Groups", body).await.id());
    }
    (client, known)
}

/// Mostly equality, which indexes answer; no other operator may be narrowed as if it were.
fn operator() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        2 => Just("eq"),
        1 => prop::sample::select(vec!["ne", "co", "sw", "ew", "gt", "ge", "lt", "le"]),
    ]
}

/// A comparison; what is not a question for the whole value asks for a part of it, which no index holds.
fn compared(attribute: &str, operator: &str, value: &str) -> String {
    let length = if operator == "eq" {
        value.len()
    } else {
        value.len() / 2 + 1
    };
    format!("{attribute} {operator} \"{}\"", &value[..length])
}

fn term(known: Vec<String>, is_user: bool) -> BoxedStrategy<String> {
    let id = prop::sample::select(known);
    let number = 0_usize..26;
    let edge = if is_user { "groups" } else { "members" };
    let common = prop_oneof![
        id.clone().prop_map(|id| format!("id eq \"{id}\"")),
        id.prop_map(move |id| format!("{edge}.value eq \"{id}\"")),
        (number.clone(), operator()).prop_map(|(n, operator)| compared("displayName", operator, &format!("NAME {n}"))),
        Just("id eq \"none\"".to_owned()),
        (number.clone(), operator()).prop_map(|(n, operator)| compared("externalId", operator, &format!("x{n}"))),
    ];
    if !is_user {
        return common.boxed();
    }
    prop_oneof![
        common,
        (number.clone(), operator()).prop_map(|(n, operator)| compared("userName", operator, &format!("uSER{n}"))),
        (number.clone(), operator()).prop_map(|(n, operator)| compared(
            "emails.value",
            operator,
            &format!("MAIL{n}@example.com")
        )),
        number
            .clone()
            .prop_map(|n| format!("emails eq \"home{n}@example.com\"")),
        number
            .clone()
            .prop_map(|n| format!("emails[type eq \"work\" and value eq \"mail{n}@example.com\"]")),
        number.prop_map(|n| format!("title eq \"T{n}\"")),
        Just("active eq true".to_owned()),
    ]
    .boxed()
}

fn filter(known: Vec<String>, is_user: bool) -> BoxedStrategy<String> {
    term(known, is_user)
        .prop_recursive(3, 12, 3, |inner| {
            let parts = prop::collection::vec(inner.clone(), 2..4);
            prop_oneof![
                parts.clone().prop_map(|parts| format!("({})", parts.join(" and "))),
                parts.prop_map(|parts| format!("({})", parts.join(" or "))),
                inner.prop_map(|part| format!("not ({part})")),
            ]
        })
        .boxed()
}

async fn found<R: Queryable>(client: &Client, schemas: &SchemaSet, text: &str, indexes: bool) -> Vec<Uuid> {
    let filter = Filter::parse(text, FilterLimits::default()).expect("a filter");
    let filter = filter
        .resolve(schemas, Strictness::Lenient)
        .expect("a filter of this type");
    let connection = slug("scim");
    let query = Query {
        filter: Some(&filter),
        sort: None,
        start: Start::Index(1),
        count: 100,
        connection: Some(&connection),
        with_groups: false,
        budget: QueryBudget::default(),
        indexes,
    };
    let directory = &client.tenant.service.directory;
    let page: Page<R> = directory.query(client.tenant.id, query).await.expect("a page");
    assert_eq!(page.total, page.resources.len() as u64);
    page.resources.iter().map(Queryable::uuid).collect()
}

#[test]
fn the_answer_is_the_same_without_indexes() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let (client, known) = runtime.block_on(data());
    let (users, groups) = (SchemaSet::user(), SchemaSet::group());
    let mut runner = TestRunner::new(Config::with_cases(300));
    let strategy = (filter(known.clone(), true), filter(known, false));
    runner
        .run(&strategy, |(of_users, of_groups)| {
            let (with, without) = runtime.block_on(async {
                (
                    found::<User>(&client, &users, &of_users, true).await,
                    found::<User>(&client, &users, &of_users, false).await,
                )
            });
            prop_assert_eq!(with, without, "{}", of_users);
            let (with, without) = runtime.block_on(async {
                (
                    found::<StoredGroup>(&client, &groups, &of_groups, true).await,
                    found::<StoredGroup>(&client, &groups, &of_groups, false).await,
                )
            });
            prop_assert_eq!(with, without, "{}", of_groups);
            Ok(())
        })
        .expect("no difference");
}
