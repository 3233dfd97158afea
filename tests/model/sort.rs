//! The order of resources.

use serde_json::{Value, json};
use usher::model::deviation::Strictness;
use usher::model::schema::SchemaSet;
use usher::model::sort::{SortBy, SortOrder};

use super::samples::object;

/// The userNames in order.
fn sorted(by: &str, order: SortOrder, users: &[Value]) -> Vec<String> {
    let by = SortBy::parse(by, &SchemaSet::user(), Strictness::Lenient).expect(by).0;
    let mut users: Vec<_> = users.iter().cloned().map(object).collect();
    users.sort_by(|left, right| by.compare(left, right, order));
    users
        .iter()
        .map(|user| user["userName"].as_str().expect("a userName").to_owned())
        .collect()
}

#[test]
fn texts_are_sorted_without_case_unless_case_matters() {
    let users = [
        json!({"userName": "b", "externalId": "B"}),
        json!({"userName": "C", "externalId": "a"}),
        json!({"userName": "A", "externalId": "C"}),
    ];
    assert_eq!(sorted("USERNAME", SortOrder::Ascending, &users), ["A", "b", "C"]);
    assert_eq!(sorted("userName", SortOrder::Descending, &users), ["C", "b", "A"]);
    assert_eq!(
        sorted("externalId", SortOrder::Ascending, &users),
        ["b", "A", "C"],
        "capitals come first"
    );
}

#[test]
fn resources_without_a_value_come_last_and_in_reverse_first() {
    let users = [
        json!({"userName": "none"}),
        json!({"userName": "x", "name": {"givenName": "X"}}),
        json!({"userName": "a", "name": {"givenName": "A"}}),
    ];
    assert_eq!(
        sorted("name.givenName", SortOrder::Ascending, &users),
        ["a", "x", "none"]
    );
    assert_eq!(
        sorted("name.givenName", SortOrder::Descending, &users),
        ["none", "x", "a"]
    );
}

#[test]
fn the_primary_value_counts_and_else_the_first() {
    let users = [
        json!({"userName": "primary", "emails": [{"value": "z"}, {"value": "b", "primary": true}]}),
        json!({"userName": "first", "emails": [{"value": "c"}, {"value": "a"}]}),
    ];
    assert_eq!(sorted("emails", SortOrder::Ascending, &users), ["primary", "first"]);
    assert_eq!(
        sorted("emails.value", SortOrder::Ascending, &users),
        ["primary", "first"]
    );
}

#[test]
fn instants_and_booleans_are_sorted_by_meaning() {
    let users = [
        json!({"userName": "later", "active": true, "meta": {"created": "2020-01-01T00:30:00Z"}}),
        json!({"userName": "sooner", "active": false, "meta": {"created": "2020-01-01T01:00:00+01:00"}}),
    ];
    assert_eq!(
        sorted("meta.created", SortOrder::Ascending, &users),
        ["sooner", "later"]
    );
    assert_eq!(sorted("active", SortOrder::Ascending, &users), ["sooner", "later"]);
}

#[test]
fn what_cannot_be_sorted_by_is_refused() {
    for (text, message) in [
        ("colour", "is not defined"),
        ("name", "is complex"),
        ("password", "cannot be sorted by"),
        ("a b", "is not an attribute name"),
    ] {
        let error = SortBy::parse(text, &SchemaSet::user(), Strictness::Lenient).expect_err(text);
        assert!(error.to_string().contains(message), "{text}: {error}");
    }
    assert_eq!(SortOrder::parse("DESCENDING"), Ok(SortOrder::Descending));
    assert!(SortOrder::parse("up").is_err());
}
