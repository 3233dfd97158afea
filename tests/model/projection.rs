//! What an answer shows.

use serde_json::json;
use usher::model::projection::{Projection, ProjectionError};
use usher::model::schema::SchemaSet;

use super::samples::{ENTERPRISE, barbara, object};

const CORE: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const USHER: &str = "urn:usher:scim:schemas:extension:2.0:Group";

#[test]
fn by_default_everything_is_shown_that_may_be() {
    let mut user = barbara();
    user.insert("password".to_owned(), json!("hash"));
    let shown = Projection::standard(&SchemaSet::user()).apply(&user);
    let mut expected = barbara();
    expected.insert("schemas".to_owned(), json!([CORE, ENTERPRISE]));
    assert_eq!(shown, expected);
}

#[test]
fn the_minimum_is_always_shown() {
    // RFC 7644 section 3.9, the example.
    let shown = Projection::parse(Some("userName"), None, &SchemaSet::user())
        .unwrap()
        .apply(&barbara());
    let expected =
        json!({"schemas": [CORE], "id": "2819c223-7f76-453a-919d-413861904646", "userName": "bjensen@example.com"});
    assert_eq!(shown, object(expected));
    let shown = Projection::parse(None, Some("id,schemas,userName"), &SchemaSet::user())
        .unwrap()
        .apply(&barbara());
    assert!(shown.contains_key("id") && shown.contains_key("schemas") && !shown.contains_key("userName"));
}

#[test]
fn attributes_are_selected_whole_or_in_part() {
    let cases = [
        ("NAME.givenname", json!({"name": {"givenName": "Barbara"}})),
        (
            "name.givenName,name",
            json!({"name": {"familyName": "Jensen", "givenName": "Barbara"}}),
        ),
        ("emails.type", json!({"emails": [{"type": "work"}, {"type": "home"}]})),
        ("emails.display", json!({})),
        (" active , title,", json!({"active": true, "title": "Tour Guide"})),
        (
            "urn:ietf:params:scim:schemas:core:2.0:User:title",
            json!({"title": "Tour Guide"}),
        ),
        ("department", json!({ENTERPRISE: {"department": "Tour Operations"}})),
        (
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:user:manager.value",
            json!({ENTERPRISE: {"manager": {"value": "26118915"}}}),
        ),
        ("password", json!({})),
        ("nonsense", json!({})),
        ("!!", json!({})),
    ];
    for (attributes, expected) in cases {
        let projection = Projection::parse(Some(attributes), None, &SchemaSet::user()).unwrap();
        let mut shown = projection.apply(&barbara());
        let schemas = shown.remove("schemas").unwrap();
        assert!(shown.remove("id").is_some());
        assert_eq!(shown, object(expected), "{attributes}");
        let extended = shown.contains_key(ENTERPRISE);
        assert_eq!(
            schemas.as_array().unwrap().len(),
            1 + usize::from(extended),
            "{attributes}"
        );
    }
    let whole = Projection::parse(Some(ENTERPRISE), None, &SchemaSet::user())
        .unwrap()
        .apply(&barbara());
    assert_eq!(whole[ENTERPRISE], barbara()[ENTERPRISE]);
}

#[test]
fn attributes_are_excluded_whole_or_in_part() {
    let shown = |excluded: &str| {
        Projection::parse(None, Some(excluded), &SchemaSet::user())
            .unwrap()
            .apply(&barbara())
    };
    assert_eq!(shown("name.givenName")["name"], json!({"familyName": "Jensen"}));
    assert!(!shown("name.givenName,name.familyName").contains_key("name"));
    assert!(!shown("EMAILS").contains_key("emails"));
    assert!(!shown(ENTERPRISE).contains_key(ENTERPRISE));
    assert_eq!(shown(ENTERPRISE)["schemas"], json!([CORE]));
    assert_eq!(
        shown("manager")[ENTERPRISE],
        json!({"employeeNumber": "701984", "department": "Tour Operations"})
    );
}

#[test]
fn the_two_parameters_exclude_each_other() {
    let both = Projection::parse(Some("userName"), Some("emails"), &SchemaSet::user());
    assert_eq!(both.unwrap_err(), ProjectionError::Both);
    assert!(
        Projection::parse(Some("userName"), Some(" "), &SchemaSet::user()).is_ok(),
        "an empty list is no list"
    );
}

#[test]
fn a_reader_knows_what_it_can_leave_in_the_store() {
    let wants = |attributes, excluded, name: &str| {
        Projection::parse(attributes, excluded, &SchemaSet::group())
            .unwrap()
            .wants(name)
    };
    assert!(wants(None, None, "members"));
    assert!(!wants(None, Some("members"), "members"));
    assert!(!wants(
        None,
        Some("displayName,urn:ietf:params:scim:schemas:core:2.0:Group:MEMBERS"),
        "members"
    ));
    assert!(wants(None, Some("members.display"), "members"));
    assert!(!wants(Some("displayName"), None, "members"));
    assert!(wants(Some("members.value"), None, "members"));
    let roles = &format!("{USHER}:memberRoles");
    assert!(!wants(None, None, roles), "returned on request only");
    assert!(wants(Some(roles), None, roles));
    assert!(wants(Some(USHER), None, roles));
    assert!(!wants(None, None, "nonsense"));
}

#[test]
fn what_is_returned_on_request_is_shown_on_request() {
    let group = object(
        json!({"id": "g", "displayName": "A", USHER: {"kind": "team", "memberRoles": [{"value": "u", "role": "r"}]}}),
    );
    let apply = |attributes| {
        Projection::parse(attributes, None, &SchemaSet::group())
            .unwrap()
            .apply(&group)
    };
    assert_eq!(apply(None)[USHER], json!({"kind": "team"}));
    assert_eq!(
        apply(Some("memberRoles"))[USHER],
        json!({"memberRoles": [{"value": "u", "role": "r"}]})
    );
}
